"""A comparison that cannot be made is refused with its reason; it is never replaced by another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.release import release
from ketaoutcomes.report import headline
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]
Edit = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]


def edited(study: str, root: Path, edit: Edit, scores: str) -> tuple[Study, dict[str, pd.DataFrame]]:
    """A simulated study whose participants and scores were changed as text, then derived."""
    folder = root / "data" / study
    folder.mkdir(parents=True)
    for name, text in SIMULATED[study](None).items():
        (folder / name).write_text(text, encoding="utf-8")
    people, rows = (pd.read_csv(folder / name, dtype=str, keep_default_na=False) for name in ("participants.csv", scores))
    for name, frame in zip(("participants.csv", scores), edit(people, rows), strict=True):
        frame.to_csv(folder / name, index=False)
    plan = read_study(REPOSITORY / "config" / "studies" / f"{study}.yaml")
    return plan, derive(plan, ingest(plan, root).tables)


def nobody_on_day_28(people: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return people, rows[rows["VISIT"] != "Day 28"]


def only_esketamine(people: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return people.assign(ARM="Esketamine"), rows


def placebo_never_seen_again(people: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    placebo = set(people.loc[people["ARM"] == "Placebo", "SUBJID"])
    return people, rows[(rows["VISIT"] == "Baseline") | ~rows["SUBJID"].isin(placebo)]


def one_score_for_all(people: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return people, rows.assign(MADRS_TOTAL="30")


REFUSED = [
    (nobody_on_day_28, "nobody has a value at the visit"),
    (only_esketamine, "no one to compare with: nobody in Placebo"),
    (placebo_never_seen_again, "no one to compare with: nobody in Placebo"),
    (one_score_for_all, ""),
]


@pytest.mark.parametrize(("edit", "reason"), REFUSED, ids=[edit.__name__ for edit, _ in REFUSED])
def test_the_primary_mmrm_is_refused_with_its_reason(tmp_path: Path, edit: Edit, reason: str) -> None:
    study, data = edited("esketamine_trial", tmp_path, edit, "madrs.csv")
    rows = analyse(study, "main", data)
    verdict = match(rows, statistic="verdict").iloc[0]
    assert verdict["text"] == "not_estimable"
    assert reason in verdict["note"]
    assert rows["value"].isna().all()
    assert len(match(rows, statistic="method")) == 1


@pytest.mark.parametrize(("edit", "reason"), REFUSED, ids=[edit.__name__ for edit, _ in REFUSED])
def test_the_headline_shows_no_number_of_another_visit_or_arm(tmp_path: Path, edit: Edit, reason: str) -> None:
    study, data = edited("esketamine_trial", tmp_path, edit, "madrs.csv")
    found = headline(release(study, [analyse(study, name, data) for name in study.analyses]).release)
    assert found.status == "not_estimable"
    assert found.sentence == "Change of MADRS from baseline: not estimable"


def test_a_hazard_ratio_needs_the_reference_arm(tmp_path: Path) -> None:
    def edit(people: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        return people.assign(TREATMENT=people["TREATMENT"].replace("placebo", "esketamine")), rows

    study, data = edited("esketamine_withdrawal", tmp_path, edit, "madrs.csv")
    verdict = match(analyse(study, "relapse_hazard", data), statistic="verdict").iloc[0]
    assert verdict["text"] == "not_estimable"
    assert "only one arm" in verdict["note"]


@pytest.mark.parametrize("name", sorted(SIMULATED))
def test_every_analysis_states_its_method_and_its_verdict_once(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data" / name
    folder.mkdir(parents=True)
    for file, text in SIMULATED[name](None).items():
        (folder / file).write_text(text, encoding="utf-8")
    plan = read_study(REPOSITORY / "config" / "studies" / f"{name}.yaml")
    data = derive(plan, ingest(plan, tmp_path).tables)
    for analysis in plan.analyses:
        rows = analyse(plan, analysis, data)
        assert len(match(rows, statistic="method")) == 1, analysis
        assert "{" not in match(rows, statistic="method")["text"].iloc[0]
        assert len(match(rows, statistic="verdict")) == 1, analysis
