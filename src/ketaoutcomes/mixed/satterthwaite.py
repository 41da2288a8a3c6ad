"""Degrees of freedom for contrasts of fixed effects after Satterthwaite (1946), Biometrics Bulletin 2:110.

For one row l with v = l'Cl, C = (X'V^-1 X)^-1, the estimate of v is matched to a scaled chi-square:
df = 2 v^2 / (g'W g), g = dv/dtheta, W the inverse of the observed information of theta (Giesbrecht & Burns 1985,
Biometrics 41:477, with observed information as SAS and R's lmerTest and mmrm take it). g'W g does not depend on how V
is parametrised. Several rows follow Fai & Cornelius (1996), J Stat Comput Simul 54:363.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.likelihood import Evaluation
from ketaoutcomes.mixed.moments import Scaling

# A squared t with 2 df or fewer has no expectation.
NO_MOMENT = 2.0
SAME_DF = 1e-8
SAME_AXIS = 1e-10


@dataclass(frozen=True, slots=True)
class Inference:
    """What contrasts need, in the working coordinates of `Scaling`; k free covariance parameters, q fixed effects.

    Attributes
    ----------
    scaling
        The way back to the caller's coordinates.
    beta
        Working coefficients, shape (q,).
    c
        Their covariance, shape (q, q).
    slopes
        dC / dtheta_i = -C B_i C, shape (k, q, q).
    w
        Covariance of theta, shape (k, k).
    adjusted
        Kenward-Roger's covariance of the coefficients, shape (q, q); None: `c` is used as it is.
    """

    scaling: Scaling
    beta: NDArray[np.float64]
    c: NDArray[np.float64]
    slopes: NDArray[np.float64]
    w: NDArray[np.float64]
    adjusted: NDArray[np.float64] | None = None

    @property
    def used(self) -> NDArray[np.float64]:
        """The covariance that standard errors come from."""
        return self.c if self.adjusted is None else self.adjusted

    def one_row(self, row: NDArray[np.float64]) -> tuple[float, float, float]:
        """Estimate, standard error and degrees of freedom of ``row @ beta``, row of shape (q,)."""
        working = self.scaling.contrast(row[None])[0]
        estimate = float(working @ (self.scaling.centre + self.scaling.scale * self.beta))
        variance = float(working @ self.used @ working)
        return estimate, self.scaling.scale * float(np.sqrt(variance)), self._df(working)

    def joint(self, rows: NDArray[np.float64]) -> tuple[float, int, float]:
        """F statistic, numerator and denominator degrees of freedom of ``rows @ beta = 0``, rows of shape (r, q).

        Eigenvectors of the covariance of the contrasts give r independent t statistics with df nu_m;
        E = sum nu_m / (nu_m - 2) over nu_m > 2 and the denominator is 2 E / (E - r).
        """
        working = self.scaling.contrast(rows)
        if self.adjusted is not None:
            return self._kenward_roger_f(working)
        eigenvalues, vectors = np.linalg.eigh(working @ self.c @ working.T)
        kept = eigenvalues > SAME_AXIS * eigenvalues[-1]
        axes = vectors.T[kept] @ working
        coefficients = self.scaling.centre / self.scaling.scale + self.beta
        t = axes @ coefficients / np.sqrt(eigenvalues[kept])
        return float(t @ t) / len(t), len(t), _pooled_df(np.array([self._df(axis) for axis in axes]))

    def _kenward_roger_f(self, working: NDArray[np.float64]) -> tuple[float, int, float]:
        """Scaled F and its denominator df, Kenward & Roger (1997), section 4; rows must be independent."""
        count = len(working)
        theta = working.T @ np.linalg.solve(working @ self.c @ working.T, working)
        products = theta @ self.slopes
        traces = np.trace(products, axis1=1, axis2=2)
        a1 = float(traces @ self.w @ traces)
        a2 = float(np.einsum("ij,iqr,jrq->", self.w, products, products, optimize=True))
        b = (a1 + 6 * a2) / (2 * count)
        g = ((count + 1) * a1 - (count + 4) * a2) / ((count + 2) * a2)
        denominator = 3 * count + 2 * (1 - g)
        c1, c2, c3 = g / denominator, (count - g) / denominator, (count + 2 - g) / denominator
        expected = 1 / (1 - a2 / count)
        spread = 2 / count * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = spread / (2 * expected**2)
        df = 4 + (count + 2) / (count * rho - 1)
        scale = df / (expected * (df - 2))
        contrasts = working @ (self.scaling.centre / self.scaling.scale + self.beta)
        f = float(contrasts @ np.linalg.solve(working @ self.used @ working.T, contrasts)) / count
        return scale * f, count, df

    def _df(self, working: NDArray[np.float64]) -> float:
        variance = float(working @ self.c @ working)
        slope = np.einsum("q,kqr,r->k", working, self.slopes, working)
        return 2 * variance**2 / float(slope @ self.w @ slope)


def inference(at: Evaluation, scaling: Scaling) -> Inference:
    """Inference at an optimum; its Hessian is positive definite."""
    slopes = -at.c @ at.information @ at.c
    return Inference(scaling, at.beta, at.c, slopes, np.asarray(np.linalg.inv(at.hessian), dtype=np.float64))


def _pooled_df(df: NDArray[np.float64]) -> float:
    """Denominator df of a mean of squared t statistics; a t with nu <= 2 has no second moment and adds nothing to E."""
    if float(np.ptp(df)) < SAME_DF * float(df[0]):
        return float(df.mean())
    finite = df[df > NO_MOMENT]
    expected = float((finite / (finite - NO_MOMENT)).sum())
    return 2 * expected / (expected - len(df)) if expected > len(df) else NO_MOMENT
