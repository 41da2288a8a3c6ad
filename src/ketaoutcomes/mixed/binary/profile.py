"""Profile-likelihood intervals: the values that a likelihood-ratio test does not reject.

Venzon & Moolgavkar (1988), J R Stat Soc C 37:87. The reference is chi-square with 1 df; at a standard deviation of 0
a limit that the likelihood does not reach is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.special import ndtri

from ketaoutcomes.mixed.binary.constrained import OnPlane, Penalised
from ketaoutcomes.mixed.binary.nested import Nested
from ketaoutcomes.mixed.binary.quadrature import Likelihood
from ketaoutcomes.mixed.errors import NotConverged
from ketaoutcomes.mixed.newton import minimise

Floats = NDArray[np.float64]
# Of a limit, in standard errors.
TOLERANCE = 1e-7
MOST_FITS = 50
# A limit further away than this many standard errors is none.
FARTHEST = 1e3


def limits(criterion: Likelihood | Nested | Penalised, psi: Floats, row: Floats, se: float, conf_level: float, lowest: float = -np.inf) -> tuple[float, float]:
    """Lower and upper limit of ``row @ psi``, row of shape (k,), around the optimum `psi`.

    Raises
    ------
    NotConverged
        The likelihood does not fall far enough within 1000 standard errors, or a profile has no optimum.
    """
    value = _Profile(criterion, psi, row)
    estimate, z = float(row @ psi), float(ndtri((1 + conf_level) / 2))
    lower, upper = (_root(value, estimate, side * se, z, lowest) for side in (-1.0, 1.0))
    return lower, upper


class _Profile:
    """Root of twice the loss of log-likelihood at a value of the row."""

    def __init__(self, criterion: Likelihood | Nested | Penalised, psi: Floats, row: Floats) -> None:
        self.criterion, self.psi, self.row = criterion, psi, row
        self.basis = np.asarray(null_space(row[None]), dtype=np.float64)
        self.best = self._value(psi)

    def _value(self, psi: Floats) -> float:
        at = self.criterion.evaluate(psi)
        if at is None:
            raise NotConverged("The profile likelihood is not finite at the optimum.")
        return at.value

    def __call__(self, value: float) -> float:
        origin = self.row * (value / float(self.row @ self.row))
        plane = OnPlane(self.criterion, origin, self.basis, self.basis.T @ self.psi)
        found = minimise(plane)
        self.psi = origin + self.basis @ found.theta  # the next start
        return float(np.sqrt(max(2 * (found.at.value - self.best), 0.0)))


def _root(profile: _Profile, estimate: float, step: float, z: float, lowest: float) -> float:
    """Where the profile reaches z: nearly linear in the distance, so by regula falsi (Illinois)."""
    near, far = (estimate, -z), (estimate, -z)
    for _ in range(MOST_FITS):
        at = max(far[0] + step * z, lowest)
        near, far = far, (at, profile(at) - z)
        if far[1] >= 0:
            break
        if at == lowest:
            return lowest
        if abs(at - estimate) > FARTHEST * abs(step):
            raise NotConverged("The likelihood does not fall far enough within 1000 standard errors: this limit is infinite or beyond sense.")
    for _ in range(MOST_FITS):
        share = near[1] / (near[1] - far[1])
        at = near[0] + share * (far[0] - near[0])
        found = profile(at) - z
        if abs(found) < TOLERANCE or abs(far[0] - near[0]) < TOLERANCE * abs(step):
            return at
        near, far = (far, (at, found)) if found * far[1] < 0 else ((near[0], near[1] / 2), (at, found))
    raise NotConverged("A limit of the profile likelihood was not found.")
