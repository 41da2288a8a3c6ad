"""Analysis data of a few invented people, every expected value worked out by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.cohort import COHORT

ARMS = {"placebo": {"label": "P"}, "ketamine": {"label": "K"}}
MADRS = {"from": "m", "kind": "integer", "instrument": "madrs"}


def plan(**changes: Any) -> Study:
    """A two-arm trial with windows, both cut-off kinds and both missing rules."""
    columns = {"participant": {"from": "id"}, "arm": {"from": "a"}, "time": {"from": "t", "kind": "number"}, "event": {"from": "e", "kind": "flag"}}
    tables = {
        "people": {"file": "p.csv", "provides": "participants", "columns": columns},
        "scores": {"file": "s.csv", "provides": "assessments", "columns": {"participant": {"from": "id"}, "madrs": MADRS}},
        "ends": {"file": "d.csv", "provides": "disposition", "columns": {}},
        "events": {"file": "e.csv", "provides": "events", "columns": {}},
    }
    base = {
        "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open", "tables": tables,
        "design": {"kind": "parallel", "arms": ARMS, "reference": "placebo", "randomised": True},
        "periods": [{"id": "main", "label": "M", "arm": "arm", "baseline": {"period": "main", "visit": "baseline"}}],
        "visits": [
            {"id": "baseline", "period": "main", "label": "B", "time": 0.0, "window": [-7.0, 0.0]},
            {"id": "week2", "period": "main", "label": "W2", "time": 14.0, "window": [8.0, 21.0]},
            {"id": "week4", "period": "main", "label": "W4", "time": 28.0, "window": [22.0, 35.0]},
        ],
        "populations": {"all": {"label": "All"}, "fas": {"label": "F", "baseline_of": "madrs", "post_baseline_of": "madrs"}},
        "endpoints": {
            "half": {"kind": "cutoff", "parameter": "madrs", "cutoff": "response_50", "missing": "observed"},
            "half_nri": {"kind": "cutoff", "parameter": "madrs", "cutoff": "response_50", "missing": "nonresponse"},
            "well": {"kind": "cutoff", "parameter": "madrs", "cutoff": "remission_10", "missing": "observed"},
        },
        "analyses": {"d": {"model": "descriptive", "title": "D", "population": "all", "period": "main", "primary": True}},
    }  # fmt: skip
    return Study.model_validate({**base, **changes})


def cohort(**tables: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """A cohort from rows; columns that no row names are missing."""
    found: dict[str, pd.DataFrame] = {}
    for name, schema in COHORT.items():
        rows = pd.DataFrame(tables.get(name, []))
        if name in {"assessments", "events"} and len(rows):
            rows["record"] = range(1, len(rows) + 1)
        missing = [column for column in schema.columns if column not in rows]
        found[name] = schema.conform(rows.assign(**dict.fromkeys(missing)))
    return found


def score(participant: int, day: float | None, value: float, *, period: str = "main", visit: str | None = None) -> dict[str, Any]:
    return {"participant": participant, "period": period, "visit": visit, "day": day, "parameter": "madrs", "value": value}


def people(*arms: str | None) -> list[dict[str, Any]]:
    return [{"participant": at, "arm": arm} for at, arm in enumerate(arms, start=1)]


def values(data: dict[str, pd.DataFrame], parameter: str, column: str, participant: int = 1, period: str = "main") -> list[float | str | None]:
    rows = data["adqs"]
    rows = rows[(rows["participant"] == participant) & (rows["paramcd"] == parameter) & (rows["period"] == period)]
    return [None if pd.isna(value) else value for value in rows.sort_values("avisitn")[column]]


def test_the_nearest_day_counts_and_of_two_equally_near_the_earlier() -> None:
    # week 2 (day 14): days 13 and 15 are equally near, 13 counts; week 4 (day 28): 27 beats 31; baseline: day 0 beats -7
    days = [(-7, 40), (0, 36), (13, 20), (15, 22), (27, 12), (31, 50), (36, 1), (1, 2)]
    data = derive(plan(), cohort(participants=people("placebo"), assessments=[score(1, d, v) for d, v in days]))
    assert values(data, "madrs", "aval") == [36, 20, 12]
    assert values(data, "madrs", "ady") == [0, 13, 27]
    assert values(data, "madrs", "chg") == [0, -16, -24]
    assert values(data, "madrs", "pchg") == [0, pytest.approx(-100 * 16 / 36), pytest.approx(-100 * 24 / 36)]


def test_a_record_that_names_its_visit_counts_before_a_nearer_day() -> None:
    rows = [score(1, 0, 30), score(1, 14, 11), score(1, 20, 15, visit="week2")]
    data = derive(plan(), cohort(participants=people("placebo"), assessments=rows))
    assert values(data, "madrs", "aval") == [30, 15, None]


def test_cutoffs_at_their_exact_edge_and_what_missing_means() -> None:
    # person 1: 30 -> 15 is exactly 50 %; 16 is not; person 2: 10 is remission, 11 is not; person 3 has no week 4; person 4 baseline 0
    rows = [score(1, 0, 30), score(1, 14, 15), score(1, 28, 16), score(2, 0, 24), score(2, 14, 10), score(2, 28, 11)]
    rows += [score(3, 0, 30), score(3, 14, 20), score(4, 0, 0), score(4, 14, 0)]
    data = derive(plan(), cohort(participants=people("placebo", "ketamine", "placebo", "ketamine"), assessments=rows))
    assert values(data, "half", "aval", 1) == [1, 0]
    assert values(data, "well", "aval", 2) == [1, 0]
    assert values(data, "half", "aval", 3) == [0, None]
    assert values(data, "half_nri", "aval", 3) == [0, 0]
    # a baseline of 0 has no percent change: left out, or not met
    assert values(data, "madrs", "pchg", 4) == [None, None, None]
    assert values(data, "half", "aval", 4) == [None, None]
    assert values(data, "half_nri", "aval", 4) == [0, 0]
    assert values(data, "well", "aval", 4) == [1, None]


@pytest.mark.parametrize(
    ("strategy", "anl", "half"),
    [
        ("treatment_policy", ["yes", "yes", "yes"], [1, 1]),
        # an event on day 14 leaves the visit of day 14 and takes what is later
        ("hypothetical", ["yes", "yes", "no"], [1, 1]),
        ("composite", ["yes", "yes", "yes"], [1, 0]),
    ],
)
def test_intercurrent_events(strategy: str, anl: list[str], half: list[float]) -> None:
    study = plan(intercurrent=[{"event": "rescue", "strategy": strategy, "reason": "r"}])
    rows = [score(1, 0, 30), score(1, 14, 12), score(1, 28, 10), score(2, 0, 30), score(2, 14, 12)]
    events = [{"participant": 1, "day": day, "event": "rescue"} for day in (14, 20)] + [{"participant": 2, "day": 9, "event": "other"}]
    data = derive(study, cohort(participants=people("placebo", "ketamine"), assessments=rows, events=events))
    assert values(data, "madrs", "anl") == anl
    assert values(data, "half", "aval") == half
    assert values(data, "madrs", "aval") == [30, 12, 10]
    assert values(data, "half", "aval", 2) == [1, None]


def test_a_missing_visit_after_a_composite_event_is_not_met() -> None:
    study = plan(intercurrent=[{"event": "rescue", "strategy": "composite", "reason": "r"}])
    event = [{"participant": 1, "day": 20, "event": "rescue"}]
    data = derive(study, cohort(participants=people("placebo"), assessments=[score(1, 0, 30), score(1, 14, 12)], events=event))
    assert values(data, "half", "aval") == [1, 0]


def test_populations_ask_for_a_baseline_and_a_later_score() -> None:
    rows = [score(1, 0, 30), score(1, 14, 20), score(2, 0, 30), score(3, 14, 20), score(4, 0, 30), score(4, 60, 20)]
    data = derive(plan(), cohort(participants=people("placebo", "ketamine", "placebo", "ketamine", None), assessments=rows))
    # the fourth's later score lies in no window; the fifth has no arm and is in no period, which a row of its own says
    assert data["adsl"]["pop_fas"].tolist() == ["yes", "no", "no", "no", "no"]
    assert data["adsl"]["period"].tolist()[-1] == "none"
    assert not (data["adqs"]["participant"] == 5).any()


CROSSOVER: dict[str, Any] = {
    "design": {"kind": "crossover", "arms": ARMS, "reference": "placebo", "randomised": True},
    "periods": [
        {"id": "before", "label": "B", "baseline": {"period": "before", "visit": "baseline"}},
        {"id": "first", "label": "1", "arm": "arm", "baseline": {"period": "before", "visit": "baseline"}},
        {"id": "second", "label": "2", "arm": "arm2", "start": "start2", "baseline": {"period": "before", "visit": "baseline"}},
    ],
    "visits": [
        {"id": "baseline", "period": "before", "label": "B", "time": 0.0},
        {"id": "day2", "period": "first", "label": "D2", "time": 2.0},
        {"id": "day2", "period": "second", "label": "D2", "time": 2.0},
    ],
}


def test_a_crossover_takes_its_baseline_from_before_and_its_arms_from_the_sequence() -> None:
    columns = [{"participant": 1, "arm": "ketamine", "arm2": "placebo", "start2": 14.0}, {"participant": 2, "arm": "placebo", "arm2": None, "start2": None}]
    rows = [score(1, 0, 40, period="before", visit="baseline"), score(1, 2, 18, period="first", visit="day2"), score(1, 16, 36, period="second", visit="day2")]
    data = derive(plan(**CROSSOVER), cohort(participants=columns, assessments=rows))
    entered = list(zip(data["adsl"]["participant"], data["adsl"]["period"], data["adsl"]["trtp"], strict=True))
    assert entered == [(1, "before", ""), (1, "first", "ketamine"), (1, "second", "placebo"), (2, "before", ""), (2, "first", "placebo")]
    assert values(data, "madrs", "chg", period="first") == [-22]
    assert values(data, "madrs", "chg", period="second") == [-4]
    assert values(data, "madrs", "ady", period="second") == [2]
    assert values(data, "half", "aval", period="first") == [1]
    assert values(data, "half", "aval", period="second") == [0]
    assert values(data, "half", "aval", 2, "first") == [None]


def withdrawal(**rule: object) -> Any:
    rules = {"back": {"kind": "first_event", "period": "late", "source": "s", **rule}}
    periods = [
        {"id": "open", "label": "O", "baseline": {"period": "open", "visit": "baseline"}},
        {"id": "late", "label": "L", "arm": "arm", "start": "start", "baseline": {"period": "open", "visit": "baseline"}},
    ]
    visits = [{"id": "baseline", "period": "open", "label": "B", "time": 0.0}]
    return plan(rules=rules, periods=periods, visits=visits, endpoints={"relapse": {"kind": "time_to_event", "rule": "back"}})


def test_an_event_that_competes_ends_the_time_without_the_event() -> None:
    study = withdrawal(types=["relapse"], competing=["rescue", "death"])
    persons = [{"participant": at, "arm": "placebo", "start": 100.0} for at in range(1, 7)]
    happened = [(1, 120, "rescue"), (1, 130, "relapse"), (2, 120, "relapse"), (2, 130, "rescue"), (3, 125, "rescue"), (3, 125, "relapse"), (4, 190, "death")]
    happened += [(5, 90, "rescue")]
    events = [{"participant": who, "day": day, "event": event} for who, day, event in happened]
    ends = [{"participant": at, "period": "late", "status": "left", "reason": "moved", "day": 180} for at in range(1, 7)]
    found = derive(study, cohort(participants=persons, events=events, disposition=ends))["adtte"]
    assert list(zip(found["participant"], found["aval"], found["cnsr"], found["evntdesc"], strict=True)) == [
        (1, 20, 2, "rescue"),
        (2, 20, 0, "event"),
        (3, 25, 0, "event"),  # on one day the event comes first
        (4, 80, 1, "moved"),  # the death lies after the end of follow-up
        (5, 80, 1, "moved"),  # the rescue lies before the start
        (6, 80, 1, "moved"),
    ]


def test_time_to_the_first_event_in_a_withdrawal_study() -> None:
    study = withdrawal(types=["relapse", "rescue"])
    starts = [112.0, 100.0, 112.0, 112.0, 112.0, 112.0, None]
    arms = ["placebo", "ketamine", "placebo", "ketamine", "placebo", "ketamine", None]
    persons = [{"participant": at, "arm": arm, "start": start} for at, (arm, start) in enumerate(zip(arms, starts, strict=True), start=1)]
    events = [
        {"participant": 1, "day": 150, "event": "relapse"}, {"participant": 1, "day": 130, "event": "rescue"},
        {"participant": 2, "day": 100, "event": "relapse"},
        {"participant": 3, "day": 111, "event": "relapse"},
        {"participant": 4, "day": 260, "event": "relapse"},
        {"participant": 5, "day": 140, "event": "fall"},
        {"participant": 7, "day": 50, "event": "relapse"},
    ]  # fmt: skip
    ends = [
        {"participant": 1, "period": "late", "status": "left", "reason": "relapse", "day": 150},
        {"participant": 2, "period": "late", "status": "left", "reason": None, "day": 100},
        {"participant": 3, "period": "late", "status": "left", "reason": "moved", "day": 200},
        {"participant": 4, "period": "late", "status": "completed", "reason": None, "day": 250},
        {"participant": 5, "period": "late", "status": "completed", "reason": None, "day": 300},
    ]
    found = derive(study, cohort(participants=persons, events=events, disposition=ends))["adtte"]
    rows = list(zip(found["participant"], found["aval"], found["cnsr"], found["evntdesc"], strict=True))
    assert rows == [
        (1, 18, 0, "event"),  # rescue on day 130 comes before relapse on day 150
        (2, 0, 0, "event"),  # on the day the period starts
        (3, 88, 1, "moved"),  # the relapse lies before the start
        (4, 138, 1, "completed"),  # the relapse lies after the end of follow-up
        (5, 188, 1, "completed"),  # a fall does not count
    ]  # 6 has neither event nor end, 7 never entered: no time is known


def test_recorded_times() -> None:
    rules = {"back": {"kind": "recorded", "period": "main", "time": "time", "event": "event", "censored_as": "end", "source": "s"}}
    study = plan(rules=rules, endpoints={"relapse": {"kind": "time_to_event", "rule": "back"}})
    known = [(0.0, "yes"), (28.0, "no"), (None, "yes"), (9.0, None)]
    persons = [{"participant": at, "arm": "placebo", "time": time, "event": event} for at, (time, event) in enumerate(known, start=1)]
    found = derive(study, cohort(participants=persons))["adtte"]
    assert list(zip(found["participant"], found["aval"], found["cnsr"], found["evntdesc"], strict=True)) == [(1, 0, 0, "event"), (2, 28, 1, "end")]
