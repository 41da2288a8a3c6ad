"""Every random part of `lmm` against R lme4 1.1-31, lmerTest 3.1-3 and pbkrtest 0.5.2 at a polished optimum.

Data, values and their precision: `lmm/README.md`. The scaled score of R's optimum is at most 8e-9, so variances hold to
about 1e-9 and coefficients to 1e-10; tolerances stand one power of ten above that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import Fit, lmm

FOLDER = Path(__file__).parent / "lmm"
LMM = json.loads((FOLDER / "lmm.json").read_text())
BOUNDARY = json.loads((FOLDER / "boundary.json").read_text())["boundary"]
CASES = [(data, entry) for data in ("clinic", "scheduled") for entry in LMM[data]]
RESTRICTED = [(data, entry) for data, entry in CASES if entry.endswith("reml")]
LEVELS = {"arm": ["placebo", "ketamine"]}
JOINT = ("arm[ketamine]", "arm[ketamine]:time")
# variances 1e-9; coefficients and errors 1e-10; df as good as the variances; a covariance near 0 as good as its variances
VARIANCE, BETA, LOGLIK, DF = 1e-8, 1e-9, 1e-11, 1e-8

Order = Callable[[Fit, list[str]], np.ndarray]


@cache
def fitted(data: str, entry: str) -> Fit:
    random, *how = entry.split("_")
    return lmm(
        pd.read_csv(FOLDER / f"{data}.csv"),
        "y ~ base + arm * time",
        levels=LEVELS,
        subject="id",
        random="1" if random == "intercept" else ("1", "time"),
        correlated=random != "uncorrelated",
        site="site" if "site" in how else None,
        weights="w" if "weighted" in how else None,
        reml="reml" in how,
        df="satterthwaite",
    )


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def case(request: pytest.FixtureRequest) -> tuple[Fit, Any]:
    """Our fit, R's entry."""
    data, entry = request.param
    return fitted(data, entry), LMM[data][entry]


def assert_matrix(ours: Any, theirs: Any, tolerance: float) -> None:
    """Each element relative to its two standard deviations."""
    sd = np.sqrt(np.diag(theirs))
    np.testing.assert_allclose(np.asarray(ours) / np.outer(sd, sd), np.asarray(theirs) / np.outer(sd, sd), rtol=0, atol=tolerance)


def participants(covariance: Any) -> np.ndarray:
    """R's covariance matrix of a participant's effects; for `||` it has one term for each."""
    if "id.1" in covariance:
        return np.diag([covariance["id"]["matrix"][0][0], covariance["id.1"]["matrix"][0][0]])
    return np.array(covariance["id"]["matrix"])


def test_likelihood_and_sizes(case: tuple[Fit, Any]) -> None:
    """R's AIC counts the fixed effects under REML, too; its BIC takes the logarithm of the rows."""
    fit, theirs = case
    assert (fit.n_obs, fit.n_subjects, fit.reml, fit.status) == (theirs["n_obs"], theirs["groups"]["id"], theirs["reml"], "ok")
    np.testing.assert_allclose(fit.loglik, theirs["logLik"], rtol=LOGLIK)
    k = theirs["df_model"] - len(fit.terms)
    np.testing.assert_allclose(fit.aic, theirs["AIC"] - 2 * len(fit.terms), rtol=LOGLIK)
    np.testing.assert_allclose(fit.bic, theirs["BIC"] - theirs["df_model"] * np.log(fit.n_obs) + k * np.log(fit.n_subjects), rtol=LOGLIK)


def test_coefficients(case: tuple[Fit, Any], in_r_order: Order) -> None:
    fit, theirs = case
    order, table = in_r_order(fit, theirs["coefficients"]["term"]), theirs["coefficients"]
    np.testing.assert_allclose(fit.params.to_numpy()[order], table["Estimate"], rtol=BETA)
    np.testing.assert_allclose(fit.bse.to_numpy()[order], table["Std. Error"], rtol=BETA)
    assert_matrix(fit.cov_params().to_numpy()[np.ix_(order, order)], theirs["vcov"], BETA)


