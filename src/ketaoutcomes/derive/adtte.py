"""Time to event, with the reason for each censoring."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.derive.judge import judge, judge_first
from ketaoutcomes.derive.looks import DAYS, people_of
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.rules import DaysRule, FirstEventRule, FirstOfRule, RecordedRule, RunRule, ShippedRule
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.analysis_data import ADTTE, CENSORED, COMPETING, EVENT


def adtte(study: Study, cohort: dict[str, pd.DataFrame], people: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """One row per participant and time-to-event endpoint: ``aval`` in the study's time unit, ``cnsr`` 0 event, 1 censored, 2 competing event.

    A participant whose time is unknown, or who is not at risk, has no row. Where a rule says which
    of its keys were chosen by us, there is a parameter ``<endpoint>|<key>: <other>`` for each other choice.
    """
    parts = [ADTTE.empty()]
    for name, endpoint in study.endpoints.items():
        if not isinstance(endpoint, TimeEndpoint):
            continue
        rule = study.rules[endpoint.rule]
        inside = people[people["period"] == rule.period]
        if isinstance(rule, RecordedRule | FirstEventRule):
            rows = _recorded(rule, inside) if isinstance(rule, RecordedRule) else _first_event(rule, inside, cohort["events"])
            found = {name: rows}
        else:
            rule = rule.resolved if isinstance(rule, ShippedRule) else rule
            variants = {name: rule, **{f"{name}|{key}": other for key, other in rule.alternatives().items()}}
            found = {key: _judged(study, one, cohort, people, scores) for key, one in variants.items()}
        for key, rows in found.items():
            known = rows[rows["aval"].notna() & rows["cnsr"].notna()]
            parts.append(known.assign(paramcd=key)[list(ADTTE.columns)].astype(ADTTE.columns))
    return pd.concat(parts, ignore_index=True)


def _judged(study: Study, rule: RunRule | DaysRule | FirstOfRule, cohort: dict[str, pd.DataFrame], people: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The verdict of a rule on everybody in its period."""
    inside = people[people["period"] == rule.period].sort_values("participant")
    seen = [people_of(study, part, cohort, people, scores) for part in (rule.of if isinstance(rule, FirstOfRule) else [rule])]
    verdicts = [judge_first(rule, list(persons)) if isinstance(rule, FirstOfRule) else judge(rule, persons[0]) for persons in zip(*seen, strict=True)]
    return inside.assign(
        aval=[verdict.time / DAYS[study.time_unit] if verdict else float("nan") for verdict in verdicts],
        cnsr=pd.array([verdict.status if verdict else None for verdict in verdicts], dtype="Int64"),
        evntdesc=pd.array([verdict.reason if verdict else None for verdict in verdicts], dtype="string"),
    )


def _recorded(rule: RecordedRule, people: pd.DataFrame) -> pd.DataFrame:
    event = people[rule.event]
    return people.assign(
        aval=people[rule.time].astype("float64"),
        cnsr=event.map({"yes": 0, "no": 1}).astype("Int64"),
        evntdesc=event.map({"yes": "event", "no": rule.censored_as}).astype("string"),
    )


def _first_event(rule: FirstEventRule, people: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    named = {**dict.fromkeys(rule.competing, COMPETING), **dict.fromkeys(rule.types, EVENT)}
    counting = events[events["event"].isin(named)].merge(people[["participant", "start", "last_day"]], on="participant")
    counting = counting.assign(time=(counting["day"] - counting["start"]).astype("float64"), cnsr=counting["event"].map(named))
    # after its end nobody is followed: counting events there, but not the time of those without, would be immortal time
    counting = counting[(counting["time"] >= 0) & ~(counting["time"] > counting["last_day"])]
    first = counting.sort_values(["time", "cnsr", "event"], kind="stable").drop_duplicates("participant").set_index("participant")
    decided = first.assign(event=first["event"].astype("string").where(first["cnsr"] == COMPETING, "event")).reindex(people["participant"])
    ended = people["reason"].fillna(people["status"]).fillna("end of data")
    return people.assign(
        aval=decided["time"].set_axis(people.index).fillna(people["last_day"]),
        cnsr=decided["cnsr"].set_axis(people.index).astype("Int64").fillna(CENSORED),
        evntdesc=decided["event"].set_axis(people.index).fillna(ended),
    )
