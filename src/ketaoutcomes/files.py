"""Read and write the pipeline's tables: atomic, checksummed, private. The only file access of the stages."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ketaoutcomes.domain.findings import KetaoutcomesError
from ketaoutcomes.schema import ard
from ketaoutcomes.schema.analysis_data import ANALYSIS_DATA
from ketaoutcomes.schema.cohort import COHORT
from ketaoutcomes.schema.table import Schema

Tables = dict[str, pd.DataFrame]
#: How the name of a file begins while it is written; a killed job leaves it so.
UNFINISHED = ".unfinished-"


class DamagedFile(KetaoutcomesError):
    """A file of the pipeline cannot be read back: truncated, edited or from another version."""


def sha256(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary path that becomes `path` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - the caller knows what it wrote
    """Read JSON that we wrote."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{path}: cannot be read ({type(error).__name__}); delete results and run again") from None


def write_cohort(folder: Path, tables: Tables) -> None:
    """Write the cohort's tables as Parquet with page checksums."""
    _write_tables(folder, tables, COHORT)


def read_cohort(folder: Path) -> Tables:
    """Read the cohort's tables, checksums verified, schemas checked."""
    return _read_tables(folder, COHORT)


def write_analysis_data(folder: Path, tables: Tables) -> None:
    """Write the analysis data."""
    _write_tables(folder, tables, ANALYSIS_DATA)


def read_analysis_data(folder: Path) -> Tables:
    """Read the analysis data."""
    return _read_tables(folder, ANALYSIS_DATA)


def _write_tables(folder: Path, tables: Tables, schemas: dict[str, Schema]) -> None:
    for name, schema in schemas.items():
        frame = schema.conform(tables[name])
        with replacing(folder / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary, index=False, engine="pyarrow", write_page_checksum=True)


def _read_tables(folder: Path, schemas: dict[str, Schema]) -> Tables:
    return {name: schema.conform(_read_parquet(folder / f"{name}.parquet")) for name, schema in schemas.items()}


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except (OSError, ValueError) as error:  # Arrow's errors are one or the other
        raise DamagedFile(f"{path}: cannot be read ({type(error).__name__}); delete results and run again") from None


def write_ard(path: Path, frame: pd.DataFrame) -> None:
    """Write an ARD as CSV, checked; numbers keep every digit, text cannot start a spreadsheet formula."""
    frame = ard.check(frame)
    text = frame.select_dtypes("string").columns
    frame[text] = frame[text].map(_inert)
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def read_ard(path: Path) -> pd.DataFrame:
    """Read an ARD that `write_ard` wrote, to the last digit."""
    try:
        frame = pd.read_csv(
            path, dtype=ard.ARD.columns, keep_default_na=False, na_values={c: [""] for c in ("day", "conf_level", "value", "n", "events")},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{path}: cannot be read ({type(error).__name__}); delete results and run again") from None
    text = frame.select_dtypes("string").columns
    frame[text] = frame[text].map(_active)
    return ard.check(frame)


def inert_csv(frame: pd.DataFrame) -> str:
    """A table of text as CSV that no spreadsheet reads as formulas."""
    return frame.map(_inert).to_csv(index=False, lineterminator="\n")


def _active(cell: object) -> object:
    """The text that `_inert` wrote."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") else cell


def _inert(cell: object) -> object:
    """A text cell that no spreadsheet reads as a formula (CWE-1236)."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "'=+-@\t\r" and cell else cell
