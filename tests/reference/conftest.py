"""Whole studies through the pipeline's stages, to be compared with numbers from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.schema import ard

STUDIES = Path(__file__).resolve().parents[2] / "config" / "studies"
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="session")
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, dict[str, Path]], tuple[Study, Tables]]:
    """A study's file and analysis data, from files laid out under the names its study file gives them."""

    def prepared(name: str, files: dict[str, Path]) -> tuple[Study, Tables]:
        root = tmp_path_factory.mktemp(name)
        folder = root / "data" / name
        folder.mkdir(parents=True)
        for target, source in files.items():
            shutil.copyfile(source, folder / target)
        study = read_study(STUDIES / f"{name}.yaml")
        return study, derive(study, ingest(study, root).tables)

    return prepared


@pytest.fixture(scope="session")
def number() -> Callable[..., float]:
    """The value of the one row of an ARD with this key, which must be printable (``ok`` or ``flagged``).

    Key columns that are not named must be empty, but for those a whole analysis shares.
    """

    def value(frame: pd.DataFrame, statistic: str, **key: str | float) -> float:
        blank = {column: "" for column in ("arm", "comparator", "visit", "term", "method") if column not in key}
        rows = ard.match(frame, statistic=statistic, **blank, **key)
        assert len(rows) == 1, f"{len(rows)} rows for {statistic} {key}"
        row = rows.iloc[0]
        assert row["status"] in {"ok", "flagged"}, f"{statistic} {key}: {row['status']} {row['note']}"
        return float(row["value"])

    return value
