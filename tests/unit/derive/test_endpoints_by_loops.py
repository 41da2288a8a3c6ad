"""Endpoints against an independent account: plain loops over one person's visits, written from the words of the definitions.

The loops know nothing of data frames. Scores are whole numbers, so that a half is told without rounding.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import DAYS, plan, record, tables

AFTER = list(DAYS)[1:]
#: Cut-offs by id: what they ask of score and baseline. MADRS: less is better; Well: more is better.
CUTOFFS = {
    "madrs": {
        "response_50": lambda score, base: None if base in {None, 0} else 2 * (base - score) >= base,
        "remission_12": lambda score, base: score <= 12,
        "relapse_22": lambda score, base: score >= 22,
        "trt_10": lambda score, base: None if base is None else base - score >= 10,
    },
    "well": {
        "up_50": lambda score, base: None if base in {None, 0} else 2 * (score - base) >= base,
        "good_40": lambda score, base: score >= 40,
        "up_10": lambda score, base: None if base is None else score - base >= 10,
    },
}


@dataclass
class Person:
    """One person: baseline, then score and day of each later visit (None where missing), and the day of a rescue."""

    base: int | None
    scores: list[int | None]
    days: list[float | None]
    rescue: float | None

    def late(self) -> list[bool]:
        """Which visits lie after the rescue; a visit without a day lies where it was planned."""
        late = []
        for visit, score, day in zip(AFTER, self.scores, self.days, strict=True):
            when = DAYS[visit] if score is None or day is None else day
            late.append(self.rescue is not None and when > self.rescue)
        return late


def carried(scores: list[int | None]) -> list[int | None]:
    found, last = [], None
    for score in scores:
        last = last if score is None else score
        found.append(last)
    return found


def scores_of(person: Person, missing: str) -> list[int | None]:
    return carried(person.scores) if missing == "last_observation" else person.scores


def met_at(endpoint: dict[str, Any], parameter: str, person: Person, strategy: str, error: float) -> list[bool | None]:
    """Was the criterion met at each visit: yes, no, or not known?"""
    found: list[bool | None] = []
    for score, late in zip(scores_of(person, endpoint["missing"]), person.late(), strict=True):
        if late and strategy == "composite":
            found.append(False)
        elif score is None:
            found.append(None)
        elif endpoint["kind"] == "reliable_change":
            better = 1 if (parameter == "well") == (endpoint["direction"] == "improved") else -1
            known = person.base is not None and not math.isnan(error)
            found.append(better * (score - person.base) > endpoint["level"] * error if known else None)
        else:
            found.append(CUTOFFS[parameter][endpoint["cutoff"]](score, person.base))
    return found


def kept(endpoint: dict[str, Any], met: dict[str, bool | None]) -> bool | None:
    """Was it met at the visits asked for, but for so many?"""
    looked = {visit: met[visit] for visit in endpoint["visits"]}
    if endpoint["missing"] == "nonresponse":
        looked = {visit: bool(value) for visit, value in looked.items()}
    if endpoint["missing"] in {"non_evaluable", "last_observation"} and None in looked.values():
        return None
    if endpoint["missing"] == "observed":
        if any(looked[visit] is None for visit in endpoint["always"]):
            return None
        looked = {visit: value for visit, value in looked.items() if value is not None}
        if not looked:
            return None
    missed = [visit for visit, value in looked.items() if not value]
    return len(missed) <= endpoint["excursions"] and not set(missed) & set(endpoint["always"])


def under(endpoint: dict[str, Any], person: Person) -> float | None:
    """Area under the lines that join a person's scores."""
    by: dict[str, float | None] = {"base": person.base, **dict(zip(AFTER, scores_of(person, endpoint["missing"]), strict=True))}
    if endpoint["of"] == "change":
        by = {visit: None if value is None or person.base is None else value - person.base for visit, value in by.items()}
    known = [(DAYS[visit], by[visit]) for visit in endpoint["visits"] if by[visit] is not None]
    ends = {DAYS[endpoint["visits"][0]], DAYS[endpoint["visits"][-1]]}
    if not ends <= {day for day, _ in known} or (endpoint["missing"] != "observed" and len(known) < len(endpoint["visits"])):
        return None
    total = 0.0
    for at in range(1, len(known)):
        (day, value), (earlier, before) = known[at], known[at - 1]
        total += (day - earlier) * (value + before) / 2
    return total / (max(ends) - min(ends)) if endpoint["per_time"] else total


