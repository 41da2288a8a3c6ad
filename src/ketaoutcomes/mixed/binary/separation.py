"""Separation: a direction of the coefficients along which the likelihood rises for ever.

Albert & Anderson (1984), Biometrika 71:1; the linear programme of Konis (2007), Linear programming algorithms for
detecting separated data in binary logistic regression models, DPhil thesis, Oxford. A random effect does not help: along
such a direction every participant's likelihood rises.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.errors import NotConverged

Floats = NDArray[np.float64]
# A part of a direction below this share of its largest is rounding of the linear programme.
PART = 1e-6
# Above it fitted probabilities are 1 in 160,000: such rows call for the linear programme.
SUSPICIOUS = 12.0


def separating(x: Floats, y: Floats, m: Floats) -> Floats | None:
    """A direction, shape (q,), that no row speaks against and some row for; None where there is none.

    Rows x (N, q) with y events in m trials. Along the direction the linear predictor rises, or stays, in rows with
    events only, falls, or stays, in rows without any, and stays in the others.
    """
    from scipy.optimize import linprog  # only where a fit looks suspicious: its import costs more than a fit

    size = np.abs(x).max(axis=0)
    unit, inverse = np.unique(x / size, axis=0, return_inverse=True)
    events = np.bincount(inverse.ravel(), weights=y, minlength=len(unit))
    trials = np.bincount(inverse.ravel(), weights=m, minlength=len(unit))
    side = np.where(events == 0, -1.0, np.where(events == trials, 1.0, 0.0))
    one_sided, both = unit[side != 0] * side[side != 0, None], unit[side == 0]
    if not len(one_sided):
        return None
    q = x.shape[1]
    found = linprog(
        -one_sided.sum(axis=0), A_ub=-one_sided, b_ub=np.zeros(len(one_sided)),
        A_eq=both if len(both) else None, b_eq=np.zeros(len(both)) if len(both) else None, bounds=[(-1, 1)] * q,
    )  # fmt: skip
    if found.status != 0:
        raise NotConverged("Whether some coefficient is infinite could not be decided: the linear programme for separation failed.")
    direction = np.asarray(found.x, dtype=np.float64)
    gain = one_sided @ direction
    if not (gain > PART).any():
        return None
    direction = direction / size
    return np.where(np.abs(direction * size) > PART, direction, 0.0)
