"""{title}: people of {population} still followed at day {day} without the event were divided by {what} up to then, and the time from that day to the
event was described by product-limit curves with a log-rank test. Counting what was received later would let those who stayed longer
explain why they stayed. The groups are not randomised: who had more by then may have needed or tolerated more. The event: {rule}."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import Landmark
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._bands import bands_of
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._survival import at_time, log_rank, median, product_limit
from ketaoutcomes.models._times import times
from ketaoutcomes.models._words import population_words

AFTER = "after the landmark"


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """People, events and shares without the event after the landmark, by band; log-rank test."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Landmark)
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, TimeEndpoint)
    rows = results(study, name, parameter=analysis.endpoint)
    what = "the number of sessions" if analysis.by == "sessions" else f"the sum of {analysis.by}"
    rows.method(
        __doc__,
        title=analysis.title,
        population=population_words(study, analysis.population),
        day=f"{analysis.day:g}",
        what=what,
        rule=study.rule_words(endpoint.rule),
    )
    found, lost = times(analysis, data, [])
    at_risk = found[found["time"] > analysis.day]
    received = _received(analysis, data)
    bands = bands_of(analysis.cuts)
    unknown = at_risk["participant"].isin(_unknown(analysis, data))
    at_risk = at_risk[~unknown]
    amount = at_risk["participant"].map(received).fillna(0.0).astype(float)
    at_risk = at_risk.assign(band=[bands[bisect_left(analysis.cuts, value)] for value in amount], time=at_risk["time"] - analysis.day)
    for band in bands:
        _describe(rows, analysis, at_risk[at_risk["band"] == band], band)
    events = int(at_risk["event"].sum())
    rows.add("n", len(at_risk), n=len(at_risk), level=AFTER)
    rows.add("n_events", events, n=len(at_risk), events=events, level=AFTER)
    present = at_risk["band"].nunique()
    if present > 1 and at_risk["event"].any():
        values = log_rank(at_risk["time"].to_numpy(np.float64), at_risk["event"].to_numpy(np.bool_), list(at_risk["band"]), None)
        groups = at_risk.groupby("band")["event"]
        for statistic, value in zip(("chisq", "df", "p_value"), values, strict=True):
            rows.add(statistic, value, n=int(groups.size().min()), events=int(groups.sum().min()), term="log-rank")
    gone = len(found) - len(at_risk) - int(unknown.sum())
    rows.add("n", len(at_risk), n=len(at_risk), term="fit")
    rows.add("n", gone, n=gone, term="left out: with the event, or no longer followed, at the landmark")
    rows.add("n", int(unknown.sum()), n=int(unknown.sum()), term="left out: with a session of unknown day or amount")
    rows.add("n", lost, n=lost, term="left out: without a time")
    rows.verdict("ok" if len(at_risk) else "not_estimable", "closed form" if len(at_risk) else "nobody is followed beyond the landmark without the event")
    return rows.frame()


def _received(analysis: Landmark, data: dict[str, pd.DataFrame]) -> dict[int, float]:
    """What each person had received up to the landmark."""
    given = data["adex"][(data["adex"]["period"] == analysis.period) & (data["adex"]["ady"] <= analysis.day)]
    amount = given[analysis.by].astype("float64") if analysis.by != "sessions" else pd.Series(1.0, index=given.index)
    return {int(who): float(total) for who, total in amount.groupby(given["participant"]).sum().items()}  # pyright: ignore[reportArgumentType] - an integer


def _unknown(analysis: Landmark, data: dict[str, pd.DataFrame]) -> set[int]:
    """People of whom it is not known what they had received: a session without a day, or one up to the landmark without its amount."""
    given = data["adex"][data["adex"]["period"] == analysis.period]
    lost = given["ady"].isna()
    if analysis.by != "sessions":
        lost |= given[analysis.by].isna() & ~(given["ady"] > analysis.day)
    return {int(who) for who in given["participant"][lost]}


def _describe(rows: Results, analysis: Landmark, part: pd.DataFrame, band: str) -> None:
    n, events = len(part), int(part["event"].sum())
    rows.add("n", n, n=n, level=AFTER, term=band)
    rows.add("n_events", events, n=n, events=events, level=AFTER, term=band)
    if not n:
        return
    curve = product_limit(part["time"].to_numpy(np.float64), part["event"].to_numpy(np.bool_), analysis.conf_level)
    for day in analysis.at:
        share, low, high = at_time(curve, day)
        behind = int((part["event"] & (part["time"] <= day)).sum())
        for statistic, value in (("survival", share), ("conf_low", low), ("conf_high", high)):
            level: dict[str, Any] = {"conf_level": analysis.conf_level} if statistic != "survival" else {}
            rows.add(statistic, value, n=n, events=behind, day=day, level=AFTER, term=band, **level)
    rows.add("median", median(curve.time, curve.survival), n=n, events=events, level=AFTER, term=band)
