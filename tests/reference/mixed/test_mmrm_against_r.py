"""MMRM against R mmrm 0.3.18 at a polished optimum and emmeans 1.8.4-1.

Scripts: `reference/scripts/ref_mmrm.R` (FEV, antidepressant) and `simulated.R` (our simulated trials). Tolerance 1e-6
relative, as agreed in `engine.md` section 0; the logs show |grad| <= 2e-10 there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import Fit, mmrm

RTOL = 1e-6
SIMULATED = Path(__file__).parent / "simulated"


@dataclass(frozen=True)
class Trial:
    """How R's model of one data set is said in our terms."""

    csv: str
    json: str
    response: str
    fixed: list[tuple[str, ...]]
    levels: dict[str, list[str]]
    subject: str
    arm: str
    visit: str
    ours: bool = False


TRIALS = {
    "fev": Trial(
        csv="fev_data.csv",
        json="mmrm_fev.json",
        response="FEV1",
        fixed=[("RACE",), ("SEX",), ("ARMCD",), ("AVISIT",), ("ARMCD", "AVISIT")],
        levels={
            "RACE": ["Asian", "Black or African American", "White"],
            "SEX": ["Male", "Female"],
            "ARMCD": ["PBO", "TRT"],
            "AVISIT": ["VIS1", "VIS2", "VIS3", "VIS4"],
        },
        subject="USUBJID",
        arm="ARMCD",
        visit="AVISIT",
    ),
    "antidepressant": Trial(
        csv="antidepressant_data.csv",
        json="mmrm_antidepressant.json",
        response="CHANGE",
        fixed=[("BASVAL",), ("VISIT",), ("THERAPY",), ("BASVAL", "VISIT"), ("THERAPY", "VISIT")],
        levels={"THERAPY": ["DRUG", "PLACEBO"], "VISIT": ["4", "5", "6", "7"]},
        subject="PATIENT",
        arm="THERAPY",
        visit="VISIT",
    ),
    "small": Trial(
        csv="trial_small.csv",
        json="trial_small_mmrm.json",
        response="chg",
        fixed=[("base",), ("arm",), ("day",), ("arm", "day")],
        levels={"arm": ["placebo", "ketamine"], "day": ["1", "3", "7", "14"]},
        subject="id",
        arm="arm",
        visit="day",
        ours=True,
    ),
    "three_arm": Trial(
        csv="trial_three_arm.csv",
        json="trial_three_arm_mmrm.json",
        response="chg",
        fixed=[("base",), ("day",), ("region",), ("arm",), ("base", "day"), ("arm", "day")],
        levels={
            "arm": ["placebo", "ket_low", "ket_high"],
            "day": ["2", "8", "15", "22", "28"],
            "region": ["EU", "ROW"],
        },
        subject="id",
        arm="arm",
        visit="day",
        ours=True,
    ),
}
STRUCTURES = ("ar1", "ar1h", "cs", "csh", "toep", "toeph", "ad", "adh")
US = ["us_satterthwaite", "us_kr", "us_kr_linear"]
SIMULATED_US = [*US, "us_ml_satterthwaite", "us_between_within", *(f"us_satterthwaite_cr_{kind}" for kind in ("", "jackknife", "bias-reduced"))]
SIMULATED_OTHER = [f"{c}_{how}" for c in STRUCTURES for how in ("satterthwaite", "kr_linear", "kr", "ml")] + ["sp_exp_satterthwaite", "us_weighted"]
FEV_OTHER = [f"{c}_{how}" for c in STRUCTURES for how in ("satterthwaite", "kr_linear", "kr")]
ENTRIES = {
    "fev": [
        *US, "us_ml_satterthwaite", "us_residual", "us_between_within", "us_satterthwaite_empirical", "us_satterthwaite_jackknife",
        "us_satterthwaite_biasreduced", "us_grouped_satterthwaite", "us_grouped_kr_linear", *FEV_OTHER,
    ],
    "antidepressant": [*US, "us_ml", "us_grouped", *(f"{c}_satterthwaite" for c in STRUCTURES)],
    "small": [*SIMULATED_US, *SIMULATED_OTHER],
    "three_arm": [*SIMULATED_US, "us_grouped_satterthwaite", *SIMULATED_OTHER],
}  # fmt: skip
CASES = [(name, entry) for name, entries in ENTRIES.items() for entry in entries]
WITH_LS_MEANS = [(name, entry) for name, entry in CASES if entry.startswith("us") and entry != "us_weighted"]
#: mmrm's names for the covariance of the coefficients and the degrees of freedom, and ours.
KENWARD_ROGER = {"Kenward-Roger-Linear": "kenward-roger", "Kenward-Roger": "kenward-roger-mmrm"}
ERRORS = {"Empirical": "cr0", "Empirical-Jackknife": "cr3", "Empirical-Bias-Reduced": "cr2"}
DF = {"residual": "residual", "between_within": "between-within"}


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case), scope="module")
def case(request: pytest.FixtureRequest, load: Callable[[Path, str], Any]) -> tuple[Trial, Fit, Any]:
    """Trial, our fit, R's entry."""
    name, entry = request.param
    trial = TRIALS[name]
    folder = SIMULATED if trial.ours else request.getfixturevalue("shared") / "reference"
    reference = load(folder / trial.json, entry)
    vcov = reference.get("vcov", "")
    df = next((ours for part, ours in DF.items() if part in entry), KENWARD_ROGER.get(vcov, "satterthwaite"))
    return trial, fit_trial(trial, folder, reml="_ml" not in entry, df=df, errors=ERRORS.get(vcov, "model"), entry=entry), reference