def test_satterthwaite(case: tuple[Fit, Any], in_r_order: Order) -> None:
    """The closed formula; lmerTest's finite differences are 2.5e-7 from it."""
    fit, theirs = case
    order = in_r_order(fit, theirs["coefficients"]["term"])
    np.testing.assert_allclose(fit.df.to_numpy()[order], theirs["closed_form"]["satterthwaite_df"], rtol=DF)
    np.testing.assert_allclose(fit.df.to_numpy()[order], theirs["coefficients"]["df"], rtol=5e-7)
    # A p value is as good as its t, times t squared.
    np.testing.assert_allclose(fit.pvalues.to_numpy()[order], theirs["coefficients"]["Pr(>|t|)"], rtol=1e-5)
    for test, tolerance in ((theirs["closed_form"]["joint_satterthwaite"], DF), (theirs["joint_satterthwaite"], 5e-7)):
        assert_joint(fit, test, tolerance)


def assert_joint(fit: Fit, theirs: Any, tolerance: float) -> None:
    ours = fit.joint_test(np.eye(len(fit.terms))[[fit.terms.index(term) for term in JOINT]])
    assert ours.numerator_df == theirs["ndf"]
    np.testing.assert_allclose([ours.f, ours.denominator_df], [theirs["F"], theirs["ddf"]], rtol=tolerance)
    # d log p / d log F is about -F here, at most 30.
    np.testing.assert_allclose(ours.p, theirs["p"], rtol=100 * tolerance)


@pytest.mark.parametrize(("data", "entry"), RESTRICTED)
def test_kenward_roger(data: str, entry: str, in_r_order: Order) -> None:
    """pbkrtest's definition; pbkrtest itself where it takes the model (it leaves weights out)."""
    fit, theirs = fitted(data, entry).with_inference("kenward-roger-pbkrtest"), LMM[data][entry]
    order, closed = in_r_order(fit, theirs["coefficients"]["term"]), theirs["closed_form"]
    np.testing.assert_allclose(fit.bse.to_numpy()[order], closed["kr_se"], rtol=BETA)
    np.testing.assert_allclose(fit.df.to_numpy()[order], closed["kr_df"], rtol=DF)
    assert_matrix(fit.cov_params().to_numpy()[np.ix_(order, order)], closed["kr_vcov"], BETA)
    assert_joint(fit, closed["joint_kr"], DF)
    if not theirs["weighted"]:
        np.testing.assert_allclose(fit.bse.to_numpy()[order], theirs["coefficients_kr"]["Std. Error"], rtol=BETA)
        np.testing.assert_allclose(fit.df.to_numpy()[order], theirs["coefficients_kr"]["df"], rtol=DF)
        assert_matrix(fit.cov_params().to_numpy()[np.ix_(order, order)], theirs["vcov_kr"], BETA)
        assert_joint(fit, theirs["joint_kr"], DF)


def test_covariance_parameters(case: tuple[Fit, Any]) -> None:
    fit, theirs = case
    assert_matrix(fit.covariances["subject"], participants(theirs["covariance"]), VARIANCE)
    np.testing.assert_allclose(fit.covariances["residual"].to_numpy(), theirs["sigma2"], rtol=VARIANCE)
    assert ("site" in fit.covariances) == ("site" in theirs["covariance"])
    if "site" in fit.covariances:
        np.testing.assert_allclose(fit.covariances["site"].to_numpy(), theirs["covariance"]["site"]["matrix"], rtol=VARIANCE)


def test_random_effects(case: tuple[Fit, Any]) -> None:
    """Modes and conditional standard deviations, relative to the standard deviation of the effect."""
    fit, theirs = case
    ours = fit.random_effects()
    names = {"id": ("subject", "subject"), "site": ("site", "site")}
    assert set(ours) == {names[group][0] for group in theirs["ranef"]}
    for group, entry in theirs["ranef"].items():
        frame, label = ours[names[group][0]], names[group][1]
        for effect, modes in entry["mode"].items():
            rows = frame[frame["effect"] == effect] if "effect" in frame else frame
            rows = rows.set_index(label).loc[entry["level"]]
            variance = np.array(entry["conditional_variance"][effect])
            size = float(np.sqrt(np.mean(np.square(modes)) + variance.mean()))
            np.testing.assert_allclose(rows["estimate"] / size, np.array(modes) / size, rtol=0, atol=VARIANCE)
            np.testing.assert_allclose(rows["conditional_sd"], np.sqrt(variance), rtol=VARIANCE)
            assert (rows["std_error"] > rows["conditional_sd"]).all()


