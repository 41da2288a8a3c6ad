"""What must hold between the rows of a cohort: who exists, what stands once, what stays the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from ketaoutcomes.domain.endpoints import ScoreEndpoint
from ketaoutcomes.domain.findings import Finding, Findings
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.rules import RecordedRule
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest.alike import respelt, skeleton
from ketaoutcomes.ingest.columns import BESIDE, SENTINELS
from ketaoutcomes.ingest.places import FILE, LINE, at_rows, ours
from ketaoutcomes.schema.table import Schema

ORPHAN = "this participant is not in the table of participants"
#: More days than anybody lives; a spreadsheet counts 45,000 of them to today.
MAX_DAYS = 20_000
_SUMMARY = {
    "total",
    "totals",
    "grand total",
    "subtotal",
    "sum",
    "mean",
    "average",
    "median",
    "sd",
    "count",
    "summary",
    "overall",
    "n",
    "n=",
    "all",
    "gesamt",
    "summe",
}
#: With what follows: ``Total (n = 12)``, ``Subtotal Graz``, ``Mean (SD)``, ``N = 14``.
_TOTALS = re.compile(
    r"(sub-?|grand )?totals?([\s(:=]|\Z)|n ?=|"
    r"(mean|average|median|sum|std|s\.?d\.?|min|max|minimum|maximum|count|summary|overall|gesamt|summe|anzahl|mittelwert|moyenne)( ?[(:=±,/]|\Z)"
)
_MISSING = {"na", "n/a", "nan", "none", "null", "missing", "unknown", "unk", "?", "-", "."}
_EXPONENT = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]{2,3}\Z", re.IGNORECASE)
_MONTH = re.compile(r"([0-9]{1,2}(-|\. ?| ))?(jan|feb|mar|mrz|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)(\.?[- ][0-9]{1,4})?\Z", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4}([-/.])[0-9]{1,2}\2[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\3([0-9]{2}|[0-9]{4}))( 0?0:00(:00)?)?\Z")
_CODE = re.compile(r"-?[0-9]{1,5}(\.0*)?\Z", re.ASCII)
_ROUNDED = re.compile(r"[0-9]{15}0+\Z")
_MADE_A_DATE = ("E-DATA-ID", "a spreadsheet has made a date of this id; get the original")
_ALIKE = "another row has this label with other capitals, spaces or letters that look the same; recode both to one"


def check_table(table: Table, scales: dict[str, Instrument], frame: pd.DataFrame, findings: Findings) -> None:
    """One file's rows by themselves."""
    _check_ids(table, frame, findings)
    _check_scores(table, scales, frame, findings)
    if table.provides == "participants" and len(table.columns) > 2:
        empty = frame["participant"].notna() & frame[[name for name in table.columns if name != "participant"]].isna().all(axis=1)
        text = "this row has an id and nothing else that the study file names: is it a participant, or a remark below the table?"
        findings += at_rows(frame[empty], "W-DATA-ROW", text, table.columns["participant"].source)
    for name, column in table.columns.items():
        if name == "participant":
            continue
        if column.kind in {"text", "category"} and not column.levels and not column.recode:
            findings += at_rows(frame[respelt(frame[name])], "E-DATA-LABEL", _ALIKE, column.source)
            text = "this text reads like a missing value and is taken as a label; list it under `missing:`, or under `levels` if it is one"
            findings += at_rows(frame[_like_missing(frame[name])], "W-DATA-LABEL", text, column.source)
        if column.kind in {"number", "integer"} and not column.instrument and not column.range:
            text = (
                "a usual code for missing, far from the column's other numbers; list it under `missing:`, or say with `range: [low, high]` that it can be true"
            )
            findings += at_rows(frame[_sentinels(frame[name])], "W-DATA-CODE" if name == "day" else "E-DATA-CODE", text, column.source)
        if name in {"day", "start"} and column.kind != "date":
            text = "more days than a study lasts; a spreadsheet's count of days needs to be formatted as a date there, and `kind: date` here"
            findings += at_rows(frame[frame[name].abs() > MAX_DAYS], "E-DATA-DAY", text, column.source)
        if column.beside:
            text = f"{column.source} goes here with another {column.beside} than elsewhere"
            findings += at_rows(frame[_unpaired(frame[name], frame[f"{BESIDE}\t{name}"])], "E-DATA-PAIR", text, column.beside)


