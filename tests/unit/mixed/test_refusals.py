"""Data that cannot carry the model are refused or flagged: never a silent number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import (
    DegenerateResponse,
    Fit,
    InvalidContrast,
    MixedModelError,
    NearSingularCovariance,
    NotConverged,
    OneVisitPerParticipant,
    RankDeficient,
    TooFewParticipants,
    VisitsNeverTogether,
    lmm,
    mmrm,
    newton,
)

Simulate = Callable[..., pd.DataFrame]
LEVELS = {"arm": ["a", "b"], "visit": ["v0", "v1", "v2", "v3"]}
FIXED = [("base",), ("arm",), ("visit",), ("arm", "visit")]


def by_visit(data: pd.DataFrame) -> Fit:
    return mmrm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id", visit="visit")


def by_intercept(data: pd.DataFrame) -> Fit:
    return lmm(data, response="y", fixed=FIXED, levels=LEVELS, subject="id")


@pytest.mark.parametrize("model", [by_visit, by_intercept])
@pytest.mark.parametrize("y", [0.0, 17.0])
def test_constant_response(simulate: Simulate, model: Callable[[pd.DataFrame], Fit], y: float) -> None:
    with pytest.raises(DegenerateResponse):
        model(simulate(1).assign(y=y))


@pytest.mark.parametrize("model", [by_visit, by_intercept])
def test_response_that_the_design_reproduces(simulate: Simulate, model: Callable[[pd.DataFrame], Fit]) -> None:
    with pytest.raises(DegenerateResponse):
        model(simulate(1).assign(y=lambda d: 3 * d["base"] - d["t"] + 1e6))


def test_response_without_variation_at_one_visit(simulate: Simulate) -> None:
    data = simulate(1)
    data.loc[data["visit"] == "v0", "y"] = 5.0
    with pytest.raises(DegenerateResponse, match="v0"):
        mmrm(data, response="y", fixed=[("visit",)], levels=LEVELS, subject="id", visit="visit")


def test_response_without_variation_within_participants(simulate: Simulate) -> None:
    data = simulate(1)
    data["y"] = data["base"] ** 2
    with pytest.raises(DegenerateResponse, match="within"):
        lmm(data, response="y", fixed=[("visit",)], levels=LEVELS, subject="id")


@pytest.mark.parametrize("model", [by_visit, by_intercept])
def test_one_row_per_participant(simulate: Simulate, model: Callable[[pd.DataFrame], Fit]) -> None:
    data = simulate(1, n=80, missing=0)
    number = data["id"].str[1:].astype(int)
    with pytest.raises(OneVisitPerParticipant):
        model(data[number // 2 % 4 == data["t"]])


def test_a_pair_of_visits_never_seen_together(simulate: Simulate) -> None:
    data = simulate(1, n=60, missing=0)
    number = data["id"].str[1:].astype(int)
    apart = ((number < 30) & (data["visit"] == "v1")) | ((number >= 30) & (data["visit"] == "v3"))
    with pytest.raises(VisitsNeverTogether, match=r"\(v1, v3\)") as caught:
        by_visit(data[~apart])
    assert caught.value.pairs == (("v1", "v3"),)


@pytest.mark.parametrize("model", [by_visit, by_intercept])
def test_arm_without_a_value_at_a_visit(simulate: Simulate, model: Callable[[pd.DataFrame], Fit]) -> None:
    data = simulate(1)
    with pytest.raises(RankDeficient, match="arm=b and visit=v3"):
        model(data[~((data["arm"] == "b") & (data["visit"] == "v3"))])


@pytest.mark.parametrize("n", [3, 4, 5])
def test_too_few_participants_for_an_unstructured_matrix(simulate: Simulate, n: int) -> None:
    """With n - 2 < 4 the sample covariance of 4 visits is singular and the likelihood has no maximum."""
    data = simulate(1, n=n, missing=0)
    with pytest.raises((NearSingularCovariance, TooFewParticipants)):
        mmrm(
            data,
            response="y",
            fixed=[("arm",), ("visit",), ("arm", "visit")],
            levels=LEVELS,
            subject="id",
            visit="visit",
        )


def test_more_effects_than_rows(simulate: Simulate) -> None:
    with pytest.raises((TooFewParticipants, RankDeficient)):
        by_intercept(simulate(1, n=2, missing=0))


def test_fixed_effects_that_use_up_the_participants(simulate: Simulate) -> None:
    data = simulate(1, n=2, missing=0)
    with pytest.raises(TooFewParticipants, match="between"):
        lmm(data, response="y", fixed=[("arm",)], levels={"arm": ["a", "b"]}, subject="id")


@pytest.mark.parametrize("noise", [1e-3, 1e-5, 1e-7, 0.0])
def test_visit_that_repeats_another(simulate: Simulate, noise: float) -> None:
    """`engine.md` section 5: visit 6 = visit 5 + noise; the prototype returned numbers without an error."""
    data = simulate(1, n=100, missing=0)
    last = data["visit"] == "v3"
    rng = np.random.default_rng(0)
    data.loc[last, "y"] = data.loc[data["visit"] == "v2", "y"].to_numpy() + noise * rng.normal(size=100)
    try:
        fit = by_visit(data)
    except NearSingularCovariance:
        return
    assert noise == 1e-3
    assert fit.proof.distance < 1e-8


def test_iteration_limit_raises(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton, "MAX_ITERATIONS", 2)
    with pytest.raises(NotConverged, match="2 Newton steps"):
        by_visit(simulate(1))


def test_condition_number_above_the_limit(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = by_visit(simulate(1))
    monkeypatch.setattr(newton, "LARGEST_CONDITION", fit.proof.covariance_condition / 2)
    with pytest.raises(NearSingularCovariance, match="condition number"):
        by_visit(simulate(1))


def test_every_fit_of_a_small_trial_is_proved_or_refused(simulate: Simulate) -> None:
    refused = 0
    for seed in range(25):
        try:
            fit = by_visit(simulate(seed, n=11, missing=0.2))
        except MixedModelError:
            refused += 1
            continue
        assert fit.proof.distance < 1e-8
        assert fit.proof.hessian_min_eigenvalue > 0
        assert fit.proof.covariance_min_eigenvalue > 0
        assert np.isfinite(fit.bse).all() and (fit.df > 0).all()
    assert refused < 25


def fit_of_a_tiny_trial(n: int, seed: int) -> Fit:
    """Five visits, about 15 % missing, unstructured: near what the likelihood can carry."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, 1)) * 5 + rng.normal(size=(n, 5)) * 3
    data = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), 5),
            "visit": np.tile(np.arange(5), n),
            "arm": np.repeat(np.arange(n) % 2, 5),
            "y": y.ravel(),
        }
    )
    data = data[rng.random(len(data)) > 0.15]
    levels = {"arm": ["0", "1"], "visit": list("01234")}
    fixed = [("arm",), ("visit",), ("arm", "visit")]
    return mmrm(data, response="y", fixed=fixed, levels=levels, subject="id", visit="visit")


