"""A study's files as one cohort: people, assessments, sessions, events, disposition."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.rules import RecordedRule
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Column, Table
from ketaoutcomes.ingest.columns import parse_column, parse_pattern
from ketaoutcomes.ingest.periods import assign_periods
from ketaoutcomes.ingest.places import FILE, LINE, at_rows
from ketaoutcomes.ingest.reader import Rows, read_rows
from ketaoutcomes.ingest.scoring import scored
from ketaoutcomes.schema.cohort import ASSESSMENTS, COHORT, DISPOSITION, EVENTS, READINGS, SESSIONS
from ketaoutcomes.schema.table import Schema

_ORPHAN = "this participant is not in the table of participants"


@dataclass(frozen=True, slots=True)
class Ingested:
    """The cohort's tables and what was left out on the way (counts only)."""

    tables: dict[str, pd.DataFrame]
    notes: dict[str, int] = field(default_factory=dict[str, int])


def ingest(study: Study, root: Path) -> Ingested:
    """Read every file of a study.

    Parameters
    ----------
    study
        The study file.
    root
        Folder that the files' paths start from.

    Raises
    ------
    Refused
        With every problem found, each with file, line and column.
    """
    findings: list[Finding] = []
    notes: dict[str, int] = {}
    parts = _read(study, root, findings, notes)
    if findings:
        raise Refused(findings)
    for frame in parts["participants"]:
        _check_people(study, frame, findings)
    people = _participants(parts, findings)
    numbers = {text: at for at, text in enumerate(sorted(people["participant"]), start=1)}
    people, anchors = _without_dates(study, people)
    tables = {"participants": people.drop(columns=[LINE, FILE])}
    for name in ("assessments", "sessions", "readings", "events", "disposition"):
        # table by table: one may name its period and the next tell it by the day
        frame = _stack([assign_periods(study, name, _days(study, part, anchors, name), people, findings) for part in parts[name]])
        findings += at_rows(frame[~frame["participant"].isin(list(numbers))], "E-DATA-ORPHAN", _ORPHAN)
        tables[name] = frame
        if name != "assessments":
            _check_required(COHORT[name], frame, findings)
    _check_ends(study, tables["disposition"], people, findings)
    findings += _of_no_session(study, tables)
    if findings:
        raise Refused(findings)
    tables["assessments"] = _long(study, tables["assessments"], findings)
    _check_unique(tables, findings)
    if findings:
        raise Refused(findings)
    notes |= {what: n for what, n in _unused(study, people, tables["assessments"]).items() if n}
    return Ingested(_numbered(study, tables, numbers), notes)


def _read(study: Study, root: Path, findings: list[Finding], notes: dict[str, int]) -> dict[str, list[pd.DataFrame]]:
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in COHORT}
    for name, table in study.tables.items():
        try:
            rows = read_rows(table, root, study.scales)
        except Refused as refused:
            findings.extend(refused.findings)
            continue
        frame = _typed(study, rows, table, findings, notes)
        kept = _listed(frame, table)
        if len(kept) < len(frame):
            notes[f"rows of {name} left out by drop_unlisted"] = len(frame) - len(kept)
        parts[table.provides].append(kept)
    return parts


def _typed(study: Study, rows: Rows, table: Table, findings: list[Finding], notes: dict[str, int]) -> pd.DataFrame:
    columns = {name: parse_column(rows, table, column, study.scales, findings) for name, column in table.columns.items()}
    for wide in table.wide:
        column = Column.model_validate({"from": wide.source, "kind": "number", "instrument": wide.instrument})
        columns[f"{wide.parameter}\t{wide.period}\t{wide.visit}"] = parse_column(rows, table, column, study.scales, findings)
    for pattern in table.patterns:
        found_at = parse_pattern(rows, table, pattern, study.scales[pattern.instrument], findings)
        columns |= {f"{pattern.parameter}\t{pattern.period}\t{visit}": values for visit, values in found_at.items()}
    for entry in table.items:
        found = scored(study, table, entry, rows, findings)
        given = columns.get(entry.instrument)
        columns |= found.scores
        if given is not None:  # a total without items counts as it stands
            columns[entry.instrument] = found.scores[entry.instrument].fillna(given)
        for what, n in found.notes.items():
            notes[what] = notes.get(what, 0) + n
    frame = pd.DataFrame({**columns, LINE: rows.lines, FILE: str(rows.path)})
    nameless = frame[frame["participant"].isna()]
    findings += at_rows(nameless, "E-DATA-ID", "the participant's id is missing", table.columns["participant"].source)
    return frame


def _listed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    keep = pd.Series(True, index=frame.index)
    for name, column in table.columns.items():
        if column.drop_unlisted:
            keep &= frame[name].notna()
    return frame[keep].reset_index(drop=True)


def _participants(parts: dict[str, list[pd.DataFrame]], findings: list[Finding]) -> pd.DataFrame:
    first, *others = parts["participants"]
    for frame in (first, *others):
        text = "this participant stands in the file twice; a table of participants has one row each"
        findings += at_rows(frame[frame.duplicated("participant")], "E-DATA-DUPLICATE", text)
    for other in others:
        findings += at_rows(other[~other["participant"].isin(first["participant"])], "E-DATA-ORPHAN", _ORPHAN)
        first = first.merge(other.drop(columns=[LINE, FILE]), on="participant", how="left")
    if findings:
        raise Refused(findings)
    return first


