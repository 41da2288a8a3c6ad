"""A delimited text file as rows of text, strictly: nothing is guessed, shifted, merged or dropped."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.tables import Table

_MAGIC = {b"PK\x03\x04": "a zip or Excel file", b"\x1f\x8b": "a gzip file", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PAR1": "Parquet"}
_DELIMITERS = {",": "a comma", "\t": "a tab", ";": "a semicolon"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Rows:
    """A file's header and rows; `lines` holds each row's line number in the file."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def column(self, name: str) -> list[str]:
        """The text of one column, spaces at the ends removed."""
        at = self.header.index(name)
        return [row[at].strip() for row in self.rows]


def read_rows(table: Table, root: Path, scales: dict[str, Instrument]) -> Rows:
    """Read the file of a table.

    Raises
    ------
    Refused
        Missing file, other checksum, not UTF-8 text, ragged rows, unreadable quotes, header
        missing, repeated or without a column the study file names.
    """
    path = root / table.file
    text = _text(path, table)
    delimiter = "\t" if path.suffix == ".tsv" else ","
    rows, lines = _parse(path, text, delimiter)
    header = tuple(cell.strip() for cell in rows[0])
    _check_header(path, header, table.headers(scales), delimiter)
    _check_widths(path, rows, lines, len(header), may_be_empty=table.provides == "events")
    return Rows(path, header, tuple(tuple(row) for row in rows[1:]), tuple(lines[1:]))


def _refuse(path: Path, line: int, column: str, code: str, message: str) -> Refused:
    return Refused([Finding(str(path), line, column, code, message)])


def _text(path: Path, table: Table) -> str:
    if not path.is_file():
        raise _refuse(path, 0, "", "E-DATA-FILE", "there is no such file")
    data = path.read_bytes()
    if table.sha256 and hashlib.sha256(data).hexdigest() != table.sha256:
        raise _refuse(path, 0, "", "E-DATA-CHECKSUM", "not the file the study was written for: its sha256 differs from the study file's")
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            raise _refuse(path, 0, "", "E-DATA-FORMAT", f"this is {name}; export it as UTF-8 CSV")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refuse(path, line, "", "E-DATA-ENCODING", "not UTF-8; save the file as CSV UTF-8") from None
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise _refuse(path, line, "", "E-DATA-CONTROL", "a control character (such as NUL) stands in this line; remove it")
    if not text.strip():
        raise _refuse(path, 0, "", "E-DATA-EMPTY", "the file is empty")
    return text


def _parse(path: Path, text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    before = 0
    try:
        for row in reader:
            if any("\n" in cell or "\r" in cell for cell in row):
                raise _refuse(path, before + 1, "", "E-DATA-QUOTE", "a quoted cell runs over a line end; close the quote or remove the line break")
            if row:
                rows.append(row)
                lines.append(reader.line_num)
            before = reader.line_num
    except csv.Error:
        raise _refuse(path, before + 1, "", "E-DATA-QUOTE", "the quotes of this line do not match") from None
    return rows, lines


def _check_header(path: Path, header: tuple[str, ...], wanted: list[str], delimiter: str) -> None:
    other = next((mark for mark in _DELIMITERS if len(header) == 1 and mark != delimiter and mark in header[0]), None)
    if other:
        message = f"the columns seem to be separated by {_DELIMITERS[other]}, not {_DELIMITERS[delimiter]}; export with {_DELIMITERS[delimiter]}"
        raise _refuse(path, 1, "", "E-DATA-DELIMITER", message)
    findings = [
        Finding(str(path), 1, name, "E-DATA-COLUMN", "the study file names this column and the file does not have it") for name in wanted if name not in header
    ]
    # by number: in a file without a header these would be somebody's values
    findings += [
        Finding(str(path), 1, str(at + 1), "E-DATA-COLUMN", f"column {header.index(name) + 1} has the same name; rename one")
        for at, name in enumerate(header)
        if name and header.index(name) < at
    ]
    if findings:
        raise Refused(findings)


def _check_widths(path: Path, rows: list[list[str]], lines: list[int], width: int, *, may_be_empty: bool) -> None:
    findings = [
        Finding(str(path), line, "", "E-DATA-WIDTH", f"{len(row)} cells where the header has {width}; look for a decimal comma or a missing quote")
        for row, line in zip(rows, lines, strict=True)
        if len(row) != width
    ]
    if len(rows) == 1 and not may_be_empty:  # no events is an answer; no people or no scores is a wrong file
        findings.append(Finding(str(path), 1, "", "E-DATA-EMPTY", "the file has a header and no rows"))
    if findings:
        raise Refused(findings)
