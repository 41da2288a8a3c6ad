"""Hard and impossible data: the right number with a flag, or a refusal that names the cause.

`degenerate/degenerate.json` holds what R does (README there). Right numbers: lmer at a polished optimum with Satterthwaite
df from their formula (`closed_form`), gls at its own 1e-6. `docs/reference/degenerate.md` is the same table in words.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.mixed import (
    DegenerateResponse,
    Fit,
    MixedModelError,
    NearSingularCovariance,
    OneVisitPerParticipant,
    RankDeficient,
    VisitsNeverTogether,
    lmm,
    mmrm,
)

HERE = Path(__file__).parent / "degenerate"
SETS: dict[str, Any] = json.loads((HERE / "degenerate.json").read_text())["sets"]
REFUSED_BY_MMRM = {
    "one_visit_each": (OneVisitPerParticipant, "one (visit|row)"),
    "empty_cell": (RankDeficient, "No row has arm=ketamine and visit=3"),
    "constant_outcome": (DegenerateResponse, "constant"),
    "perfect_fit": (DegenerateResponse, "exactly"),
    "collinear": (RankDeficient, "base2"),
    "near_singular": (NearSingularCovariance, "condition number"),
    "zero_between": (NearSingularCovariance, "condition number"),
    "never_together": (VisitsNeverTogether, r"\(2, 3\)"),
}
REFUSED_BY_LMM = {name: REFUSED_BY_MMRM[name] for name in ("one_visit_each", "empty_cell", "constant_outcome", "perfect_fit", "collinear")}
#: The same numbers as another set, in its units.
UNITS = {"tiny_scores": ("ordinary", 1e-8), "huge_scores": ("ordinary", 1e8), "shifted_covariate": ("ordinary", 1.0)}


def fitted(name: str, *, marginal: bool) -> Fit:
    data = pd.read_csv(HERE / f"{name}.csv")
    visits = [str(visit) for visit in sorted(data["visit"].unique())]
    fixed = [("base",), *([("base2",)] if "base2" in data else []), ("arm",), ("visit",), ("arm", "visit")]
    said = {"response": "y", "fixed": fixed, "levels": {"arm": ["placebo", "ketamine"], "visit": visits}, "subject": "id", "df": "satterthwaite"}
    return mmrm(data, visit="visit", **said) if marginal else lmm(data, **said)


def last_contrast(fit: Fit) -> Any:
    return fit.ls_means(["arm", "visit"]).against("arm")[-1]


@pytest.mark.parametrize(("marginal", "name"), [(True, n) for n in REFUSED_BY_MMRM] + [(False, n) for n in REFUSED_BY_LMM])
def test_refused_with_the_cause(marginal: bool, name: str) -> None:
    error, said = (REFUSED_BY_MMRM if marginal else REFUSED_BY_LMM)[name]
    with pytest.raises(MixedModelError, match=said) as caught:
        fitted(name, marginal=marginal)
    assert type(caught.value) is error


@pytest.mark.parametrize("name", [name for name in SETS if name not in {*REFUSED_BY_LMM, "zero_between"}])
def test_random_intercept_has_the_right_number(name: str) -> None:
    """closed_form is good to 1e-8; a covariate shifted by 1e8 keeps eight digits itself."""
    source, unit = UNITS.get(name, (name, 1.0))
    theirs, ours = SETS[source]["lmer_tight"]["closed_form"], last_contrast(fitted(name, marginal=False))
    rtol = 2e-7 if name == "shifted_covariate" else 1e-8
    assert ours.estimate == pytest.approx(unit * theirs["estimate"], rel=rtol)
    assert ours.se == pytest.approx(unit * theirs["satterthwaite_se"], rel=rtol)
    assert ours.df == pytest.approx(theirs["satterthwaite_df"], rel=rtol)


def test_no_variance_between_people_is_least_squares_and_flagged() -> None:
    fit = fitted("zero_between", marginal=False)
    theirs, ours = SETS["zero_between"]["lmer_tight"], last_contrast(fit)
    assert fit.flags == ("boundary",)
    assert fit.covariances["subject"].to_numpy()[0, 0] == 0
    assert (ours.estimate, ours.se, ours.df) == pytest.approx((theirs["estimate"], theirs["se"], 36), rel=1e-9)


@pytest.mark.parametrize("name", [name for name in SETS if name not in REFUSED_BY_MMRM])
def test_unstructured_has_the_right_number(name: str) -> None:
    source, unit = UNITS.get(name, (name, 1.0))
    theirs, fit = SETS[source]["gls_unstructured"], fitted(name, marginal=True)
    ours = last_contrast(fit)
    assert ours.estimate == pytest.approx(unit * theirs["estimate"], rel=1e-5)
    assert ours.se == pytest.approx(unit * theirs["se"], rel=1e-5)
    assert set(fit.flags) <= {"several_optima"}
    if unit == 1.0 and name == source:
        assert fit.loglik >= theirs["logLik"] - 1e-7
