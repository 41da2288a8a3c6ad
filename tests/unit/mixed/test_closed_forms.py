"""Designs whose answer is a textbook formula: two-sample t test, analysis of variance, least squares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution
from scipy.stats import ttest_ind

from ketaoutcomes.mixed import Fit, lmm, mmrm

N, T = 24, 4
LEVELS = {"arm": ["a", "b"], "visit": ["0", "1", "2", "3"]}
FIXED = [("arm",), ("visit",), ("arm", "visit")]


def variances(fit: Fit) -> list[float]:
    """Between participants and residual."""
    return [float(fit.covariances[name].iloc[0, 0]) for name in ("subject", "residual")]


def complete(seed: int = 3) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(N, T)) @ rng.normal(size=(T, T)) + 5
    treated = np.arange(N) % 3 == 0
    data = pd.DataFrame(
        {
            "id": np.repeat(np.arange(N), T),
            "visit": np.tile(np.arange(T), N),
            "arm": np.repeat(np.where(treated, "b", "a"), T),
            "y": y.ravel(),
        }
    )
    return data, y, treated


def test_complete_data_give_the_two_sample_t_test_at_each_visit() -> None:
    """Without missing values the multivariate model splits into one t test per visit (Anderson 1984, section 8)."""
    data, y, treated = complete()
    fit = mmrm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", visit="visit")
    means = fit.ls_means(("visit", "arm"))
    for visit in range(T):
        a, b = means[2 * visit], means[2 * visit + 1]
        difference = fit.contrast(b.weights - a.weights)
        expected = ttest_ind(y[treated, visit], y[~treated, visit])
        assert difference.t == pytest.approx(expected.statistic, rel=1e-9)
        assert difference.p == pytest.approx(expected.pvalue, rel=1e-9)
        assert difference.df == pytest.approx(N - 2, rel=1e-9)
        interval = expected.confidence_interval(0.95)
        assert (difference.lower, difference.upper) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert a.estimate == pytest.approx(y[~treated, visit].mean(), rel=1e-12)


@pytest.mark.parametrize(("reml", "divisor"), [(True, N - 2), (False, N)])
def test_complete_data_give_the_residual_covariance(reml: bool, divisor: int) -> None:
    data, y, treated = complete()
    fit = mmrm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", visit="visit", reml=reml)
    residual = y - np.where(treated[:, None], y[treated].mean(axis=0), y[~treated].mean(axis=0))
    np.testing.assert_allclose(fit.covariances["residual"], residual.T @ residual / divisor, rtol=1e-9)


def balanced(seed: int, between: float) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    y = 3 + rng.normal(0, between, (10, 1)) + rng.normal(size=(10, 5))
    return pd.DataFrame({"id": np.repeat(np.arange(10), 5), "y": y.ravel()}), y


def mean_squares(y: NDArray[np.float64]) -> tuple[float, float]:
    people, rows = y.shape
    between = rows * y.mean(axis=1).var(ddof=1)
    within = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / (people * (rows - 1))
    return float(between), float(within)


def test_balanced_random_intercept_is_the_analysis_of_variance() -> None:
    """REML on balanced one-way data: s_e^2 = MSW, s_u^2 = (MSB - MSW) / n (Searle, Casella & McCulloch 1992, 4.8)."""
    data, y = balanced(1, between=2.0)
    fit = lmm(data, response="y", fixed=[], levels={}, subject="id")
    between, within = mean_squares(y)
    np.testing.assert_allclose(variances(fit), [(between - within) / 5, within], rtol=1e-9)
    assert fit.bse.to_numpy()[0] == pytest.approx(np.sqrt(between / 50), rel=1e-9)
    assert fit.df.to_numpy()[0] == pytest.approx(9, rel=1e-9)
    assert fit.status == "ok"


def boundary_data() -> pd.DataFrame:
    """Deviations that cancel within each participant: MSB is far below MSW."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(12, 3))
    noise = rng.normal(size=(12, 3))
    y = 2 + 0.5 * x + noise - noise.mean(axis=1, keepdims=True)
    arm = np.repeat(np.where(np.arange(12) % 2 == 0, "a", "b"), 3)
    return pd.DataFrame({"id": np.repeat(np.arange(12), 3), "arm": arm, "x": x.ravel(), "y": y.ravel()})