def _without_dates(study: Study, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Participants with dates turned into days, and the anchor dates by participant."""
    columns = study.participant_columns
    dates = {name for name, column in columns.items() if column.kind == "date"}
    anchors = people.set_index("participant")[sorted(n for n in dates if columns[n].since is None)]
    people = people.copy()
    for name in sorted(dates):
        since = columns[name].since
        if since is not None:
            people[name] = people[name] - people["participant"].map(anchors[since])
    return people.drop(columns=list(anchors.columns)), anchors


def _days(study: Study, frame: pd.DataFrame, anchors: pd.DataFrame, part: str) -> pd.DataFrame:
    frame = frame.copy()
    for table in study.tables.values():
        for name, column in table.columns.items():
            if table.provides == part and column.kind == "date" and column.since is not None:
                frame[name] = frame[name] - frame["participant"].map(anchors[column.since])
    return frame


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        texts = dict.fromkeys(("participant", "period", FILE), pd.Series(dtype="string"))
        return pd.DataFrame({**texts, LINE: pd.Series(dtype="int64")})
    return pd.concat(frames, ignore_index=True)


def _check_people(study: Study, people: pd.DataFrame, findings: list[Finding]) -> None:
    """Arms that are none, times before their start, labels written in several ways, in one table of participants."""
    columns = study.participant_columns
    arms = {name for period in study.periods for name in (period.arm, period.actual_arm) if name is not None}
    for name in sorted(arms & set(people.columns)):
        unknown = people[people[name].notna() & ~people[name].isin(list(study.design.arms))]
        text = f"not an arm of the study; known: {', '.join(study.design.arms)}. Recode the file's label to one of them"
        findings += at_rows(unknown, "E-DATA-ARM", text, columns[name].source)
    for rule in study.rules.values():
        if isinstance(rule, RecordedRule) and rule.time in people and columns[rule.time].kind != "date":
            findings += at_rows(people[people[rule.time] < 0], "E-DATA-VALUE", "a time to an event is not negative", columns[rule.time].source)
    for name, column in columns.items():
        if name in people and name != "participant" and column.kind in {"text", "category"} and not column.levels:
            text = "another row has this label with other capitals or spaces; recode both to one"
            findings += at_rows(people[_respelt(people[name])], "E-DATA-LABEL", text, column.source)


def _respelt(labels: pd.Series) -> pd.Series:
    """Labels that stand in the column in another spelling already."""
    plain = labels.str.casefold().str.replace(r"\s+", " ", regex=True)
    return labels.notna() & (labels != labels.groupby(plain).transform("first"))


def _check_required(schema: Schema, frame: pd.DataFrame, findings: list[Finding]) -> None:
    for column in (*schema.key, *schema.required):
        if column not in {"participant", "record"} and column in frame:
            findings += at_rows(frame[frame[column].isna()], "E-DATA-MISSING", f"the {column} of this record is missing")


def _check_ends(study: Study, ends: pd.DataFrame, people: pd.DataFrame, findings: list[Finding]) -> None:
    """A period ends when it has begun, not before."""
    person = people.set_index("participant")
    for period in study.periods:
        rows = ends[ends["period"] == period.id]
        start = rows["participant"].map(person[period.start]) if period.start else pd.Series(0.0, index=rows.index)
        if len(rows):
            early = rows[(rows["day"] < start.astype("float64")).fillna(False).astype(bool)]
            findings += at_rows(early, "E-DATA-DAY", "the disposition's day lies before the start of its period")


def _of_no_session(study: Study, tables: dict[str, pd.DataFrame]) -> list[Finding]:
    """Readings without their session, where the study has a table of sessions."""
    if not any(table.provides == "sessions" for table in study.tables.values()):
        return []
    key = ["participant", "period", "session"]
    readings = tables["readings"]
    known = pd.MultiIndex.from_frame(tables["sessions"].reindex(columns=key))
    lost = readings[~pd.MultiIndex.from_frame(readings.reindex(columns=key)).isin(known)]
    return at_rows(lost, "E-DATA-ORPHAN", "no table of sessions has this participant's session")


def _unused(study: Study, people: pd.DataFrame, scores: pd.DataFrame) -> dict[str, int]:
    """What was read and enters no table of analysis: people without a period, scores on a day of no visit."""
    nowhere = pd.Series(True, index=people.index)
    inside = scores["visit"].notna()
    person = people.set_index("participant")
    for period in study.periods:
        entered = pd.Series(True, index=people.index)
        for column in (period.arm, period.start):
            entered &= people[column].notna() if column else True
        nowhere &= ~entered
        start = scores["participant"].map(person[period.start]).astype("float64") if period.start else 0.0
        for visit in study.visits_of(period.id):
            inside |= (scores["period"] == period.id) & (scores["day"] - start).between(*visit.edges)
    return {
        "participants who entered no period": int(nowhere.sum()),
        "scores on a day outside every visit's window": int((~inside).sum()),
        "scores used although their day lies outside the window of the visit they name": _elsewhere(study, person, scores),
    }


def _elsewhere(study: Study, person: pd.DataFrame, scores: pd.DataFrame) -> int:
    count = 0
    for visit in study.visits:
        if visit.window:
            rows = scores[(scores["period"] == visit.period) & (scores["visit"] == visit.id) & scores["day"].notna()]
            first = study.period(visit.period).start
            day = rows["day"] - (rows["participant"].map(person[first]).astype("float64") if first else 0.0)
            count += int((~day.between(*visit.edges)).sum())
    return count


def _long(study: Study, frame: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    """One row per score: wide tables folded, parameters stacked, empty scores left out."""
    parts: list[pd.DataFrame] = []
    keys = ["participant", "period", "visit", "day", *(["hour"] if "hour" in frame else []), LINE, FILE]
    frame = frame.reindex(columns=[*frame.columns, *(key for key in keys if key not in frame.columns)])
    for name in frame.columns:
        if name in study.parameters:
            parts.append(frame[keys].assign(parameter=name, value=frame[name]))
        elif "\t" in str(name):
            parameter, period, visit = str(name).split("\t")
            parts.append(frame[keys].assign(parameter=parameter, value=frame[name], period=period, visit=visit))
    scores = pd.concat(parts, ignore_index=True) if parts else frame.assign(parameter="", value=float("nan"))[[*keys, "parameter", "value"]][:0]
    scores = scores[scores["value"].notna()].reset_index(drop=True)
    if "hour" in frame:
        scores["day"] = scores["day"] + scores["hour"].fillna(0.0) / 24
    _check_visits(study, scores, findings)
    return scores


def _check_visits(study: Study, scores: pd.DataFrame, findings: list[Finding]) -> None:
    known = {(visit.period, visit.id) for visit in study.visits}
    pairs = pd.Series(list(zip(scores["period"], scores["visit"], strict=True)), index=scores.index, dtype=object)
    undeclared = scores["visit"].notna() & ~pairs.isin(known)
    nowhere = scores["visit"].isna() & scores["day"].isna()
    windowed = {visit.period for visit in study.visits if visit.window}
    unread = scores["visit"].isna() & scores["day"].notna() & ~scores["period"].isin(windowed)
    findings += at_rows(scores[unread], "E-DATA-VISIT", "the visit is missing, and no visit of this period has a window that would tell it by the day")
    findings += at_rows(scores[undeclared], "E-DATA-VISIT", "the visit is not declared in this period; add it or recode the label")
    findings += at_rows(scores[nowhere], "E-DATA-VISIT", "neither a visit nor a day says when this score was taken")


def _check_unique(tables: dict[str, pd.DataFrame], findings: list[Finding]) -> None:
    keys = {
        "assessments": ["participant", "period", "parameter", "visit", "day"],
        "sessions": ["participant", "period", "session"],
        "readings": ["participant", "period", "session", "minute"],
        "disposition": ["participant", "period"],
    }
    for name, key in keys.items():
        frame = tables[name]
        if name == "assessments":
            frame = frame.assign(day=frame["day"].where(frame["visit"].isna()))
        text = f"the same {', '.join(key)} stands in the files twice; remove one record"
        findings += at_rows(frame[frame.duplicated(key)], "E-DATA-DUPLICATE", text)


def _numbered(study: Study, tables: dict[str, pd.DataFrame], numbers: dict[str, int]) -> dict[str, pd.DataFrame]:
    """Ids and sites become numbers, columns that no schema knows are gone, rows are in canonical order."""
    people = tables["participants"]
    if study.design.site is not None:
        sites = {text: f"{at:03d}" for at, text in enumerate(sorted(people[study.design.site].dropna().unique()), start=1)}
        people = people.assign(**{study.design.site: people[study.design.site].map(sites).astype("string")})
    result: dict[str, pd.DataFrame] = {}
    for name, schema in COHORT.items():
        frame = (people if name == "participants" else tables[name]).copy()
        frame["participant"] = frame["participant"].map(numbers).astype("Int64")
        frame = frame.drop(columns=[column for column in (LINE, FILE) if column in frame])
        result[name] = schema.conform(_recorded(frame, schema))
    return result


def _recorded(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    if schema in (ASSESSMENTS, EVENTS):
        order = [c for c in ("participant", "period", "parameter", "visit", "day", "event", "value") if c in frame.columns]
        frame = frame.sort_values(order, kind="stable")
        within = [c for c in ("participant", "period", "parameter") if c in schema.key]
        frame["record"] = (frame.groupby(within).cumcount() + 1).astype("Int64")
    for column in schema.columns:
        if column not in frame.columns and schema in (SESSIONS, READINGS, DISPOSITION, EVENTS, ASSESSMENTS):
            frame[column] = pd.Series(pd.NA, index=frame.index, dtype=schema.columns[column])
    return frame if schema.extras else frame[list(schema.columns)]
