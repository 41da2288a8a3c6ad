"""What a rule sees of each person: looks, events, days of use, and how long somebody looked."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ketaoutcomes.derive.endpoints import criterion_met
from ketaoutcomes.derive.visits import PERSON, baselines
from ketaoutcomes.domain.rules import DaysRule, Origin, RunRule
from ketaoutcomes.domain.study import Study

#: Days of a unit of the study's time, for rules; months have no fixed number.
DAYS = {"days": 1.0, "weeks": 7.0}


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one person: `day` from the period's start; does it count, is it the state that risk begins with? None: not known. `made`: is there a score?"""

    day: float
    counts: bool | None
    origin: bool | None = None
    made: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """Everything a rule needs to know of one person; days count from the period's start.

    Attributes
    ----------
    looks
        In order of days, after the baseline.
    events
        Day and type, in order.
    end
        Last day of follow-up; None: as far as there are looks.
    status, reason, last_day
        Disposition, where there is one.
    state
        The visit that the rule's origin names.
    sessions
        Days of treatment, in order.
    """

    participant: int
    looks: list[Look] = field(default_factory=list[Look])
    events: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    end: float | None = None
    status: str = ""
    reason: str = ""
    last_day: float | None = None
    state: Look | None = None
    sessions: tuple[float, ...] = ()


def people_of(study: Study, rule: RunRule | DaysRule, cohort: dict[str, pd.DataFrame], people: pd.DataFrame, scores: pd.DataFrame) -> list[Person]:
    """Each person of the rule's period as the rule sees them."""
    inside = people[people["period"] == rule.period].set_index("participant").sort_index()
    looks = _looks(study, rule, cohort, people, scores) if isinstance(rule, RunRule) else {}
    states = _states(study, rule, scores) if isinstance(rule, RunRule) and isinstance(rule.origin, Origin) else {}
    events = _events(cohort["events"], inside["start"])
    sessions = _sessions(cohort["sessions"], rule.period, inside["start"])
    until = ends(study, rule.period, rule.follow_up, inside)
    found: list[Person] = []
    columns = (inside.index, inside["status"].fillna(""), inside["reason"].fillna(""), inside["last_day"].astype("float64"))
    for who, status, reason, last in zip(*columns, strict=True):
        day = None if np.isnan(last) else float(last)
        told = (str(status), str(reason), day, states.get(who), sessions.get(who, ()))
        found.append(Person(who, looks.get(who, []), events.get(who, []), until.get(who), *told))
    return found


def ends(study: Study, period: str, follow_up: str, inside: pd.DataFrame) -> dict[int, float]:
    """Last day of follow-up by participant, from the period's start; nobody's where looks themselves tell it."""
    if follow_up == "last_look":
        return {}
    if follow_up == "schedule":
        last = max((visit.time for visit in study.visits_of(period)), default=0.0)
        return dict.fromkeys(map(int, inside.index), last * DAYS[study.time_unit])
    days = inside["last_day"] if follow_up == "disposition" else inside[follow_up].astype("float64") * DAYS[study.time_unit]
    return {int(who): float(day) for who, day in days.dropna().items()}  # pyright: ignore[reportArgumentType] - an index of integers


def _events(events: pd.DataFrame, start: pd.Series) -> dict[int, list[tuple[float, str]]]:
    rows = events[events["participant"].isin(list(start.index))]
    days = rows["day"] - rows["participant"].map(start).astype("float64")
    found: dict[int, list[tuple[float, str]]] = {}
    for who, day, event in sorted(zip(rows["participant"], days, rows["event"], strict=True)):
        found.setdefault(int(who), []).append((float(day), str(event)))
    return found


def _sessions(sessions: pd.DataFrame, period: str, start: pd.Series) -> dict[int, tuple[float, ...]]:
    rows = sessions[(sessions["period"] == period) & sessions["day"].notna() & sessions["participant"].isin(list(start.index))]
    days = rows["day"] - rows["participant"].map(start).astype("float64")
    return {int(who): tuple(sorted(map(float, own))) for who, own in days.groupby(rows["participant"])}  # pyright: ignore[reportArgumentType] - an integer


def _looks(study: Study, rule: RunRule, cohort: dict[str, pd.DataFrame], people: pd.DataFrame, scores: pd.DataFrame) -> dict[int, list[Look]]:
    rows = _scheduled(study, rule, scores) if rule.looks == "visits" else _recorded(study, rule, cohort["assessments"], people, scores)
    rows = rows.sort_values(["participant", "day"], kind="stable")
    scale = study.scale(rule.parameter)
    state = criterion_met(rows, scale, scale.criteria[rule.cutoff])
    counts = {"met": state, "not_met": 1 - state, "missing": rows["aval"].isna().astype(float)}[rule.when]
    begin = None if isinstance(rule.origin, str) else rule.origin.cutoff
    begins = criterion_met(rows, scale, scale.criteria[begin]) if begin else counts * np.nan
    found: dict[int, list[Look]] = {}
    for who, day, count, begin, made in zip(rows["participant"], rows["day"], counts, begins, rows["aval"].notna(), strict=True):
        found.setdefault(int(who), []).append(Look(float(day), _flag(count), _flag(begin), bool(made)))
    return found


def _states(study: Study, rule: RunRule, scores: pd.DataFrame) -> dict[int, Look]:
    """Each person at the visit that the rule's origin names."""
    assert isinstance(rule.origin, Origin)
    rows = scores[(scores["period"] == rule.period) & (scores["paramcd"] == rule.parameter) & (scores["avisit"] == rule.origin.visit)]
    scale = study.scale(rule.parameter)
    begins = criterion_met(rows, scale, scale.criteria[rule.origin.cutoff])
    days = rows["avisitn"] * DAYS[study.time_unit]
    return {int(who): Look(float(day), None, _flag(begin)) for who, day, begin in zip(rows["participant"], days, begins, strict=True)}


def _flag(value: float) -> bool | None:
    return None if np.isnan(value) else value > 0


def _scheduled(study: Study, rule: RunRule, scores: pd.DataFrame) -> pd.DataFrame:
    """Every scheduled visit after baseline, at its scheduled time."""
    rows = scores[(scores["period"] == rule.period) & (scores["paramcd"] == rule.parameter) & (scores["ablfl"] == "no")]
    return rows.assign(day=rows["avisitn"] * DAYS[study.time_unit])


def _recorded(study: Study, rule: RunRule, assessments: pd.DataFrame, people: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Every record after the period's start, on its day; a record that names a visit and no day, at the visit's time."""
    rows = assessments[(assessments["period"] == rule.period) & (assessments["parameter"] == rule.parameter)]
    rows = rows.merge(people[[*PERSON, "start"]], on=PERSON)
    times = {visit.id: visit.time * DAYS[study.time_unit] for visit in study.visits_of(rule.period)}
    day = (rows["day"] - rows["start"]).fillna(rows["visit"].map(times).astype("float64"))
    rows = rows.assign(day=day, aval=rows["value"], paramcd=rows["parameter"])
    rows = rows[rows["day"] > 0].merge(baselines(study, scores), on=[*PERSON, "paramcd"], how="left")
    change = rows["aval"] - rows["base"]
    return rows.assign(chg=change, pchg=(100 * change / rows["base"]).where(rows["base"] != 0))
