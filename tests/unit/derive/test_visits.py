"""Which score counts as which visit, and which as the baseline: by hand, and against plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import plan, record, tables, values

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest


def visit(name: str, time: float, **changes: Any) -> dict[str, Any]:
    return {"id": name, "period": "main", "label": name, "time": time, **changes}


def windowed(take: str = "nearest", tie: str = "earlier", parameter: str = "madrs") -> Study:
    week = visit("week", 7.0, window=[5.0, 9.0], take=take, tie=tie)
    return plan({}, parameter, visits=[visit("base", 0.0, window=[-3.0, 1.0]), week, visit("later", 14.0, window=[9.5, 20.0])])


#: Day and score within the window from day 5 to day 9: the middle is day 7, 6 and 8 are equally near, best and worst stand twice.
DAYS = [(4, 1), (5, 20), (5.5, 30), (6, 25), (8, 27), (8.5, 20), (9, 30), (9.2, 2)]


@pytest.mark.parametrize(
    ("take", "tie", "madrs", "well", "day"),
    [
        ("nearest", "earlier", 25, 25, 6),
        ("nearest", "later", 27, 27, 8),
        ("first", "earlier", 20, 20, 5),
        ("first", "later", 20, 20, 5),
        ("last", "earlier", 30, 30, 9),
        # MADRS: less is better; of the two 20 (days 5 and 8.5) and the two 30 (days 5.5 and 9) the tie chooses
        ("best", "earlier", 20, 30, 5),
        ("best", "later", 20, 30, 8.5),
        ("worst", "earlier", 30, 20, 5.5),
        ("worst", "later", 30, 20, 9),
        # (20 + 30 + 25 + 27 + 20 + 30) / 6 = 152 / 6, which speaks of the window up to its last score
        ("mean", "earlier", 152 / 6, 152 / 6, 9),
    ],
)
def test_which_of_several_scores_counts(take: str, tie: str, madrs: float, well: float, day: float) -> None:
    for parameter, expected in (("madrs", madrs), ("well", well)):
        data = tables(windowed(take, tie, parameter), [record(1, None, value, parameter=parameter, day=at) for at, value in DAYS])
        assert values(data, parameter)[1] == [pytest.approx(expected, abs=1e-12), None]
    assert values(tables(windowed(take, tie), [record(1, None, value, day=at) for at, value in DAYS]), "madrs", "ady")[1][0] == day


def test_the_ends_of_a_window_belong_to_it() -> None:
    study = windowed()
    for day, expected in ((5, [9, None]), (9, [9, None]), (4.99, [None, None]), (9.01, [None, None]), (9.5, [None, 9]), (20, [None, 9]), (20.01, [None, None])):
        assert values(tables(study, [record(1, None, 9, day=day)]), "madrs")[1] == expected


def test_means_keep_people_and_parameters_apart() -> None:
    rows = [record(1, None, 10, day=5), record(1, None, 20, day=6), record(2, None, 40, day=6), record(2, None, 50, day=9), record(3, "week", 7, day=30)]
    data = tables(windowed("mean"), [*rows, record(3, None, 60, day=7)])
    assert values(data, "madrs") == {1: [15, None], 2: [45, None], 3: [7, None]}


CSV = {
    "people.csv": "id\n01\n02\n03\n",
    # hours after the session of day 0; 26.5 hours are day 1 and 2.5 hours
    "scores.csv": "id,day,hour,madrs\n"
    + "01,0,-1,40\n01,0,2,30\n01,0,3,28\n01,1,0,20\n01,1,2.5,19\n01,7,,15\n"
    + "02,0,0,38\n02,0,1,33\n02,0,3,27\n02,1,-6,22\n02,1,6,21\n02,8,12,16\n"
    + "03,0,,35\n03,0,4.5,10\n03,1,13,11\n03,5,23,12\n",
}


@pytest.mark.parametrize(
    ("tie", "expected"),
    [
        # the first: 2 h, 24 h (nearer than 26.5 h), day 7. The second: 1 h and 3 h are equally near to 2 h, 18 h and 30 h to 24 h; day 8.5 is
        # in the window to day 8.5. The third: 4.5 h is after the window to 4 h, day 1 and 13 h after that to 36 h, day 5 and 23 h before day 6
        ("earlier", {1: [30, 20, 15], 2: [33, 22, 16], 3: [None, None, None]}),
        ("later", {1: [30, 20, 15], 2: [27, 21, 16], 3: [None, None, None]}),
    ],
)
def test_windows_of_hours(tmp_path: Path, tie: str, expected: dict[int, list[float | None]]) -> None:
    for name, text in CSV.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    hours = [
        visit("base", 0.0, window=[-0.5, 0.0]),
        visit("h2", 2 / 24, window=[0.5 / 24, 4 / 24], tie=tie),
        visit("h24", 1.0, window=[18 / 24, 36 / 24], tie=tie),
        visit("day7", 7.0, window=[6.0, 8.5]),
    ]
    people = {"file": "people.csv", "provides": "participants", "columns": {"participant": {"from": "id"}}}
    columns = {"participant": {"from": "id"}, "day": {"from": "day", "kind": "integer"}, "hour": {"from": "hour", "kind": "number"}}
    madrs = {"from": "madrs", "kind": "integer", "instrument": "madrs"}
    scores = {"file": "scores.csv", "provides": "assessments", "columns": {**columns, "madrs": madrs}}
    study = plan({}, visits=hours, tables={"people": people, "scores": scores})
    read = ingest(study, tmp_path)
    data = derive(study, read.tables)["adqs"]
    assert values(data, "madrs") == expected
    assert data.loc[data["ablfl"] == "yes"].sort_values("participant")["base"].tolist() == [40, 38, 35]
    assert values(data, "madrs", "ady")[1] == [pytest.approx(2 / 24, abs=1e-12), 1, 7]
    # 4.5 h, 37 h, and day 5 and 23 h; the first's 3 h and 26.5 h lie in a window, although another counts
    assert read.notes == {"scores on a day outside every visit's window": 3}


BEFORE = [visit("first", -14.0), visit("second", -7.0), visit("base", 0.0), visit("day2", 2.0), visit("day8", 8.0)]
OTHERWISE = {"periods": [{"id": "main", "label": "M", "baseline": {"period": "main", "visit": "base", "otherwise": ["second", "first"]}}], "visits": BEFORE}


def test_people_without_a_baseline_take_the_visits_named_otherwise_in_turn() -> None:
    half = {"kind": "cutoff", "cutoff": "response_50", "missing": "observed"}
    area = {"kind": "area", "of": "value", "visits": ["base", "day2", "day8"], "per_time": False, "missing": "non_evaluable"}
    study = plan({"half": half, "area": area, "fall": {**area, "of": "change"}, "locf": {"kind": "change", "missing": "last_observation"}}, **OTHERWISE)
    scores = {1: [50, 45, 40, 20, 19], 2: [50, 45, None, 22, 23], 3: [50, None, None, 25, 26], 4: [None, None, None, 20, 20], 5: [10, None, 40, None, None]}
    rows = [record(at, name["id"], value) for at, row in scores.items() for name, value in zip(BEFORE, row, strict=True) if value is not None]
    data = tables(study, rows)
    assert values(data, "madrs", "base") == {1: [40, 40], 2: [45, 45], 3: [50, 50], 4: [None, None], 5: [40, 40]}
    # 20 of 40, 22 of 45 and 25 of 50 are a half; 23 of 45 and 26 of 50 are not
    assert values(data, "half") == {1: [1, 1], 2: [1, 0], 3: [1, 0], 4: [None, None], 5: [None, None]}
    # 2 (40 + 20) / 2 + 6 (20 + 19) / 2 = 177; 2 (45 + 22) / 2 + 6 (22 + 23) / 2 = 202; 2 (50 + 25) / 2 + 6 (25 + 26) / 2 = 228
    assert values(data, "area") == {1: [177], 2: [202], 3: [228], 4: [None], 5: [None]}
    # less 8 days of 40, 45 and 50
    assert values(data, "fall") == {1: [-143], 2: [-158], 3: [-172], 4: [None], 5: [None]}
    # what was seen before the baseline is no outcome, and is not carried into one
    assert values(data, "locf", "chg") == {1: [-20, -21], 2: [-23, -22], 3: [-25, -24], 4: [None, None], 5: [None, None]}


def test_a_visit_before_the_baseline_is_never_an_outcome() -> None:
    study = plan(
        {
            "half": {"kind": "cutoff", "cutoff": "response_50", "missing": "nonresponse"},
            "met": {"kind": "onset", "cutoff": "response_50", "missing": "nonresponse"},
        },
        **OTHERWISE,
        populations={"all": {"label": "A"}, "later": {"label": "L", "post_baseline_of": "madrs"}},
    )
    # 5 at screening is less than half of 40, and is neither response nor onset
    rows = [record(1, "second", 5), record(1, "base", 40), record(2, "base", 40), record(2, "day8", 30)]
    data = tables(study, rows)
    kinds = dict(zip(data["avisit"], data["ablfl"], strict=True))
    assert kinds == {"first": "before", "second": "before", "base": "yes", "day2": "no", "day8": "no"}
    assert values(data, "half") == {1: [0, 0], 2: [0, 0]}
    assert values(data, "met") == {1: [0, 0], 2: [0, 0]}
    assert set(data.loc[data["paramcd"] == "half", "avisit"]) == {"day2", "day8"}


AGAIN: dict[str, Any] = {
    "periods": [
        {"id": "main", "label": "M", "baseline": {"period": "main", "visit": "base"}},
        {"id": "again", "label": "A", "start": "again_on", "baseline": {"period": "main", "visit": "base"}},
        {"id": "own", "label": "O", "start": "again_on", "baseline": {"period": "own", "visit": "start"}},
    ],
    "visits": [
        visit("base", 0.0), visit("day28", 28.0),
        {**visit("start", 0.0), "period": "again"}, {**visit("day28", 28.0), "period": "again"},
        {**visit("start", 0.0), "period": "own"}, {**visit("day28", 28.0), "period": "own"},
    ],
}  # fmt: skip


MADRS = {"from": "s", "kind": "number", "instrument": "madrs"}
FILES: dict[str, Any] = {
    "people": {
        "file": "p.csv", "provides": "participants",
        "columns": {"participant": {"from": "id"}, "again_on": {"from": "again_on", "kind": "number"}},
    },
    "scores": {
        "file": "s.csv", "provides": "assessments",
        "columns": {"participant": {"from": "id"}, "period": {"from": "p"}, "visit": {"from": "v"}, "madrs": MADRS},
    },
    "events": {
        "file": "e.csv", "provides": "events",
        "columns": {"participant": {"from": "id"}, "event": {"from": "event"}, "day": {"from": "day", "kind": "number"}},
    },
}  # fmt: skip


def test_a_second_treatment_is_measured_from_the_baseline_before_the_first() -> None:
    # SUSTAIN-3: re-induction is measured from the baseline of the original study (PMC10439056 table 3)
    half = {"half": {"kind": "cutoff", "cutoff": "response_50", "missing": "observed"}}
    study = plan(half, tables=FILES, **AGAIN)
    rows = [record(1, "base", 40), record(1, "day28", 18)]
    rows += [record(1, name, value, period=period) for period in ("again", "own") for name, value in (("start", 30), ("day28", 20))]
    data = tables(study, rows, people=[{"participant": 1, "again_on": 100.0}, {"participant": 2, "again_on": None}])
    assert values(data, "madrs", "chg") == {1: [-22], 2: [None]}
    # 30 and 20 against 40: 20 is a half. Against their own 30 it is not
    assert values(data, "madrs", "chg", period="again") == {1: [-10, -20]}
    assert values(data, "half", period="again") == {1: [0, 1]}
    assert values(data, "madrs", "chg", period="own") == {1: [-10]}
    assert values(data, "half", period="own") == {1: [0]}
    # a rescue on day 110 lies on day 10 of the second treatment
    late = plan(half, tables=FILES, intercurrent=[{"event": "rescue", "strategy": "composite", "reason": "r"}], **AGAIN)
    data = tables(late, rows, [(1, 110.0)], [{"participant": 1, "again_on": 100.0}])
    assert values(data, "half") == {1: [1]}
    assert values(data, "half", period="again") == {1: [0, 0]}


def test_nothing_is_carried_or_kept_from_one_period_to_the_next() -> None:
    half = {"cutoff": "response_50"}
    met, locf = {"kind": "onset", **half, "missing": "nonresponse"}, {"kind": "cutoff", **half, "missing": "last_observation"}
    study = plan({"met": met, "locf": locf}, tables=FILES, periods=AGAIN["periods"][:2], visits=AGAIN["visits"][:4])
    # the first: met on day 28 of the first treatment, the second begins without a score and ends with 30 of 40; the second the other way round
    rows = [record(1, "base", 40), record(1, "day28", 18), record(1, "day28", 30, period="again")]
    rows += [record(2, "base", 40), record(2, "start", 18, period="again"), record(2, "day28", 19, period="again")]
    data = tables(study, rows, people=[{"participant": 1, "again_on": 100.0}, {"participant": 2, "again_on": 100.0}])
    assert (values(data, "met"), values(data, "met", period="again")) == ({1: [1], 2: [0]}, {1: [0, 0], 2: [1, 1]})
    assert (values(data, "locf"), values(data, "locf", period="again")) == ({1: [1], 2: [None]}, {1: [None, 0], 2: [1, 1]})


def test_a_window_holds_scores_of_its_own_period_only() -> None:
    weeks = [visit("base", 0.0, window=[-3.0, 1.0]), visit("week", 7.0, window=[5.0, 9.0]), {**visit("week", 3.0, window=[2.0, 4.0]), "period": "again"}]
    study = plan({}, tables=FILES, periods=AGAIN["periods"][:2], visits=weeks)
    # days 103 and 107 are days 3 and 7 of the second treatment, whose visit is on days 2 to 4; day 3 is none of the first's
    rows = [record(1, None, 40, day=0), record(1, None, 20, day=6), record(1, None, 30, day=103, period="again")]
    rows += [record(2, None, 21, day=3), record(2, None, 31, day=107, period="again")]
    data = tables(study, rows, people=[{"participant": at, "again_on": 100.0} for at in (1, 2)])
    assert (values(data, "madrs"), values(data, "madrs", period="again")) == ({1: [20], 2: [None]}, {1: [30], 2: [None]})


def test_a_period_that_nobody_enters_gives_no_rows() -> None:
    visits = ["start", "day28"]
    kept = {"kind": "sustained", "cutoff": "response_50", "visits": visits, "excursions": 1, "always": ["day28"], "missing": "observed", "source": "s"}
    area = {"kind": "area", "of": "change", "visits": visits, "per_time": True, "missing": "observed"}
    study = plan({"kept": kept, "area": area}, tables=FILES, periods=AGAIN["periods"][:2], visits=AGAIN["visits"][:4])
    data = tables(study, [record(1, "base", 40), record(1, "day28", 18)], people=[{"participant": 1, "again_on": None}])
    assert set(data["paramcd"]) == {"madrs"}


def chosen(days: dict[float, int], window: tuple[float, float], time: float, take: str, tie: str, *, low_is_best: bool) -> float | None:
    """The score that counts, found by looking at each in turn."""
    inside = {day: value for day, value in sorted(days.items()) if window[0] <= day <= window[1]}
    if not inside:
        return None
    if take == "mean":
        return sum(inside.values()) / len(inside)
    if take in {"first", "last"}:
        return inside[min(inside) if take == "first" else max(inside)]
    found: tuple[float, float] | None = None
    for day, value in inside.items():
        cost = abs(day - time) if take == "nearest" else value if low_is_best == (take == "best") else -value
        if found is None or cost < found[0] or (cost == found[0] and tie == "later"):
            found = (cost, value)
    assert found is not None
    return found[1]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    # quarters of a day are exact
    st.lists(st.dictionaries(st.integers(-16, 90).map(lambda day: day / 4), st.integers(0, 60), max_size=12), min_size=1, max_size=3),
    st.sampled_from(["nearest", "first", "last", "best", "worst", "mean"]),
    st.sampled_from(["earlier", "later"]),
    st.sampled_from(["madrs", "well"]),
)
def test_visits_are_what_their_words_say(people: list[dict[float, int]], take: str, tie: str, parameter: str) -> None:
    study = windowed(take, tie, parameter)
    rows = [record(at, None, value, parameter=parameter, day=day) for at, days in enumerate(people, start=1) for day, value in days.items()]
    persons = [{"participant": at} for at in range(1, len(people) + 1)]
    data = tables(study, rows, people=persons)
    for at, days in enumerate(people, start=1):
        week = chosen(days, (5, 9), 7, take, tie, low_is_best=parameter == "madrs")
        later = chosen(days, (9.5, 20), 14, "nearest", "earlier", low_is_best=True)
        assert values(data, parameter)[at] == [value if value is None else pytest.approx(value, abs=1e-12) for value in (week, later)]
        first = chosen(days, (-3, 1), 0, "nearest", "earlier", low_is_best=True)
        base = data.loc[(data["participant"] == at) & (data["ablfl"] == "yes") & (data["paramcd"] == parameter), "base"].iloc[0]
        assert (None if pd.isna(base) else base) == first
