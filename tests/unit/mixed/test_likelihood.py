"""The criterion against a dense multivariate normal density, its derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from ketaoutcomes.mixed import Fit, Moments, lmm, mmrm, moments
from ketaoutcomes.mixed.correlation import structured
from ketaoutcomes.mixed.covariance import ByGroup, Independent, Unstructured
from ketaoutcomes.mixed.criterion import Criterion
from ketaoutcomes.mixed.design import build_design
from ketaoutcomes.mixed.likelihood import Likelihood
from ketaoutcomes.mixed.random_effects import RandomEffects
from ketaoutcomes.mixed.rotation import rotate
from ketaoutcomes.mixed.scaling import standardise

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
    fit = mmrm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", visit="visit", reml=reml, df="satterthwaite")
    t, same = data["t"].to_numpy(), data["id"].to_numpy()[:, None] == data["id"].to_numpy()
    v = fit.covariances["residual"].to_numpy()[np.ix_(t, t)] * same
    assert fit.loglik == pytest.approx(dense_loglik(data, v, fit, reml=reml), rel=1e-12)
    x, y = dense_design(data), data["y"].to_numpy()
    information = x.T @ np.linalg.solve(v, x)
    order = [fit.terms.index(name) for name in r_order()]
    np.testing.assert_allclose(fit.cov_params().to_numpy()[np.ix_(order, order)], np.linalg.inv(information), rtol=1e-7)
    np.testing.assert_allclose(fit.params.to_numpy()[order], np.linalg.solve(information, x.T @ np.linalg.solve(v, y)), rtol=1e-8)


def r_order() -> list[str]:
    visits = [f"visit[v{k}]" for k in (1, 2, 3)]
    return ["(Intercept)", "base", "arm[b]", *visits, *(f"arm[b]:{v}" for v in visits)]


@pytest.mark.parametrize("reml", [True, False])
def test_random_intercept_against_the_dense_density(simulate: Callable[..., pd.DataFrame], reml: bool) -> None:
    data = simulate(2)
    fit = lmm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", reml=reml)
    same = data["id"].to_numpy()[:, None] == data["id"].to_numpy()
    subject, residual = (float(fit.covariances[name].iloc[0, 0]) for name in ("subject", "residual"))
    v = subject * same + residual * np.eye(len(data))
    assert fit.loglik == pytest.approx(dense_loglik(data, v, fit, reml=reml), rel=1e-12)


STRUCTURES = {
    "us": (Unstructured(np.array([1.0, 2.0, 0.5, 1.3])), np.array([0.1, 0.3, -0.2, -0.4, 0.5, 0.2, 0.1, -0.3, 0.2, 0.3])),
    "independent": (Independent(4), np.array([0.3])),
    "cs": (structured("cs", 4, None), np.array([0.1, -0.3])),
    "csh": (structured("csh", 4, None), np.array([0.1, 0.2, -0.3, 0.4, 0.8])),
    "ar1": (structured("ar1", 4, None), np.array([0.1, -0.7])),
    "ar1 at 0": (structured("ar1", 4, None), np.array([0.1, 0.0])),
    "ar1h": (structured("ar1h", 4, None), np.array([0.1, 0.2, -0.3, 0.4, 0.8])),
    "toep": (structured("toep", 4, None), np.array([0.1, 0.6, 0.3, -0.2])),
    "toeph": (structured("toeph", 4, None), np.array([0.1, 0.2, -0.3, 0.4, 0.6, 0.3, -0.2])),
    "ad": (structured("ad", 4, None), np.array([0.1, 0.6, -0.3, 0.2])),
    "ad at 0": (structured("ad", 4, None), np.array([0.1, 0.6, 0.0, 0.2])),
    "adh": (structured("adh", 4, None), np.array([0.1, 0.2, -0.3, 0.4, 0.6, -0.3, 0.2])),
    "sp_exp": (structured("sp_exp", 4, np.array([0.0, 1.0, 7.0, 30.0])), np.array([0.1, 0.7])),
    "by group": (ByGroup((structured("ar1h", 2, None), Unstructured(np.ones(2))), (3, 3), 2), np.array([0.1, 0.2, 0.5, 0.1, -0.4, 0.3])),
}


def visit_moments(grouped: bool) -> Moments:
    """Thirty people at up to four visits, or at two visits in two groups."""
    rng = np.random.default_rng(5)
    t = 2 if grouped else 4
    person, visit = np.nonzero(rng.random((30, t)) > 0.25)
    data = pd.DataFrame({"id": person, "visit": visit, "arm": person % 2, "x": rng.normal(size=len(person)), "y": rng.normal(size=len(person))})
    return moments(data, response="y", fixed=[("x",), ("arm",)], subject="id", visit="visit", group="arm" if grouped else None)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", STRUCTURES)
def test_derivatives_against_finite_differences(name: str, reml: bool) -> None:
    structure, theta = STRUCTURES[name]
    likelihood = Likelihood(visit_moments(name == "by group"), structure, reml)
    assert_derivatives(likelihood, theta)


def assert_derivatives(criterion: Criterion, theta: NDArray[np.float64]) -> None:
    """Central differences of a criterion of size 100 are good to about 1e-8."""
    at = criterion.evaluate(theta)
    assert at is not None
    step = 1e-5 * np.eye(len(theta))
    gradient = [(criterion.value(theta + h) - criterion.value(theta - h)) / 2e-5 for h in step]
    hessian = []
    for h in step:
        above, below = criterion.evaluate(theta + h), criterion.evaluate(theta - h)
        assert above is not None and below is not None
        hessian.append((above.gradient - below.gradient) / 2e-5)
    np.testing.assert_allclose(at.gradient, gradient, atol=1e-6)
    np.testing.assert_allclose(at.hessian, hessian, atol=1e-6)


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_derivatives_against_finite_differences(name: str) -> None:
    structure, theta = STRUCTURES[name]
    step = 1e-6 * np.eye(len(theta))
    first = [(structure.value(theta + h) - structure.value(theta - h)) / 2e-6 for h in step]
    np.testing.assert_allclose(structure.first(theta), first, atol=1e-8)
    weight = np.random.default_rng(3).normal(size=structure.value(theta).shape)
    weight = weight + weight.T
    second = [((structure.first(theta + h) - structure.first(theta - h)) * weight).sum(axis=(1, 2)) / 2e-6 for h in step]
    np.testing.assert_allclose(structure.second_along(theta, weight), second, atol=1e-7)


def test_moments_hold_all_products() -> None:
    sums = visit_moments(grouped=False)
    rng = np.random.default_rng(5)
    person, visit = np.nonzero(rng.random((30, 4)) > 0.25)
    x, y = rng.normal(size=len(person)), rng.normal(size=len(person))
    rows = np.column_stack([np.ones(len(person)), x, person % 2, y])
    expected = np.zeros((4, 4, 4, 4))
    for who in np.unique(person):
        for a in np.flatnonzero(person == who):
            for b in np.flatnonzero(person == who):
                expected[visit[a], visit[b]] += np.outer(rows[a], rows[b])
    # back from working coordinates: (x, y) = z B with x = Q R and y = Q c + s y*
    back = np.zeros((4, 4))
    back[:3, :3], back[:3, 3], back[3, 3] = sums.scaling.r, sums.scaling.centre, sums.scaling.scale
    found = np.zeros_like(expected)
    for p in sums.patterns:
        m = len(p.visits)
        found[np.ix_(p.visits, p.visits)] += back.T @ p.cross.reshape(m, m, 4, 4) @ back
    np.testing.assert_allclose(found, expected, atol=1e-11)
    assert sum(p.n for p in sums.patterns) == sums.n_subjects == len(np.unique(person))


def visits_of_clinics(weighted: bool) -> pd.DataFrame:
    """Forty people of five sites at irregular times, one to six rows each."""
    rng = np.random.default_rng(1)
    rows = [(k, k % 5, t) for k in range(40) for t in np.sort(rng.uniform(0, 10, rng.integers(1, 7)))]
    data = pd.DataFrame(rows, columns=["id", "site", "time"])
    data["arm"] = data["id"] % 2
    data["w"] = rng.uniform(0.5, 2, len(data)) if weighted else 1.0
    effects = rng.normal(0, 1, 40)[data["id"]] + rng.normal(0, 0.3, 40)[data["id"]] * data["time"] + rng.normal(0, 0.7, 5)[data["site"]]
    return data.assign(y=1 + 0.5 * data["time"] + 0.3 * data["arm"] * data["time"] + effects + rng.normal(0, 1, len(data)))


FAMILIES = {"slope": ((0, 0), (1, 0), (1, 1)), "uncorrelated": ((0, 0), (1, 1)), "rank 1": ((0, 0), (1, 0)), "intercept": ((0, 0),), "none": ()}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sites", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_random_effects_against_the_dense_density(family: str, sites: bool, weighted: bool, reml: bool) -> None:
    data = visits_of_clinics(weighted)
    design = build_design(
        data, response="y", fixed=[("time",), ("arm",), ("time", "arm")], levels={}, subject="id", time="time",
        site="site" if sites else None, weights="w" if weighted else None,
    )  # fmt: skip
    working = standardise(design)
    assert design.time is not None and working.kept is not None
    z = np.column_stack([np.ones(len(design.y)), design.time / 6])
    places = FAMILIES[family]
    criterion = RandomEffects(rotate(working, z), places, sites, reml)
    theta = np.array([*[0.8, 0.2, 0.6][: len(places)], *([0.4] if sites else []), -0.3])

    root = np.ones(len(z)) if design.root_weight is None else design.root_weight
    factor = np.zeros((2, 2))
    for value, place in zip(theta, places, strict=False):
        factor[place] = value
    loaded = root[:, None] * z @ factor
    v = np.eye(len(z)) + loaded @ loaded.T * (design.subject[:, None] == design.subject)
    if sites:
        assert design.site is not None
        v += 0.4**2 * np.outer(root, root) * (design.site[:, None] == design.site)
    v *= np.exp(2 * theta[-1])
    x, y = working.kept[:, :-1], working.kept[:, -1]
    information = x.T @ np.linalg.solve(v, x)
    beta = np.linalg.solve(information, x.T @ np.linalg.solve(v, y))
    expected = -float(multivariate_normal(x @ beta, v).logpdf(y)) - len(y) * np.log(2 * np.pi) / 2
    if reml:
        expected += np.linalg.slogdet(information)[1] / 2
    assert criterion.value(theta) == pytest.approx(expected, rel=1e-12)
    assert_derivatives(criterion, theta)


@pytest.mark.parametrize("reml", [True, False])
def test_slope_into_the_cone_against_finite_differences(reml: bool) -> None:
    """df/dD is a symmetric matrix: along E_ij + E_ji the criterion changes by twice its element. Then df/dkappa."""
    data = visits_of_clinics(weighted=True)
    working = standardise(
        build_design(data, response="y", fixed=[("time",), ("arm",), ("time", "arm")], levels={}, subject="id", time="time", site="site", weights="w")
    )
    assert working.design.time is not None
    z = np.column_stack([np.ones(len(data)), working.design.time / 6])
    criterion = RandomEffects(rotate(working, z), FAMILIES["slope"], True, reml)
    d, kappa, log_s = np.array([[0.7, 0.1], [0.1, 0.4]]), 0.2, -0.3

    def value(d: np.ndarray, kappa: float) -> float:
        factor = np.linalg.cholesky(d)
        return criterion.value(np.array([factor[0, 0], factor[1, 0], factor[1, 1], np.sqrt(kappa), log_s]))

    factor = np.linalg.cholesky(d)
    gradient, along_site = criterion.covariance_slope(np.array([factor[0, 0], factor[1, 0], factor[1, 1], np.sqrt(kappa), log_s]))
    step = 1e-5
    for direction in (np.array([[1.0, 0], [0, 0]]), np.array([[0, 1.0], [1, 0]]), np.array([[0, 0], [0, 1.0]])):
        expected = (value(d + step * direction, kappa) - value(d - step * direction, kappa)) / (2 * step)
        assert (gradient * direction).sum() == pytest.approx(expected, rel=1e-6)
    assert along_site == pytest.approx((value(d, kappa + step) - value(d, kappa - step)) / (2 * step), rel=1e-6)


def test_adding_up_participants_with_the_same_times_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    grid = pd.DataFrame({"id": np.repeat(np.arange(200), 4), "time": np.tile([0.0, 1.0, 3.0, 7.0], 200)})[rng.random(800) > 0.2]
    data = grid.assign(y=rng.normal(size=len(grid)) + rng.normal(size=200)[grid["id"]], arm=grid["id"] % 2)
    working = standardise(build_design(data, response="y", fixed=[("time",), ("arm",)], levels={}, subject="id", time="time"))
    assert working.design.time is not None
    z = np.column_stack([np.ones(len(data)), working.design.time])
    few, all_of_them = rotate(working, z), rotate(working, z, compress=False)
    assert few.f.shape[2] < all_of_them.f.shape[2]
    theta = np.array([0.8, 0.2, 0.6, -0.3])
    one, other = (RandomEffects(data, FAMILIES["slope"], False, True).evaluate(theta) for data in (few, all_of_them))
    assert one is not None and other is not None
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-11)
    np.testing.assert_allclose(one.hessian, other.hessian, rtol=1e-11)
