"""The engine as a library: how models are said, what results offer, and what is refused before anything is fitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketaoutcomes
from ketaoutcomes.mixed import (
    IncompatibleMoments,
    InvalidContrast,
    InvalidTerms,
    InvalidValues,
    MixedModelError,
    Moments,
    NotRandomised,
    NotShareable,
    TooFewParticipants,
    binned_residuals,
    clda,
    lmm,
    mmrm,
    moments,
    observed_and_fitted,
    ols,
    quantile_pairs,
)
from ketaoutcomes.mixed.between_within import between_within

Simulate = Callable[..., pd.DataFrame]
LEVELS = {"arm": ["a", "b"], "visit": ["v0", "v1", "v2", "v3"]}
FIXED = [("base",), ("visit",), ("arm",), ("visit", "arm")]
FORMULA = "y ~ base + visit * arm"
SAID: dict[str, Any] = {"levels": LEVELS, "subject": "id", "visit": "visit"}


@pytest.fixture(scope="module")
def data(simulate: Simulate) -> pd.DataFrame:
    return simulate(3, n=60)


def test_a_formula_says_what_a_list_of_terms_says(data: pd.DataFrame) -> None:
    one, other = mmrm(data, FORMULA, **SAID), mmrm(data, response="y", fixed=FIXED, **SAID)
    pd.testing.assert_series_equal(one.params, other.params, check_exact=True)
    assert one.terms[:3] == ("(Intercept)", "base", "visit[v1]")


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("y ~ np.log(base)", "np.log"),
        ("y ~ C(arm)", "C\\(arm\\)"),
        ("y ~ I(base**2)", "I\\(base"),
        ("np.log(y) ~ base", "np.log"),
        ("y ~ 0 + arm", "intercept"),
        ("y ~ arm - 1", "intercept"),
        ("y + base ~ arm", "one response"),
        ("~ arm", "response"),
        ("y ~ arm +", "cannot be read"),
        ("y ~ __import__('os').system('true')", "only name columns|cannot be read"),
        ("y ~ visit:arm", "without visit"),
        ("y ~ nosuch", "'nosuch'"),
    ],
)
def test_a_formula_names_columns_and_nothing_else(data: pd.DataFrame, formula: str, said: str) -> None:
    with pytest.raises(InvalidTerms, match=said):
        mmrm(data, formula, **SAID)


def test_a_backtick_names_a_column_with_a_space(data: pd.DataFrame) -> None:
    one = mmrm(data.rename(columns={"base": "base score"}), "y ~ `base score` + visit * arm", **SAID)
    assert one.params.to_numpy() == pytest.approx(mmrm(data, FORMULA, **SAID).params.to_numpy(), rel=1e-12)


def test_categorical_columns_bring_their_levels(data: pd.DataFrame) -> None:
    typed = data.assign(arm=pd.Categorical(data["arm"], ["b", "a"]), visit=pd.Categorical(data["visit"], LEVELS["visit"]))
    assert "arm[a]" in mmrm(typed, FORMULA, subject="id", visit="visit").terms


def test_text_without_levels_is_refused_and_not_shown(data: pd.DataFrame) -> None:
    with pytest.raises(InvalidTerms, match="not numeric and without declared levels: arm") as caught:
        mmrm(data.replace({"arm": {"a": "secret"}}), FORMULA, levels={"visit": LEVELS["visit"]}, subject="id", visit="visit")
    assert "secret" not in str(caught.value)


def test_numeric_visits_stand_in_order_but_are_no_factor_by_themselves(data: pd.DataFrame) -> None:
    numbered = data.assign(day=data["visit"].map({"v0": 0, "v1": 7, "v2": 14, "v3": 28}))
    fit = mmrm(numbered, "y ~ base + visit * arm", levels=LEVELS, subject="id", visit="day")
    assert list(fit.covariances["residual"].columns) == ["0", "7", "14", "28"]
    with pytest.raises(InvalidTerms, match="'day' is numeric"):
        mmrm(numbered, "y ~ base + day * arm", levels=LEVELS, subject="id", visit="day")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"covariance": "unstructured"}, "Unknown covariance"),
        ({"covariance": ()}, "Unknown covariance"),
        ({"df": "kr"}, "Unknown df"),
        ({"errors": "cr1"}, "Unknown errors"),
        ({"errors": "cr2", "df": "kenward-roger"}, "model-based"),
        ({"reml": False, "df": "kenward-roger"}, "REML"),
        ({"covariance": "sp_exp"}, "real times"),
        ({"response": "y"}, "not by both"),
        ({"group": "base"}, "more than one value|outside the declared levels|No row has"),
        ({"weights": "negative"}, "not positive"),
    ],
)
def test_what_the_arguments_cannot_say(data: pd.DataFrame, said: dict[str, Any], match: str) -> None:
    with pytest.raises(MixedModelError, match=match):
        mmrm(data.assign(negative=-1.0, base=data["base"] + data["t"]), FORMULA, **{**SAID, **said})


@pytest.mark.parametrize(("column", "key"), [("arm", "site"), ("visit", "site")])
def test_sites_and_groups_are_constant_within_people(data: pd.DataFrame, column: str, key: str) -> None:
    moving = data.assign(ward=data[column])
    if column == "visit":
        with pytest.raises(InvalidValues, match="more than one value of 'ward'"):
            lmm(moving, "y ~ base", subject="id", **{key: "ward"})
    else:
        assert "site" in lmm(moving, "y ~ base", subject="id", **{key: "ward"}).covariances


def test_defaults_follow_the_likelihood_and_the_errors(data: pd.DataFrame) -> None:
    fit = mmrm(data, FORMULA, **SAID)
    assert (fit.df_method, fit.errors) == ("kenward-roger", "model")
    assert mmrm(data, FORMULA, reml=False, **SAID).df_method == "satterthwaite"
    assert mmrm(data, FORMULA, errors="cr2", **SAID).df_method == "satterthwaite"


def test_other_errors_of_the_same_fit_are_those_of_another_fit(data: pd.DataFrame) -> None:
    fit = mmrm(data, FORMULA, covariance="ar1", **SAID)
    again = mmrm(data, FORMULA, covariance="ar1", errors="cr3", df="between-within", **SAID)
    pd.testing.assert_frame_equal(fit.with_inference("between-within", "cr3").tidy(), again.tidy(), check_exact=True)


def test_results_agree_with_themselves(data: pd.DataFrame) -> None:
    """tidy, conf_int, pvalues, tvalues, cov_params and coefficient are one set of numbers; summary shows them."""
    fit = mmrm(data, FORMULA, covariance=("us", "ar1"), **SAID)
    tidy = fit.tidy(0.9).set_index("term")
    np.testing.assert_array_equal(tidy["estimate"], fit.params)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.cov_params())), fit.bse, rtol=1e-12)
    np.testing.assert_allclose(fit.tvalues, fit.params / fit.bse)
    np.testing.assert_array_equal(tidy["p_value"], fit.pvalues)
    np.testing.assert_array_equal(fit.conf_int(0.9)["lower"], tidy["conf_low"])
    assert fit.coefficient("arm[b]").estimate == fit.params["arm[b]"]
    assert f"{fit.params['arm[b]']:.4g}" in fit.summary()
    assert "with sandwich errors CR2" not in fit.summary()
    assert "with sandwich errors CR2" in mmrm(data, FORMULA, covariance="ar1", **SAID).summary()


def test_a_chain_is_not_taken_for_a_better_fit(data: pd.DataFrame) -> None:
    fit = mmrm(data, FORMULA, covariance=("us", "cs"), **SAID)
    assert (fit.structure, fit.fallbacks, fit.flags) == ("us", (), ())


def test_a_chain_says_why_it_went_on_and_why_it_ended(simulate: Simulate) -> None:
    """People seen at v0 and v2, or at v1 and v3: pairs at other distances have no data."""
    every = simulate(4, n=40, missing=0.0)
    even = every["id"].str[-1].astype(int) % 2 == 0
    seen = every[np.where(even, every["visit"].isin(["v0", "v2"]), every["visit"].isin(["v1", "v3"]))]
    said = {"levels": {"visit": LEVELS["visit"]}, "subject": "id", "visit": "visit"}
    found = mmrm(seen, "y ~ visit", covariance=("us", "cs"), **said)
    assert found.structure == "cs"
    assert found.flags == ("fallback", "structured")
    assert found.fallbacks[0][0] == "us"
    assert "(v0, v1)" in found.fallbacks[0][1]
    assert "not fitted: us" in found.summary()
    with pytest.raises(MixedModelError, match=r"us: .*Last: No participant was observed at any pair of visits"):
        mmrm(seen, "y ~ visit", covariance=("us", "toep"), **said)


def test_moments_bring_their_own_model(data: pd.DataFrame) -> None:
    sums = moments(data, FORMULA, **SAID)
    with pytest.raises(InvalidTerms, match="formula"):
        mmrm(sums, FORMULA)
    with pytest.raises(InvalidTerms, match="participant's rows"):
        mmrm(sums, errors="cr2")
    with pytest.raises(InvalidTerms, match="participant's rows"):
        binned_residuals(mmrm(sums))


def test_moments_of_other_coding_do_not_add(data: pd.DataFrame) -> None:
    sums = moments(data, FORMULA, **SAID)
    with pytest.raises(IncompatibleMoments, match="like="):
        sums + moments(data.iloc[:150], FORMULA, **SAID)
    with pytest.raises(IncompatibleMoments, match="not in these moments"):
        moments(data[data["id"] < "P030"], FORMULA, like=sums, subject="id", visit="visit") - sums


def test_moments_of_few_people_are_kept_restricted(data: pd.DataFrame, tmp_path: Path) -> None:
    sums = moments(data, FORMULA, **SAID)
    with pytest.raises(NotShareable, match="'restricted'"):
        sums.save(tmp_path / "sums.npz")
    with pytest.raises(NotShareable, match="fewer than 10"):
        sums.save(tmp_path / "sums.npz", shareable=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "restricted").mkdir()
    target = tmp_path / "restricted" / "sums.npz"
    sums.save(target)
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        sums.save(target)


def test_shareable_moments_hold_no_small_combination(simulate: Simulate, tmp_path: Path) -> None:
    """Complete data, 24 people: one pattern, twelve in each arm; an arm of nine is too small, whatever the pattern holds."""
    complete = simulate(5, n=24, missing=0.0)
    sums = moments(complete, FORMULA, **SAID)
    sums.save(tmp_path / "sums.npz", shareable=True)
    assert mmrm(Moments.load(tmp_path / "sums.npz")).loglik == mmrm(sums).loglik
    fewer = complete[(complete["arm"] == "a") | (complete["id"] < "P018")]
    with pytest.raises(NotShareable, match="holds 9 participants"):
        moments(fewer, FORMULA, **SAID).save(tmp_path / "fewer.npz", shareable=True)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no moments"])
def test_a_file_without_moments_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(IncompatibleMoments):
        Moments.load(tmp_path / "m.npz")


def test_an_array_file_without_moments_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", header=np.array([1, 2, 3]))
    with pytest.raises(IncompatibleMoments):
        Moments.load(tmp_path / "m.npz")


def test_a_shared_baseline_mean_needs_chance(data: pd.DataFrame) -> None:
    said = {"response": "y", "arm": "arm", "visit": "visit", "levels": LEVELS, "subject": "id"}
    with pytest.raises(NotRandomised, match="chance"):
        clda(data, randomised=False, **said)
    means = clda(data, randomised=True, **said).ls_means(["arm", "visit"])
    assert means[0].estimate == pytest.approx(means[4].estimate, rel=1e-12)
    assert len(means.against("arm")) == 3


def test_checks_of_few_people_are_not_shown(data: pd.DataFrame, simulate: Simulate) -> None:
    fit = mmrm(data, FORMULA, **SAID)
    for check in (binned_residuals, quantile_pairs, observed_and_fitted):
        shown = check(fit)
        assert len(shown) > 1
        assert (shown["n"] >= 10).all()
        with pytest.raises(InvalidTerms, match="fewer than"):
            check(fit, k=61)


def test_residuals_of_a_right_model_have_mean_0_and_variance_1(simulate: Simulate) -> None:
    """1000 people: the mean of about 950 whitened residuals has the standard error 0.03."""
    fit = mmrm(simulate(6, n=1000), FORMULA, **SAID)
    bins = binned_residuals(fit, bins=4)
    assert np.abs(bins["residual"]).max() < 0.15
    assert bins["sd"].between(0.9, 1.1).all()
    pairs = quantile_pairs(fit)
    assert np.abs(pairs["residual"] - pairs["normal"]).max() < 0.15


def test_residuals_of_a_right_linear_mixed_model_have_mean_0_and_variance_1() -> None:
    """500 people at 5 visits with one mean each: rows stand in no order of time, and every fitted mean is shared by 500."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"id": np.repeat(np.arange(500), 5).astype(str), "visit": np.tile([f"v{at}" for at in range(5)], 500)})
    rows["y"] = np.repeat(rng.normal(0, 3, 500), 5) + rng.normal(0, 3, 2500) - 0.5 * np.tile(np.arange(5), 500)
    fit = lmm(rows, "y ~ visit", subject="id", random="1", levels={"visit": [f"v{at}" for at in range(5)]})
    bins = binned_residuals(fit)
    assert len(bins) == 5
    assert bins["residual"].to_numpy() == pytest.approx(0, abs=1e-9)  # complete data: each visit's mean is fitted
    assert bins["sd"].between(0.9, 1.1).all()
    means = rows.groupby("visit")["y"].mean().sort_values()
    assert bins["fitted"].to_numpy() == pytest.approx(means.to_numpy(), rel=1e-9)