def fit_trial(trial: Trial, folder: Path, *, reml: bool, df: str = "satterthwaite", errors: str = "model", entry: str = "us") -> Fit:
    # pandas, like R, reads the region "NA" as missing; the reference was computed without those rows.
    columns = [trial.response, trial.subject, *trial.levels]
    data = pd.read_csv(folder / trial.csv).dropna(subset=columns)
    return mmrm(
        data,
        response=trial.response,
        fixed=trial.fixed,
        levels=trial.levels,
        subject=trial.subject,
        visit=trial.visit,
        covariance="sp_exp" if entry.startswith("sp_exp") else entry.split("_")[0],
        group=trial.arm if "grouped" in entry else None,
        weights="w" if "weighted" in entry else None,
        reml=reml,
        df=df,
        errors=errors,
    )


def as_r(entry: Any, trial: Trial) -> Any:
    """simulated.R calls the factor made from `day` `visit`."""
    if not trial.ours:
        return entry
    return {**entry, "terms": [term.replace("visit", "day") for term in entry["terms"]]}


def test_coefficients(case: tuple[Trial, Fit, Any], assert_coefficients: Callable[..., None]) -> None:
    trial, fit, reference = case
    assert_coefficients(fit, as_r(reference, trial))


def test_size_likelihood_and_covariance(case: tuple[Trial, Fit, Any]) -> None:
    _, fit, reference = case
    np.testing.assert_allclose(-2 * fit.loglik, reference["deviance"], rtol=1e-9)
    for ours, theirs in zip(fit.covariances.values(), matrices(reference["cov"], fit), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=RTOL)
    assert set(fit.flags) == (set() if fit.structure == "us" else {"structured"})
    if "AIC" in reference:
        assert (fit.n_obs, fit.n_subjects) == (reference["n_obs"], reference["n_subjects"])
        np.testing.assert_allclose([fit.aic, fit.bic], [reference["AIC"], reference["BIC"]], rtol=1e-9)


def matrices(theirs: Any, fit: Fit) -> list[Any]:
    """R's covariance matrices; for sp_exp mmrm gives the variance and the covariance one day apart."""
    if isinstance(theirs, dict):
        return list(theirs.values())
    if fit.structure != "sp_exp":
        return [theirs]
    days = np.array([float(visit) for visit in fit.covariances["residual"].index])
    variance, rate = theirs[0][0], theirs[0][1] / theirs[0][0]
    return [variance * rate ** np.abs(np.subtract.outer(days, days))]


@pytest.mark.parametrize("case", WITH_LS_MEANS, indirect=True, ids=lambda case: "-".join(case))
def test_ls_means(case: tuple[Trial, Fit, Any]) -> None:
    trial, fit, reference = case
    means = fit.ls_means((trial.visit, trial.arm))
    theirs = reference["emmeans"]["ls_means"]
    assert [m.cell[trial.arm] for m in means] == theirs[trial.arm]
    for field, column in [
        ("estimate", "emmean"),
        ("se", "SE"),
        ("df", "df"),
        ("lower", "lower.CL"),
        ("upper", "upper.CL"),
        ("t", "t.ratio"),
        ("p", "p.value"),
    ]:
        # A p-value of 1e-60 magnifies the relative error of t by t itself.
        rtol = 1e-5 if column == "p.value" else RTOL
        np.testing.assert_allclose([getattr(m, field) for m in means], theirs[column], rtol=rtol, err_msg=column)


