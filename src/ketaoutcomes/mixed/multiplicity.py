"""p values and intervals for a family of contrasts.

Holm (1979, Scand J Stat 6:65) and Hochberg (1988, Biometrika 75:800) adjust p values only; Bonferroni and Dunnett also
give simultaneous intervals. "Dunnett" is the largest |t| under the joint t distribution of the estimates (Dunnett 1955,
JASA 50:1096, for several arms and one control; Hothorn, Bretz & Westfall 2008, Biom J 50:346, for any family); where
the contrasts have different degrees of freedom the smallest stands for all, which is conservative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, ndtri, stdtr, stdtrit

from ketaoutcomes.mixed.errors import InvalidContrast

Floats = NDArray[np.float64]
METHODS = ("holm", "hochberg", "bonferroni", "dunnett")
# Points of the quasi-Monte Carlo integration (Genz & Bretz 2002) and its fixed seed: an error of at most 3e-5 in p.
POINTS = 50_000
# Contrasts of which some depend on others, such as all pairs of three arms: an eigenvalue of 0 of their correlation.
DEPENDENT = 1e-10
SEED = 1955


@dataclass(frozen=True, slots=True)
class Adjusted:
    """p values of the family and the factors of the standard errors in simultaneous limits (nan: none), each of shape (m,)."""

    p: Floats
    critical: Floats


def adjust(method: str, t: Floats, p: Floats, df: Floats, correlation: Floats, conf_level: float) -> Adjusted:
    """Adjust a family of m tests.

    Parameters
    ----------
    method
        One of `METHODS`.
    t, p, df
        Statistics, two-sided p values and degrees of freedom, each of shape (m,).
    correlation
        Of the estimates, shape (m, m).
    conf_level
        Of the simultaneous intervals.

    Raises
    ------
    InvalidContrast
        The method is unknown.
    """
    m, least = len(p), float(df.min())
    order = np.argsort(p)
    back = np.argsort(order)
    none = np.full(m, np.nan)
    if method == "holm":
        stepped = np.maximum.accumulate(p[order] * np.arange(m, 0, -1))
        return Adjusted(np.minimum(stepped, 1.0)[back], none)
    if method == "hochberg":
        stepped = np.minimum.accumulate((p[order] * np.arange(m, 0, -1))[::-1])[::-1]
        return Adjusted(np.minimum(stepped, 1.0)[back], none)
    if method == "bonferroni":
        return Adjusted(np.minimum(m * p, 1.0), np.asarray(stdtrit(df, 1 - (1 - conf_level) / (2 * m)), dtype=np.float64))
    if method == "dunnett":
        single = 2 * stdtr(least, -np.abs(t))
        tails = np.array([_tail(abs(float(value)), correlation, least) for value in t])
        # Bounds that hold for every correlation; they matter where p is below the integration error.
        return Adjusted(np.clip(tails, single, np.minimum(m * single, 1.0)), np.full(m, _critical(correlation, least, conf_level)))
    raise InvalidContrast(f"Unknown adjustment {method!r}; use one of {', '.join(METHODS)}.")


def _tail(largest: float, correlation: Floats, df: float) -> float:
    """P(some |T_i| > largest), T multivariate t."""
    from scipy import stats  # slow to import

    m = len(correlation)
    if m == 1:
        return 2 * float(stdtr(df, -largest))
    values, vectors = np.linalg.eigh(correlation)
    kept = values > DEPENDENT * values[-1]
    if not kept.all():
        return _tail_by_direction(largest, vectors[:, kept] * np.sqrt(values[kept]), df)
    multivariate_t: Any = stats.multivariate_t  # its stubs allow whole df only
    joint = multivariate_t(loc=np.zeros(m), shape=correlation, df=df, allow_singular=True, seed=SEED)
    inside = joint.cdf(np.full(m, largest), maxpts=POINTS, lower_limit=np.full(m, -largest), random_state=SEED)
    return 1 - float(inside)


def _tail_by_direction(largest: float, loadings: Floats, df: float) -> float:
    """P(some |T_i| > largest) for T = loadings Z / s of rank r, shape (m, r), where scipy needs full rank.

    Z is a length times a direction, and T_i the length times the share of row i in that direction, so that P given the
    direction is a tail of F with r and df; the mean is over a lattice of directions (Kronecker, after a tent transform).
    """
    r = loadings.shape[1]
    ratio = 2.0
    for _ in range(50):  # the root of x^(r + 1) = x + 1
        ratio = (1 + ratio) ** (1 / (r + 1))
    lattice = (0.5 + np.arange(1, POINTS + 1)[:, None] * ratio ** -np.arange(1.0, r + 1)) % 1
    z = np.asarray(ndtri(np.clip(np.abs(2 * lattice - 1), 1e-15, 1 - 1e-15)), dtype=np.float64)
    reached = np.abs(z @ loadings.T).max(axis=1) / np.linalg.norm(z, axis=1)
    return float(np.asarray(fdtrc(r, df, (largest / reached) ** 2 / r), dtype=np.float64).mean())


def _critical(correlation: Floats, df: float, conf_level: float) -> float:
    """c with P(some |T_i| > c) = 1 - conf_level: between the quantiles of one t and of Bonferroni."""
    from scipy.optimize import brentq

    alpha, m = 1 - conf_level, len(correlation)
    low, high = float(stdtrit(df, 1 - alpha / 2)), float(stdtrit(df, 1 - alpha / (2 * m)))
    if m == 1:
        return low
    return float(brentq(lambda c: _tail(c, correlation, df) - alpha, low - 1e-3, high + 1e-3, xtol=1e-7))
