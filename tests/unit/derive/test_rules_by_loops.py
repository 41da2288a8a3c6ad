"""Rules against an independent account: plain loops over one person's records, written from the words of the keys.

The loops know nothing of data frames, and look for a run from its first look on, where the pipeline looks back from its last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from math import floor, inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from judged import cohort_of, study_of

from ketaoutcomes.derive import derive

DAYS = {f"v{week}": 7.0 * week for week in range(1, 7)}
Verdict = tuple[float, int, str] | None


@dataclass
class Person:
    """One person: baseline, visits (score, and day if it was written), other records, events, and how it ended."""

    base: int | None
    visits: dict[str, tuple[int, float | None]]
    other: list[tuple[float, int]]
    events: list[tuple[float, str]]
    status: str
    reason: str | None
    last: float
    until: float | None


@dataclass
class Seen:
    """One look."""

    day: float
    score: int | None
    counts: bool = field(default=False)


def meets(cutoff: str, score: int | None, base: int | None) -> bool | None:
    """Relapse: 22 or more. Response: half of baseline or less, unknown without a baseline above 0."""
    if score is None:
        return None
    if cutoff == "relapse_22":
        return score >= 22
    return None if not base else 2 * score <= base


def end_of(rule: dict[str, Any], person: Person) -> float | None:
    ends = {"schedule": 42.0, "disposition": person.last if person.status else None, "last_look": None, "until": person.until}
    return ends[rule["follow_up"]]


def seen(rule: dict[str, Any], person: Person, end: float) -> list[Seen]:
    """Every look until the end of follow-up, in order of days."""
    if rule["looks"] == "visits":
        found = [Seen(day, person.visits[visit][0] if visit in person.visits else None) for visit, day in DAYS.items()]
    else:
        found = [Seen(DAYS[visit] if day is None else day, score) for visit, (score, day) in person.visits.items()]
        found += [Seen(day, score) for day, score in person.other]
    return sorted((look for look in found if 0 < look.day <= end), key=lambda look: look.day)


def state(rule: dict[str, Any], look: Seen, base: int | None) -> bool | None:
    """Does a look count; None: to be passed over."""
    if rule["when"] == "missing":
        return look.score is None
    met = meets(rule["cutoff"], look.score, base)
    if met is None:
        return {"met": True, "not_met": False, "skipped": None}[rule["missing"]]
    return met if rule["when"] == "met" else not met


def completed(rule: dict[str, Any], looks: list[Seen]) -> tuple[float, float] | None:
    """First and completing day of the run that is complete first."""
    best: tuple[float, float] | None = None
    for first in range(len(looks)):
        number = 0
        for at in range(first, min(first + rule["of"], len(looks))):
            if at > first and rule["gap"] and not rule["gap"][0] <= looks[at].day - looks[at - 1].day <= rule["gap"][1]:
                break
            number += looks[at].counts
            if looks[first].counts and looks[at].counts and number == rule["met"]:
                if best is None or looks[at].day < best[1] or (looks[at].day == best[1] and looks[first].day > best[0]):
                    best = looks[first].day, looks[at].day
                break
    return best


def used(rule: dict[str, Any], events: list[tuple[float, str]]) -> tuple[float, float] | None:
    """First and completing day of the first window with enough days of use."""
    by_day = {floor(day): 0.0 for day, event in events if event in rule["types"]}
    for day, event in events:
        if event in rule["types"]:
            by_day[floor(day)] = max(by_day[floor(day)], rule["types"][event])
    for last in range(-10, 100):
        inside = [day for day in range(-10, last + 1) if last - day < rule["window"] and day in by_day]
        if last in inside and sum(by_day[day] for day in inside) >= rule["at_least"]:
            return float(inside[0]), float(last)
    return None


def dropped(rule: dict[str, Any], person: Person, made: list[Seen]) -> float | None:
    """Day on which dropping out is the event."""
    if not rule["dropout"] or person.status not in rule["dropout"]["statuses"]:
        return None
    day = person.last if rule["dropout"]["dated"] == "disposition" else max((look.day for look in made if look.score is not None), default=0.0)
    return day + rule["dropout"]["plus"]


def begins(rule: dict[str, Any], person: Person, looks: list[Seen]) -> tuple[str, float]:
    """`at risk` from a day on; `late`: the visit's day, counted from 0; `never`; or `missed` at a day."""
    origin = rule["origin"]
    if origin == "period_start":
        return "at risk", 0.0
    if origin["visit"] is None:
        days = [look.day for look in looks if meets(origin["cutoff"], look.score, person.base)]
        return ("at risk", days[0]) if days else ("never", inf)
    there = meets(origin["cutoff"], person.visits.get(origin["visit"], (None, None))[0], person.base)
    met, missed = {"event": ("late", "missed"), "not_at_risk": ("at risk", "never")}[origin["otherwise"]]
    return (met if there else missed), DAYS[origin["visit"]]


