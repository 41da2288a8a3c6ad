"""Readings within sessions, worked by hand on three people: courses by minute, changes from before the dose, worst of a session."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.release import release
from ketaoutcomes.schema.ard import match
from ketaoutcomes.tables import courses, sessions

STUDY = """
study: courses
title: Courses
drug: ketamine
source: simulated
obtain: this test
status: open
tables:
  people: {file: people.csv, provides: participants, columns: {participant: {from: id}}}
  scores:
    file: people.csv
    provides: assessments
    columns: {participant: {from: id}}
    wide: [{from: madrs, parameter: madrs, instrument: madrs, visit: base, period: open}]
  sessions:
    file: sessions.csv
    provides: sessions
    columns: {participant: {from: id}, session: {from: n, kind: integer}, day: {from: day, kind: integer}, dose: {from: dose, kind: number, unit: mg}}
  readings:
    file: readings.csv
    provides: readings
    columns:
      participant: {from: id}
      session: {from: n, kind: integer}
      minute: {from: minute, kind: number}
      sbp: {from: sbp, kind: integer, instrument: sbp}
      spo2: {from: spo2, kind: integer, instrument: spo2}
      sad: {from: sad, kind: integer, instrument: sad}
instruments:
  sad:
    name: Sedated
    label: Sedated, yes or no
    measures: sedation
    kind: binary
    minimum: 0
    maximum: 1
    unit: level
    better: lower
    rater: clinician
    source: assumed
    recall: {text: now, source: assumed}
design: {kind: single_arm, arms: {ketamine: {label: Ketamine}}, randomised: false}
periods: [{id: open, label: Open, baseline: {period: open, visit: base}}]
visits: [{id: base, period: open, label: Baseline, time: 0}]
populations: {everybody: {label: Everybody}}
endpoints: {change: {kind: change, parameter: madrs}}
analyses: {description: {model: descriptive, title: Sessions, population: everybody, period: open, primary: true}}
"""
FILES = {
    "people.csv": ["id,madrs", "A,30", "B,32", "C,34"],
    "sessions.csv": ["id,n,day,dose", "A,1,0,40", "B,1,0,40", "C,1,0,50", "A,2,3,40"],
    "readings.csv": [
        "id,n,minute,sbp,spo2,sad",
        "A,1,-10,118,99,0", "A,1,0,120,99,0", "A,1,40,150,95,1", "A,1,90,130,97,0",
        "B,1,0,130,98,0", "B,1,40,182,94,1", "B,1,90,,,0",
        "C,1,40,140,96,0", "C,1,90,190,91,1",
        "A,2,0,125,99,0", "A,2,40,121,98,0",
    ],
}  # fmt: skip


def prepare(root: Path, text: str = STUDY, **files: list[str]) -> tuple[Study, dict[str, pd.DataFrame]]:
    for name, lines in {**FILES, **{f"{key}.csv": lines for key, lines in files.items()}}.items():
        (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "courses.yaml").write_text(text, encoding="utf-8")
    study = read_study(root / "courses.yaml")
    return study, derive(study, ingest(study, root).tables)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    study, data = prepare(tmp_path_factory.mktemp("courses"))
    return release(study, [analyse(study, "description", data)]).release


def value(found: pd.DataFrame, statistic: str, **key: str) -> float:
    rows = match(found, statistic=statistic, **key)
    assert len(rows) == 1, f"{len(rows)} rows for {statistic} {key}"
    return float(rows["value"].iloc[0])


def test_a_course_is_the_mean_at_each_minute(found: pd.DataFrame) -> None:
    first = {"parameter": "sbp", "visit": "session 1", "subgroup": "minute"}
    assert value(found, "mean", level="0", **first) == 125
    assert value(found, "mean", level="40", **first) == pytest.approx((150 + 182 + 140) / 3)
    assert value(found, "n", level="90", **first) == 2
    assert value(found, "mean", level="90", **first) == 160
    assert value(found, "mean", level="-10", **first) == 118
    assert value(found, "mean", level="40", **{**first, "visit": "session 2"}) == 121


def test_changes_are_from_the_last_reading_before_the_dose(found: pd.DataFrame) -> None:
    """A's is the one of minute 0, not of minute -10; C has none and does not count."""
    first = {"parameter": "sbp", "visit": "session 1", "subgroup": "minute"}
    assert value(found, "mean_change", level="40", **first) == (30 + 52) / 2
    assert value(found, "mean_change", level="90", **first) == 10
    assert not len(match(found, statistic="mean_change", level="0", **first))


