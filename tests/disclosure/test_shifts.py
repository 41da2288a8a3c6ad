"""Shifts between levels add up to the people: one small count alone must not come back by subtraction."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ketaoutcomes import disclosure
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema import ard

STUDY = """
study: shifts
title: t
drug: d
source: simulated
obtain: o
status: open
tables:
  people: {file: people.csv, provides: participants, columns: {participant: {from: id}}}
  scores:
    file: scores.csv
    provides: assessments
    columns: {participant: {from: id}, visit: {from: visit}, ideation: {from: s, kind: integer, instrument: cssrs_ideation}}
design: {kind: single_arm, arms: {ketamine: {label: Ketamine}}, randomised: false}
periods: [{id: main, label: M, baseline: {period: main, visit: before}}]
visits: [{id: before, period: main, label: B, time: 0}, {id: after, period: main, label: A, time: 7}]
populations: {everybody: {label: Everybody}}
endpoints: {score: {kind: value, parameter: ideation}}
analyses: {shift: {model: ordinal, primary: true, title: t, endpoint: score, population: everybody, period: main, visit: after}}
"""


def test_no_withheld_shift_stands_alone(tmp_path: Path) -> None:
    """40 people stay at 2, 57 fall to 0, 3 rise to 5: without a second withheld count the 3 would be 100 - 40 - 57."""
    after = [2] * 40 + [0] * 57 + [5] * 3
    (tmp_path / "people.csv").write_text("id\n" + "".join(f"P{at}\n" for at in range(100)), encoding="utf-8")
    rows = [f"P{at},before,2\nP{at},after,{score}\n" for at, score in enumerate(after)]
    (tmp_path / "scores.csv").write_text("id,visit,s\n" + "".join(rows), encoding="utf-8")
    (tmp_path / "shifts.yaml").write_text(STUDY, encoding="utf-8")
    study = read_study(tmp_path / "shifts.yaml")
    exact = ard.check(analyse(study, "shift", derive(study, ingest(study, tmp_path).tables)))
    released = disclosure.apply("opensafely", exact).frame
    for level in ("shift", "change", "level"):
        shown = ard.match(released, statistic="n_events", level=level)
        assert pd.isna(shown[shown["term"].isin(["2 to 5", "worse", "5"])]["value"]).all()
        assert int(shown["value"].isna().sum()) >= 2, level
