"""Coding of terms and every refusal of a frame that cannot be coded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import (
    DuplicateVisit,
    InvalidTerms,
    InvalidValues,
    MixedModelError,
    RankDeficient,
    UnusedLevel,
)
from ketaoutcomes.mixed.design import build_design
from ketaoutcomes.mixed.scaling import standardise

LEVELS = {"arm": ["placebo", "ketamine"], "visit": ["1", "28"]}
FIXED = [("base",), ("arm",), ("visit",), ("base", "visit"), ("arm", "visit")]


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["s3", "s1", "s1", "s2", "s2", "s3", "s4", "s4"],
            "arm": ["ketamine", "placebo", "placebo", "ketamine", "ketamine", "ketamine", "placebo", "placebo"],
            "visit": [28, 1, 28, 1, 28, 1, 1, 28],
            "base": [33.0, 30.0, 30.0, 36.0, 36.0, 33.0, 41.0, 41.0],
            "y": [1.0, 2.0, 3.0, 4.0, 5.5, 6.0, 7.0, 9.0],
        }
    )


def build(data: pd.DataFrame, **changed: Any) -> Any:
    said: dict[str, Any] = {"response": "y", "fixed": FIXED, "levels": LEVELS, "subject": "id", "visit": "visit"}
    return build_design(data, **{**said, **changed})


def test_treatment_coding_with_readable_labels() -> None:
    design = build(frame())
    assert design.coding.labels == (
        "(Intercept)",
        "base",
        "arm[ketamine]",
        "visit[28]",
        "base:visit[28]",
        "arm[ketamine]:visit[28]",
    )
    # By hand: participant s3, ketamine, base 33, at visits 1 and 28.
    np.testing.assert_array_equal(design.x()[design.subject == 2], [[1, 33, 1, 0, 0, 0], [1, 33, 1, 1, 33, 1]])
    np.testing.assert_array_equal(design.y[design.subject == 2], [6.0, 1.0])


def test_row_of_a_cell_equals_the_row_of_the_data() -> None:
    design = build(frame())
    row = design.coding.row({"base": 33.0, "arm": "ketamine", "visit": "28"})
    np.testing.assert_array_equal(row, design.x()[(design.subject == 2) & (design.visit == 1)][0])


def test_mean_of_a_covariate_is_over_rows() -> None:
    assert build(frame()).cells.means == {"base": pytest.approx(2 * (30 + 36 + 33 + 41) / 8)}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"fixed": [("bse",)]}, InvalidTerms, "'bse'"),
        ({"response": "z"}, InvalidTerms, "'z'"),
        ({"fixed": [("arm",), ("arm", "visit")]}, InvalidTerms, "without visit"),
        ({"fixed": [("arm", "arm")]}, InvalidTerms, "twice"),
        ({"levels": {"arm": ["placebo", "ketamine"]}}, InvalidTerms, "visit"),
        ({"levels": {"visit": ["1", "28"]}}, InvalidTerms, "not numeric and without declared levels: arm"),
        ({"levels": {**LEVELS, "arm": ["placebo"]}}, InvalidValues, "4 rows"),
        ({"levels": {**LEVELS, "arm": ["placebo", "ketamine", "low"]}}, UnusedLevel, "'low'"),
        ({"levels": {**LEVELS, "arm": ["placebo", "placebo"]}}, InvalidTerms, "repeats"),
    ],
)
def test_refuses_terms_and_levels(change: dict[str, Any], error: type[MixedModelError], said: str) -> None:
    with pytest.raises(error, match=said):
        build(frame(), **change)


@pytest.mark.parametrize("column", ["y", "base", "arm", "visit", "id"])
def test_refuses_missing_values(column: str) -> None:
    data = frame().astype({"visit": object})
    data.loc[3, column] = None
    with pytest.raises(InvalidValues, match=f"1 rows .*'{column}'"):
        build(data)


@pytest.mark.parametrize("column", ["y", "base"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e200])
def test_refuses_infinite_values(column: str, value: float) -> None:
    data = frame()
    data.loc[3, column] = value
    with pytest.raises(InvalidValues, match=column):
        build(data)


@pytest.mark.parametrize("kind", [float, str, "category", "Int64"])
def test_visits_may_come_as_numbers_or_text(kind: str | type) -> None:
    """A gap in a CSV column turns its visits into 1.0 and 28.0."""
    np.testing.assert_array_equal(build(frame().astype({"visit": kind})).x(), build(frame()).x())


def test_refuses_two_columns_of_one_name() -> None:
    data = frame()
    with pytest.raises(InvalidTerms, match="more than one column 'base'"):
        build(pd.concat([data, data[["base"]]], axis=1))


def test_refuses_an_empty_frame() -> None:
    with pytest.raises(MixedModelError):
        build(frame().iloc[:0])


def test_refuses_two_rows_at_a_visit() -> None:
    with pytest.raises(DuplicateVisit, match="1 rows"):
        build(pd.concat([frame(), frame().iloc[[2]]]))


def test_names_aliased_columns() -> None:
    data = frame().assign(again=lambda d: 2 * d["base"] - 7)
    with pytest.raises(RankDeficient, match="again") as caught:
        standardise(build(data, fixed=[*FIXED, ("again",)]))
    assert caught.value.aliased == ("again",)


def test_names_the_arm_without_a_value_at_a_visit() -> None:
    data = frame()
    gone = (data["arm"] == "ketamine") & (data["visit"] == 28)
    with pytest.raises(RankDeficient, match=r"arm=ketamine and visit=28") as caught:
        standardise(build(data[~gone]))
    assert "arm[ketamine]:visit[28]" in caught.value.aliased


def test_messages_never_name_a_participant() -> None:
    broken = [
        (pd.concat([frame(), frame()]), {}),
        (frame().replace({"y": {5.5: np.nan}}), {}),
        (frame(), {"levels": {**LEVELS, "arm": ["placebo"]}}),
    ]
    for data, change in broken:
        with pytest.raises(MixedModelError) as caught:
            build(data, **change)
        assert not any(name in str(caught.value) for name in ["s1", "s2", "s3", "s4", "ketamine"])
