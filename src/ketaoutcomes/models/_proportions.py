"""Adapter to statsmodels for two independent proportions; the only file that imports it for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Ratio:
    """An effect of two proportions with its limits."""

    estimate: float
    lower: float
    upper: float


def difference(events: int, n: int, events_reference: int, n_reference: int, method: str, conf_level: float) -> Ratio:
    """Risk difference: ``wald``, or ``newcombe`` (Newcombe 1998, method 10: hybrid of Wilson scores)."""
    name = {"wald": "wald", "newcombe": "newcomb"}[method]
    low, high = _limits(events, n, events_reference, n_reference, name, "diff", conf_level)
    return Ratio(events / n - events_reference / n_reference, low, high)


def ratio(events: int, n: int, events_reference: int, n_reference: int, conf_level: float) -> Ratio:
    """Risk ratio with limits on the log scale (Katz 1978); not finite when an arm has no events."""
    if not events or not events_reference:
        return Ratio(math.nan, math.nan, math.nan)
    low, high = _limits(events, n, events_reference, n_reference, "log", "ratio", conf_level)
    return Ratio(events / n / (events_reference / n_reference), low, high)


def _limits(events: int, n: int, events_reference: int, n_reference: int, method: str, compare: str, conf_level: float) -> tuple[float, float]:
    untyped: Any = import_module("statsmodels.stats.proportion")
    limits = untyped.confint_proportions_2indep(events, n, events_reference, n_reference, method=method, compare=compare, alpha=1 - conf_level)
    return float(limits[0]), float(limits[1])
