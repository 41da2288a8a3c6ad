"""Standard errors and tests with too few participants behind them: a refusal, never NaN, a negative F or a division by zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import InvalidContrast, TooFewParticipants, clda, lmm, mmrm

Simulate = Callable[..., pd.DataFrame]
LEVELS = {"arm": ["a", "b"], "visit": ["v0", "v1", "v2", "v3"]}
SAID: dict[str, Any] = {"levels": LEVELS, "subject": "id", "visit": "visit"}


@pytest.mark.parametrize("errors", ["cr0", "cr2", "cr3"])
def test_a_sandwich_of_fewer_people_than_coefficients_has_no_joint_test(simulate: Simulate, errors: str) -> None:
    """Three differences of visits, two people in an arm: the sandwich has rank 2, and two of the three rows are another hypothesis."""
    fit = mmrm(simulate(3, n=4, missing=0), "y ~ arm * visit", covariance="cs", errors=errors, **SAID)
    rows = np.eye(len(fit.terms))[[fit.terms.index(f"arm[b]:visit[v{v}]") for v in (1, 2, 3)]]
    with pytest.raises(TooFewParticipants, match="not positive"):
        fit.joint_test(np.vstack([rows, np.eye(len(fit.terms))[1:5]]))


@pytest.mark.parametrize("errors", ["cr0", "cr2", "cr3"])
def test_the_effect_of_one_person_has_no_sandwich_error(simulate: Simulate, errors: str) -> None:
    """Their residuals are 0, so that only others' are left: nothing where the contrast is their own mean."""
    data = simulate(4, n=9, missing=0)
    alone = data.assign(alone=(data["id"] == "P003").astype(float) - (data["id"] == "P004"), two=data["id"].isin(["P003", "P004"]).astype(float))
    fit = lmm(alone, "y ~ alone + two", subject="id")
    assert np.isfinite(fit.tidy().drop(columns="term")).all(axis=None)
    with pytest.raises(TooFewParticipants, match="not positive"):
        fit.with_inference("residual", errors)


def test_kenward_rogers_f_of_too_few_people_is_refused(simulate: Simulate) -> None:
    refused = 0
    for seed in range(12):
        fit = mmrm(simulate(seed, n=3, missing=0), "y ~ visit", covariance="ad", **SAID)
        rows = np.eye(len(fit.terms))[1:]
        try:
            test = fit.joint_test(rows)
        except TooFewParticipants:
            refused += 1
        else:
            assert test.f >= 0
            assert test.denominator_df > 2
            assert 0 <= test.p <= 1
    assert refused


def test_kenward_rogers_f_of_one_row_is_t_squared(simulate: Simulate) -> None:
    fit = mmrm(simulate(5), "y ~ arm * visit", **SAID)
    test, one = fit.joint_test(np.eye(len(fit.terms))[1]), fit.coefficient(fit.terms[1])
    assert (test.f, test.denominator_df, test.p) == pytest.approx((one.t**2, one.df, one.p), rel=1e-12)


def test_the_unit_of_a_covariate_changes_no_degrees_of_freedom(simulate: Simulate) -> None:
    data = simulate(6)
    one = mmrm(data, "y ~ base + visit", **SAID).tidy()
    other = mmrm(data.assign(base=data["base"] * 1e90), "y ~ base + visit", **SAID).tidy()
    np.testing.assert_allclose(other[["df", "t", "p_value"]], one[["df", "t", "p_value"]], rtol=1e-6)


def test_no_contrasts_are_no_test(simulate: Simulate) -> None:
    fit = clda(simulate(7), response="y", arm="arm", visit="visit", levels=LEVELS, subject="id", randomised=True)
    none = fit.ls_means(["arm"], at={"visit": "v0"}).against("arm")
    assert len(none) == 0
    with pytest.raises(InvalidContrast, match="no contrasts"):
        none.joint_test()
    with pytest.raises(InvalidContrast, match="no contrasts"):
        none.adjusted("holm")
    with pytest.raises(InvalidContrast, match="at least one"):
        fit.joint_test(np.zeros((0, len(fit.terms))))
    with pytest.raises(InvalidContrast, match="of at most"):
        fit.contrast(np.full(len(fit.terms), 1e300))
