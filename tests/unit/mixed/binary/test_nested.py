"""Participants within sites: the nested quadrature against dense integration, its gradient against differences, its modes against a search."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from ketaoutcomes import glmm, likelihood_ratio
from ketaoutcomes.mixed import InvalidTerms, TooFewParticipants
from ketaoutcomes.mixed.binary.clusters import Clusters
from ketaoutcomes.mixed.binary.links import LINKS
from ketaoutcomes.mixed.binary.nested import Nested

AXIS = np.linspace(-8, 8, 321)
# Seeds of data with both standard deviations above 0, and with that of sites alone at 0.
INSIDE, SAME_SITES = 11, 6
WEIGHT = stats.norm.pdf(AXIS) * (AXIS[1] - AXIS[0])


def frame(seed: int, sites: int = 5, people: int = 6, visits: int = 4, site_sd: float = 0.9) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    site, n = np.repeat(np.arange(sites), people), sites * people
    arm, own, common = rng.integers(0, 2, n), rng.normal(0, 1.2, n), rng.normal(0, site_sd, sites)
    i = np.repeat(np.arange(n), visits)
    t = np.tile(np.arange(visits), n).astype(float)
    y = rng.binomial(1, special.expit(-0.3 + 0.5 * arm[i] - 0.2 * t + own[i] + common[site[i]]))
    return pd.DataFrame({"id": i, "site": [f"S{s}" for s in site[i]], "arm": arm[i], "t": t, "y": y})


def arrays(data: pd.DataFrame) -> tuple[Clusters, np.ndarray, np.ndarray]:
    x = np.column_stack([np.ones(len(data)), data["arm"], data["t"]])
    starts = np.flatnonzero(np.r_[True, np.diff(data["id"]) > 0])
    of = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(data)]))
    sites = pd.factorize(data["site"])[0][starts]
    n = len(data)
    clusters = Clusters(x, np.ones((n, 1)), data["y"].to_numpy(float), np.ones(n), np.zeros(n), starts, of, np.ones(len(starts)), np.arange(len(starts)))
    return clusters, np.flatnonzero(np.r_[True, np.diff(sites) > 0]), sites


def dense(data: Clusters, sites: np.ndarray, link: str, psi: np.ndarray) -> float:
    """Two trapezoidal rules, one inside the other, site by site and person by person."""
    beta, a, kappa = psi[:-2], psi[-2], psi[-1]
    total = 0.0
    for site in np.unique(sites):
        logs = np.zeros(len(AXIS))
        for person in np.flatnonzero(sites == site):
            rows = data.of == person
            eta = (data.x @ beta)[rows][:, None, None] + a * AXIS[:, None] + kappa * AXIS
            event = -np.logaddexp(0, -eta) if link == "logit" else np.log(np.maximum(-np.expm1(-np.exp(eta)), 1e-300))
            none = -np.logaddexp(0, eta) if link == "logit" else -np.exp(eta)
            with np.errstate(divide="ignore"):
                logs += np.log(WEIGHT @ np.exp(np.where(data.y[rows][:, None, None] > 0, event, none).sum(axis=0)))
        total += np.log(WEIGHT @ np.exp(logs - logs.max())) + logs.max()
    return float(total)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("scales", [(1.3, 0.8), (0.4, 1.5), (-1.0, 0.5)])
def test_the_integral_is_the_dense_one(link: str, scales: tuple[float, float]) -> None:
    clusters, first, sites = arrays(frame(3, people=3))
    psi = np.array([-0.4, 0.3, 0.1, *scales])
    assert Nested(clusters, LINKS[link], first, 31, np.zeros(3), site_nodes=31).total(psi) == pytest.approx(dense(clusters, sites, link, psi), abs=1e-8)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("nodes", [1, 2, 5])
@pytest.mark.parametrize(("places", "sites"), [(((0, 0),), True), ((), True), (((0, 0),), False)])
def test_the_gradient_is_that_of_the_quadrature_itself(link: str, nodes: int, places: tuple[tuple[int, int], ...], sites: bool) -> None:
    clusters, first, _ = arrays(frame(4))
    found = Nested(clusters, LINKS[link], first, nodes, np.zeros(3), places=places, sites=sites)
    psi = np.array([-0.2, 0.4, 0.15, *[1.1] * len(places), *[0.7] * sites])
    differences = [-(found.total(psi + step) - found.total(psi - step)) / 2e-5 for step in 1e-5 * np.eye(len(psi))]
    np.testing.assert_allclose(found.gradient(psi), differences, rtol=1e-7, atol=1e-8)


def test_the_optimum_is_that_of_the_dense_likelihood() -> None:
    data = frame(INSIDE)
    fit = glmm(data, "y ~ arm + t", subject="id", site="site", nodes=25)
    clusters, _, sites = arrays(data)
    psi = np.r_[fit.params, np.sqrt(fit.covariances["subject"].iloc[0, 0]), np.sqrt(fit.covariances["site"].iloc[0, 0])]
    assert dense(clusters, sites, "logit", psi) == pytest.approx(fit.loglik, abs=1e-7)
    slopes = [(dense(clusters, sites, "logit", psi + step) - dense(clusters, sites, "logit", psi - step)) / 2e-4 for step in 1e-4 * np.eye(len(psi))]
    np.testing.assert_allclose(slopes, 0, atol=1e-5)
    assert fit.status == "ok"


def test_modes_are_those_of_the_joint_density_with_its_curvature() -> None:
    data = frame(INSIDE)
    fit = glmm(data, "y ~ arm + t", subject="id", site="site", nodes=1)
    a, kappa = (float(np.sqrt(fit.covariances[name].iloc[0, 0])) for name in ("subject", "site"))
    chosen = data[data["site"] == "S2"]
    ids = chosen["id"].unique()
    fixed = fit.params["(Intercept)"] + fit.params["arm"] * chosen["arm"] + fit.params["t"] * chosen["t"]
    person = np.searchsorted(ids, chosen["id"])

    def minus_log(at: np.ndarray) -> float:
        eta = fixed + at[person] + at[-1]
        return float((np.logaddexp(0, eta) - chosen["y"] * eta).sum() + (at[:-1] ** 2).sum() / (2 * a**2) + at[-1] ** 2 / (2 * kappa**2))

    mode = optimize.minimize(minus_log, np.zeros(len(ids) + 1), method="BFGS", options={"gtol": 1e-9}).x
    p = special.expit(fixed + mode[person] + mode[-1])
    design = np.column_stack([np.eye(len(ids))[person], np.ones(len(chosen))])
    curvature = (design * np.asarray(p * (1 - p))[:, None]).T @ design + np.diag([*[1 / a**2] * len(ids), 1 / kappa**2])
    sd = np.sqrt(np.diag(np.linalg.inv(curvature)))
    effects = fit.random_effects()
    people = effects["subject"].set_index("subject").loc[ids]
    np.testing.assert_allclose(people["estimate"], mode[:-1], atol=1e-6)
    np.testing.assert_allclose(people["conditional_sd"], sd[:-1], rtol=1e-5)
    site = effects["site"].set_index("site").loc["S2"]
    assert site["estimate"] == pytest.approx(mode[-1], abs=1e-6)
    assert site["conditional_sd"] == pytest.approx(sd[-1], rel=1e-5)


def test_sites_that_do_not_differ_leave_the_model() -> None:
    """The fit is that without sites, and the likelihood falls along their variance: by dense integration on both sides."""
    data = frame(SAME_SITES, site_sd=0.0)
    fit, without = glmm(data, "y ~ arm + t", subject="id", site="site", nodes=15), glmm(data, "y ~ arm + t", subject="id", nodes=15)
    assert fit.covariances["site"].iloc[0, 0] == 0
    assert fit.loglik == pytest.approx(without.loglik, rel=1e-10)
    np.testing.assert_allclose(fit.params, without.params, rtol=1e-6)
    clusters, _, sites = arrays(data)
    psi = np.r_[without.params, np.sqrt(without.covariances["subject"].iloc[0, 0])]
    slope = -(dense(clusters, sites, "logit", np.r_[psi, 0.05]) - dense(clusters, sites, "logit", np.r_[psi, 0.0])) / 0.05**2
    assert fit.proof.boundary_slope == pytest.approx(slope, rel=0.02)
    assert likelihood_ratio(fit, without).p == 1


def test_the_order_of_rows_and_names_of_sites_do_not_matter() -> None:
    data = frame(INSIDE)
    fit, other = (glmm(rows, "y ~ arm + t", subject="id", site="site", nodes=5) for rows in (data, data.sample(frac=1, random_state=1)))
    assert list(fit.params) == list(other.params)
    renamed = glmm(data.assign(site=data["site"].map(lambda name: f"Z{9 - int(name[1])}")), "y ~ arm + t", subject="id", site="site", nodes=5)
    np.testing.assert_allclose(renamed.params, fit.params, rtol=1e-9)


def test_a_population_mixes_both_effects() -> None:
    """Their sum is one normal effect."""
    fit = glmm(frame(INSIDE), "y ~ arm + t", subject="id", site="site", levels={"arm": ["0", "1"]})
    spread = float(np.sqrt(fit.covariances["subject"].iloc[0, 0] + fit.covariances["site"].iloc[0, 0]))
    grid = np.linspace(-9, 9, 4001)
    weight = stats.norm.pdf(grid) / stats.norm.pdf(grid).sum()
    expected = [float(special.expit(fit.params["(Intercept)"] + arm * fit.params["arm[1]"] + 2 * fit.params["t"] + spread * grid) @ weight) for arm in (0, 1)]
    np.testing.assert_allclose(fit.population(("arm",), {"t": 2.0}).values, expected, rtol=1e-10)


def test_refusals() -> None:
    data = frame(INSIDE)
    with pytest.raises(TooFewParticipants, match="sites with 30 participants"):
        glmm(data.assign(site="one"), "y ~ t", subject="id", site="site")
    with pytest.raises(InvalidTerms, match="and no slope"):
        glmm(data, "y ~ t", subject="id", site="site", random=("1", "t"))
