"""The ARD's contract, and its way to a file and back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketaoutcomes import files
from ketaoutcomes.schema import ard
from ketaoutcomes.schema.table import SchemaError


def rows(**columns: object) -> pd.DataFrame:
    """One ARD row, with changes."""
    row = {"study": "s", "analysis": "a", "statistic": "mean", "value": 1.0, "status": "ok", **columns}
    return pd.DataFrame([row]).reindex(columns=list(ard.ARD.columns))


def test_a_word_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(SchemaError, match="outside the vocabulary"):
        ard.check(rows(statistic="average"))


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(SchemaError, match="status"):
        ard.check(rows(status="fine"))


def test_two_rows_with_one_key_are_refused() -> None:
    with pytest.raises(SchemaError, match="share their key"):
        ard.bind([rows(), rows(value=2.0)])


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(SchemaError, match="columns missing"):
        ard.check(rows().drop(columns="note"))


@given(value=st.floats(allow_nan=False, allow_infinity=False), text=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20))
def test_a_file_gives_back_every_digit_and_every_letter(tmp_path_factory: pytest.TempPathFactory, value: float, text: str) -> None:
    path = tmp_path_factory.mktemp("ard") / "ard.csv"
    files.write_ard(path, rows(value=value, text=text, n=12))
    back = files.read_ard(path)
    assert back["value"].iloc[0] == value
    assert back["text"].iloc[0] == text
    assert back["n"].iloc[0] == 12
    assert pd.isna(back["events"].iloc[0])


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@cmd", "'quoted"])
def test_no_text_cell_starts_a_spreadsheet_formula(tmp_path: Path, start: str) -> None:
    files.write_ard(tmp_path / "ard.csv", rows(text=start))
    cell = pd.read_csv(tmp_path / "ard.csv", dtype=str)["text"].iloc[0]
    assert cell == f"'{start}"
    assert files.read_ard(tmp_path / "ard.csv")["text"].iloc[0] == start
