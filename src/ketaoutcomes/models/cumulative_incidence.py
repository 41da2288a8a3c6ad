"""{title}: the cumulative incidence of the event beside competing events was estimated in {population} by Aalen and Johansen's
method with limits on the log(-log) scale{test}. The event: {rule}."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import CumulativeIncidence
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of
from ketaoutcomes.models._steps import Steps, add_counts, add_curve
from ketaoutcomes.models._survival import cumulative_incidence, gray
from ketaoutcomes.models._times import times
from ketaoutcomes.models._words import population_words
from ketaoutcomes.schema.analysis_data import COMPETING


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Events, competing events, the curve, cumulative incidence and people at risk at the declared times, Gray's test."""
    analysis = study.analyses[name]
    assert isinstance(analysis, CumulativeIncidence)
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, TimeEndpoint)
    found, left_out = times(analysis, data, [])
    arms = arms_of(study, found)
    rows = results(study, name, parameter=analysis.endpoint)
    test = "; arms were compared by Gray's test" if len(arms) > 1 else ""
    rows.method(__doc__, title=analysis.title, population=population_words(study, analysis.population), test=test, rule=study.rule_words(endpoint.rule))
    if not len(found):
        rows.verdict("not_estimable", "nobody has a time")
        return rows.frame()
    for arm in arms:
        _describe(rows, analysis, found[found["arm"] == arm], arm)
    if len(arms) > 1 and found["event"].any():
        _test(rows, found)
    rows.add("n", left_out, n=left_out, term="left out: without a time")
    rows.verdict("ok", "closed form")
    return rows.frame()


def _describe(rows: Results, analysis: CumulativeIncidence, part: pd.DataFrame, arm: str) -> None:
    n, events = len(part), int(part["event"].sum())
    competing = int((part["cnsr"] == COMPETING).sum())
    rows.add("n", n, n=n, arm=arm)
    rows.add("n_events", events, n=n, events=events, arm=arm)
    rows.add("n_events", competing, n=n, events=competing, arm=arm, term="competing")
    curve = cumulative_incidence(part["time"].to_numpy(float), part["cnsr"].to_numpy(int), analysis.conf_level)
    times = curve["time"].to_numpy(float)
    of_time = np.array([float((part["event"] & (part["time"] == time)).sum()) for time in times])
    values = [curve[name].to_numpy(float) for name in ("n_risk", "estimate", "conf_low", "conf_high")]
    steps = Steps(times, values[0], of_time, *values[1:])
    add_curve(rows, "incidence", 0.0, steps, arm=arm, conf_level=analysis.conf_level)
    so_far = {"n_events": part["event"], "n_competing": part["cnsr"] == COMPETING}
    add_counts(rows, [0.0, *(day for day in analysis.days if day > 0)], part["time"], so_far, arm=arm)
    last = float(times[-1])
    for day in analysis.days:
        at = curve[curve["time"] <= day]
        before = int((part["event"] & (part["time"] <= day)).sum())
        where: dict[str, Any] = {"term": "incidence", "day": float(day), "arm": arm, "n": int((part["time"] >= day).sum()), "events": before}
        known = day <= last
        values = [float(at[column].iloc[-1]) if known and len(at) else (0.0 if known else np.nan) for column in ("estimate", "conf_low", "conf_high")]
        rows.add("incidence", values[0], **where)
        rows.add("conf_low", values[1], conf_level=analysis.conf_level, **where)
        rows.add("conf_high", values[2], conf_level=analysis.conf_level, **where)


def _test(rows: Results, found: pd.DataFrame) -> None:
    values = gray(found["time"].to_numpy(float), found["cnsr"].to_numpy(int), list(found["arm"]))
    n, events = int(found.groupby("arm").size().min()), int(found.groupby("arm")["event"].sum().min())
    for statistic, value in zip(("chisq", "df", "p_value"), values, strict=True):
        rows.add(statistic, value, n=n, events=events, term="Gray's test")
