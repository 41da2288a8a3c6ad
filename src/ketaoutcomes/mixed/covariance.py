"""Covariance structures: V(theta) over T visits with its first and second derivatives.

A structure is one small class with the methods of `Structure`; the likelihood needs nothing else. All act on the
standardised response, whose OLS residual variance is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.errors import NearSingularCovariance
from ketaoutcomes.mixed.moments import Moments

LARGEST_CONDITION = 1e12
NEAR_SINGULAR = 1e8
SMALLEST_START = 0.05
PARTICIPANTS_PER_VISIT = 10


def condition(v: NDArray[np.float64]) -> float:
    """Ratio of the largest to the smallest eigenvalue of V, shape (T, T); infinite if V is not positive definite."""
    eigenvalues = np.linalg.eigvalsh(v)
    return float(eigenvalues[-1] / eigenvalues[0]) if eigenvalues[0] > 0 else np.inf


def require_regular(v: NDArray[np.float64]) -> None:
    """Raise NearSingularCovariance where V, shape (T, T), has a condition number above 1e12."""
    found = condition(v)
    if found > LARGEST_CONDITION:
        raise NearSingularCovariance(
            f"The covariance matrix has condition number {found:.1e}, above {LARGEST_CONDITION:.0e}: some visits carry "
            "the same information, or there are too few participants for this structure; drop a visit or simplify it."
        )


class Structure(Protocol):
    """What the likelihood asks of a covariance structure with k parameters over T visits."""

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V, shape (T, T)."""
        ...

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """dV / dtheta_i, shape (k, T, T)."""
        ...

    def second(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """d2V / dtheta_i dtheta_j, shape (k, k, T, T)."""
        ...

    def starts(self, moments: Moments) -> list[NDArray[np.float64]]:
        """Starting values, each of shape (k,); the fit tries all of them."""
        ...


@dataclass(frozen=True, slots=True)
class Unstructured:
    """Any positive definite matrix, as V = D L L' D with L lower triangular and log-diagonal (Pinheiro & Bates 1996).

    theta holds the lower triangle of L by rows, the diagonal as logarithms, so every theta is a covariance matrix.
    D is fixed and only makes the steps of the optimiser independent of the spread of each visit.

    Attributes
    ----------
    sd
        Diagonal of D, shape (T,): standard deviations of the OLS residuals.
    """

    sd: NDArray[np.float64]

    @property
    def n_visits(self) -> int:
        """T."""
        return len(self.sd)

    def _factor(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        factor = np.zeros((self.n_visits, self.n_visits))
        factor[np.tril_indices(self.n_visits)] = theta
        np.fill_diagonal(factor, np.exp(np.diag(factor)))
        return factor

    def _factor_first(self, factor: NDArray[np.float64]) -> NDArray[np.float64]:
        """dL / dtheta_i, shape (k, T, T): one element each; d exp(t) = exp(t) on the diagonal."""
        rows, columns = np.tril_indices(self.n_visits)
        result = np.zeros((len(rows), self.n_visits, self.n_visits))
        result[np.arange(len(rows)), rows, columns] = np.where(rows == columns, factor[rows, columns], 1.0)
        return result

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V = D L L' D."""
        factor = self.sd[:, None] * self._factor(theta)
        return factor @ factor.T

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V_i = D (L_i L' + L L_i') D."""
        factor = self._factor(theta)
        half = self._factor_first(factor) @ factor.T
        return (half + half.transpose(0, 2, 1)) * np.outer(self.sd, self.sd)

    def second(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V_ij = D (L_i L_j' + L_j L_i') D, on the log-diagonal also D (L_ii L' + L L_ii') D, where L_ii = L_i."""
        factor = self._factor(theta)
        d = self._factor_first(factor)
        result = np.einsum("iac,jbc->ijab", d, d)
        result = result + result.transpose(1, 0, 2, 3)
        rows, columns = np.tril_indices(self.n_visits)
        for i in np.flatnonzero(rows == columns):
            half = d[i] @ factor.T
            result[i, i] += half + half.T
        return result * np.outer(self.sd, self.sd)

    def starts(self, moments: Moments) -> list[NDArray[np.float64]]:
        """Pairwise correlations of the OLS residuals, ridged to positive definite; and equal correlations.

        Several maxima were only ever seen with few participants per visit, so only there are more starts tried.
        """
        products, counts = moments.residual_products()
        pairwise = products / counts / np.outer(self.sd, self.sd)
        equal = (0.5,) if moments.n_subjects >= PARTICIPANTS_PER_VISIT * self.n_visits else (0.2, 0.5, 0.8)
        compound = [(1 - r) * np.eye(self.n_visits) + r for r in equal]
        return [self._theta(correlation) for correlation in [_ridged(pairwise), *compound]]

    def _theta(self, correlation: NDArray[np.float64]) -> NDArray[np.float64]:
        factor = np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
        np.fill_diagonal(factor, np.log(np.diag(factor)))
        return factor[np.tril_indices(self.n_visits)]


def unstructured(moments: Moments) -> Unstructured:
    """The unstructured matrix in the spread of the data; every visit must have residual variation."""
    products, counts = moments.residual_products()
    return Unstructured(np.sqrt(np.diag(products) / np.diag(counts)))


def _ridged(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shrink correlations towards 0 until their matrix has no eigenvalue below 0.05."""
    shortfall = SMALLEST_START - float(np.linalg.eigvalsh(correlation)[0])
    weight = max(0.0, shortfall / (shortfall + 1 - SMALLEST_START))
    return (1 - weight) * correlation + weight * np.eye(len(correlation))


@dataclass(frozen=True, slots=True)
class RandomIntercept:
    """V = s_e^2 I + s_u^2 J within a participant, in the strata of `moments.by_row_count`.

    There V is diagonal with elements s_e^2 + n s_u^2, n the number of rows (0 in the within stratum).
    theta = (s_u, log s_e): s_u is linear so that the fit can land on 0 exactly.

    Attributes
    ----------
    rows
        n by stratum, shape (T,), the first 0.
    """

    rows: NDArray[np.intp]

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """diag(s_e^2 + n s_u^2)."""
        return np.diag(np.exp(2 * theta[1]) + self.rows * theta[0] ** 2)

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """diag(2 n s_u) and 2 s_e^2 I."""
        identity = np.eye(len(self.rows))
        return np.stack([np.diag(2.0 * self.rows * theta[0]), 2 * np.exp(2 * theta[1]) * identity])

    def second(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """diag(2 n), 4 s_e^2 I and 0 off the diagonal."""
        t = len(self.rows)
        result = np.zeros((2, 2, t, t))
        result[0, 0] = np.diag(2.0 * self.rows)
        result[1, 1] = 4 * np.exp(2 * theta[1]) * np.eye(t)
        return result

    def starts(self, moments: Moments) -> list[NDArray[np.float64]]:  # noqa: ARG002 - the protocol's signature
        """Three intraclass correlations at total variance 1: the criterion may have two minima off balance."""
        shares = np.array([0.05, 0.5, 0.95])
        return [np.array([np.sqrt(share), 0.5 * np.log1p(-share)]) for share in shares]

    def without_intercept(self) -> Independent:
        """The structure on the boundary s_u = 0."""
        return Independent(len(self.rows))

    def variance_direction(self) -> NDArray[np.float64]:
        """dV / d(s_u^2), shape (T, T): the direction off the boundary."""
        return np.diag(self.rows.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Independent:
    """V = s_e^2 I, theta = (log s_e,).

    Attributes
    ----------
    n_visits
        T.
    """

    n_visits: int

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """s_e^2 I."""
        return np.exp(2 * theta[0]) * np.eye(self.n_visits)

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """2 s_e^2 I."""
        return 2 * self.value(theta)[None]

    def second(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """4 s_e^2 I."""
        return 4 * self.value(theta)[None, None]

    def starts(self, moments: Moments) -> list[NDArray[np.float64]]:  # noqa: ARG002 - the protocol's signature
        """The OLS residual variance, which is 1 after standardisation."""
        return [np.zeros(1)]
