"""Sandwich errors, robust to a wrong covariance model: CR0, CR2 and CR3 with participants as clusters.

    C {sum X'P A e e' A'P X} C,  A = I (CR0, Liang & Zeger 1986, Biometrika 73:13), (I - H)^-1/2 (CR2, bias-reduced, Bell
    & McCaffrey 2002, Survey Methodology 28:169; Kauermann & Carroll 2001, J Am Stat Assoc 96:1387), (I - H)^-1 (CR3,
    jackknife, Mancl & DeRouen 2001, Biometrics 57:126), H = L'X C X'L with P = L L': the form of R's mmrm. The A of CR2
    is not unique; R's clubSandwich takes the symmetric one (Pustejovsky & Tipton 2018, J Bus Econ Stat 36:672).

Degrees of freedom match the first two moments of the variance estimate under the working model (Bell & McCaffrey).
Unlike the model-based quantities these need each participant's rows: sums over participants are not enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.inference import fai_cornelius
from ketaoutcomes.mixed.newton import Optimum

Floats = NDArray[np.float64]
Block = tuple[NDArray[np.intp], Floats, Floats]
"""n participants with m rows each: the rows, shape (n, m), z, shape (n, m, q + 1), and V, shape (m, m) or (n, m, m)."""
POWERS = {"cr0": 0.0, "cr2": -0.5, "cr3": -1.0}
# A participant who alone determines a coefficient has an eigenvalue 0 of I - H; their residual there is 0 too.
DETERMINED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class BellMcCaffrey:
    """df = 2 E^2 / Var of l'(sandwich)l; N rows, q fixed effects.

    Attributes
    ----------
    c
        Model-based covariance of the working coefficients, shape (q, q).
    white, adjusted
        L'X and A L'X of all participants, shape (N, q).
    first
        First row of each participant, shape (n,).
    """

    c: Floats
    white: Floats
    adjusted: Floats
    first: NDArray[np.intp]

    def of(self, row: Floats, working: Floats) -> float:  # noqa: ARG002 - the protocol's signature
        """With a = A L'X C l and b = X'L a of each participant: E = sum a'a - sum b'C b."""
        a = self.adjusted @ (self.c @ working)
        own = np.add.reduceat(a**2, self.first)
        b = np.add.reduceat(self.white * a[:, None], self.first)
        through = np.einsum("nq,qr,nr->n", b, self.c, b)
        mixed = self.c @ (b.T @ b)
        variance = float((own**2).sum() - 2 * own @ through + np.trace(mixed @ mixed))
        return float(own.sum() - through.sum()) ** 2 / variance

    def joint(self, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
        """Fai and Cornelius."""
        return fai_cornelius(self, rows, working, estimates, covariance)


def sandwich(blocks: Iterable[Block], optimum: Optimum, kind: str) -> tuple[Floats, BellMcCaffrey]:
    """Robust covariance of the working coefficients, shape (q, q), and its rule for df; `kind` is a key of `POWERS`."""
    c, beta = optimum.at.c, optimum.at.beta
    meat = np.zeros_like(c)
    white: list[Floats] = []
    adjusted: list[Floats] = []
    counts: list[int] = []
    q = len(beta)
    for _, z, v in blocks:
        n, m = z.shape[:2]
        half = np.linalg.inv(np.linalg.cholesky(v))
        whitened = np.asarray(half @ z, dtype=np.float64)
        x, residual = whitened[:, :, :q], whitened[:, :, q] - whitened[:, :, :q] @ beta
        moved: Floats = x if kind == "cr0" else _power(np.eye(m) - x @ c @ x.transpose(0, 2, 1), POWERS[kind]) @ x
        scores = np.einsum("nmq,nm->nq", moved, residual)
        meat += scores.T @ scores
        white.append(np.reshape(x, (n * m, q)))
        adjusted.append(np.reshape(moved, (n * m, q)))
        counts += [m] * n
    ends = np.cumsum(np.array(counts))
    used = c @ meat @ c
    return (used + used.T) / 2, BellMcCaffrey(c, np.concatenate(white), np.concatenate(adjusted), np.r_[0, ends[:-1]])


def _power(matrices: Floats, power: float) -> Floats:
    """Symmetric power of positive semidefinite matrices, shape (n, m, m); eigenvalues of 0 stay 0."""
    values, vectors = np.linalg.eigh(matrices)
    safe = values > DETERMINED
    raised = np.where(safe, np.where(safe, values, 1.0) ** power, 0.0)
    return (vectors * raised[:, None, :]) @ vectors.transpose(0, 2, 1)
