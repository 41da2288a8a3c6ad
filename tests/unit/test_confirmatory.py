"""The declared order of tests, carried out on p values given here: decisions and Holm's adjustment worked by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.confirmatory import carried_out
from ketaoutcomes.domain.study import Testing as Order
from ketaoutcomes.schema.ard import ARD, OTHER_CHOICE

Said = tuple[str, float | None, str]


def result(analysis: str, value: float | None, term: str = "contrast", **key: Any) -> dict[str, Any]:
    return {"study": "toy", "analysis": analysis, "statistic": "p_value", "value": value, "term": term, "status": "ok", "text": "", "n": 20, "events": 4, **key}


def carried(order: list[Any], rows: list[dict[str, Any]], alpha: float = 0.05, **visits: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the tests, and those of the results as they are marked."""
    names = {row["analysis"] for row in rows} | {"absent"}
    study: Any = SimpleNamespace(
        testing=Order.model_validate({"alpha": alpha, "order": order}), analyses={n: SimpleNamespace(visit=visits.get(n)) for n in names}
    )
    frame = pd.DataFrame(rows).reindex(columns=list(ARD.columns))
    keys = ["arm", "comparator", "visit", "method", "subgroup", "level"]
    frame[keys] = frame[keys].astype("string").fillna("")
    found = carried_out(study, frame)
    tested = found["term"] == "testing"
    return found[tested], found[~tested]


def said(tests: pd.DataFrame) -> list[Said]:
    """Analysis (and arm), adjusted p and decision of each hypothesis."""
    cells = tests[["analysis", "arm", "value", "text"]].itertuples(index=False, name=None)
    return [(f"{name} {arm}".strip(), None if pd.isna(value) else round(value, 10), text) for name, arm, value, text in cells]


REJECTED, KEPT, NOMINAL = "rejected", "not rejected", "nominal"


@pytest.mark.parametrize(
    ("order", "p", "expected"),
    [
        # one after the other: after the first that is not rejected nothing is decided, however small its p
        (["a", "b", "c"], {"a": 0.01, "b": 0.06, "c": 0.001}, [("a", 0.01, REJECTED), ("b", 0.06, KEPT), ("c", 0.001, NOMINAL)]),
        (["a", "b", "c"], {"a": 0.01, "b": 0.02, "c": 0.6}, [("a", 0.01, REJECTED), ("b", 0.02, REJECTED), ("c", 0.6, KEPT)]),
        (["c", "a", "b"], {"a": 0.01, "b": 0.02, "c": 0.6}, [("c", 0.6, KEPT), ("a", 0.01, NOMINAL), ("b", 0.02, NOMINAL)]),
        # at the level itself is rejected
        (["a", "b"], {"a": 0.05, "b": 0.0501}, [("a", 0.05, REJECTED), ("b", 0.0501, KEPT)]),
        # Holm: 3 * 0.01, 2 * 0.03, then 0.04, which may not be below the one before
        ([["a", "b", "c"]], {"a": 0.04, "b": 0.01, "c": 0.03}, [("a", 0.06, KEPT), ("b", 0.03, REJECTED), ("c", 0.06, KEPT)]),
        ([["a", "b"], "c"], {"a": 0.06, "b": 0.01, "c": 0.001}, [("a", 0.06, KEPT), ("b", 0.02, REJECTED), ("c", 0.001, NOMINAL)]),
        # 3 * 0.016, 2 * 0.02 raised to 0.048, 0.03 raised to 0.048
        ([["a", "b", "c"], "d"], {"a": 0.016, "b": 0.02, "c": 0.03, "d": 0.04}, [*[(name, 0.048, REJECTED) for name in "abc"], ("d", 0.04, REJECTED)]),
        # 2 * 0.6 is at most 1
        ([["a", "b"]], {"a": 0.6, "b": 0.7}, [("a", 1.0, KEPT), ("b", 1.0, KEPT)]),
        # a hypothesis without a p value is not rejected, and still has its share of the level: 2 * 0.03
        (["a", "b"], {"a": None, "b": 0.001}, [("a", None, KEPT), ("b", 0.001, NOMINAL)]),
        ([["a", "b"], "c"], {"a": None, "b": 0.02, "c": 0.001}, [("a", None, KEPT), ("b", 0.04, REJECTED), ("c", 0.001, NOMINAL)]),
        ([["a", "b"]], {"a": None, "b": 0.03}, [("a", None, KEPT), ("b", 0.06, KEPT)]),
        (["absent", "b"], {"b": 0.001}, [("b", 0.001, NOMINAL)]),
        ([["absent", "b"], "c"], {"b": 0.03, "c": 0.001}, [("b", 0.06, KEPT), ("c", 0.001, NOMINAL)]),
    ],
)  # fmt: skip
def test_decisions(order: list[Any], p: dict[str, float | None], expected: list[Said]) -> None:
    tests, results = carried(order, [result(name, value, arm="k") for name, value in p.items()])
    assert said(tests) == [(f"{name} k", value, text) for name, value, text in expected]
    # a p value that no longer decides says so where it stands, and only such a one
    nominal = {name for name, _, text in expected if text == NOMINAL}
    assert set(results.loc[results["text"] == NOMINAL, "analysis"]) == nominal
    assert results["value"].tolist() == pytest.approx([float("nan") if value is None else value for value in p.values()], nan_ok=True)


