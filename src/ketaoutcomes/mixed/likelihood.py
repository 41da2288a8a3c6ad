"""The (RE)ML criterion of a marginal model with its gradient and Hessian, from moments alone.

Lindstrom & Bates (1988), JASA 83:1014, and Wolfinger, Tobias & Sall (1994), SIAM J Sci Comput 15:1294, in the notation
P = V^-1 on the visits of a pattern, V_i = dV/dtheta_i, C = (X'PX)^-1, r = y - X b. Everything is in the standardised
coordinates of `scaling`; additive constants are added by `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ketaoutcomes.mixed.covariance import Structure
from ketaoutcomes.mixed.criterion import Evaluation
from ketaoutcomes.mixed.moments import Moments, Pattern

PARTICIPANTS_PER_VISIT = 10


@dataclass(frozen=True, slots=True)
class _Gls:
    value: float
    v: NDArray[np.float64]
    precisions: list[NDArray[np.float64]]
    beta: NDArray[np.float64]
    c: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The criterion of one data set and one structure.

    Attributes
    ----------
    moments
        The data.
    structure
        V(theta).
    reml
        Restricted (True) or full likelihood.
    """

    moments: Moments
    structure: Structure
    reml: bool

    @property
    def few(self) -> bool:
        """Fewer than ten participants for each visit and group: only there were several maxima ever seen."""
        return self.moments.n_subjects < PARTICIPANTS_PER_VISIT * self.moments.most_visits * len(self.moments.groups)

    def value(self, theta: NDArray[np.float64]) -> float:
        """The criterion; infinite where V is not positive definite in floating point."""
        gls = self._gls(theta)
        return np.inf if gls is None else gls.value

    def evaluate(self, theta: NDArray[np.float64]) -> Evaluation | None:
        """The criterion with its derivatives; None where V is not positive definite in floating point."""
        gls = self._gls(theta)
        return None if gls is None else self._derivatives(theta, gls)

    def _gls(self, theta: NDArray[np.float64]) -> _Gls | None:
        """f = 1/2 [sum n log|V| + log|X'PX| (REML) + r'Pr]."""
        q = self.moments.q
        try:
            with np.errstate(over="raise", invalid="raise"):
                v = self.structure.value(theta)
                products = np.zeros((q + 1) ** 2)
                log_det = 0.0
                precisions: list[NDArray[np.float64]] = []
                for p in self.moments.patterns:
                    precision, log_det_p = _inverse(v[np.ix_(self.moments.place(p), self.moments.place(p))])
                    precisions.append(precision)
                    log_det += p.n * log_det_p
                    products += p.weighted(precision[None])[0]
                a = products.reshape(q + 1, q + 1)
                c, log_det_x = _inverse(a[:q, :q])
        except (np.linalg.LinAlgError, FloatingPointError, ValueError):
            return None
        beta = c @ a[:q, q]
        value = 0.5 * (log_det + (log_det_x if self.reml else 0.0) + float(a[q, q] - a[:q, q] @ beta))
        return _Gls(value, v, precisions, beta, c) if np.isfinite(value) else None

    def _derivatives(self, theta: NDArray[np.float64], gls: _Gls) -> Evaluation:
        """Gradient and Hessian.

        With E = sum of r r' (+ X C X' under REML) over the participants of a pattern and U_i = P V_i:

        f_i  = 1/2 sum_p tr[V_i (n P - P E P)]
        f_ij = 1/2 sum_p tr[V_ij (n P - P E P)] - 1/2 sum_p n tr(U_i U_j) + sum_p tr(U_i U_j P E)
               - 1/2 tr(C B_i C B_j) (REML) - s_i' C s_j,    s_i = X'P_i r,  B_i = X'P_i X,  P_i = -P V_i P.
        """
        q, t = self.moments.q, self.moments.size
        first = self.structure.first(theta)
        k = len(first)
        weights = _residual_weights(gls.beta, gls.c if self.reml else None)
        score_v = np.zeros((t, t))
        hessian = np.zeros((k, k))
        products = np.zeros((k, (q + 1) ** 2))
        for p, precision in zip(self.moments.patterns, gls.precisions, strict=True):
            at = np.ix_(self.moments.place(p), self.moments.place(p))
            score, curvature, product = _pattern_terms(p, precision, first[:, *at], weights)
            score_v[at] += score
            hessian += curvature
            products += product
        a = products.reshape(k, q + 1, q + 1)
        b = a[:, :q, :q]
        s = a[:, :q, q] - b @ gls.beta
        hessian += 0.5 * self.structure.second_along(theta, score_v) - s @ gls.c @ s.T
        if self.reml:
            cb = (gls.c @ b).reshape(k, -1)
            bc = (gls.c @ b).transpose(0, 2, 1).reshape(k, -1)
            hessian -= 0.5 * cb @ bc.T
        gradient = 0.5 * np.tensordot(first, score_v, axes=2)
        smallest, worst = self._conditioning(gls.v)
        return Evaluation(gls.value, gradient, (hessian + hessian.T) / 2, gls.beta, gls.c, b, smallest, worst)

    def _conditioning(self, v: NDArray[np.float64]) -> tuple[float, float]:
        """Smallest eigenvalue and largest condition number over the groups' matrices, or over the participants' where nobody has most visits."""
        t = len(self.moments.visits)
        if 2 * self.moments.most_visits < t:
            places = (self.moments.place(p) for p in self.moments.patterns)
            found = [np.linalg.eigvalsh(v[np.ix_(place, place)]) for place in places]
        else:
            found = [np.linalg.eigvalsh(v[at : at + t, at : at + t]) for at in range(0, len(v), t)]
        return float(min(e[0] for e in found)), float(max(e[-1] / e[0] if e[0] > 0 else np.inf for e in found))

    def starts(self) -> list[NDArray[np.float64]]:
        """Those of the structure."""
        return self.structure.starts(*self.moments.residual_products())

    def weighted_q(self, theta: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over i, j of w_ij Q_ij: w is contracted first, so one product with the cross-products of each pattern."""
        first = self.structure.first(theta)
        return self._over_patterns(theta, lambda v, p: np.einsum("ij,iab,bc,jcd->ad", w, v, p, v, optimize=True), first)

    def weighted_r(self, theta: NDArray[np.float64], weighted_second: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum X'P S P X, shape (q, q), for S = sum of w_ij V_ij, shape (T, T)."""
        return self._over_patterns(theta, lambda s, _: s[0], weighted_second[None])

    def _over_patterns(
        self, theta: NDArray[np.float64], middle: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]], of: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        q, v = self.moments.q, self.structure.value(theta)
        total = np.zeros((q + 1) ** 2)
        for p in self.moments.patterns:
            at = np.ix_(self.moments.place(p), self.moments.place(p))
            precision = _inverse(v[at])[0]
            total += p.weighted((precision @ middle(of[:, *at], precision) @ precision)[None])[0]
        result = total.reshape(q + 1, q + 1)[:q, :q]
        return (result + result.T) / 2

    def expected_information(self, theta: NDArray[np.float64], at: Evaluation) -> NDArray[np.float64]:
        """I_ij = 1/2 sum n tr(U_i U_j) - tr(C Q_ij) + 1/2 tr(C B_i C B_j), U_i = P V_i.

        Harville (1977), JASA 72:320, the equation for tr(P* V_i P* V_j) / 2 written with moments.
        """
        first, v = self.structure.first(theta), self.structure.value(theta)
        weights = np.zeros((self.moments.q + 1, self.moments.q + 1))
        weights[:-1, :-1] = at.c
        total = np.zeros((len(theta), len(theta)))
        for p in self.moments.patterns:
            m, where = len(p.visits), np.ix_(self.moments.place(p), self.moments.place(p))
            precision = _inverse(v[where])[0]
            u = precision @ first[:, *where]
            leverage = precision @ p.quadratic(weights)
            total += np.einsum("iab,jbc,ca->ij", u, u, p.n * np.eye(m) / 2 - leverage, optimize=True)
        cb = at.c @ at.information
        total += 0.5 * np.einsum("iqr,jrq->ij", cb, cb, optimize=True)
        return (total + total.T) / 2


