"""Beat the Blues, from CSV to ARD: the output printed in HSAUR and HSAUR3, lme4's values, and counts and means by arm and visit.

`data/btheb/expected.json` names the source and tolerance of each printed value; `reference/BtheB_lmm.json` is lme4 1.1-31
(`reference/scripts/ref_other.R`), whose own optimum is good to 2e-7 (`engine.md` 2.3), so it is compared at 1e-6.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse

Prepared = tuple[Study, dict[str, pd.DataFrame]]
TERMS = {
    "Intercept": "(Intercept)",
    "(Intercept)": "(Intercept)",
    "bdi.pre": "base",
    "time": "time",
    "treatmentBtheB": "arm[beat_the_blues]",
    "drugYes": "drug[Yes]",
    "length>6m": "length[>6m]",
}
OTHERS = {
    "n_obs": ("n_rows", "fit"),
    "n_subjects": ("n", "fit"),
    "logLik": ("loglik", "fit"),
    "var_subject": ("variance", "participant"),
    "var_resid": ("variance", "residual"),
}
ARMS = {"BtheB": "beat_the_blues", "TAU": "usual_care"}
VISITS = {"pre": "baseline", "2m": "month2", "3m": "month3", "5m": "month5", "8m": "month8"}


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "data" / "btheb" / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def btheb(shared: Path, prepare: Callable[..., Prepared]) -> Prepared:
    return prepare("beat_the_blues", {"btheb.csv": shared / "data" / "btheb" / "BtheB.csv"})


@pytest.mark.parametrize(("analysis", "key"), [("book", "checks_2358"), ("first_edition", "checks_2468")])
def test_printed_in_the_book(btheb: Prepared, expected: dict[str, Any], number: Callable[..., float], analysis: str, key: str) -> None:
    found = analyse(btheb[0], analysis, btheb[1])
    for check in expected[key]:
        if check["id"] == "LRT_random_slope_chisq":
            continue  # this model has no random slope
        statistic, term = OTHERS.get(check["id"]) or ("estimate", TERMS[check["id"]])
        assert number(found, statistic, term=term) == pytest.approx(check["value"], abs=check["abs_tol"], rel=0), check["id"]
        if "se" in check:
            assert number(found, "std_error", term=term) == pytest.approx(check["se"], abs=1e-4), check["id"]


def test_against_lme4(btheb: Prepared, shared: Path, number: Callable[..., float]) -> None:
    entry = json.loads((shared / "reference" / "BtheB_lmm.json").read_text(encoding="utf-8"))["ri_ml"]
    found = analyse(btheb[0], "book", btheb[1])
    columns = {name.lower(): values for name, values in entry["coef"].items()}
    errors = columns.get("se") or columns["std. error"]
    for at, name in enumerate(entry["terms"]):
        assert number(found, "estimate", term=TERMS[name]) == pytest.approx(columns["estimate"][at], rel=1e-6), name
        assert number(found, "std_error", term=TERMS[name]) == pytest.approx(errors[at], rel=1e-6), name
        assert number(found, "df", term=TERMS[name]) == pytest.approx(columns["df"][at], rel=1e-6), name
    assert number(found, "loglik", term="fit") == pytest.approx(entry["logLik"], rel=1e-10)


def test_observed_counts_and_means(btheb: Prepared, expected: dict[str, Any], number: Callable[..., float]) -> None:
    """Means are given with three decimals."""
    found = analyse(btheb[0], "description", btheb[1])
    for arm, visits in ((ARMS[name], visits) for name, visits in expected["descriptives"].items() if name in ARMS):
        for visit, (n, mean) in visits.items():
            key = {"parameter": "bdi", "arm": arm, "visit": VISITS[visit]}
            assert number(found, "n_observed", **key) == n
            assert number(found, "mean", **key) == pytest.approx(mean, abs=5.001e-4)
