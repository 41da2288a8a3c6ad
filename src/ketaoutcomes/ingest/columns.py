"""Text cells to values, one kind at a time; a cell that is not of its kind becomes a finding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime

import pandas as pd

from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Column, ItemColumns, LongColumns, PatternColumn, Table
from ketaoutcomes.ingest.alike import skeleton
from ketaoutcomes.ingest.reader import BadCell, Field, Parsed

_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\Z", re.ASCII)
_INTEGER = re.compile(r"[-+]?[0-9]{1,15}(\.0*)?\Z", re.ASCII)
#: Numbers that data bases write for missing.
SENTINELS = {-1.0, *(sign * float(digit * n) for sign in (-1, 1) for digit in "789" for n in (1, 2, 3, 4, 5))} - {7.0, 8.0, 9.0}
_MISSING = {"na", "n/a", "nan", "none", "null", "nil", "missing", "unknown", "unk", "nd", "n.d.", "not done", "tbd", "nr"}
#: Letters that print as nothing and count as printable.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_SHEET_ERRORS = {"#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!"}
_YES_NO = {
    **dict.fromkeys(("yes", "y", "true", "1"), "yes"),
    **dict.fromkeys(("no", "n", "false", "0"), "no"),
}


def fields(study: Study, table: Table) -> dict[str, Field]:
    """What is read of a table's file: our columns and, under names with a tab, cells that become other things later."""
    scales, mark, missing = study.scales, table.decimal, {*table.missing}

    def field(header: str, parse: Callable[[str], Parsed], *, numeric: bool, only: tuple[str, str] | None = None) -> Field:
        return Field(header, _unless_missing(parse, missing), numeric, only)

    found: dict[str, Field] = {}
    for name, column in table.columns.items():
        numeric = column.kind in {"number", "integer", "date", "length"}
        found[name] = field(column.source, _parser(column, scales, mark), numeric=numeric)
        if column.beside:
            found[f"{BESIDE}\t{name}"] = field(column.beside, _text, numeric=False)
    for wide in table.wide:
        found[f"{wide.parameter}\t{wide.period}\t{wide.visit}"] = field(wide.source, _number_of(scales[wide.instrument], mark), numeric=True)
    for at, pattern in enumerate(table.patterns):
        found[f"{PATTERN}\t{at}"] = field(pattern.source, _word(pattern, scales[pattern.instrument]), numeric=False)
    for entry in table.items:
        scale = scales[entry.instrument]
        assert scale.items is not None
        for item, header in enumerate(entry.headers(scale.items.number), start=1):
            found[item_name(entry, item)] = field(header, _item(scale, item, mark), numeric=True)
    if table.long:
        names = table.long.parameters
        for text, one in names.items():
            found[f"{LONG}\t{one.parameter}"] = field(table.long.value, _number_of(scales[one.instrument], mark), numeric=True, only=(table.long.name, text))
        found[f"{NAME}\t"] = field(table.long.name, _name_of(table.long), numeric=False)
    return found


def _name_of(long: LongColumns) -> Callable[[str], Parsed]:
    """The name of a parameter; of one that is not listed nothing, or a refusal."""
    names = list(long.parameters)
    return lambda cell: None if long.drop_unlisted and cell not in names and not _near(cell, names) else _one_of(cell, names)


#: Beginnings of the names of cells that are no column of ours.
BESIDE, PATTERN, ITEM, LONG, NAME = "beside", "pattern", "item", "long", "name"


def item_name(entry: ItemColumns, item: int) -> str:
    """Under which name an item is read."""
    return f"{ITEM}\t{entry.instrument}\t{item}"


def _unless_missing(parse: Callable[[str], Parsed], missing: set[str]) -> Callable[[str], Parsed]:
    return (lambda cell: None if cell in missing else parse(cell)) if missing else parse