def test_a_residual_of_rows_without_order_is_what_the_others_of_the_person_do_not_tell() -> None:
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"id": np.repeat(np.arange(30), 3).astype(str), "x": rng.normal(size=90)})
    rows["y"] = np.repeat(rng.normal(0, 2, 30), 3) + rng.normal(0, 1, 90) + rows["x"]
    fit = lmm(rows, "y ~ x", subject="id", random="1")
    v = fit.covariances["subject"].to_numpy()[0, 0] + fit.covariances["residual"].to_numpy()[0, 0] * np.eye(3)
    left = (rows["y"] - fit.params.to_numpy() @ [np.ones(90), rows["x"]]).to_numpy().reshape(30, 3)
    # by hand: the deviation from its conditional mean given the two others, over its conditional standard deviation
    expected = []
    for person in left:
        for at in range(3):
            others = [other for other in range(3) if other != at]
            weights = np.linalg.solve(v[np.ix_(others, others)], v[others, at])
            expected.append((person[at] - weights @ person[others]) / np.sqrt(v[at, at] - v[at, others] @ weights))
    expected = np.array(expected)
    bins = binned_residuals(fit, bins=1, k=2)
    assert bins["residual"][0] == pytest.approx(expected.mean(), abs=1e-7)
    assert bins["sd"][0] == pytest.approx(expected.std(ddof=1), rel=1e-7)


