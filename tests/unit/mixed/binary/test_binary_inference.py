"""Limits, risks, boundaries and ratios of binary fits against dense integration and root finding, and every refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from ketaoutcomes import glmm
from ketaoutcomes.mixed import (
    DegenerateResponse,
    InvalidContrast,
    InvalidTerms,
    InvalidValues,
    MixedModelError,
    NotComparable,
    NotConverged,
    OneVisitPerParticipant,
    TooFewParticipants,
    likelihood_ratio,
)

LEVELS = {"arm": ["a", "b"]}
V = np.linspace(-9, 9, 1201)
W = stats.norm.pdf(V) / stats.norm.pdf(V).sum()


def people(seed: int = 0, n: int = 60, visits: int = 5, sd: float = 1.3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ids, t, base = np.repeat(np.arange(n), visits), np.tile(np.arange(float(visits)), n), rng.normal(0, 1, n)
    eta = -0.3 + 0.6 * (ids % 2) - 0.2 * t + 0.5 * base[ids] + sd * rng.normal(0, 1, n)[ids]
    return pd.DataFrame({"id": ids, "arm": np.array(["a", "b"])[ids % 2], "t": t, "base": base[ids], "y": rng.binomial(1, special.expit(eta))})


def fitted(data: pd.DataFrame, **options: Any) -> Any:
    said: dict[str, Any] = {"response": "y", "fixed": [("arm",), ("t",), ("base",)], "levels": LEVELS, "subject": "id", **options}
    return glmm(data, **said)


def dense(data: pd.DataFrame, beta: np.ndarray, sd: float) -> float:
    x = np.column_stack([np.ones(len(data)), data["arm"] == "b", data["t"], data["base"]]).astype(float)
    eta = (x @ beta)[:, None] + sd * V
    of_rows = data["y"].to_numpy()[:, None] * eta - np.logaddexp(0, eta)
    return float(np.log(np.exp(np.add.reduceat(of_rows, np.flatnonzero(np.r_[True, np.diff(data["id"]) > 0]), axis=0)) @ W).sum())


def held(data: pd.DataFrame, j: int, start: np.ndarray) -> Any:
    """The best dense likelihood with one parameter held, sd among them."""
    others = np.delete(np.arange(5), j)

    def profile(value: float) -> float:
        def loss(rest: np.ndarray) -> float:
            psi = np.empty(5)
            psi[j], psi[others] = value, rest
            return -dense(data, psi[:4], psi[4])

        return -float(optimize.minimize(loss, start[others], method="BFGS", options={"gtol": 1e-6}).fun)

    return profile


@pytest.mark.parametrize("j", [1, 4])
def test_profile_limits_are_roots_of_the_dense_profile(j: int) -> None:
    data = people(n=40, sd=2.5)
    fit = fitted(data, nodes=101)  # the default is stable at the optimum, and off by 2e-5 at an upper limit of 4
    psi = np.r_[fit.params, np.sqrt(fit.covariances["subject"].iloc[0, 0])]
    found = fit.profile(np.eye(4)[j]) if j < 4 else fit.profile_sd()
    profile = held(data, j, psi)
    for limit in found:
        assert 2 * (fit.loglik - profile(limit)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=2e-5)
    assert found[0] < psi[j] < found[1]
    if j < 4:
        assert tuple(fit.conf_int(method="profile").iloc[j]) == pytest.approx(found, rel=1e-9)


def test_a_limit_of_the_standard_deviation_that_is_not_reached_is_0() -> None:
    data = people(7, n=20, visits=3, sd=0.8)
    fit = fitted(data)
    assert fit.flags == ()
    low, _ = fit.profile_sd()
    loss = 2 * (fit.loglik - fitted(data, subject=None).loglik)
    assert loss < stats.chi2.ppf(0.95, 1)
    assert low == 0
    assert fit.profile_sd(float(stats.chi2.cdf(loss, 1)) - 0.01)[0] > 0


def risks_by_hand(data: pd.DataFrame, beta: np.ndarray, sd: float, t: float) -> np.ndarray:
    base = data.groupby("id")["base"].first().to_numpy()
    found = []
    for arm in (0.0, 1.0):
        each = [float(special.expit(beta @ [1, arm, t, one] + sd * V) @ W) for one in base]
        found.append(sum(each) / len(each))
    return np.array(found)


MEASURES = {
    "difference": (lambda p: p[1] - p[0], 0.0),
    "ratio": (lambda p: np.log(p[1] / p[0]), 1.0),
    "odds_ratio": (lambda p: special.logit(p[1]) - special.logit(p[0]), 1.0),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_risks_and_their_comparisons_by_dense_integration_of_each_person(measure: str) -> None:
    data = people(1)
    fit = fitted(data)
    psi = np.r_[fit.params, np.sqrt(fit.covariances["subject"].iloc[0, 0])]
    risks = fit.population(["arm"], {"t": 3.0})
    np.testing.assert_allclose([risk.estimate for risk in risks.risks], risks_by_hand(data, psi[:4], psi[4], 3.0), rtol=1e-9)
    # the covariance of (beta, sd) by differences of the dense likelihood
    h = 1e-3
    steps = h * np.eye(5)
    curvature = np.empty((5, 5))
    for a in range(5):
        for b in range(5):
            corners = [(s * u, dense(data, *(lambda q: (q[:4], q[4]))(psi + s * steps[a] + u * steps[b]))) for s in (1, -1) for u in (1, -1)]
            curvature[a, b] = -sum(sign * value for sign, value in corners) / (4 * h * h)
    transform, _ = MEASURES[measure]
    slopes = [
        (transform(risks_by_hand(data, *(lambda q: (q[:4], q[4]))(psi + e), 3.0)) - transform(risks_by_hand(data, *(lambda q: (q[:4], q[4]))(psi - e), 3.0)))
        / (2 * h)
        for e in steps
    ]
    se = float(np.sqrt(np.array(slopes) @ np.linalg.solve(curvature, slopes)))
    (found,) = risks.compare("arm", "a", measure)
    estimate = float(transform(risks_by_hand(data, psi[:4], psi[4], 3.0)))
    assert found.se == pytest.approx(se, rel=1e-4)
    # two arms' intercept and arm are constant within people: 60 - 3, with base
    assert found.df == 57
    half = found.se * stats.t.ppf(0.975, 57)
    back = (lambda value: value) if measure == "difference" else np.exp
    np.testing.assert_allclose([found.estimate, found.lower, found.upper], back(np.array([estimate, estimate - half, estimate + half])), rtol=1e-8)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(estimate / found.se), 57), rel=1e-8)
    assert found.label == "b against a"


def test_degrees_of_freedom_by_counting() -> None:
    """60 people, 300 rows: intercept, arm and base are constant within people, t is not; the intercept takes the within df."""
    fit = fitted(people(1))
    assert list(fit.df) == [239, 57, 239, 57]
    assert np.isinf(fit.with_inference("asymptotic").df).all()
    assert np.isinf(fitted(people(1), subject=None).df).all()


def test_modes_and_their_spread_by_a_search() -> None:
    data = people(2, n=20)
    fit = fitted(data)
    sd, found = float(np.sqrt(fit.covariances["subject"].iloc[0, 0])), fit.random_effects()["subject"].set_index("subject")
    x = np.column_stack([np.ones(len(data)), data["arm"] == "b", data["t"], data["base"]]).astype(float)
    eta = x @ fit.params.to_numpy()
    for person in range(20):
        rows = (data["id"] == person).to_numpy()

        def loss(b: float, rows: np.ndarray = rows) -> float:
            moved = eta[rows] + b
            return float((np.logaddexp(0, moved) - data["y"].to_numpy()[rows] * moved).sum() + b**2 / (2 * sd**2))

        best = optimize.minimize_scalar(loss, bounds=(-9, 9), method="bounded", options={"xatol": 1e-10}).x
        p = special.expit(eta[rows] + best)
        assert found.loc[person, "estimate"] == pytest.approx(best, abs=1e-6)
        assert found.loc[person, "conditional_sd"] == pytest.approx((1 / sd**2 + (p * (1 - p)).sum()) ** -0.5, rel=1e-6)


def underdispersed() -> pd.DataFrame:
    rows = [(i, "ab"[i % 2], float(k), (i // 2) / 10, int((k + i // 2) % 2)) for i in range(20) for k in range(4)]
    return pd.DataFrame(rows, columns=["id", "arm", "t", "base", "y"])


@pytest.mark.parametrize("nodes", [1, 25])
def test_less_than_binomial_variation_has_a_variance_of_0(nodes: int) -> None:
    """Everybody has two events in four: along the variance the dense likelihood falls at the slope shown."""
    data = underdispersed()
    fit = fitted(data, nodes=nodes)
    assert fit.flags == ("boundary",)
    assert fit.covariances["subject"].iloc[0, 0] == 0
    beta, h = fit.params.to_numpy(), 1e-3
    slope = -(dense(data, beta, h) - dense(data, beta, 0.0)) / h**2  # by the variance
    assert fit.proof.boundary_slope == pytest.approx(slope, rel=1e-3)
    assert fit.proof.boundary_slope > 0.1
    assert fit.nodes == nodes
    assert ("Laplace" in fit.summary()) == (nodes == 1)
    assert likelihood_ratio(fit, fitted(data, subject=None)).p == 1
    with pytest.raises(InvalidContrast, match="not on the boundary"):
        fit.profile_sd()


def test_a_slope_on_the_boundary_has_rank_1() -> None:
    data = people(6)
    fit = fitted(data, random=("1", "t"))
    both = fit.covariances["subject"].to_numpy()
    assert "boundary" in fit.flags
    assert np.linalg.det(both) == pytest.approx(0, abs=1e-12)
    assert fit.proof.boundary_slope is not None
    assert fit.proof.boundary_slope >= -1e-7
    assert fit.loglik >= fitted(data).loglik - 1e-9


def test_a_term_is_tested_where_only_one_of_two_fits_is_on_the_boundary() -> None:
    """Fits on the boundary have no nodes to differ in; 2 (logL - logL) is the statistic, R's anova of such fits."""
    data = next(d for d in (without_variance(seed) for seed in range(60)) if one_on_the_boundary(d))
    larger, smaller = glmm(data, "y ~ t + base", subject="id"), glmm(data, "y ~ t", subject="id")
    found = likelihood_ratio(larger, smaller)
    flat = glmm(data, "y ~ t + base")
    assert larger.loglik == pytest.approx(flat.loglik, rel=1e-12)
    assert found.statistic == pytest.approx(2 * (flat.loglik - smaller.loglik), rel=1e-9)
    assert found.df == (1,)