def _check_scores(table: Table, scales: dict[str, Instrument], frame: pd.DataFrame, findings: Findings) -> None:
    """Codes for missing that an instrument's range happens to hold (88 of 92), and fractions of whole numbers."""
    places = {name: (column.source, column.instrument) for name, column in table.columns.items() if column.instrument}
    places |= {f"{wide.parameter}\t{wide.period}\t{wide.visit}": (wide.source, wide.instrument) for wide in table.wide}
    places |= {one.parameter: (table.long.value, one.instrument) for one in table.long.parameters.values()} if table.long else {}
    text = "a usual code for missing, far from the other scores though the instrument's range holds it; list it under `missing:` if it is one"
    for name, (source, instrument) in places.items():
        findings += at_rows(frame[_sentinels(frame[name])], "W-DATA-CODE", text, source)
        if _whole(scales[instrument]):
            broken = frame[name].notna() & (frame[name] % 1 != 0)
            findings += at_rows(frame[broken], "W-DATA-FRACTION", f"a fraction, and {scales[instrument].name} is a sum of whole numbers", source)


def _whole(scale: Instrument) -> bool:
    """Are its scores whole numbers?"""
    return scale.kind in {"ordinal", "binary", "count"} or (scale.items is not None and scale.items.score == "sum")


def _check_ids(table: Table, frame: pd.DataFrame, findings: Findings) -> None:
    ids, source = frame["participant"], table.columns["participant"].source
    texts = list(ids.dropna().unique())
    found = {text: problem for text in texts if (problem := _damage(text, source, whose=table.provides))}
    dated = [text for text in texts if _DATE.match(text)]
    if len(dated) < 0.5 * len(texts):  # ids may be made of three numbers
        found |= dict.fromkeys(dated, _MADE_A_DATE)
    for problem in dict.fromkeys(found.values()):
        rows = frame[ids.isin([text for text, said in found.items() if said == problem])]
        findings += at_rows(rows, problem[0], problem[1], source)
    findings += at_rows(frame[ids.isna()], "E-DATA-ID", "the participant's id is missing", source)
    if table.provides == "participants":
        text = "another id differs from this one only by capitals, spaces or letters that look the same: are they one person?"
        findings += at_rows(frame[respelt(ids)], "E-DATA-ID", text, source)
        text = "another id differs from this one only by leading zeros (or a .0 at its end); they are read as two people"
        findings += at_rows(frame[_zeros(ids)], "W-DATA-ID", text, source)


def _damage(text: str, source: str, whose: str) -> tuple[str, str] | None:
    plain = text.casefold()
    if text == source:
        return "E-DATA-HEADER", "the header stands here again; remove this line"
    if plain.rstrip(":") in _SUMMARY or _TOTALS.match(plain):
        return "E-DATA-SUMMARY", "this looks like a row of totals, not a participant; remove it"
    if _EXPONENT.match(text) or _ROUNDED.match(text):
        return "E-DATA-ID", "a spreadsheet has made a rounded number of this id; get the original"
    if _MONTH.match(text):
        return _MADE_A_DATE
    if plain in _MISSING and whose == "participants":
        return "W-DATA-ID", "this id reads like a missing value and is taken as an id; list it under `missing:` if it is none"
    return None


def _zeros(ids: pd.Series) -> pd.Series:
    """Ids that are another one behind leading zeros, or with the .0 of a program that took it for a number."""
    present = {str(text) for text in ids.dropna().unique()}
    plain = {text: re.sub(r"\A(\D*)0+(?=[0-9])", r"\1", re.sub(r"(?<=[0-9])\.0+\Z", "", text)) for text in present}
    return ids.isin({text for text, bare in plain.items() if bare != text and bare in present})


def _like_missing(labels: pd.Series) -> pd.Series:
    """Words and codes for missing among labels that are neither."""
    texts = labels.dropna().unique()
    numbers = {text for text in texts if _CODE.match(text)}
    codes = {text for text in numbers if float(text) in SENTINELS} if len(numbers) < 0.5 * len(texts) else set[str]()
    return labels.isin(codes | {text for text in texts if text.casefold() in _MISSING - {"none", "unknown"}})


def _sentinels(values: pd.Series) -> pd.Series:
    """Usual codes for missing that lie further from the other numbers than these from one another."""
    code = values.isin(SENTINELS)
    others = values[~code].dropna()
    if len(others) < 3:
        return pd.Series(False, index=values.index)
    low, high = float(others.min()), float(others.max())
    width = max(high - low, 1.0)
    return code & ((values < low - width / 2) & (values < 0) | (values > high + width / 2))


