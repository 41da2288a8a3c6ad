"""{title}: time from the start of {period} to the event was described in {population} by product-limit curves
with Greenwood errors and limits on the {limits} scale; arms were compared by {test}. The event: {rule}."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import KaplanMeier
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of
from ketaoutcomes.models._steps import Steps, add_counts, add_curve
from ketaoutcomes.models._survival import log_rank, median, product_limit
from ketaoutcomes.models._times import other_choices, strata_of, times
from ketaoutcomes.models._words import population_words
from ketaoutcomes.schema.analysis_data import COMPETING
from ketaoutcomes.schema.ard import OTHER_CHOICE


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Curve, numbers at risk, median and log-rank test."""
    analysis = study.analyses[name]
    assert isinstance(analysis, KaplanMeier)
    found, left_out = times(analysis, data, analysis.strata)
    arms = arms_of(study, found)
    rows = results(study, name, parameter=analysis.endpoint)
    stratified = f" stratified by {', '.join(analysis.strata)}" if analysis.strata else ""
    weighted = f"log-rank test with weights S^{analysis.rho:g} (1 - S)^{analysis.gamma:g}" if analysis.rho or analysis.gamma else "log-rank test"
    _describe_method(rows, study, analysis, f"the {weighted}{stratified}" if len(arms) > 1 else "no test (one arm)")
    if not len(found):
        rows.verdict("not_estimable", "nobody has a time")
        return rows.frame()
    for arm in arms:
        part = found[found["arm"] == arm]
        _describe(rows, part, arm, analysis)
        _without(rows, part, arm)
    if len(arms) > 1 and found["event"].any():
        _test(rows, found, analysis)
    for other in other_choices(analysis, data):
        _other(rows, times(analysis, data, analysis.strata, other)[0], arms, analysis, other)
    rows.add("n", left_out, n=left_out, term="left out: without a time")
    rows.verdict("ok", "closed form")
    return rows.frame()


def _describe(rows: Results, part: pd.DataFrame, arm: str, analysis: KaplanMeier) -> None:
    time, event = part["time"].to_numpy(float), part["event"].to_numpy(bool)
    curve = product_limit(time, event, analysis.conf_level, analysis.limits)
    n, events = len(part), int(event.sum())
    rows.add("n", n, n=n, arm=arm)
    rows.add("n_events", events, n=n, events=events, arm=arm)
    steps = Steps(curve.time, curve.at_risk, curve.events, curve.survival, curve.lower, curve.upper)
    add_curve(rows, "survival", 1.0, steps, arm=arm, conf_level=analysis.conf_level)
    days = range(0, int(time.max()) + 1, analysis.at_risk_every)
    add_counts(rows, days, part["time"], {"n_events": part["event"], "n_censored": ~part["event"]}, arm=arm)
    rows.add("median", median(curve.time, curve.survival), n=n, events=events, term="median", arm=arm)
    rows.add("conf_low", median(curve.time, curve.lower), n=n, events=events, term="median", arm=arm, conf_level=analysis.conf_level)
    rows.add("conf_high", median(curve.time, curve.upper), n=n, events=events, term="median", arm=arm, conf_level=analysis.conf_level)


def _without(rows: Results, part: pd.DataFrame, arm: str) -> None:
    """How the time of people without the event ended; competing events are named."""
    ended = part[~part["event"]]
    rows.add("n_censored", len(ended), n=len(part), events=len(ended), term="ended", arm=arm)
    for (status, reason), people in ended.groupby(["cnsr", "reason"]):
        term = f"ended: {reason}{' (competing event)' if status == COMPETING else ''}"
        rows.add("n_censored", len(people), n=len(part), events=len(people), term=term, arm=arm)


def _other(rows: Results, found: pd.DataFrame, arms: list[str], analysis: KaplanMeier, other: str) -> None:
    """The main results under another choice of the rule."""
    key: dict[str, Any] = {"term": OTHER_CHOICE, "subgroup": "definition", "level": other}
    for arm in arms:
        part = found[found["arm"] == arm]
        curve = product_limit(part["time"].to_numpy(float), part["event"].to_numpy(bool), analysis.conf_level)
        n, events = len(part), int(part["event"].sum())
        rows.add("n", n, n=n, arm=arm, **key)
        rows.add("n_events", events, n=n, events=events, arm=arm, **key)
        rows.add("median", median(curve.time, curve.survival), n=n, events=events, arm=arm, **key)
    if len(arms) > 1 and found["event"].any():
        _test(rows, found, analysis, **key)


def _test(rows: Results, found: pd.DataFrame, analysis: KaplanMeier, **key: Any) -> None:  # noqa: ANN401 - columns of the ARD's key
    strata = strata_of(found, analysis.strata)
    values = log_rank(found["time"].to_numpy(float), found["event"].to_numpy(bool), list(found["arm"]), strata, analysis.rho, analysis.gamma)
    n, events = int(found.groupby("arm").size().min()), int(found.groupby("arm")["event"].sum().min())
    for statistic, value in zip(("chisq", "df", "p_value"), values, strict=True):
        rows.add(statistic, value, n=n, events=events, **{"term": "log-rank", **key})


def _describe_method(rows: Results, study: Study, analysis: KaplanMeier, test: str) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, TimeEndpoint)
    rows.method(
        __doc__,
        title=analysis.title,
        period=study.period(analysis.period).label.lower(),
        population=population_words(study, analysis.population),
        limits=analysis.limits,
        test=test,
        rule=study.rule_words(endpoint.rule),
    )
