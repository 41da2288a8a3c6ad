"""Binary models against R on data that `make.R` simulates: hazards within sites, repeated states with slopes, counts of trials, no random effects.

The script minimises glmer's own deviance to a gradient of 1e-8 and takes its Hessian by Richardson differences, so that
estimates agree to 1e-6. With nAGQ > 1 that deviance lacks a constant.

Laplace's approximation is R code of the script: glmer's own is off by 1e-5 in the deviance, because its inner iterations
stop early, and so are its estimates (`glmer_estimate`); for a complementary log-log it has expected information in place of
the curvature of each cluster's integrand, which is another approximation by one node, and the same by many.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes import glmm
from ketaoutcomes.mixed import BinaryFit, likelihood_ratio

HERE = Path(__file__).resolve().parent
ARMS = ["placebo", "ketamine"]
LEVELS = {
    "hazards": {"arm": ARMS, "interval": ["i1", "i2", "i3", "i4"]},
    "states": {"arm": ARMS},
    "counts": {"arm": ARMS, "period": [f"p{k}" for k in range(1, 6)]},
}
FIXED = {
    "hazards": [("interval",), ("arm",), ("severity",)],
    "states": [("base",), ("arm",), ("time",), ("arm", "time")],
    "counts": [("period",), ("arm",)],
}
RESPONSE = {"hazards": "relapse", "states": "abstinent", "counts": "use"}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads((HERE / "glmm.json").read_text(encoding="utf-8"))


def fitted(name: str, **options: Any) -> BinaryFit:
    counted = {"trials": "days", "offset": "shift"} if name == "counts" else {}
    terms = options.pop("fixed", FIXED[name])
    used = {variable for term in terms for variable in term}
    levels = {factor: said for factor, said in LEVELS[name].items() if factor in used}
    data = pd.read_csv(HERE / f"{name}.csv")
    return glmm(data, response=RESPONSE[name], fixed=terms, levels=levels, df="asymptotic", **counted, **options)


def factor(fit: BinaryFit) -> np.ndarray:
    return np.linalg.cholesky(fit.covariances["subject"].to_numpy())


def same(fit: BinaryFit, entry: dict[str, Any], beta: float = 1e-6, se: float = 1e-5) -> None:
    np.testing.assert_allclose(fit.params, entry["estimate"], rtol=0, atol=beta)
    np.testing.assert_allclose(fit.bse, entry["se"], rtol=se)
    assert fit.flags in {(), ("quadrature",)}


@pytest.mark.parametrize("nodes", [10, 25])
def test_hazards_within_sites(expected: dict[str, Any], nodes: int) -> None:
    fit, entry = fitted("hazards", subject="site", link="cloglog", nodes=nodes), expected["hazards"][f"nodes{nodes}"]
    same(fit, entry)
    np.testing.assert_allclose(np.abs(factor(fit)[0]), entry["theta"], rtol=2e-6)
    found = fit.random_effects()["subject"]
    assert [str(site) for site in found["subject"]] == entry["ranef"]["level"]


def test_hazards_by_laplace(expected: dict[str, Any]) -> None:
    fit, entry = fitted("hazards", subject="site", link="cloglog", nodes=1), expected["hazards"]["laplace"]
    same(fit, entry)
    assert fit.loglik == pytest.approx(-entry["deviance"] / 2, abs=1e-7)
    none = fitted("hazards", link="cloglog")
    found, site = likelihood_ratio(fit, none), expected["hazards"]["lrt_site_laplace"]
    assert (found.statistic, found.p) == (pytest.approx(site["statistic"], abs=1e-6), pytest.approx(site["p_half"], rel=1e-6))


@pytest.mark.parametrize(
    ("name", "random", "correlated"), [("uncorrelated", ("1", "time"), False), ("correlated", ("1", "time"), True), ("intercept", "1", True)]
)
def test_states_with_slopes(expected: dict[str, Any], name: str, random: Any, correlated: bool) -> None:
    fit, entry = fitted("states", subject="id", random=random, correlated=correlated, nodes=1), expected["states"][name]
    same(fit, entry)
    found = factor(fit)
    theta = {"uncorrelated": np.diagonal(found), "correlated": found[np.tril_indices(len(found))], "intercept": found[0]}[name]
    np.testing.assert_allclose(theta, entry["theta"], rtol=0, atol=2e-6)
    assert fit.loglik == pytest.approx(-entry["deviance"] / 2, abs=1e-7)
    assert fit.loglik == pytest.approx(entry["logLik_glmer"], abs=2e-5)
    np.testing.assert_allclose(fit.params, entry["glmer_estimate"], rtol=0, atol=5e-5)


@pytest.mark.parametrize(("name", "link", "nodes"), [("laplace", "logit", 1), ("nodes25", "logit", 25), ("cloglog25", "cloglog", 25)])
def test_trials_with_an_offset(expected: dict[str, Any], name: str, link: str, nodes: int) -> None:
    fit, entry = fitted("counts", subject="clinic", link=link, nodes=nodes), expected["counts"][name]
    same(fit, entry)
    np.testing.assert_allclose(factor(fit)[0], entry["theta"], rtol=2e-6)
    if nodes == 1:
        assert fit.loglik == pytest.approx(-entry["deviance"] / 2, abs=1e-7)
    found = fit.random_effects()["subject"]
    assert [str(clinic) for clinic in found["subject"]] == entry["ranef"]["level"]
    if link == "logit":  # glmer's modes are those of its own printed optimum
        np.testing.assert_allclose(found["estimate"], entry["ranef"]["mode"], rtol=0, atol=2e-6)
        np.testing.assert_allclose(found["conditional_sd"], entry["ranef"]["sd"], rtol=1e-5)


def without(name: str) -> BinaryFit:
    return fitted({"logit": "states", "cloglog": "hazards", "counts": "counts"}[name], link="cloglog" if name == "cloglog" else "logit")


@pytest.mark.parametrize("name", ["logit", "cloglog", "counts"])
def test_without_random_effects(expected: dict[str, Any], name: str) -> None:
    """glm takes expected information for its errors, which is the observed one for a logit only."""
    fit, entry = without(name), expected["fixed"][name]
    np.testing.assert_allclose(fit.params, entry["estimate"], rtol=1e-8, atol=1e-10)
    assert fit.loglik == pytest.approx(entry["logLik"], rel=1e-10)
    assert fit.aic == pytest.approx(entry["AIC"], rel=1e-10)
    if name != "cloglog":
        np.testing.assert_allclose(fit.bse, entry["se"], rtol=1e-8)
        np.testing.assert_allclose(fit.pvalues, entry["p"], rtol=1e-6)


@pytest.mark.parametrize("name", ["logit", "cloglog", "counts"])
def test_profile_limits_without_random_effects(expected: dict[str, Any], name: str) -> None:
    """By uniroot on glm's deviance; MASS's confint interpolates a profile of few points, to about 5e-5."""
    limits, entry = without(name).conf_int(method="profile"), expected["fixed"][name]
    np.testing.assert_allclose(limits["lower"], entry["lower"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(limits["upper"], entry["upper"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(limits["lower"], entry["mass_lower"], rtol=0, atol=1e-4)


def test_profile_limits_with_random_effects(expected: dict[str, Any]) -> None:
    fit, entry = fitted("hazards", subject="site", link="cloglog", nodes=10), expected["hazards"]["profile"]
    row = [float(label == "arm[ketamine]") for label in fit.terms]
    np.testing.assert_allclose(fit.profile(row), entry["arm"], rtol=0, atol=2e-6)
    np.testing.assert_allclose(fit.profile_sd(), entry["sd"], rtol=0, atol=2e-6)
    np.testing.assert_allclose(fit.profile_sd(), entry["lme4"]["sd"], rtol=0, atol=2e-6)


def ratio(larger: BinaryFit, smaller: BinaryFit, entry: dict[str, Any]) -> None:
    found = likelihood_ratio(larger, smaller)
    assert found.statistic == pytest.approx(entry["statistic"], abs=1e-6)
    if len(found.df) == 1:
        assert found.df == (entry["df"],)
        assert found.p == pytest.approx(entry["p"], rel=1e-6)


def test_likelihood_ratio_of_the_arm(expected: dict[str, Any]) -> None:
    less = [("interval",), ("severity",)]
    options = {"subject": "site", "link": "cloglog", "nodes": 25}
    ratio(fitted("hazards", **options), fitted("hazards", fixed=less, **options), expected["hazards"]["lrt_arm"])
    ratio(fitted("hazards", link="cloglog"), fitted("hazards", fixed=less, link="cloglog"), expected["fixed"]["lrt_arm"])
    slopes = {"subject": "id", "random": ("1", "time"), "nodes": 1}
    ratio(fitted("states", **slopes), fitted("states", fixed=[("base",), ("time",)], **slopes), expected["states"]["lrt_arm"])


def test_likelihood_ratio_of_a_slope(expected: dict[str, Any]) -> None:
    """R's anova takes no account of the boundary; with it p is a mixture."""
    intercept = fitted("states", subject="id", nodes=1)
    uncorrelated = fitted("states", subject="id", random=("1", "time"), correlated=False, nodes=1)
    both = fitted("states", subject="id", random=("1", "time"), nodes=1)
    entry = expected["states"]
    ratio(uncorrelated, intercept, entry["lrt_slope"])
    ratio(both, intercept, entry["lrt_both"])
    assert likelihood_ratio(uncorrelated, intercept).p == pytest.approx(entry["lrt_slope"]["p"] / 2, rel=1e-6)
