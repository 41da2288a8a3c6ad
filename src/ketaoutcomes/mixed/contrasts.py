"""Estimates, tests and intervals for linear combinations of the fixed effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, fdtrc, stdtr, stdtrit

from ketaoutcomes.mixed import multiplicity
from ketaoutcomes.mixed.design import Frame, table
from ketaoutcomes.mixed.errors import InvalidContrast
from ketaoutcomes.mixed.inference import Inference

NO_CONTRASTS = "There are no contrasts to test: the model holds every difference at 0, or there is one level."
# Products of larger weights overflow.
LARGEST_WEIGHT = 1e100


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its uncertainty, in the unit of the response.

    Attributes
    ----------
    estimate, se
        Point estimate and standard error.
    df
        Degrees of freedom.
    t, p
        Statistic and two-sided p-value against 0.
    lower, upper
        Confidence limits.
    """

    estimate: float
    se: float
    df: float
    t: float
    p: float
    lower: float
    upper: float

    def row(self) -> dict[str, float]:
        """The numbers under the names of `Fit.tidy`."""
        return {
            "estimate": self.estimate,
            "std_error": self.se,
            "df": self.df,
            "t": self.t,
            "p_value": self.p,
            "conf_low": self.lower,
            "conf_high": self.upper,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Contrast(Estimate):
    """A named linear combination of the coefficients.

    Attributes
    ----------
    label
        Such as ``ketamine - placebo, visit 28``.
    cell
        Level of each factor that both means share, such as ``{"visit": "28"}``.
    weights
        Shape (q,).
    """

    label: str
    cell: Mapping[str, str]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts(Sequence[Contrast]):
    """A family of contrasts.

    Attributes
    ----------
    members
        The contrasts.
    """

    members: tuple[Contrast, ...]
    _inference: Inference
    _conf_level: float

    @overload
    def __getitem__(self, index: int) -> Contrast: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Contrast]: ...
    def __getitem__(self, index: int | slice) -> Contrast | Sequence[Contrast]:
        return self.members[index]

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Contrast]:
        return iter(self.members)

    def tidy(self) -> Frame:
        """One row per contrast: contrast, estimate, std_error, df, t, p_value, conf_low, conf_high."""
        return table([{"contrast": member.label, **member.row()} for member in self.members])

    def adjusted(self, method: str) -> Frame:
        """`tidy` with p values for the whole family, and simultaneous limits where the method has them.

        Parameters
        ----------
        method
            ``holm``, ``hochberg``, ``bonferroni``, or ``dunnett``: the joint t distribution of the estimates; see
            `multiplicity`. Holm and Hochberg have no intervals: their limits are missing.
        """
        if not self.members:
            raise InvalidContrast(NO_CONTRASTS)
        t, df = np.array([m.t for m in self.members]), np.array([m.df for m in self.members])
        p = np.array([m.p for m in self.members])
        correlation = self._inference.correlation(np.array([m.weights for m in self.members]))
        found = multiplicity.adjust(method, t, p, df, correlation, self._conf_level)
        result = self.tidy()
        half = found.critical * result["std_error"]
        return result.assign(p_value=found.p, conf_low=result["estimate"] - half, conf_high=result["estimate"] + half)

    def joint_test(self) -> JointTest:
        """F test that all of them are 0."""
        if not self.members:
            raise InvalidContrast(NO_CONTRASTS)
        return joint_test(self._inference, np.array([m.weights for m in self.members]))


@dataclass(frozen=True, slots=True)
class JointTest:
    """An F test of several contrasts at once.

    Attributes
    ----------
    f
        Statistic.
    numerator_df, denominator_df
        Rank of the contrasts and denominator degrees of freedom.
    p
        Upper tail probability.
    """

    f: float
    numerator_df: int
    denominator_df: float
    p: float

    def row(self) -> dict[str, float]:
        """The numbers under the names of a table."""
        return {"f": self.f, "numerator_df": self.numerator_df, "denominator_df": self.denominator_df, "p_value": self.p}


def contrast(inference: Inference, row: ArrayLike, conf_level: float) -> Estimate:
    """Estimate ``row @ beta`` with a t interval.

    Raises
    ------
    InvalidContrast
        The row has the wrong length, is zero or not finite, or the confidence level is outside (0, 1).
    TooFewParticipants
        The standard error is not positive or has no degrees of freedom.
    """
    if not 0 < conf_level < 1:
        raise InvalidContrast(f"The confidence level is {conf_level}; give a number between 0 and 1, such as 0.95.")
    checked = _checked(inference, np.atleast_2d(np.asarray(row, dtype=np.float64)))
    if len(checked) != 1:
        raise InvalidContrast("A contrast is one row; for several rows at once use joint_test.")
    estimate, se, df = inference.one_row(checked[0])
    t = estimate / se
    half = se * float(stdtrit(df, (1 + conf_level) / 2))
    return Estimate(estimate, se, df, t, 2 * float(stdtr(df, -abs(t))), estimate - half, estimate + half)


def joint_test(inference: Inference, rows: ArrayLike) -> JointTest:
    """Test ``rows @ beta = 0``, rows of shape (r, q).

    Raises
    ------
    InvalidContrast
        As for `contrast`.
    """
    f, numerator, denominator = inference.joint(_checked(inference, np.atleast_2d(np.asarray(rows, dtype=np.float64))))
    p = chdtrc(numerator, numerator * f) if np.isinf(denominator) else fdtrc(numerator, denominator, f)
    return JointTest(f, numerator, denominator, float(p))


def _checked(inference: Inference, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    q = len(inference.beta)
    if rows.ndim != 2 or rows.shape[1] != q:
        raise InvalidContrast(f"A contrast of this model has {q} weights, one per coefficient; found {rows.shape[-1]}.")
    if not len(rows) or not (np.abs(rows) <= LARGEST_WEIGHT).all() or not rows.any(axis=1).all():
        raise InvalidContrast(f"A contrast must hold finite weights of at most {LARGEST_WEIGHT:.0e}, at least one of them not 0.")
    return rows