def _item(scale: Instrument, item: int, mark: str) -> Callable[[str], Parsed]:
    """One item of an instrument; an item of 0 or 1 may be written as no or yes."""
    assert scale.items is not None
    low, high = scale.items.range_of(item)
    inside = _within(_integer_in(mark), low, high, f"{scale.name} item {item}")

    def parse(cell: str) -> Parsed:
        if (low, high) == (0, 1) and cell.lower() in _YES_NO:
            return float(_YES_NO[cell.lower()] == "yes")
        return inside(cell)

    return parse


def _word(column: PatternColumn, scale: Instrument) -> Callable[[str], Parsed]:
    """A word of letters, each with a score within its instrument's range."""

    def parse(word: str) -> Parsed:
        if set(word) - set(column.letters):
            raise BadCell("a letter that `letters` does not list")
        values = [value for letter in set(word) if (value := column.letters[letter]) is not None]
        if any(not scale.minimum <= value <= scale.maximum for value in values):
            raise BadCell(f"a letter whose score is outside the range of {scale.name}")
        return word

    return parse


def spread(column: PatternColumn, words: pd.Series) -> dict[str, pd.Series]:
    """Words of letters as one column of numbers for each visit; visits beyond a word's end are missing."""
    texts = words.fillna("")
    longest = int(texts.str.len().max()) if len(texts) else 0
    return {
        f"{column.parameter}\t{column.period}\t{column.visit.replace('{}', str(at + 1))}": texts.str.get(at).map(column.letters).astype("float64")
        for at in range(longest)
    }


def _parser(column: Column, scales: dict[str, Instrument], mark: str) -> Callable[[str], Parsed]:
    if column.kind in {"number", "integer"}:
        parse = _number_in(mark) if column.kind == "number" else _integer_in(mark)
        if column.range:
            parse = _within(parse, column.range[0], column.range[1], "what the study file allows")
        if column.top is not None:
            parse = _topped(parse, column.top, anything=bool(column.range))
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


def _number_of(scale: Instrument, mark: str) -> Callable[[str], Parsed]:
    return _within(_number_in(mark), scale.minimum, scale.maximum, scale.name, scale.unit)


def _number_in(mark: str) -> Callable[[str], float]:
    return lambda cell: _number(cell, mark)


def _topped(parse: Callable[[str], float], top: float, *, anything: bool) -> Callable[[str], float]:
    """Higher numbers as the highest, but for those that are rather a slip or a code for missing."""

    def lowered(cell: str) -> float:
        value = parse(cell)
        if value > top and not anything and (value in SENTINELS or value > 1.5 * top):
            text = "above `top`, and so far or so written that it may be a slip or a code for missing"
            raise BadCell(f"{text}; list it under `missing:`, or say with `range: [low, high]` that it can be true")
        return min(value, top)

    return lowered


def _text(cell: str) -> str:
    """The cell with each accent written one way (NFC), or refused: two labels that look the same are one label."""
    if not cell.isprintable() or _UNSEEN.search(cell):
        raise BadCell("holds an invisible character (such as a zero-width or hard space) or a line break; remove it")
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        raise BadCell("quotes stand here as part of the text: a space before the first quote, or quotes written twice; remove them")
    if not cell.isascii() and _twice_encoded(cell):
        raise BadCell("letters of UTF-8 that a program read as windows-1252; get the original text, or mend `encoding:` in the study file's table")
    if "\ufffd" in cell:
        raise BadCell("holds the mark of a letter that another program could not read; get the original text")
    if cell.startswith("#") and cell.upper() in _SHEET_ERRORS:
        raise BadCell("a spreadsheet's error value; mend it there")
    return unicodedata.normalize("NFC", cell)


def _number(cell: str, mark: str = "point") -> float:
    plain = _with_point(cell, mark)
    if not _NUMBER.match(plain):
        raise BadCell(f"not a number{_hint(cell, mark)}")
    return float(plain)


def _twice_encoded(cell: str) -> bool:
    """Are the letters, as bytes of windows-1252, UTF-8 of other letters?"""
    try:
        cell.encode("windows-1252").decode("utf-8")
    except UnicodeError:
        return False
    return True


