"""Estimates, tests and intervals for linear combinations of the fixed effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc, stdtr, stdtrit

from ketaoutcomes.mixed.errors import InvalidContrast
from ketaoutcomes.mixed.satterthwaite import Inference


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its uncertainty, in the unit of the response.

    Attributes
    ----------
    estimate, se
        Point estimate and standard error.
    df
        Satterthwaite degrees of freedom.
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


@dataclass(frozen=True, slots=True)
class JointTest:
    """An F test of several contrasts at once.

    Attributes
    ----------
    f
        Statistic.
    numerator_df, denominator_df
        Rank of the contrasts and Fai-Cornelius degrees of freedom.
    p
        Upper tail probability.
    """

    f: float
    numerator_df: int
    denominator_df: float
    p: float


def contrast(inference: Inference, row: ArrayLike, conf_level: float) -> Estimate:
    """Estimate ``row @ beta`` with a t interval.

    Raises
    ------
    InvalidContrast
        The row has the wrong length, is zero or not finite, or the confidence level is outside (0, 1).
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
    return JointTest(f, numerator, denominator, float(fdtrc(numerator, denominator, f)))


def _checked(inference: Inference, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    q = len(inference.beta)
    if rows.ndim != 2 or rows.shape[1] != q:
        raise InvalidContrast(f"A contrast of this model has {q} weights, one per coefficient; found {rows.shape[-1]}.")
    if not np.isfinite(rows).all() or not rows.any(axis=1).all():
        raise InvalidContrast("A contrast must hold finite weights, at least one of them not 0.")
    return rows