def test_one_row_per_person_is_least_squares(data: pd.DataFrame) -> None:
    once = data[data["visit"] == "v2"]
    fit = ols(once, "y ~ base + arm", levels={"arm": ["a", "b"]})
    x = np.column_stack([np.ones(len(once)), once["base"], once["arm"] == "b"])
    beta, rss = np.linalg.lstsq(x, once["y"].to_numpy(), rcond=None)[:2]
    assert fit.params.to_numpy() == pytest.approx(beta, rel=1e-9)
    assert fit.covariances["residual"].to_numpy()[0, 0] == pytest.approx(rss[0] / (len(once) - 3), rel=1e-9)
    assert set(fit.df) == {len(once) - 3}


@pytest.mark.parametrize(("n_obs", "n_subjects"), [(12, 3), (5, 4)])
def test_between_within_needs_both_kinds_of_degrees_of_freedom(n_obs: int, n_subjects: int) -> None:
    with pytest.raises(TooFewParticipants, match="between and"):
        between_within(n_obs, n_subjects, np.array([False, False, False, True]))


def test_every_public_name_is_there() -> None:
    for name in ketaoutcomes.__all__:
        assert callable(getattr(ketaoutcomes, name)), name


@pytest.mark.parametrize("df", ["kenward-roger", "satterthwaite", "between-within"])
def test_a_dependent_row_changes_no_joint_test(data: pd.DataFrame, df: str) -> None:
    fit = mmrm(data, FORMULA, df=df, **SAID)
    rows = np.eye(len(fit.terms))[[5, 6, 7]]
    one, other = fit.joint_test(rows), fit.joint_test([*rows, rows[0] - 2 * rows[1]])
    assert other.numerator_df == 3
    assert other.row() == pytest.approx(one.row(), rel=1e-9)


