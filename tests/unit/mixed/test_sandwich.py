"""Sandwich errors where the answer is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import lmm, mmrm

LEVELS = {"arm": ["a", "b"], "visit": ["v0", "v1", "v2", "v3"]}


@pytest.mark.parametrize("kind", ["cr0", "cr2", "cr3"])
@pytest.mark.parametrize("model", ["mmrm", "lmm"])
def test_a_participant_with_a_coefficient_of_their_own_adds_nothing(model: str, kind: str, simulate: Callable[..., pd.DataFrame]) -> None:
    """One row, fitted exactly: I - H has an eigenvalue of 0, the residual is 0, and the fit is the one without that person."""
    data = simulate(5, n=30).reset_index(drop=True)
    single = data.iloc[[0]].assign(id="Z999", y=99.0)
    both = pd.concat([data, single]).assign(alone=lambda d: (d["id"] == "Z999").astype(float))

    def fitted(frame: pd.DataFrame, formula: str) -> pd.DataFrame:
        if model == "lmm":
            fit = lmm(frame, formula, levels=LEVELS, subject="id", df="satterthwaite", errors=kind)
        else:
            fit = mmrm(frame, formula, levels=LEVELS, subject="id", visit="visit", df="satterthwaite", errors=kind)
        return fit.tidy().set_index("term")

    one, other = fitted(data, "y ~ base + arm * visit"), fitted(both, "y ~ base + alone + arm * visit")
    columns = ["estimate", "std_error", "df"]
    np.testing.assert_allclose(other.loc[one.index, columns], one[columns], rtol=1e-6)
