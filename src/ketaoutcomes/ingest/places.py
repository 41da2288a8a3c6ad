"""A row's place in its file, which rides along while a cohort is put together."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ketaoutcomes.domain.findings import Finding

LINE, FILE = "_line", "_file"


def at_rows(rows: pd.DataFrame, code: str, message: str, column: str = "") -> Iterator[Finding]:
    """One finding for each row, at its file and line."""
    for file, line in zip(rows[FILE], rows[LINE], strict=True):
        yield Finding(str(file), int(line), column, code, message)
