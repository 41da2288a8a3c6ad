"""Subgroups are the analysis in the people of a level; what cannot be estimated says so; who has no further score is counted."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.models._interaction import heterogeneity
from ketaoutcomes.models._standardised import of_levels, of_means
from ketaoutcomes.schema.ard import GONE, INTERACTION, match
from ketaoutcomes.simulate import SIMULATED

FILE = Path(__file__).resolve().parents[3] / "config" / "studies" / "esketamine_trial.yaml"
NUMBERS = st.floats(-50, 50, allow_nan=False)
ERRORS = st.floats(0.05, 20)


@cache
def cohort() -> tuple[Study, dict[str, pd.DataFrame]]:
    """The trial and its cohort, before anything is derived."""
    study = read_study(FILE)
    with TemporaryDirectory() as root:
        folder = Path(root) / "data" / study.study
        folder.mkdir(parents=True)
        for name, text in SIMULATED[study.study](None).items():
            (folder / name).write_text(text, encoding="utf-8")
        return study, ingest(study, Path(root)).tables


def changed(**keys: object) -> Study:
    """The trial with other keys of its subgroups, and a population of women."""
    plan = cohort()[0].model_dump(by_alias=True)
    plan["populations"]["women"] = {**plan["populations"]["fas"], "label": "Women", "where": {"sex": ["female"]}}
    plan["analyses"]["women"] = {**plan["analyses"]["main"], "primary": False, "population": "women"}
    plan["analyses"]["subgroups_main"] |= keys
    return Study.model_validate(plan)


def test_a_subgroup_is_the_analysis_of_a_population_of_these_people() -> None:
    study = changed(by=["sex"], cuts={})
    data = derive(study, cohort()[1])
    within, alone = analyse(study, "subgroups_main", data), analyse(study, "women", data)
    for statistic in ("estimate", "conf_low", "conf_high"):
        ours = match(within, level="female", term="contrast", statistic=statistic).iloc[0]
        theirs = match(alone, term="contrast", visit="day28", statistic=statistic).iloc[0]
        assert ours["value"] == pytest.approx(theirs["value"], rel=1e-9)
        assert ours["n"] == theirs["n"]


def test_a_level_without_an_arm_has_a_reason_and_is_not_compared() -> None:
    study = changed(by=["age"], cuts={"age": [30.0, 60.0]})
    data = derive(study, cohort()[1])
    adsl = data["adsl"]
    data = {**data, "adsl": adsl[~((adsl["age"] > 60) & (adsl["trtp"] == "esketamine"))]}
    rows = analyse(study, "subgroups_main", data)
    none = match(rows, level="above 60", term="contrast")
    assert list(none["status"]) == ["not_estimable"]
    assert list(none["note"]) == ["nobody in Esketamine"]
    test = match(rows, term=INTERACTION)
    assert set(test["note"]) == {"2 of 3 levels are compared"}
    assert match(test, statistic="df")["value"].iloc[0] == 1
    assert match(rows, statistic="verdict")["text"].iloc[0] == "flagged"


def test_with_one_level_there_is_no_test() -> None:
    study = changed(by=["age"], cuts={"age": [90.0]})
    rows = analyse(study, "subgroups_main", derive(study, cohort()[1]))
    test = match(rows, term=INTERACTION)
    assert list(test["status"]) == ["not_estimable"]
    assert test["value"].isna().all()
    assert list(match(rows, level="above 90", term="contrast")["note"]) == ["nobody in Esketamine and Placebo"]


@given(st.lists(st.tuples(NUMBERS, ERRORS), min_size=2, max_size=2))
def test_of_two_estimates_q_is_the_square_of_z(pairs: list[tuple[float, float]]) -> None:
    (first, one), (second, other) = pairs
    q, df, p = heterogeneity([first, second], [one, other])
    z = (first - second) / math.hypot(one, other)
    assert df == 1
    assert q == pytest.approx(z**2, rel=1e-9, abs=1e-9)
    assert p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-6, abs=1e-12)


@given(st.lists(st.tuples(NUMBERS, ERRORS), min_size=2, max_size=12), NUMBERS, st.randoms())
def test_q_knows_no_order_sign_or_place(pairs: list[tuple[float, float]], shift: float, random: object) -> None:
    q, df, _ = heterogeneity(*zip(*pairs, strict=True))
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    moved = heterogeneity([shift - value for value, _ in shuffled], [error for _, error in shuffled])
    assert (moved[0], moved[1]) == (pytest.approx(q, rel=1e-6, abs=1e-6), df)


def test_distances_of_categories() -> None:
    # two levels: |p1 - p0| / sqrt((p1 q1 + p0 q0) / 2), whichever level is counted
    expected = abs(0.3 - 0.45) / math.sqrt((0.3 * 0.7 + 0.45 * 0.55) / 2)
    assert of_levels([30, 70], [45, 55]) == pytest.approx(expected, rel=1e-12) == of_levels([70, 30], [55, 45])
    assert of_levels([30, 0, 70], [45, 0, 55]) == pytest.approx(expected, rel=1e-12)
    assert of_levels([10, 20, 30], [1, 2, 3]) == pytest.approx(0, abs=1e-12)
    assert math.isnan(of_levels([10, 0], [0, 10]))
    assert math.isnan(of_levels([0, 0], [3, 4]))
    assert math.isnan(of_means(pd.Series([1.0, 1.0]), pd.Series([2.0, 2.0])))
    assert of_means(pd.Series([1.0, 3.0]), pd.Series([0.0, 2.0, 4.0])) == pytest.approx(0 / math.sqrt(3))
    assert of_means(pd.Series([3.0, 5.0]), pd.Series([0.0, 2.0, 4.0])) == pytest.approx(2 / math.sqrt(3))


def test_who_has_no_score_from_a_visit_on_is_counted_person_by_person() -> None:
    study, tables = cohort()
    scores = tables["assessments"].copy()
    # gaps that are no ends: every ninth score is lost
    scores.loc[np.arange(len(scores)) % 9 == 4, "value"] = np.nan
    data = derive(study, {**tables, "assessments": scores})
    assert scores["value"].isna().sum() > tables["assessments"]["value"].isna().sum()
    rows = match(analyse(study, "description", data), term=GONE)
    seen = data["adqs"][(data["adqs"]["paramcd"] == "madrs") & data["adqs"]["aval"].notna()]
    order = [visit.id for visit in study.visits]
    for arm in ("", "placebo", "esketamine"):
        people = data["adsl"] if not arm else data["adsl"][data["adsl"]["trtp"] == arm]
        for at, visit in enumerate(order):
            ended = 0
            for person in people["participant"]:
                own = set(seen.loc[seen["participant"] == person, "avisit"])
                ended += not own & set(order[at:])
            row = match(rows, arm=arm, visit=visit).iloc[0]
            assert (row["events"], row["n"]) == (ended, len(people))
            assert row["value"] == pytest.approx(100 * ended / len(people))
    last = match(rows, arm="", visit="day28").iloc[0]
    missing = match(analyse(study, "description", data), arm="", visit="day28", statistic="n_missing").iloc[0]
    assert last["events"] == missing["value"]
