"""Ranks, stratified proportions and competing risks of one small trial from its files on: R's values, to 1e-8.

`make.R` draws the files and computes from them; nothing of the pipeline's is between its values and the CSV.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match

HERE = Path(__file__).parent
R: dict[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
PAIR = {"arm": "ketamine", "comparator": "midazolam"}
Number = Callable[..., float]
Found = Callable[[str], pd.DataFrame]


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-8, abs=1e-12)


@pytest.fixture(scope="module")
def found() -> Found:
    study = read_study(HERE / "counted.yaml")
    data = derive(study, ingest(study, HERE).tables)
    return lambda name: analyse(study, name, data)


def test_shifts_and_rank_tests(found: Found, number: Number) -> None:
    rows, layered, expected = found("ranks"), found("ranks_by_centre"), R["ordinal"]
    for statistic, name in (("estimate", "median"), ("conf_low", "lower"), ("conf_high", "upper"), ("p_value", "p")):
        assert number(rows, statistic, term="contrast", visit="week4", **PAIR) == near(expected[name])
    for statistic, name in (("z", "z"), ("p_value", "p_stratified")):
        assert number(layered, statistic, term="contrast", visit="week4", **PAIR) == near(expected[name])
    for arm, entry in expected["arms"].items():
        assert number(rows, "n", arm=arm, visit="week4") == entry["n"]
        counted = match(rows, statistic="n_events", arm=arm)
        for level in ("shift", "level"):
            own = counted[(counted["level"] == level) & (counted["term"] != "")]
            assert dict(zip(own["term"], own["value"], strict=True)) == entry[level]
        own = counted[(counted["level"] == "change") & (counted["term"] != "")]
        assert dict(zip(own["term"], own["value"], strict=True)) == {word: entry[word] for word in ("worse", "same", "better")}


def test_proportions_within_centres(found: Found, number: Number) -> None:
    rows, expected = found("response"), R["proportions"]
    events, n, events_reference, n_reference = expected["counts"]
    for arm, people, with_event in (("ketamine", n, events), ("midazolam", n_reference, events_reference)):
        assert number(rows, "n", arm=arm, visit="week4") == people
        assert number(rows, "n_events", arm=arm, visit="week4") == with_event
        assert number(rows, "percent", arm=arm, visit="week4") == near(100 * with_event / people)
    difference = {"term": "contrast: risk difference", "visit": "week4", **PAIR}
    assert number(rows, "risk_difference", method="newcombe", **difference) == near(100 * expected["difference"])
    limits = [number(rows, name, method="newcombe", **difference) for name in ("conf_low", "conf_high")]
    assert limits == near([100 * limit for limit in expected["newcombe"]])
    names = {"risk_difference": "estimate", "conf_low": "lower", "conf_high": "upper"}
    for statistic, name in names.items():
        assert number(rows, statistic, method="mantel_haenszel", **difference) == near(100 * expected["stratified"][name])
    test = {"term": "contrast: test", "visit": "week4", **PAIR}
    assert number(rows, "p_value", method="mantel_haenszel", **test) == near(expected["stratified"]["p"])
    assert number(rows, "p_value", method="miettinen_nurminen", **test) == near(expected["score"])


def test_cumulative_incidence_beside_other_treatment(found: Found, number: Number) -> None:
    rows, expected = found("incidence"), R["incidence"]
    for arm, entry in expected["arms"].items():
        assert number(rows, "n", arm=arm) == entry["n"]
        assert number(rows, "n_events", arm=arm) == entry["events"]
        assert number(rows, "n_events", arm=arm, term="competing") == entry["competing"]
        for statistic, name in (("incidence", "estimate"), ("conf_low", "lower"), ("conf_high", "upper")):
            ours = [number(rows, statistic, term="incidence", arm=arm, day=float(day)) for day in expected["days"]]
            assert ours == near(entry[name])
        for statistic, name in (("n_at_risk", "at_risk"), ("n_events", "events_by"), ("n_competing", "competing_by")):
            assert [number(rows, statistic, term="at risk", arm=arm, day=float(day)) for day in expected["days"]] == entry[name]
        curve = rows[(rows["term"] == "curve") & (rows["arm"] == arm) & (rows["day"] > 0) & (rows["events"] > 0)]
        steps = curve[curve["statistic"] == "incidence"]
        assert (steps["day"].tolist(), steps["n"].tolist()) == (entry["curve"]["day"], entry["curve"]["at_risk"])
        assert steps["events"].sum() == entry["events"]
        for statistic, name in (("incidence", "estimate"), ("conf_low", "lower"), ("conf_high", "upper")):
            assert curve[curve["statistic"] == statistic]["value"].tolist() == near(entry["curve"][name])
    assert number(rows, "chisq", term="Gray's test") == near(expected["gray"])
    assert number(rows, "p_value", term="Gray's test") == near(expected["p"])
