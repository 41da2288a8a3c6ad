"""Degrees of freedom for contrasts of fixed effects after Satterthwaite (1946), Biometrics Bulletin 2:110.

For one row l with v = l'Cl, C = (X'V^-1 X)^-1, the estimate of v is matched to a scaled chi-square:
df = 2 v^2 / (g'W g), g = dv/dtheta, W the inverse of the observed information of theta (Giesbrecht & Burns 1985,
Biometrics 41:477, with observed information as SAS and R's lmerTest and mmrm take it). g'W g does not depend on how V
is parametrised. Several rows follow Fai & Cornelius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.criterion import Evaluation
from ketaoutcomes.mixed.inference import fai_cornelius

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Satterthwaite:
    """k free covariance parameters, q fixed effects.

    Attributes
    ----------
    c
        Model-based covariance of the working coefficients, shape (q, q).
    slopes
        dC / dtheta_i = -C B_i C, shape (k, q, q).
    w
        Covariance of theta, shape (k, k).
    """

    c: Floats
    slopes: Floats
    w: Floats

    def of(self, row: Floats, working: Floats) -> float:  # noqa: ARG002 - the protocol's signature
        """2 v^2 / (g'W g)."""
        variance = float(working @ self.c @ working)
        slope = np.einsum("q,kqr,r->k", working, self.slopes, working)
        return 2 * variance**2 / float(slope @ self.w @ slope)

    def joint(self, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
        """Fai and Cornelius."""
        return fai_cornelius(self, rows, working, estimates, covariance)


def satterthwaite(at: Evaluation, w: Floats | None = None) -> Satterthwaite:
    """The rule at an optimum, whose Hessian is positive definite; `w` replaces its inverse."""
    slopes = -at.c @ at.information @ at.c
    return Satterthwaite(at.c, slopes, np.asarray(np.linalg.inv(at.hessian), dtype=np.float64) if w is None else w)