@pytest.mark.parametrize("reml", [True, False])
def test_boundary_is_flagged_least_squares(reml: bool) -> None:
    data = boundary_data()
    fit = lmm(data, response="y", fixed=[("arm",), ("x",)], levels={"arm": ["a", "b"]}, subject="id", reml=reml)
    x = np.column_stack([np.ones(36), data["arm"] == "b", data["x"]]).astype(float)
    beta, rss = np.linalg.lstsq(x, data["y"].to_numpy())[:2]
    df = 33 if reml else 36
    variance = float(rss[0]) / df
    assert (fit.status, fit.flags) == ("flagged", ("boundary",))
    assert fit.proof.boundary_slope is not None and fit.proof.boundary_slope > 0
    np.testing.assert_allclose(fit.params, beta, rtol=1e-8)
    np.testing.assert_allclose(fit.cov_params(), variance * np.linalg.inv(x.T @ x), rtol=1e-8)
    np.testing.assert_allclose(fit.df, df, rtol=1e-8)
    np.testing.assert_allclose(variances(fit), [0, variance], rtol=1e-8)
    slope = fit.contrast([0, 0, 1], conf_level=0.9)
    half = t_distribution.ppf(0.95, df) * np.sqrt(variance * np.linalg.inv(x.T @ x)[2, 2])
    assert (slope.lower, slope.upper) == pytest.approx((beta[2] - half, beta[2] + half), rel=1e-8)


def test_boundary_of_balanced_data_is_where_msb_falls_below_msw() -> None:
    """The likelihood leaves the boundary exactly when MSB > MSW: the KKT condition, checked on 60 data sets."""
    seen = set()
    for seed in range(60):
        data, y = balanced(seed, between=0.3)
        between, within = mean_squares(y)
        fit = lmm(data, response="y", fixed=[], levels={}, subject="id")
        assert ("boundary" in fit.flags) == (between < within)
        seen.add(fit.status)
    assert seen == {"ok", "flagged"}


def test_one_visit_is_the_linear_model_with_its_f_test() -> None:
    data, _, _ = complete()
    data = data[data["visit"] == 0].assign(x=np.linspace(0, 1, N) ** 2)
    fit = mmrm(
        data,
        response="y",
        fixed=[("arm",), ("x",)],
        levels={"arm": ["a", "b"], "visit": ["0"]},
        subject="id",
        visit="visit",
    )
    x = np.column_stack([np.ones(N), data["arm"] == "b", data["x"]]).astype(float)
    y = data["y"].to_numpy()
    beta, rss = np.linalg.lstsq(x, y)[:2]
    null = ((y - y.mean()) ** 2).sum()
    f = (null - rss[0]) / 2 / (rss[0] / (N - 3))
    test = fit.joint_test(np.eye(3)[1:])
    np.testing.assert_allclose(fit.params, beta, rtol=1e-9)
    assert (test.f, test.denominator_df) == pytest.approx((f, N - 3), rel=1e-9)
    assert test.p == pytest.approx(f_distribution.sf(f, 2, N - 3), rel=1e-9)


def balanced_fit() -> Fit:
    data, _, _ = complete()
    data["base"] = np.repeat(np.linspace(20, 40, N), T) + np.tile(np.arange(T), N)
    fixed = [("base",), ("arm",), ("visit",)]
    return lmm(data, response="y", fixed=fixed, levels=LEVELS, subject="id")


def test_ls_means_weight_levels_equally_and_hold_covariates_at_their_mean() -> None:
    fit = balanced_fit()
    b = dict(zip(fit.terms, fit.params, strict=True))
    visits = (b["visit[1]"] + b["visit[2]"] + b["visit[3]"]) / 4
    base = 30 + 1.5
    expected = b["(Intercept)"] + base * b["base"] + visits
    a, treated = fit.ls_means(("arm",))
    assert a.cell == {"arm": "a"}
    assert a.estimate == pytest.approx(expected, rel=1e-9)
    assert treated.estimate == pytest.approx(expected + b["arm[b]"], rel=1e-9)
    at = fit.ls_means(("arm",), at={"base": 25, "visit": "2"})[0]
    assert at.estimate == pytest.approx(b["(Intercept)"] + 25 * b["base"] + b["visit[2]"], rel=1e-9)


def test_difference_of_ls_means_is_the_coefficient() -> None:
    fit = balanced_fit()
    a, treated = fit.ls_means(("arm",))
    difference, coefficient = fit.contrast(treated.weights - a.weights), fit.coefficient("arm[b]")
    assert difference.estimate == pytest.approx(coefficient.estimate, rel=1e-9)
    assert difference.se == pytest.approx(coefficient.se, rel=1e-9)