def _unpaired(labels: pd.Series, others: pd.Series) -> pd.Series:
    """Rows in which a label stands beside another text than where it stood first, or the other way round."""
    both = labels.notna() & others.notna()
    ours, theirs = labels[both], others[both]
    wrong = (theirs != theirs.groupby(ours).transform("first")) | (ours != ours.groupby(theirs).transform("first"))
    return both & wrong.reindex(labels.index, fill_value=False)


def one_row_each(table: Table, frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Participants with one row each; what changes within somebody becomes a finding."""
    if not table.repeats:
        text = "this participant stands in the file twice; a table of participants has one row each (or says `repeats: true`)"
        findings += at_rows(frame[frame.duplicated("participant")], "E-DATA-DUPLICATE", text, ours("participant"))
        return frame
    for name, column in table.columns.items():
        if name != "participant":
            first = frame.groupby("participant")[name].transform("first")
            changed = frame[name].notna() & (frame[name] != first)
            findings += at_rows(frame[changed.fillna(False)], "E-DATA-CHANGES", "not the value that this participant has in an earlier row", column.source)
    return frame.groupby("participant", as_index=False, sort=False).first()


def orphans(frame: pd.DataFrame, known: pd.Series) -> Iterator[Finding]:
    """Rows of people who are not in the table of participants."""
    lost = frame[~frame["participant"].isin(known)]
    if not len(lost):
        return
    bare = {skeleton(text).lstrip("0").removesuffix(".0") for text in known}
    near = lost["participant"].fillna("").map(lambda text: skeleton(str(text)).lstrip("0").removesuffix(".0") in bare)
    yield from at_rows(lost[~near], "E-DATA-ORPHAN", ORPHAN, ours("participant"))
    text = f"{ORPHAN}; one there differs by leading zeros, capitals or spaces only: a program has changed one of the two"
    yield from at_rows(lost[near], "E-DATA-ORPHAN", text, ours("participant"))


def check_arms(study: Study, people: pd.DataFrame, findings: Findings) -> None:
    """Arms that are none, and times before their start, in one table of participants."""
    columns = study.participant_columns
    arms = {name for period in study.periods for name in (period.arm, period.actual_arm) if name is not None}
    for name in sorted(arms & set(people.columns)):
        unknown = people[people[name].notna() & ~people[name].isin(list(study.design.arms))]
        text = f"not an arm of the study; known: {', '.join(study.design.arms)}. Recode the file's label to one of them"
        findings += at_rows(unknown, "E-DATA-ARM", text, columns[name].source)
    for rule in study.rules.values():
        if isinstance(rule, RecordedRule) and rule.time in people and columns[rule.time].kind != "date":
            findings += at_rows(people[people[rule.time] < 0], "E-DATA-VALUE", "a time to an event is not negative", columns[rule.time].source)


def check_design(study: Study, people: pd.DataFrame, scores: pd.DataFrame, findings: Findings) -> None:
    """Does the cohort have what its design needs at all? Arms with people, visits with scores, sites that are places."""
    file = str(people[FILE].iloc[0])
    for period in study.periods:
        if period.arm is None:
            continue
        n = people[period.arm].value_counts()
        for arm, one in study.design.arms.items():
            used = int(n.get(arm, 0))
            if used == 0 and not any(other.arm and (people[other.arm] == arm).any() for other in study.periods):
                header = study.participant_columns[period.arm].source
                findings.append(Finding(file, 0, header, "W-DATA-ARM", f"nobody has the arm {one.label}; if the study has fewer arms, say so under `design`"))
            elif 0 < used < 3:
                findings.append(Finding(file, 0, study.participant_columns[period.arm].source, "N-DATA-ARM", f"fewer than 3 people have the arm {one.label}"))
    if len(people) < 3:
        findings.append(Finding(file, 0, "", "N-DATA-PEOPLE", "fewer than 3 participants: nothing can be compared"))
    _check_sites(study, people, file, findings)
    _check_baselines(study, scores, findings)


def _check_sites(study: Study, people: pd.DataFrame, file: str, findings: Findings) -> None:
    if study.design.site is None:
        return
    sites = people[study.design.site].nunique()
    if sites > 20 and sites > len(people) / 3:
        text = "more than one site for every three people: is this column an id, or a free text?"
        findings.append(Finding(file, 0, study.participant_columns[study.design.site].source, "W-DATA-SITE", text))


def _check_baselines(study: Study, scores: pd.DataFrame, findings: Findings) -> None:
    """Parameters of change endpoints that nobody has at the baseline, or that nobody has afterwards."""
    changes = {endpoint.parameter for endpoint in study.endpoints.values() if isinstance(endpoint, ScoreEndpoint) and endpoint.kind != "value"}
    if not len(scores):
        return
    edges = {(visit.period, visit.id): visit.edges for visit in study.visits}
    for parameter, rows in scores[scores["parameter"].isin(changes)].groupby("parameter"):
        for period in study.periods:
            wanted = [(period.baseline.period, visit) for visit in (period.baseline.visit, *period.baseline.otherwise)]
            at_base = pd.Series(False, index=rows.index)
            for key in wanted:
                inside = rows["visit"].isna() & rows["day"].between(*edges.get(key, (1.0, 0.0)))
                at_base |= (rows["period"] == key[0]) & ((rows["visit"] == key[1]) | inside)
            if len(study.periods) == 1 and (at_base.all() or not at_base.any()):
                said = (
                    "has no score but at the baseline: no change can be told" if at_base.any() else "has no score at the baseline visit: changes cannot be told"
                )
                findings.append(Finding(str(rows[FILE].iloc[0]), 0, str(parameter), "W-DATA-BASELINE", f"nobody {said}"))


def check_required(schema: Schema, frame: pd.DataFrame, findings: Findings) -> None:
    """Records without what their table needs."""
    for column in (*schema.key, *schema.required):
        if column not in {"participant", "record"} and column in frame:
            findings += at_rows(frame[frame[column].isna()], "E-DATA-MISSING", f"the {column} of this record is missing", ours(column))


def check_ends(study: Study, ends: pd.DataFrame, people: pd.DataFrame, findings: Findings) -> None:
    """A period ends when it has begun, not before."""
    person = people.set_index("participant")
    for period in study.periods:
        rows = ends[ends["period"] == period.id]
        start = rows["participant"].map(person[period.start]) if period.start else pd.Series(0.0, index=rows.index)
        if len(rows):
            early = rows[(rows["day"] < start.astype("float64")).fillna(False).astype(bool)]
            findings += at_rows(early, "E-DATA-DAY", "the disposition's day lies before the start of its period", ours("day"))


def of_no_session(study: Study, tables: dict[str, pd.DataFrame]) -> Iterator[Finding]:
    """Readings without their session, where the study has a table of sessions."""
    if not any(table.provides == "sessions" for table in study.tables.values()):
        return
    key = ["participant", "period", "session"]
    readings = tables["readings"]
    known = pd.MultiIndex.from_frame(tables["sessions"].reindex(columns=key))
    lost = readings[~pd.MultiIndex.from_frame(readings.reindex(columns=key)).isin(known)]
    yield from at_rows(lost, "E-DATA-ORPHAN", "no table of sessions has this participant's session", ours("session"))


def check_visits(study: Study, scores: pd.DataFrame, findings: Findings) -> None:
    """Scores at visits that the study does not have, or at no time at all."""
    known = pd.MultiIndex.from_tuples([(visit.period, visit.id) for visit in study.visits] or [("", "")])
    undeclared = scores["visit"].notna() & ~pd.MultiIndex.from_frame(scores[["period", "visit"]]).isin(known)
    nowhere = scores["visit"].isna() & scores["day"].isna()
    windowed = {visit.period for visit in study.visits if visit.window}
    unread = scores["visit"].isna() & scores["day"].notna() & ~scores["period"].isin(windowed)
    unseen = "the visit is missing, and no visit of this period has a window that would tell it by the day"
    findings += at_rows(scores[unread], "E-DATA-VISIT", unseen, ours("visit"))
    findings += at_rows(scores[undeclared], "E-DATA-VISIT", "the visit is not declared in this period; add it or recode the label", ours("visit"))
    findings += at_rows(scores[nowhere], "E-DATA-VISIT", "neither a visit nor a day says when this score was taken", ours("visit"))


#: Column of a record's key that a finding of it names.
_TELLING = {"assessments": "visit", "sessions": "session", "readings": "minute", "disposition": "participant"}


def check_unique(tables: dict[str, pd.DataFrame], findings: Findings) -> None:
    """Records that stand in the files twice."""
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
        findings += at_rows(frame[frame.duplicated(key)], "E-DATA-DUPLICATE", text, ours(_TELLING[name]))
    events = tables["events"]
    columns = [column for column in events.columns if column not in {LINE, FILE}]
    text = "the same event of this participant on the same day stands in the files twice; both are counted: remove one if they are one"
    findings += at_rows(events[events.duplicated(columns)], "W-DATA-DUPLICATE", text, ours("participant"))
