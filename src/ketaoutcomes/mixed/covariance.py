"""Covariance structures: V(theta) over T visits with its first and second derivatives.

A structure is one small class with the methods of `Structure`; the likelihood needs nothing else. All act on the
standardised response, whose OLS residual variance is 1. The structures with fewer parameters are in `correlation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PARTICIPANTS_PER_VISIT = 10


class Structure(Protocol):
    """What the likelihood asks of a covariance structure with k parameters over T visits."""

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V, shape (T, T)."""
        ...

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """dV / dtheta_i, shape (k, T, T)."""
        ...

    def second_along(self, theta: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """<d2V / dtheta_i dtheta_j, weight>, shape (k, k), for a symmetric weight of shape (T, T)."""
        ...

    def starts(self, products: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Starting values, each of shape (k,), the best guess first.

        `products` are sums of products of OLS residuals by pair of visits, `counts` the participants behind each,
        both of shape (T, T).
        """
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

    def _factor(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        factor = np.zeros((len(self.sd), len(self.sd)))
        factor[np.tril_indices(len(self.sd))] = theta
        np.fill_diagonal(factor, np.exp(np.diag(factor)))
        return factor

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V = D L L' D."""
        factor = self.sd[:, None] * self._factor(theta)
        return factor @ factor.T

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """V_i = D (L_i L' + L L_i') D, L_i one element: exp(theta_i) on the diagonal, 1 below."""
        factor = self._factor(theta)
        rows, columns, size = self._elements(factor)
        half = np.zeros((len(rows), len(self.sd), len(self.sd)))
        half[np.arange(len(rows)), rows] = size[:, None] * factor.T[columns]
        return (half + half.transpose(0, 2, 1)) * np.outer(self.sd, self.sd)

    def second_along(self, theta: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """V_ij = D (L_i L_j' + L_j L_i') D, on the log-diagonal also D (L_ii L' + L L_ii') D, where L_ii = L_i."""
        factor = self._factor(theta)
        rows, columns, size = self._elements(factor)
        scaled = weight * np.outer(self.sd, self.sd)
        result = 2 * np.outer(size, size) * scaled[np.ix_(rows, rows)] * (columns[:, None] == columns)
        diagonal = np.flatnonzero(rows == columns)
        result[diagonal, diagonal] += 2 * np.diag(factor) * np.diag(scaled @ factor)
        return result

    def _elements(self, factor: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Row, column and d L / d theta of each element of the triangle."""
        rows, columns = np.tril_indices(len(self.sd))
        return rows, columns, np.where(rows == columns, factor[rows, columns], 1.0)

    def starts(self, products: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Pairwise correlations of the OLS residuals, ridged to positive definite, much and little; and equal correlations."""
        pairwise = products / counts / np.outer(self.sd, self.sd)
        compound = [(1 - r) * np.eye(len(self.sd)) + r for r in (0.5, 0.2, 0.8, 0.95)]
        return [self._theta(correlation) for correlation in [_ridged(pairwise, 0.05), *compound, _ridged(pairwise, 0.001)]]

    def _theta(self, correlation: NDArray[np.float64]) -> NDArray[np.float64]:
        factor = np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
        np.fill_diagonal(factor, np.log(np.diag(factor)))
        return factor[np.tril_indices(len(self.sd))]


def unstructured(products: NDArray[np.float64], counts: NDArray[np.float64]) -> Unstructured:
    """The unstructured matrix in the spread of the data; every visit must have participants and residual variation."""
    return Unstructured(np.sqrt(np.diag(products) / np.diag(counts)))


def _ridged(correlation: NDArray[np.float64], smallest: float) -> NDArray[np.float64]:
    """Shrink correlations towards 0 until their matrix has no eigenvalue below `smallest`."""
    shortfall = smallest - float(np.linalg.eigvalsh(correlation)[0])
    weight = max(0.0, shortfall / (shortfall + 1 - smallest))
    return (1 - weight) * correlation + weight * np.eye(len(correlation))


@dataclass(frozen=True, slots=True)
class ByGroup:
    """A matrix of its own for each group of participants: V is block diagonal over groups, theta is in their order.

    Attributes
    ----------
    parts
        One structure per group, all over the same number of visits.
    sizes
        Number of parameters of each.
    n_visits
        Visits in each block.
    """

    parts: tuple[Structure, ...]
    sizes: tuple[int, ...]
    n_visits: int

    def _split(self, theta: NDArray[np.float64]) -> list[tuple[Structure, NDArray[np.float64], slice, slice]]:
        """Each part with its theta, its place in theta and its block of V."""
        ends = np.cumsum(self.sizes)
        found: list[tuple[Structure, NDArray[np.float64], slice, slice]] = []
        for g, (part, end, size) in enumerate(zip(self.parts, ends, self.sizes, strict=True)):
            place = slice(int(end) - size, int(end))
            found.append((part, theta[place], place, slice(g * self.n_visits, (g + 1) * self.n_visits)))
        return found

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Block diagonal of the groups' matrices."""
        total = len(self.parts) * self.n_visits
        result = np.zeros((total, total))
        for part, own, _, block in self._split(theta):
            result[block, block] = part.value(own)
        return result

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each parameter moves its own block."""
        total = len(self.parts) * self.n_visits
        result = np.zeros((len(theta), total, total))
        for part, own, place, block in self._split(theta):
            result[place, block, block] = part.first(own)
        return result

    def second_along(self, theta: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Parameters of different groups have no mixed derivative."""
        result = np.zeros((len(theta), len(theta)))
        for part, own, place, block in self._split(theta):
            result[place, place] = part.second_along(own, weight[block, block])
        return result

    def starts(self, products: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The first start of every group together, the second, and so on."""
        blocks = [slice(g * self.n_visits, (g + 1) * self.n_visits) for g in range(len(self.parts))]
        by_part = [part.starts(products[b, b], counts[b, b]) for part, b in zip(self.parts, blocks, strict=True)]
        most = max(len(starts) for starts in by_part)
        return [np.concatenate([starts[min(k, len(starts) - 1)] for starts in by_part]) for k in range(most)]


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

    def second_along(self, theta: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """4 s_e^2 tr(weight)."""
        return 4 * np.exp(2 * theta[0]) * np.trace(weight)[None, None]

    def starts(self, products: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:  # noqa: ARG002 - the protocol's signature
        """The OLS residual variance, which is 1 after standardisation."""
        return [np.zeros(1)]
