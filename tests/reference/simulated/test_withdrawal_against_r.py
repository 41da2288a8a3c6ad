"""The randomised withdrawal study, from CSV to ARD, against R survival 3.5-3 (`make.R`).

The curve and the log-rank test are closed forms. `coxph` ran with eps 1e-13 and Newton's method converges
quadratically on both sides, so coefficients are good to about 1e-12; limits and p values follow from them. The
proportional-hazards test is taken where the library stopped, before our last Newton step: 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.domain.analyses import Cox
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse
from ketaoutcomes.schema import ard

Prepared = tuple[Study, dict[str, pd.DataFrame]]
EXACT = 1e-10
FITTED = 1e-8
TERMS = {"armesketamine": "arm[esketamine]", "AGE": "age", "sexmale": "sex[male]"}
CONTRAST = {"term": "contrast", "arm": "esketamine", "comparator": "placebo"}
COX: dict[str, dict[str, Any]] = {
    "stratified": {"strata": ["stable"]},
    "unstratified": {},
    "covariates": {"strata": ["stable"], "covariates": ["age", "sex"]},
    "clustered": {"cluster": "site"},
    "remitters": {"population": "remitters"},
}


@pytest.fixture(scope="module")
def expected(in_r: dict[str, Any]) -> dict[str, Any]:
    return in_r["esketamine_withdrawal"]


@pytest.fixture(scope="module")
def curve(withdrawal: Prepared) -> pd.DataFrame:
    return analyse(withdrawal[0], "relapse_curve", withdrawal[1])


def added(study: Study, model: str) -> Study:
    entry = {"model": "cox", "title": model, "population": "randomised", "endpoint": "relapse", "period": "maintenance", **COX[model]}
    return study.model_copy(update={"analyses": {**study.analyses, model: Cox.model_validate(entry)}})


@pytest.mark.parametrize("model", COX)
def test_cox(withdrawal: Prepared, expected: dict[str, Any], number: Callable[..., float], model: str) -> None:
    found, theirs = analyse(added(withdrawal[0], model), model, withdrawal[1]), expected[model]
    assert (number(found, "n", term="fit"), number(found, "n_events", term="fit")) == (theirs["n"], theirs["events"])
    assert number(found, "loglik", term="fit") == pytest.approx(theirs["loglik"], rel=1e-12)
    names = [theirs["term"]] if isinstance(theirs["term"], str) else theirs["term"]
    for at, name in enumerate(names):
        for ours, r in (("estimate", "coef"), ("std_error", "se"), ("p_value", "p"), ("conf_low", "lower"), ("conf_high", "upper")):
            assert number(found, ours, term=TERMS[name]) == pytest.approx(theirs[r][at], rel=FITTED), (name, ours)
    assert number(found, "hazard_ratio", **CONTRAST) == pytest.approx(np.exp(theirs["coef"][0]), rel=FITTED)
    assert number(found, "conf_low", **CONTRAST) == pytest.approx(np.exp(theirs["lower"][0]), rel=FITTED)
    assert number(found, "conf_high", **CONTRAST) == pytest.approx(np.exp(theirs["upper"][0]), rel=FITTED)


@pytest.mark.parametrize("model", [model for model in COX if model != "clustered"])
def test_proportional_hazards_check(withdrawal: Prepared, expected: dict[str, Any], number: Callable[..., float], model: str) -> None:
    found = analyse(added(withdrawal[0], model), model, withdrawal[1])
    ours = [number(found, statistic, term="proportional hazards") for statistic in ("chisq", "df", "p_value")]
    assert ours == pytest.approx(expected[model]["zph"], rel=1e-6)


def test_the_study_files_own_analyses_are_these_models(withdrawal: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    for name, model in (("relapse_hazard", "stratified"), ("relapse_remitters", "remitters")):
        found = analyse(withdrawal[0], name, withdrawal[1])
        assert number(found, "estimate", term="arm[esketamine]") == pytest.approx(expected[model]["coef"][0], rel=FITTED)


def test_few_clusters_are_flagged(withdrawal: Prepared) -> None:
    """Twelve centres: the sandwich errors equal R's (`test_cox`) and are flagged all the same."""
    found = analyse(added(withdrawal[0], "clustered"), "clustered", withdrawal[1])
    assert set(ard.match(found, statistic="hazard_ratio")["status"]) == {"flagged"}


@pytest.mark.parametrize("arm", ["placebo", "esketamine"])
def test_curve_steps(curve: pd.DataFrame, expected: dict[str, Any], arm: str) -> None:
    """Every time with an event, and the last time: at risk, events, survival, limits."""
    theirs = pd.DataFrame({name: expected["curves"][arm][name] for name in ("time", "at_risk", "n_event", "survival", "lower", "upper")}).astype(float)
    theirs = theirs[(theirs["n_event"] > 0) | (theirs["time"] == theirs["time"].max())]
    rows = ard.match(curve, term="curve", arm=arm)
    rows = rows[rows["day"] > 0].sort_values("day")
    steps = {name: rows[rows["statistic"] == name] for name in ("survival", "conf_low", "conf_high")}
    assert list(steps["survival"]["day"]) == list(theirs["time"])
    assert list(steps["survival"]["n"]) == list(theirs["at_risk"])
    assert list(steps["survival"]["events"]) == list(theirs["n_event"])
    for ours, r in (("survival", "survival"), ("conf_low", "lower"), ("conf_high", "upper")):
        np.testing.assert_allclose(steps[ours]["value"].to_numpy(float), theirs[r], rtol=EXACT)


@pytest.mark.parametrize("arm", ["placebo", "esketamine"])
def test_medians(curve: pd.DataFrame, expected: dict[str, Any], arm: str) -> None:
    """A median that is not reached in R is not estimable here."""
    theirs = expected["curves"][arm]
    for ours, r in (("median", "median"), ("conf_low", "median_lower"), ("conf_high", "median_upper")):
        row = ard.match(curve, term="median", arm=arm, statistic=ours).iloc[0]
        if theirs[r] is None:
            assert (row["status"], pd.isna(row["value"])) == ("not_estimable", True)
        else:
            assert row["value"] == theirs[r]


def test_at_risk(curve: pd.DataFrame, expected: dict[str, Any], number: Callable[..., float]) -> None:
    assert number(curve, "n_at_risk", term="at risk", day=56.0, arm="placebo") == expected["at_risk_56_placebo"]


def test_log_rank(withdrawal: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    study, data = withdrawal
    plain = study.analyses["relapse_curve"].model_copy(update={"strata": []})
    study = study.model_copy(update={"analyses": {**study.analyses, "plain": plain}})
    for name, entry in (("relapse_curve", "log_rank_stratified"), ("plain", "log_rank")):
        found = analyse(study, name, data)
        ours = [number(found, statistic, term="log-rank") for statistic in ("chisq", "df", "p_value")]
        assert ours == pytest.approx(expected[entry], rel=EXACT)
