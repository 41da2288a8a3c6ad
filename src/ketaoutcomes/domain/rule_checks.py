"""What a study file may say of its time-to-event rules."""

from __future__ import annotations

from collections.abc import Iterator

from ketaoutcomes.domain.endpoints import TallyEndpoint, TallyReachedEndpoint
from ketaoutcomes.domain.rules import (
    FOLLOW_UP,
    AfterCourse,
    DaysRule,
    FirstEventRule,
    FirstOfRule,
    Origin,
    RecordedRule,
    Rule,
    RunRule,
    ShippedRule,
    shipped_rules,
)
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.table_rules import Key, Problem, unless

_BOTH = "an event cannot be the event and compete with it"


def rule_problems(study: Study) -> Iterator[Problem]:
    """Each name of a rule that leads nowhere, and each rule that has no meaning in the study.

    Yields
    ------
    tuple
        The key in the study file, and what is wrong with it.
    """
    periods = {period.id for period in study.periods}
    for name, rule in study.rules.items():
        key = ("rules", name)
        if isinstance(rule, FirstOfRule):
            for at, part in enumerate(rule.of):
                yield from _rule(study, part, (*key, "of", at), periods)
        else:
            yield from _rule(study, rule, key, periods)


def _rule(study: Study, rule: Rule, key: Key, periods: set[str]) -> Iterator[Problem]:
    yield from unless(rule.period, periods, (*key, "period"), "period")
    if isinstance(rule, RecordedRule):
        yield from _recorded(study, rule, key)
    elif isinstance(rule, FirstEventRule):
        yield from _provided(study, {"events", "disposition"}, key)
        for field in ("types", "competing"):
            for at, kind in enumerate(getattr(rule, field)):
                yield from event_problems(study, kind, (*key, field, at))
        if set(rule.types) & set(rule.competing):
            yield (*key, "competing"), _BOTH
    elif isinstance(rule, ShippedRule):
        yield from _shipped(study, rule, key)
    elif isinstance(rule, RunRule | DaysRule):
        yield from _watched(study, rule, key)


def _recorded(study: Study, rule: RecordedRule, key: Key) -> Iterator[Problem]:
    columns = study.participant_columns
    for field, column in (("time", rule.time), ("event", rule.event)):
        yield from unless(column, columns, (*key, field), "participants' column")
    if rule.time in columns and not columns[rule.time].is_number:
        yield (*key, "time"), "a time is a number, or a date with `since`"
    if rule.event in columns and columns[rule.event].kind != "flag":
        yield (*key, "event"), "an event is a flag (yes or no): say `kind: flag` of its column"


def _provided(study: Study, needed: set[str], key: Key) -> Iterator[Problem]:
    provided = {table.provides for table in study.tables.values()}
    for part in sorted(needed - provided):
        yield key, f"no table provides {part}, which this rule needs"


def event_problems(study: Study, kind: str, key: Key) -> Iterator[Problem]:
    """An event's name against the labels of the events tables, where all of them list theirs."""
    columns = [table.columns["event"] for table in study.tables.values() if table.provides == "events" and "event" in table.columns]
    if columns and all(column.recode or column.levels for column in columns):
        yield from unless(kind, {label for column in columns for label in (*column.recode.values(), *column.levels)} - {""}, key, "event")


def _shipped(study: Study, rule: ShippedRule, key: Key) -> Iterator[Problem]:
    definitions = shipped_rules()
    yield from unless(rule.rule, definitions, (*key, "rule"), "published definition")
    if rule.rule not in definitions:
        return
    definition = definitions[rule.rule]
    yield from unless(rule.parameter, study.parameters, (*key, "parameter"), "parameter")
    if rule.parameter in study.parameters and study.parameters[rule.parameter] != definition.instrument:
        yield (*key, "parameter"), f"this definition is one of {study.scales[definition.instrument].name}: another scale needs a rule of its own"
        return
    parts = definition.rule.get("of", [definition.rule]) if definition.rule["kind"] == "first_of" else [definition.rule]
    wants = {
        "dropouts": any(part["dropout"] for part in parts),
        "types": any(part["kind"] == "days" for part in parts),
        "visit": any(isinstance(part["origin"], dict) and part["origin"]["otherwise"] == "event" for part in parts),
    }
    missing = [field for field, wanted in wants.items() if wanted and not getattr(rule, field)]
    unused = [field for field, wanted in wants.items() if not wanted and getattr(rule, field)]
    for field in missing:
        yield (*key, field), "this definition needs it"
    for field in unused:
        yield (*key, field), "this definition has no use for it"
    if not missing and rule.parameter in study.parameters:
        resolved = rule.resolved
        for part in resolved.of if isinstance(resolved, FirstOfRule) else [resolved]:
            yield from _watched(study, part, key)


