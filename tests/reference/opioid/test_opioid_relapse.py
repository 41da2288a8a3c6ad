"""CTN-0027 and CTN-0030, from the relational CSVs to ARD: published counts, and R survival 3.5-3 (`make.R` beside this file).

The data are public and are not kept here; R's numbers are.
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
from ketaoutcomes.schema.ard import match

Prepared = tuple[Study, dict[str, pd.DataFrame]]
FILES = ("everybody.csv", "demographics.csv", "site_masked.csv", "outcomes_ctnote.csv", "uds.csv")
ARMS = {"Methadone": "methadone", "Outpatient BUP": "bup", "Outpatient BUP + EMM": "bup_emm", "Outpatient BUP + SMM": "bup_smm"}


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Any]:
    entries = json.loads((shared / "data" / "ctn0027_0030_oud" / "expected.json").read_text(encoding="utf-8"))["checks"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="module")
def in_r() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def opioid(shared: Path, prepare: Callable[..., Prepared]) -> Prepared:
    return prepare("opioid_relapse", {name: shared / "data" / "ctn0027_0030_oud" / name for name in FILES})


def test_randomised_per_trial(opioid: Prepared, published: dict[str, Any], number: Callable[..., float]) -> None:
    found = analyse(opioid[0], "description", opioid[1])
    for project, n in published["n_randomised"]["value"].items():
        assert number(found, "n", parameter="trial", term=f"CTN-00{project}") == n


def test_age_per_trial(opioid: Prepared, published: dict[str, Any]) -> None:
    """Printed with one decimal."""
    entry, adsl = published["age_mean"], match(opioid[1]["adsl"], period="treatment")
    for project, mean in entry["value"].items():
        age = adsl.loc[adsl["trial"] == f"CTN-00{project}", "age"].astype(float)
        assert age.mean() == pytest.approx(mean, abs=entry["abs_tol"])
        assert age.std() == pytest.approx(entry["sd"][project], abs=entry["abs_tol"])


def test_relapses_per_arm(opioid: Prepared, published: dict[str, Any]) -> None:
    """The rule of CTN-0094 over the weekly screens, a missing one being a row of the grid."""
    adtte = match(opioid[1]["adtte"], paramcd="relapse")
    events = adtte[adtte["cnsr"] == 0].groupby("trtp").size()
    assert {arm: int(events[ours]) for arm, ours in ARMS.items()} == published["relapse_ctn94_events"]["value"]


@pytest.mark.parametrize(("ours", "time", "event"), [("relapse", "RsT", "RsE"), ("dropout", "DrT", "DrE")])
def test_rules_per_person(opioid: Prepared, shared: Path, ours: str, time: str, event: str) -> None:
    """CTNote's coded week and event of all 1922 people: nobody differs."""
    coded = pd.read_csv(shared / "data" / "ctn0027_0030_oud" / "outcomes_ctnote.csv", dtype={"who": str})
    # participants are numbered in the order of their ids as text, among everybody
    everybody = pd.read_csv(shared / "data" / "ctn0027_0030_oud" / "everybody.csv", dtype=str)["who"]
    numbers = {who: at for at, who in enumerate(sorted(everybody), start=1)}
    coded.index = coded["who"].map(numbers)
    found = match(opioid[1]["adtte"], paramcd=ours).set_index("participant")
    assert len(found) == len(coded) == 1922
    weeks, events = coded[f"{time}_ctnNinetyFour_2023"], coded[f"{event}_ctnNinetyFour_2023"]
    assert (found["aval"].astype(float) == weeks.reindex(found.index).astype(float)).all()
    assert ((found["cnsr"] == 0) == (events.reindex(found.index) == 1)).all()


def test_cox(opioid: Prepared, in_r: dict[str, Any], number: Callable[..., float]) -> None:
    """Relapse falls on 21 weeks, so ties are heavy: Efron's method matters."""
    found = analyse(opioid[0], "hazard", opioid[1])
    assert (number(found, "n", term="fit"), number(found, "n_events", term="fit")) == (in_r["n"], in_r["events"])
    assert number(found, "estimate", term="arm[bup]") == pytest.approx(in_r["coef"], rel=1e-8)
    assert number(found, "std_error", term="arm[bup]") == pytest.approx(in_r["se"], rel=1e-8)
    assert number(found, "loglik", term="fit") == pytest.approx(in_r["loglik"], rel=1e-12)
    ours = [number(found, statistic, term="proportional hazards") for statistic in ("chisq", "df", "p_value")]
    # taken where the library stopped, before our last Newton step
    assert ours == pytest.approx(in_r["zph"], rel=1e-6)


def test_curve(opioid: Prepared, in_r: dict[str, Any], number: Callable[..., float]) -> None:
    found = analyse(opioid[0], "curve", opioid[1])
    assert number(found, "chisq", term="log-rank") == pytest.approx(in_r["log_rank"], rel=1e-10)
    for at, arm in enumerate(("methadone", "bup")):
        ours = [number(found, statistic, term="median", arm=arm) for statistic in ("median", "conf_low", "conf_high")]
        assert ours == [in_r[name][at] for name in ("median", "lower", "upper")]
