"""A study of one arm and a few invented people, as ingest would leave it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.references import unresolved
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.cohort import COHORT

#: Visits of the period ``main`` by id, with their days; the first is the baseline.
DAYS = {"base": 0.0, "d2": 2.0, "d8": 8.0, "d15": 15.0, "d22": 22.0, "d28": 28.0}
#: A scale of the study's own on which more is better.
WELL: dict[str, Any] = {
    "name": "Well", "label": "Well-being", "measures": "m", "kind": "continuous", "minimum": 0, "maximum": 60, "unit": "points", "better": "higher",
    "rater": "self", "source": "s",
    "cutoffs": {"up_50": {"rule": "percent_reduction", "value": 50, "source": "s"}, "good_40": {"rule": "at_least", "value": 40, "source": "s"}},
    "changes": {"up_10": {"rule": "reduction", "value": 10, "population": "p", "source": "s"}},
}  # fmt: skip
#: Columns of the events table, with their kinds.
EVENT = {"participant": "text", "event": "text", "day": "number"}
Values = list[float | None]


def plan(endpoints: dict[str, Any], parameter: str = "madrs", **changes: Any) -> Study:
    """A study with these endpoints of one parameter, of the instrument of that name, which `check` has nothing against."""
    columns = {"participant": {"from": "id"}, "visit": {"from": "v"}, parameter: {"from": "s", "kind": "number", "instrument": parameter}}
    people = {"participant": {"from": "id"}, "again_on": {"from": "again_on", "kind": "number"}}
    named = {name: {"parameter": parameter, **entry} for name, entry in endpoints.items()}
    base = {
        "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open", "instruments": {"well": WELL},
        "tables": {
            "people": {"file": "p.csv", "provides": "participants", "columns": people},
            "scores": {"file": "s.csv", "provides": "assessments", "columns": columns},
            "events": {"file": "e.csv", "provides": "events", "columns": {n: {"from": n, "kind": k} for n, k in EVENT.items()}},
        },
        "design": {"kind": "single_arm", "arms": {"ketamine": {"label": "K"}}, "randomised": False},
        "periods": [{"id": "main", "label": "M", "baseline": {"period": "main", "visit": "base"}}],
        "visits": [{"id": name, "period": "main", "label": name.upper(), "time": day} for name, day in DAYS.items()],
        "populations": {"all": {"label": "All"}},
        "endpoints": named,
        "analyses": {"d": {"model": "descriptive", "title": "D", "population": "all", "period": "main", "primary": True}},
    }  # fmt: skip
    study = Study.model_validate({**base, **changes})
    assert list(unresolved(study)) == []
    return study


def record(participant: int, visit: str | None, value: float, *, parameter: str = "madrs", period: str = "main", day: float | None = None) -> dict[str, Any]:
    """One assessment."""
    return {"participant": participant, "period": period, "visit": visit, "day": day, "parameter": parameter, "value": value}


def tables(study: Study, records: list[dict[str, Any]], events: list[tuple[int, float]] = [], people: list[dict[str, Any]] | None = None) -> pd.DataFrame:  # noqa: B006
    """The analysis data of these assessments and of rescues (participant, day)."""
    persons = people or [{"participant": at} for at in sorted({row["participant"] for row in records} | {at for at, _ in events})]
    rescues = [{"participant": at, "day": day, "event": "rescue"} for at, day in events]
    found: dict[str, pd.DataFrame] = {}
    for name, schema in COHORT.items():
        rows = pd.DataFrame({"participants": persons, "assessments": records, "events": rescues}.get(name, []))
        if "record" in schema.columns:
            rows["record"] = range(1, len(rows) + 1)
        found[name] = schema.conform(rows.assign(**dict.fromkeys(column for column in schema.columns if column not in rows)))
    return derive(study, found)["adqs"]


def followed(study: Study, people: dict[int, Values], events: list[tuple[int, float]] = []) -> pd.DataFrame:  # noqa: B006
    """The analysis data of people with one score (or None) at each of `DAYS`."""
    parameter = next(iter(study.parameters))
    seen = [
        record(at, visit, value, parameter=parameter) for at, values in people.items() for visit, value in zip(DAYS, values, strict=True) if value is not None
    ]
    return tables(study, seen, events, [{"participant": at} for at in people])


def values(data: pd.DataFrame, name: str, column: str = "aval", *, period: str = "main") -> dict[int, list[Any]]:
    """What stands in a column for each person, visits in order, the baseline left out."""
    rows = data[(data["paramcd"] == name) & (data["period"] == period) & (data["ablfl"] == "no")].sort_values(["participant", "avisitn"])
    return {int(str(at)): [None if pd.isna(value) else value for value in part[column]] for at, part in rows.groupby("participant")}
