"""Small seeded trials whose truth does not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def simulate() -> Callable[..., pd.DataFrame]:
    """Two-arm trial: id, arm (a, b), visit (v0, v1, ...), base, y; some visits missing."""

    def trial(seed: int, n: int = 40, visits: int = 4, missing: float = 0.1) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        person = rng.normal(0, 4, n)
        base = rng.normal(36, 5, n)
        grid = pd.DataFrame({"k": np.repeat(np.arange(n), visits), "t": np.tile(np.arange(visits), n)})
        grid["id"] = [f"P{k:03d}" for k in grid["k"]]
        grid["arm"] = np.array(["a", "b"])[grid["k"] % 2]
        grid["visit"] = [f"v{t}" for t in grid["t"]]
        grid["base"] = base[grid["k"]]
        mean = 10 + 0.4 * (grid["base"] - 36) - 2 * grid["t"] - 1.5 * grid["t"] * (grid["arm"] == "b")
        grid["y"] = mean + person[grid["k"]] + rng.normal(0, 2 + 0.5 * grid["t"])
        return grid[rng.random(len(grid)) >= missing].drop(columns=["k"])

    return trial
