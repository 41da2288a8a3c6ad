"""Text cells to values, one kind at a time; a cell that is not of its kind becomes a finding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime

import pandas as pd

from ketaoutcomes.domain.findings import Finding
from ketaoutcomes.domain.instruments import instruments
from ketaoutcomes.domain.study import Column, Table
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


def parse_column(rows: Rows, table: Table, column: Column, findings: list[Finding]) -> pd.Series:
    """One column of a file, as text or as numbers; missing cells are missing.

    Problems are appended to `findings` with line and header, and leave a missing value.
    """
    missing = {"", *table.missing}
    parse = _parser(column)
    values: list[Parsed] = []
    for line, cell in zip(rows.lines, rows.column(column.source), strict=True):
        try:
            values.append(None if cell in missing else parse(cell))
        except BadCell as problem:
            findings.append(Finding(str(rows.path), line, column.source, "E-DATA-VALUE", str(problem)))
            values.append(None)
    numeric = column.kind in {"number", "integer", "date"}
    return pd.Series(values, dtype="float64" if numeric else "string")


def _parser(column: Column) -> Callable[[str], Parsed]:
    if column.kind == "number":
        return _ranged(_number, column)
    if column.kind == "integer":
        return _ranged(_integer, column)
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
    if not all(char == " " or char.isprintable() for char in cell):
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


def _ranged(parse: Callable[[str], float], column: Column) -> Callable[[str], Parsed]:
    if column.instrument is None:
        return parse
    scale = instruments()[column.instrument]

    def ranged(cell: str) -> float:
        value = parse(cell)
        if not scale.minimum <= value <= scale.maximum:
            raise BadCell(f"outside the range of {scale.name}, {scale.minimum:g} to {scale.maximum:g} {scale.unit}")
        return value

    return ranged


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