def verdict(rule: dict[str, Any], person: Person) -> Verdict:
    """Time, status and reason; None for those not at risk."""
    if rule["kind"] == "first_of":
        return composite([verdict(part, person) for part in rule["of"]])
    end = end_of(rule, person)
    follow = inf if end is None else end
    looks = seen(rule, person, follow) if rule["kind"] == "run" else []
    how, day = begins(rule, person, looks)
    if how == "never":
        return None
    zero, risk = (0.0 if how == "late" else day), day + rule["grace"]
    order = {name: at for at, name in enumerate(rule["same_day"])}
    events = [(at, event) for at, event in person.events if at <= follow]
    zero = 0.0 if how == "missed" else zero
    found = [(at, order["competing"], 2, event) for at, event in events if event in rule["competing"] and at >= zero]
    gone = dropped(rule, person, looks)
    # who was seen after the day they left has a time of 0 at least
    out = [] if gone is None else [(max(gone, zero), 3, 0, "dropped out")]
    if how == "missed":
        first = min([*found, *out, (day, order["looks"], 0, f"not at the starting state at {rule['origin']['visit']}")])
        return first[0], first[2], first[3]
    found += [(at, order["events"], 0, event) for at, event in events if event in rule["events"] and at >= risk]
    known = min((one[0] for one in found), default=inf)
    considered = []
    for look in looks:
        counts = state(rule, look, person.base) if look.day > zero and look.day >= risk else None
        if counts is not None:
            considered.append(Seen(look.day, look.score, counts))
    if rule["kind"] == "run":
        done, why = completed(rule, [look for look in considered if look.day <= known]), "assessments"
    else:
        done, why = used(rule, [event for event in events if risk <= event[0] <= known]), "days of use"
    if done:
        found.append((done[0] if rule["dated"] == "first" else done[1], order["looks"], 0, why))
    found += out
    if found:
        first = min(found)
        return first[0] - zero, first[2], first[3]
    return without(rule, person, considered, zero, end)


def without(rule: dict[str, Any], person: Person, looks: list[Seen], zero: float, end: float | None) -> Verdict:
    """When and why nothing more was seen."""
    why = "end of follow-up" if person.status in {"", "completed"} else (person.reason or person.status)
    if rule["kind"] == "days":
        return max((zero if end is None else end) - zero, 0.0), 1, why
    if not looks:
        return 0.0, 1, "no assessment"
    last = looks[-1].day
    starts = [look.day for at, look in enumerate(looks) if at + rule["met"] <= len(looks)] or [looks[0].day]
    stops = {"last_look": last, "last_start": starts[-1], "follow_up": last if end is None else end}[rule["censored_at"]]
    if rule["met"] > 1 and looks[-1].counts:
        stops, why = min(stops, last), "unconfirmed"
    return stops - zero, 1, why


def composite(parts: list[Verdict]) -> Verdict:
    """The earliest verdict; on one day an event, then a competing one, then an end. A rule that never looked says nothing."""
    best: Verdict = None
    told = [part for part in parts if part is not None]
    for part in [part for part in told if part[2] != "no assessment"] or told:
        if best is None or part[0] < best[0] or (part[0] == best[0] and (0, 2, 1).index(part[1]) < (0, 2, 1).index(best[1])):
            best = part
    return best


@st.composite
def people(draw: st.DrawFn) -> Person:
    score = st.sampled_from([0, 5, 10, 11, 21, 22, 22, 30, 30])
    visits: dict[str, tuple[int, float | None]] = {}
    for visit, day in DAYS.items():
        if draw(st.integers(0, 4)):
            visits[visit] = (draw(score), draw(st.sampled_from([None, day, day, day - 1.0, day + 0.5])))
    taken = {DAYS[visit] if day is None else day for visit, (_, day) in visits.items()}
    free = [day for day in (0.0, 3.0, 9.0, 11.0, 12.0, 19.5, 26.0, 44.0, 50.0) if day not in taken]
    other = [(day, draw(score)) for day in draw(st.lists(st.sampled_from(free), max_size=2, unique=True))]
    when = st.sampled_from([-2.0, 0.0, 5.0, 6.0, 7.0, 8.0, 9.0, 9.5, 10.0, 11.0, 13.5, 14.0, 15.0, 20.0, 21.0, 28.0, 35.0, 42.0, 43.0, 60.0])
    events = draw(st.lists(st.tuples(when, st.sampled_from(["rescue", "death", "use", "use", "use", "binge", "other"])), max_size=6))
    status = draw(st.sampled_from(["", "completed", "lost", "moved"]))
    until = draw(st.sampled_from([None, 0.0, 13.0, 14.0, 28.0, 42.0, 45.0]))
    reason = draw(st.sampled_from([None, "a reason"]))
    last = draw(st.sampled_from([0.0, 4.0, 10.0, 14.0, 27.0, 28.0, 42.0, 50.0]))
    return Person(draw(st.sampled_from([None, 0, 20, 22, 40])), visits, other, events, status, reason, last, until)


