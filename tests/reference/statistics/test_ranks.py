"""Rank tests and Hodges-Lehmann differences: R (`make.R` beside this file), formulas written out, and order statistics by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ketaoutcomes.models._ranks import hodges_lehmann, van_elteren

R: dict[str, Any] = json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))["ranks"]
Pair = tuple[np.ndarray, np.ndarray]


def pair_of(name: str) -> Pair:
    return np.asarray(R[name]["first"], dtype=float), np.asarray(R[name]["second"], dtype=float)


@pytest.mark.parametrize("name", list(R))
def test_one_stratum_against_wilcox_test(name: str) -> None:
    pair = pair_of(name)
    z, p = van_elteren([pair])
    assert p == pytest.approx(R[name]["p"], rel=1e-9)
    # R's W less its mean under equality tells the direction
    assert math.copysign(1, z) == math.copysign(1, R[name]["w"] - len(pair[0]) * len(pair[1]) / 2)


def by_counting(strata: list[Pair]) -> float:
    """z from pairs: how often the first is above the second, less the half, over N + 1; variance with ties from their numbers."""
    total, variance = 0.0, 0.0
    for first, second in strata:
        n, m = len(first), len(second)
        if not n or not m:
            continue
        size = n + m
        above = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a in first for b in second) - n * m / 2
        values = [*first, *second]
        ties = sum(values.count(value) ** 3 - values.count(value) for value in set(values))
        total += above / (size + 1)
        variance += n * m / 12 * (size + 1 - ties / (size * (size - 1))) / (size + 1) ** 2
    return total / math.sqrt(variance) if variance > 1e-12 else math.nan


GROUP = st.lists(st.integers(0, 6).map(float), max_size=7)


@settings(deadline=None)
@given(st.lists(st.tuples(GROUP, GROUP), min_size=1, max_size=4))
def test_van_elteren_by_counting_pairs(strata: list[tuple[list[float], list[float]]]) -> None:
    z, p = van_elteren([(np.array(first), np.array(second)) for first, second in strata])
    expected = by_counting([(np.array(first), np.array(second)) for first, second in strata])
    assert z == pytest.approx(expected, abs=1e-10, nan_ok=True)
    assert p == pytest.approx(2 * norm.sf(abs(expected)), abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("name", list(R))
def test_hodges_lehmann_against_r(name: str) -> None:
    """The median of all differences; without ties R's exact limits, which are the same order statistics at these sizes."""
    estimate, low, high = hodges_lehmann(pair_of(name), 0.95)
    assert estimate == pytest.approx(R[name]["median"], abs=1e-12)
    if name in {"distinct", "unequal"}:
        assert (low, high) == pytest.approx(R[name]["exact"], abs=1e-12)


def test_limits_are_order_statistics() -> None:
    """10, 20, 30, 40, 50 and 0, 1, 2, 3, 4: 12.5 - 1.96 sqrt(25 * 11 / 12) = 3.12, the third from both ends of 25; at 80 %: 12.5 - 6.13, the sixth."""
    pair = np.arange(10.0, 51.0, 10.0), np.arange(5.0)
    assert hodges_lehmann(pair, 0.95) == (28.0, 8.0, 48.0)
    # differences in order: 6 7 8 9 10, 16 17 18 19 20, ...
    assert hodges_lehmann(pair, 0.8) == (28.0, 16.0, 40.0)
    # with ties: 1 1 2 2 and 1 1 2 2, ranks 2.5 and 6.5: spread sqrt(16 / 56 * 32) = 3.02, 8 - 5.93 = 2.07: the second of 16
    tied = np.array([1.0, 1.0, 2.0, 2.0])
    assert hodges_lehmann((tied, tied), 0.95) == (0.0, -1.0, 1.0)
    # three and two: 3 - 1.96 * 1.73 is below 1
    assert hodges_lehmann(pair_of("few"), 0.95)[1:] == (-math.inf, math.inf)
