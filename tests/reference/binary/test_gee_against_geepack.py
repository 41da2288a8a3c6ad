"""Estimating equations against R's geepack, and their small-sample errors against matrices written out in R (`make.R`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.models._gee import Equations, solve

HERE = Path(__file__).resolve().parent
REFERENCE = json.loads((HERE / "later.json").read_text(encoding="utf-8"))
STATES = pd.read_csv(HERE / "states.csv")
ERRORS = {"robust": "robust", "mancl_derouen": "mancl-derouen", "kauermann_carroll": "kauermann-carroll", "fay_graubard": "fay-graubard"}


def equations(rows: pd.DataFrame) -> Equations:
    arm, time = (rows["arm"] == "ketamine").to_numpy(float), rows["time"].to_numpy(float)
    x = np.column_stack([np.ones(len(rows)), rows["base"], arm, time, arm * time])
    return Equations(rows["abstinent"].to_numpy(float), x, np.flatnonzero(~rows["id"].duplicated()), 2 * time, binary=True)


@pytest.mark.parametrize("working", ["independence", "exchangeable", "ar1"])
@pytest.mark.parametrize(("name", "people"), [("gee_states", 150), ("gee_states_first_24", 24)])
def test_coefficients_correlation_and_errors(name: str, people: int, working: str) -> None:
    expected: dict[str, Any] = REFERENCE[name][working]
    data = equations(STATES[STATES["id"] <= people])
    for key, errors in ERRORS.items():
        found = solve(data, working, errors)
        np.testing.assert_allclose(found.coefficients, expected["estimate"], rtol=1e-6)
        np.testing.assert_allclose(found.correlation, expected["alpha"], rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), expected[key]["se"], rtol=1e-6)
        assert found.score < 1e-8
        assert found.df == people - 5
