"""What must not matter does not: order, names, units, origin; and swapping the arms changes signs only.

Tolerances: `engine.md` section 5 measured 4e-14 for the scale of the response and 4e-8 for a covariate shifted by 1e8,
where the shifted values themselves are rounded at 1e-8.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaoutcomes.mixed import Estimate, Fit, IncompatibleMoments, Moments, NotShareable, lmm, mmrm, moments, scaling

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


@FEW
@given(seed=SEEDS)
def test_doubling_a_complete_trial_under_reml(seed: int) -> None:
    """Sigma is RSS / (n - p) with p coefficients per visit, then 2 RSS / (2n - p): so C shrinks by (n - p) / (2n - p)."""
    data = complete(seed)
    twice = pd.concat([data, data.assign(id="Q" + data["id"])])
    one, other = by_visit(data, df="satterthwaite"), by_visit(twice, df="satterthwaite")
    n, p = data["id"].nunique(), 3
    np.testing.assert_allclose(other.params, one.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(other.covariances["residual"] * (2 * n - p), 2 * (n - p) * one.covariances["residual"], rtol=1e-8)
    size = np.outer(one.bse, one.bse)
    np.testing.assert_allclose(other.cov_params() / size, one.cov_params() * (n - p) / (2 * n - p) / size, rtol=0, atol=1e-8)
    np.testing.assert_allclose(other.df, np.full(len(other.terms), 2 * n - p), rtol=1e-8)


def complete(seed: int) -> pd.DataFrame:
    """Nobody misses a visit; values where somebody did are filled with any number."""
    data = trial(seed)
    grid = pd.MultiIndex.from_product([data["id"].unique(), VISITS], names=["id", "visit"]).to_frame(index=False)
    people = data.drop_duplicates("id")[["id", "arm", "base"]]
    full = grid.merge(people, on="id").merge(data[["id", "visit", "y"]], on=["id", "visit"], how="left")
    filled = full["y"].isna()
    return full.assign(y=full["y"].where(~filled, np.random.default_rng(seed).normal(10, 4, len(full))))


def summed(data: pd.DataFrame, like: Moments | None = None, **changed: Any) -> Moments:
    return moments(data, visit="visit", like=like, **{key: value for key, value in said(changed).items() if like is None or key != "levels"})


SUMS = pytest.mark.parametrize("changed", [{}, {"weights": "w"}, {"group": "arm"}], ids=["plain", "weights", "groups"])


def shards(seed: int) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """A trial with weights, and its participants in three parts."""
    data = trial(seed, n=60).assign(w=lambda d: 0.5 + np.random.default_rng(seed).random(len(d)))
    part = data["id"].str[1:].astype(int) // 20
    return data, [data[part == k] for k in range(3)]


def assert_same_sums(one: Moments, other: Moments) -> None:
    """Each product relative to the largest of its pattern: a difference of sums is as good as the sums."""
    assert [(p.key, p.n) for p in one.patterns] == [(p.key, p.n) for p in other.patterns]
    for p, q in zip(one.patterns, other.patterns, strict=True):
        largest = max(np.abs(p.cross).max(), 1.0)
        np.testing.assert_allclose(p.cross / largest, q.cross / largest, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(p.members, q.members)
    assert (one.n_obs, one.n_subjects) == (other.n_obs, other.n_subjects)
    assert one.log_weights == pytest.approx(other.log_weights, abs=1e-11)
    np.testing.assert_array_equal(one.cells.rows, other.cells.rows)
    np.testing.assert_array_equal(one.cells.index, other.cells.index)
    for name, value in one.cells.sums.items():
        assert other.cells.sums[name] == pytest.approx(value, rel=1e-12)


@SUMS
@FEW
@given(seed=SEEDS)
def test_shards_add_up_and_subtract(changed: dict[str, Any], seed: int) -> None:
    data, (first, second, third) = shards(seed)
    one = summed(first, **changed)
    two, three = summed(second, one, **changed), summed(third, one, **changed)
    whole = summed(data, one, **changed)
    assert_same_sums(one + two + three, whole)
    assert_same_sums(three + one + two, whole)
    assert_same_sums(whole - three - two, one)
    assert_same_sums(whole - one, two + three)
    same, fit = mmrm(one + two + three, df="satterthwaite"), mmrm(summed(data, **changed), df="satterthwaite")
    np.testing.assert_allclose(same.params / fit.bse, fit.params / fit.bse, rtol=0, atol=1e-9)
    np.testing.assert_allclose(same.bse, fit.bse, rtol=1e-9)
    np.testing.assert_allclose(same.df, fit.df, rtol=1e-8)
    assert same.loglik == pytest.approx(fit.loglik, rel=1e-12)
    observed = [[m.estimate for m in f.ls_means(("arm",), weights="observed")] for f in (same, fit)]
    assert observed[0] == pytest.approx(observed[1], rel=1e-9)


def test_a_covariate_that_varies_in_one_shard_varies() -> None:
    """Between-within df of a covariate that only some participants change, whichever shard they are in."""
    data = trial(2, n=60)
    late = data["id"] >= "P030"
    data["dose"] = np.where(late, np.arange(len(data)) % 7, data["id"].str[-1].astype(int) % 7)
    terms = [*said({})["fixed"], ("dose",)]
    fit = by_visit(data, fixed=terms, df="between-within")
    for first, second in ((data[~late], data[late]), (data[late], data[~late])):
        one = summed(first, fixed=terms)
        both = mmrm(one + summed(second, one, fixed=terms), df="between-within")
        pd.testing.assert_series_equal(both.df, fit.df)


def test_moments_that_do_not_add_or_subtract() -> None:
    data, (first, second, _) = shards(1)
    one = summed(first)
    with pytest.raises(IncompatibleMoments, match="like"):
        one + summed(second)
    with pytest.raises(IncompatibleMoments, match="not in these"):
        one - summed(data, one)


@SUMS
@FEW
@given(seed=SEEDS)
def test_saved_moments_are_the_same_to_the_last_bit(changed: dict[str, Any], seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    data, _ = shards(seed)
    folder = tmp_path_factory.mktemp("moments") / "restricted"
    folder.mkdir()
    sums = summed(data, **changed)
    sums.save(folder / "sums.npz")
    again = Moments.load(folder / "sums.npz")
    for p, q in zip(sums.patterns, again.patterns, strict=True):
        assert (p.key, p.n, p.cross.tobytes(), p.members.tobytes()) == (q.key, q.n, q.cross.tobytes(), q.members.tobytes())
    assert sums.scaling.same(again.scaling)
    assert sums.coding == again.coding
    one, other = mmrm(sums), mmrm(again)
    assert one.params.to_numpy().tobytes() == other.params.to_numpy().tobytes()
    assert one.cov_params().to_numpy().tobytes() == other.cov_params().to_numpy().tobytes()
    assert (one.loglik, one.terms, numbers(one)) == (other.loglik, other.terms, numbers(other))
    between = [f.with_inference("between-within").df.to_numpy().tobytes() for f in (one, other)]
    assert between[0] == between[1]
    weighted = [[m.estimate for m in f.ls_means(("arm",), weights="observed")] for f in (one, other)]
    assert weighted[0] == weighted[1]


def test_sums_of_few_people_are_kept_where_they_are_restricted(tmp_path: Path) -> None:
    sums = summed(trial(1))
    with pytest.raises(NotShareable, match="restricted"):
        sums.save(tmp_path / "sums.npz")
    with pytest.raises(NotShareable, match="fewer than 10"):
        sums.save(tmp_path / "sums.npz", shareable=True)
    sums.save(tmp_path / "sums.npz", shareable=True, k=1)
    with pytest.raises(FileExistsError):
        sums.save(tmp_path / "sums.npz", shareable=True, k=1)
    (tmp_path / "other.npz").write_bytes(b"no moments")
    with pytest.raises(IncompatibleMoments, match="holds no moments"):
        Moments.load(tmp_path / "other.npz")


@MODELS
def test_rows_made_in_pieces_give_the_same_fit(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a size of the data rows are made again when they are asked for: nothing but rounding changes."""
    data = trial(11)
    whole = model(data, errors="cr2")
    monkeypatch.setattr(scaling, "MOST_KEPT", 0)
    monkeypatch.setattr(scaling, "ROWS_AT_ONCE", 50)
    monkeypatch.setattr(sys.modules["ketaoutcomes.mixed.moments"], "PARTICIPANTS_AT_ONCE", 7)
    pieces = model(data, errors="cr2")
    np.testing.assert_allclose(pieces.params, whole.params, rtol=1e-10)
    np.testing.assert_allclose(pieces.bse, whole.bse, rtol=1e-10)
    assert pieces.loglik == pytest.approx(whole.loglik, rel=1e-13)
