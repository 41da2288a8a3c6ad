"""The proof of a Cox fit is a proof: it holds at R's maximum, nowhere else, and a fit without it is no number."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import greenwood
import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import _survival, analyse, cox

Prepared = tuple[Study, dict[str, pd.DataFrame]]


@pytest.fixture(scope="module")
def people(withdrawal: Prepared) -> pd.DataFrame:
    adsl, adtte = withdrawal[1]["adsl"], withdrawal[1]["adtte"]
    adtte = adtte[adtte["paramcd"] == "relapse"]
    return adtte.merge(adsl[["participant", "period", "trtp", "stable", "age", "sex"]], on=["participant", "period"], suffixes=("", "_adsl"))


def scaled_score(people: pd.DataFrame, beta: np.ndarray, se: np.ndarray, strata: list[str] | None) -> np.ndarray:
    x = np.column_stack([people["trtp"] == "esketamine", people["age"], people["sex"] == "male"]).astype(float)[:, : len(beta)]
    time, event = people["aval"].to_numpy(float), (people["cnsr"] == 0).to_numpy(bool)
    return np.abs(_survival.score_residuals(time, event, x - x.mean(axis=0), beta, strata).sum(axis=0)) * se


@pytest.mark.parametrize("model", ["stratified", "unstratified", "covariates"])
def test_score_vanishes_at_the_maximum_only(people: pd.DataFrame, in_r: dict[str, Any], model: str) -> None:
    theirs = in_r["esketamine_withdrawal"][model]
    beta, se = np.array(theirs["coef"]), np.array(theirs["se"])
    strata = None if model == "unstratified" else list(people["stable"])
    assert scaled_score(people, beta, se, strata).max() < 1e-10
    for shift in (1e-4, -1e-4, 0.1):
        # near the maximum the score is minus the information times the shift
        beyond = scaled_score(people, beta + shift * se, se, strata).max()
        assert beyond > cox._CONVERGED
        assert len(beta) > 1 or beyond == pytest.approx(abs(shift), rel=0.05)


def test_the_maximum_of_another_likelihood_is_refused(withdrawal: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breslow's maximum is near Efron's and is not it."""
    breslow = SimpleNamespace(Surv=greenwood.Surv, CoxPH=lambda ties, conf_level: greenwood.CoxPH(ties="breslow", conf_level=conf_level))
    monkeypatch.setattr(_survival, "_greenwood", lambda: breslow)
    assert_no_number(analyse(withdrawal[0], "relapse_hazard", withdrawal[1]), "failed")


def test_a_covariate_level_without_events_is_not_estimable(withdrawal: Prepared) -> None:
    """Its coefficient is infinite, the score vanishes on the way there: the score alone would be no proof."""
    study, data = withdrawal
    adsl, adtte = data["adsl"], data["adtte"].copy()
    adtte.loc[adtte["participant"].isin(adsl.loc[adsl["sex"] == "male", "participant"]), "cnsr"] = 1
    entry = study.analyses["relapse_hazard"].model_copy(update={"covariates": ["sex"]})
    study = study.model_copy(update={"analyses": {**study.analyses, "relapse_hazard": entry}})
    assert_no_number(analyse(study, "relapse_hazard", {**data, "adtte": adtte}), "not_estimable")


@pytest.mark.parametrize("silent", ["placebo", "esketamine"])
def test_an_arm_without_events_is_not_estimable(withdrawal: Prepared, silent: str, number: Callable[..., float]) -> None:
    study, data = withdrawal
    adtte = data["adtte"].copy()
    adtte.loc[adtte["trtp"] == silent, "cnsr"] = 1
    changed = {**data, "adtte": adtte}
    for name in ("relapse_hazard", "relapse_remitters"):
        assert_no_number(analyse(study, name, changed), "not_estimable")
    # the curve of the arm is still one: nobody has the event
    assert number(analyse(study, "relapse_curve", changed), "n_events", arm=silent) == 0


def assert_no_number(found: pd.DataFrame, status: str) -> None:
    assert found["value"].isna().all()
    found = found[found["statistic"] != "method"]  # how it would have been done is said all the same
    assert set(found["status"]) == {status}
    assert found["note"].ne("").all()
