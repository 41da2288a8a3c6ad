"""The verdict of a rule on one person: when, and whether with the event, a competing one, or without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import floor

from ketaoutcomes.derive.looks import Look, Person
from ketaoutcomes.domain.rules import AfterCourse, DaysRule, FirstOfRule, Origin, RunRule
from ketaoutcomes.schema.analysis_data import CENSORED, COMPETING, EVENT

UNCONFIRMED = "unconfirmed"
NEVER_SEEN = "no assessment"
RETREATED = "treated again"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`time` in days from the start of risk; `status` as in ADaM's CNSR: 0 event, 1 censored, 2 competing event."""

    time: float
    status: int
    reason: str


def judge(rule: RunRule | DaysRule, person: Person) -> Verdict | None:
    """What a rule says of a person; None when they are not at risk.

    The earliest of these decides, ties as `same_day` orders them and dropping out last: an event of
    the rule's `events`; a competing event; the looks or days of use that complete the rule, seen no
    later than either; dropping out, where it counts. Otherwise the person is censored.
    """
    person = _followed(_treated_once(rule, person))
    start = _start(rule, person)
    if start is None or isinstance(start, Verdict):
        return start
    origin, risk = start
    found = min(_candidates(rule, person, origin, risk), default=None)
    if found is not None:
        day, _, status, reason = found
        return Verdict(day - origin, status, reason)
    return _censored(rule, person, origin, risk)


def judge_first(rule: FirstOfRule, people: list[Person]) -> Verdict | None:
    """The earliest verdict of several rules, on one day an event before a competing one before an end. `people` is the person as each rule sees them.

    What one rule finds after another stopped looking does not count: nobody without an event is
    followed there. A rule without any look at the person says nothing.
    """
    verdicts = [judge(part, person) for part, person in zip(rule.of, people, strict=True)]
    known = [verdict for verdict in verdicts if verdict is not None]
    looked = [verdict for verdict in known if verdict.reason != NEVER_SEEN] or known
    rank = {EVENT: 0, COMPETING: 1, CENSORED: 2}
    return min(looked, key=lambda verdict: (verdict.time, rank[verdict.status]), default=None)


def _followed(person: Person) -> Person:
    """Without what happened after the end of follow-up."""
    if person.end is None:
        return person
    looks = [look for look in person.looks if look.day <= person.end]
    events = [event for event in person.events if event[0] <= person.end]
    return replace(person, looks=looks, events=events)


def _course(origin: AfterCourse, person: Person) -> tuple[float, float | None]:
    """Day of the last session of the first course, and of the re-treatment."""
    for day, following in pairwise(person.sessions):
        if following - day > origin.course_gap:
            return day, following
    return person.sessions[-1], None


def _treated_once(rule: RunRule | DaysRule, person: Person) -> Person:
    """Followed up to a re-treatment only, where that ends follow-up."""
    if not isinstance(rule.origin, AfterCourse) or rule.retreatment != "censored" or not person.sessions:
        return person
    _, again = _course(rule.origin, person)
    if again is None or (person.end is not None and again > person.end):
        return person
    return replace(person, end=again, status=RETREATED, reason=RETREATED, looks=[look for look in person.looks if look.day <= again])


def _after_course(rule: RunRule | DaysRule, origin: AfterCourse, person: Person) -> tuple[float, float] | None:
    """The last session of the first course, for people in the state that counts at the last look up to then."""
    if not person.sessions:
        return None
    day, _ = _course(origin, person)
    seen = [look for look in person.looks if look.day <= day and look.made]
    if person.end is not None and day > person.end:
        return None
    return (day, day + rule.grace) if origin.cutoff is None or (seen and seen[-1].origin) else None


def _start(rule: RunRule | DaysRule, person: Person) -> tuple[float, float] | Verdict | None:
    """Day 0 of the time and first day that counts; None for those not at risk.

    People who do not get to the starting state at its visit have the event there, unless a competing event or dropping out came first.
    """
    if isinstance(rule.origin, AfterCourse):
        return _after_course(rule, rule.origin, person)
    if not isinstance(rule.origin, Origin):
        return 0.0, rule.grace
    if rule.origin.visit is None:
        first = next((look.day for look in person.looks if look.origin), None)
        return None if first is None else (first, first + rule.grace)
    state = person.state
    if state is not None and state.origin:
        return (0.0 if rule.origin.otherwise == "event" else state.day), state.day + rule.grace
    if rule.origin.otherwise == "not_at_risk":
        return None
    missed = (state.day if state is not None else float("inf"), rule.same_day.index("looks"), EVENT, f"not at the starting state at {rule.origin.visit}")
    day, _, status, reason = min([missed, *_competing(rule, person, 0.0), *_dropout(rule, person, 0.0)])
    return Verdict(day, status, reason)