def test_times_given_as_visits_are_refused_in_one_line(data: pd.DataFrame) -> None:
    timed = data.assign(hour=np.arange(len(data)) / 7)
    with pytest.raises(InvalidTerms, match=r"different values.*sp_exp") as caught:
        mmrm(timed, "y ~ base", subject="id", visit="hour")
    assert len(str(caught.value)) < 200


def test_a_long_list_of_pairs_is_cut(simulate: Simulate) -> None:
    spread = simulate(8, n=40, missing=0.0).assign(day=lambda d: d["t"] * 10 + d["id"].str[-1].astype(int) % 5)
    with pytest.raises(MixedModelError, match="other pairs") as caught:
        mmrm(spread, "y ~ base", subject="id", visit="day")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("covariance", ["nonsense", []])
def test_a_shared_baseline_mean_needs_a_known_structure(data: pd.DataFrame, covariance: Any) -> None:
    with pytest.raises(InvalidTerms, match="Unknown covariance"):
        clda(data, response="y", arm="arm", visit="visit", levels=LEVELS, subject="id", randomised=True, covariance=covariance)


def test_what_cannot_be_read_is_refused(data: pd.DataFrame) -> None:
    with pytest.raises(InvalidTerms, match="cannot be read"):
        mmrm(data, "y ~ base | id", **SAID)
    with pytest.raises(InvalidTerms, match="cannot number a participant"):
        mmrm(data.assign(id=[[value] for value in data["id"]]), FORMULA, **SAID)
    with pytest.raises(InvalidContrast, match="finite number"):
        mmrm(data, FORMULA, **SAID).ls_means(["arm"], at={"base": [1.0]})  # pyright: ignore[reportArgumentType] - the mistake