@pytest.mark.parametrize("entry", ["intercept_reml", "slope_ml", "uncorrelated_site_reml", "slope_site_reml", "slope_weighted_reml"])
def test_prediction_errors_by_henderson(entry: str) -> None:
    """Henderson's mixed model equations, solved densely: their inverse holds the errors of prediction.

    Rounding only: the equations have a condition number of about 1e7.
    """
    fit, data = fitted("clinic", entry), pd.read_csv(FOLDER / "clinic.csv")
    people, sites = (data[name].unique() for name in ("id", "site"))
    drug = (data["arm"] == "ketamine").to_numpy(float)
    x = np.column_stack([np.ones(len(data)), data["base"], drug, data["time"], drug * data["time"]])
    own = pd.get_dummies(data["id"])[people].to_numpy(float)
    d = fit.covariances["subject"].to_numpy()
    z = [own] if len(d) == 1 else [own, own * data["time"].to_numpy()[:, None]]
    prior = np.kron(np.linalg.inv(d), np.eye(len(people)))
    if "site" in fit.covariances:
        z.append(pd.get_dummies(data["site"])[sites].to_numpy(float))
        extra = np.eye(len(sites)) / fit.covariances["site"].iloc[0, 0]
        prior = np.block([[prior, np.zeros((len(prior), len(sites)))], [np.zeros((len(sites), len(prior))), extra]])
    weight = (data["w"].to_numpy() if "weighted" in entry else np.ones(len(data))) / fit.covariances["residual"].iloc[0, 0]
    both = np.column_stack([x, *z])
    left = both.T @ (weight[:, None] * both)
    left[5:, 5:] += prior
    inverse = np.linalg.inv(left)
    solution, error = inverse @ both.T @ (weight * data["y"].to_numpy()), np.sqrt(np.diag(inverse))
    np.testing.assert_allclose(fit.params[["(Intercept)", "base", "arm[ketamine]", "time", "arm[ketamine]:time"]], solution[:5], rtol=1e-9)
    found = fit.random_effects()
    subject = found["subject"]
    at = 5
    for effect in subject["effect"].unique():
        rows = subject[subject["effect"] == effect].set_index("subject").loc[people]
        assert_predicted(rows, solution[at : at + len(people)], error[at : at + len(people)])
        at += len(people)
    if "site" in found:
        assert_predicted(found["site"].set_index("site").loc[sites], solution[at:], error[at:])


def assert_predicted(rows: pd.DataFrame, u: np.ndarray, error: np.ndarray) -> None:
    np.testing.assert_allclose(rows["estimate"] / error, u / error, rtol=0, atol=1e-8)
    np.testing.assert_allclose(rows["std_error"], error, rtol=1e-8)


RANDOM = {
    "zero_slope": {"random": ("1", "time"), "correlated": False},
    "zero_slope_correlated": {"random": ("1", "time")},
    "perfect_correlation": {"random": ("1", "time")},
    "zero_intercept": {},
    "zero_site": {"random": ("1", "time"), "site": "site"},
}
WITHOUT = {"zero_slope": {}, "zero_site": {"random": ("1", "time")}}
METHODS = pytest.mark.parametrize("reml", [True, False])


def on_boundary(name: str, random: dict[str, Any], reml: bool) -> Fit:
    data = pd.read_csv(FOLDER / BOUNDARY[name]["file"])
    return lmm(data, "y ~ base + arm * time", levels=LEVELS, subject="id", reml=reml, df="satterthwaite", **random)


