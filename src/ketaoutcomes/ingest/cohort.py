"""A study's files as one cohort: people, assessments, sessions, events, disposition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ketaoutcomes.domain.findings import Finding, Findings, Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest.checks import (
    MAX_DAYS,
    check_arms,
    check_design,
    check_ends,
    check_required,
    check_table,
    check_unique,
    check_visits,
    of_no_session,
    one_row_each,
    orphans,
)  # fmt: skip
from ketaoutcomes.ingest.columns import BESIDE, ITEM, LONG, NAME, PATTERN, fields, spread
from ketaoutcomes.ingest.identifiers import hits
from ketaoutcomes.ingest.periods import assign_periods
from ketaoutcomes.ingest.places import FILE, LINE, at_rows, ours, with_headers
from ketaoutcomes.ingest.reader import Read, read
from ketaoutcomes.ingest.scoring import scored
from ketaoutcomes.ingest.source import source_path
from ketaoutcomes.schema.cohort import ASSESSMENTS, COHORT, DISPOSITION, EVENTS, READINGS, SESSIONS
from ketaoutcomes.schema.table import Schema


@dataclass(frozen=True, slots=True)
class Ingested:
    """The cohort's tables and what reading them noted.

    Attributes
    ----------
    tables
        By name, as in `schema.cohort`.
    notes
        What was left out on the way and what the warnings say: counts only, for the report.
    findings
        Warnings and notes with their places: for the site.
    ids
        Number and original id of each participant and site: for the site.
    unread
        File to the headers of columns that the study file does not name: they were not read.
    """

    tables: dict[str, pd.DataFrame]
    notes: dict[str, int]
    findings: Findings
    ids: pd.DataFrame
    unread: dict[str, list[str]]


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
    try:
        return _ingested(study, root)
    except Refused as refused:
        raise Refused(with_headers(study, root, refused.found)) from None


def _ingested(study: Study, root: Path) -> Ingested:
    findings = Findings()
    notes: dict[str, int] = {}
    parts, files = _read(study, root, findings, notes)
    findings.refuse()
    for frame in parts["participants"]:
        check_arms(study, frame, findings)
    people = _participants(study, parts, findings)
    numbers = {text: at for at, text in enumerate(sorted(people["participant"]), start=1)}
    people, anchors = _without_dates(study, people)
    tables = {"participants": people.drop(columns=[LINE, FILE])}
    for name in ("assessments", "sessions", "readings", "events", "disposition"):
        # table by table: one may name its period and the next tell it by the day
        owners = [table for table in study.tables.values() if table.provides == name]
        days = [_days(table, part, people, anchors, findings) for table, part in zip(owners, parts[name], strict=True)]
        frame = _stack([assign_periods(study, name, part, people, findings) for part in days])
        findings += orphans(frame, people["participant"])
        tables[name] = frame
        if name != "assessments":
            check_required(COHORT[name], frame, findings)
    check_ends(study, tables["disposition"], people, findings)
    findings += of_no_session(study, tables)
    findings.refuse()
    tables["assessments"] = _long(study, tables["assessments"], findings)
    check_unique(tables, findings)
    check_design(study, people, tables["assessments"], findings)
    findings.refuse()
    notes |= {what: n for what, n in _unused(study, people, tables["assessments"]).items() if n}
    unread = files.unread(study)
    findings.extend(_not_read(root, unread))
    findings = with_headers(study, root, findings)
    notes |= {**files.unclaimed(), **_warned(findings)}
    return Ingested(_numbered(study, tables, numbers), notes, findings, _ids(study, people, numbers), unread)


def _not_read(root: Path, unread: dict[str, list[str]]) -> Iterator[Finding]:
    for file, names in unread.items():
        text = f"{len(names)} columns that the study file does not name are not read: {', '.join(names)}"
        yield Finding(str(root / file), 0, "", "N-DATA-UNREAD", text)


def _warned(findings: Findings) -> dict[str, int]:
    """Warnings as counts, without their lines and without the folders of files."""
    found: dict[str, int] = {}
    for (file, column, message), n in findings.of("warning").tally().items():
        place = " ".join(part for part in (Path(file).name, column) if part)
        found[f"{place}: {message}"] = n
    return found


def _ids(study: Study, people: pd.DataFrame, numbers: dict[str, int]) -> pd.DataFrame:
    """Whose number is whose: stays with the site."""
    rows = [("participant", str(at), text) for text, at in numbers.items()]
    if study.design.site is not None:
        rows += [("site", number, text) for text, number in _sites(people[study.design.site]).items()]
    return pd.DataFrame(rows, columns=["kind", "number", "original"], dtype="string")


@dataclass(slots=True)
class _Files:
    """What was seen of each file by the tables that it provides."""

    headers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    rows: dict[str, int] = field(default_factory=dict[str, int])
    claimed: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    whole: set[str] = field(default_factory=set[str])

    def add(self, table: Table, found: Read) -> None:
        """Note what a table took of its file."""
        self.headers[table.file] = found.header
        if not table.where:
            self.whole.add(table.file)
        else:
            self.rows[table.file] = found.rows
            self.claimed.setdefault(table.file, set()).update(found.frame[LINE].tolist())

    def unread(self, study: Study) -> dict[str, list[str]]:
        """Headers that no table of the file names."""
        named = {file: {name for table in study.tables.values() if table.file == file for name in table.headers(study.scales)} for file in self.headers}
        lost = {file: sorted(name for name in header if name and name not in named[file]) for file, header in self.headers.items()}
        return {file: names for file, names in lost.items() if names}

    def unclaimed(self) -> dict[str, int]:
        """Rows that no table's `where` takes."""
        lost = {file: n - len(self.claimed[file]) for file, n in self.rows.items() if file not in self.whole}
        return {f"rows of {Path(file).name} that no table's `where` names": n for file, n in lost.items() if n}