@pytest.mark.parametrize(("n", "seed", "loglik"), [(14, 13, -145.0), (12, 3, -117.7)])
def test_starts_that_disagree_are_flagged(n: int, seed: int, loglik: float) -> None:
    """One start ends at a lower maximum (-145.39) or runs to a singular covariance: the better is kept, and flagged."""
    fit = fit_of_a_tiny_trial(n, seed)
    assert (fit.status, fit.flags) == ("flagged", ("several_optima",))
    assert fit.loglik > loglik


def test_rounding_of_the_value_does_not_stop_the_last_steps() -> None:
    """At condition number 3e4 the value cannot resolve the last Newton steps; the gradient can."""
    fit = fit_of_a_tiny_trial(15, 42)
    assert fit.proof.covariance_condition > 1e4
    assert set(fit.flags) <= {"several_optima"}
    assert fit.proof.distance < 1e-8


@pytest.mark.parametrize("row", [[1.0], np.zeros(9), np.full(9, np.nan), np.ones((2, 9))])
def test_refuses_a_contrast_that_is_none(simulate: Simulate, row: object) -> None:
    fit = by_visit(simulate(1))
    with pytest.raises(InvalidContrast):
        fit.contrast(row)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_refuses_a_confidence_level(simulate: Simulate, level: float) -> None:
    with pytest.raises(InvalidContrast, match="between 0 and 1"):
        by_visit(simulate(1)).contrast(np.eye(9)[0], conf_level=level)


@pytest.mark.parametrize(
    ("by", "at"),
    [
        (("base",), None),
        (("site",), None),
        (("arm", "arm"), None),
        (("arm",), {"age": 3}),
        (("arm",), {"arm": "a"}),
        (("arm",), {"visit": "v9"}),
        (("arm",), {"base": "high"}),
    ],
)
def test_refuses_a_grid_that_is_not_in_the_model(simulate: Simulate, by: tuple[str, ...], at: dict[str, str | float] | None) -> None:
    with pytest.raises(InvalidContrast):
        by_visit(simulate(1)).ls_means(by, at)


def test_a_second_start_where_the_path_had_trouble(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """One start for 60 people at 4 visits; a second when the condition number, the gradient or a shortened step says so."""
    data = simulate(1, n=60)
    assert by_visit(data).proof.starts == 1
    for name, value in (("NEAR_SINGULAR", 1.0), ("STEEP", -1.0), ("SHORT_STEP", 2.0)):
        with monkeypatch.context() as patch:
            patch.setattr(newton, name, value)
            assert by_visit(data).proof.starts == 2, name


def test_the_path_descends_to_the_optimum(simulate: Simulate) -> None:
    proof = by_visit(simulate(1, n=60)).proof
    assert len(proof.path) == proof.iterations + 1
    assert (np.diff(proof.path) <= 1e-12).all()