def test_whole_numbers_as_categories_are_the_levels_they_declare(data: pd.DataFrame) -> None:
    numbered = data.assign(visit=pd.Categorical(data["visit"].str[1:].astype(float)))
    fit = mmrm(numbered, FORMULA, levels={"arm": LEVELS["arm"]}, subject="id", visit="visit")
    assert fit.loglik == pytest.approx(mmrm(data, FORMULA, **SAID).loglik, rel=1e-12)


@pytest.mark.parametrize("size", [1e-6, 7.0, 1e6])
def test_weights_that_are_all_the_same_change_the_residual_scale_only(data: pd.DataFrame, size: float) -> None:
    said = {"levels": {"arm": ["a", "b"]}, "subject": "id", "random": ("1", "t")}
    plain, weighted = lmm(data, "y ~ arm * t", **said), lmm(data.assign(w=size), "y ~ arm * t", weights="w", **said)
    pd.testing.assert_frame_equal(weighted.tidy(), plain.tidy(), rtol=1e-8)
    np.testing.assert_allclose(weighted.covariances["subject"], plain.covariances["subject"], rtol=1e-7)
    np.testing.assert_allclose(weighted.covariances["residual"], size * plain.covariances["residual"], rtol=1e-8)
    assert weighted.loglik == pytest.approx(plain.loglik, rel=1e-10)


def test_a_quantile_of_residuals_is_a_mean_of_ten_people(data: pd.DataFrame) -> None:
    fit = mmrm(data, FORMULA, **SAID)
    pairs = quantile_pairs(fit)
    assert pairs["probability"].iloc[0] >= 0.025
    assert (pairs["n"] >= 10).all()
    with pytest.raises(InvalidTerms, match="two participants"):
        quantile_pairs(fit, k=1)
