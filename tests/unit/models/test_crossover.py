"""A two-period crossover with a baseline in each period, simulated with known effects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.mixed import lmm
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match

STUDY = """
study: crossing
title: A crossover
drug: ketamine
source: simulated
obtain: this test
status: open
tables:
  people:
    file: people.csv
    provides: participants
    columns:
      participant: {from: id}
      arm1: {from: first, kind: category, levels: [placebo, ketamine]}
      arm2: {from: second, kind: category, levels: [placebo, ketamine]}
  scores:
    file: scores.csv
    provides: assessments
    columns: {participant: {from: id}, period: {from: period}, visit: {from: visit}, bdi2: {from: bdi, kind: number, instrument: bdi2}}
design:
  kind: crossover
  arms: {placebo: {label: Placebo}, ketamine: {label: Ketamine}}
  reference: placebo
  randomised: true
periods:
  - {id: one, label: First, arm: arm1, baseline: {period: one, visit: before}}
  - {id: two, label: Second, arm: arm2, baseline: {period: two, visit: before}}
visits:
  - {id: before, period: one, label: Before, time: 0}
  - {id: after, period: one, label: After, time: 1}
  - {id: before, period: two, label: Before, time: 0}
  - {id: after, period: two, label: After, time: 1}
populations: {everybody: {label: Everybody}}
endpoints: {score: {kind: value, parameter: bdi2}}
analyses:
  main:
    model: lmm
    primary: true
    title: Ketamine against placebo
    endpoint: score
    population: everybody
    period: all
    covariates: [base_between, base_within, period, sequence]
    time: categorical
    visit: after
    interactions: [[arm, visit]]
"""
N = 400


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, pd.DataFrame], pd.DataFrame]:
    """Truth: ketamine -6, second period +2, baseline 0.8 between people and 0.3 within, no effect of the sequence."""
    root = tmp_path_factory.mktemp("crossing")
    draw = np.random.default_rng(41)
    own, first = draw.normal(30, 5, N), draw.random(N) < 0.5
    people, scores = ["id,first,second"], []
    for who in range(N):
        arms = ["ketamine", "placebo"] if first[who] else ["placebo", "ketamine"]
        people.append(f"P{who:03d},{arms[0]},{arms[1]}")
        before = own[who] + draw.normal(0, 3, 2)
        level = 0.8 * before.mean() + draw.normal(0, 2)
        for at in (0, 1):
            after = level + 0.3 * (before[at] - before.mean()) - 6 * (arms[at] == "ketamine") + 2 * at + draw.normal(0, 2)
            scores.append((f"P{who:03d}", ("one", "two")[at], arms[at], before[at], after))
    frame = pd.DataFrame(scores, columns=["id", "period", "arm", "before", "after"]).round(4)
    long = frame.melt(id_vars=["id", "period"], value_vars=["before", "after"], var_name="visit", value_name="bdi")
    (root / "people.csv").write_text("\n".join(people) + "\n", encoding="utf-8")
    (root / "scores.csv").write_text(long.to_csv(index=False), encoding="utf-8")
    (root / "crossing.yaml").write_text(STUDY, encoding="utf-8")
    study = read_study(root / "crossing.yaml")
    return study, derive(study, ingest(study, root).tables), frame


def test_effects_come_back_and_baselines_are_apart(crossing: tuple[Study, dict[str, pd.DataFrame], pd.DataFrame]) -> None:
    study, data, _ = crossing
    rows = analyse(study, "main", data)
    truth = {"arm[ketamine]": -6.0, "period[two]": 2.0, "base_between": 0.8, "base_within": 0.3, "sequence[placebo then ketamine]": 0.0}
    for term, effect in truth.items():
        found = match(rows, term=term).set_index("statistic")["value"]
        assert abs(found["estimate"] - effect) < 3 * found["std_error"], term
        assert found["std_error"] < 0.4
    assert "low power" in match(rows, statistic="method")["text"].iloc[0]


def test_the_columns_are_those_made_by_hand(crossing: tuple[Study, dict[str, pd.DataFrame], pd.DataFrame]) -> None:
    study, data, frame = crossing
    mean = frame.groupby("id")["before"].transform("mean")
    order = frame.sort_values("period").groupby("id")["arm"].agg(" then ".join)
    mine = frame.assign(between=mean, within=frame["before"] - mean, order=frame["id"].map(order))
    levels = {"arm": ["placebo", "ketamine"], "period": ["one", "two"], "order": ["ketamine then placebo", "placebo then ketamine"]}
    fixed = [("between",), ("within",), ("period",), ("order",), ("arm",)]
    fit = lmm(mine, response="after", fixed=fixed, levels=levels, subject="id", df="kenward-roger")
    rows = match(analyse(study, "main", data), term="base_within").set_index("statistic")["value"]
    assert rows["estimate"] == pytest.approx(fit.params["within"], rel=1e-8)
    assert rows["std_error"] == pytest.approx(fit.bse["within"], rel=1e-8)


def test_one_baseline_for_both_periods_has_nothing_within(tmp_path: Path) -> None:
    path = tmp_path / "crossing.yaml"
    path.write_text(STUDY.replace("baseline: {period: two, visit: before}", "baseline: {period: one, visit: before}"), encoding="utf-8")
    with pytest.raises(Refused, match="the periods share one baseline"):
        read_study(path)
