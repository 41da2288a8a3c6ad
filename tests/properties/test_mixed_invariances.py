"""What must not matter does not: order, names, units, origin; and swapping the arms changes signs only.

Tolerances: `engine.md` section 5 measured 4e-14 for the scale of the response and 4e-8 for a covariate shifted by 1e8,
where the shifted values themselves are rounded at 1e-8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaoutcomes.mixed import Estimate, Fit, lmm, mmrm

VISITS = ["v1", "v2", "v3"]
Model = Callable[..., Fit]


def trial(seed: int, n: int = 40) -> pd.DataFrame:
    """Two arms, three visits, 15 % missing; each participant keeps the first visit."""
    rng = np.random.default_rng(seed)
    person, base = rng.normal(0, 3, n), rng.normal(34, 5, n)
    k, t = np.repeat(np.arange(n), 3), np.tile(np.arange(3), n)
    arm = np.where(np.arange(n) % 2 == 0, "placebo", "ketamine")[k]
    y = 8 + 0.3 * base[k] - 3.0 * t - 2.0 * t * (arm == "ketamine") + person[k] + rng.normal(0, 2, 3 * n)
    data = pd.DataFrame({"id": [f"P{i:03d}" for i in k], "arm": arm, "visit": [VISITS[i] for i in t], "base": base[k], "y": y})
    return data[(t == 0) | (rng.random(3 * n) > 0.15)].reset_index(drop=True)


def by_visit(data: pd.DataFrame, **changed: Any) -> Fit:
    return mmrm(data, visit="visit", **said(changed))


def by_intercept(data: pd.DataFrame, **changed: Any) -> Fit:
    return lmm(data, **said(changed))


def said(changed: dict[str, Any]) -> dict[str, Any]:
    fixed = [("base",), ("arm",), ("visit",), ("base", "visit"), ("arm", "visit")]
    levels = {"arm": ["placebo", "ketamine"], "visit": VISITS}
    return {"response": "y", "fixed": fixed, "levels": levels, "subject": "id", **changed}


def differences(fit: Fit) -> list[Estimate]:
    """ketamine - placebo at each visit."""
    cells = {(m.cell["arm"], m.cell["visit"]): m for m in fit.ls_means(("arm", "visit"))}
    return [fit.contrast(cells["ketamine", v].weights - cells["placebo", v].weights) for v in VISITS]


def numbers(fit: Fit) -> list[list[float]]:
    return [[e.estimate, e.se, e.df, e.p, e.lower, e.upper] for e in differences(fit)]


MODELS = pytest.mark.parametrize("model", [by_visit, by_intercept])
SEEDS = st.integers(0, 2**20)
FEW = settings(max_examples=15, deadline=None, derandomize=True, database=None)


@MODELS
@FEW
@given(seed=SEEDS, ties=st.booleans())
def test_row_order_changes_no_bit(model: Model, seed: int, ties: bool) -> None:
    data = trial(seed)
    if ties:  # whole points on a scale, as raters give them
        data["y"] = (data["y"] / 4).round()
    shuffled = data.sample(frac=1, random_state=seed % 1000)
    one, other = model(data), model(shuffled)
    assert one.params.to_numpy().tobytes() == other.params.to_numpy().tobytes()
    assert one.cov_params().to_numpy().tobytes() == other.cov_params().to_numpy().tobytes()
    assert one.loglik == other.loglik
    assert numbers(one) == numbers(other)


@MODELS
@FEW
@given(seed=SEEDS)
def test_participant_labels_do_not_matter(model: Model, seed: int) -> None:
    data = trial(seed)
    names = data["id"].unique()
    new = dict(zip(names, np.random.default_rng(seed).permutation(1000)[: len(names)], strict=True))
    np.testing.assert_allclose(numbers(model(data.assign(id=data["id"].map(new)))), numbers(model(data)), rtol=1e-8)


@MODELS
@FEW
@given(seed=SEEDS)
def test_swapping_the_arms_flips_the_sign(model: Model, seed: int) -> None:
    data = trial(seed)
    swapped = data.assign(arm=data["arm"].map({"placebo": "ketamine", "ketamine": "placebo"}))
    for e, f in zip(differences(model(data)), differences(model(swapped)), strict=True):
        expected = [-e.estimate, e.se, e.df, -e.t, e.p, -e.upper, -e.lower]
        assert [f.estimate, f.se, f.df, f.t, f.p, f.lower, f.upper] == pytest.approx(expected, rel=1e-8)


@MODELS
@FEW
@given(seed=SEEDS)
def test_reference_level_does_not_matter(model: Model, seed: int) -> None:
    data = trial(seed)
    levels = {"arm": ["ketamine", "placebo"], "visit": ["v3", "v1", "v2"]}
    np.testing.assert_allclose(numbers(model(data, levels=levels)), numbers(model(data)), rtol=1e-8)


@MODELS
@FEW
@given(
    seed=SEEDS,
    origin=st.sampled_from([0.0, -7.0, 1e4]),
    unit=st.sampled_from([1e-8, 1e-4, 0.3, -1.0, 1e4, 1e8]),
)
def test_unit_and_origin_of_the_response(model: Model, seed: int, origin: float, unit: float) -> None:
    data = trial(seed)
    one, other = model(data), model(data.assign(y=(data["y"] + origin) * unit))
    for e, f in zip(differences(one), differences(other), strict=True):
        assert [f.estimate / unit, f.se / abs(unit), f.df] == pytest.approx([e.estimate, e.se, e.df], rel=1e-8)
    np.testing.assert_allclose(other.covariances["residual"] / unit**2, one.covariances["residual"], rtol=1e-8)
    rank = one.n_obs - len(one.terms)
    assert other.loglik == pytest.approx(one.loglik - rank * np.log(abs(unit)), rel=1e-9)


@MODELS
@FEW
@given(seed=SEEDS, shift=st.sampled_from([1e4, 1e6, 1e8]))
def test_origin_of_a_covariate(model: Model, seed: int, shift: float) -> None:
    data = trial(seed)
    one, other = model(data), model(data.assign(base=data["base"] + shift))
    slopes = [k for k, term in enumerate(one.terms) if term.startswith("base")]
    size = np.abs(one.params.to_numpy()[slopes]) + one.bse.to_numpy()[slopes]
    np.testing.assert_allclose(other.params.to_numpy()[slopes] / size, one.params.to_numpy()[slopes] / size, atol=1e-15 * shift + 1e-9)
    np.testing.assert_allclose(other.bse.to_numpy()[slopes], one.bse.to_numpy()[slopes], rtol=1e-15 * shift + 1e-9)
    for e, f in zip(differences(one), differences(other), strict=True):
        assert f.estimate == pytest.approx(e.estimate, abs=e.se * (2e-15 * shift + 1e-9))
        assert [f.se, f.df] == pytest.approx([e.se, e.df], rel=2e-15 * shift + 1e-9)


@MODELS
@FEW
@given(seed=SEEDS)
def test_doubling_the_trial_keeps_ml_estimates_and_halves_their_variance(model: Model, seed: int) -> None:
    """Under ML every participant twice gives the same estimates, and exactly half the model-based variance."""
    data = trial(seed)
    twice = pd.concat([data, data.assign(id="Q" + data["id"])])
    one, other = model(data, reml=False), model(twice, reml=False)
    np.testing.assert_allclose(other.params, one.params, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other.covariances["residual"], one.covariances["residual"], rtol=1e-7)
    np.testing.assert_allclose(other.cov_params() * 2, one.cov_params(), rtol=1e-6, atol=1e-9)
    assert other.loglik == pytest.approx(2 * one.loglik, rel=1e-10)


@FEW
@given(seed=SEEDS, factor=st.sampled_from([0.01, 0.2, 5.0, 100.0]))
def test_unit_of_one_visit(seed: int, factor: float) -> None:
    """With separate effects at each visit, the unit of one visit is that visit's business."""
    data = trial(seed)
    last = data["visit"] == "v3"
    one, other = by_visit(data), by_visit(data.assign(y=data["y"].where(~last, data["y"] * factor)))
    scale = np.array([1, 1, factor])
    np.testing.assert_allclose(other.covariances["residual"], one.covariances["residual"] * np.outer(scale, scale), rtol=1e-6)
    for e, f, s in zip(differences(one), differences(other), scale, strict=True):
        assert [f.estimate / s, f.se / s, f.df] == pytest.approx([e.estimate, e.se, e.df], rel=1e-7)


@FEW
@given(seed=SEEDS)
def test_visits_are_not_used_by_the_random_intercept_beyond_the_terms(seed: int) -> None:
    """With all rows of a participant exchangeable in V, permuting the rows' visit labels is a change of X only."""
    data = trial(seed)
    relabelled = data.assign(visit=data["visit"].map({"v1": "v2", "v2": "v3", "v3": "v1"}))
    one, other = by_intercept(data), by_intercept(relabelled)
    assert other.loglik == pytest.approx(one.loglik, rel=1e-10)
    np.testing.assert_allclose(other.covariances["residual"], one.covariances["residual"], rtol=1e-7)
