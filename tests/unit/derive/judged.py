"""Published rules on invented people, one line each, from a study file and cohort tables to time and status.

A table's first line names its columns: who, looks, events, left, then what is expected of the rule and, under the name of each
other choice, of the rule under it (`=`: the same). Looks are ``day:score`` or a word with a letter a week: ``-`` negative,
``+`` positive, ``m`` mixed, ``o`` none. Events are ``event@day`` or ``event@first..last``; left is ``status@day``. An event without
a reason is one by assessments, censoring without one is at the end of follow-up or of the assessments.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from small import record

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.references import unresolved
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.cohort import COHORT

SCREENS = {"-": 0.0, "m": 1.0, "+": 2.0, "o": None}
#: The reason where a cell gives none.
USUAL = {"event": "assessments", "censored": "end of follow-up"}
#: Reasons that cells shorten.
SHORT = {"use": "days of use", "no remission": "not at the starting state at week8"}
STATUS = {"event": 0, "censored": 1, "competing": 2}


def study_of(parameter: str, visits: dict[str, float], rules: dict[str, Any], unit: str = "days", **changes: Any) -> Study:
    """A study with these rules of one parameter, each an endpoint, which `check` has nothing against."""
    score = {"participant": {"from": "id"}, "day": {"from": "d", "kind": "number"}, parameter: {"from": "s", "kind": "number", "instrument": parameter}}
    left = {"participant": {"from": "id"}, "status": {"from": "s"}, "day": {"from": "d", "kind": "number"}}
    event = {"participant": {"from": "id"}, "event": {"from": "e"}, "day": {"from": "d", "kind": "number"}}
    person = {"participant": {"from": "id"}, "until": {"from": "until", "kind": "number"}, "sex": {"from": "sex", "kind": "category"}}
    tables = {
        "people": {"file": "p.csv", "provides": "participants", "columns": person},
        "scores": {"file": "s.csv", "provides": "assessments", "columns": score},
        "events": {"file": "e.csv", "provides": "events", "columns": event},
        "left": {"file": "l.csv", "provides": "disposition", "columns": left},
    }
    study = Study.model_validate({
        "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open", "time_unit": unit, "tables": tables,
        "design": {"kind": "single_arm", "arms": {"ketamine": {"label": "K"}}, "randomised": False},
        "periods": [{"id": "main", "label": "M", "baseline": {"period": "main", "visit": "base"}}],
        "visits": [{"id": name, "period": "main", "label": name, "time": time} for name, time in {"base": 0.0, **visits}.items()],
        "populations": {"all": {"label": "All"}},
        "rules": rules, "endpoints": {name: {"kind": "time_to_event", "rule": name} for name in rules},
        "analyses": {"d": {"model": "descriptive", "title": "D", "population": "all", "period": "main", "primary": True}},
        **changes,
    })  # fmt: skip
    assert list(unresolved(study)) == []
    return study


def cohort_of(parts: dict[str, list[dict[str, Any]]]) -> dict[str, pd.DataFrame]:
    """The cohort tables of these rows."""
    found: dict[str, pd.DataFrame] = {}
    for name, schema in COHORT.items():
        rows = pd.DataFrame(parts.get(name, []))
        if "record" in schema.columns:
            rows["record"] = range(1, len(rows) + 1)
        found[name] = schema.conform(rows.assign(**dict.fromkeys(column for column in schema.columns if column not in rows)))
    return found


def read(table: str) -> tuple[list[str], list[dict[str, str]]]:
    """The names of the expected columns, and a row for each person."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines() if not line.strip().startswith("#")]
    return lines[0][4:], [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def looks_of(who: int, text: str, study: Study) -> list[dict[str, Any]]:
    """Assessments: records on their days (at a visit of that day, if there is one), or screens at weekly visits."""
    parameter = next(iter(study.parameters))
    if ":" not in text:
        weekly = list(enumerate(text, start=1))
        return [record(who, f"w{at}", SCREENS[letter], parameter=parameter) for at, letter in weekly if SCREENS[letter] is not None]
    at = {visit.time: visit.id for visit in study.visits}
    pairs = [tuple(map(float, part.split(":"))) for part in text.split()]
    return [record(who, at.get(day), score, parameter=parameter, day=day) for day, score in pairs]


def events_of(who: int, text: str) -> list[dict[str, Any]]:
    """Events of one person."""
    found: list[dict[str, Any]] = []
    for part in text.split():
        event, days = part.split("@")
        first, _, last = days.partition("..")
        span = [float(first)] if not last else [float(day) for day in range(int(first), int(last) + 1)]
        found += [{"participant": who, "event": event, "day": day} for day in span]
    return found


def people_of(rows: list[dict[str, str]], study: Study) -> dict[str, pd.DataFrame]:
    """The cohort tables of a table's people."""
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in ("participants", "assessments", "events", "disposition")}
    for who, row in enumerate(rows, start=1):
        status, _, day = row["left"].partition("@")
        parts["participants"].append({"participant": who, "until": float(day) if day else None, "sex": None})
        parts["assessments"] += looks_of(who, row["looks"], study)
        parts["events"] += events_of(who, row["events"])
        if status:
            parts["disposition"].append({"participant": who, "period": "main", "status": status, "day": float(day)})
    return cohort_of(parts)


def verdicts(study: Study, rows: list[dict[str, str]], name: str) -> dict[str, tuple[float, int, str] | None]:
    """Days, status and reason of each person."""
    adtte = derive(study, people_of(rows, study))["adtte"]
    per = 7.0 if study.time_unit == "weeks" else 1.0
    mine = adtte[adtte["paramcd"] == name]
    found = {int(who): (float(time) * per, int(status), str(why)) for who, time, status, why in mine[["participant", "aval", "cnsr", "evntdesc"]].to_numpy()}
    return {row["who"]: found.get(who) for who, row in enumerate(rows, start=1)}


def meant(text: str) -> tuple[float, int, str] | None:
    """What a cell says: ``day 19: event, hospital``, or ``not at risk``."""
    if text == "not at risk":
        return None
    when, _, what = text.partition(": ")
    unit, number = when.split()
    status, _, why = what.partition(", ")
    return float(number) * {"day": 1, "week": 7}[unit], STATUS[status], SHORT.get(why, why) or USUAL[status]


def agree(study: Study, table: str, name: str = "rule") -> None:
    """Each person has the verdict written beside them, under the rule and under each other choice; no choice is left out."""
    heads, rows = read(table)
    assert len({row["who"] for row in rows}) == len(rows)
    resolved = study.rules[name].resolved if hasattr(study.rules[name], "resolved") else study.rules[name]
    assert set(heads[1:]) == set(resolved.alternatives())
    for head in heads:
        expected = {row["who"]: meant(row[heads[0]] if row[head] == "=" else row[head]) for row in rows}
        found = verdicts(study, rows, name if head == heads[0] else f"{name}|{head}")
        assert {who: None if one is None else (round(one[0], 9), *one[1:]) for who, one in found.items()} == expected, head
