"""The criterion against a dense multivariate normal density, its derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from ketaoutcomes.mixed import Fit, lmm, mmrm
from ketaoutcomes.mixed.covariance import Independent, RandomIntercept, Structure, Unstructured
from ketaoutcomes.mixed.likelihood import Likelihood
from ketaoutcomes.mixed.moments import Moments, by_row_count, by_visit_pattern

FIXED = [("base",), ("arm",), ("visit",), ("arm", "visit")]
LEVELS = {"arm": ["a", "b"], "visit": ["v0", "v1", "v2", "v3"]}


def dense_design(data: pd.DataFrame) -> NDArray[np.float64]:
    """The model of FIXED, built by hand."""
    arm = (data["arm"] == "b").to_numpy(float)
    visits = [(data["visit"] == v).to_numpy(float) for v in ("v1", "v2", "v3")]
    return np.column_stack([np.ones(len(data)), data["base"], arm, *visits, *(arm * v for v in visits)])


def dense_loglik(data: pd.DataFrame, v: NDArray[np.float64], fit: Fit, *, reml: bool) -> float:
    """log N(y; X b, V), minus log|X'V^-1 X| / 2 and with N - q for N under REML (Harville 1977)."""
    x, y = dense_design(data), data["y"].to_numpy()
    loglik = float(multivariate_normal(x @ fit.params, v).logpdf(y))
    if not reml:
        return loglik
    log_det = np.linalg.slogdet(x.T @ np.linalg.solve(v, x))[1]
    return loglik - log_det / 2 + x.shape[1] * np.log(2 * np.pi) / 2


@pytest.mark.parametrize("reml", [True, False])
def test_mmrm_against_the_dense_density(simulate: Callable[..., pd.DataFrame], reml: bool) -> None:
    data = simulate(1)
    fit = mmrm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", visit="visit", reml=reml)
    t, same = data["t"].to_numpy(), data["id"].to_numpy()[:, None] == data["id"].to_numpy()
    v = fit.covariance[np.ix_(t, t)] * same
    assert fit.loglik == pytest.approx(dense_loglik(data, v, fit, reml=reml), rel=1e-12)
    x, y = dense_design(data), data["y"].to_numpy()
    information = x.T @ np.linalg.solve(v, x)
    order = [fit.terms.index(name) for name in r_order()]
    np.testing.assert_allclose(fit.cov_params[np.ix_(order, order)], np.linalg.inv(information), rtol=1e-7)
    np.testing.assert_allclose(fit.params[order], np.linalg.solve(information, x.T @ np.linalg.solve(v, y)), rtol=1e-8)


def r_order() -> list[str]:
    visits = [f"visit[v{k}]" for k in (1, 2, 3)]
    return ["(Intercept)", "base", "arm[b]", *visits, *(f"arm[b]:{v}" for v in visits)]


@pytest.mark.parametrize("reml", [True, False])
def test_random_intercept_against_the_dense_density(simulate: Callable[..., pd.DataFrame], reml: bool) -> None:
    data = simulate(2)
    fit = lmm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", reml=reml)
    same = data["id"].to_numpy()[:, None] == data["id"].to_numpy()
    v = fit.covariance[0] * same + fit.covariance[1] * np.eye(len(data))
    assert fit.loglik == pytest.approx(dense_loglik(data, v, fit, reml=reml), rel=1e-12)


def grid(seed: int) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    subject, visit = np.nonzero(rng.random((30, 3)) > 0.25)
    subject = np.unique(subject, return_inverse=True)[1]
    return rng.normal(size=(len(subject), 3)), subject, visit


def visit_moments() -> Moments:
    z, subject, visit = grid(5)
    return by_visit_pattern(z, subject, visit, 3)


def strata() -> tuple[Moments, NDArray[np.intp]]:
    z, subject, _ = grid(6)
    return by_row_count(z, subject)


def structures() -> list[tuple[Moments, Structure, NDArray[np.float64]]]:
    moments, rows = strata()
    return [
        (visit_moments(), Unstructured(np.array([1.0, 2.0, 0.5])), np.array([0.1, 0.3, -0.2, -0.4, 0.5, 0.2])),
        (moments, RandomIntercept(rows), np.array([0.7, -0.2])),
        (moments, RandomIntercept(rows), np.array([0.0, 0.1])),
        (moments, Independent(len(rows)), np.array([0.3])),
    ]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("k", range(4))
def test_derivatives_against_finite_differences(k: int, reml: bool) -> None:
    moments, structure, theta = structures()[k]
    likelihood = Likelihood(moments, structure, reml)
    at = likelihood.evaluate(theta)
    assert at is not None
    step = 1e-5 * np.eye(len(theta))
    gradient = [(likelihood.value(theta + h) - likelihood.value(theta - h)) / 2e-5 for h in step]
    hessian = []
    for h in step:
        above, below = likelihood.evaluate(theta + h), likelihood.evaluate(theta - h)
        assert above is not None and below is not None
        hessian.append((above.gradient - below.gradient) / 2e-5)
    # Central differences of a criterion of size 100 are good to about 1e-8.
    np.testing.assert_allclose(at.gradient, gradient, atol=1e-6)
    np.testing.assert_allclose(at.hessian, hessian, atol=1e-6)


@pytest.mark.parametrize("k", range(4))
def test_structure_derivatives_against_finite_differences(k: int) -> None:
    _, structure, theta = structures()[k]
    step = 1e-6 * np.eye(len(theta))
    first = [(structure.value(theta + h) - structure.value(theta - h)) / 2e-6 for h in step]
    second = [(structure.first(theta + h) - structure.first(theta - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(structure.first(theta), first, atol=1e-8)
    np.testing.assert_allclose(structure.second(theta), second, atol=1e-8)


def test_moments_hold_all_products() -> None:
    z, subject, visit = grid(7)
    moments = by_visit_pattern(z, subject, visit, 3)
    expected = np.zeros((3, 3, 3, 3))
    for person in range(subject.max() + 1):
        rows = np.flatnonzero(subject == person)
        for a in rows:
            for b in rows:
                expected[visit[a], visit[b]] += np.outer(z[a], z[b])
    found = np.zeros_like(expected)
    for p in moments.patterns:
        m = len(p.visits)
        found[np.ix_(p.visits, p.visits)] += p.cross.reshape(m, m, 3, 3)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert sum(p.n for p in moments.patterns) == moments.n_subjects == subject.max() + 1
