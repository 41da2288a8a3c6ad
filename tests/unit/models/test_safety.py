"""Adverse events, sessions taken together and dose groups, worked by hand on a few people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match
from ketaoutcomes.tables import adverse_events, exposure, sessions

STUDY = """
study: safety
title: Safety
drug: esketamine
source: simulated
obtain: this test
status: open
tables:
  people:
    file: people.csv
    provides: participants
    columns:
      participant: {from: id}
      arm: {from: planned, kind: category, levels: [placebo, low, high]}
      got: {from: given, kind: category, levels: [placebo, low, high]}
  scores:
    file: scores.csv
    provides: assessments
    columns: {participant: {from: id}, visit: {from: visit}, madrs: {from: madrs, kind: integer, instrument: madrs}}
  sessions:
    file: sessions.csv
    provides: sessions
    columns:
      participant: {from: id}
      session: {from: n, kind: integer}
      day: {from: day, kind: integer}
      dose: {from: dose, kind: number, instrument: esketamine_nasal_mg}
      sbp: {from: sbp, kind: integer, instrument: sbp}
  events:
    file: events.csv
    provides: events
    columns:
      participant: {from: id}
      day: {from: day, kind: integer}
      event: {from: event}
      class: {from: class}
      serious: {from: serious, kind: flag}
  ends:
    file: ends.csv
    provides: disposition
    columns: {participant: {from: id}, status: {from: status}, day: {from: day, kind: integer}}
design:
  kind: parallel
  arms: {placebo: {label: Placebo}, low: {label: 28 mg}, high: {label: 84 mg}}
  reference: placebo
  randomised: true
periods:
  - {id: trial, label: Trial, arm: arm, actual_arm: got, baseline: {period: trial, visit: base}}
visits:
  - {id: base, period: trial, label: Baseline, time: 0}
  - {id: end, period: trial, label: Day 8, time: 8}
populations: {everybody: {label: Everybody}}
endpoints: {change: {kind: change, parameter: madrs}}
analyses:
  description: {model: descriptive, title: Sessions, population: everybody, period: trial, primary: true}
  doses: {model: ancova, title: Doses, endpoint: change, population: everybody, period: trial, visit: end, adjust: dunnett}
  holm: {model: ancova, title: Doses, endpoint: change, population: everybody, period: trial, visit: end, adjust: holm}
  bladder: {model: exposure, title: MADRS by sessions, population: everybody, period: trial, parameter: madrs, by: sessions, cuts: [0, 1]}
  dosed: {model: exposure, title: MADRS by dose, population: everybody, period: trial, parameter: madrs, by: dose, cuts: [60, 100]}
  planned: {model: adverse_events, title: Events, population: everybody, period: trial}
  actual: {model: adverse_events, title: Events, population: everybody, period: trial, arms: actual, after: 10}
"""
PEOPLE = ["A,placebo,placebo", "B,placebo,placebo", "C,low,low", "D,low,high", "E,high,high", "F,high,high"]
FILES = {
    "people.csv": ["id,planned,given", *PEOPLE],
    "scores.csv": [
        "id,visit,madrs",
        *(f"{who},base,{score}" for who, score in zip("ABCDEF", (30, 34, 32, 36, 31, 38), strict=True)),
        *(f"{who},end,{score}" for who, score in zip("ABCDEF", (28, 30, 25, 27, 17, 22), strict=True)),
    ],
    "sessions.csv": ["id,n,day,dose,sbp", "C,1,1,28,150", "C,2,4,28,181", "D,1,1,84,180", "E,1,1,84,190", "E,2,4,56,185", "F,1,1,84,130"],
    "events.csv": [
        "id,day,event,class,serious",
        "A,5,headache,nervous system,no",
        "C,-1,headache,nervous system,no",  # before the period
        "C,2,dizziness,nervous system,no",
        "C,9,dizziness,nervous system,no",
        "C,20,headache,nervous system,yes",
        "D,0,nausea,gastrointestinal,no",
        "E,105,nausea,gastrointestinal,yes",  # 5 days after the end
        "E,3,relapse,,",  # not an adverse event
    ],
    "ends.csv": ["id,status,day", "A,completed,100", "B,completed,100", "C,completed,100", "D,stopped,50", "E,completed,100", "F,completed,100"],
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, pd.DataFrame]]:
    root = tmp_path_factory.mktemp("safety")
    for name, lines in FILES.items():
        (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "safety.yaml").write_text(STUDY, encoding="utf-8")
    study = read_study(Path(root / "safety.yaml"))
    return study, derive(study, ingest(study, root).tables)


Value = Callable[..., float]


def value(found: pd.DataFrame, statistic: str, **key: str) -> float:
    rows = match(found, statistic=statistic, **key)
    assert len(rows) == 1, f"{len(rows)} rows for {statistic} {key}"
    return float(rows["value"].iloc[0])


def test_events_count_people_once_in_a_line_and_every_record(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """C: dizziness on days 2 and 9, headache on day 20; the headache of day -1 came before."""
    found = analyse(prepared[0], "planned", prepared[1])
    low = {"arm": "low", "parameter": "adverse event"}
    assert value(found, "n_events", term="any", **low) == 2
    assert value(found, "n_records", term="any", **low) == 4
    assert value(found, "percent", term="any", **low) == 100
    assert value(found, "n_events", term="any serious", **low) == 1
    assert value(found, "n_events", term="any of them", level="nervous system", **low) == 1
    assert value(found, "n_records", term="any of them", level="nervous system", **low) == 3
    assert value(found, "n_records", term="dizziness", level="nervous system", **low) == 2
    assert value(found, "n_events", term="any", arm="high", parameter="adverse event") == 0
    assert "relapse" not in set(found["term"])


def test_rates_are_people_per_time_until_their_first(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """Low: C until day 2, D until day 0: 2 people in 2 days; placebo: A until day 5, B all of 100 days."""
    found = analyse(prepared[0], "planned", prepared[1])
    for arm, people, days in (("low", 2, 2.0), ("placebo", 1, 105.0), ("high", 0, 200.0)):
        key = {"arm": arm, "term": "any", "parameter": "adverse event"}
        assert value(found, "rate", **key) == pytest.approx(100 * people / (days / 365.25))
        # Garwood (1936): limits are chi-square quantiles, halved
        low = stats.chi2.ppf(0.025, 2 * people) / 2 if people else 0.0
        high = stats.chi2.ppf(0.975, 2 * people + 2) / 2
        assert value(found, "conf_low", **key) == pytest.approx(100 * low / (days / 365.25))
        assert value(found, "conf_high", **key) == pytest.approx(100 * high / (days / 365.25))


def test_by_the_arm_received_and_some_days_longer(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """D was planned for the low dose and got the high one; E's event five days after the end counts within ten."""
    found = analyse(prepared[0], "actual", prepared[1])
    assert value(found, "n", arm="high", term="", parameter="adverse event") == 3
    assert value(found, "n_events", term="nausea", level="gastrointestinal", arm="high", parameter="adverse event") == 2
    # D until day 0, E until day 105, F all of 110 days
    assert value(found, "rate", term="any", arm="high", parameter="adverse event") == pytest.approx(100 * 2 / (215 / 365.25))


