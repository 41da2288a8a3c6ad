"""Degrees of freedom by counting: residual, and split between and within participants.

Between-within (Schluchter & Elashoff 1990, J Stat Comput Simul 37:69, as SAS DDFM=BW and R's mmrm): a column that is
constant within every participant has n - p_b df, any other N - n - p_w, where p_b counts the constant columns with the
intercept and p_w the others. The intercept itself is given the within df; a contrast takes the smallest df of the
coefficients it weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.errors import TooFewParticipants
from ketaoutcomes.mixed.inference import SAME_AXIS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ByColumn:
    """One df per coefficient, shape (q,)."""

    df: Floats

    def of(self, row: Floats, working: Floats) -> float:  # noqa: ARG002 - the protocol's signature
        """The smallest over the coefficients with a weight."""
        return float(self.df[np.abs(row) > SAME_AXIS * float(np.abs(row).max())].min())

    def joint(self, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
        """A Wald F with the smallest df of its rows."""
        f = float(estimates @ np.linalg.solve(covariance, estimates)) / len(rows)
        return f, len(rows), min(self.of(row, at) for row, at in zip(rows, working, strict=True))


def residual(n_obs: int, q: int) -> ByColumn:
    """n_obs - q for every coefficient."""
    return ByColumn(np.full(q, float(n_obs - q)))


def between_within(n_obs: int, n_subjects: int, varying: NDArray[np.bool_]) -> ByColumn:
    """Between or within df by column; `varying`, shape (q,), says which differ within a participant; column 0 is the intercept.

    Raises
    ------
    TooFewParticipants
        One of the two counts is not positive.
    """
    between = n_subjects - int((~varying).sum())
    within = n_obs - n_subjects - int(varying.sum())
    if between < 1 or within < 1:
        raise TooFewParticipants(
            f"{n_subjects} participants with {n_obs} rows leave {between} degrees of freedom between and {within} within participants; both must be at least 1."
        )
    df = np.where(varying, float(within), float(between))
    df[0] = float(within)
    return ByColumn(df)