def _watched(study: Study, rule: RunRule | DaysRule, key: Key) -> Iterator[Problem]:
    if study.time_unit == "months":
        yield key, "rules count in days: a study whose `time_unit` is months has no days for them"
    if isinstance(rule.origin, AfterCourse):
        yield from _provided(study, {"sessions"}, key)
    if isinstance(rule, RunRule):
        yield from _looked_at(study, rule, key)
    else:
        yield from _provided(study, {"events"}, key)
        for kind in rule.types:
            yield from event_problems(study, kind, (*key, "types", kind))
        if not isinstance(rule.origin, str) and rule.origin.cutoff:
            yield (*key, "origin"), "days of use have no score to begin with"
        if rule.follow_up == "last_look":
            yield (*key, "follow_up"), "days of use are not looks: name the end of follow-up"
    yield from _followed_up(study, rule.follow_up, key)
    if rule.follow_up == "schedule" and not study.visits_of(rule.period):
        yield (*key, "follow_up"), "no visits are scheduled in this period"
    if rule.follow_up == "disposition" or rule.dropout:
        yield from _provided(study, {"disposition"}, key)
    if rule.events or rule.competing:
        yield from _provided(study, {"events"}, key)
    for field in ("events", "competing"):
        for kind in getattr(rule, field):
            yield from event_problems(study, kind, (*key, field))
    if set(rule.events) & set(rule.competing):
        yield (*key, "competing"), _BOTH


def _looked_at(study: Study, rule: RunRule, key: Key) -> Iterator[Problem]:
    yield from unless(rule.parameter, study.parameters, (*key, "parameter"), "parameter")
    if rule.parameter in study.parameters:
        scale = study.scale(rule.parameter)
        begin = None if isinstance(rule.origin, str) else rule.origin.cutoff
        for name in [rule.cutoff, *([begin] if begin else [])]:
            yield from unless(name, scale.criteria, (*key, "cutoff"), f"cut-off of {scale.name}")
    visits = {visit.id for visit in study.visits_of(rule.period)}
    if isinstance(rule.origin, Origin):
        if rule.origin.visit is None and rule.origin.otherwise == "event":
            yield (*key, "origin"), "not getting there is an event only at a named visit"
        yield from unless(rule.origin.visit, visits, (*key, "origin", "visit"), "visit of that period")
    if rule.looks == "visits" and not visits:
        yield (*key, "looks"), "no visits are scheduled in this period"


def _followed_up(study: Study, follow_up: str, key: Key) -> Iterator[Problem]:
    if follow_up not in FOLLOW_UP:
        yield from unless(follow_up, study.participant_columns, (*key, "follow_up"), "participants' column (or schedule, disposition, last_look)")
        if follow_up in study.participant_columns and not study.participant_columns[follow_up].is_number:
            yield (*key, "follow_up"), "the end of follow-up is a number, or a date with `since`"


def tally_problems(study: Study, endpoint: TallyEndpoint | TallyReachedEndpoint, key: Key) -> Iterator[Problem]:
    """Names of a tally that lead nowhere, and what of it has no meaning.

    Yields
    ------
    tuple
        The key in the study file, and what is wrong with it.
    """
    scale = study.scale(endpoint.parameter)
    cutoffs = [endpoint.cutoff] if isinstance(endpoint.cutoff, str) else list(endpoint.cutoff.values())
    for name in cutoffs:
        yield from unless(name, scale.criteria, (*key, "cutoff"), f"cut-off of {scale.name}")
    if isinstance(endpoint.cutoff, dict) != (endpoint.by is not None):
        yield (*key, "by"), "`by` names the column of which each value has its own cut-off"
    yield from unless(endpoint.by, study.participant_columns, (*key, "by"), "participants' column")
    yield from unless(endpoint.period, {period.id for period in study.periods}, (*key, "period"), "period")
    yield from unless(endpoint.at, {visit.id for visit in study.visits if visit.period == endpoint.period}, (*key, "at"), "visit of that period")
    yield from _followed_up(study, endpoint.follow_up, key)
    if endpoint.follow_up == "last_look":
        yield (*key, "follow_up"), "the last look does not say how many were expected: name the schedule, the disposition or a column"
    if endpoint.first > endpoint.last:
        yield (*key, "last"), "`last` lies before `first`"
    if study.time_unit == "months" or (endpoint.looks == "days" and study.time_unit != "days"):
        yield (*key, "looks"), "tallies count days or weeks; days need `time_unit: days`"
