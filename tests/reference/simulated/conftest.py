"""The frozen simulated studies and R's results for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.domain.study import Study

HERE = Path(__file__).parent
Prepared = tuple[Study, dict[str, pd.DataFrame]]


def frozen(name: str) -> dict[str, Path]:
    return {path.name: path for path in (HERE / "frozen" / name).glob("*.csv")}


@pytest.fixture(scope="session")
def trial(prepare: Callable[..., Prepared]) -> Prepared:
    return prepare("esketamine_trial", frozen("esketamine_trial"))


@pytest.fixture(scope="session")
def withdrawal(prepare: Callable[..., Prepared]) -> Prepared:
    return prepare("esketamine_withdrawal", frozen("esketamine_withdrawal"))


@pytest.fixture(scope="session")
def in_r() -> dict[str, Any]:
    """`expected.json`, which `make.R` wrote."""
    return json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
