"""A study's files: which part of the cohort each provides, and how its columns are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ketaoutcomes.domain.instruments import Instrument

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)
#: Names that become wildcards and file names; Windows' device names are refused in `references`.
NAME = r"^[a-z][a-z0-9_]{0,47}$"
Name = Annotated[str, Field(pattern=NAME)]


class Column(BaseModel):
    """Where one of our columns comes from, and how its text is read."""

    model_config = _STRICT

    source: str = Field(alias="from")
    """Header in the file, exactly."""
    kind: Literal["text", "category", "number", "integer", "flag", "date", "length"] = "text"
    """How a cell is read. A `date` becomes a study day (or an anchor for `since`); dates never leave ingest.
    A `length` is the number of the cell's characters."""
    recode: dict[str, str] = Field(default_factory=dict[str, str])
    """File's label to ours. When given, a label not listed is refused."""
    levels: list[str] = Field(default_factory=list[str])
    """Categories in order, the reference first."""
    drop_unlisted: bool = False
    """With `recode`: rows whose label is not listed are left out and counted, instead of refused."""
    instrument: str | None = None
    """Instrument whose range is enforced; makes the column a parameter of the assessments."""
    date_format: str = "%Y-%m-%d"
    """Format of a date, as in Python's strptime; `%-d` and `%-m` where days and months have no leading zeros."""
    since: str | None = None
    """A participants' date column that is day 0 of this date."""
    range: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """Lowest and highest number that can be true, for columns without an instrument; others are refused."""
    top: float | None = None
    """Higher numbers are read as this one: for ages, which may identify people over 89."""
    beside: str | None = None
    """Header of a column that says the same in another way, such as the code beside a label: each of its texts must go with one of ours."""
    unit: str | None = None
    """Unit, as printed."""
    label: str | None = None
    """Name, as printed; made from our column name when not given."""

    @property
    def is_number(self) -> bool:
        """Is it a number once read? A date that is counted from another is."""
        return self.kind in {"number", "integer", "length"} or (self.kind == "date" and self.since is not None)


class WideColumn(BaseModel):
    """One column of a wide table: the score of one parameter at one visit."""

    model_config = _STRICT

    source: str = Field(alias="from")
    """Header in the file, exactly."""
    parameter: Name
    """Id of the parameter."""
    instrument: str
    """Instrument whose range is enforced."""
    visit: str
    """Visit id."""
    period: str
    """Period id."""


class PatternColumn(BaseModel):
    """A column that holds a word with one letter for each visit, such as the weeks of urine screens."""

    model_config = _STRICT

    source: str = Field(alias="from")
    """Header in the file, exactly."""
    parameter: Name
    """Id of the parameter."""
    instrument: str
    """Instrument whose range is enforced."""
    letters: dict[str, float | None]
    """Score of each letter; `null` is a missing score. Another letter is refused."""
    visit: str
    """Visit id with `{}` in place of the letter's place, counted from 1."""
    period: str
    """Period id."""


class ItemColumns(BaseModel):
    """Columns that hold the items of one instrument; its score and those of its parts become parameters of their names."""

    model_config = _STRICT

    instrument: str
    """Instrument whose items these are."""
    sources: list[str] = Field(alias="from", min_length=1)
    """Headers in the file, in the order of the items; or one header with `{}` in place of the item's number."""

    def headers(self, number: int) -> list[str]:
        """The header of each of `number` items."""
        pattern, *others = self.sources
        return [pattern.replace("{}", str(item)) for item in range(1, number + 1)] if "{}" in pattern and not others else self.sources


class LongParameter(BaseModel):
    """One parameter of a long table."""

    model_config = _STRICT

    parameter: Name
    """Id of the parameter."""
    instrument: str
    """Instrument whose range is enforced."""


class LongColumns(BaseModel):
    """A long table: one column names the parameter, another holds its score (PARAMCD and AVAL of CDISC's ADaM)."""

    model_config = _STRICT

    name: str
    """Header of the column that names the parameter."""
    value: str
    """Header of the column that holds the score."""
    parameters: dict[str, LongParameter] = Field(min_length=1)
    """The file's names of parameters, and ours."""
    drop_unlisted: bool = False
    """Rows of other parameters are left out and counted, instead of refused."""


class Table(BaseModel):
    """One file: which part of the cohort it provides and how its columns are read."""

    model_config = _STRICT

    file: str
    """Path from the project folder: `.csv`, `.tsv` or `.txt`, each also with `.gz`. Where only the compressed file is there, it is read."""
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None = None
    """What separates the cells; when not given a tab in `.tsv` files, else a comma."""
    decimal: Literal["point", "comma"] = "point"
    """Decimal mark of numbers."""
    encoding: Literal["utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15", "mac-roman", "cp437", "cp850"] = "utf-8"
    """How the file writes letters."""
    header_line: int = Field(default=1, ge=1, le=1000)
    """Line of the header; what stands above it is not read."""
    rows: int | None = Field(default=None, ge=0)
    """Number of records the sender counted; a file with another number is refused."""
    line_breaks: list[str] = Field(default_factory=list[str])
    """Headers of columns whose quoted cells may hold line breaks; elsewhere a line break is a quote that was not closed."""
    where: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """Header to texts: only rows with one of them in that column belong to this table (as REDCap's `redcap_repeat_instrument`; empty is "").
    Other rows are not read; those that no table of the file claims are counted."""
    repeats: bool = False
    """For `participants` in a file with several rows for each: a value must be the same in all of somebody's rows that have one."""
    provides: Literal["participants", "assessments", "sessions", "readings", "events", "disposition"]
    """Part of the cohort; `readings` are measurements within a session by minute after the dose.
    Several tables may provide the same part: participants are joined on `participant`, the others are stacked."""
    sha256: str | None = None
    """When given, a file with another checksum is refused."""
    missing: list[str] = Field(default_factory=list[str])
    """Codes that mean missing, besides the empty cell."""
    columns: dict[Name, Column]
    """Our column names. Columns of the file that are not named here never leave ingest."""
    wide: list[WideColumn] = Field(default_factory=list[WideColumn])
    """For `assessments`: columns that each hold one visit's score."""
    patterns: list[PatternColumn] = Field(default_factory=list[PatternColumn])
    """For `assessments`: columns that each hold a word with one letter for each visit."""
    items: list[ItemColumns] = Field(default_factory=list[ItemColumns])
    """For `assessments`: columns that each hold one item of an instrument."""
    long: LongColumns | None = None
    """For `assessments`: one column names the parameter, another holds its score."""

    @property
    def separator(self) -> str:
        """The character between cells."""
        named = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
        return named[self.delimiter] if self.delimiter else "\t" if self.file.removesuffix(".gz").endswith(".tsv") else ","

    def headers(self, scales: dict[str, Instrument]) -> list[str]:
        """Headers that the file must have."""
        numbers = {entry.instrument: scale.items.number for entry in self.items if (scale := scales[entry.instrument]).items}
        items = [header for entry in self.items for header in entry.headers(numbers[entry.instrument])]
        columns = [header for column in self.columns.values() for header in (column.source, column.beside) if header]
        long = [self.long.name, self.long.value] if self.long else []
        return [*columns, *(wide.source for wide in (*self.wide, *self.patterns)), *items, *long, *self.where, *self.line_breaks]
