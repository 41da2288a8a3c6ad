"""Rank statistics for two groups, within strata."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]


def van_elteren(strata: Sequence[Pair]) -> tuple[float, float]:
    """z and two-sided p of the stratified Wilcoxon test with van Elteren's weights 1 / (N + 1) (1960).

    Mid-ranks within each stratum, the variance with ties, no continuity correction; with one stratum
    this is the Wilcoxon rank-sum test. Not a number when all values are tied. Positive: the first
    group's values are higher.
    """
    total, variance = 0.0, 0.0
    for first, second in strata:
        n, m = len(first), len(second)
        size = n + m
        if not n or not m:
            continue
        ranks = np.asarray(rankdata(np.concatenate([first, second])), dtype=float)
        weight = 1 / (size + 1)
        total += weight * (float(ranks[:n].sum()) - n * (size + 1) / 2)
        variance += weight**2 * n * m / (size * (size - 1)) * float(((ranks - (size + 1) / 2) ** 2).sum())
    if variance <= 0:
        return math.nan, math.nan
    z = total / math.sqrt(variance)
    return z, float(2 * ndtr(-abs(z)))


def hodges_lehmann(pair: Pair, conf_level: float) -> tuple[float, float, float]:
    """Median of all differences first - second, with the limits of Hollander and Wolfe (1999, 4.3).

    The limits are order statistics of the differences, counted in from both ends by the normal
    approximation with ties; infinite where no difference is that far out.
    """
    first, second = pair
    differences: Floats = np.sort((first[:, None] - second[None, :]).ravel())
    n, m = len(first), len(second)
    size = n + m
    ranks = np.asarray(rankdata(np.concatenate([first, second])), dtype=float)
    spread = math.sqrt(n * m / (size * (size - 1)) * float(((ranks - (size + 1) / 2) ** 2).sum()))
    at = math.floor(n * m / 2 - float(ndtri(0.5 + conf_level / 2)) * spread)
    low, high = (float(differences[at - 1]), float(differences[-at])) if at >= 1 else (-math.inf, math.inf)
    return float(np.median(differences)), low, high