@st.composite
def watched(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What the rules of both kinds say."""
    drop = {"statuses": ["lost"], "dated": draw(st.sampled_from(["disposition", "last_look"])), "plus": draw(st.sampled_from([0.0, 7.0]))}
    follow = ["schedule", "disposition", "until", *(["last_look"] if kind == "run" else [])]
    return {
        "kind": kind, "period": "main", "origin": "period_start", "grace": draw(st.sampled_from([0.0, 0.0, 7.0, 10.0])),
        "follow_up": draw(st.sampled_from(follow)), "events": draw(st.sampled_from([[], ["rescue"]])), "competing": draw(st.sampled_from([[], ["death"]])),
        "same_day": list(draw(st.sampled_from(list(permutations(["events", "looks", "competing"]))))),
        "dropout": draw(st.sampled_from([None, drop])), "dated": draw(st.sampled_from(["first", "confirming"])), "source": "s",
    }  # fmt: skip


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    looks = draw(st.sampled_from(["records", "visits"]))
    when = draw(st.sampled_from(["met", "not_met", *(["missing"] if looks == "visits" else [])]))
    missing = {"records": ["skipped"], "visits": ["met"] if when == "missing" else ["met", "not_met", "skipped"]}[looks]
    met = draw(st.integers(1, 3))
    of = draw(st.sampled_from([met, met, met + 1, met + 2]))
    gap = draw(st.sampled_from([None, [5.0, 9.0], [7.0, 7.0], [7.5, 14.0]])) if met == of else None
    otherwise = draw(st.sampled_from(["not_at_risk", "event"]))
    visit = draw(st.sampled_from(["v1", "v2", *([None] if otherwise == "not_at_risk" else [])]))
    origin = {"cutoff": draw(st.sampled_from(["relapse_22", "response_50"])), "visit": visit, "otherwise": otherwise}
    rule = {
        **draw(watched("run")), "parameter": "madrs", "cutoff": draw(st.sampled_from(["relapse_22", "response_50"])), "when": when, "looks": looks,
        "met": met, "of": of, "gap": gap, "missing": draw(st.sampled_from(missing)), "origin": draw(st.sampled_from(["period_start", origin])),
        "censored_at": draw(st.sampled_from(["last_look", "last_start", "follow_up"])),
    }  # fmt: skip
    late = rule["dated"] == "confirming" and met > 1 and rule["censored_at"] == "last_start"
    return {**rule, "censored_at": "last_look"} if late else rule


@st.composite
def days(draw: st.DrawFn) -> dict[str, Any]:
    types = draw(st.sampled_from([{"use": 1.0}, {"use": 1.0, "binge": 2.0}, {"binge": 1.5}]))
    at_least, window = draw(st.sampled_from([(1.0, 1.0), (2.0, 2.0), (2.0, 7.0), (3.0, 7.0), (3.5, 7.0), (3.0, 14.0)]))
    return {**draw(watched("days")), "types": types, "at_least": at_least, "window": window, "missing": "not_met", "censored_at": "follow_up"}


@st.composite
def several(draw: st.DrawFn) -> dict[str, Any]:
    return {"kind": "first_of", "of": [draw(runs()), draw(st.one_of(days(), runs())), *draw(st.lists(days(), max_size=1))], "source": "s"}


def rows_of(everybody: list[Person]) -> dict[str, list[dict[str, Any]]]:
    """The cohort's rows of these people."""
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in ("participants", "assessments", "events", "disposition")}
    for who, person in enumerate(everybody, start=1):
        scores = [(visit, day, score) for visit, (score, day) in person.visits.items()] + [(None, day, score) for day, score in person.other]
        scores += [] if person.base is None else [("base", None, person.base)]
        parts["participants"].append({"participant": who, "until": person.until, "sex": None})
        for visit, day, score in scores:
            parts["assessments"].append({"participant": who, "period": "main", "visit": visit, "day": day, "parameter": "madrs", "value": float(score)})
        parts["events"] += [{"participant": who, "event": event, "day": day} for day, event in person.events]
        if person.status:
            parts["disposition"].append({"participant": who, "period": "main", "status": person.status, "reason": person.reason, "day": person.last})
    return parts


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(runs(), runs(), days(), several()), min_size=4, max_size=4), st.lists(people(), min_size=6, max_size=6))
def test_the_pipeline_judges_as_the_loops_do(rules: list[dict[str, Any]], everybody: list[Person]) -> None:
    study = study_of("madrs", DAYS, {f"r{at}": rule for at, rule in enumerate(rules)})
    adtte = derive(study, cohort_of(rows_of(everybody)))["adtte"]
    cells = adtte[["paramcd", "participant", "aval", "cnsr", "evntdesc"]].to_numpy()
    found = {(str(name), int(who)): (float(time), int(status), str(why)) for name, who, time, status, why in cells}
    for at, rule in enumerate(rules):
        for who, person in enumerate(everybody, start=1):
            assert found.get((f"r{at}", who)) == verdict(rule, person), (rule, person)
