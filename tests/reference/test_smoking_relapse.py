"""asaur's pharmacoSmoking, from CSV to ARD: printed values and R survival's (`data/pharmacosmoking/expected.json` names each source).

The tolerances are those of the file: half a unit of the last digit given.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse
from ketaoutcomes.schema import ard

Prepared = tuple[Study, dict[str, pd.DataFrame]]
CONTRAST = {"term": "contrast", "arm": "combination", "comparator": "patch"}


@pytest.fixture(scope="module")
def checks(shared: Path) -> dict[str, Any]:
    entries = json.loads((shared / "data" / "pharmacosmoking" / "expected.json").read_text(encoding="utf-8"))["checks"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="module")
def smoking(shared: Path, prepare: Callable[..., Prepared]) -> Prepared:
    return prepare("smoking_relapse", {"pharmaco_smoking.csv": shared / "data" / "pharmacosmoking" / "pharmacoSmoking.csv"})


@pytest.fixture(scope="module")
def hazard(smoking: Prepared) -> pd.DataFrame:
    return analyse(smoking[0], "hazard", smoking[1])


@pytest.fixture(scope="module")
def curve(smoking: Prepared) -> pd.DataFrame:
    return analyse(smoking[0], "curve", smoking[1])


def test_people_and_events(hazard: pd.DataFrame, checks: dict[str, Any], number: Callable[..., float]) -> None:
    assert number(hazard, "n", term="fit") == checks["n"]["value"]
    assert number(hazard, "n_events", term="fit") == checks["events"]["value"]
    assert number(hazard, "n", term="left out: without a time or covariate") == 0


def test_hazard_ratio(hazard: pd.DataFrame, checks: dict[str, Any], number: Callable[..., float]) -> None:
    entry = checks["cox_combination_vs_patch"]
    assert number(hazard, "estimate", term="arm[combination]") == pytest.approx(entry["value"], abs=entry["abs_tol"])
    assert number(hazard, "std_error", term="arm[combination]") == pytest.approx(entry["se"], abs=5e-5)
    assert number(hazard, "hazard_ratio", **CONTRAST) == pytest.approx(entry["hr"], abs=5e-5)
    assert number(hazard, "p_value", **CONTRAST) == pytest.approx(entry["exact_p"], abs=5e-6)


def test_log_rank(curve: pd.DataFrame, checks: dict[str, Any], number: Callable[..., float]) -> None:
    entry = checks["logrank_chisq"]
    assert number(curve, "chisq", term="log-rank") == pytest.approx(entry["value"], abs=entry["abs_tol"])
    assert number(curve, "p_value", term="log-rank") == pytest.approx(entry["p"], abs=5e-4)


@pytest.mark.parametrize(("arm", "entry"), [("combination", "km_median_combination"), ("patch", "km_median_patchOnly")])
def test_medians(curve: pd.DataFrame, checks: dict[str, Any], arm: str, entry: str) -> None:
    """65 (50 to not reached) and 23 (14 to 56) days."""
    rows = ard.match(curve, term="median", arm=arm).set_index("statistic")
    wanted = dict(zip(("median", "conf_low", "conf_high"), (checks[entry]["value"], *checks[entry]["ci"]), strict=True))
    for statistic, value in wanted.items():
        assert rows.at[statistic, "status"] == ("not_estimable" if value is None else "ok")
        assert pd.isna(rows.at[statistic, "value"]) if value is None else rows.at[statistic, "value"] == value


def test_relapse_on_day_0_is_at_risk(curve: pd.DataFrame, smoking: Prepared, checks: dict[str, Any], number: Callable[..., float]) -> None:
    adtte = smoking[1]["adtte"]
    assert (adtte["aval"] == 0).sum() == checks["ttr_zero_rows"]["value"]
    assert sum(number(curve, "n_at_risk", term="at risk", day=0.0, arm=arm) for arm in ("patch", "combination")) == checks["n"]["value"]
    assert sum(number(curve, "n_events", term="at risk", day=0.0, arm=arm) for arm in ("patch", "combination")) == checks["ttr_zero_rows"]["value"]
