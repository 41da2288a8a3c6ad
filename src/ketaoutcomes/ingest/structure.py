"""The structure of a delimited text file: its header, and records with as many cells, each at its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.domain.findings import Finding, Findings, Refused
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest._texts import Texts, split
from ketaoutcomes.ingest.alike import skeleton
from ketaoutcomes.ingest.source import column_at, opened

MAX_ROWS = 5_000_000
_BLOCK = 1 << 22
_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
Lines = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some records: the line each starts on, and the text of each column by its number."""

    lines: Lines
    columns: list[Texts]


def skip(lines: Iterator[str], n: int) -> None:
    """Read past some lines."""
    for _ in islice(lines, n):
        pass


def header_of(table: Table, path: Path, lines: TextIO, scales: dict[str, Instrument]) -> tuple[list[str], int]:
    """The header's cells and the line it ends on."""
    records = csv.reader(lines, delimiter=table.separator, strict=True)
    try:
        header = [cell.strip() for cell in next((record for record in records if record), list[str]())]
        line = table.header_line - 1 + records.line_num
        _check_header(table, path, header, table.headers(scales), records)
    except csv.Error:
        raise _refused(path, table.header_line, "", "E-DATA-QUOTE", "the quotes of this line do not match") from None
    return header, line


def _refused(path: Path, line: int, column: str, code: str, message: str) -> Refused:
    return Refused([Finding(str(path), line, column, code, message)])


def _check_header(table: Table, path: Path, header: list[str], wanted: list[str], records: Iterator[list[str]]) -> None:
    line, separator = table.header_line, table.separator
    if not header:
        raise _refused(path, 0, "", "E-DATA-EMPTY", "no header where the study file says it is")
    other = next((mark for mark in _NAMES if len(header) == 1 and mark != separator and mark in header[0]), None)
    if other and header[0] not in wanted:
        name = _NAMES[other]
        text = f"the cells seem to be separated by a {name}: write `delimiter: {name}` in the study file's table, or export with a {_NAMES[separator]}"
        raise _refused(path, line, "1", "E-DATA-DELIMITER", text)
    missing = [name for name in dict.fromkeys(wanted) if name not in header]
    found = [_absent(path, line, name, header) for name in missing]
    if missing:
        at = next((at for at, record in enumerate(islice(records, 50), start=line + 1) if {cell.strip() for cell in record} >= set(wanted)), 0)
        if at:
            raise _refused(path, line, "", "E-DATA-HEADER", f"line {at} seems to be the header: write `header_line: {at}` in the study file's table")
    # by number: in a file without a header these would be somebody's values
    found += [
        Finding(str(path), line, str(at + 1), "E-DATA-COLUMN", f"column {header.index(name) + 1} has the same name; rename one")
        for at, name in enumerate(header)
        if name and header.index(name) < at
    ]
    found += [
        Finding(str(path), line, str(at + 1), "E-DATA-COLUMN", f"looks the same as the header of column {header.index(name) + 1} and is not; rename one")
        for name in wanted
        for at, there in enumerate(header)
        if name in header and there != name and skeleton(there, fold=False) == skeleton(name, fold=False)
    ]
    found += [
        Finding(str(path), line, str(at + 1), "E-DATA-COLUMN", "this header holds an invisible character; remove it")
        for at, name in enumerate(header)
        if not name.isprintable()
    ]
    if found:
        raise Refused(found)


def _absent(path: Path, line: int, name: str, header: list[str]) -> Finding:
    near = next((at for at, there in enumerate(header) if skeleton(there) == skeleton(name)), None)
    hint = "" if near is None else f"; column {near + 1} is written almost alike: mind capitals, spaces and letters of other alphabets"
    return Finding(str(path), line, name, "E-DATA-COLUMN", f"the study file names this column and the file does not have it{hint}")


