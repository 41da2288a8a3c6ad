"""A delimited text file as typed columns, strictly: nothing is guessed, shifted, merged or dropped.

Text passes in blocks: what stays in memory are the values of the columns that the study names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.domain.findings import Finding, Findings
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest._texts import Column, Texts
from ketaoutcomes.ingest.alike import skeleton
from ketaoutcomes.ingest.places import FILE, LINE
from ketaoutcomes.ingest.source import opened
from ketaoutcomes.ingest.structure import Block, Lines, Structure, header_of, skip

_MEMORY = 100_000
Parsed = str | float | None


class BadCell(ValueError):
    """A cell is not of its column's kind; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Field:
    """How the cells below one header become values.

    Attributes
    ----------
    header
        Header in the file.
    parse
        Text without spaces at its ends to a value; raises `BadCell`.
    numeric
        Numbers, or text.
    only
        Header and text of another column: in other rows there is no value.
    """

    header: str
    parse: Callable[[str], Parsed]
    numeric: bool
    only: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read.

    Attributes
    ----------
    frame
        The named columns, with file and line of each row of the table.
    header
        Every header of the file.
    rows
        Number of rows of the file, those of other tables included.
    """

    frame: pd.DataFrame
    header: list[str]
    rows: int


def read(table: Table, path: Path, fields: dict[str, Field], scales: dict[str, Instrument], findings: Findings) -> Read:
    """Read the named columns of a file.

    Cells that cannot be read are missing and noted in `findings`.

    Raises
    ------
    Refused
        The file is not what the study file says: encoding, header, number of cells, quotes, rows.
    """
    with opened(table, path) as source:
        skip(source.lines, table.header_line - 1)
        header, line = header_of(table, path, source.lines, scales)
        structure = Structure(table, path, header, line, findings)
        columns = {name: _Values(field, path, findings) for name, field in fields.items()}
        lines = [np.array([], dtype=np.int64)]
        for block in structure.blocks(source.lines):
            chosen, kept = _chosen(table, path, header, block, findings)
            lines.append(kept)
            for column in columns.values():
                column.take(kept, chosen)
        if source.unended:
            text = "the last line has no line end, as in a file that was cut short; compare its end with the original"
            findings.append(Finding(str(path), source.unended, "", "N-DATA-END", text))
    structure.finish()
    frame = pd.DataFrame({name: column.values() for name, column in columns.items()})
    frame = frame.assign(**{LINE: np.concatenate(lines), FILE: pd.Categorical([str(path)] * len(frame), categories=[str(path)])})
    return Read(frame, header, structure.rows)


def _chosen(table: Table, path: Path, header: list[str], block: Block, findings: Findings) -> tuple[dict[str, Texts], Lines]:
    """Columns by header and lines of a block's rows that belong to the table."""
    columns = {name: column for name, column in zip(header, block.columns, strict=True) if name}
    if not table.where:
        return columns, block.lines
    keep = np.ones(len(block.lines), dtype=bool)
    for name, texts in table.where.items():
        found = columns[name].matches({*texts})
        alike = {skeleton(text) for text in texts}
        other = columns[name].matches(lambda text, alike=alike: skeleton(text) in alike) & ~found
        said = "almost the text of `where`: mind capitals, spaces and letters of other alphabets; the row would not be read"
        findings += (Finding(str(path), int(line), name, "E-DATA-LABEL", said) for line in block.lines[keep & other])
        keep &= found
    return {name: column.kept(keep) for name, column in columns.items()}, block.lines[keep]


class _Values:
    """The values of one column, block after block. Each distinct text is parsed once."""

    def __init__(self, field: Field, path: Path, findings: Findings) -> None:
        self._field, self._path, self._findings = field, path, findings
        self._known = _Known(field.parse)
        self._numbers: list[NDArray[np.float64]] = []
        self._texts = Column()
        self._spaces = False

    def take(self, lines: Lines, cells: dict[str, Texts]) -> None:
        distinct, codes = cells[self._field.header].distinct()
        values = [self._known[cell] for cell in distinct]
        here = cells[self._field.only[0]].matches({self._field.only[1]}) if self._field.only else None
        for at in [at for at, value in enumerate(values) if isinstance(value, BadCell)]:
            rows = codes == at if here is None else (codes == at) & here
            self._note(lines[rows], str(values[at]))
            values[at] = None
        self._keep(values, codes, here)
        if self._known.spaces and not self._spaces:
            self._spaces = True
            text = "some cells have spaces at their ends; they are read without"
            self._findings.append(Finding(str(self._path), 0, self._field.header, "N-DATA-SPACE", text))

    def _keep(self, values: list[Parsed | BadCell], codes: Lines, here: NDArray[np.bool_] | None) -> None:
        if self._field.numeric:
            numbers = np.array(values, dtype=np.float64)[codes] if values else np.array([], dtype=np.float64)
            self._numbers.append(numbers if here is None else np.where(here, numbers, np.nan))
        else:
            self._texts.append([None if value is None else str(value) for value in values], codes)

    def _note(self, lines: Lines, problem: str) -> None:
        self._findings += (Finding(str(self._path), int(line), self._field.header, "E-DATA-VALUE", problem) for line in lines)

    def values(self) -> pd.Series:
        if self._field.numeric:
            return pd.Series(np.concatenate([np.array([], dtype=np.float64), *self._numbers]))
        return self._texts.series()


class _Known(dict[str, "Parsed | BadCell"]):
    """Text to value, parsed when first asked for."""

    def __init__(self, parse: Callable[[str], Parsed]) -> None:
        super().__init__()
        self._parse = parse
        self.spaces = False

    def __missing__(self, cell: str) -> Parsed | BadCell:
        text = cell.strip()
        self.spaces |= len(text) < len(cell)
        try:
            found: Parsed | BadCell = self._parse(text) if text else None
        except BadCell as problem:
            found = problem
        if len(self) >= _MEMORY:  # ids of millions would fill it; somebody's rows mostly stand together
            self.clear()
        self[cell] = found
        return found
