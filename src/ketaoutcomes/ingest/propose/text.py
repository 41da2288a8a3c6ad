"""The proposed study file as text: what was found, with its evidence as comments, and `confirm` wherever somebody must look."""

from __future__ import annotations

import re
from pathlib import Path

from ketaoutcomes.domain.findings import printable
from ketaoutcomes.ingest.identifiers import MAX_AGE
from ketaoutcomes.ingest.propose.draft import Draft, mark, named, text_of
from ketaoutcomes.ingest.propose.plan import design, head, instruments_of, plan
from ketaoutcomes.ingest.propose.profiles import ColumnProfile, Profile, narrowed
from ketaoutcomes.ingest.propose.roles import Role, roles, visits_of
from ketaoutcomes.ingest.propose.scales import When, instrument

_SEX = {"f": "female", "female": "female", "m": "male", "male": "male", "w": "female", "woman": "female", "man": "male"}
_WEEKS = 12
_OF_PEOPLE = {"arm", "site", "age", "sex", "covariate", "event_time", "had_event"}


def proposal(study: str, profiles: list[tuple[str, Profile]]) -> str:
    """A study file for some files.

    Parameters
    ----------
    study
        Its id.
    profiles
        Path from the project folder, and what was found in the file.

    Returns
    -------
    str
        YAML that is valid once every `confirm` is gone.
    """
    draft = Draft()
    for path, found in sorted(profiles, key=lambda pair: (pair[1].person is None, pair[1].rows > pair[1].people)):
        chosen = roles(found)
        forms = next((at for at, role in enumerate(chosen) if role.kind == "where"), None)
        if forms is None:
            _table(draft, path, found, chosen)
            continue
        for text in ["", *found.columns[forms].values]:
            part = narrowed(found, forms, text)
            _table(draft, path, part, roles(part), (found.columns[forms].header, text)) if part.rows else None
    return "\n".join([*head(study), "tables:", *draft.tables, "", *instruments_of(draft), *design(draft), *plan(draft)]) + "\n"


def _table(draft: Draft, path: str, found: Profile, chosen: list[Role], form: tuple[str, str] | None = None) -> None:
    """The tables that a file, or one of the forms that it holds, provides."""
    draft.form = form
    draft.beside = {role.measure: found.columns[at].header for at, role in enumerate(chosen) if role.kind == "beside"}
    shared = [role.instrument for role in chosen if role.kind == "score" and role.instrument]
    draft.several = {key for key in shared if shared.count(key) > 1}
    base = named(Path(path).name.split(".")[0] + (f" {form[1]}" if form else ""), set())
    if found.person is None:
        draft.tables.append(f"  # {printable(path)}: no column of participants' ids was found; it is not read")
        return
    many = found.rows > found.people
    people = [
        at
        for at, role in enumerate(chosen)
        if role.kind in {"arm", "site", "age", "sex", "covariate", "event_time", "had_event"} and found.columns[at].constant
    ]
    people += [] if many else [at for at, role in enumerate(chosen) if role.kind in {"date", "score"}]
    if not draft.participants or (not many and people):
        _participants(draft, base if not many else f"{base}_people", path, found, chosen, sorted(people), many=many)
    if many:
        _records(draft, base, path, found, chosen)
    elif any(role.kind in {"wide", "item", "word"} for role in chosen):
        _scores(draft, f"{base}_scores", path, found, chosen)
    for at, role in enumerate(chosen):
        if role.kind == "none" and not (draft.form and found.columns[at].kind == "empty"):
            draft.tables.append(f"  # not read: {printable(found.columns[at].header) or 'a column without a name'} ({role.evidence})")


def _open(draft: Draft, name: str, provides: str, path: str, found: Profile, used: list[int]) -> None:
    draft.tables += [f"  {name}:", f"    file: {text_of(path)}", f"    provides: {provides}" + mark(f"{found.rows} rows of {found.people} participants")]
    for key, (value, evidence) in found.written.items():
        draft.tables.append(f"    {key}: {value}" + mark(evidence))
    if draft.form:
        draft.tables.append(f"    where: {{{text_of(draft.form[0])}: [{text_of(draft.form[1])}]}}" + mark("the rows of one of the file's forms"))
    missing = sorted({text for at in used for text in found.columns[at].missing})
    if missing:
        draft.tables.append(f"    missing: [{', '.join(text_of(text) for text in missing)}]" + mark("texts that seem to mean missing"))
    draft.tables.append("    columns:")
    draft.tables.append(f"      participant: {{from: {text_of(found.columns[found.person or 0].header)}}}" + mark("the ids of participants"))


def _participants(draft: Draft, name: str, path: str, found: Profile, chosen: list[Role], people: list[int], *, many: bool) -> None:
    _open(draft, name, "participants", path, found, people)
    draft.participants = draft.participants or name
    if many:
        draft.tables.insert(len(draft.tables) - 2, "    repeats: true" + mark("several rows each: these columns must stay the same within a participant"))
    taken = {"participant", "period", "start", "status", "reason", "visit", "base", "response", "aval"}
    for at in people:
        line = _person_column(draft, found.columns[at], chosen[at], taken)
        if line:
            draft.tables.append(f"      {line}" + mark(chosen[at].evidence))