def _read(study: Study, root: Path, findings: Findings, notes: dict[str, int]) -> tuple[dict[str, list[pd.DataFrame]], _Files]:
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in COHORT}
    files = _Files()
    for name, table in study.tables.items():
        try:
            path = source_path(table, root)
            found = read(table, path, fields(study, table), study.scales, findings)
            files.add(table, found)
            frame = _typed(study, table, found.frame, findings, notes)
        except Refused as refused:
            findings.extend(refused.found)
            continue
        check_table(table, study.scales, frame, findings)
        findings += hits(study, table, frame)
        kept = _listed(frame, table)
        if len(kept) < len(frame):
            notes[f"rows of {name} left out by drop_unlisted"] = len(frame) - len(kept)
        parts[table.provides].append(kept.drop(columns=[column for column in kept if str(column).startswith(f"{BESIDE}\t")]))
    return parts, files


def _typed(study: Study, table: Table, frame: pd.DataFrame, findings: Findings, notes: dict[str, int]) -> pd.DataFrame:
    """Cells of items, words and parameters in rows as one column for each score."""
    for at, pattern in enumerate(table.patterns):
        words = f"{PATTERN}\t{at}"
        frame = frame.drop(columns=words).assign(**spread(pattern, frame[words]))
    for entry in table.items:
        found = scored(study, table, entry, frame, findings)
        given = frame.get(entry.instrument)
        frame = frame.assign(**found.scores)
        if given is not None:  # a total without items counts as it stands
            frame[entry.instrument] = frame[entry.instrument].fillna(given)
        for what, n in found.notes.items():
            notes[what] = notes.get(what, 0) + n
    if table.long:
        nameless = frame[frame[f"{NAME}\t"].isna()]
        if not table.long.drop_unlisted:
            findings += at_rows(nameless, "E-DATA-MISSING", "the name of the parameter is missing", table.long.name)
        elif len(nameless):
            notes[f"rows of {Path(table.file).name} of parameters that the study file does not list"] = len(nameless)
    frame = frame.rename(columns={name: name.removeprefix(f"{LONG}\t") for name in frame.columns if str(name).startswith(f"{LONG}\t")})
    return frame.drop(columns=[name for name in frame.columns if str(name).startswith((f"{ITEM}\t", f"{NAME}\t"))])


