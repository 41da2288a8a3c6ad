"""The NIMH ketamine crossover, from TSV to ARD, against R (`reference/scripts/nimh.R`; lme4 1.1-31, lmerTest 3.1-3, emmeans 1.8.4-1).

Means, counts and the paired difference are closed forms. lmer's optimum is good to about 2e-7 and its SE to 4e-8
(`engine.md` 2.3), so the mixed model is compared at 1e-6. The LS means' and contrasts' own errors in R are
Kenward-Roger's; the contrast at day 2 is also a coefficient, and that has Satterthwaite's.
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

Prepared = tuple[Study, dict[str, pd.DataFrame]]
EXACT = 1e-10
FITTED = 1e-6
SESSIONS = {
    "ses-d2": {"arm": "ketamine", "visit": "day2"},
    "ses-d10": {"arm": "ketamine", "visit": "day10"},
    "ses-p2": {"arm": "placebo", "visit": "day2"},
    "ses-p10": {"arm": "placebo", "visit": "day10"},
}
TERMS = {
    "(Intercept)": "(Intercept)",
    "base": "base",
    "period2": "period[second]",
    "trtketamine": "arm[ketamine]",
    "day10": "visit[day10]",
    "trtketamine:day10": "arm[ketamine]:visit[day10]",
}
CONTRAST = {"term": "contrast", "arm": "ketamine", "comparator": "placebo"}
SATTERTHWAITE = {"estimate": "Estimate", "std_error": "Std. Error", "df": "df", "t": "t value", "p_value": "Pr(>|t|)"}


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "data" / "nimh_ketamine" / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def nimh(shared: Path, prepare: Callable[..., Prepared]) -> Prepared:
    folder = shared / "data" / "nimh_ketamine"
    return prepare("nimh_ketamine", {name: folder / name for name in ("participants.tsv", "phenotype.tsv")})


@pytest.fixture(scope="module")
def main(nimh: Prepared) -> pd.DataFrame:
    return analyse(nimh[0], "main", nimh[1])


@pytest.mark.parametrize(("parameter", "name"), [("madrs", "madrs"), ("hamd17", "ham17")])
def test_observed_after_infusion(nimh: Prepared, expected: dict[str, Any], number: Callable[..., float], parameter: str, name: str) -> None:
    found = analyse(nimh[0], "description", nimh[1])
    for session, key in SESSIONS.items():
        theirs = expected["observed"][session]
        assert number(found, "n_observed", parameter=parameter, **key) == theirs[f"{name}_n"]
        assert number(found, "mean", parameter=parameter, **key) == pytest.approx(theirs[f"{name}_mean"], rel=EXACT)
        assert number(found, "sd", parameter=parameter, **key) == pytest.approx(theirs[f"{name}_sd"], rel=EXACT)


@pytest.mark.parametrize(("parameter", "name"), [("madrs", "madrs"), ("hamd17", "ham17")])
def test_baseline_in_the_analysis_data(nimh: Prepared, expected: dict[str, Any], parameter: str, name: str) -> None:
    adsl, adqs = nimh[1]["adsl"], nimh[1]["adqs"]
    people = adsl.loc[(adsl["period"] == "before") & (adsl["pop_mdd"] == "yes"), "participant"]
    rows = adqs[(adqs["ablfl"] == "yes") & (adqs["paramcd"] == parameter) & adqs["participant"].isin(people)]
    values, theirs = rows["aval"].dropna().astype(float), expected["observed"]["ses-b0"]
    assert len(values) == theirs[f"{name}_n"]
    assert (values.mean(), values.std()) == pytest.approx((theirs[f"{name}_mean"], theirs[f"{name}_sd"]), rel=EXACT)


def test_response_and_remission(nimh: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    study, data = nimh
    remission = study.analyses["response"].model_copy(update={"endpoint": "madrs_remission"})
    study = study.model_copy(update={"analyses": {**study.analyses, "remission": remission}})
    for name, entry in (("response", "response"), ("remission", "remission_le10")):
        found = analyse(study, name, data)
        for session, key in SESSIONS.items():
            assert number(found, "n", **key) == expected["response"][session]["n"]
            assert number(found, "n_events", **key) == expected["response"][session][entry], (name, session)


def test_paired_difference_at_day_2(nimh: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    found, theirs = analyse(nimh[0], "within", nimh[1]), expected["paired_day2"]
    key = {**CONTRAST, "visit": "day2"}
    assert number(found, "n", **key) == theirs["n"]
    assert number(found, "estimate", **key) == pytest.approx(theirs["estimate"], rel=EXACT)
    assert [number(found, name, **key) for name in ("conf_low", "conf_high")] == pytest.approx(theirs["conf"], rel=EXACT)
    assert number(found, "p_value", **key) == pytest.approx(theirs["p"], rel=EXACT)


def test_fixed_effects(main: pd.DataFrame, expected: dict[str, Any], number: Callable[..., float]) -> None:
    theirs = expected["fixed_satterthwaite"]
    for at, name in enumerate(expected["terms"]):
        for ours, r in SATTERTHWAITE.items():
            assert number(main, ours, term=TERMS[name]) == pytest.approx(theirs[r][at], rel=FITTED), (name, ours)


def test_variances_and_size(main: pd.DataFrame, expected: dict[str, Any], number: Callable[..., float]) -> None:
    variances = [number(main, "variance", term=label) for label in ("participant", "residual")]
    assert variances == pytest.approx([sd**2 for sd in expected["sd"]], rel=2 * FITTED)
    assert number(main, "n_rows", term="fit") == expected["n_obs"]
    assert number(main, "n", term="fit") == expected["n_participants"]
    assert -2 * number(main, "loglik", term="fit") == pytest.approx(expected["reml_criterion"], rel=1e-10)


def test_means_and_contrasts(main: pd.DataFrame, expected: dict[str, Any], number: Callable[..., float]) -> None:
    means, differences = expected["ls_means"], expected["contrasts"]
    for arm, day, value in zip(means["trt"], means["day"], means["emmean"], strict=True):
        assert number(main, "estimate", term="ls_mean", arm=arm, visit=f"day{day}") == pytest.approx(value, rel=FITTED)
    for day, value in zip(differences["day"], differences["estimate"], strict=True):
        assert number(main, "estimate", visit=f"day{day}", **CONTRAST) == pytest.approx(value, rel=FITTED)
    theirs = expected["fixed_satterthwaite"]
    for ours, r in SATTERTHWAITE.items():
        assert number(main, ours, visit="day2", **CONTRAST) == pytest.approx(theirs[r][expected["terms"].index("trtketamine")], rel=FITTED), ours


def test_contrasts_with_kenward_roger_of_pbkrtest(nimh: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    """`df: kenward-roger-pbkrtest` in the study file: emmeans' errors, df and limits."""
    study, data = nimh
    entry = study.analyses["main"].model_copy(update={"df": "kenward-roger-pbkrtest"})
    found = analyse(study.model_copy(update={"analyses": {**study.analyses, "main": entry}}), "main", data)
    theirs = expected["contrasts"]
    for at, visit in enumerate(("day2", "day10")):
        for statistic, column in (("estimate", "estimate"), ("std_error", "SE"), ("df", "df"), ("conf_low", "lower.CL"), ("conf_high", "upper.CL")):
            assert number(found, statistic, visit=visit, **CONTRAST) == pytest.approx(theirs[column][at], rel=FITTED), (visit, column)
    assert "pbkrtest" in found.loc[found["statistic"] == "method", "text"].iloc[0]