def _inverse(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Inverse and log determinant of a positive definite matrix by Cholesky."""
    factor = cho_factor(matrix, lower=True, check_finite=True)
    inverse = np.asarray(cho_solve(factor, np.eye(len(matrix))), dtype=np.float64)
    return (inverse + inverse.T) / 2, 2 * float(np.log(np.diag(factor[0])).sum())


def _residual_weights(beta: NDArray[np.float64], c: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """D with z_a' D z_b = r_a r_b (+ x_a' C x_b), shape (q + 1, q + 1)."""
    direction = np.r_[-beta, 1.0]
    weights = np.outer(direction, direction)
    if c is not None:
        weights[:-1, :-1] += c
    return weights


def _pattern_terms(
    pattern: Pattern,
    precision: NDArray[np.float64],
    first: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """One pattern's n P - P E P, shape (m, m), its part of the Hessian, (k, k), and sum z'P_i z, (k, (q + 1)**2)."""
    k = len(first)
    e = pattern.quadratic(weights)
    pe = precision @ e
    u = precision @ first
    flat = u.reshape(k, -1)
    inner = pattern.n * u / -2 + u @ pe
    curvature = flat @ inner.transpose(0, 2, 1).reshape(k, -1).T
    product = -pattern.weighted(u @ precision)
    return pattern.n * precision - pe @ precision, curvature, product
