"""Times to event against R survival and, for Gray's test, an account that reproduces cmprsk's printed values (`make.R` beside this file)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, norm

from ketaoutcomes.models._survival import (
    at_time,
    cumulative_incidence,
    gray,
    greenwood_variance,
    log_rank,
    product_limit,
    proportional_hazards,
    restricted_means,
    score_residuals,
)

R: dict[str, Any] = json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
TIME, STATUS = np.asarray(R["times"]["time"], dtype=float), np.asarray(R["times"]["status"])
EVENT, ARM, STRATUM = STATUS == 0, [str(arm) for arm in R["times"]["arm"]], R["times"]["stratum"]


def known(values: list[float | None]) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in values], dtype=float)


@pytest.mark.parametrize("limits", ["log", "log-log", "plain"])
def test_limits_of_a_curve(limits: str) -> None:
    expected, found = R["curves"][limits], product_limit(TIME, EVENT, 0.95, limits)
    assert found.time.tolist() == expected["time"]
    assert found.at_risk.tolist() == expected["at_risk"]
    assert found.survival == pytest.approx(known(expected["survival"]), abs=1e-12)
    inside = found.survival < 1
    assert found.lower[inside] == pytest.approx(known(expected["lower"])[inside], abs=1e-10, nan_ok=True)
    assert found.upper[inside] == pytest.approx(known(expected["upper"])[inside], abs=1e-10, nan_ok=True)


def test_restricted_means() -> None:
    """R's areas; its difference from the two errors."""
    for entry in R["means"]:
        found = restricted_means(TIME, EVENT, ARM, entry["until"], 0.95)
        assert [found["mean0"], found["mean1"]] == pytest.approx(entry["means"], rel=1e-9)
        assert found["difference"] == pytest.approx(entry["difference"], rel=1e-9)
        assert found["std_error"] == pytest.approx(entry["se"], rel=1e-9)
        half = norm.ppf(0.975) * entry["se"]
        assert [found["lower"], found["upper"]] == pytest.approx([entry["difference"] - half, entry["difference"] + half], rel=1e-9)
        assert found["p"] == pytest.approx(entry["p"], rel=1e-7)


def test_restricted_means_by_hand() -> None:
    """0: events at 1 and 3, censored at 2 and 4: 1 + 2 * 0.75 + 0.375 = 2.875 up to 4; 1: event at 2 of two, to 4: 2 + 2 * 0.5 = 3."""
    time, event = np.array([1.0, 2.0, 3.0, 4.0, 2.0, 4.0]), np.array([True, False, True, False, True, False])
    found = restricted_means(time, event, ["0"] * 4 + ["1"] * 2, 4.0, 0.95)
    assert [found[name] for name in ("mean0", "mean1", "difference")] == pytest.approx([2.875, 3.0, 0.125], abs=1e-12)


def test_landmarks() -> None:
    for entry in R["landmarks"]:
        for at, arm in enumerate(("0", "1")):
            inside = np.array(ARM) == arm
            curve = product_limit(TIME[inside], EVENT[inside], 0.95)
            assert at_time(curve, entry["day"])[0] == pytest.approx(entry["survival"][at], abs=1e-12)
            assert math.sqrt(greenwood_variance(curve, entry["day"])) == pytest.approx(entry["se"][at], abs=1e-12)


def test_a_landmark_before_the_first_and_after_the_last_time() -> None:
    """Two people censored on days 3 and 5 with an event on day 4: nothing is known after day 5; after everybody's event it is 0."""
    curve = product_limit(np.array([3.0, 4.0, 5.0]), np.array([False, True, False]), 0.95)
    assert at_time(curve, 2.0) == (1.0, 1.0, 1.0)
    assert [at_time(curve, day)[0] for day in (3.9, 4.0, 5.0)] == [1.0, 0.5, 0.5]
    assert math.isnan(at_time(curve, 5.1)[0])
    everybody = product_limit(np.array([3.0, 4.0]), np.array([True, True]), 0.95)
    assert (at_time(everybody, 9.0)[0], greenwood_variance(everybody, 9.0)) == (0.0, 0.0)


