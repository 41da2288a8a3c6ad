"""A row's place in its file, which rides along while a cohort is put together."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.findings import Finding

LINE, FILE = "_line", "_file"


def at_rows(rows: pd.DataFrame, code: str, message: str, column: str = "") -> list[Finding]:
    """One finding for each row, at its file and line."""
    places = zip(rows[FILE], rows[LINE], strict=True)
    return [Finding(str(file), int(line), column, code, message) for file, line in places]
