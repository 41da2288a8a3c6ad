"""What the columns of an unknown file hold: a guess to be confirmed, never used for reading."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest.source import opened

#: Rows that a profile looks at.
ROWS = 20_000
_KEPT = 400
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\Z", re.ASCII)
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+\Z", re.ASCII)
_WORDS = {"na", "n/a", "nan", "none", "null", "missing", "unknown", "unk", "nd", "not done", ".", "-", "?", "#n/a"}
_CODES = {-9.0, -99.0, -999.0, -9999.0, -8.0, -7.0, -1.0, 99.0, 999.0, 9999.0, 88.0, 888.0, 77.0, 777.0}
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%Y%m%d", "%d%b%Y")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column.

    Attributes
    ----------
    header
        As in the file.
    n
        Cells with a value.
    missing
        Texts that seem to mean missing.
    values
        Distinct texts to how often they stand there, the commonest 400.
    distinct
        Number of distinct texts.
    kind
        ``integer``, ``number``, ``date``, ``text`` or ``empty``.
    low, high
        Of numbers.
    date_format
        Of dates.
    constant
        Does everybody have one value only?
    """

    header: str
    n: int
    missing: list[str]
    values: dict[str, int]
    distinct: int
    kind: str
    low: float
    high: float
    date_format: str
    constant: bool = True

    @property
    def numeric(self) -> bool:
        """Is it made of numbers?"""
        return self.kind in {"integer", "number"}

    @property
    def binary(self) -> bool:
        """Does it have two values?"""
        return self.distinct == 2


@dataclass(frozen=True, slots=True)
class Profile:
    """One file: how it is written and what its columns hold.

    Attributes
    ----------
    path
        The file.
    written
        Keys of the study file's table that say how it is written, with the evidence.
    columns
        Its columns.
    rows
        Number of rows looked at.
    person
        Number of the column with the participants' ids; none where nothing speaks for one.
    people
        Number of distinct ids.
    records
        Its rows, as text, for questions about pairs of columns.
    """

    path: Path
    written: dict[str, tuple[str, str]]
    columns: list[ColumnProfile]
    rows: int
    person: int | None
    people: int
    records: list[list[str]]

    def distinct_of(self, *at: int) -> int:
        """Number of distinct combinations of some columns."""
        return len({tuple(row[i] for i in at) for row in self.records})


def profile(path: Path) -> Profile:
    """Look at a file's first 20,000 rows.

    Raises
    ------
    Refused
        Nothing that looks like a table of text.
    """
    encoding, said = _encoding(path)
    written = {"encoding": (encoding, said)} if encoding != "utf-8" else {}
    lines = _lines(path, encoding)
    separator = max(_SEPARATORS, key=lambda mark: _agreement(lines, mark))
    start = _header_line(lines, separator)
    usual = "\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","
    if separator != usual:
        written["delimiter"] = (_SEPARATORS[separator], f"most lines have as many cells by {_SEPARATORS[separator]}s")
    if start > 1:
        written["header_line"] = (str(start), "the lines above have other numbers of cells")
    table = Table.model_validate({"file": path.name, "provides": "events", "columns": {}, "encoding": encoding})
    with opened(table, path) as source:
        for _ in islice(source.lines, start - 1):
            pass
        rows = _rows(path, start, source.lines, separator)
    header, records = rows[0] if rows else [], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not records:
        raise Refused([Finding(str(path), start, "", "E-DATA-EMPTY", "no rows below what seems to be the header")])
    _refuse_values(path, start, header, records)
    comma = [_decimal_comma([row[at] for row in records]) for at in range(len(header))]
    if any(comma):
        written["decimal"] = ("comma", f"{sum(comma)} columns hold numbers with a decimal comma")
    columns = [_column(name, [row[at].replace(",", ".") if comma[at] else row[at] for row in records]) for at, name in enumerate(header)]
    person = _person(columns, len(records))
    if person is not None:
        columns = [_with_constancy(column, at, person, records) for at, column in enumerate(columns)]
    return Profile(path, written, columns, len(records), person, columns[person].distinct if person is not None else 0, records)


