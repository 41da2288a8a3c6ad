"""The (RE)ML criterion with its gradient and Hessian, from moments alone.

Lindstrom & Bates (1988), JASA 83:1014, and Wolfinger, Tobias & Sall (1994), SIAM J Sci Comput 15:1294, in the notation
P = V^-1 on the visits of a pattern, V_i = dV/dtheta_i, C = (X'PX)^-1, r = y - X b. Everything is in the standardised
coordinates of `moments.Scaling`; additive constants are added by `fit`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ketaoutcomes.mixed.covariance import Structure
from ketaoutcomes.mixed.moments import Moments, Pattern


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The criterion f = -logL (without constants) at one theta, k parameters, q fixed effects, T visits.

    Attributes
    ----------
    value, gradient, hessian
        f, shape (k,), shape (k, k).
    v
        V(theta), shape (T, T).
    score_v
        2 df/dV, shape (T, T): df along a direction D of V is <score_v, D> / 2.
    beta, c
        GLS estimate, shape (q,), and its covariance C = (X'PX)^-1, shape (q, q).
    information
        B_i = d(X'PX)/dtheta_i, shape (k, q, q).
    """

    value: float
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]
    v: NDArray[np.float64]
    score_v: NDArray[np.float64]
    beta: NDArray[np.float64]
    c: NDArray[np.float64]
    information: NDArray[np.float64]


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
                    precision, log_det_p = _inverse(v[np.ix_(p.visits, p.visits)])
                    precisions.append(precision)
                    log_det += p.n * log_det_p
                    products += precision.ravel() @ p.cross
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
        q, t = self.moments.q, self.moments.n_visits
        first, second = self.structure.first(theta), self.structure.second(theta)
        k = len(first)
        weights = _residual_weights(gls.beta, gls.c if self.reml else None)
        score_v = np.zeros((t, t))
        hessian = np.zeros((k, k))
        products = np.zeros((k, (q + 1) ** 2))
        for p, precision in zip(self.moments.patterns, gls.precisions, strict=True):
            score, curvature, product = _pattern_terms(p, precision, first, weights)
            score_v[np.ix_(p.visits, p.visits)] += score
            hessian += curvature
            products += product
        a = products.reshape(k, q + 1, q + 1)
        b = a[:, :q, :q]
        s = a[:, :q, q] - b @ gls.beta
        hessian += 0.5 * np.tensordot(second, score_v, axes=2) - s @ gls.c @ s.T
        if self.reml:
            cb = (gls.c @ b).reshape(k, -1)
            bc = (gls.c @ b).transpose(0, 2, 1).reshape(k, -1)
            hessian -= 0.5 * cb @ bc.T
        gradient = 0.5 * np.tensordot(first, score_v, axes=2)
        return Evaluation(gls.value, gradient, (hessian + hessian.T) / 2, gls.v, score_v, gls.beta, gls.c, b)


def _inverse(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Inverse and log determinant of a positive definite matrix by Cholesky."""
    factor = cho_factor(matrix, lower=True, check_finite=True)
    inverse = np.asarray(cho_solve(factor, np.eye(len(matrix))), dtype=np.float64)
    return (inverse + inverse.T) / 2, 2 * float(np.log(np.diag(factor[0])).sum())


def _residual_weights(beta: NDArray[np.float64], c: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """D with tr(D z_a z_b') = r_a r_b (+ x_a' C x_b), flat, shape ((q + 1)**2,)."""
    direction = np.r_[-beta, 1.0]
    weights = np.outer(direction, direction)
    if c is not None:
        weights[:-1, :-1] += c
    return weights.ravel()


def _pattern_terms(
    pattern: Pattern,
    precision: NDArray[np.float64],
    first: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """One pattern's n P - P E P, shape (m, m), its part of the Hessian, (k, k), and sum z'P_i z, (k, (q + 1)**2)."""
    m, k = len(pattern.visits), len(first)
    e = (pattern.cross @ weights).reshape(m, m)
    pe = precision @ ((e + e.T) / 2)
    u = precision @ first[:, pattern.visits[:, None], pattern.visits]
    flat = u.reshape(k, -1)
    inner = pattern.n * u / -2 + u @ pe
    curvature = flat @ inner.transpose(0, 2, 1).reshape(k, -1).T
    product = -(u @ precision).reshape(k, -1) @ pattern.cross
    return pattern.n * precision - pe @ precision, curvature, product
