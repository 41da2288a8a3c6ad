"""What a study file may say of its tables: every name leads somewhere, no declaration says two things."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ketaoutcomes.domain.instruments import parts
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Column, ItemColumns, Table

Key = tuple[str | int, ...]
Problem = tuple[Key, str]

_REQUIRED = {
    "participants": {"participant"},
    "assessments": {"participant"},
    "sessions": {"participant", "session"},
    "readings": {"participant", "session", "minute"},
    "events": {"participant", "day", "event"},
    "disposition": {"participant", "status", "day"},
}
#: Names our own tables use; a participants' column may not take them.
_RESERVED = {"period", "trtp", "trta", "start", "status", "reason", "last_day", "visit", "base", "response", "aval", "cnsr"}
NUMERIC = {"number", "integer"}
#: Kinds that the columns with a meaning of their own must have; an id read as a number would make 007 and 7 one person.
WORDS, _DAYS = {"text", "category"}, {"number", "integer", "date"}
_KINDS = {
    "participant": WORDS, "period": WORDS, "visit": WORDS, "arm": WORDS, "event": WORDS, "class": WORDS, "serious": {"flag"}, "status": WORDS, "reason": WORDS,
    "day": _DAYS, "hour": NUMERIC, "session": {"integer"}, "minute": NUMERIC,
}  # fmt: skip


#: Columns of readings that say whose, when.
_OF_A_READING = {"participant", "period", "session", "minute", "day", "arm"}
#: Columns of a confidential study whose labels are released.
_RELEASED = {"disposition": {"status", "reason"}, "events": {"class", "event"}}


def table_problems(study: Study) -> Iterator[Problem]:
    """Each thing that is wrong with the tables of a study file.

    Yields
    ------
    tuple
        The key in the study file, and what is wrong with it.
    """
    yield from _tables(study)
    yield from _columns(study)
    yield from _placing(study)
    if study.status == "confidential":
        yield from _free_texts(study)


def unless(name: str | None, known: Collection[str], key: Key, what: str) -> Iterator[Problem]:
    """A problem unless `name` is known (or not given)."""
    if name is not None and name not in known:
        choices = ", ".join(sorted(known)) or "none are declared"
        yield key, f"there is no {what} called {name!r}; known: {choices}"


def _tables(study: Study) -> Iterator[Problem]:
    if not any(table.provides == "participants" for table in study.tables.values()):
        yield ("tables",), "no table provides participants"
    periods = {period.id for period in study.periods}
    for name, table in study.tables.items():
        key = ("tables", name)
        for column in sorted(_REQUIRED[table.provides] - set(table.columns)):
            yield (*key, "columns"), f"a table of {table.provides} needs the column {column!r}"
        for our, column in table.columns.items():
            yield from unless(column.instrument, study.scales, (*key, "columns", our, "instrument"), "instrument")
            dates = {n for n, c in study.participant_columns.items() if c.kind == "date" and not c.since}
            yield from unless(column.since, dates, (*key, "columns", our, "since"), "participants' date column")
            if table.provides == "participants" and (our in _RESERVED or our.startswith("pop_")):
                yield (*key, "columns", our), "this name has a meaning of its own here; choose another"
            if column.drop_unlisted and not column.recode:
                yield (*key, "columns", our, "drop_unlisted"), "needs a recode that lists what is kept"
        if table.repeats and table.provides != "participants":
            yield (*key, "repeats"), "only a table of participants may have `repeats`"
        for field in ("wide", "patterns", "items", "long"):
            if getattr(table, field) and table.provides != "assessments":
                yield (*key, field), f"only a table of assessments may have `{field}`"
        for at, pattern in enumerate(table.patterns):
            where = (*key, "patterns", at)
            yield from unless(pattern.instrument, study.scales, (*where, "instrument"), "instrument")
            yield from unless(pattern.period, periods, (*where, "period"), "period")
            if "{}" not in pattern.visit or pattern.visit.replace("{}", "1") not in {visit.id for visit in study.visits if visit.period == pattern.period}:
                yield (*where, "visit"), "write the visits' id with {} in place of the letter's place; the first such visit must be declared"
            if any(len(letter) != 1 for letter in pattern.letters):
                yield (*where, "letters"), "a letter is one character"
        for at, entry in enumerate(table.items):
            yield from _items(study, entry, (*key, "items", at))
        for text, one in (table.long.parameters if table.long else {}).items():
            yield from unless(one.instrument, study.scales, (*key, "long", "parameters", text, "instrument"), "instrument")
        for at, wide in enumerate(table.wide):
            where = (*key, "wide", at)
            yield from unless(wide.instrument, study.scales, (*where, "instrument"), "instrument")
            yield from unless(wide.period, periods, (*where, "period"), "period")
            visits = {visit.id for visit in study.visits if visit.period == wide.period}
            yield from unless(wide.visit, visits, (*where, "visit"), "visit of that period")


def _items(study: Study, entry: ItemColumns, key: Key) -> Iterator[Problem]:
    yield from unless(entry.instrument, study.scales, (*key, "instrument"), "instrument")
    scale = study.scales.get(entry.instrument)
    if scale is None:
        return
    if scale.items is None:
        whose = f"; name {scale.part_of}, of which it is a part" if scale.part_of else ""
        yield (*key, "instrument"), f"{scale.name} has no items{whose}"
        return
    headers = entry.headers(scale.items.number)
    if len(headers) != scale.items.number or len(set(headers)) < len(headers):
        yield (*key, "from"), f"{scale.name} has {scale.items.number} items: name each of their headers once, or one header with {{}} in place of the number"


def _columns(study: Study) -> Iterator[Problem]:
    """Columns whose declaration says two things, or something that would be read past."""
    owner: dict[str, str] = {}
    given = {our for table in study.tables.values() if table.provides == "sessions" for our in table.columns}
    scales: dict[str, str] = {}
    for name, table in study.tables.items():
        if table.file.startswith(("/", "\\", "~")) or ".." in table.file.split("/") or ":" in table.file[:3]:
            yield ("tables", name, "file"), "the file must lie in the project's folder, its path written from there; a link in the folder will do"
        if not table.file.removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
            yield ("tables", name, "file"), "the file must be called .csv, .tsv or .txt, and may be compressed (.gz)"
        for our, column in table.columns.items():
            key = ("tables", name, "columns", our)
            for problem in (*_contradictions(column), *_wrong_kind(table, our, column)):
                yield key, problem
            if column.instrument and table.provides == "assessments" and scales.setdefault(our, column.instrument) != column.instrument:
                yield (*key, "instrument"), "this parameter has another instrument elsewhere"
            if table.provides == "participants" and our != "participant" and owner.setdefault(our, name) != name:
                yield key, f"the table {owner[our]} already provides this column"
            if table.provides == "readings" and our not in _OF_A_READING:
                if column.instrument is None:
                    yield key, "a reading is a number with an instrument"
                if our in given:
                    yield key, "a table of sessions has this column too: a session's worst reading takes the name"
        cells = [(wide.parameter, wide.period, wide.visit) for wide in table.wide]
        for at, pattern in enumerate(table.patterns):
            if scales.setdefault(pattern.parameter, pattern.instrument) != pattern.instrument:
                yield ("tables", name, "patterns", at, "instrument"), "this parameter has another instrument elsewhere"
        for text, one in (table.long.parameters if table.long else {}).items():
            if scales.setdefault(one.parameter, one.instrument) != one.instrument:
                yield ("tables", name, "long", "parameters", text, "instrument"), "this parameter has another instrument elsewhere"
            if one.parameter in table.columns:
                yield ("tables", name, "long", "parameters", text, "parameter"), "a column of this table has this name"
        for at, wide in enumerate(table.wide):
            if cells.index(cells[at]) < at:
                yield ("tables", name, "wide", at), "another column already holds this parameter at this visit"
            if scales.setdefault(wide.parameter, wide.instrument) != wide.instrument:
                yield ("tables", name, "wide", at, "instrument"), "this parameter has another instrument elsewhere"
        for at, entry in enumerate(table.items):
            for made in (entry.instrument, *parts(study.scales, entry.instrument)):
                if scales.setdefault(made, made) != made:
                    yield ("tables", name, "items", at), f"the parameter {made!r}, which these items give, has another instrument elsewhere"
                if made in table.columns and made != entry.instrument:
                    yield ("tables", name, "columns", made), "the items of this table give this parameter"


def _contradictions(column: Column) -> Iterator[str]:
    if column.instrument and column.kind not in NUMERIC:
        yield "a column with an instrument is a number: say `kind: integer` or `kind: number`"
    if column.kind not in NUMERIC and (column.range or column.top is not None):
        yield "`range` and `top` have a meaning for numbers only"
    if column.instrument and column.range:
        yield "the instrument has a range of its own"
    if column.range and column.range[0] > column.range[1]:
        yield "`range` is written [lowest, highest]"
    if column.since and column.kind != "date":
        yield "`since` has a meaning for `kind: date` only"
    if column.recode and column.kind not in {"text", "category", "flag"}:
        yield f"`recode` has no meaning for `kind: {column.kind}`"
    if column.levels and column.kind not in {"text", "category"}:
        yield f"`levels` have no meaning for `kind: {column.kind}`"
    if column.kind == "flag" and set(column.recode.values()) - {"yes", "no", ""}:
        yield "a flag is recoded to yes, no or nothing; another label needs `kind: category`"
    if column.levels and set(column.recode.values()) - {*column.levels, ""}:
        yield "`recode` leads to a label that `levels` does not list"
    if len(set(column.levels)) < len(column.levels) or "" in column.levels:
        yield "`levels` repeats a label or holds an empty one"


def _wrong_kind(table: Table, our: str, column: Column) -> Iterator[str]:
    kinds = _KINDS.get(our)
    if table.provides == "participants" and our not in {"participant", "arm"}:
        return
    if kinds and column.kind not in kinds:
        yield f"this column must be of kind {' or '.join(sorted(kinds))}"
    if our == "participant" and (column.recode or column.levels or column.drop_unlisted):
        yield "ids are read as they stand: no recode, levels or drop_unlisted"
    if column.kind == "date" and table.provides != "participants" and column.since is None:
        yield "a date here needs `since`: the participants' date column that is its day 0"


def _placing(study: Study) -> Iterator[Problem]:
    """Can each record's period be told? In several periods a day tells only when their starts are known."""
    if len(study.periods) == 1:
        return
    started = all(period.start for period in study.periods[1:])
    for name, table in study.tables.items():
        told = {"period", "arm"} & set(table.columns) or table.wide or table.patterns
        if table.provides in {"participants", "events"} or told:
            continue
        if table.provides == "disposition":
            yield ("tables", name, "columns"), "in a study with several periods a disposition needs the column 'period': one day may end one and start the next"
        elif not started or "day" not in table.columns:
            yield (
                ("tables", name, "columns"),
                "nothing tells the period of a record: name the column 'period', or the column 'day' and the `start` of each later period",
            )


def _free_texts(study: Study) -> Iterator[Problem]:
    """Labels that a confidential study would release must be written by its authors, not taken from somebody's cell."""
    shown = {name for analysis in study.analyses.values() for name in (*getattr(analysis, "baseline", ()), *getattr(analysis, "covariates", ()))}
    terms = any(analysis.model == "adverse_events" for analysis in study.analyses.values())
    for name, table in study.tables.items():
        if table.provides == "events" and not terms:
            continue
        for our, column in table.columns.items():
            released = our in _RELEASED[table.provides] if table.provides in _RELEASED else table.provides == "participants" and our in shown
            if released and our != study.design.site and column.kind in WORDS and not (column.levels or column.recode):
                yield ("tables", name, "columns", our), "in a confidential study a column whose labels are released needs `levels` or `recode`"
