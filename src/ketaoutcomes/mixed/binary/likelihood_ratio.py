"""Likelihood-ratio tests of two binary fits, one inside the other; see `mixed.likelihood_ratio` for the boundary mixtures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from ketaoutcomes.mixed.binary.constrained import Penalised
from ketaoutcomes.mixed.binary.fit import LARGEST_ERROR, BinaryFit
from ketaoutcomes.mixed.binary.solved import Solved
from ketaoutcomes.mixed.errors import NotComparable

Floats = NDArray[np.float64]
ROUNDING = 1e-12
BEATEN = 1e-7


def binary_ratio(larger: BinaryFit, smaller: BinaryFit) -> tuple[float, tuple[int, ...], float]:
    """Statistic, df of the chi-squares, each with the same weight, and p.

    Raises
    ------
    NotComparable
        The fits differ in data, link or nodes, are penalised, or differ in more than this test can answer.
    """
    one, other = larger._solved, smaller._solved  # pyright: ignore[reportPrivateUsage] - the engine's own
    if isinstance(one.criterion, Penalised) or isinstance(other.criterion, Penalised):
        raise NotComparable("A penalised fit has no likelihood-ratio test: its prior is not a part of the likelihood.")
    if one.link != other.link or not np.array_equal(_rows(one), _rows(other)):
        raise NotComparable("The two fits are not of the same rows with the same link.")
    if not _same_integral(one, other):
        raise NotComparable("The two fits are by different numbers of nodes, too few for the difference not to matter.")
    extra = len(one.design.coding.columns) - len(other.design.coding.columns)
    if extra and _effects(one) != _effects(other):
        raise NotComparable("The two fits differ in fixed and in random effects; test one at a time.")
    df = _of_terms(one, other) if extra else _of_effects(one, other)
    statistic = 2 * (larger.loglik - smaller.loglik)
    if statistic < -BEATEN * (1 + abs(larger.loglik)):
        raise NotComparable("The second fit has a higher likelihood than the first, which holds it: the first is a local maximum only, so there is no test.")
    statistic = statistic if statistic > ROUNDING * (1 + abs(larger.loglik)) else 0.0
    p = sum(float(chdtrc(k, statistic)) if k else float(statistic <= 0) for k in df) / len(df)
    return statistic, df, p


def _same_integral(one: Solved, other: Solved) -> bool:
    """By the same nodes, or by enough; without random effects, also on the boundary, any number is exact."""
    exact = [abs(solved.quadrature_error) < LARGEST_ERROR for solved in (one, other)]
    return one.likelihood.nodes == other.likelihood.nodes or all(exact) or not one.likelihood.places or not other.likelihood.places


def _of_terms(one: Solved, other: Solved) -> tuple[int, ...]:
    mine, theirs = ({frozenset(column) for column in solved.design.coding.columns} for solved in (one, other))
    same = _effects(one) == _effects(other) and np.array_equal(_subjects(one), _subjects(other))
    if not theirs < mine or not same:
        raise NotComparable("The second fit is not a part of the first with the same random effects and nodes.")
    return (len(mine) - len(theirs),)


def _of_effects(one: Solved, other: Solved) -> tuple[int, ...]:
    """A variance of 0 lies on the boundary: a mixture of chi-squares with the covariances that leave with it, and one more."""
    gained = _effects(one) - _effects(other)
    variances = sum(i == j for i, j in gained)
    columns = [{frozenset(column) for column in solved.design.coding.columns} for solved in (one, other)]
    nested = _effects(other) < _effects(one) and columns[0] == columns[1]
    if not nested or variances != 1 or (other.places and not np.array_equal(_subjects(one), _subjects(other))):
        raise NotComparable("The first fit must hold exactly one random effect more than the second, and the same terms.")
    return len(gained) - 1, len(gained)


def _effects(solved: Solved) -> set[tuple[int, int]]:
    """Free elements of the covariances, as asked for; that of sites is (-1, -1)."""
    return {*solved.places, *([(-1, -1)] if solved.design.site is not None else [])}


def _rows(solved: Solved) -> Floats:
    """Outcome, trials and offset of the rows, in order."""
    data = solved.likelihood.data
    rows = np.repeat(np.column_stack([data.y, data.m, data.offset]), data.times[data.of].astype(np.intp), axis=0)
    return rows[np.lexsort(rows.T)]


def _subjects(solved: Solved) -> Floats:
    """How many rows each cluster has, in order."""
    return np.sort(np.bincount(solved.design.subject)).astype(np.float64)