class Structure:
    """Records of a file: as many cells as the header has, quotes that match, no more rows than can be held."""

    def __init__(self, table: Table, path: Path, header: list[str], line: int, findings: Findings) -> None:
        self._table, self._path, self._header, self._line, self._findings = table, path, header, line, findings
        self._broken = {header.index(name) for name in table.line_breaks}
        self._found = Findings()
        self.rows = self._blank = 0
        self._empty = re.compile(rf"(?:\A|\n)(?:[ \t{re.escape(table.separator)}]*\n|[ \t{re.escape(table.separator)}]+\Z)")

    def blocks(self, lines: TextIO) -> Iterator[Block]:
        """Blocks of records of the right width; others become findings.

        Raises
        ------
        Refused
            Quotes that do not match, more rows than can be held.
        """
        while text := lines.read(_BLOCK):
            text += lines.readline()
            block = self._plain(text) or self._quoted(text, lines)
            self.rows += len(block.lines)
            if self.rows > MAX_ROWS:
                raise _refused(self._path, self._line, "", "E-DATA-SIZE", f"more than {MAX_ROWS:,} rows: split the file")
            if len(block.lines):
                yield block

    def _plain(self, text: str) -> Block | None:
        """A block in which a separator is a separator and a line a record; nothing when it has quotes, empty rows or another number of cells."""
        if '"' in text or text.startswith("\ufeff") or self._empty.search(text):
            return None
        columns = split(text, self._table.separator, len(self._header))
        if columns is None:
            return None
        first, self._line = self._line + 1, self._line + text.count("\n") + (not text.endswith("\n"))
        return Block(np.arange(first, self._line + 1), columns)

    def _quoted(self, text: str, lines: TextIO) -> Block:
        """Any block, record by record; the last one may run on beyond it."""
        block = io.StringIO(text)
        records = csv.reader(iter(lambda: block.readline() or lines.readline(), ""), delimiter=self._table.separator, strict=True)
        places: list[int] = []
        rows: list[list[str]] = []
        while block.tell() < len(text):
            before = records.line_num
            try:
                row = next(records)
            except csv.Error:
                raise Refused([*self._found, self._quote()]) from None
            if self._is_record(self._line + 1, row):
                places.append(self._line + 1)
                rows.append(row)
            self._line += records.line_num - before
        across = list(zip(*rows, strict=True)) if rows else [()] * len(self._header)
        return Block(np.array(places, dtype=np.int64), [Texts.of(cells) for cells in across])

    def finish(self) -> None:
        """What can be said when all was read.

        Raises
        ------
        Refused
            Wrong widths, line breaks within cells, no rows, or another number than declared.
        """
        if self._blank:
            self._findings.append(Finding(str(self._path), 0, "", "N-DATA-BLANK", f"{self._blank} rows without any text are not read"))
        if not self.rows and self._table.provides != "events" and not self._found.errors:  # no events is an answer
            self._found.append(Finding(str(self._path), self._table.header_line, "", "E-DATA-EMPTY", "the file has a header and no rows"))
        if self._table.rows not in {None, self.rows}:
            text = f"{self.rows} rows where the study file's `rows` says {self._table.rows}: the file was cut short, or is another version"
            self._found.append(Finding(str(self._path), self._line, "", "E-DATA-ROWS", text))
        self._found.refuse()

    def _is_record(self, line: int, row: list[str]) -> bool:
        if not any(map(str.strip, row)):
            self._blank += len(row) > 1  # an empty line is no row
            return False
        self._check_breaks(line, row)
        if len(row) != len(self._header):
            text = f"{len(row)} cells where the header has {len(self._header)}; look for a decimal comma or a missing quote"
            self._found.append(Finding(str(self._path), line, self._surplus(len(row)), "E-DATA-WIDTH", text))
            self.rows += 1
        return len(row) == len(self._header)

    def _surplus(self, cells: int) -> str:
        """The first column that a row lacks, or the number of the first cell that no header names."""
        return self._header[cells] or str(cells + 1) if cells < len(self._header) else str(len(self._header) + 1)

    def _check_breaks(self, line: int, row: list[str]) -> None:
        for at, cell in enumerate(row):
            if "\n" not in cell:
                continue
            header = self._header[at] if at < len(self._header) else str(at + 1)
            if at not in self._broken:
                text = "a quoted cell runs over a line end: close the quote, or name the column under `line_breaks:` if its cells hold such texts"
                self._found.append(Finding(str(self._path), line, header, "E-DATA-QUOTE", text))
            elif any(_like_a_row(inner, self._table.separator, len(self._header)) for inner in cell.split("\n")[1:]):
                text = "a quoted cell holds what looks like a row of its own: a quote was not closed"
                self._found.append(Finding(str(self._path), line, header, "E-DATA-QUOTE", text))

    def _quote(self) -> Finding:
        """Where the quotes went wrong: the record after the last good one is read again, letter by letter."""
        table, line = self._table, self._line + 1
        with opened(table, self._path) as source:
            skip(source.lines, line - 1)
            text = "".join(islice(source.lines, 1000))
        at = _bad_quote(text, table.separator)
        before = text[:at]
        start = before.rfind("\n") + 1
        message = "a quote opens here and does not close" if at < len(text) else "the quotes of this line do not match"
        header = column_at(before[start:], table.separator, self._header)
        return Finding(str(self._path), line + before.count("\n"), header, "E-DATA-QUOTE", message)


def _like_a_row(inner: str, separator: str, width: int) -> bool:
    """As many cells as a row, without the spaces that follow commas in prose."""
    return inner.count(separator) == width - 1 and f"{separator} " not in inner


def _bad_quote(text: str, separator: str) -> int:
    """Index of the first quote that opens a cell and is not closed before a separator or a line end."""
    at, begins = 0, True
    while at < len(text):
        if begins and text[at] == '"':
            end = _closing(text, at + 1)
            if end < 0 or (end + 1 < len(text) and text[end + 1] not in (separator, "\n")):
                return at
            at = end
        begins = text[at] in (separator, "\n")
        at += 1
    return at


def _closing(text: str, at: int) -> int:
    """Index of the quote that closes a cell; doubled quotes are text."""
    while (at := text.find('"', at)) >= 0:
        if text[at + 1 : at + 2] != '"':
            return at
        at += 2
    return -1
