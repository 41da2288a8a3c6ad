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


def shifts(root: Path, pairs: list[tuple[int, int]]) -> pd.DataFrame:
    """What is released of people with these scores before and after."""
    (root / "people.csv").write_text("id\n" + "".join(f"P{at}\n" for at in range(len(pairs))), encoding="utf-8")
    rows = [f"P{at},before,{before}\nP{at},after,{after}\n" for at, (before, after) in enumerate(pairs)]
    (root / "scores.csv").write_text("id,visit,s\n" + "".join(rows), encoding="utf-8")
    (root / "shifts.yaml").write_text(STUDY, encoding="utf-8")
    study = read_study(root / "shifts.yaml")
    exact = ard.check(analyse(study, "shift", derive(study, ingest(study, root).tables)))
    return disclosure.apply("opensafely", exact).frame


def test_no_withheld_shift_stands_alone(tmp_path: Path) -> None:
    """40 people stay at 2, 57 fall to 0, 3 rise to 5: without a second withheld count the 3 would be 100 - 40 - 57."""
    released = shifts(tmp_path, [(2, 2)] * 40 + [(2, 0)] * 57 + [(2, 5)] * 3)
    for level in ("shift", "change", "level"):
        shown = ard.match(released, statistic="n_events", level=level)
        assert pd.isna(shown[shown["term"].isin(["2 to 5", "worse", "5"])]["value"]).all()
        assert int(shown["value"].isna().sum()) >= 2, level


def test_no_withheld_shift_is_what_the_worse_have_beside_the_others(tmp_path: Path) -> None:
    """3 of 23 who got worse went from 1 to 2: in its level and among the shifts others are withheld too, among the worse there is only one other."""
    counts = {(1, 2): 3, (2, 3): 20, (3, 2): 4, (3, 1): 5, (2, 1): 4, (3, 3): 30, (0, 0): 40}
    released = shifts(tmp_path, [pair for pair, n in counts.items() for _ in range(n)])
    of = ard.match(released, statistic="n_events").set_index(["level", "term"])["value"]
    assert pd.isna(of["shift", "1 to 2"])
    assert pd.isna(of["shift", "2 to 3"]) or pd.isna(of["change", "worse"])
    assert of["shift", ""] == 105