@METHODS
@pytest.mark.parametrize("name", RANDOM)
def test_boundary_against_lmer(name: str, reml: bool, in_r_order: Order) -> None:
    """lmer's theta is exactly 0 there, and its free parameters are polished as elsewhere."""
    fit, theirs = on_boundary(name, RANDOM[name], reml), BOUNDARY[name]["reml" if reml else "ml"]["full"]
    assert fit.flags == ("boundary",)
    assert fit.proof.boundary_slope is not None and fit.proof.boundary_slope > -1e-7
    np.testing.assert_allclose(fit.loglik, theirs["logLik"], rtol=LOGLIK)
    order = in_r_order(fit, theirs["term"])
    np.testing.assert_allclose(fit.params.to_numpy()[order], theirs["estimate"], rtol=1e-8)
    np.testing.assert_allclose(fit.bse.to_numpy()[order], theirs["se"], rtol=BETA)
    np.testing.assert_allclose(fit.covariances["residual"].to_numpy(), theirs["sigma2"], rtol=VARIANCE)
    expected = participants(theirs["covariance"])
    np.testing.assert_allclose(fit.covariances["subject"], expected, rtol=VARIANCE, atol=0)
    if name in {"zero_slope_correlated", "perfect_correlation"}:
        assert_rank_one(fit.covariances["subject"].to_numpy(), sign=-1 if "zero" in name else 1)
    if name == "zero_site":
        assert fit.covariances["site"].to_numpy() == 0


def assert_rank_one(d: np.ndarray, sign: int) -> None:
    assert d[0, 1] / np.sqrt(d[0, 0] * d[1, 1]) == pytest.approx(sign, abs=1e-14)
    values = np.linalg.eigvalsh(d)
    assert abs(values[0]) < 1e-14 * values[1]


@METHODS
@pytest.mark.parametrize("name", WITHOUT)
def test_zero_variance_is_the_fit_without_the_term(name: str, reml: bool, in_r_order: Order) -> None:
    """With the degrees of freedom of the smaller model; Kenward-Roger's, too."""
    full, without = on_boundary(name, RANDOM[name], reml), on_boundary(name, WITHOUT[name], reml)
    theirs = BOUNDARY[name]["reml" if reml else "ml"]["without"]
    assert (full.flags, without.flags) == (("boundary",), ())
    order = in_r_order(full, theirs["term"])
    for how in ("satterthwaite", *(("kenward-roger-pbkrtest", "kenward-roger") if reml else ())):
        one, other = full.with_inference(how), without.with_inference(how)
        for field in ("params", "bse", "df"):
            np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=1e-8)
        if how != "kenward-roger":
            kind = "satterthwaite_df" if how == "satterthwaite" else "kr_df"
            np.testing.assert_allclose(one.df.to_numpy()[order], theirs["closed_form"][kind], rtol=DF)
            np.testing.assert_allclose(one.bse.to_numpy()[order], theirs["se"] if how == "satterthwaite" else theirs["closed_form"]["kr_se"], rtol=1e-8)
    assert full.loglik == pytest.approx(without.loglik, rel=1e-11) == pytest.approx(theirs["logLik"], rel=1e-11)
    np.testing.assert_allclose(full.covariances["residual"], without.covariances["residual"], rtol=1e-8)


@METHODS
def test_no_random_effect_left_is_least_squares(reml: bool) -> None:
    """R's lm: the intercept variance is 0, and the residual df are those of the rows under REML, of n under ML."""
    fit, theirs = on_boundary("zero_intercept", {}, reml), BOUNDARY["zero_intercept"]["reml" if reml else "ml"]
    without = theirs["without"]
    assert fit.loglik == pytest.approx(without["logLik"], rel=1e-12)
    np.testing.assert_allclose(fit.params, without["estimate"], rtol=1e-10)
    np.testing.assert_allclose(fit.bse, without["se"], rtol=1e-10)
    np.testing.assert_allclose(fit.covariances["residual"].to_numpy(), without["sigma2"], rtol=1e-10)
    assert fit.covariances["subject"].to_numpy() == 0
    np.testing.assert_allclose(fit.df, without["df"] if reml else fit.n_obs, rtol=1e-9)
    effects = fit.random_effects()["subject"]
    assert (effects[["estimate", "std_error", "conditional_sd"]] == 0).all(axis=None)