def _refuse_values(path: Path, line: int, header: list[str], records: list[list[str]]) -> None:
    """A first line of values is no header: its cells would stand in the study file."""
    known = [{row[at] for row in records} for at in range(len(header))]
    values = [bool(name) and (name in known[at] or bool(_date_format([name])) or bool(re.search(r"\S@\S+\.\S", name))) for at, name in enumerate(header)]
    numbers = sum(bool(_NUMBER.match(name)) for name in header)
    if any(values) or numbers > 0.3 * len(header):
        text = "this line seems to hold values, not headers; write a line of headers above it"
        raise Refused([Finding(str(path), line, "", "E-DATA-HEADER", text)])


def _rows(path: Path, start: int, lines: TextIO, separator: str) -> list[list[str]]:
    """The first records that hold anything."""
    records = csv.reader(lines, delimiter=separator, strict=True)
    rows: list[list[str]] = []
    line = start
    try:
        for row in islice(records, ROWS + 1):
            if any("\n" in cell and len(cell) > _KEPT for cell in row):
                raise csv.Error
            if any(map(str.strip, row)):
                rows.append([cell.strip() for cell in row])
            line = start + records.line_num
    except csv.Error:
        raise Refused([Finding(str(path), line, "", "E-DATA-QUOTE", "a quote of this line does not close, or closes many lines later")]) from None
    return rows


def narrowed(found: Profile, at: int, text: str) -> Profile:
    """The profile of the rows that hold a text in a column."""
    records = [row for row in found.records if row[at] == text]
    columns = [_column(column.header, [row[i] for row in records]) for i, column in enumerate(found.columns)]
    if found.person is None:
        return replace(found, columns=columns, rows=len(records), records=records)
    columns = [_with_constancy(column, i, found.person, records) for i, column in enumerate(columns)]
    return replace(found, columns=columns, rows=len(records), people=columns[found.person].distinct, records=records)


def _encoding(path: Path) -> tuple[str, str]:
    problem = _unreadable(path, "utf-8")
    if problem is None:
        return "utf-8", ""
    other = {"E-DATA-ENCODING": "windows-1252", "E-DATA-FORMAT": "utf-16" if "UTF-16" in str(problem) else ""}.get(problem.findings[0].code, "")
    if not other:
        raise problem
    if _unreadable(path, other) is not None:
        other = "iso-8859-1"
    again = _unreadable(path, other)
    if again is not None:
        raise again
    return other, "the file is not UTF-8; look whether its accents come out right"


def _unreadable(path: Path, encoding: str) -> Refused | None:
    table = Table.model_validate({"file": path.name, "provides": "events", "columns": {}, "encoding": encoding})
    try:
        with opened(table, path) as source:
            for _ in source.lines:
                pass
    except Refused as refused:
        return refused
    return None


def _lines(path: Path, encoding: str) -> list[str]:
    table = Table.model_validate({"file": path.name, "provides": "events", "columns": {}, "encoding": encoding})
    with opened(table, path) as source:
        return [line.rstrip("\n") for line in islice(source.lines, 200)]


def _widths(lines: list[str], separator: str) -> list[tuple[int, int]]:
    """Line that each record starts on, and its number of cells; a quoted cell may hold line ends."""
    records = csv.reader((f"{line}\n" for line in lines), delimiter=separator)
    found: list[tuple[int, int]] = []
    line = 1
    for record in records:
        if any(map(str.strip, record)):
            found.append((line, len(record)))
        line = records.line_num + 1
    return found


