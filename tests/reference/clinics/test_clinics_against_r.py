"""Clinics with irregular follow-up against R (`make.R`): courses over days, sites, the intensity of being seen, weights and their errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import lmm
from ketaoutcomes.models import _intensity, _weights
from ketaoutcomes.models._clock import Clock
from ketaoutcomes.models._gee import Equations, solve

HERE = Path(__file__).resolve().parent
REFERENCE: dict[str, Any] = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
ROWS = pd.read_csv(HERE / "scores.csv")
SEEN = ROWS.dropna(subset=["day"]).reset_index(drop=True).assign(chg=lambda rows: rows["score"] - rows["base"], time=lambda rows: rows["day"])
CLOCK = Clock(tuple(map(float, REFERENCE["course"]["knots"])))
AT = [float(day) for day in REFERENCE["course"]["at"]]


def test_a_restricted_cubic_spline_is_a_natural_spline() -> None:
    """R's basis is another one of the same functions: equal fitted means, errors and log-likelihood."""
    expected = REFERENCE["course"]
    frame = CLOCK.on(SEEN)
    given: dict[str, Any] = {"response": "chg", "fixed": [("base",), *((name,) for name in CLOCK.names)], "subject": "id", "site": "site"}
    fit = lmm(frame, **given)
    errors = lmm(frame, **given, df="satterthwaite")
    cells = [fit.ls_means([], at=CLOCK.at(day))[0] for day in AT]
    np.testing.assert_allclose([cell.estimate for cell in cells], expected["mean"], rtol=2e-6)
    np.testing.assert_allclose([errors.ls_means([], at=CLOCK.at(day))[0].se for day in AT], expected["se"], rtol=2e-6)
    found = {name: math.sqrt(fit.covariances[of].to_numpy()[0, 0]) for name, of in (("id", "subject"), ("site", "site"), ("Residual", "residual"))}
    np.testing.assert_allclose([found[name] for name in expected["order"]], expected["sd"], rtol=1e-5)
    sites = fit.random_effects()["site"]
    np.testing.assert_allclose(sites["estimate"], expected["site_effect"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sites["conditional_sd"], expected["site_sd"], rtol=1e-5)


def test_beyond_the_outer_knots_the_spline_is_a_line() -> None:
    for times in ([-50.0, -20.0, 1.0], [95.0, 200.0, 1000.0]):
        values = CLOCK.values(np.array(times))
        slopes = np.diff(values, axis=0) / np.diff(times)[:, None]
        np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-9, atol=1e-9)


def intervals() -> pd.DataFrame:
    people = ROWS.drop_duplicates("id").rename(columns={"id": "participant"}).assign(last_day=np.nan)
    scores = SEEN.rename(columns={"id": "participant", "day": "ady", "score": "aval"})
    return _intensity.intervals(people, scores, people.set_index("participant")["base"], 120.0)


def test_the_intensity_of_being_seen() -> None:
    """R's data have a row for every day at risk."""
    expected = REFERENCE["intensity"]
    fit = _intensity.intensity(intervals(), 0.95)
    np.testing.assert_allclose(fit.coefficient, expected["estimate"], rtol=1e-7)
    np.testing.assert_allclose(fit.std_error, expected["se"], rtol=1e-6)


def test_a_course_weighted_by_the_intensity() -> None:
    expected = REFERENCE["weighted_course"]
    found = intervals()
    before = found.loc[found["event"]].rename(columns={"participant": "id", "time": "day"})[["id", "day", "last"]]
    rows = CLOCK.on(SEEN.merge(before, on=["id", "day"]))
    raw = np.exp(-_intensity.intensity(found, 0.95).coefficient[0] * (rows["last"] - rows["last"].mean()))
    low, high = np.quantile(raw, [0.01, 0.99])
    weights = np.clip(raw, low, high) / np.clip(raw, low, high).mean()
    np.testing.assert_allclose([weights.min(), weights.max()], expected["weights_range"], rtol=1e-7)
    x = np.column_stack([np.ones(len(rows)), rows["base"], *(rows[name] for name in CLOCK.names)])
    first = np.flatnonzero(~rows["id"].duplicated())
    equations = Equations(rows["chg"].to_numpy(float), x, first, np.arange(len(rows), dtype=float), binary=False, weights=weights.to_numpy(float))
    base = rows["base"].iloc[first].mean()
    along = np.array([[1.0, base, *CLOCK.at(day).values()] for day in AT])
    for errors, key in (("robust", "cr0_se"), ("robust", "geepack_robust_se"), ("mancl-derouen", "cr3_se")):
        solved = solve(equations, "independence", errors)
        np.testing.assert_allclose(along @ solved.coefficients, expected["mean"], rtol=1e-7)
        np.testing.assert_allclose(np.sqrt(np.einsum("ij,jk,ik->i", along, solved.covariance, along)), expected[key], rtol=1e-6)


TWO = pd.read_csv(HERE / "two_arms.csv")


@pytest.mark.parametrize(("name", "trim"), [("change", 0.01), ("change_untrimmed", 0.0), ("better", 0.01)])
def test_weighted_means_with_errors_that_know_the_weights_were_estimated(name: str, trim: float) -> None:
    """R differentiates the stacked estimating functions numerically."""
    expected = REFERENCE[name]
    treated = (TWO["arm"] == "ketamine").to_numpy()
    inpatient = (TWO["inpatient"] == "yes").to_numpy(float)
    x = np.column_stack([np.ones(len(TWO)), TWO["age"], inpatient, TWO["base"]])
    from scipy.optimize import root

    score = root(lambda beta: x.T @ (treated - 1 / (1 + np.exp(-(x @ beta)))), np.zeros(4), tol=1e-13).x
    of = _weights.weighted(x, treated, score, trim)
    np.testing.assert_allclose([of.weights.min(), of.weights.max(), of.weights.std(ddof=1)], [*expected["weights_range"], expected["weights_sd"]], rtol=1e-7)
    means = _weights.means(of, TWO["better" if name == "better" else "chg"].to_numpy(float))
    np.testing.assert_allclose([means.treated, means.reference], [expected["treated"], expected["reference"]], rtol=1e-9)
    np.testing.assert_allclose(
        [means.error(1, 0), means.error(0, 1), means.error(1, -1), means.error(1 / means.treated, -1 / means.reference)],
        [expected["se_treated"], expected["se_reference"], expected["se_difference"], expected["se_log_ratio"]],
        rtol=1e-6,
    )
    both = [_weights.standardised_difference(values, treated, of.weights) for values in (TWO["age"].to_numpy(float), inpatient, TWO["base"].to_numpy(float))]
    np.testing.assert_allclose([before for before, _ in both], expected["before"], rtol=1e-9)
    np.testing.assert_allclose([after for _, after in both], expected["after"], rtol=1e-6)
    assert _weights.effective(of.weights[treated]) == pytest.approx(expected["effective"], rel=1e-7)
