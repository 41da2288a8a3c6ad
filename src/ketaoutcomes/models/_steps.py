"""Step curves and the counts under them as ARD rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.models._results import Results
from ketaoutcomes.schema.ard import AT_RISK, CURVE

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function of time with its limits: at each distinct time the people at risk, those with the event, and the value from there on."""

    time: Floats
    at_risk: Floats
    events: Floats
    value: Floats
    lower: Floats
    upper: Floats


def add_curve(rows: Results, statistic: str, start: float, steps: Steps, *, arm: str, conf_level: float) -> None:
    """The curve from `start` at time 0, a row for each time with events, and its end."""
    shown = np.flatnonzero((steps.events > 0) | (np.arange(len(steps.time)) == len(steps.time) - 1))
    if steps.time[shown[0]] > 0:
        _add(rows, statistic, (start, start, start), conf_level, n=int(steps.at_risk[0]), events=0, day=0.0, arm=arm)
    for at in shown:
        values = (float(steps.value[at]), float(steps.lower[at]), float(steps.upper[at]))
        _add(rows, statistic, values, conf_level, n=int(steps.at_risk[at]), events=int(steps.events[at]), day=float(steps.time[at]), arm=arm)


def _add(rows: Results, statistic: str, values: tuple[float, float, float], conf_level: float, **where: Any) -> None:  # noqa: ANN401 - columns of the ARD
    rows.add(statistic, values[0], term=CURVE, **where)
    rows.add("conf_low", values[1], term=CURVE, conf_level=conf_level, **where)
    rows.add("conf_high", values[2], term=CURVE, conf_level=conf_level, **where)


def add_counts(rows: Results, days: Iterable[float], time: pd.Series, so_far: Mapping[str, pd.Series], *, arm: str) -> None:
    """On each of `days` the people still at risk and, for each statistic of `so_far` (which people), how many were that by then."""
    n = len(time)
    for day in days:
        at_risk = int((time >= day).sum())
        rows.add("n_at_risk", at_risk, n=at_risk, term=AT_RISK, day=float(day), arm=arm)
        for statistic, people in so_far.items():
            count = int((people & (time <= day)).sum())
            rows.add(statistic, count, n=n, events=count, term=AT_RISK, day=float(day), arm=arm)
