"""On the boundary nothing is taken for an optimum without its one-sided slopes, even where the interior has none to offer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import Fit, NotConverged, boundary, lmm
from ketaoutcomes.mixed.newton import Optimum, minimise
from ketaoutcomes.mixed.random_effects import RandomEffects

BOTH = ((0, 0), (1, 1))


@pytest.fixture
def no_interior(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search in the whole model fails."""

    def failing(criterion: RandomEffects) -> Optimum:
        if criterion.places == BOTH:
            raise NotConverged("as the test wants it")
        return minimise(criterion)

    monkeypatch.setattr(boundary, "minimise", failing)


def people(slope: float, seed: int) -> pd.DataFrame:
    rng, n = np.random.default_rng(seed), 40
    data = pd.DataFrame({"id": np.repeat(np.arange(n), 5), "time": np.tile(np.arange(5.0), n)})
    intercepts, slopes = rng.normal(0, 2, n), rng.normal(0, 1, n) * slope
    return data.assign(y=20 + (slopes[data["id"]] - 1) * data["time"] + intercepts[data["id"]] + rng.normal(0, 2, 5 * n))


def uncorrelated(data: pd.DataFrame) -> Fit:
    return lmm(data, "y ~ time", subject="id", random=("1", "time"), correlated=False, df="satterthwaite")


@pytest.mark.usefixtures("no_interior")
def test_the_smallest_model_is_not_taken_for_want_of_another() -> None:
    """Without random effects the likelihood rises along the intercept's variance; without the slope it falls everywhere."""
    data = people(0.0, seed=0)
    fit, without = uncorrelated(data), lmm(data, "y ~ time", subject="id")
    assert fit.flags == ("boundary", "several_optima")  # the starts of the whole model came to nothing
    assert fit.proof.boundary_slope is not None
    assert fit.proof.boundary_slope > 0
    assert fit.loglik == pytest.approx(without.loglik, rel=1e-12)
    assert fit.covariances["subject"].iloc[1, 1] == 0 < fit.covariances["subject"].iloc[0, 0]


@pytest.mark.usefixtures("no_interior")
def test_no_model_of_the_boundary_is_taken_where_the_optimum_is_inside() -> None:
    with pytest.raises(NotConverged, match="as the test wants it"):
        uncorrelated(people(1.0, seed=4))


def test_the_boundary_is_left_where_there_is_more_inside() -> None:
    """The slope's standard deviation at the mean square time is 0.0986 of the residual one: near enough to look, and kept."""
    data = people(0.0, seed=8)
    fit, without = uncorrelated(data), lmm(data, "y ~ time", subject="id")
    slope, residual = fit.covariances["subject"].iloc[1, 1], fit.covariances["residual"].iloc[0, 0]
    assert fit.flags == ()
    assert 0 < 6 * slope < 0.1**2 * residual
    assert fit.loglik > without.loglik


def test_the_slope_shown_is_that_of_the_variance_which_left() -> None:
    """Not that of a site's variance inside, which is 0 as at every optimum."""
    data = people(0.0, seed=0).assign(site=lambda d: d["id"] % 6)
    data["y"] += np.random.default_rng(0).normal(0, 3, 6)[data["site"]]
    fit = lmm(data, "y ~ time", subject="id", random=("1", "time"), correlated=False, site="site")
    assert fit.flags == ("boundary",)
    assert fit.covariances["site"].iloc[0, 0] > 1
    assert fit.proof.boundary_slope is not None
    assert fit.proof.boundary_slope > 1e-3


def test_a_path_that_meets_a_standard_deviation_of_0_goes_on() -> None:
    """0 is a saddle where the likelihood rises on both sides; from one start Newton lands on it exactly."""
    rng = np.random.default_rng(11)
    data = pd.DataFrame({"id": np.repeat(np.arange(30), 4), "time": np.tile(np.arange(4.0), 30)})
    fit = lmm(data.assign(y=rng.normal(size=120) + rng.normal(0, 0.3, 30)[data["id"]]), "y ~ time", subject="id")
    assert fit.flags == ()
    assert fit.proof.starts == 4
