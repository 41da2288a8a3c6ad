"""A row's place in its file, which rides along while a cohort is put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ketaoutcomes.domain.findings import Finding, Findings
from ketaoutcomes.domain.study import Study

LINE, FILE = "_line", "_file"
_OURS = "\t"


def ours(name: str) -> str:
    """A column by our name, for which `with_headers` puts the header that its file has."""
    return _OURS + name


def with_headers(study: Study, root: Path, findings: Findings) -> Findings:
    """Findings whose columns are those of their files."""

    def header(finding: Finding) -> Finding:
        if not finding.column.startswith(_OURS):
            return finding
        files = {finding.file, finding.file.removesuffix(".gz")}
        columns = [
            table.columns[finding.column[1:]] for table in study.tables.values() if str(root / table.file) in files and finding.column[1:] in table.columns
        ]
        return replace(finding, column=columns[0].source if columns else "")

    return findings.mapped(header)


def at_rows(rows: pd.DataFrame, code: str, message: str, column: str = "") -> Iterator[Finding]:
    """One finding for each row, at its file and line."""
    for file, line in zip(rows[FILE], rows[LINE], strict=True):
        yield Finding(str(file), int(line), column, code, message)
