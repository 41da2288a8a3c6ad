"""Shareable sums from which one person's score followed by subtraction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import NotShareable, moments

VISITS = ["v0", "v1", "v2", "v3"]


@pytest.mark.parametrize(
    ("formula", "weights", "match"),
    [("y ~ visit + rare", None, "rare"), ("y ~ visit + common", "w", "weight"), ("y ~ visit + rescue", None, "rescue")],
)
def test_sums_that_single_out_a_person_are_not_shared(
    simulate: Callable[..., pd.DataFrame], tmp_path: Path, formula: str, weights: str | None, match: str
) -> None:
    data = simulate(2, n=80, missing=0)
    number = data["id"].str[1:].astype(int)
    data["rare"], data["common"] = (number == 7).astype(float), (number % 3 == 0).astype(float)
    data["w"] = np.where(number == 5, 1e6, 1.0)
    data["rescue"] = np.where((number < 20) | ((number == 33) & (data["visit"] == "v3")), "yes", "no")
    said = {"levels": {"visit": VISITS, "rescue": ["no", "yes"]}, "subject": "id", "visit": "visit"}
    with pytest.raises(NotShareable, match=match):
        moments(data, formula, weights=weights, **said).save(tmp_path / "sums.npz", shareable=True)  # pyright: ignore[reportArgumentType] - a dict of both
    moments(data, "y ~ base * visit + common", **said).save(tmp_path / "sums.npz", shareable=True)  # pyright: ignore[reportArgumentType] - a dict of both
