"""The parallel trial, from CSV to ARD, against R 4.2.2 (`make.R`): lm, emmeans 1.8.4-1, nlme 3.1-162 and formulas written out in R.

Least squares and proportions are closed forms: both sides are exact to rounding, and `expected.json` has 15 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse

Prepared = tuple[Study, dict[str, pd.DataFrame]]
#: Closed forms on both sides.
EXACT = 1e-10
TERMS = {"(Intercept)": "(Intercept)", "armesketamine": "arm[esketamine]", "base": "base", "ad_classSSRI": "ad_class[SSRI]"}
CONTRAST = {"term": "contrast", "arm": "esketamine", "comparator": "placebo"}


@pytest.fixture(scope="module")
def expected(in_r: dict[str, Any]) -> dict[str, Any]:
    return in_r["esketamine_trial"]


@pytest.fixture(scope="module", params=["day2", "day28"])
def ancova(request: pytest.FixtureRequest, trial: Prepared, expected: dict[str, Any]) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    study, data = trial
    entry = study.analyses["day2"].model_copy(update={"visit": request.param})
    study = study.model_copy(update={"analyses": {**study.analyses, "ancova": entry}})
    return request.param, analyse(study, "ancova", data), expected[f"ancova_{request.param}"]


def test_populations(trial: Prepared, expected: dict[str, Any]) -> None:
    adsl = trial[1]["adsl"]
    assert (len(adsl), (adsl["pop_fas"] == "yes").sum()) == (expected["n"], expected["fas"])


def test_observed_scores(trial: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    found = analyse(trial[0], "description", trial[1])
    for entry in expected["observed"]:
        key = {"parameter": "madrs", "arm": entry["arm"], "visit": entry["visit"]}
        assert number(found, "n_observed", **key) == entry["n"]
        for statistic in ("mean", "sd", "mean_change", "sd_change"):
            assert number(found, statistic, **key) == pytest.approx(entry[statistic], rel=EXACT)


def test_ancova_coefficients(ancova: tuple[str, pd.DataFrame, dict[str, Any]], number: Callable[..., float]) -> None:
    visit, found, entry = ancova
    theirs = entry["coefficients"]
    assert number(found, "n_rows", term="fit", visit=visit) == entry["n"]
    for at, name in enumerate(theirs["term"]):
        key = {"term": TERMS[name], "visit": visit}
        for ours, r in (("estimate", "estimate"), ("std_error", "se"), ("t", "t"), ("p_value", "p")):
            assert number(found, ours, **key) == pytest.approx(theirs[r][at], rel=EXACT), (name, ours)
        assert number(found, "df", **key) == pytest.approx(entry["df"], rel=EXACT)


def test_ancova_means_and_contrast(ancova: tuple[str, pd.DataFrame, dict[str, Any]], number: Callable[..., float]) -> None:
    visit, found, entry = ancova
    cells = [({"term": "ls_mean", "arm": arm}, entry["ls_means"], "emmean", at) for at, arm in enumerate(entry["ls_means"]["arm"])]
    for key, theirs, name, at in [*cells, (CONTRAST, entry["contrast"], "estimate", None)]:
        pairs = {"estimate": name, "std_error": "SE", "df": "df", "t": "t.ratio", "p_value": "p.value", "conf_low": "lower.CL", "conf_high": "upper.CL"}
        for ours, r in pairs.items():
            value = theirs[r] if at is None else theirs[r][at]
            assert number(found, ours, visit=visit, **key) == pytest.approx(value, rel=EXACT), (key, ours)


@pytest.mark.parametrize(
    ("analysis", "visit"), [("response", "day2"), ("response", "day28"), ("response_all", "day2"), ("response_all", "day28"), ("remission", "day28")]
)
def test_proportions(trial: Prepared, expected: dict[str, Any], number: Callable[..., float], analysis: str, visit: str) -> None:
    found, theirs = analyse(trial[0], analysis, trial[1]), expected[analysis][visit]
    for arm in ("placebo", "esketamine"):
        assert number(found, "n", arm=arm, visit=visit) == theirs["n"][arm]
        assert number(found, "n_events", arm=arm, visit=visit) == theirs["events"][arm]
    for method, limits in (("wald", theirs["wald"]), ("newcombe", theirs["newcombe"])):
        key = {**CONTRAST, "term": "contrast: risk difference", "visit": visit, "method": method}
        assert number(found, "risk_difference", **key) == pytest.approx(100 * theirs["difference"], rel=EXACT)
        assert [number(found, name, **key) for name in ("conf_low", "conf_high")] == pytest.approx([100 * limit for limit in limits], rel=EXACT)
    key = {**CONTRAST, "term": "contrast: risk ratio", "visit": visit, "method": "log_wald"}
    assert number(found, "risk_ratio", **key) == pytest.approx(theirs["ratio"], rel=EXACT)
    assert [number(found, name, **key) for name in ("conf_low", "conf_high")] == pytest.approx(theirs["log_wald"], rel=EXACT)


def test_mmrm_estimates(trial: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    """nlme's `gls` stops at its own tolerance, so 1e-5 of the standard error; it has no df to compare and its errors are the model's."""
    plan = trial[0].analyses["main"].model_copy(update={"df": "satterthwaite"})
    study = trial[0].model_copy(update={"analyses": {**trial[0].analyses, "main": plan}})
    found, theirs = analyse(study, "main", trial[1]), expected["mmrm"]
    assert number(found, "loglik", term="fit") == pytest.approx(theirs["loglik"], rel=1e-9)
    for visit, estimate, error in zip(theirs["visit"], theirs["estimate"], theirs["se"], strict=True):
        assert number(found, "estimate", visit=visit, **CONTRAST) == pytest.approx(estimate, abs=1e-5 * error)
        assert number(found, "std_error", visit=visit, **CONTRAST) == pytest.approx(error, rel=1e-5)
