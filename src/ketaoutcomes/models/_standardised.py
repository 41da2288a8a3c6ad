"""Standardised differences between two groups, before anything was done: how far apart they are, whatever their size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd


def of_means(ours: pd.Series, theirs: pd.Series) -> float:
    """Difference of the means over sqrt((s1^2 + s0^2) / 2) (Austin 2009, Stat Med 28:3083); nan without a spread in a group."""
    if len(ours) < 2 or len(theirs) < 2:
        return math.nan
    spread = math.sqrt((float(ours.var(ddof=1)) + float(theirs.var(ddof=1))) / 2)
    return float(ours.mean() - theirs.mean()) / spread if spread > 0 else math.nan


def of_levels(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """Distance of two groups in a category: one number for all of its levels, without a sign (Yang & Dalton 2012, SAS Global Forum 335).

    The root of (p1 - p0)' S^-1 (p1 - p0) over all levels but one, S the mean of the two multinomial covariances; for two
    levels |p1 - p0| / sqrt((p1 q1 + p0 q0) / 2) (Austin 2009). nan where S has no inverse, as when no level holds people of both.
    """
    if not sum(ours) or not sum(theirs):
        return math.nan
    held = [at for at in range(len(ours)) if ours[at] + theirs[at]]
    p, q = (np.array([counts[at] for at in held[1:]]) / sum(counts) for counts in (ours, theirs))
    if not len(p) or np.array_equal(p, q):
        return 0.0
    spread = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    if np.linalg.matrix_rank(spread) < len(p):
        return math.nan
    gap = p - q
    return math.sqrt(float(gap @ np.linalg.solve(spread, gap)))