def test_the_level_is_the_declared_one() -> None:
    rows = [result("a", 0.02, arm="k")]
    assert said(carried(["a"], rows, alpha=0.025)[0]) == [("a k", 0.02, REJECTED)]
    assert said(carried(["a"], rows, alpha=0.01)[0]) == [("a k", 0.02, KEPT)]


def test_every_arm_is_a_hypothesis_unless_one_is_named() -> None:
    rows = [result("a", 0.02, arm="low"), result("a", 0.03, arm="high"), result("b", 0.01, arm="low")]
    # 2 * 0.02, then 0.03 raised to it
    assert said(carried(["a", "b"], rows)[0]) == [("a low", 0.04, REJECTED), ("a high", 0.04, REJECTED), ("b low", 0.01, REJECTED)]
    named = [{"analysis": "a", "arm": "high"}, {"analysis": "a", "arm": "low"}]
    tests, results = carried(named, rows)
    assert said(tests) == [("a high", 0.03, REJECTED), ("a low", 0.02, REJECTED)]
    assert (results["text"] == "").all()
    assert tests["note"].tolist() == ["step 1", "step 2"]


def test_the_visit_of_the_hypothesis_or_of_the_analysis() -> None:
    rows = [result("a", 0.2, arm="k", visit="day7"), result("a", 0.02, arm="k", visit="day28")]
    assert said(carried([{"analysis": "a", "visit": "day28"}], rows)[0]) == [("a k", 0.02, REJECTED)]
    assert said(carried([{"analysis": "a", "visit": "day7"}], rows)[0]) == [("a k", 0.2, KEPT)]
    assert said(carried(["a"], rows, a="day28")[0]) == [("a k", 0.02, REJECTED)]


def test_which_p_value_of_an_analysis() -> None:
    """The comparison's, by the method shown first; a curve's test where there is no comparison; never that of another choice or a term."""
    one = [
        result("a", 0.9, term="arm[k]"), result("a", 0.2, term="contrast: test", arm="k", method="fisher"),
        result("a", 0.03, term="contrast: test", arm="k", method="mantel_haenszel"), result("a", 0.8, term="proportional hazards"),
    ]  # fmt: skip
    assert said(carried(["a"], one)[0]) == [("a k", 0.03, REJECTED)]
    curve = [result("a", 0.04, term="log-rank"), result("a", 0.2, term=OTHER_CHOICE, level="gap none"), result("b", 0.01, term="Gray's test")]
    assert said(carried(["a", "b"], curve)[0]) == [("a", 0.04, REJECTED), ("b", 0.01, REJECTED)]
    both = [result("a", 0.04, term="log-rank"), result("a", 0.5, arm="k")]
    assert said(carried(["a"], both)[0]) == [("a k", 0.5, KEPT)]
    beside = [result("a", 0.5, arm="k", method="model"), result("a", 0.01, arm="k", method="kenward_roger")]
    assert said(carried(["a"], beside)[0]) == [("a k", 0.01, REJECTED)]


def test_other_statistics_are_not_touched() -> None:
    rows = [result("a", 0.5, arm="k"), result("b", 0.5, arm="k"), {**result("b", 1.5, arm="k"), "statistic": "estimate"}]
    tests, results = carried(["a", "b"], rows)
    assert len(tests) == 2
    assert results["text"].tolist() == ["", NOMINAL, ""]


def test_without_an_order_nothing_is_tested() -> None:
    frame = pd.DataFrame([result("a", 0.5)])
    study: Any = SimpleNamespace(testing=None)
    assert carried_out(study, frame) is frame
