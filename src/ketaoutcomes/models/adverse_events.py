"""{title}: adverse events that began from the start of {period} to {end} were counted in {population} by the arm {arm}. A person
counts once in each class and term. Rates are people with an event per 100 person-years until their first (exact Poisson limits),
so that arms followed for different times can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from ketaoutcomes.domain.analyses import AdverseEvents
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of, people_of
from ketaoutcomes.models._words import population_words
from ketaoutcomes.schema.ard import ANY_EVENT, ANY_OF_CLASS

_YEAR = 365.25


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """People, events and rates: any event, any serious one, each class, each term within its class."""
    analysis = study.analyses[name]
    assert isinstance(analysis, AdverseEvents)
    people = people_of(analysis, data)
    rows = results(study, name)
    after = f"{analysis.after:g} days after" if analysis.after else ""
    rows.method(
        __doc__,
        title=analysis.title,
        period=study.period(analysis.period).label.lower(),
        end=f"{after} each person's end of follow-up".strip(),
        population=population_words(study, analysis.population),
        arm="actually received" if analysis.arms == "actual" else "planned",
    )
    emerging = _emerging(analysis, data["adae"], people)
    untimed = int(people["last_day"].isna().sum())
    for arm in arms_of(study, people):
        part = people[people["arm"] == arm].set_index("participant")
        _arm(rows, arm, part, emerging[emerging["participant"].isin(part.index)], analysis.after)
    rows.add("n", untimed, n=untimed, term="left out of rates: without an end of follow-up")
    rows.verdict("ok", "counted")
    return rows.frame()


def _emerging(analysis: AdverseEvents, events: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Adverse events of the period, with the day from its start."""
    inside: pd.DataFrame = events[events["class"].notna()].merge(people[["participant", "start", "last_day"]], on="participant")
    inside = inside.assign(at=inside["ady"] - inside["start"])
    late: pd.Series = (inside["at"] > inside["last_day"] + analysis.after).fillna(False).astype(bool)
    begun: pd.Series = inside["at"] >= 0
    return pd.DataFrame(inside[begun & ~late])


def _arm(rows: Results, arm: str, people: pd.DataFrame, events: pd.DataFrame, after: float) -> None:
    rows.add("n", len(people), n=len(people), parameter="adverse event", arm=arm)
    _line(rows, arm, people, events, after, ANY_EVENT, "")
    _line(rows, arm, people, events[events["serious"] == "yes"], after, "any serious", "")
    for group, of_class in events.groupby("class", sort=True):
        _line(rows, arm, people, of_class, after, ANY_OF_CLASS, str(group))
        for term, of_term in of_class.groupby("event", sort=True):
            _line(rows, arm, people, of_term, after, str(term), str(group))


def _line(rows: Results, arm: str, people: pd.DataFrame, events: pd.DataFrame, after: float, term: str, group: str) -> None:
    """People with the event, how often it happened, and the rate until each person's first."""
    first = events.groupby("participant")["at"].min()
    n, with_event = len(people), len(first)
    behind: dict[str, Any] = {"n": n, "events": with_event, "parameter": "adverse event", "arm": arm, "term": term, "level": group}
    rows.add("n_events", with_event, **behind)
    rows.add("percent", 100 * with_event / n if n else float("nan"), **behind)
    rows.add("n_records", len(events), **{**behind, "events": len(events)})  # pyright: ignore[reportArgumentType] - keys of the ARD
    followed = people["last_day"].dropna() + after
    exposed = float(followed.where(~followed.index.isin(first.index), first.reindex(followed.index)).sum())
    counted = int(first.index.isin(followed.index).sum())
    years = exposed / _YEAR
    low, high = _poisson(counted)
    for statistic, value in (("rate", counted), ("conf_low", low), ("conf_high", high)):
        level: dict[str, Any] = {} if statistic == "rate" else {"conf_level": 0.95}
        rows.add(statistic, 100 * value / years if years > 0 else float("nan"), method="exact", **behind, **level)


def _poisson(count: int) -> tuple[float, float]:
    """Exact 95 % limits of a Poisson count (Garwood 1936)."""
    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low, float(gammaincinv(count + 1, 0.975)) if np.isfinite(count) else float("nan")
