"""What must not matter does not: order of rows, names of people and sites, further columns; the reference flips signs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes import simulate
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema import ard

STUDY = read_study(Path(__file__).parents[2] / "config" / "studies" / "esketamine_trial.yaml")
FILES = simulate.esketamine_trial(simulate.Trial(n=80, seed=4))
Table = list[list[str]]
Run = Callable[[dict[str, str], Study], pd.DataFrame]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Every analysis of the trial as one ARD."""

    def results(files: dict[str, str], study: Study) -> pd.DataFrame:
        folder = tmp_path / "data" / "esketamine_trial"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        data = derive(study, ingest(study, tmp_path).tables)
        return ard.bind(analyse(study, name, data) for name in study.analyses)

    return results


def changed(change: Callable[[Table], Table]) -> dict[str, str]:
    """The trial's files with a change made to each."""
    found: dict[str, str] = {}
    for name, text in FILES.items():
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(change(list(csv.reader(io.StringIO(text)))))
        found[name] = out.getvalue()
    return found


def shuffled(rows: Table) -> Table:
    order = np.random.default_rng(0).permutation(len(rows) - 1)
    return [rows[0], *(rows[1:][at] for at in order)]


def renamed(rows: Table) -> Table:
    """Ids and sites called something else, in the same order of sorting."""
    return [[cell.replace("ESK-", "Xa ").replace("Site ", "Ward ") for cell in row] for row in rows]


def widened(rows: Table) -> Table:
    return [[*row, "NOTE" if at == 0 else f'=cmd|"{at}'] for at, row in enumerate(rows)]


@pytest.mark.parametrize("change", [shuffled, renamed, widened], ids=["shuffled", "renamed", "widened"])
def test_what_must_not_matter(run: Run, change: Callable[[Table], Table]) -> None:
    pd.testing.assert_frame_equal(run(FILES, STUDY), run(changed(change), STUDY), check_exact=True)


def test_ids_in_another_order_change_no_result(run: Run) -> None:
    """Participants then stand in another order in every sum: equal to rounding."""

    def reversed_ids(rows: Table) -> Table:
        return [[f"Z{9999 - int(cell[4:])}" if cell.startswith("ESK-") else cell for cell in row] for row in rows]

    before, after = run(FILES, STUDY), run(changed(reversed_ids), STUDY)
    proof = before["statistic"].isin(["gradient_norm", "verdict", "iterations"])
    pd.testing.assert_frame_equal(before[~proof], after[~proof], check_exact=False, rtol=1e-7, atol=1e-7)


def test_the_order_of_the_arms_in_the_study_file_changes_no_number(run: Run) -> None:
    plan = STUDY.model_dump(by_alias=True)
    plan["design"]["arms"] = dict(reversed(plan["design"]["arms"].items()))
    key = list(ard.KEY)
    before, after = run(FILES, STUDY), run(FILES, Study.model_validate(plan))
    proof = before["statistic"].isin(["gradient_norm", "verdict", "iterations"])
    both = before[~proof].merge(after, on=key, how="outer", suffixes=("", "_after"), indicator=True)
    both = both[~both["statistic"].isin(["gradient_norm", "verdict", "iterations"])]
    assert (both["_merge"] == "both").all()
    np.testing.assert_allclose(both["value"].astype(float), both["value_after"].astype(float), rtol=1e-7, atol=1e-7)


def test_the_other_reference_flips_signs_and_inverts_ratios(run: Run) -> None:
    plan = STUDY.model_dump(by_alias=True)
    plan["design"]["reference"] = "esketamine"
    before, after = run(FILES, STUDY), run(FILES, Study.model_validate(plan))
    swapped = after.rename(columns={"arm": "comparator", "comparator": "arm"})
    columns = ["analysis", "subgroup", "level", "visit", "arm", "comparator", "method", "statistic", "term"]
    both = before[before["comparator"] != ""].merge(swapped[swapped["arm"] != ""], on=columns, suffixes=("", "_after"))

    def pair(statistic: str, other: str) -> tuple[np.ndarray, np.ndarray]:
        rows = both[both["statistic"] == statistic].sort_values(columns)
        against = swapped[swapped["statistic"] == other].merge(rows[[c for c in columns if c != "statistic"]], on=[c for c in columns if c != "statistic"])
        return rows["value"].to_numpy(float), against.sort_values(columns)["value"].to_numpy(float)

    for statistic in ("estimate", "risk_difference"):
        first, second = pair(statistic, statistic)
        assert len(first)
        np.testing.assert_allclose(first, -second, rtol=1e-6, atol=1e-7)
    for statistic in ("std_error", "df", "p_value"):
        np.testing.assert_allclose(*pair(statistic, statistic), rtol=1e-5, atol=1e-7)
    first, second = pair("risk_ratio", "risk_ratio")
    # without events in the reference there is no ratio; without any in the arm it is 0
    np.testing.assert_allclose(first, 1 / np.where(second == 0, np.nan, second), rtol=1e-9)
    limits = both["term"].isin(["contrast", "contrast: risk difference"])
    place = ["analysis", "subgroup", "level", "visit", "term", "method"]
    low = both[limits & (both["statistic"] == "conf_low")].sort_values(columns)
    assert len(low)
    high = swapped[swapped["statistic"] == "conf_high"].merge(low[place], on=place)
    high = high[high["arm"] != ""].sort_values(columns)
    np.testing.assert_allclose(low["value"].to_numpy(float), -high["value"].to_numpy(float), rtol=1e-6, atol=1e-7)