def _competing(rule: RunRule | DaysRule, person: Person, origin: float) -> list[tuple[float, int, int, str]]:
    """Events after which the event can no longer be seen."""
    return [(day, rule.same_day.index("competing"), COMPETING, event) for day, event in person.events if event in rule.competing and day >= origin]


def _dropout(rule: RunRule | DaysRule, person: Person, origin: float) -> Iterator[tuple[float, int, int, str]]:
    """Dropping out, where it is the event; never before risk begins."""
    if rule.dropout is None or person.status not in rule.dropout.statuses:
        return
    seen = [look.day for look in person.looks if look.made]
    at = person.last_day if rule.dropout.dated == "disposition" else max(seen, default=0.0)
    if at is not None:
        yield max(at + rule.dropout.plus, origin), len(rule.same_day), EVENT, "dropped out"


def _candidates(rule: RunRule | DaysRule, person: Person, origin: float, risk: float) -> Iterator[tuple[float, int, int, str]]:
    """Day, rank on a day, status and reason of everything that could decide."""
    rank = {name: at for at, name in enumerate(rule.same_day)}
    deciding = [(day, rank["events"], EVENT, event) for day, event in person.events if event in rule.events and day >= risk]
    deciding += _competing(rule, person, origin)
    yield from deciding
    last = min((day for day, *_ in deciding), default=float("inf"))
    completed = _run(rule, person, origin, risk, last) if isinstance(rule, RunRule) else _days(rule, person, risk, last)
    if completed is not None:
        yield completed, rank["looks"], EVENT, "assessments" if isinstance(rule, RunRule) else "days of use"
    yield from _dropout(rule, person, origin)


def _considered(rule: RunRule, person: Person, origin: float, risk: float, last: float = float("inf")) -> list[Look]:
    """Looks of the time at risk, missing ones as the rule takes them."""
    at_risk = [look for look in person.looks if origin < look.day <= last and look.day >= risk]
    if rule.missing == "skipped":
        return [look for look in at_risk if look.counts is not None]
    return [look if look.counts is not None else Look(look.day, rule.missing == "met") for look in at_risk]


def _run(rule: RunRule, person: Person, origin: float, risk: float, last: float) -> float | None:
    """Day of the run, or None. Only looks up to the event that decides otherwise are seen."""
    looks = _considered(rule, person, origin, risk, last)
    for at, look in enumerate(looks):
        among = looks[max(0, at - rule.of + 1) : at + 1]
        counting = [one.day for one in among if one.counts]
        if look.counts and len(counting) >= rule.met and _spaced(rule, [one.day for one in among]):
            return counting[0] if rule.dated == "first" else look.day
    return None


def _spaced(rule: RunRule, days: list[float]) -> bool:
    if rule.gap is None:
        return True
    low, high = rule.gap
    # to a second: days that are hours divided by 24 must be able to lie on the edge
    return all(low - 1e-5 <= later - earlier <= high + 1e-5 for earlier, later in pairwise(days))


def _days(rule: DaysRule, person: Person, risk: float, last: float) -> float | None:
    """Day on which enough days of use lie within the window."""
    used: dict[float, float] = {}
    for day, event in person.events:
        if event in rule.types and risk <= day <= last:
            whole = float(floor(day))
            used[whole] = max(used.get(whole, 0.0), rule.types[event])
    for day in sorted(used):
        inside = [other for other in sorted(used) if day - rule.window < other <= day]
        if sum(used[other] for other in inside) >= rule.at_least:
            return inside[0] if rule.dated == "first" else day
    return None


def _censored(rule: RunRule | DaysRule, person: Person, origin: float, risk: float) -> Verdict:
    ended = (person.reason or person.status) if person.status != "completed" else ""
    reason = ended or "end of follow-up"
    looks = _considered(rule, person, origin, risk) if isinstance(rule, RunRule) else []
    if isinstance(rule, RunRule) and not looks:
        return Verdict(0.0, CENSORED, NEVER_SEEN)
    end = person.end if person.end is not None else max([look.day for look in looks], default=origin)
    if isinstance(rule, RunRule):
        starts = {"last_look": looks[-1].day, "last_start": looks[max(0, len(looks) - rule.met)].day, "follow_up": end}
        end = starts[rule.censored_at]
        if rule.met > 1 and looks[-1].counts:
            return Verdict(min(end, looks[-1].day) - origin, CENSORED, UNCONFIRMED)
    return Verdict(max(end - origin, 0.0), CENSORED, reason)
