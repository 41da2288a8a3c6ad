"""The adapter for time to event alone, on quantreg's uis, against R survival 3.5-3 (`reference/scripts/ref_other.R`).

CENSOR = 1 is the event there. Curves and tests are closed forms (rounding only). `coxph` ran with eps 1e-13; ours is at
the maximum by its own proof; its proportional-hazards test is taken where the library stopped, so at 1e-6.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.models._survival import Hazards, log_rank, median, product_limit, proportional_hazards

EXACT = 1e-10
FITTED = 1e-8
MAIN = ["AGE", "BECK", "ND1", "ND2", "IV3", "RACE", "TREAT", "SITE"]


@pytest.fixture(scope="module")
def uis(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "data" / "uis" / "uis.csv")


@pytest.fixture(scope="module")
def in_r(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "reference" / "uis_survival.json").read_text(encoding="utf-8"))


def fitted(uis: pd.DataFrame, terms: list[str], *, strata: str | None = None, cluster: str | None = None) -> Hazards:
    x = np.column_stack([uis[term.split(":")].prod(axis=1) for term in terms]).astype(float)
    labels = [None if name is None else list(uis[name].astype(str)) for name in (strata, cluster)]
    return proportional_hazards(uis["TIME"].to_numpy(float), (uis["CENSOR"] == 1).to_numpy(bool), x, labels[0], labels[1], 0.95)


def assert_equal(fit: Hazards, entry: dict[str, Any]) -> None:
    np.testing.assert_allclose(fit.coefficient, entry["coef"]["coef"], rtol=FITTED)
    np.testing.assert_allclose(fit.std_error, np.sqrt(np.diag(entry["vcov"])), rtol=FITTED)
    np.testing.assert_allclose(fit.z, entry["coef"]["z"], rtol=FITTED)
    np.testing.assert_allclose(fit.p, entry["coef"]["Pr(>|z|)"], rtol=1e-7)
    np.testing.assert_allclose(fit.loglik, entry["loglik"][1], rtol=1e-12)
    assert fit.gradient_norm < 1e-10


@pytest.mark.parametrize(("entry", "options"), [("cox_main_efron", {}), ("cox_strata_site", {"strata": "SITE"}), ("cox_robust_cluster", {"cluster": "ID"})])
def test_cox(uis: pd.DataFrame, in_r: dict[str, Any], entry: str, options: dict[str, str]) -> None:
    terms = in_r[entry]["terms"]
    assert terms == [term for term in MAIN if term != options.get("strata")]
    assert_equal(fitted(uis, terms, **options), in_r[entry])


def test_cox_with_interactions(uis: pd.DataFrame, in_r: dict[str, Any]) -> None:
    """Hosmer and Lemeshow's terms; AGE:SITE and RACE:SITE are nearly collinear with SITE."""
    assert_equal(fitted(uis, in_r["cox_hl_final_efron"]["terms"]), in_r["cox_hl_final_efron"])


def test_the_values_are_not_breslows(in_r: dict[str, Any]) -> None:
    """The reference can tell the two methods for ties apart: they differ far more than the tolerance."""
    efron, breslow = (np.array(in_r[f"cox_main_{ties}"]["coef"]["coef"]) for ties in ("efron", "breslow"))
    assert (np.abs(efron / breslow - 1) > 1e4 * FITTED).all()


def test_proportional_hazards_check(uis: pd.DataFrame, in_r: dict[str, Any]) -> None:
    theirs = in_r["zph_km"]["table"]
    np.testing.assert_allclose(fitted(uis, MAIN).ph_test, [theirs[name][-1] for name in ("chisq", "df", "p")], rtol=1e-6)


@pytest.mark.parametrize("treat", [0, 1])
def test_curve_and_median(uis: pd.DataFrame, in_r: dict[str, Any], treat: int) -> None:
    rows, theirs = uis[uis["TREAT"] == treat], in_r["km_treat"]
    curve = product_limit(rows["TIME"].to_numpy(float), (rows["CENSOR"] == 1).to_numpy(bool), 0.95)
    first = theirs["strata"][0]
    part = slice(0, first) if treat == 0 else slice(first, None)
    pairs = {"time": "time", "at_risk": "n_risk", "events": "n_event", "survival": "surv", "lower": "lower", "upper": "upper"}
    for ours, r in pairs.items():
        np.testing.assert_allclose(getattr(curve, ours), np.array(theirs[r][part], dtype=float), rtol=EXACT, err_msg=ours)
    medians = [median(curve.time, values) for values in (curve.survival, curve.lower, curve.upper)]
    assert medians == [theirs["table"][name][treat] for name in ("median", "0.95LCL", "0.95UCL")]


def test_log_rank(uis: pd.DataFrame, in_r: dict[str, Any]) -> None:
    time, event, group = uis["TIME"].to_numpy(float), (uis["CENSOR"] == 1).to_numpy(bool), list(uis["TREAT"].astype(str))
    assert log_rank(time, event, group, None)[0] == pytest.approx(in_r["logrank"]["chisq"], rel=EXACT)
    assert log_rank(time, event, group, list(uis["SITE"].astype(str)))[0] == pytest.approx(in_r["logrank_strat_site"]["chisq"], rel=EXACT)
