"""Marginal models against R nlme 3.1-162 at a polished optimum: cLDA, real times, a negative compound symmetry.

Data, values and their precision: `gls/README.md`: logLik to 1e-11, Sigma to 1e-8, coefficients, SE and vcov to 1e-9.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import Fit, NotRandomised, clda, mmrm

HERE = Path(__file__).parent
GLS = json.loads((HERE / "gls" / "gls.json").read_text())["fits"]
TRIALS = {"clda_trial_small": ["placebo", "ketamine"], "clda_trial_three_arm": ["placebo", "ket_low", "ket_high"]}
METHODS = pytest.mark.parametrize("reml", [True, False])
LOGLIK, SIGMA, BETA = 1e-11, 1e-8, 1e-8


def assert_fit(fit: Fit, theirs: Any, order: np.ndarray) -> None:
    """Coefficients relative to their errors, covariances to their standard deviations."""
    assert (fit.n_obs, fit.reml) == (theirs["n_obs"], theirs["reml"])
    np.testing.assert_allclose(fit.loglik, theirs["logLik"], rtol=LOGLIK)
    k = theirs["df_model"] - len(fit.terms)
    np.testing.assert_allclose(fit.aic, 2 * k - 2 * theirs["logLik"], rtol=LOGLIK)
    se, vcov = np.array(theirs["se"]), np.array(theirs["vcov"])
    np.testing.assert_allclose(fit.params.to_numpy()[order] / se, theirs["estimate"] / se, rtol=0, atol=BETA)
    np.testing.assert_allclose(fit.bse.to_numpy()[order], se, rtol=BETA)
    np.testing.assert_allclose(fit.cov_params().to_numpy()[np.ix_(order, order)] / np.outer(se, se), vcov / np.outer(se, se), rtol=0, atol=BETA)
    if "Sigma" in theirs:
        sigma = np.array(theirs["Sigma"])
        sd = np.sqrt(np.diag(sigma))
        np.testing.assert_allclose(fit.covariances["residual"] / np.outer(sd, sd), sigma / np.outer(sd, sd), rtol=0, atol=SIGMA)


def with_baseline(name: str) -> pd.DataFrame:
    """Baseline as day 0, then base + change; the region "NA" is text, so everybody is in."""
    data = pd.read_csv(HERE / "simulated" / f"{name.removeprefix('clda_')}.csv", keep_default_na=False)
    first = data.drop_duplicates("id").assign(day=0, chg=0.0)
    return pd.concat([first, data]).assign(y=lambda d: d["base"] + d["chg"])


def constrained(name: str, **changed: Any) -> Fit:
    levels = {"arm": TRIALS[name], "day": [str(day) for day in GLS[name]["visit"]]}
    said: dict[str, Any] = {"response": "y", "arm": "arm", "visit": "day", "levels": levels, "subject": "id", "randomised": True, **changed}
    return clda(with_baseline(name), **said)


@METHODS
@pytest.mark.parametrize("name", TRIALS)
def test_constrained_longitudinal_data_analysis(name: str, reml: bool) -> None:
    theirs = GLS[name]["reml" if reml else "ml"]
    fit = constrained(name, reml=reml, df="satterthwaite")
    ours = [label.replace("[", "").replace("]", "").replace(":", "_").replace("day", "visit") for label in fit.terms]
    assert sorted(ours) == sorted(theirs["term"])
    assert fit.n_subjects == GLS[name]["n_subjects"]
    assert_fit(fit, theirs, np.array([ours.index(term) for term in theirs["term"]]))


def test_arms_share_their_mean_at_baseline_only() -> None:
    """The contrast of two arms at a later visit is the coefficient; at baseline there is none."""
    fit = constrained("clda_trial_small")
    means = {(m.cell["arm"], m.cell["day"]): m for m in fit.ls_means(("day", "arm"))}
    assert means["ketamine", "0"].estimate == means["placebo", "0"].estimate == fit.params["(Intercept)"]
    later = means["ketamine", "7"].weights - means["placebo", "7"].weights
    assert later @ fit.params.to_numpy() == pytest.approx(fit.params["arm[ketamine]:day[7]"], rel=1e-12)


def test_constrained_analysis_needs_chance() -> None:
    with pytest.raises(NotRandomised, match="chance"):
        constrained("clda_trial_small", randomised=False)


@METHODS
def test_exponential_correlation_at_irregular_times(reml: bool, in_r_order: Callable[..., np.ndarray]) -> None:
    """Nobody has two rows at one time, so the visit is the time itself; a copy, since the time is a trend as well."""
    theirs = GLS["exponential_clinic"]["reml" if reml else "ml"]
    data = pd.read_csv(HERE / "lmm" / "clinic.csv")
    fit = mmrm(
        data.assign(when=data["time"]), "y ~ base + arm * time", levels={"arm": ["placebo", "ketamine"]}, subject="id", visit="when",
        covariance="sp_exp", reml=reml, df="satterthwaite",
    )  # fmt: skip
    assert_fit(fit, theirs, in_r_order(fit, theirs["term"]))
    sigma = fit.covariances["residual"].to_numpy()
    times = np.array([float(label) for label in fit.covariances["residual"].index])
    np.testing.assert_allclose(np.sqrt(sigma[0, 0]), theirs["sigma"], rtol=SIGMA)
    apart = np.abs(times[0] - times[1])
    np.testing.assert_allclose(-apart / np.log(sigma[0, 1] / sigma[0, 0]), theirs["correlation_parameters"][0], rtol=SIGMA)


@METHODS
@pytest.mark.parametrize("structure", ["cs", "csh", "ar1", "ar1h", "us"])
@pytest.mark.parametrize("name", ["negative_cs", "trial_small"])
def test_structures(name: str, structure: str, reml: bool, in_r_order: Callable[..., np.ndarray]) -> None:
    theirs = GLS[f"{name}_{structure}"]["reml" if reml else "ml"]
    negative = name == "negative_cs"
    data = pd.read_csv(HERE / ("gls/negative_cs.csv" if negative else "simulated/trial_small.csv"), keep_default_na=False)
    visits = ["1", "2", "3", "4"] if negative else ["1", "3", "7", "14"]
    fit = mmrm(
        data.rename(columns={"day": "visit"}), f"{'y' if negative else 'chg'} ~ base + arm * visit",
        levels={"arm": ["placebo", "ketamine"], "visit": visits}, subject="id", visit="visit", covariance=structure, reml=reml, df="satterthwaite",
    )  # fmt: skip
    assert_fit(fit, theirs, in_r_order(fit, theirs["term"]))
    if negative and structure == "cs":
        sigma = fit.covariances["residual"].to_numpy()
        assert sigma[0, 1] / sigma[0, 0] == pytest.approx(theirs["correlation_parameters"][0], rel=1e-7)
        assert sigma[0, 1] < 0