def _agreement(lines: list[str], separator: str) -> tuple[int, int]:
    """Records with the commonest number of cells, where there are several; and that number."""
    counts = Counter(n for _, n in _widths(lines, separator))
    width, n = max(counts.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    return (n, width) if width > 1 else (0, 0)


def _header_line(lines: list[str], separator: str) -> int:
    width = _agreement(lines, separator)[1] or 1
    return next((line for line, n in _widths(lines, separator) if n == width), 1)


def _decimal_comma(cells: list[str]) -> bool:
    given = [cell for cell in cells if cell]
    return bool(given) and sum(bool(_COMMA.match(cell)) for cell in given) > 0 and all(_COMMA.match(cell) or _NUMBER.match(cell) for cell in given)


def _column(header: str, cells: list[str]) -> ColumnProfile:
    counts = Counter(cell for cell in cells if cell)
    missing = [text for text in counts if text.casefold() in _WORDS and not _is_label(text, counts)]
    missing += _codes({text: n for text, n in counts.items() if text not in missing})
    given = {text: n for text, n in counts.items() if text not in missing}
    kind, pattern = _kind(given)
    numbers = [float(text) for text in given] if kind in {"integer", "number"} else [0.0]
    kept = dict(Counter(given).most_common(_KEPT))
    return ColumnProfile(header, sum(given.values()), sorted(missing), kept, len(given), kind, min(numbers), max(numbers), pattern)


def _is_label(text: str, counts: Counter[str]) -> bool:
    """An arm called None is an arm: one of few labels, as common as the others."""
    return text.casefold() in {"none", "unknown"} and len(counts) <= 4 and counts[text] > 0.2 * sum(counts.values())


def _codes(given: dict[str, int]) -> list[str]:
    """Numbers that are usual codes for missing and lie far from the others."""
    if not given or not all(_NUMBER.match(text) for text in given):
        return []
    others = [float(text) for text in given if float(text) not in _CODES]
    if len(others) < 3:
        return []
    low, high = min(others), max(others)
    far = max(high - low, 1.0) / 2
    return [text for text in given if float(text) in _CODES and (float(text) < min(low, 0) or float(text) > high + far)]


def _kind(given: dict[str, int]) -> tuple[str, str]:
    if not given:
        return "empty", ""
    if all(_NUMBER.match(text) for text in given):
        whole = all(float(text).is_integer() for text in given)
        dates = whole and all(len(text) == 8 for text in given)
        return ("integer" if whole else "number", "") if not (dates and _date_format(list(given))) else ("date", "%Y%m%d")
    pattern = _date_format(list(given))
    return ("date", pattern) if pattern else ("text", "")


def _date_format(texts: list[str]) -> str:
    """The format that every text has; of several the first, which a person must confirm."""
    return next((pattern for pattern in _DATES if all(_is_date(text, pattern) for text in texts)), "")


def _is_date(text: str, pattern: str) -> bool:
    try:
        day = datetime.strptime(text, pattern)
    except ValueError:
        return False
    return day.strftime(pattern).casefold() == text.casefold() and 1900 <= day.year <= 2100


_ID_WORDS = (
    "usubjid", "participant id", "participantid", "patient id", "patientid", "subject id", "subjectid", "subjid", "record id", "recordid", "study id",
    "studyid",
    "participant", "patient", "subject", "pid", "ptid", "patid", "id", "who", "case", "caseid", "case id", "subj", "patno", "screening number", "randno",
)  # fmt: skip


def _person(columns: list[ColumnProfile], rows: int) -> int | None:
    """The column of ids: by its header, else the first whose values are all different."""
    named = {
        " ".join(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column.header).casefold())): at for at, column in reversed([*enumerate(columns)])
    }
    found = next((named[words] for words in _ID_WORDS if words in named and columns[named[words]].n > 0.9 * rows), None)
    if found is not None:
        return found
    return next((at for at, column in enumerate(columns) if column.distinct == rows and rows > 1 and column.kind in {"integer", "text"}), None)


def _with_constancy(column: ColumnProfile, at: int, person: int, records: list[list[str]]) -> ColumnProfile:
    seen: dict[str, str] = {}
    skip = {"", *column.missing}
    constant = all(row[at] in skip or seen.setdefault(row[person], row[at]) == row[at] for row in records)
    return replace(column, constant=constant)
