"""Simulated studies hold the truth they were made with: the pipeline finds it again on large samples."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import Trial, Withdrawal, esketamine_trial, esketamine_withdrawal

REPOSITORY = Path(__file__).resolve().parents[2]


def results(study: str, files: dict[str, str], analysis: str, root: Path):
    """The ARD of one analysis of simulated files."""
    folder = root / "data" / study
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    plan = read_study(REPOSITORY / "config" / "studies" / f"{study}.yaml")
    return analyse(plan, analysis, derive(plan, ingest(plan, root).tables))


def test_mmrm_recovers_the_effect_under_dropout_that_depends_on_the_past(tmp_path: Path) -> None:
    # scores far from 0 and 60, so that rounding and clipping at the scale's ends do not shrink the truth
    truth = replace(Trial(), n=6000, seed=20, change_sd=(4.0, 4.5, 5.0, 5.5, 6.0), dropout=0.1)
    rows = results("esketamine_trial", esketamine_trial(truth), "main", tmp_path)
    for visit, effect in zip(("day2", "day8", "day15", "day22", "day28"), truth.effect, strict=True):
        contrast = match(rows, term="contrast", visit=visit).set_index("statistic")["value"]
        assert abs(contrast["estimate"] - effect) < 3 * contrast["std_error"], visit
    missing = match(rows, term="contrast", visit="day28", statistic="fraction_missing")["value"].iloc[0]
    assert missing > 0.2


def test_cox_recovers_the_hazard_ratio(tmp_path: Path) -> None:
    truth = replace(Withdrawal(), n=4000, seed=21)
    rows = results("esketamine_withdrawal", esketamine_withdrawal(truth), "relapse_hazard", tmp_path)
    fit = match(rows, term="arm[esketamine]").set_index("statistic")["value"]
    assert abs(fit["estimate"] - math.log(truth.hazard_ratio)) < 3 * fit["std_error"]
    assert fit["std_error"] < 0.1


def test_the_same_seed_gives_the_same_files_and_another_seed_others() -> None:
    assert esketamine_trial(Trial()) == esketamine_trial(Trial())
    assert esketamine_trial(Trial()) != esketamine_trial(replace(Trial(), seed=2))


@pytest.mark.parametrize("field", ["n", "sites"])
def test_the_files_hold_as_many_as_were_asked_for(field: str) -> None:
    rows = [line.split(",") for line in esketamine_trial(replace(Trial(), n=50, sites=3))["participants.csv"].splitlines()[1:]]
    assert {"n": len(rows), "sites": len({row[1] for row in rows})}[field] == {"n": 50, "sites": 3}[field]