def _listed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    keep = pd.Series(True, index=frame.index)
    for name, column in table.columns.items():
        if column.drop_unlisted:
            keep &= frame[name].notna()
    return frame[keep].reset_index(drop=True)


def _participants(study: Study, parts: dict[str, list[pd.DataFrame]], findings: Findings) -> pd.DataFrame:
    tables = [table for table in study.tables.values() if table.provides == "participants"]
    first, *others = [one_row_each(table, frame, findings) for table, frame in zip(tables, parts["participants"], strict=True)]
    for other in others:
        findings += orphans(other, first["participant"])
        first = first.merge(other.drop(columns=[LINE, FILE]), on="participant", how="left")
    findings.refuse()
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


def _days(table: Table, frame: pd.DataFrame, people: pd.DataFrame, anchors: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """A table's dates as days since its participants' own."""
    frame = frame.copy()
    for name, column in table.columns.items():
        if column.kind == "date" and column.since is not None:
            dated = frame.loc[frame[name].notna(), "participant"]
            without = people[people["participant"].isin(anchors.index[anchors[column.since].isna() & anchors.index.isin(dated)])]
            findings += at_rows(without, "E-DATA-MISSING", "this participant has dates in other files that are counted from this one", ours(column.since))
            frame[name] = frame[name] - frame["participant"].map(anchors[column.since])
            text = f"more days from the participant's {column.since} than a study lasts: look at the year of both dates"
            findings += at_rows(frame[frame[name].abs() > MAX_DAYS], "E-DATA-DAY", text, column.source)
    return frame


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        texts = dict.fromkeys(("participant", "period", FILE), pd.Series(dtype="string"))
        return pd.DataFrame({**texts, LINE: pd.Series(dtype="int64")})
    return pd.concat(frames, ignore_index=True)


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


def _long(study: Study, frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
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
    check_visits(study, scores, findings)
    return scores


def _numbered(study: Study, tables: dict[str, pd.DataFrame], numbers: dict[str, int]) -> dict[str, pd.DataFrame]:
    """Ids and sites become numbers, columns that no schema knows are gone, rows are in canonical order."""
    people = tables["participants"]
    if study.design.site is not None:
        people = people.assign(**{study.design.site: people[study.design.site].map(_sites(people[study.design.site])).astype("string")})
    result: dict[str, pd.DataFrame] = {}
    for name, schema in COHORT.items():
        frame = (people if name == "participants" else tables[name]).copy()
        frame["participant"] = frame["participant"].map(numbers).astype("Int64")
        frame = frame.drop(columns=[column for column in (LINE, FILE) if column in frame])
        result[name] = schema.conform(_recorded(frame, schema))
    return result


def _sites(sites: pd.Series) -> dict[str, str]:
    """Original site to its number."""
    return {text: f"{at:03d}" for at, text in enumerate(sorted(sites.dropna().unique()), start=1)}


def _recorded(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    if schema in (ASSESSMENTS, EVENTS):
        order = [c for c in ("participant", "period", "parameter", "visit", "day", "event", "value") if c in frame.columns]
        frame = frame.sort_values(order, kind="stable")
        within = [c for c in ("participant", "period", "parameter") if c in schema.key]
        frame["record"] = (frame.groupby(within).cumcount() + 1).astype("Int64")
    for column in schema.columns:
        if column not in frame.columns and schema in (SESSIONS, READINGS, DISPOSITION, EVENTS, ASSESSMENTS):
            frame[column] = pd.Series([None] * len(frame), index=frame.index, dtype=schema.columns[column])
    return frame if schema.extras else frame[list(schema.columns)]
