"""Checks of a fit beside the mean of each visit, which a report prints: what is not shown must not follow by subtraction."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from ketaoutcomes.mixed import mmrm, observed_and_fitted

LEVELS = {"arm": ["a", "b"], "visit": ["v0", "v1", "v2", "v3"]}


def test_one_person_of_another_pattern_is_not_the_rest_of_a_visit(simulate: Callable[..., pd.DataFrame]) -> None:
    data = simulate(8, n=40, missing=0)
    gone = ((data["id"] == "P000") & (data["visit"] == "v3")) | (data["id"].isin([f"P{k:03d}" for k in range(1, 15)]) & (data["visit"] == "v0"))
    seen = data[~gone]
    fit = mmrm(seen, "y ~ arm + visit", levels=LEVELS, subject="id", visit="visit")
    found = observed_and_fitted(fit)
    left = seen.groupby("visit")["id"].nunique() - found.groupby("visit")["n"].sum().reindex(LEVELS["visit"], fill_value=0)
    assert ((left == 0) | (left >= 10)).all()
    assert len(found) >= 4
