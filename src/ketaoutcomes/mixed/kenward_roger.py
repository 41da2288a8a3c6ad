"""Small-sample covariance of the fixed effects after Kenward & Roger (1997), Biometrics 53:983.

    C_A = C + 2 C {sum_ij W_ij (Q_ij - P_i C P_j - R_ij / 4)} C,
    P_i = d(X'V^-1 X)/dtheta_i,   Q_ij = sum X'P V_i P V_j P X,   R_ij = sum X'P V_ij P X,   P = V^-1,

with W the covariance of theta. Three definitions are in use and differ in W and R; each has its own name here:

``kenward-roger``
    W from the observed information, R = 0: "linear" in the elements of V. SAS DDFM=KR for an unstructured V.
``kenward-roger-mmrm``
    Observed information, R from the second derivatives of V in R mmrm's parameters: log standard deviations beside the
    unit triangle of the Cholesky factor, or mapped correlations. It depends on that choice.
``kenward-roger-pbkrtest``
    W from the expected information, R = 0: R's pbkrtest and lmerTest.

W_ij Q_ij is summed over i and j before the data are touched, so the cost does not grow with participants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.correlation import SpatialExponential, Structured
from ketaoutcomes.mixed.covariance import ByGroup, Structure, Unstructured
from ketaoutcomes.mixed.criterion import Criterion
from ketaoutcomes.mixed.errors import InvalidTerms, TooFewParticipants
from ketaoutcomes.mixed.inference import NO_MOMENT
from ketaoutcomes.mixed.likelihood import Likelihood
from ketaoutcomes.mixed.newton import Optimum
from ketaoutcomes.mixed.satterthwaite import Satterthwaite, satterthwaite

Floats = NDArray[np.float64]
DEFINITIONS = ("kenward-roger", "kenward-roger-mmrm", "kenward-roger-pbkrtest")


@dataclass(frozen=True, slots=True, eq=False)
class KenwardRoger:
    """Satterthwaite's df for one row (they are the same: one W); a scaled F for several.

    Attributes
    ----------
    one
        The rule for one row.
    """

    one: Satterthwaite

    def of(self, row: Floats, working: Floats) -> float:
        """As Satterthwaite."""
        return self.one.of(row, working)

    def joint(self, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
        """Scaled F and its denominator df, Kenward & Roger (1997), section 4; of one row it is t squared.

        Raises
        ------
        TooFewParticipants
            The F has no mean or no variance that a scaled F distribution could have.
        """
        count = len(rows)
        if count == 1:
            return float(estimates[0] ** 2 / covariance[0, 0]), 1, self.one.of(rows[0], working[0])
        theta = working.T @ np.linalg.solve(working @ self.one.c @ working.T, working)
        products = theta @ self.one.slopes
        traces = np.trace(products, axis1=1, axis2=2)
        a1 = float(traces @ self.one.w @ traces)
        a2 = float(np.einsum("ij,iqr,jrq->", self.one.w, products, products, optimize=True))
        b = (a1 + 6 * a2) / (2 * count)
        g = ((count + 1) * a1 - (count + 4) * a2) / ((count + 2) * a2)
        denominator = 3 * count + 2 * (1 - g)
        c1, c2, c3 = g / denominator, (count - g) / denominator, (count + 2 - g) / denominator
        # 1 / mean of F, and its variance by its square over 2: spread in the place of rho, both finite where F has them
        reciprocal, below = 1 - a2 / count, count * (1 - c2 * b) ** 2 * (1 - c3 * b)
        rho = (1 + c1 * b) * reciprocal**2 / below if below > 0 < reciprocal else np.nan
        df = 4 + (count + 2) / (count * rho - 1) if count * rho > 1 else np.nan
        if not df > NO_MOMENT:
            raise TooFewParticipants(
                "Kenward and Roger's F test of several contrasts has no mean or variance here: too few participants; test single contrasts, "
                "or use df='satterthwaite'."
            )
        scale = df * reciprocal / (df - 2)
        f = float(estimates @ np.linalg.solve(covariance, estimates)) / count
        return scale * f, count, df


def kenward_roger(criterion: Criterion, optimum: Optimum, definition: str) -> tuple[Floats, KenwardRoger]:
    """Adjusted covariance of the working coefficients, shape (q, q), and the rule for df, at a REML optimum.

    Raises
    ------
    InvalidTerms
        "kenward-roger-mmrm" is asked of a model that mmrm does not fit.
    """
    at, theta = optimum.at, optimum.theta
    w = np.linalg.inv(criterion.expected_information(theta, at) if definition == "kenward-roger-pbkrtest" else at.hessian)
    w = np.asarray((w + w.T) / 2, dtype=np.float64)
    inner = criterion.weighted_q(theta, w) - np.einsum("ij,iqr,rs,jst->qt", w, at.information, at.c, at.information, optimize=True)
    if definition == "kenward-roger-mmrm":
        if not isinstance(criterion, Likelihood):
            raise InvalidTerms("'kenward-roger-mmrm' is defined for the covariance structures of mmrm; use 'kenward-roger'.")
        inner = inner - criterion.weighted_r(theta, _weighted_second(criterion.structure, theta, w)) / 4
    adjusted = at.c + 2 * at.c @ inner @ at.c
    return (adjusted + adjusted.T) / 2, KenwardRoger(satterthwaite(at, w))


def _weighted_second(structure: Structure, theta: Floats, w: Floats) -> Floats:
    """Sum over i, j of w_ij V_ij in mmrm's parameters, shape (T, T).

    The structures of `correlation` have mmrm's parameters. For an unstructured V = D K K' D, D = exp(diagonal) and K
    unit lower triangular, W is carried over by d vech V: both sets of parameters have the same elements of V, and at an
    optimum the Hessian transforms with first derivatives alone.
    """
    if isinstance(structure, ByGroup):
        ends = np.cumsum(structure.sizes)
        blocks = [
            _weighted_second(part, theta[end - size : end], w[end - size : end, end - size : end])
            for part, size, end in zip(structure.parts, structure.sizes, ends, strict=True)
        ]
        total = len(blocks) * structure.n_visits
        result = np.zeros((total, total))
        for g, block in enumerate(blocks):
            at = slice(g * structure.n_visits, (g + 1) * structure.n_visits)
            result[at, at] = block
        return result
    if isinstance(structure, Structured) and not isinstance(structure.correlation, SpatialExponential):
        return _second_sum(structure, theta, w)
    if not isinstance(structure, Unstructured):
        raise InvalidTerms("'kenward-roger-mmrm' is not defined for this covariance; use 'kenward-roger'.")
    v = structure.value(theta)
    firsts, seconds = _mmrm_derivatives(v)
    rows, columns = np.tril_indices(len(v))
    ours, theirs = structure.first(theta)[:, rows, columns].T, firsts[:, rows, columns].T
    change = np.linalg.solve(theirs, ours)
    return np.asarray(np.einsum("ij,ijab->ab", change @ w @ change.T, seconds, optimize=True), dtype=np.float64)


def _second_sum(structure: Structure, theta: Floats, w: Floats) -> Floats:
    """Sum of w_ij V_ij, element by element of V."""
    t = len(structure.value(theta))
    result = np.zeros((t, t))
    for a in range(t):
        for b in range(a + 1):
            unit = np.zeros((t, t))
            unit[a, b] += 0.5
            unit[b, a] += 0.5
            result[a, b] = result[b, a] = float((structure.second_along(theta, unit) * w).sum())
    return result


def _mmrm_derivatives(v: Floats) -> tuple[Floats, Floats]:
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
