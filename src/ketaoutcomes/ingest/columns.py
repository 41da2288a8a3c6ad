"""Text cells to values, one kind at a time; a cell that is not of its kind becomes a finding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime

import pandas as pd

from ketaoutcomes.domain.findings import Finding
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.tables import Column, PatternColumn, Table
from ketaoutcomes.ingest.reader import Rows

_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\Z", re.ASCII)
_INTEGER = re.compile(r"[-+]?[0-9]{1,15}(\.0*)?\Z", re.ASCII)
_YES_NO = {
    **dict.fromkeys(("yes", "y", "true", "1"), "yes"),
    **dict.fromkeys(("no", "n", "false", "0"), "no"),
}
Parsed = str | float | None


class BadCell(ValueError):
    """A cell is not of its column's kind; the message says what was expected."""


def parse_column(rows: Rows, table: Table, column: Column, scales: dict[str, Instrument], findings: list[Finding]) -> pd.Series:
    """One column of a file, as text or as numbers; missing cells are missing.

    Problems are appended to `findings` with line and header, and leave a missing value.
    """
    numeric = column.kind in {"number", "integer", "date", "length"}
    return _parsed(rows, table, column.source, _parser(column, scales), findings, numeric=numeric)


def parse_item(rows: Rows, table: Table, header: str, scale: Instrument, item: int, findings: list[Finding]) -> pd.Series:
    """One item of an instrument as numbers; an item of 0 or 1 may be written as no or yes."""
    assert scale.items is not None
    low, high = scale.items.range_of(item)
    inside = _within(_integer, low, high, f"{scale.name} item {item}")

    def parse(cell: str) -> Parsed:
        if (low, high) == (0, 1) and cell.lower() in _YES_NO:
            return float(_YES_NO[cell.lower()] == "yes")
        return inside(cell)

    return _parsed(rows, table, header, parse, findings, numeric=True)


def parse_pattern(rows: Rows, table: Table, column: PatternColumn, scale: Instrument, findings: list[Finding]) -> dict[str, pd.Series]:
    """A word of letters as one column of numbers for each visit; visits beyond a word's end are missing."""
    missing = {"", *table.missing}
    words = [("" if cell in missing else cell) for cell in rows.column(column.source)]
    values: list[list[float | None]] = []
    for line, word in zip(rows.lines, words, strict=True):
        unknown = sorted(set(word) - set(column.letters))
        outside = [
            letter for letter in set(word) - set(unknown) if (value := column.letters[letter]) is not None and not scale.minimum <= value <= scale.maximum
        ]
        if unknown or outside:
            text = "a letter that `letters` does not list" if unknown else f"a letter whose score is outside the range of {scale.name}"
            findings.append(Finding(str(rows.path), line, column.source, "E-DATA-VALUE", text))
        values.append([column.letters.get(letter) for letter in word])
    longest = max(map(len, words), default=0)
    return {
        column.visit.replace("{}", str(at + 1)): pd.Series([row[at] if at < len(row) else None for row in values], dtype="float64") for at in range(longest)
    }


def _parsed(rows: Rows, table: Table, header: str, parse: Callable[[str], Parsed], findings: list[Finding], *, numeric: bool) -> pd.Series:
    missing = {"", *table.missing}
    values: list[Parsed] = []
    for line, cell in zip(rows.lines, rows.column(header), strict=True):
        try:
            values.append(None if cell in missing else parse(cell))
        except BadCell as problem:
            findings.append(Finding(str(rows.path), line, header, "E-DATA-VALUE", str(problem)))
            values.append(None)
    return pd.Series(values, dtype="float64" if numeric else "string")


def _parser(column: Column, scales: dict[str, Instrument]) -> Callable[[str], Parsed]:
    if column.kind in {"number", "integer"}:
        parse = _number if column.kind == "number" else _integer
        if column.instrument is None:
            return parse
        scale = scales[column.instrument]
        return _within(parse, scale.minimum, scale.maximum, scale.name, scale.unit)
    if column.kind == "length":
        return lambda cell: float(len(cell))
    if column.kind == "date":
        return lambda cell: _date(cell, column.date_format)
    if column.recode:
        return lambda cell: _recoded(_text(cell), column)
    if column.kind == "flag":
        return _flag
    if column.levels:
        return lambda cell: _one_of(_text(cell), column.levels)
    return _text


def _text(cell: str) -> str:
    """The cell with each accent written one way (NFC), or refused: two labels that look the same are one label."""
    if not cell.isprintable():
        raise BadCell("holds an invisible character (such as a zero-width or hard space); remove it")
    return unicodedata.normalize("NFC", cell)


def _number(cell: str) -> float:
    if not _NUMBER.match(cell):
        hint = "; the decimal mark must be a point" if "," in cell else ""
        raise BadCell(f"not a number{hint}; declare a code for missing under `missing:` if it is one")
    return float(cell)


def _integer(cell: str) -> float:
    if not _INTEGER.match(cell):
        raise BadCell("not a whole number")
    return float(cell)


def _within(parse: Callable[[str], float], low: float, high: float, name: str, unit: str = "") -> Callable[[str], Parsed]:
    def inside(cell: str) -> float:
        value = parse(cell)
        if not low <= value <= high:
            raise BadCell(f"outside the range of {name}, {low:g} to {high:g} {unit}".rstrip())
        return value

    return inside


def _date(cell: str, pattern: str) -> float:
    try:
        if any(char.isdigit() and not char.isascii() for char in cell):
            raise ValueError
        return float(datetime.strptime(cell, pattern).toordinal())
    except ValueError:
        raise BadCell(f"not a date written as {pattern}") from None


def _recoded(cell: str, column: Column) -> str | None:
    if cell in column.recode:
        return column.recode[cell] or None
    if column.drop_unlisted:
        return None
    raise BadCell(f"label not in the study file; known: {_choices(column.recode)}")


def _flag(cell: str) -> str:
    try:
        return _YES_NO[cell.lower()]
    except KeyError:
        raise BadCell("neither yes nor no (y/n, true/false, 1/0 are understood; else recode it)") from None


def _one_of(cell: str, levels: list[str]) -> str:
    if cell not in levels:
        raise BadCell(f"label not in the study file; known: {_choices(levels)}")
    return cell


def _choices(labels: Iterable[str]) -> str:
    listed = list(labels)
    return ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")
