"""Separation against brute force: all bases of the recession cone, and the refusals that name what is infinite."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special

from ketaoutcomes import glmm
from ketaoutcomes.mixed import MixedModelError, Separated
from ketaoutcomes.mixed.binary.links import LINKS
from ketaoutcomes.mixed.binary.separation import separating

LEVELS = {"arm": ["a", "b"]}


def separable(x: np.ndarray, y: np.ndarray, m: np.ndarray) -> bool:
    """The cone of x d >= 0 with events, <= 0 without (both where mixed) has rays where q - 1 rows are 0: try every choice."""
    above, below = x[y > 0], x[y < m]
    rows = np.unique(np.r_[above, -below], axis=0)
    q = x.shape[1]
    for chosen in combinations(range(len(rows)), q - 1):
        _, size, vectors = np.linalg.svd(rows[list(chosen)])
        if size[-1] < 1e-9:
            continue
        for ray in (vectors[-1], -vectors[-1]):
            gain = rows @ ray
            if gain.min() > -1e-9 and gain.max() > 1e-6:
                return True
    return False


def designs() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    found = []
    for seed in range(160):
        rng = np.random.default_rng(seed)
        n, q = int(rng.integers(6, 15)), int(rng.integers(1, 3))
        x = np.column_stack([np.ones(n), *(rng.integers(0, 2, n) if rng.random() < 0.5 else rng.normal(size=n) for _ in range(q))])
        m = rng.integers(1, 3, n).astype(float) if seed % 3 == 0 else np.ones(n)
        y = rng.binomial(m.astype(int), special.expit(2 * x[:, 1:].sum(axis=1))).astype(float)
        if np.linalg.matrix_rank(x) == q + 1 and 0 < y.sum() < m.sum():
            found.append((x, y, m))
    return found


def test_separation_is_found_exactly_where_rays_say_so() -> None:
    said, true = zip(*((separating(*design) is not None, separable(*design)) for design in designs()), strict=True)
    assert said == true
    assert 30 < sum(true) < len(true) - 30


def test_units_of_a_covariate_separate_nothing() -> None:
    for x, y, m in designs():
        scaled = x * np.r_[1, [1e6, 1e-6][: x.shape[1] - 1]]
        assert (separating(scaled, y, m) is None) == (separating(x, y, m) is None)


@pytest.mark.parametrize("link", LINKS)
def test_a_fit_is_refused_where_its_likelihood_has_no_maximum_and_only_there(link: str) -> None:
    for x, y, m in designs()[::5]:
        names = [f"v{k}" for k in range(1, x.shape[1])]
        data = pd.DataFrame(x[:, 1:], columns=names).assign(y=y, m=m)
        try:
            fit = glmm(data, response="y", fixed=[(name,) for name in names], trials="m", link=link)
        except Separated:
            assert separable(x, y, m)
        else:
            assert not separable(x, y, m)
            assert np.isfinite(fit.bse).all()


def two_arms(events: list[int], trials: list[int]) -> pd.DataFrame:
    rows = len(events) // 2
    return pd.DataFrame({"arm": ["a"] * rows + ["b"] * rows, "id": np.arange(2 * rows) // 2, "y": events, "m": trials})


@pytest.mark.parametrize(("events", "trials"), [([1, 2, 1, 0, 2, 3, 4, 2], [2, 3, 2, 2, 2, 3, 4, 2]), ([1, 2, 1, 0, 0, 0, 0, 0], [2, 3, 2, 2, 2, 3, 4, 2])])
def test_cells_with_all_events_or_none_are_named_with_trials_too(events: list[int], trials: list[int]) -> None:
    """All the events there could be are not the same number of events."""
    with pytest.raises(Separated, match=r"arm\[b\] would be infinite.*Where arm=b the outcome is always the same") as refused:
        glmm(two_arms(events, trials), response="y", fixed=[("arm",)], levels=LEVELS, trials="m", subject="id")
    assert refused.value.infinite == ("arm[b]",)


def test_one_event_in_every_two_trials_is_no_separation() -> None:
    fit = glmm(two_arms([1, 2, 1, 0, 1, 1, 1, 1], [2] * 8), response="y", fixed=[("arm",)], levels=LEVELS, trials="m")
    np.testing.assert_allclose(fit.params, 0, atol=1e-10)


def test_infinities_of_a_cloglog_end_as_a_refusal() -> None:
    """Here the Hessian was not finite on the way, and eigenvalues were asked of it."""
    rng = np.random.default_rng(440)
    n = int(rng.integers(6, 30))
    q = rng.integers(1, 4)
    x = np.column_stack([rng.integers(0, 2, n) if rng.random() < 0.5 else rng.normal(size=n) * 10.0 ** rng.integers(-2, 3) for _ in range(q)])
    y = rng.binomial(1, 1 / (1 + np.exp(-x.sum(axis=1) / np.abs(x).max() * 3)))
    data = pd.DataFrame(x, columns=[f"v{k}" for k in range(q)]).assign(y=y)
    assert separable(np.c_[np.ones(n), x], y, np.ones(n))
    with pytest.raises(Separated):
        glmm(data, "y ~ " + " + ".join(data.columns[:-1]), link="cloglog")


def test_log_f_is_half_an_event_in_one_more_trial_of_each_coefficient() -> None:
    """Greenland & Mansournia: the data augmented with rows at the coefficient alone, by a search of that likelihood."""
    rng = np.random.default_rng(2)
    dose = rng.normal(20, 7, 40)
    data = pd.DataFrame({"arm": np.repeat(["a", "b"], 20), "dose": dose, "y": np.r_[rng.binomial(1, 0.4, 20), np.ones(20, dtype=int)]})
    fit = glmm(data, response="y", fixed=[("arm",), ("dose",)], levels=LEVELS, separation="log-f")
    x = np.column_stack([np.ones(40), data["arm"] == "b", dose]).astype(float)
    rows, y, m = np.r_[x, [[0, 1, 0], [0, 0, dose.std()]]], np.r_[data["y"], 0.5, 0.5], np.ones(42)

    def deviance(beta: np.ndarray) -> float:
        eta = rows @ beta
        return float((m * np.logaddexp(0, eta) - y * eta).sum())

    best = optimize.minimize(deviance, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 9000, "maxfev": 9000})
    np.testing.assert_allclose(fit.params, best.x, atol=1e-5)
    p = special.expit(rows @ fit.params.to_numpy())
    np.testing.assert_allclose(fit.bse, np.sqrt(np.diag(np.linalg.inv((rows * (p * (1 - p))[:, None]).T @ rows))), rtol=1e-7)
    assert (fit.flags, fit.infinite) == (("penalised",), ("arm[b]",))
    eta = x @ fit.params.to_numpy()
    assert fit.loglik == pytest.approx(float((data["y"] * eta - np.logaddexp(0, eta)).sum()), rel=1e-10)
    with pytest.raises(MixedModelError, match="separation"):
        glmm(data, response="y", fixed=[("arm",)], levels=LEVELS, separation="firth")
