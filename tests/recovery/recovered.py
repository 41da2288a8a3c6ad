"""Estimates of many replicates against their truth: bias, width and coverage.

A mean of N estimates is unbiased when it lies within 3.5 of its Monte Carlo errors of the truth (with the truth's own
error, where it comes from `truth.json`); a 95 % interval holds its level when the number of intervals that cover lies in
the central 99.9 % of the binomial distribution (179 to 198 of 200). That many cover even when errors are a fifth too small,
so the mean error must also be the standard deviation of the estimates, again within 3.5 Monte Carlo errors (18 % of 200).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from replicates import Result
from scipy.stats import binom

SEEDS = range(1000, 1200)
LARGE = json.loads((Path(__file__).resolve().parent / "truth.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Truth:
    value: float
    monte_carlo_error: float = 0.0


def large(name: str) -> Truth:
    """What one very large simulation found (`truth.py`)."""
    return Truth(LARGE[name]["value"], LARGE[name]["monte_carlo_error"])


def bias(found: list[Result], truth: Truth) -> float:
    """Mean error of the estimates in its standard errors."""
    estimates = np.array([one.estimate for one in found])
    return float((estimates.mean() - truth.value) / math.hypot(estimates.std(ddof=1) / math.sqrt(len(found)), truth.monte_carlo_error))


def width(found: list[Result]) -> float:
    """Mean standard error over the standard deviation of the estimates, its logarithm in its standard errors: 1 / sqrt(2 (N - 1))."""
    ratio = np.mean([one.std_error for one in found]) / np.std([one.estimate for one in found], ddof=1)
    return math.log(ratio) * math.sqrt(2 * (len(found) - 1))


def assert_recovered(found: list[Result], truth: Truth) -> None:
    covered = sum(one.covers(truth.value) for one in found)
    print(f"truth {truth.value:.4f}: bias {bias(found, truth):.2f}, width {width(found):.2f}, covered {covered} of {len(found)}")
    assert abs(bias(found, truth)) < 3.5
    assert abs(width(found)) < 3.5
    assert_level(covered, len(found))


def assert_level(covered: int, trials: int) -> None:
    """As many 95 % intervals cover as do in the central 99.9 % of the binomial distribution."""
    low, high = binom.ppf([0.0005, 0.9995], trials, 0.95)
    assert low <= covered <= high, f"{covered} of {trials} cover, not {low:.0f} to {high:.0f}"
