"""From a fit to estimates and F tests: one covariance of the coefficients and one rule for degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.errors import TooFewParticipants
from ketaoutcomes.mixed.scaling import Scaling

Floats = NDArray[np.float64]
# A squared t with 2 df or fewer has no expectation.
NO_MOMENT = 2.0
SAME_DF = 1e-8
SAME_AXIS = 1e-10
# A variance below this share of the model-based one is rounding of 0.
NO_VARIANCE = 1e-10
# Limits of a t interval with fewer degrees of freedom are beyond 1e20 standard errors, or overflow.
LEAST_DF = 0.05


class DegreesOfFreedom(Protocol):
    """A rule for degrees of freedom. Rows are in the caller's coordinates, `working` the same in those of `Scaling`."""

    def of(self, row: Floats, working: Floats) -> float:
        """Of one contrast, both of shape (q,)."""
        ...

    def joint(self, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
        """F, numerator and denominator df of ``rows @ beta = 0`` for independent rows (r, q), estimates (r,), covariance (r, r)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """What contrasts need; q fixed effects.

    Attributes
    ----------
    scaling
        The way back to the caller's coordinates.
    beta
        Working coefficients, shape (q,).
    used
        The covariance of `beta` that standard errors come from, shape (q, q).
    model
        The model-based covariance of `beta`, which is positive definite, shape (q, q).
    df
        The rule for degrees of freedom.
    """

    scaling: Scaling
    beta: Floats
    used: Floats
    model: Floats
    df: DegreesOfFreedom

    def one_row(self, row: Floats) -> tuple[float, float, float]:
        """Estimate, standard error and degrees of freedom of ``row @ beta``, row of shape (q,).

        Raises
        ------
        TooFewParticipants
            The variance is not positive, or has no degrees of freedom.
        """
        working = self.scaling.contrast(row[None])[0]
        estimate = float(working @ (self.scaling.centre + self.scaling.scale * self.beta))
        # of length 1: the square of a variance would underflow where a covariate is huge
        size = float(np.linalg.norm(working))
        unit = working / size
        variance = float(unit @ self.used @ unit)
        self._require_variance(variance, float(unit @ self.model @ unit))
        df = self.df.of(row, unit)
        if not df >= LEAST_DF:
            raise TooFewParticipants("A standard error has no degrees of freedom: too few participants stand behind it; use fewer terms or df='residual'.")
        return estimate, self.scaling.scale * size * float(np.sqrt(variance)), df

    def _require_variance(self, variance: float, model: float) -> None:
        """A sandwich of fewer participants than coefficients is singular; an adjustment with second derivatives can be negative."""
        if not variance > NO_VARIANCE * model:
            raise TooFewParticipants(
                "The adjusted or sandwich variance of a coefficient or contrast is not positive: too few participants stand behind it; "
                "use errors='model' with df='kenward-roger' or 'satterthwaite', or fewer terms."
            )

    def joint(self, rows: Floats) -> tuple[float, int, float]:
        """F statistic, numerator and denominator degrees of freedom of ``rows @ beta = 0``, rows of shape (r, q).

        Rows that depend on the rows before them are left out: the hypothesis is the same.

        Raises
        ------
        TooFewParticipants
            Too few participants stand behind the rows for a covariance or for degrees of freedom.
        """
        working = self.scaling.contrast(rows)
        # one size for all: the axes of Fai and Cornelius depend on the sizes of the rows beside each other
        size = float(np.linalg.norm(working, axis=1).max())
        rows, working = rows / size, working / size
        # not by Cholesky: a sandwich of few participants is singular
        values, vectors = np.linalg.eigh(self.used)
        kept = _independent(working @ (vectors * np.sqrt(np.maximum(values, 0.0))))
        if len(kept) < len(_independent(working @ np.linalg.cholesky(self.model))):
            self._require_variance(0.0, 1.0)
        rows, working = rows[kept], working[kept]
        estimates = working @ (self.scaling.centre / self.scaling.scale + self.beta)
        f, numerator, denominator = self.df.joint(rows, working, estimates, working @ self.used @ working.T)
        if not (np.isfinite(f) and f >= 0 and denominator > 0):
            raise TooFewParticipants("An F test has no degrees of freedom left: too few participants stand behind it; test single contrasts.")
        return f, numerator, denominator

    def correlation(self, rows: Floats) -> Floats:
        """Correlation of the estimates ``rows @ beta``, shape (r, r)."""
        working = self.scaling.contrast(rows)
        working = working / np.linalg.norm(working, axis=1, keepdims=True)
        covariance = working @ self.used @ working.T
        sd = np.sqrt(np.diag(covariance))
        return covariance / np.outer(sd, sd)


def _independent(rows: Floats) -> list[int]:
    """The rows that do not depend on those before them."""
    basis = np.zeros((0, rows.shape[1]))
    kept: list[int] = []
    for at, row in enumerate(rows):
        rest = row - basis.T @ (basis @ row)
        rest = rest - basis.T @ (basis @ rest)
        if float(rest @ rest) > SAME_AXIS * float(row @ row):
            kept.append(at)
            basis = np.vstack([basis, rest / np.linalg.norm(rest)])
    return kept


def fai_cornelius(of: DegreesOfFreedom, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
    """F of several contrasts from one-row degrees of freedom, Fai & Cornelius (1996), J Stat Comput Simul 54:363.

    Eigenvectors of the covariance of the contrasts give r independent t statistics with df nu_m;
    E = sum nu_m / (nu_m - 2) over nu_m > 2 and the denominator is 2 E / (E - r).
    """
    eigenvalues, vectors = np.linalg.eigh(covariance)
    axes = vectors.T
    t = axes @ estimates / np.sqrt(eigenvalues)
    found = np.array([of.of(axis @ rows, axis @ working) for axis in axes])
    return float(t @ t) / len(t), len(t), _pooled(found)


def _pooled(df: Floats) -> float:
    """Denominator df of a mean of squared t statistics; a t with nu <= 2 has no second moment and adds nothing to E."""
    if float(np.ptp(df)) < SAME_DF * float(df[0]):
        return float(df.mean())
    finite = df[df > NO_MOMENT]
    expected = float((finite / (finite - NO_MOMENT)).sum())
    return 2 * expected / (expected - len(df)) if expected > len(df) else NO_MOMENT
