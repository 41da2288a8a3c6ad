"""The quadrature against dense integration, its gradient against differences, its optimum against a search of the dense likelihood."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from ketaoutcomes import glmm
from ketaoutcomes.mixed.binary.clusters import Clusters, collapse
from ketaoutcomes.mixed.binary.links import LINKS
from ketaoutcomes.mixed.binary.quadrature import Likelihood

INTERCEPT, SLOPE, UNCORRELATED, RANK_ONE = ((0, 0),), ((0, 0), (1, 0), (1, 1)), ((0, 0), (1, 1)), ((0, 0), (1, 0))


def tiny(seed: int, *, slope: bool, trials: int = 1) -> Clusters:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, 12)
    n, first = int(lengths.sum()), np.r_[0, np.cumsum(lengths)[:-1]]
    t = rng.normal(size=n)
    x = np.column_stack([np.ones(n), rng.integers(0, 2, 12).repeat(lengths), t])
    z = np.column_stack([np.ones(n), t]) if slope else np.ones((n, 1))
    m = rng.integers(1, trials + 1, n).astype(float)
    return collapse(x, z, rng.binomial(m.astype(int), 0.4).astype(float), m, rng.normal(0, 0.3, n), first)


def probability(link: str, eta: np.ndarray) -> np.ndarray:
    return special.expit(eta) if link == "logit" else -np.expm1(-np.exp(np.minimum(eta, 700)))


def dense(data: Clusters, link: str, beta: np.ndarray, factor: np.ndarray) -> float:
    """The log-likelihood by the trapezoidal rule over +-9 standard deviations, one cluster after another."""
    d = factor.shape[0]
    axis = np.linspace(-9, 9, 721 if d == 1 else 301)
    grid = np.array(list(product(axis, repeat=d)))
    weight = stats.norm.pdf(grid).prod(axis=1) * (axis[1] - axis[0]) ** d
    total = 0.0
    for cluster, times in enumerate(data.times):
        rows = data.of == cluster
        eta = (data.offset + data.x @ beta)[rows] + grid @ factor.T @ data.z[rows].T
        p = np.clip(probability(link, eta), 1e-300, 1 - 1e-16)
        y, m = data.y[rows], data.m[rows]
        with np.errstate(divide="ignore"):
            log_none = -np.exp(eta) if link == "cloglog" else -np.logaddexp(0, eta)
        total += times * np.log(weight @ np.exp((y * np.log(p) + (m - y) * log_none).sum(axis=1)))
    return float(total)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(("places", "theta"), [(INTERCEPT, [1.3]), (SLOPE, [0.9, 0.4, 0.7]), (UNCORRELATED, [0.8, 0.5]), (RANK_ONE, [0.7, -0.6])])
@pytest.mark.parametrize("trials", [1, 4])
def test_the_integral_is_the_dense_one(link: str, places: tuple[tuple[int, int], ...], theta: list[float], trials: int) -> None:
    data = tiny(3, slope=places != INTERCEPT, trials=trials)
    beta = np.array([-0.4, 0.6, 0.3])
    found = Likelihood(data, LINKS[link], places, 61, np.zeros(3))
    value = float(data.times @ found.loglik(np.r_[beta, theta]))
    assert value == pytest.approx(dense(data, link, beta, found.factor(np.array(theta))), abs=1e-8)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("places", [INTERCEPT, SLOPE, UNCORRELATED, RANK_ONE])
@pytest.mark.parametrize("nodes", [1, 2, 5, 8])
def test_the_gradient_is_that_of_the_quadrature_itself(link: str, places: tuple[tuple[int, int], ...], nodes: int) -> None:
    """Also with few nodes, where the sum is far from the integral: the nodes' moving is differentiated too."""
    data = tiny(5, slope=places != INTERCEPT, trials=3)
    found = Likelihood(data, LINKS[link], places, nodes, np.zeros(3))
    psi = np.r_[0.2, -0.7, 0.5, [0.9, 0.4, 0.6][: len(places)]]
    steps = 1e-5 * np.eye(len(psi))
    differences = [-float(data.times @ (found.loglik(psi + step) - found.loglik(psi - step))) / 2e-5 for step in steps]
    np.testing.assert_allclose(found.gradient(psi), differences, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("places", [INTERCEPT, SLOPE])
def test_louis_hessian_is_the_hessian_where_nodes_are_many(link: str, places: tuple[tuple[int, int], ...]) -> None:
    data = tiny(6, slope=places != INTERCEPT, trials=3)
    found = Likelihood(data, LINKS[link], places, 41, np.zeros(3))
    psi = np.r_[0.2, -0.7, 0.5, [0.9, 0.4, 0.6][: len(places)]]
    at = found.evaluate(psi)
    assert at is not None
    differences = np.array([(found.gradient(psi + step) - found.gradient(psi - step)) / 2e-5 for step in 1e-5 * np.eye(len(psi))])
    np.testing.assert_allclose(at.hessian, differences, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("link", LINKS)
def test_derivatives_of_the_links(link: str) -> None:
    """Against differences of the next lower derivative, on both sides of where series begin."""
    eta = np.linspace(-12, 3, 301)
    for y, m in ((0.0, 1.0), (1.0, 1.0), (2.0, 5.0)):
        y_, m_ = np.full_like(eta, y), np.full_like(eta, m)

        def at(moved: np.ndarray, y_: np.ndarray = y_, m_: np.ndarray = m_) -> list[np.ndarray]:
            found = LINKS[link].derivatives(moved, y_, m_)
            return [found.value, found.first, found.second, found.third]

        p = probability(link, eta)
        log_none = -np.exp(eta) if link == "cloglog" else -np.logaddexp(0, eta)
        np.testing.assert_allclose(at(eta)[0], y * np.log(p) + (m - y) * log_none, rtol=1e-12)
        h = 1e-4
        for lower, higher in ((0, 1), (1, 2), (2, 3)):
            slope = (8 * (at(eta + h)[lower] - at(eta - h)[lower]) - (at(eta + 2 * h)[lower] - at(eta - 2 * h)[lower])) / (12 * h)
            np.testing.assert_allclose(at(eta)[higher], slope, rtol=1e-8, atol=1e-10)
    moved = [probability(link, eta + step) for step in (-2e-4, -1e-4, 1e-4, 2e-4)]
    np.testing.assert_allclose(LINKS[link].slope(eta), (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / 12e-4, rtol=1e-7, atol=1e-12)


def frame(seed: int, n: int = 14) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 7, n)
    ids = np.repeat(np.arange(n), lengths)
    t = np.concatenate([np.arange(length) for length in lengths]).astype(float)
    arm = (np.arange(n) % 2)[ids]
    eta = -0.2 + 0.5 * arm - 0.2 * t + rng.normal(0, 1.5, n)[ids]
    return pd.DataFrame({"id": ids, "arm": arm, "t": t, "y": rng.binomial(1, special.expit(eta))})


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_the_optimum_is_that_of_the_dense_likelihood(link: str, seed: int) -> None:
    data = frame(seed)
    fit = glmm(data, "y ~ arm + t", subject="id", link=link, nodes=61)
    x = np.column_stack([np.ones(len(data)), data["arm"], data["t"]])
    first = np.flatnonzero(np.r_[True, np.diff(data["id"]) > 0])
    clusters = collapse(x, np.ones((len(x), 1)), data["y"].to_numpy(float), np.ones(len(x)), np.zeros(len(x)), first)

    def criterion(psi: np.ndarray) -> float:
        return -dense(clusters, link, psi[:3], np.array([[psi[3]]]))

    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 4000}
    best = optimize.minimize(criterion, [0, 0, 0, 1.0], method="Nelder-Mead", options=options)
    best = optimize.minimize(criterion, best.x, method="Nelder-Mead", options=options)
    assert fit.loglik == pytest.approx(-best.fun, abs=1e-8)
    np.testing.assert_allclose(fit.params, best.x[:3], atol=1e-5)
    assert float(np.sqrt(fit.covariances["subject"].iloc[0, 0])) == pytest.approx(abs(best.x[3]), abs=1e-5)


def test_collapsed_participants_count_as_often_as_they_occur() -> None:
    data = frame(1)
    twice = pd.concat([data, data.assign(id=data["id"] + 1000)], ignore_index=True)
    once, both = glmm(data, "y ~ arm + t", subject="id"), glmm(twice, "y ~ arm + t", subject="id")
    assert len(both._solved.likelihood.data.times) == len(once._solved.likelihood.data.times)
    assert both.loglik == pytest.approx(2 * once.loglik, rel=1e-12)
    np.testing.assert_allclose(both.params, once.params, rtol=1e-9)
    np.testing.assert_allclose(both.bse, once.bse / np.sqrt(2), rtol=1e-8)


def test_trials_are_as_good_as_rows() -> None:
    data = frame(2).assign(t=lambda rows: rows["t"] // 3)
    counted = data.groupby(["id", "arm", "t"], as_index=False).agg(y=("y", "sum"), m=("y", "size"))
    rows, binomial = glmm(data, "y ~ arm + t", subject="id"), glmm(counted, "y ~ arm + t", subject="id", trials="m")
    np.testing.assert_allclose(binomial.params, rows.params, rtol=1e-9)
    np.testing.assert_allclose(binomial.bse, rows.bse, rtol=1e-8)
    assert binomial.loglik - rows.loglik == pytest.approx(float(np.log(special.comb(counted["m"], counted["y"])).sum()), rel=1e-9)


def test_the_order_of_rows_does_not_matter_to_the_last_bit() -> None:
    data = frame(4)
    fit, shuffled = glmm(data, "y ~ arm + t", subject="id"), glmm(data.sample(frac=1, random_state=3), "y ~ arm + t", subject="id")
    assert list(fit.params) == list(shuffled.params)
    assert fit.loglik == shuffled.loglik


def test_events_and_their_absence_mirror_each_other() -> None:
    data = frame(2)
    fit, mirrored = glmm(data, "y ~ arm + t", subject="id"), glmm(data.assign(y=1 - data["y"]), "y ~ arm + t", subject="id")
    np.testing.assert_allclose(mirrored.params, -fit.params, rtol=1e-7)
    assert mirrored.loglik == pytest.approx(fit.loglik, rel=1e-12)
