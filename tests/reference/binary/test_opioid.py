"""Weekly urine screens of CTN-0030 as repeated binary outcomes, with people within sites, against R lme4 1.1-31 (`opioid.R`).

glmer's optimum and its errors by finite differences are good to about 1e-4; where its likelihood is below ours, ours is the
better optimum.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes import glmm, likelihood_ratio
from ketaoutcomes.mixed import BinaryFit

EXPECTED = json.loads((Path(__file__).parent / "opioid.json").read_text(encoding="utf-8"))
MODEL = "positive ~ emm * t"


@pytest.fixture(scope="module")
def weeks(shared: Path) -> pd.DataFrame:
    folder = shared / "data" / "ctn0027_0030_oud"
    people = pd.read_csv(folder / "outcomes_ctnote.csv", dtype=str)
    people = people[people["project"] == "30"]
    sites = pd.read_csv(folder / "site_masked.csv", dtype=str).set_index("who")["site_masked"]
    rows = [
        {"who": who, "site": sites[who], "emm": int(arm == "Outpatient BUP + EMM"), "t": week / 10, "positive": int(letter == "+")}
        for who, arm, word in zip(people["who"], people["treatment"], people["usePatternUDS"], strict=True)
        for week, letter in enumerate(word)
        if letter in "-+"
    ]
    return pd.DataFrame(rows)


def agrees(fit: BinaryFit, entry: dict[str, Any]) -> None:
    np.testing.assert_allclose(fit.params, entry["estimate"], atol=1e-4)
    np.testing.assert_allclose(fit.bse, entry["se"], rtol=1e-3)
    sd = [float(np.sqrt(matrix.iloc[0, 0])) for matrix in fit.covariances.values()]
    np.testing.assert_allclose(sd, np.atleast_1d(entry["sd"]), rtol=1e-4)
    assert entry["loglik"] - 1e-6 < fit.loglik < entry["loglik"] + 1e-3


def test_people_within_sites(weeks: pd.DataFrame) -> None:
    assert (len(weeks), weeks["who"].nunique(), weeks["site"].nunique()) == (EXPECTED["rows"], EXPECTED["people"], EXPECTED["sites"])
    assert weeks["positive"].sum() == EXPECTED["positive"]
    agrees(glmm(weeks, MODEL, subject="who", site="site", nodes=1, df="asymptotic"), EXPECTED["nested"])


def test_people_alone(weeks: pd.DataFrame) -> None:
    agrees(glmm(weeks, MODEL, subject="who", nodes=25, df="asymptotic"), EXPECTED["people_25"])


def test_sites_differ(weeks: pd.DataFrame) -> None:
    """Beyond Laplace the variances are larger, and sites still differ."""
    fit, people = glmm(weeks, MODEL, subject="who", site="site"), glmm(weeks, MODEL, subject="who")
    assert fit.status == "ok"
    assert float(np.sqrt(fit.covariances["subject"].iloc[0, 0])) > EXPECTED["nested"]["sd"][0]
    assert likelihood_ratio(fit, people).p < 0.01
