"""What must be equal because the mathematics says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, pd.DataFrame]]:
    """The simulated trial, derived, with the score itself as a second endpoint."""
    root = tmp_path_factory.mktemp("trial")
    folder = root / "data" / "esketamine_trial"
    folder.mkdir(parents=True)
    for name, text in SIMULATED["esketamine_trial"](None).items():
        (folder / name).write_text(text, encoding="utf-8")
    study = read_study(REPOSITORY / "config" / "studies" / "esketamine_trial.yaml")
    value = study.endpoints["madrs_change"].model_copy(update={"kind": "value"})
    main = study.analyses["main"].model_copy(update={"endpoint": "madrs_value"})
    study = study.model_copy(update={"said_endpoints": {**study.endpoints, "madrs_value": value}, "analyses": {**study.analyses, "value": main}})
    return study, derive(study, ingest(study, root).tables)


def test_change_and_value_give_the_same_contrasts(trial: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    # y - base and y differ by a term that baseline x visit holds already
    study, data = trial
    change, value = (match(analyse(study, name, data), term="contrast") for name in ("main", "value"))
    assert list(change["statistic"]) == list(value["statistic"])
    assert len(change) > 30
    assert list(change["value"]) == pytest.approx(list(value["value"]), rel=1e-9)


def test_the_baseline_row_is_never_a_response(trial: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    study, data = trial
    rows = analyse(study, "main", data)
    adqs = data["adqs"]
    seen = adqs[(adqs["paramcd"] == "madrs") & adqs["aval"].notna() & adqs["base"].notna() & (adqs["avisit"] != "baseline")]
    assert match(rows, statistic="n_rows")["value"].iloc[0] == len(seen)


def test_everybody_is_accounted_for(trial: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    study, data = trial
    rows = match(analyse(study, "description", data), parameter="analysis set", statistic="n")
    for arm in ("", "placebo", "esketamine"):
        total = match(rows, arm=arm, term="")["value"].iloc[0]
        assert match(rows, arm=arm)["value"].sum() == 2 * total


def test_delta_is_what_moves_the_estimate_to_zero_when_added_to_the_unseen(trial: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    # counted by hand from the file: active arm's people of the analysis set without a score on day 28
    study, data = trial
    files = SIMULATED["esketamine_trial"](None)
    arm = {row.split(",")[0]: row.split(",")[2] for row in files["participants.csv"].splitlines()}
    scores = [row.split(",") for row in files["madrs.csv"].splitlines()[1:]]
    later = {row[0] for row in scores if row[1] != "Baseline"}
    active = {person for person in later if arm[person] == "Esketamine"}
    unseen = active - {row[0] for row in scores if row[1] == "Day 28"}
    rows = match(analyse(study, "main", data), term="contrast", visit="day28").set_index("statistic")["value"]
    assert rows["fraction_missing"] == pytest.approx(len(unseen) / len(active), abs=1e-15)
    # the arm's mean moves by delta x fraction
    assert rows["estimate"] + rows["delta_to_zero"] * len(unseen) / len(active) == pytest.approx(0, abs=1e-12)