def without_variance(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=40).repeat(4)
    return pd.DataFrame({"id": np.arange(160) // 4, "t": np.tile(np.arange(4.0), 40), "base": base, "y": rng.binomial(1, special.expit(1.2 * base))})


def one_on_the_boundary(data: pd.DataFrame) -> bool:
    flags = [glmm(data, formula, subject="id", nodes=7).flags for formula in ("y ~ t + base", "y ~ t")]
    return flags == [("boundary",), ()]


def test_ratios_that_cannot_be() -> None:
    data = people(5, n=40)
    fit, slope = fitted(data), fitted(data, random=("1", "t"), nodes=1)
    for larger, smaller, why in (
        (slope, fit, "numbers of nodes"),
        (fit, fitted(data[:-5]), "same rows"),
        (fit, fitted(data, link="cloglog"), "same link"),
        (fitted(data, fixed=[("arm",), ("t",)]), fitted(data, fixed=[("arm",), ("base",)]), "random effect more"),
        (fit, fitted(data, subject=None, fixed=[("arm",)]), "one at a time"),
    ):
        with pytest.raises(NotComparable, match=why):
            likelihood_ratio(larger, smaller)
    none = fitted(data, subject=None)
    ratio = likelihood_ratio(fit, none)
    assert ratio.df == (0, 1)
    assert ratio.p == pytest.approx(stats.chi2.sf(2 * (fit.loglik - none.loglik), 1) / 2, rel=1e-12)


@pytest.mark.parametrize(("offset", "scale"), [(1e6, 1.0), (0.0, 1e-6), (0.0, 1e6)])
def test_units_do_not_matter(offset: float, scale: float) -> None:
    data = people(6)
    fit, moved = fitted(data), fitted(data.assign(base=scale * data["base"] + offset))
    assert moved.loglik == pytest.approx(fit.loglik, rel=1e-8)
    np.testing.assert_allclose(moved.params.iloc[1:] * [1, 1, scale], fit.params.iloc[1:], rtol=1e-5)
    slope, other = (fitted(rows, random=("1", "t"), nodes=1) for rows in (data, data.assign(t=data["t"] * scale)))
    assert other.loglik == pytest.approx(slope.loglik, rel=1e-9)
    units = np.array([1, scale])
    np.testing.assert_allclose(other.covariances["subject"] * np.outer(units, units), slope.covariances["subject"], rtol=1e-4, atol=1e-8)


def test_laplace_with_a_correlated_slope_takes_few_steps() -> None:
    """With a Hessian of another number of nodes it took more than a hundred and was refused."""
    fit = fitted(people(7, n=80, sd=1.5).assign(t=lambda d: d["t"] / 2), random=("1", "t"), nodes=1)
    assert fit.proof.iterations < 25


def test_large_random_effects_are_fitted() -> None:
    """Louis' Hessian is that of another function where quadrature is rough; three starts took a hundred steps each and more."""
    rng = np.random.default_rng(41)
    refused = 0
    for _ in range(12):
        ids = np.repeat(np.arange(20), 5)
        data = pd.DataFrame({"id": ids, "t": np.tile(np.arange(5.0), 20), "y": rng.binomial(1, special.expit(6 * rng.normal(size=20)[ids] - 0.5))})
        try:
            fit = glmm(data, "y ~ t", subject="id")
        except NotConverged:
            refused += 1
        else:
            assert np.isfinite(fit.bse).all()
    assert refused <= 1


@pytest.mark.parametrize(
    ("changed", "options", "error", "why"),
    [
        ({}, {"link": "probit"}, InvalidTerms, "link"),
        ({}, {"nodes": 0}, InvalidTerms, "nodes"),
        ({}, {"nodes": 201}, InvalidTerms, "nodes"),
        ({}, {"df": "satterthwaite"}, InvalidTerms, "df"),
        ({}, {"separation": "firth"}, InvalidTerms, "separation"),
        ({}, {"random": "t"}, InvalidTerms, "random effects"),
        ({}, {"random": ("1", "t", "base")}, InvalidTerms, "random effects"),
        ({}, {"subject": None, "random": ("1", "t")}, InvalidTerms, "random effects"),
        ({"m": 0}, {"trials": "m"}, InvalidValues, "whole numbers of at least 1"),
        ({"m": 1.5}, {"trials": "m"}, InvalidValues, "whole numbers of at least 1"),
        ({"y": 2}, {}, InvalidValues, "declare `trials`"),
        ({"y": 2, "m": 1}, {"trials": "m"}, InvalidValues, "the trials in 'm'"),
        ({"y": 0.5}, {}, InvalidValues, "no whole number"),
        ({"y": -1}, {}, InvalidValues, "no whole number"),
        ({"y": 1}, {}, DegenerateResponse, "only events or none"),
        ({"y": 0}, {}, DegenerateResponse, "only events or none"),
        ({"t": 1.0}, {"random": ("1", "t"), "fixed": [("arm",)]}, OneVisitPerParticipant, "two values of 't'"),
    ],
)
def test_refusals(changed: dict[str, Any], options: dict[str, Any], error: type[MixedModelError], why: str) -> None:
    with pytest.raises(error, match=why):
        fitted(people().assign(**changed), **options)


def test_refusals_of_clusters() -> None:
    data = people()
    first = data[data["t"] == 0]
    with pytest.raises(OneVisitPerParticipant, match="one trial"):
        fitted(first, fixed=[("arm",)])
    with pytest.raises(DegenerateResponse, match="always the same"):
        fitted(data.assign(y=data["id"] // 2 % 2), fixed=[("arm",)])
    with pytest.raises(TooFewParticipants, match="cannot tell"):
        fitted(data[data["id"] < 3])


def test_a_standard_deviation_that_runs_away_is_refused() -> None:
    """All but one of the people never change; what they had in common was seen at the root of a cliff."""
    ids = np.repeat(np.arange(40), 12)
    y = (ids % 2).copy()
    y[5] = 1 - y[5]
    data = pd.DataFrame({"id": ids, "y": y, "one": 1.0 * (np.arange(480) % 12)})
    with pytest.raises(NotConverged, match=r"runs beyond 50|No optimum"):
        glmm(data, "y ~ one", subject="id")


def test_refusals_of_risks() -> None:
    fit = fitted(people())
    for by, at, why in (
        (["arm"], {}, "t differs within"),
        (["sex"], {"t": 1.0}, "no factor"),
        (["arm"], {"t": 1.0, "dose": 2.0}, "no numeric"),
    ):
        with pytest.raises(InvalidContrast, match=why):
            fit.population(by, at)
    risks = fit.population(["arm"], {"t": 1.0})
    with pytest.raises(InvalidContrast, match="measure"):
        risks.compare("arm", "a", "hazard")
    with pytest.raises(InvalidContrast, match="arm=c"):
        risks.compare("arm", "c")
    with pytest.raises(InvalidContrast, match="method"):
        fit.conf_int(method="score")