def _person_column(draft: Draft, column: ColumnProfile, role: Role, taken: set[str]) -> str:
    source = _source(draft, column)
    if role.kind == "arm":
        name = named("arm" if not draft.arm_columns else f"arm_{len(draft.arm_columns) + 1}", taken)
        draft.arm_columns.append(name)
        return f"{name}: {{from: {source}, kind: category, recode: {{{_arms(draft, column)}}}}}"
    if role.kind == "site":
        draft.site = named("site", taken)
        return f"{draft.site}: {{from: {source}}}"
    if role.kind == "date":
        return f"{named(column.header, taken)}: {{from: {source}, kind: date, date_format: {text_of(column.date_format)}}}"
    name = named("age" if role.kind == "age" else "sex" if role.kind == "sex" else column.header, taken)
    if role.kind == "event_time":
        draft.time, draft.last = name, column.high
    elif role.kind == "had_event":
        draft.event = name
        return f"{name}: {{from: {source}, kind: flag}}"
    elif role.kind != "score":
        draft.baseline.append(name)
    return f"{name}: {_value(column, role, source)}"


def _value(column: ColumnProfile, role: Role, source: str) -> str:
    if role.kind == "sex" and {text.casefold() for text in column.values} <= set(_SEX):
        pairs = ", ".join(f"{text_of(text)}: {_SEX[text.casefold()]}" for text in sorted(column.values))
        return f"{{from: {source}, kind: category, recode: {{{pairs}}}, levels: [female, male]}}"
    if column.numeric and role.kind != "sex":
        scale = f", instrument: {role.instrument}" if role.instrument else ""
        top = ", top: 90" if role.kind == "age" and column.high > MAX_AGE else ""
        return f"{{from: {source}, kind: {column.kind}{scale}{top}}}"
    levels = ", ".join(text_of(text) for text in sorted(column.values))
    repeated = column.distinct <= min(20, max(2, column.n // 2))  # else the labels are hardly categories
    return f"{{from: {source}, kind: category, levels: [{levels}]}}" if repeated else f"{{from: {source}}}"


def _arms(draft: Draft, column: ColumnProfile) -> str:
    pairs: list[str] = []
    for text in sorted(column.values):
        name = next((arm for arm, label in draft.arms.items() if label == text), "") or named(text if not text[0].isdigit() else f"arm {text}", set(draft.arms))
        draft.arms.setdefault(name, text)
        pairs.append(f"{text_of(text)}: {name}")
    return ", ".join(pairs)


def _scores(draft: Draft, name: str, path: str, found: Profile, chosen: list[Role]) -> None:
    """Wide columns, items and words of a file with one row for each participant."""
    used = [at for at, role in enumerate(chosen) if role.kind in {"wide", "item", "word"}]
    _open(draft, name, "assessments", path, found, used)
    if any(role.kind == "item" for role in chosen):
        draft.tables.append("      visit: {from: confirm}  # confirm: items were found and nothing says at which visit")
    lines = [(at, role) for at, role in enumerate(chosen) if role.kind == "wide"]
    if lines:
        draft.tables.append("    wide:")
    for at, role in lines:
        assert role.visit is not None
        _add_visit(draft, role.visit, role.visit.label)
        draft.scales.setdefault(role.measure, role.instrument)
        what = f"parameter: {role.measure}, instrument: {role.instrument}, visit: {role.visit.id}, period: main"
        where = f"{{from: {text_of(found.columns[at].header)}, {what}}}"
        draft.tables.append(f"      - {where}" + mark(role.evidence))
    _items(draft, chosen)
    for at, role in enumerate(chosen):
        if role.kind == "word":
            draft.tables.append(f"    # {printable(found.columns[at].header)}: {role.evidence} See `patterns` in config/README.md")


def _items(draft: Draft, chosen: list[Role]) -> None:
    patterns = {role.measure: role for role in chosen if role.kind == "item"}
    if patterns:
        draft.tables.append("    items:")
    for pattern, role in patterns.items():
        draft.scales.setdefault(role.instrument, role.instrument)
        draft.tables.append(f"      - {{instrument: {role.instrument}, from: [{text_of(pattern)}]}}" + mark(role.evidence))


def _add_visit(draft: Draft, visit: When, label: str) -> None:
    draft.visits.setdefault(visit.id, (visit, label))


def _records(draft: Draft, base: str, path: str, found: Profile, chosen: list[Role]) -> None:
    kinds = {role.kind for role in chosen}
    if "session" in kinds and not kinds & {"visit", "parameter", "item"}:
        _rows(draft, f"{base}_records", "readings" if "minute" in kinds else "sessions", path, found, chosen)
    elif "event" in kinds and not kinds & {"score", "item", "value"}:
        _rows(draft, f"{base}_records", "events", path, found, chosen)
    elif kinds & {"score", "item", "value"}:
        _rows(draft, f"{base}_records", "assessments", path, found, chosen)


_OURS = {"visit": "visit", "day": "day", "session": "session", "minute": "minute", "event": "event"}


def _rows(draft: Draft, name: str, provides: str, path: str, found: Profile, chosen: list[Role]) -> None:
    """A table with several rows for each participant."""
    used = [at for at, role in enumerate(chosen) if role.kind in {*_OURS, "score", "item", "value", "parameter", "where"}]
    _open(draft, name, provides, path, found, [at for at in used if chosen[at].kind not in {"day", "visit"}])
    taken = {"participant"}
    for at, role in enumerate(chosen):
        column = found.columns[at]
        if role.kind in _OURS and not (role.kind == "event" and provides != "events"):
            draft.tables.append(f"      {_OURS[role.kind]}: {_when(draft, role, column)}" + mark(role.evidence))
        elif role.kind == "score":
            line = _score(draft, provides, role, column, taken)
            draft.tables.append(f"      {line}" + mark(role.evidence))
    if len(draft.arm_columns) > 1:
        draft.tables.append("      period: {from: confirm}  # confirm: which column says the period of a record? (or its arm: see config/README.md)")
    if provides == "assessments" and "visit" not in {role.kind for role in chosen}:
        _weekly(draft, next((found.columns[at] for at, role in enumerate(chosen) if role.kind == "day"), None))
    _items(draft, chosen)
    _long(draft, found, chosen)


def _when(draft: Draft, role: Role, column: ColumnProfile) -> str:
    source = _source(draft, column)
    if role.kind == "visit":
        found = visits_of(column)
        for text, visit in found.items():
            _add_visit(draft, visit, visit.label if visit.sure else text if not column.numeric else f"{column.header} {text}")
        pairs = ", ".join(f"{text_of(text)}: {visit.id}" for text, visit in found.items())
        return f"{{from: {source}, kind: category, recode: {{{pairs}}}}}"
    if role.kind in {"day", "minute"}:
        return f"{{from: {source}, kind: {column.kind if column.numeric else 'number'}}}"
    return f"{{from: {source}, kind: integer}}" if role.kind == "session" else f"{{from: {source}}}"


def _source(draft: Draft, column: ColumnProfile) -> str:
    """Where a column comes from, with the column that says the same in codes."""
    beside = draft.beside.get(column.header)
    return text_of(column.header) + (f", beside: {text_of(beside)}" if beside else "")


def _score(draft: Draft, provides: str, role: Role, column: ColumnProfile, taken: set[str]) -> str:
    key = role.instrument
    name = named(column.header if not key or key in draft.several or key in taken else key, taken)
    if not key and provides == "sessions":  # a dose, say, needs no instrument
        return f"{name}: {{from: {text_of(column.header)}, kind: {column.kind}}}"
    if not key:
        key = f"{name}_score"[:47]
        draft.own[key] = column
    if provides == "assessments":
        draft.scales.setdefault(name, key)
    return f"{name}: {{from: {text_of(column.header)}, kind: {column.kind}, instrument: {key}}}"


def _long(draft: Draft, found: Profile, chosen: list[Role]) -> None:
    name = next((at for at, role in enumerate(chosen) if role.kind == "parameter"), None)
    value = next((at for at, role in enumerate(chosen) if role.kind == "value"), None)
    if name is None or value is None:
        return
    parameters: list[str] = []
    for text in sorted(found.columns[name].values):
        numbers = [float(row[value]) for row in found.records if row[name] == text and re.fullmatch(r"-?[0-9.]+", row[value])]
        column = ColumnProfile(text, len(numbers), [], {}, len(set(numbers)), "number", min(numbers, default=0), max(numbers, default=0), "")
        scale = instrument(text, column)
        if scale:
            parameters.append(f"        {text_of(text)}: {{parameter: {scale[0]}, instrument: {scale[0]}}}" + mark(scale[1]))
            draft.scales.setdefault(scale[0], scale[0])
        else:
            parameters.append(f"        # {printable(text)}: no instrument of this name and range is known")
    draft.tables += [
        "    long:" + mark("one column names the parameter, another holds its score"),
        f"      name: {text_of(found.columns[name].header)}", f"      value: {text_of(found.columns[value].header)}", "      parameters:", *parameters,
        "      drop_unlisted: true" + mark("other parameters are left out and counted"),
    ]  # fmt: skip


def _weekly(draft: Draft, column: ColumnProfile | None) -> None:
    """Weeks as visits, where only days are known."""
    if column is None:
        return
    last = min(_WEEKS, max(1, round(column.high / 7)))
    draft.windows["baseline"] = (-28.0, 0.0)
    _add_visit(draft, When("baseline", "Baseline", 0.0, sure=False), "Baseline")
    for week in range(1, int(last) + 1):
        _add_visit(draft, When(f"week{week}", f"Week {week}", 7.0 * week, sure=False), f"Week {week}")
        draft.windows[f"week{week}"] = (7.0 * week - 3 if week > 1 else 1.0, 7.0 * week + 3)
