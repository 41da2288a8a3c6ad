"""Small-sample covariance of the fixed effects after Kenward & Roger (1997), Biometrics 53:983.

    C_A = C + 2 C {sum_ij W_ij (Q_ij - P_i C P_j - R_ij / 4)} C,
    P_i = d(X'V^-1 X)/dtheta_i,   Q_ij = sum X'P V_i P V_j P X,   R_ij = sum X'P V_ij P X,   P = V^-1,

with W the covariance of theta. Three definitions are in use and differ in W and R; each has its own name here:

``kenward-roger``
    W from the observed information, R = 0: "linear" in the elements of V. SAS DDFM=KR for an unstructured V.
``kenward-roger-mmrm``
    Observed information, R from the second derivatives of V in R mmrm's parameters of an unstructured V: log standard
    deviations and the unit triangle of the Cholesky factor. It depends on that choice.
``kenward-roger-pbkrtest``
    W from the expected information, R = 0: R's pbkrtest and lmerTest.

W_ij Q_ij is summed over i and j before the data are touched, so the cost does not grow with participants.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.likelihood import Evaluation
from ketaoutcomes.mixed.moments import Moments, Scaling
from ketaoutcomes.mixed.satterthwaite import Inference

DEFINITIONS = ("kenward-roger", "kenward-roger-mmrm", "kenward-roger-pbkrtest")


def kenward_roger(at: Evaluation, first: NDArray[np.float64], moments: Moments, scaling: Scaling, definition: str) -> Inference:
    """Inference with the adjusted covariance of the fixed effects.

    Parameters
    ----------
    at
        The REML optimum, k covariance parameters, q fixed effects, T visits.
    first
        V_i there, shape (k, T, T).
    moments, scaling
        The data.
    definition
        One of `DEFINITIONS`.
    """
    w = np.linalg.inv(_expected_information(at, first, moments) if definition == "kenward-roger-pbkrtest" else at.hessian)
    w = np.asarray((w + w.T) / 2, dtype=np.float64)
    second = _weighted_second(at.v, first, w) if definition == "kenward-roger-mmrm" else np.zeros_like(at.v)
    inner = _weighted_q(at, first, w, moments, second) - np.einsum("ij,iqr,rs,jst->qt", w, at.information, at.c, at.information, optimize=True)
    adjusted = at.c + 2 * at.c @ inner @ at.c
    slopes = -at.c @ at.information @ at.c
    return Inference(scaling, at.beta, at.c, slopes, w, (adjusted + adjusted.T) / 2)


def _weighted_q(at: Evaluation, first: NDArray[np.float64], w: NDArray[np.float64], moments: Moments, second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over i, j of W_ij (Q_ij - R_ij / 4): one product with the cross-products of each pattern. `second` is sum W_ij V_ij."""
    q = moments.q
    total = np.zeros((q + 1) ** 2)
    for p in moments.patterns:
        precision = np.linalg.inv(at.v[np.ix_(p.visits, p.visits)])
        v = first[:, p.visits[:, None], p.visits]
        middle = np.einsum("ij,iab,bc,jcd->ad", w, v, precision, v, optimize=True) - second[np.ix_(p.visits, p.visits)] / 4
        total += (precision @ middle @ precision).ravel() @ p.cross
    result = total.reshape(q + 1, q + 1)[:q, :q]
    return (result + result.T) / 2


def _expected_information(at: Evaluation, first: NDArray[np.float64], moments: Moments) -> NDArray[np.float64]:
    """Expected REML information, I_ij = 1/2 sum n tr(U_i U_j) - tr(C Q_ij) + 1/2 tr(C P_i C P_j), U_i = P V_i.

    Harville (1977), JASA 72:320, equation for tr(P* V_i P* V_j) / 2 written with moments.
    """
    k = len(first)
    weights = np.zeros((moments.q + 1, moments.q + 1))
    weights[:-1, :-1] = at.c
    total = np.zeros((k, k))
    for p in moments.patterns:
        m = len(p.visits)
        precision = np.linalg.inv(at.v[np.ix_(p.visits, p.visits)])
        u = precision @ first[:, p.visits[:, None], p.visits]
        leverage = precision @ (p.cross @ weights.ravel()).reshape(m, m)
        total += np.einsum("iab,jbc,ca->ij", u, u, p.n * np.eye(m) / 2 - leverage, optimize=True)
    cb = at.c @ at.information
    total += 0.5 * np.einsum("iqr,jrq->ij", cb, cb, optimize=True)
    return (total + total.T) / 2


def _weighted_second(v: NDArray[np.float64], first: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over i, j of W_ij V_ij in mmrm's parameters of an unstructured V, shape (T, T).

    V = D K K' D, D = exp(diagonal) and K unit lower triangular. W is carried over by d vech V: both sets of parameters
    have the same elements of V, and at an optimum the Hessian transforms with first derivatives alone.
    """
    firsts, seconds = _mmrm_derivatives(v)
    rows, columns = np.tril_indices(len(v))
    ours, theirs = first[:, rows, columns].T, firsts[:, rows, columns].T
    change = np.linalg.solve(theirs, ours)
    return np.asarray(np.einsum("ij,ijab->ab", change @ w @ change.T, seconds, optimize=True), dtype=np.float64)


def _mmrm_derivatives(v: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First, shape (k, T, T), and second, (k, k, T, T), derivatives of V = D K K' D in (log D, K below its diagonal)."""
    t = len(v)
    factor = np.asarray(np.linalg.cholesky(v), dtype=np.float64)
    d = np.diag(factor)
    unit = factor / d[:, None]
    spread = np.outer(d, d)
    # d/d log D_e multiplies element ab by (a = e) + (b = e)
    hits = np.eye(t)[:, :, None] + np.eye(t)[:, None, :]
    rows, columns = np.tril_indices(t, -1)
    moves = np.zeros((len(rows), t, t))
    moves[np.arange(len(rows)), rows, columns] = 1.0
    half = moves @ unit.T
    lower = (half + half.transpose(0, 2, 1)) * spread
    pairs = np.einsum("iac,jbc->ijab", moves, moves)
    pairs = (pairs + pairs.transpose(1, 0, 2, 3)) * spread
    seconds = np.zeros((t + len(rows), t + len(rows), t, t))
    seconds[:t, :t] = hits[:, None] * hits[None] * v
    seconds[:t, t:] = hits[:, None] * lower[None]
    seconds[t:, :t] = seconds[:t, t:].transpose(1, 0, 2, 3)
    seconds[t:, t:] = pairs
    return np.concatenate([hits * v, lower]), seconds