def expected(endpoint: dict[str, Any], parameter: str, person: Person, strategy: str, sd: float) -> dict[str, tuple[float | None, str]]:
    """Value and whether it is analysed, by visit."""
    out = dict(zip(AFTER, person.late(), strict=True)) if strategy == "hypothetical" else dict.fromkeys(AFTER, False)
    said = {visit: "no" if out[visit] else "yes" for visit in AFTER}
    kind = endpoint["kind"]
    if kind in {"area", "sustained"}:
        left = "no" if any(out.get(visit, False) for visit in endpoint["visits"]) else "yes"
        if kind == "area":
            return {endpoint["visits"][-1]: (under(endpoint, person), left)}
        met = dict(zip(AFTER, met_at(endpoint, parameter, person, strategy, math.nan), strict=True))
        return {endpoint["visits"][-1]: (kept(endpoint, met), left)}
    if kind in {"value", "change", "percent_change"}:
        return {visit: (changed(kind, score, person.base), said[visit]) for visit, score in zip(AFTER, carried(person.scores), strict=True)}
    error = math.nan
    if kind == "reliable_change":
        error = (sd if endpoint["sd"] == "baseline" else endpoint["sd"]) * math.sqrt(2 * (1 - endpoint["reliability"]))
    met = met_at(endpoint, parameter, person, strategy, error)
    if endpoint["missing"] == "nonresponse":
        met = [bool(value) for value in met]
    if kind == "onset":
        met = [any(met[: at + 1]) for at in range(len(met))]
    return {visit: (value, said[visit]) for visit, value in zip(AFTER, met, strict=True)}


def changed(kind: str, score: int | None, base: int | None) -> float | None:
    if kind == "value" or score is None:
        return score
    if base is None:
        return None
    if kind == "change":
        return score - base
    return None if base == 0 else 100 * (score - base) / base


@st.composite
def people(draw: st.DrawFn) -> Person:
    # few values, so that edges are hit: half, 10 points, thresholds
    score = st.one_of(st.none(), st.sampled_from([0, 5, 10, 12, 13, 15, 20, 21, 22, 29, 30, 39, 40, 50, 60]))
    base = draw(st.sampled_from([None, 0, 10, 20, 24, 30, 40, 40, 40]))
    days = [draw(st.sampled_from([None, DAYS[visit] - 1, DAYS[visit], DAYS[visit], DAYS[visit] + 0.5])) for visit in AFTER]
    rescue = draw(st.one_of(st.none(), st.sampled_from([-1.0, 1.0, 2.0, 2.2, 8.0, 14.5, 22.0, 28.0, 40.0])))
    return Person(base, [draw(score) for _ in AFTER], days, rescue)


@st.composite
def several(draw: st.DrawFn, *, first: bool) -> list[str]:
    chosen = draw(st.sets(st.sampled_from(list(DAYS) if first else AFTER), min_size=2))
    return [visit for visit in DAYS if visit in chosen]