def _with_point(cell: str, mark: str) -> str:
    """The cell with a decimal point; nothing where a point stands though the mark is a comma: 1.000 may be a thousand."""
    if mark == "point":
        return cell
    return cell.replace(",", ".") if "." not in cell else ""


def _hint(cell: str, mark: str = "point") -> str:
    """What a cell that is no number may be, and how to mend it."""
    plain = cell.casefold()
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", cell) and mark == "point":
        return ": for a decimal comma write `decimal: comma` in the study file's table; a mark between thousands must go"
    if re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", cell) and mark == "comma":
        return ": the study file says `decimal: comma`"
    if re.match(r"[<>≤≥~]", cell):
        return ": a bound is not a value; decide on one and say so, or declare it under `missing:`"
    if re.match(r"[-+]?[0-9.,]+\s*[^\W\d_%/]+|.*%\Z", cell):
        return ": take the unit out of the cells (`unit:` in the study file names it)"
    if re.fullmatch(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}.*", cell):
        return ": a date needs `kind: date`"
    if plain in _MISSING or cell.strip("-–—?*.") == "":
        return ": if it means missing, list it under `missing:` of the study file's table"
    if any(char.isdigit() and not char.isascii() for char in cell) or "−" in cell:
        return ": write ASCII digits and a hyphen for minus"
    return "; list it under `missing:` if it means missing"


def _integer_in(mark: str) -> Callable[[str], float]:
    return lambda cell: _integer(cell, mark)


def _integer(cell: str, mark: str) -> float:
    plain = _with_point(cell, mark)
    if not _INTEGER.match(plain):
        raise BadCell(f"not a whole number{_hint(cell, mark) if not _NUMBER.match(plain) else ''}")
    return float(plain)


def _within(parse: Callable[[str], float], low: float, high: float, name: str, unit: str = "") -> Callable[[str], float]:
    def inside(cell: str) -> float:
        value = parse(cell)
        if not low <= value <= high:
            code = "; if it means missing, list it under `missing:`" if value in SENTINELS else ""
            raise BadCell(f"outside the range of {name}, {low:g} to {high:g} {unit}".rstrip() + code)
        return value

    return inside


def _date(cell: str, pattern: str) -> float:
    """The day of a date that is written exactly so: 2024-06-1 may be half of the eleventh."""
    unpadded = "%-" in pattern
    plain = pattern.replace("%-", "%")
    try:
        day = datetime.strptime(cell, plain)
    except ValueError:
        day = None
    if day is None or not cell.isascii() or not (unpadded or "%f" in plain or day.strftime(plain).casefold() == cell.casefold()):
        serial = "; a number of five digits is a spreadsheet's count of days: format the column as a date there" if re.fullmatch(r"[0-9]{5}", cell) else ""
        raise BadCell(f"not a date written as {pattern}; `date_format` says how they are written (%-d and %-m without leading zeros){serial}")
    return float(day.toordinal())


def _recoded(cell: str, column: Column) -> str | None:
    if cell in column.recode:
        return column.recode[cell] or None
    if column.drop_unlisted and not _near(cell, column.recode):
        return None
    raise BadCell(f"label not in the study file{_near(cell, column.recode)}; known: {_choices(column.recode)}")


def _flag(cell: str) -> str:
    try:
        return _YES_NO[cell.lower()]
    except KeyError:
        raise BadCell("neither yes nor no (y/n, true/false, 1/0 are understood; else recode it)") from None


def _one_of(cell: str, levels: list[str]) -> str:
    if cell not in levels:
        raise BadCell(f"label not in the study file{_near(cell, levels)}; known: {_choices(levels)}")
    return cell


def _near(cell: str, labels: Iterable[str]) -> str:
    alike = any(skeleton(cell) == skeleton(label) for label in labels)
    return " (a known one is written almost alike: mind capitals, spaces and letters of other alphabets)" if alike else ""


def _choices(labels: Iterable[str]) -> str:
    listed = list(labels)
    return ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")