def test_a_sessions_worst_reading_is_the_highest_or_the_lowest_after_the_dose(found: pd.DataFrame) -> None:
    first = {"visit": "session 1", "subgroup": "", "term": ""}
    assert value(found, "mean", parameter="sbp", **first) == (150 + 182 + 190) / 3
    assert value(found, "mean", parameter="spo2", **first) == pytest.approx((95 + 94 + 91) / 3)
    assert value(found, "n_events", parameter="sbp", visit="session 1", term="above_180") == 2
    # 125 was read before the dose
    assert value(found, "mean", parameter="sbp", visit="session 2", subgroup="", term="") == 121
    assert value(found, "mean", parameter="sbp", visit="sessions together", term="") == (150 + 182 + 190) / 3
    assert value(found, "n_events", parameter="sad", visit="session 1", subgroup="", term="yes") == 3


def test_yes_and_no_are_counted_at_each_minute(found: pd.DataFrame) -> None:
    at = {"parameter": "sad", "visit": "session 1", "subgroup": "minute", "level": "40"}
    assert value(found, "n_events", term="yes", **at) == 2
    assert not len(match(found, statistic="mean", parameter="sad"))


def test_the_tables_show_them(found: pd.DataFrame) -> None:
    table = courses.build(found)
    lines = {row.stub: row.cells for row in table.rows[: [row.stub for row in table.rows].index("Systolic BP (mmHg), session 2")]}
    # SD of 150, 182, 140 and of 30, 52
    assert lines["40 min"] == ("157.3 (21.9); 3; 41.0 (15.6)",)
    assert "157.3" not in str(sessions.build(found))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["id,n,minute,sbp,spo2,sad", "B,2,0,120,99,0"], "E-DATA-ORPHAN"),  # no such session
        (["id,n,minute,sbp,spo2,sad", "Z,1,0,120,99,0"], "E-DATA-ORPHAN"),
        (["id,n,minute,sbp,spo2,sad", "A,1,0,120,99,0", "A,1,0,121,99,0"], "E-DATA-DUPLICATE"),
        (["id,n,minute,sbp,spo2,sad", "A,1,,120,99,0"], "E-DATA-MISSING"),
        (["id,n,minute,sbp,spo2,sad", "A,1,0,1200,99,0"], "E-DATA-VALUE"),
    ],
)
def test_readings_that_lead_nowhere_are_refused(lines: list[str], code: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        prepare(tmp_path, readings=lines)
    assert code in {finding.code for finding in refused.value.findings}
    assert any("readings.csv" in str(finding.file) for finding in refused.value.findings)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sbp: {from: sbp, kind: integer, instrument: sbp}", "sbp: {from: sbp, kind: integer}", "a number with an instrument"),
        ("      minute: {from: minute, kind: number}\n", "", "needs the column 'minute'"),
        ("minute: {from: minute, kind: number}", "minute: {from: minute}", "minute"),
        ("dose: {from: dose, kind: number, unit: mg}", "sbp: {from: dose, kind: integer, instrument: sbp}", "worst reading takes the name"),
    ],
)
def test_a_study_file_says_what_a_reading_is(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in STUDY
    with pytest.raises(Refused, match=said):
        prepare(tmp_path, STUDY.replace(old, new))