def test_weighted_log_rank_tests() -> None:
    for entry in R["rank_tests"]:
        for strata, chisq in ((None, entry["chisq"]), (STRATUM, entry["stratified"])):
            found = log_rank(TIME, EVENT, ARM, strata, entry["rho"], entry["gamma"])
            assert found == pytest.approx((chisq, 1, chi2.sf(chisq, 1)), rel=1e-9)


def test_cumulative_incidence() -> None:
    """R's multi-state curve; limits F ^ exp(-+ z se / (F log F)), written out."""
    found, entry = cumulative_incidence(TIME, STATUS, 0.95), R["incidence"]
    assert found["time"].tolist() == entry["time"]
    f, se = known(entry["estimate"]), known(entry["se"])
    assert found["estimate"].to_numpy() == pytest.approx(f, abs=1e-12)
    assert found["std_error"].to_numpy() == pytest.approx(se, abs=1e-10)
    for column, sign in (("conf_low", 1), ("conf_high", -1)):
        inside = f > 0
        wide = -sign * norm.ppf(0.975) * se[inside] / (f[inside] * np.log(f[inside]))
        assert found[column].to_numpy()[inside] == pytest.approx(f[inside] ** np.exp(wide), abs=1e-10)


@pytest.mark.parametrize(("groups", "df"), [("two", 1), ("three", 2)])
def test_gray(groups: str, df: int) -> None:
    found = gray(TIME, STATUS, ARM if groups == "two" else STRATUM)
    assert found == pytest.approx((R["gray"][groups], df, chi2.sf(R["gray"][groups], df)), rel=1e-8)


COX = {name: np.asarray(values) for name, values in R["cox"]["rows"].items()}
X = np.column_stack([COX["arm"], COX["z"]]).astype(float)


@pytest.mark.parametrize("how", ["plain", "strata", "cluster"])
def test_counting_process(how: str) -> None:
    strata = [str(stratum) for stratum in COX["stratum"]] if how == "strata" else None
    cluster = [str(who) for who in COX["id"]] if how == "cluster" else None
    entry, time, event = COX["entry"].astype(float), COX["time"].astype(float), COX["event"] == 1
    fit, expected = proportional_hazards(time, event, X, strata, cluster, 0.95, entry), R["cox"][how]
    assert fit.coefficient == pytest.approx(np.asarray(expected["coef"]), rel=1e-9)
    assert fit.std_error == pytest.approx(np.asarray(expected["se"]), rel=1e-7)
    assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-11)
    assert fit.gradient_norm < 1e-9
    if how == "plain":
        assert fit.ph_test == pytest.approx(R["cox"]["zph"], rel=1e-5)


def log_likelihood(rows: tuple[np.ndarray, ...], x: np.ndarray, beta: np.ndarray) -> float:
    """Efron's log partial likelihood, one tied event after the other (Therneau and Grambsch 2000, 3.3)."""
    entry, time, event = rows
    total = 0.0
    for at in np.unique(time[event]):
        risk, dying = (entry < at) & (time >= at), event & (time == at)
        whole, tied = np.exp(x[risk] @ beta).sum(), np.exp(x[dying] @ beta).sum()
        total += (x[dying] @ beta).sum() - sum(math.log(whole - k / dying.sum() * tied) for k in range(dying.sum()))
    return total


def test_score_residuals_add_up_to_the_slope() -> None:
    """Away from the maximum: central differences of the likelihood written out above."""
    rows, beta = (COX["entry"].astype(float), COX["time"].astype(float), COX["event"] == 1), np.array([0.3, -0.2])
    found = score_residuals(rows[1], rows[2], X, beta, None, rows[0]).sum(axis=0)
    for at, step in enumerate(np.eye(2) * 1e-5):
        slope = (log_likelihood(rows, X, beta + step) - log_likelihood(rows, X, beta - step)) / 2e-5
        assert found[at] == pytest.approx(slope, rel=1e-6)
