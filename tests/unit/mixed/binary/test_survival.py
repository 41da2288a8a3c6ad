"""Shares without an event over several intervals, against dense integration and its numerical derivatives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ketaoutcomes import glmm
from ketaoutcomes.mixed import BinaryFit, InvalidContrast

INTERVALS = 5
LENGTHS = [7.0, 7.0, 14.0, 14.0, 28.0]


def periods(seed: int, n: int = 120, sites: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    site, arm, x, effect = rng.integers(0, sites, n), rng.integers(0, 2, n), rng.normal(size=n), rng.normal(0, 0.8, sites)
    rows: list[tuple[object, ...]] = []
    for i in range(n):
        for k in range(INTERVALS):
            event = rng.random() < -np.expm1(-np.exp(-1.6 - 0.7 * arm[i] + 0.3 * x[i] + effect[site[i]]))
            rows.append((i, f"S{site[i]}", "pk"[arm[i]], x[i], str(k + 1), int(event)))
            if event:
                break
    return pd.DataFrame(rows, columns=["id", "site", "arm", "x", "interval", "event"])


@pytest.fixture(scope="module", params=["cloglog", "logit"])
def fitted(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, BinaryFit]:
    data = periods(2)
    levels = {"arm": ["p", "k"], "interval": [str(k + 1) for k in range(INTERVALS)]}
    return data, glmm(data, "event ~ interval + arm + x", levels=levels, subject="site", link=request.param)


def dense(data: pd.DataFrame, link: str, psi: np.ndarray, arm: int) -> np.ndarray:
    """Shares without an event by interval: everybody in the first interval, the site's effect on a fine grid."""
    u = np.linspace(-9, 9, 4001)
    weight = stats.norm.pdf(u) / stats.norm.pdf(u).sum()
    x = data.loc[data["interval"] == "1", "x"].to_numpy()
    eta = psi[0] + np.r_[0, psi[1:INTERVALS]] + psi[INTERVALS] * arm + psi[INTERVALS + 1] * x[:, None]
    moved = eta[:, :, None] + psi[-1] * u
    hazard = -np.expm1(-np.exp(moved)) if link == "cloglog" else 1 / (1 + np.exp(-moved))
    return (np.cumprod(1 - hazard, axis=1) @ weight).mean(axis=0)


def parameters(fit: BinaryFit) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and standard deviation, and their covariance."""
    solved = fit._solved
    back = np.eye(solved.q + 1)
    back[:-1, :-1] = np.linalg.inv(solved.scaling.r)
    return np.r_[fit.params.to_numpy(), solved.optimum.theta[-1]], back @ solved.covariance() @ back.T


def test_risks_by_the_end_of_each_interval(fitted: tuple[pd.DataFrame, BinaryFit]) -> None:
    data, fit = fitted
    risks, _ = fit.survival(("arm",), "interval", LENGTHS)
    psi, covariance = parameters(fit)
    expected = np.concatenate([1 - dense(data, fit.link, psi, arm) for arm in (0, 1)])
    np.testing.assert_allclose(risks.values, expected, rtol=1e-10)
    steps = 1e-5 * np.eye(len(psi))
    for measure, of in (
        ("difference", lambda p, r: p - r),
        ("ratio", lambda p, r: np.log(p / r)),
        ("odds_ratio", lambda p, r: np.log(p * (1 - r) / (1 - p) / r)),
    ):

        def last(moved: np.ndarray, of=of) -> float:
            return float(of(1 - dense(data, fit.link, moved, 1)[-1], 1 - dense(data, fit.link, moved, 0)[-1]))

        slope = np.array([(last(psi + step) - last(psi - step)) / 2e-5 for step in steps])
        found = risks.compare("arm", "p", measure)[-1]
        estimate = last(psi) if measure == "difference" else float(np.exp(last(psi)))
        assert found.estimate == pytest.approx(estimate, rel=1e-10)
        assert found.se == pytest.approx(float(np.sqrt(slope @ covariance @ slope)), rel=1e-7)


def test_restricted_mean_times(fitted: tuple[pd.DataFrame, BinaryFit]) -> None:
    data, fit = fitted
    _, durations = fit.survival(("arm",), "interval", LENGTHS)
    psi, covariance = parameters(fit)

    def mean(moved: np.ndarray, arm: int) -> float:
        shares = np.r_[1.0, dense(data, fit.link, moved, arm)]
        return float(np.trapezoid(shares, np.r_[0.0, np.cumsum(LENGTHS)]))

    np.testing.assert_allclose(durations.values, [mean(psi, 0), mean(psi, 1)], rtol=1e-10)
    slope = np.array([(mean(psi + s, 1) - mean(psi + s, 0) - mean(psi - s, 1) + mean(psi - s, 0)) / 2e-5 for s in 1e-5 * np.eye(len(psi))])
    (found,) = durations.compare("arm", "p")
    assert found.estimate == pytest.approx(mean(psi, 1) - mean(psi, 0), rel=1e-9)
    assert found.se == pytest.approx(float(np.sqrt(slope @ covariance @ slope)), rel=1e-7)


def test_who_is_averaged_over_must_be_told_where_clusters_are_sites(fitted: tuple[pd.DataFrame, BinaryFit]) -> None:
    _, fit = fitted
    with pytest.raises(InvalidContrast, match="x differs within participants"):
        fit.population(("arm", "interval"))
    with pytest.raises(InvalidContrast, match="4 levels"):
        fit.survival(("arm",), "interval", LENGTHS[1:])
    with pytest.raises(InvalidContrast, match="no factor"):
        fit.survival(("arm",), "x", LENGTHS)


def test_the_risk_of_the_first_interval_is_that_of_the_first_interval_alone(fitted: tuple[pd.DataFrame, BinaryFit]) -> None:
    _, fit = fitted
    risks, _ = fit.survival(("arm",), "interval", LENGTHS)
    alone = fit.population(("arm", "interval"), over={"interval": "1"})
    for cell in (0, INTERVALS):
        assert risks.values[cell] == pytest.approx(alone.values[cell], rel=1e-12)


def test_heterogeneity_of_sites(fitted: tuple[pd.DataFrame, BinaryFit]) -> None:
    """The median of the ratio of two random people of different sites, by simulation; the latent variances are those of the link's distribution."""
    _, fit = fitted
    found = fit.heterogeneity()["subject"]
    rng = np.random.default_rng(8)
    pairs = np.abs(rng.normal(0, found["sd"], 400_000) - rng.normal(0, found["sd"], 400_000))
    assert found["median_ratio"] == pytest.approx(float(np.exp(np.median(pairs))), rel=5e-3)
    latent = {"logit": stats.logistic.var(), "cloglog": stats.gumbel_l.var()}[fit.link]
    assert found["icc"] == pytest.approx(found["sd"] ** 2 / (found["sd"] ** 2 + float(latent)), rel=1e-12)
