"""Likelihood-ratio tests of two fits of the same data, one inside the other.

Fixed effects: both by ML, with the same covariance model; -2 log ratio against chi-square. One more random effect: REML
or ML, the same fixed effects; a variance of 0 lies on the boundary, so the reference is a 50:50 mixture of chi-squares
with q and q + 1 df, q the covariances that leave with the variance (Self & Liang 1987, JASA 82:605; Stram & Lee 1994,
Biometrics 50:1171): 0 and 1 for a random intercept, a site or an uncorrelated slope, 1 and 2 for a correlated slope.
Against a random intercept alone the smaller fit is `ols` of the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from ketaoutcomes.mixed.binary.fit import BinaryFit
from ketaoutcomes.mixed.binary.likelihood_ratio import binary_ratio
from ketaoutcomes.mixed.coding import Coding
from ketaoutcomes.mixed.design import Design
from ketaoutcomes.mixed.errors import NotComparable
from ketaoutcomes.mixed.fit import Fit, Solved
from ketaoutcomes.mixed.lmm import Effects

Floats = NDArray[np.float64]
# Likelihoods of two fits that are one on the boundary differ by rounding, and half of the mixture is a point at 0.
ROUNDING = 1e-12
# Beyond it the larger fit is no maximum of its model, which holds the smaller one.
BEATEN = 1e-7
NOT_HIGHEST = "The second fit has a higher likelihood than the first, which holds it: the first is a local maximum only, so there is no test."


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test.

    Attributes
    ----------
    statistic
        Twice the difference of the log-likelihoods.
    df
        Degrees of freedom of the chi-squares, each with the same weight.
    p
        Upper tail probability.
    """

    statistic: float
    df: tuple[int, ...]
    p: float


def likelihood_ratio(larger: Fit | BinaryFit, smaller: Fit | BinaryFit) -> LikelihoodRatio:
    """Test the smaller of two nested fits, both of scores or both of a binary outcome.

    Raises
    ------
    NotComparable
        The fits differ in data, likelihood, or in more than this test can answer.
    """
    if isinstance(larger, BinaryFit) and isinstance(smaller, BinaryFit):
        return LikelihoodRatio(*binary_ratio(larger, smaller))
    if isinstance(larger, BinaryFit) or isinstance(smaller, BinaryFit):
        raise NotComparable("A model of scores and one of a binary outcome have no likelihood in common.")
    one, other = larger._solved, smaller._solved  # pyright: ignore[reportPrivateUsage] - the engine's own
    if (one.n_obs, one.reml) != (other.n_obs, other.reml) or not _same_rows(one, other):
        raise NotComparable("The two fits are not of the same rows by the same likelihood (REML or ML).")
    statistic = 2 * (one.loglik - other.loglik)
    if statistic < ROUNDING * (1 + abs(one.loglik)):
        statistic = 0.0
    beaten = 2 * (other.loglik - one.loglik) > BEATEN * (1 + abs(one.loglik))
    if _columns(one.coding) == _columns(other.coding):
        q = _covariances_leaving(one, other)
        if beaten:
            raise NotComparable(NOT_HIGHEST)
        tail = [float(chdtrc(df, statistic)) if df else float(statistic <= 0) for df in (q, q + 1)]
        return LikelihoodRatio(statistic, (q, q + 1), sum(tail) / 2)
    if one.reml:
        raise NotComparable("REML likelihoods of different fixed effects cannot be compared: fit both with reml=False, or use joint_test.")
    if not _same_covariance_model(one, other):
        raise NotComparable("The two fits differ in fixed effects and in covariance; test one at a time.")
    difference = len(one.coding.columns) - len(other.coding.columns)
    if difference < 1 or not _columns(other.coding) <= _columns(one.coding):
        raise NotComparable("The fixed effects of the second fit are not a part of those of the first.")
    if beaten:
        raise NotComparable(NOT_HIGHEST)
    return LikelihoodRatio(statistic, (difference,), float(chdtrc(difference, statistic)))


def _same_rows(one: Solved, other: Solved) -> bool:
    """Whether both saw the same values of the same participants at the same visits, whatever the order of the rows."""
    a, b = _designs(one, other)
    mine: list[ArrayLike] = [a.response()]
    theirs: list[ArrayLike] = [b.response()]
    if a.visit is not None and b.visit is not None:
        mine, theirs = [*mine, a.visit], [*theirs, b.visit]
    if not _least_squares(other):
        mine, theirs = [*mine, a.subject], [*theirs, b.subject]
    return np.array_equal(_sorted(mine), _sorted(theirs))


def _designs(one: Solved, other: Solved) -> tuple[Design, Design]:
    if one.working is None or other.working is None:
        raise NotComparable("A likelihood-ratio test needs fits from the data, not from moments.")
    return one.working.design, other.working.design


def _sorted(columns: list[ArrayLike]) -> Floats:
    """The rows in order, shape (columns, N)."""
    values = np.array(columns, dtype=np.float64)
    return values[:, np.lexsort(values)]


def _least_squares(fit: Solved) -> bool:
    """Whether it is a fit by `ols`, whose rows belong to nobody."""
    return fit.covariance.name == "independent"


def _columns(coding: Coding) -> set[frozenset[tuple[str, str | None]]]:
    """The columns, whatever the order of terms and of factors in them."""
    return {frozenset(column) for column in coding.columns}


def _same_covariance_model(one: Solved, other: Solved) -> bool:
    """The same structure, as declared, over the same groups."""
    a, b = _designs(one, other)
    same_groups = (a.group is None) == (b.group is None) and (a.group is None or b.group is None or np.array_equal(a.group, b.group))
    return one.covariance.name == other.covariance.name and a.visits == b.visits and same_groups and _same_sites(one, other)


def _same_sites(one: Solved, other: Solved) -> bool:
    """Whether the participants are at the same sites, where both fits have sites."""
    a, b = _designs(one, other)
    return a.site is None or b.site is None or np.array_equal(a.site[a.first_rows], b.site[b.first_rows])


def _covariances_leaving(larger: Solved, smaller: Solved) -> int:
    """Covariances that leave with exactly one random effect."""
    one, other = larger.covariance, smaller.covariance
    if not isinstance(one, Effects):
        raise NotComparable("The covariance structures of repeated measures are not tested against each other; compare AIC or BIC.")
    if not isinstance(other, Effects) and not _least_squares(smaller):
        raise NotComparable("Random effects are not tested against a covariance structure of repeated measures; compare AIC or BIC.")
    ours, theirs = _declared(one), _declared(other) if isinstance(other, Effects) else ((), False)
    gained = set(ours[0]) - set(theirs[0])
    nested = set(theirs[0]) <= set(ours[0]) and (ours[1] or not theirs[1]) and _same_sites(larger, smaller)
    if not nested or (isinstance(other, Effects) and not set(other.labels) <= set(one.labels)):
        raise NotComparable("The random effects of the second fit are not a part of those of the first.")
    variances = sum(i == j for i, j in gained) + (ours[1] and not theirs[1])
    if variances != 1:
        raise NotComparable(f"The first fit has {variances} random effects more than the second; this test is for exactly one.")
    return sum(i != j for i, j in gained)


def _declared(effects: Effects) -> tuple[tuple[tuple[int, int], ...], bool]:
    """What the model was asked for, also where the fit lies on the boundary."""
    return effects.places, effects.sites