@st.composite
def definitions(draw: st.DrawFn, parameter: str) -> dict[str, Any]:
    """An endpoint of any kind that is more than a score as it was observed."""
    kind = draw(st.sampled_from(["cutoff", "onset", "sustained", "sustained", "reliable_change", "area", "area", "value", "change", "percent_change"]))
    cutoff = draw(st.sampled_from(list(CUTOFFS[parameter])))
    rule = draw(st.sampled_from(["observed", "nonresponse", "non_evaluable", "last_observation"]))
    if kind in {"value", "change", "percent_change"}:
        return {"kind": kind, "missing": "last_observation"}
    if kind == "onset":
        return {"kind": kind, "cutoff": cutoff, "missing": "nonresponse"}
    if kind == "cutoff":
        return {"kind": kind, "cutoff": cutoff, "missing": rule}
    if kind == "area":
        rule = draw(st.sampled_from(["non_evaluable", "observed", "last_observation"]))
        return {
            "kind": kind, "of": draw(st.sampled_from(["value", "change"])), "visits": draw(several(first=True)),
            "per_time": draw(st.booleans()), "missing": rule,
        }  # fmt: skip
    if kind == "sustained":
        visits = draw(several(first=False))
        always = sorted(draw(st.sets(st.sampled_from(visits), max_size=2)))
        return {
            "kind": kind, "cutoff": cutoff, "visits": visits, "excursions": draw(st.integers(0, len(visits) - 1)), "always": always,
            "missing": rule, "source": "s",
        }  # fmt: skip
    # 10 x sqrt(2 (1 - 0.875)) = 5 and 4 x sqrt(2 x 0.5) = 4 without rounding: a change may lie exactly at twice the error
    sd, reliability = draw(st.sampled_from([(10.0, 0.875), (4.0, 0.5), ("baseline", 0.8)]))
    direction = draw(st.sampled_from(["improved", "worsened"]))
    return {
        "kind": kind, "direction": direction, "sd": sd, "reliability": reliability, "level": draw(st.sampled_from([2.0, 1.96])), "missing": rule, "source": "s",
    }  # fmt: skip


@st.composite
def studies(draw: st.DrawFn) -> tuple[str, str, list[dict[str, Any]], list[Person]]:
    parameter = draw(st.sampled_from(["madrs", "well"]))
    strategy = draw(st.sampled_from(["treatment_policy", "composite", "hypothetical"]))
    return parameter, strategy, draw(st.lists(definitions(parameter), min_size=4, max_size=6)), draw(st.lists(people(), min_size=1, max_size=5))


def records(person: Person, at: int, parameter: str) -> list[dict[str, Any]]:
    first = [] if person.base is None else [record(at, "base", person.base, parameter=parameter)]
    later = zip(AFTER, person.scores, person.days, strict=True)
    return [*first, *(record(at, visit, score, parameter=parameter, day=day) for visit, score, day in later if score is not None)]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(studies())
def test_endpoints_are_what_their_words_say(made: tuple[str, str, list[dict[str, Any]], list[Person]]) -> None:
    parameter, strategy, endpoints, persons = made
    study = plan({f"e{at}": entry for at, entry in enumerate(endpoints)}, parameter, intercurrent=[{"event": "rescue", "strategy": strategy, "reason": "r"}])
    seen = [row for at, person in enumerate(persons, start=1) for row in records(person, at, parameter)]
    rescues = [(at, person.rescue) for at, person in enumerate(persons, start=1) if person.rescue is not None]
    data = tables(study, seen, rescues, [{"participant": at} for at in range(1, len(persons) + 1)])
    bases = [person.base for person in persons if person.base is not None]
    spread = statistics.stdev(bases) if len(bases) > 1 else math.nan
    for number, endpoint in enumerate(endpoints):
        column = {"change": "chg", "percent_change": "pchg"}.get(endpoint["kind"], "aval")
        rows = data[(data["paramcd"] == f"e{number}") & ((data["ablfl"] == "no") | (endpoint["kind"] == "area"))]
        found = {(at, visit): (value, anl) for at, visit, value, anl in zip(rows["participant"], rows["avisit"], rows[column], rows["anl"], strict=True)}
        wanted = {
            (at, visit): pair
            for at, person in enumerate(persons, start=1)
            for visit, pair in expected(endpoint, parameter, person, strategy, spread or math.nan).items()
        }
        assert set(found) == set(wanted)
        for key, (value, said) in wanted.items():
            assert found[key] == (pytest.approx(math.nan if value is None else float(value), abs=1e-9, nan_ok=True), said), (endpoint, persons[key[0] - 1])