@pytest.mark.parametrize("case", WITH_LS_MEANS, indirect=True, ids=lambda case: "-".join(case))
def test_pairwise_differences(case: tuple[Trial, Fit, Any]) -> None:
    trial, fit, reference = case
    theirs = reference["emmeans"]["pairwise"]
    arms = len(trial.levels[trial.arm])
    means = fit.ls_means((trial.visit, trial.arm))
    visits = [means[k : k + arms] for k in range(0, len(means), arms)]
    ours = [fit.contrast(a.weights - b.weights) for visit in visits for a, b in combinations(visit, 2)]
    for field, column in [
        ("estimate", "estimate"),
        ("se", "SE"),
        ("df", "df"),
        ("lower", "lower.CL"),
        ("upper", "upper.CL"),
        ("p", "p.value"),
    ]:
        if column in ("lower.CL", "upper.CL", "p.value") and arms > 2:
            continue  # emmeans adjusts these for three comparisons (Tukey)
        np.testing.assert_allclose([getattr(e, field) for e in ours], theirs[column], rtol=RTOL, err_msg=column)


@pytest.mark.parametrize(
    ("name", "entry", "df"),
    [
        ("fev", "us_satterthwaite_Ftest_interaction", "satterthwaite"),
        ("fev", "us_kr_linear_Ftest_interaction", "kenward-roger"),
        ("fev", "us_kr_Ftest_interaction", "kenward-roger-mmrm"),
        ("small", "joint_arm_by_visit_Asymptotic", "satterthwaite"),
        ("small", "joint_arm_by_visit_Kenward-Roger-Linear", "kenward-roger"),
        ("three_arm", "joint_arm_by_visit_Asymptotic", "satterthwaite"),
        ("three_arm", "joint_arm_by_visit_Kenward-Roger-Linear", "kenward-roger"),
    ],
)
def test_joint_test_of_arm_by_visit(name: str, entry: str, df: str, request: pytest.FixtureRequest, load: Callable[[Path, str], Any]) -> None:
    trial = TRIALS[name]
    folder = SIMULATED if trial.ours else request.getfixturevalue("shared") / "reference"
    fit = fit_trial(trial, folder, reml=True, df=df)
    wanted = [k for k, term in enumerate(fit.terms) if f"{trial.arm}[" in term and ":" in term]
    test, theirs = fit.joint_test(np.eye(len(fit.terms))[wanted]), load(folder / trial.json, entry)
    assert test.numerator_df == theirs["num_df"]
    np.testing.assert_allclose(test.f, theirs["f_stat"], rtol=RTOL)
    np.testing.assert_allclose(test.denominator_df, theirs["denom_df"], rtol=RTOL)
    np.testing.assert_allclose(test.p, theirs["p_val"], rtol=RTOL)


def test_last_visit_of_the_antidepressant_trial_as_printed(shared: Path) -> None:
    """`engine.md` table 2.1: DRUG - PLACEBO at visit 7 -2.801834, SE 1.114031, df 150.1018 (mmrm and SAS)."""
    fit = fit_trial(TRIALS["antidepressant"], shared / "reference", reml=True)
    drug, placebo = (m for m in fit.ls_means(("THERAPY", "VISIT")) if m.cell["VISIT"] == "7")
    difference = fit.contrast(drug.weights - placebo.weights)
    assert difference.estimate == pytest.approx(-2.801834, abs=5e-7)
    assert difference.se == pytest.approx(1.114031, abs=5e-7)
    assert difference.df == pytest.approx(150.1018, abs=5e-5)
    assert -2 * fit.loglik == pytest.approx(3494.202850, abs=5e-7)


def test_sas_proc_mixed_ddfm_kr_as_printed(shared: Path, load: Callable[[Path, str], Any]) -> None:
    """All LS means and the 28 differences of the SAS listing: 4 or 5 decimals printed, df as whole numbers.

    Tolerances of `engine.md` section 0: SAS stopped at a -2 log-likelihood 2.4e-8 above the optimum.
    """
    listing = shared / "reference" / "sas_antidepressant.json"
    fit = fit_trial(TRIALS["antidepressant"], shared / "reference", reml=True, df="kenward-roger")
    cells = {f"{m.cell['THERAPY']}@{m.cell['VISIT']}": m for m in fit.ls_means(("THERAPY", "VISIT"))}
    printed = [(cells[f"{row['therapy']}@{row['visit']}"], row) for row in load(listing, "ls_means_kr")]
    printed += [(fit.contrast(cells[row["a"]].weights - cells[row["b"]].weights), row) for row in load(listing, "differences_kr")]
    assert len(printed) == 36
    for ours, row in printed:
        assert ours.estimate == pytest.approx(row["estimate"], abs=6e-5)
        assert ours.se == pytest.approx(row["se"], abs=6e-5)
        assert ours.df == pytest.approx(row["df"], abs=0.51)