def test_sessions_taken_together(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """Worst pressures: C 181, D 180, E 190, F 130; above 180 are C and E. Doses given in all: 56, 84, 140, 84 mg."""
    found = analyse(prepared[0], "description", prepared[1])
    together = {"visit": "sessions together", "arm": ""}
    assert value(found, "mean", parameter="sbp", **together) == pytest.approx((181 + 180 + 190 + 130) / 4)
    assert value(found, "n_events", parameter="sbp", term="above_180", **together) == 2
    assert value(found, "mean", parameter="dose", **together) == pytest.approx((56 + 84 + 140 + 84) / 4)
    # 28 mg is the lowest dose that trials gave; none of the four lies above 84 mg at one session
    assert value(found, "n_events", parameter="dose", visit="session 1", term="above_84", arm="") == 0
    assert value(found, "mean", parameter="number_of_sessions", **together) == pytest.approx(6 / 4)


def test_scores_by_what_was_received_before_them(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """On day 8: A and B had no session, D and F one, C and E two; C 56 mg, D and F 84, E 140."""
    found = analyse(prepared[0], "bladder", prepared[1])
    for band, people, scores, changes in (
        ("up to 0", 2, (28, 30), (-2, -4)),
        ("above 0 to 1", 2, (27, 22), (-9, -16)),
        ("above 1", 2, (25, 17), (-7, -14)),
    ):
        key = {"term": band, "arm": ""}
        assert value(found, "n", **key) == people
        assert value(found, "mean", **key) == pytest.approx(np.mean(scores))
        assert value(found, "mean_change", **key) == pytest.approx(np.mean(changes))
    found = analyse(prepared[0], "dosed", prepared[1])
    assert [value(found, "n", term=band, arm="") for band in ("up to 60", "above 60 to 100", "above 100")] == [3, 2, 1]


def test_dose_groups_against_control(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """Holm by hand from the p of each; Dunnett's p lies between the single p and Bonferroni's, its limits are wider."""
    alone = match(analyse(prepared[0], "holm", prepared[1]), term="contrast")
    p = {arm: value(match(alone, method=""), "p_value", arm=arm) for arm in ("low", "high")}
    small, large = sorted(p, key=lambda arm: p[arm])
    assert value(match(alone, method="holm"), "p_value", arm=small) == pytest.approx(2 * p[small])
    assert value(match(alone, method="holm"), "p_value", arm=large) == pytest.approx(max(2 * p[small], p[large]))
    # brute force: the largest of two correlated t, by simulation of the contrasts of this design
    joint = match(analyse(prepared[0], "doses", prepared[1]), term="contrast")
    rows = prepared[1]["adqs"]
    end = rows[(rows["avisit"] == "end") & (rows["paramcd"] == "madrs")]
    x = np.column_stack([np.ones(6), end["trtp"] == "low", end["trtp"] == "high", end["base"]]).astype(float)
    inverse = np.linalg.inv(x.T @ x)[1:3, 1:3]
    scale = np.sqrt(np.diag(inverse))
    draws = np.random.default_rng(7).multivariate_normal([0, 0], inverse / np.outer(scale, scale), 400_000)
    t = np.abs(draws).max(axis=1) / np.sqrt(np.random.default_rng(8).chisquare(2, 400_000) / 2)
    for arm in ("low", "high"):
        observed = abs(value(match(joint, method=""), "t", arm=arm))
        assert value(match(joint, method="dunnett"), "p_value", arm=arm) == pytest.approx(np.mean(t > observed), abs=0.004)


def test_tables_of_safety(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    from ketaoutcomes.release import release

    study, data = prepared
    ard = release(study, [analyse(study, name, data) for name in study.analyses]).release
    table = adverse_events.build(ard)
    lines = {row.stub: row.cells for row in table.rows}
    # the later of two analyses: by the arm received the low dose is C alone
    assert lines["dizziness"][2:4] == ("1 (100.0)", "2")
    assert {row.stub for row in exposure.build(ard).rows} >= {"MADRS by sessions", "Above 1", "Above 100"}
    assert any(row.stub == "Sessions together" for row in sessions.build(ard).rows)
