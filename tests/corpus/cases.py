"""Files that people really send: the good ones of a small trial, and ways to spoil them with the place that must be named.

`python -m tests.corpus.cases FOLDER` writes every case as files, with `expected.json` beside them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PLAN = """
study: toy
title: A small trial
drug: ketamine or midazolam
source: simulated
obtain: python -m tests.corpus.cases
status: open
tables:
  people:
    file: people.csv
    provides: participants
    columns:
      participant: {from: id}
      site: {from: site}
      arm: {from: arm, kind: category, recode: {Ketamine: ketamine, None: none}}
      age: {from: age, kind: number}
      bmi: {from: bmi, kind: number}
      smoker: {from: smoker, kind: flag}
      began: {from: began, kind: date}
  scores:
    file: scores.csv
    provides: assessments
    columns:
      participant: {from: id}
      visit: {from: visit, kind: category, recode: {Baseline: baseline, Day 1: day1, Day 7: day7}}
      madrs: {from: madrs, kind: integer, instrument: madrs}
  sessions:
    file: sessions.csv
    provides: sessions
    columns:
      participant: {from: id}
      session: {from: session, kind: integer}
      day: {from: day, kind: integer}
      sbp: {from: sbp, kind: number, instrument: sbp}
  events:
    file: events.csv
    provides: events
    columns: {participant: {from: id}, event: {from: event}, day: {from: day, kind: integer}}
  ends:
    file: ends.csv
    provides: disposition
    columns: {participant: {from: id}, status: {from: status}, day: {from: date, kind: date, since: began}}
design: {kind: parallel, arms: {none: {label: None}, ketamine: {label: Ketamine}}, reference: none, randomised: true, site: site}
periods: [{id: main, label: Main, arm: arm, baseline: {period: main, visit: baseline}}]
visits:
  - {id: baseline, period: main, label: Baseline, time: 0}
  - {id: day1, period: main, label: Day 1, time: 1}
  - {id: day7, period: main, label: Day 7, time: 7}
populations: {all: {label: All}}
endpoints: {change: {kind: change, parameter: madrs}}
analyses:
  description: {model: descriptive, title: D, population: all, period: main, primary: true}
"""
_IDS = ("0007", "0012", "0031", "0044", "0105", "0117", "0120", "0163", "0171", "0188", "0190", "0203")
_SITES = ("North", "Zürich", "South")
Files = dict[str, bytes]


def good() -> dict[str, str]:
    """The files as they should be."""
    people = ["id,site,arm,age,bmi,smoker,began"]
    scores, sessions, events, ends = ["id,visit,madrs"], ["id,session,day,sbp"], ["id,event,day"], ["id,status,date"]
    for at, who in enumerate(_IDS):
        smoker = ("yes", "no", "")[at % 3]
        people.append(f"{who},{_SITES[at % 3]},{('Ketamine', 'None')[at % 2]},{30 + 3 * at},{20 + at * 0.5},{smoker},2024-{1 + at % 6:02d}-{3 + at:02d}")
        for visit, drop in (("Baseline", 0), ("Day 1", 9), ("Day 7", 6)):
            scores.append(f"{who},{visit},{28 + 5 * at % 12 - drop * (1 + (at % 2 == 0)) + (at * at % 7 if drop else 0)}")
        for session in (1, 2):
            sessions.append(f"{who},{session},{3 * session - 3},{118 + at + session}")
        ends.append(f"{who},completed,2024-{1 + at % 6:02d}-{12 + at:02d}")
    events += [f"{_IDS[3]},relapse,6", f"{_IDS[8]},relapse,5"]
    files = {"people.csv": people, "scores.csv": scores, "sessions.csv": sessions, "events.csv": events, "ends.csv": ends}
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def plan() -> dict[str, Any]:
    """The study file; an arm called None is text."""
    return yaml.safe_load(PLAN)


@dataclass(frozen=True)
class Case:
    """One way in which files arrive, and what must come of it.

    Attributes
    ----------
    kind
        Class of the case.
    name
        What was done.
    files
        Changed files; a name that ends in .gz takes the plain file's place.
    outcome
        ``refused``, ``warned``, ``noted`` (read, with that remark) or ``same`` (read as if nothing had happened).
    place
        File, line and column that must be named; line 0 when the whole file is meant.
    change
        Keys of a table of the study file, by table.
    """

    kind: str
    name: str
    files: Files
    outcome: str
    place: tuple[str, int, str] = ("", 0, "")
    change: dict[str, dict[str, Any]] = field(default_factory=dict)


GOOD = good()


def cell(file: str, line: int, header: str, new: str) -> str:
    """A good file with one cell replaced, as it stands (no quotes are added)."""
    lines = GOOD[file].splitlines()
    cells = lines[line - 1].split(",")
    cells[lines[0].split(",").index(header)] = new
    lines[line - 1] = ",".join(cells)
    return "\n".join(lines) + "\n"


def column(file: str, header: str, new: Callable[[str], str]) -> str:
    """A good file with every cell of a column changed."""
    head, *rows = [line.split(",") for line in GOOD[file].splitlines()]
    at = head.index(header)
    return "\n".join(",".join(row) for row in [head, *([*row[:at], new(row[at]), *row[at + 1 :]] for row in rows)]) + "\n"


def lines(file: str, edit: Callable[[list[str]], list[str]]) -> str:
    """A good file with its lines edited."""
    return "\n".join(edit(GOOD[file].splitlines())) + "\n"


def inserted(file: str, at: int, *new: str) -> str:
    """A good file with lines put before line `at`."""
    return lines(file, lambda old: [*old[: at - 1], *new, *old[at - 1 :]])


def refused(kind: str, name: str, file: str, content: str | bytes, line: int, header: str = "", **change: dict[str, Any]) -> Case:
    """A case that must be refused at a place."""
    return Case(kind, name, {file: _bytes(content)}, "refused", (file.removesuffix(".gz"), line, header), change)


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _same(kind: str, name: str, edit: Callable[[str], str | bytes], suffix: str = "") -> Iterator[Case]:
    yield Case(kind, name, {f"{file}{suffix}": _bytes(edit(text)) for file, text in GOOD.items()}, "same")


def cases() -> list[Case]:
    """Every case."""
    groups = (
        _controls,
        _declared,
        _encodings,
        _formats,
        _truncated,
        _structure,
        _headers,
        _quotes,
        _numbers,
        _ids,
        _labels,
        _days,
        _records,
        _designs,
        _hostile,
    )
    return [case for group in groups for case in group()]


def _quoted(text: str) -> str:
    return "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()) + "\n"


def _controls() -> Iterator[Case]:
    yield from _same("control", "BOM", lambda text: b"\xef\xbb\xbf" + text.encode())
    yield from _same("control", "CRLF", lambda text: text.replace("\n", "\r\n"))
    yield from _same("control", "CR", lambda text: text.replace("\n", "\r"))
    yield from _same(
        "control", "line ends of all kinds", lambda text: "".join(line + ("\n", "\r\n", "\r")[at % 3] for at, line in enumerate(text.splitlines()))
    )
    yield from _same("control", "shuffled rows", lambda text: "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]) + "\n")
    yield from _same("control", "permuted columns", lambda text: "\n".join(",".join(reversed(line.split(","))) for line in text.splitlines()) + "\n")
    yield from _same("control", "quoted", _quoted)
    yield from _same("control", "quoted, BOM, CRLF", lambda text: b"\xef\xbb\xbf" + _quoted(text).replace("\n", "\r\n").encode())
    yield from _same("control", "gz", lambda text: gzip.compress(text.encode(), mtime=0), ".gz")
    yield from _same("control", "blank lines at the end", lambda text: text + "\n\n")
    yield from _same("control", "one more column", lambda text: "\n".join(f"{line},x" for line in text.splitlines()) + "\n")
    yield Case("control", "no line end at the end", {"people.csv": GOOD["people.csv"].rstrip("\n").encode()}, "noted", ("people.csv", 13, ""))
    yield Case("control", "rows of separators", {"people.csv": (GOOD["people.csv"] + ",,,,,,\n,,,,,,\n").encode()}, "noted", ("people.csv", 0, ""))
    yield Case("control", "spaces after commas", {"people.csv": GOOD["people.csv"].replace(",", ", ").encode()}, "noted", ("people.csv", 0, "age"))
    yield Case("control", "NFD accents", {"people.csv": GOOD["people.csv"].replace("ü", "u\u0308").encode()}, "same")


def _declared() -> Iterator[Case]:
    """What the study file declares is read as it says."""
    text = GOOD["people.csv"]
    yield Case("declared", "semicolons", {"people.csv": text.replace(",", ";").encode()}, "same", change={"people": {"delimiter": "semicolon"}})
    yield Case("declared", "tabs", {"people.csv": text.replace(",", "\t").encode()}, "same", change={"people": {"delimiter": "tab"}})
    yield Case("declared", "windows-1252", {"people.csv": text.encode("windows-1252")}, "same", change={"people": {"encoding": "windows-1252"}})
    yield Case("declared", "UTF-16", {"people.csv": text.encode("utf-16")}, "same", change={"people": {"encoding": "utf-16"}})
    comma = text.replace(",", ";").replace(".", ",")
    yield Case("declared", "decimal comma", {"people.csv": comma.encode()}, "same", change={"people": {"delimiter": "semicolon", "decimal": "comma"}})
    yield Case("declared", "preamble", {"people.csv": ("Export of 2024\n\n" + text).encode()}, "same", change={"people": {"header_line": 3}})
    missing = cell("people.csv", 4, "smoker", "-9")
    yield Case("declared", "code for missing", {"people.csv": missing.encode()}, "same", change={"people": {"missing": ["-9"]}})
    notes = "\n".join(f'{line},"{"notes" if at == 0 else "a text" + chr(10) + "in two lines"}"' for at, line in enumerate(text.splitlines())) + "\n"
    yield Case("declared", "line breaks in notes", {"people.csv": notes.encode()}, "same", change={"people": {"line_breaks": ["notes"]}})
    yield Case("declared", "number of rows", {}, "same", change={"people": {"rows": 12}})


def _encodings() -> Iterator[Case]:
    text = GOOD["people.csv"]
    yield refused("encoding", "latin-1", "people.csv", text.encode("latin-1"), 3, "site")
    yield refused(
        "encoding",
        "windows-1252 dash",
        "people.csv",
        cell("people.csv", 5, "site", "North – East").encode("windows-1252", "replace").replace(b"Z?rich", b"Zurich").replace(b"Z\xfcrich", b"Zurich"),
        5,
        "site",
    )
    yield refused("encoding", "latin-1 in one late row", "scores.csv", GOOD["scores.csv"].encode() + "0203,Späte Visite,12\n".encode("latin-1"), 38, "visit")
    yield refused("encoding", "UTF-16 with mark", "people.csv", text.encode("utf-16"), 0)
    yield refused("encoding", "UTF-16 without mark", "people.csv", text.encode("utf-16-le"), 0)
    yield refused("encoding", "UTF-32", "people.csv", text.encode("utf-32"), 0)
    yield refused("encoding", "UTF-16 declared, UTF-8 sent", "people.csv", text, 0, people={"encoding": "utf-16"})
    yield refused("encoding", "half a character", "people.csv", text.encode().replace("ü".encode(), b"\xc3"), 3, "site")
    yield refused("encoding", "overlong", "people.csv", text.encode().replace(b"0031", b"\xc0\xb031"), 4, "id")
    yield refused("encoding", "a surrogate", "people.csv", text.encode().replace(b"South", b"\xed\xa0\x80"), 4, "site")
    yield refused("encoding", "a letter another program lost", "people.csv", text.replace("ü", "\ufffd"), 3, "site")
    yield refused("encoding", "mojibake of windows-1252 read as latin-1", "people.csv", cell("people.csv", 5, "site", "North \x96 East"), 5, "site")
    for name, mark in (("NUL", "\0"), ("ESC", "\x1b"), ("vertical tab", "\x0b"), ("DEL", "\x7f"), ("backspace", "\x08")):
        yield refused("control character", name, "people.csv", cell("people.csv", 6, "age", f"3{mark}9"), 6, "age")
    unread = "\n".join(f"{row},{'notes' if at == 0 else 'a' + chr(0) + 'b' if at == 4 else 'x'}" for at, row in enumerate(text.splitlines())) + "\n"
    yield refused("control character", "NUL in a column that is not read", "people.csv", unread, 5, "notes")
    yield refused("control character", "NUL in an id", "scores.csv", cell("scores.csv", 9, "id", "00\x0007"), 9, "id")


def _formats() -> Iterator[Case]:
    text = GOOD["people.csv"].encode()
    for name, data in {
        "gzip under another name": gzip.compress(text, mtime=0),
        "zip": b"PK\x03\x04\x14\x00" + text,
        "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + text,
        "HTML": b"<!DOCTYPE html><html><body><table><tr><td>id</td></tr></table>",
        "a login page": b"\n  <html><head><title>Log in</title></head></html>",
        "XML spreadsheet": b'<?xml version="1.0"?><Workbook/>',
        "JSON": b'[{"id": "0007", "site": "North"}]',
        "PDF": b"%PDF-1.4\n%\xe2\xe3",
        "Parquet": b"PAR1\x15\x04",
        "SPSS": b"$FL2@(#) SPSS DATA FILE",
        "nothing": b"",
        "only a BOM": b"\xef\xbb\xbf",
        "only line ends": b"\n\n\r\n",
    }.items():
        yield refused("format", name, "people.csv", data, 0)
    yield Case("format", "text called gz", {"people.csv.gz": text}, "refused", ("people.csv.gz", 0, ""))
    yield refused("format", "another checksum", "people.csv", text, 0, people={"sha256": "0" * 64})


def _truncated() -> Iterator[Case]:
    people, scores = GOOD["people.csv"], GOOD["scores.csv"]
    yield refused("truncation", "in the middle of a row", "people.csv", people[:-15], 13, "smoker")
    yield refused("truncation", "in the middle of a date", "people.csv", people[:-2], 13, "began")
    yield Case("truncation", "in the middle of a number", {"scores.csv": scores[:-2].encode()}, "noted", ("scores.csv", 37, ""))
    yield refused("truncation", "some rows, declared number", "scores.csv", "\n".join(scores.splitlines()[:-4]) + "\n", 33, scores={"rows": 36})
    packed = gzip.compress(people.encode(), mtime=0)
    yield Case("truncation", "gz cut short", {"people.csv.gz": packed[:-20]}, "refused", ("people.csv.gz", 0, ""))
    yield Case("truncation", "gz without its checksum", {"people.csv.gz": packed[:-8]}, "refused", ("people.csv.gz", 0, ""))
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 0xFF
    yield Case("truncation", "gz with a flipped byte", {"people.csv.gz": bytes(broken)}, "refused", ("people.csv.gz", 0, ""))
    raw = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = raw.compress(b"id,site\n" + b"0" * 50_000_000) + raw.flush()
    yield Case("truncation", "gz of one endless line", {"people.csv.gz": bomb}, "refused", ("people.csv.gz", 2, "id"))
    yield refused("truncation", "header only", "people.csv", people.splitlines()[0] + "\n", 1)
    yield refused("truncation", "half a header", "people.csv", "id,site,ar", 1, "arm")


def _structure() -> Iterator[Case]:
    people, scores = GOOD["people.csv"], GOOD["scores.csv"]
    yield refused("preamble", "a title", "people.csv", "Small trial: demographics\n" + people, 1)
    yield refused("preamble", "title and empty lines", "people.csv", "Small trial\n\n\n" + people, 1)
    yield refused("preamble", "comment lines", "scores.csv", "# made by EDC\n# 2024-07-01\n" + scores, 1)
    yield refused("preamble", "sep= line of Excel", "people.csv", "sep=,\n" + people, 1)
    yield refused("units row", "under the header", "people.csv", inserted("people.csv", 2, ",,,years,kg/m2,,"), 2, "age")
    yield refused("units row", "in brackets", "scores.csv", inserted("scores.csv", 2, ",,(0-60)"), 2, "madrs")
    yield refused("units row", "labels under names", "people.csv", inserted("people.csv", 2, "Subject,Centre,Treatment,Age,BMI,Smokes,Start"), 2, "age")
    yield refused("total row", "Total", "people.csv", people + "Total,,,46.5,22.75,,\n", 14, "id")
    yield refused("total row", "Mean", "scores.csv", scores + "Mean,Day 7,25\n", 38, "id")
    yield refused("total row", "N =", "people.csv", people + "N=,,,12,,,\n", 14, "id")
    yield refused("total row", "a footnote", "people.csv", people + "Source: EDC export of July\n", 14, "site")
    yield refused("total row", "the header again", "scores.csv", inserted("scores.csv", 20, "id,visit,madrs"), 20, "id")
    yield refused("total row", "the header again among people", "people.csv", inserted("people.csv", 7, people.splitlines()[0]), 7, "id")
    yield refused("ragged", "one cell more", "people.csv", lines("people.csv", lambda old: [*old[:4], old[4] + ",x", *old[5:]]), 5, "8")
    yield refused("ragged", "one cell less", "people.csv", lines("people.csv", lambda old: [*old[:4], old[4].rsplit(",", 1)[0], *old[5:]]), 5, "began")
    yield refused("ragged", "a comma too many in every row", "people.csv", lines("people.csv", lambda old: [old[0], *(row + "," for row in old[1:])]), 2, "8")
    yield refused(
        "ragged",
        "a comma too many in every row but the header, scores",
        "scores.csv",
        lines("scores.csv", lambda old: [old[0], *(row + "," for row in old[1:])]),
        2,
        "4",
    )
    yield refused("ragged", "two rows in one line", "scores.csv", lines("scores.csv", lambda old: [*old[:5], old[5] + "," + old[6], *old[7:]]), 6, "4")
    yield refused("ragged", "one row in two lines", "people.csv", lines("people.csv", lambda old: [*old[:5], *old[5].split(",2024", 1), *old[6:]]), 6, "began")
    yield refused("delimiter", "semicolons", "people.csv", people.replace(",", ";"), 1, "1")
    yield refused("delimiter", "tabs", "people.csv", people.replace(",", "\t"), 1, "1")
    yield refused("delimiter", "pipes", "scores.csv", scores.replace(",", "|"), 1, "1")
    yield refused(
        "delimiter",
        "semicolons in late rows",
        "people.csv",
        lines("people.csv", lambda old: [*old[:9], *(row.replace(",", ";") for row in old[9:])]),
        10,
        "site",
    )
    yield refused("decimal comma", "unquoted in one row", "people.csv", cell("people.csv", 3, "bmi", "20,5"), 3, "8")
    yield refused("decimal comma", "unquoted in every row", "people.csv", column("people.csv", "bmi", lambda text: text.replace(".", ",")), 2, "8")
    yield refused("decimal comma", "quoted in one row", "people.csv", cell("people.csv", 3, "bmi", '"20,5"'), 3, "bmi")
    yield refused("decimal comma", "quoted in every row", "people.csv", column("people.csv", "bmi", lambda text: f'"{text.replace(".", ",")}"'), 2, "bmi")
    yield refused(
        "decimal comma", "a point where a comma was declared", "people.csv", cell("people.csv", 3, "bmi", "20.5"), 3, "bmi", people={"decimal": "comma"}
    )
    yield refused("decimal comma", "thousands", "sessions.csv", cell("sessions.csv", 3, "sbp", '"1,201"'), 3, "sbp")


def _headers() -> Iterator[Case]:
    people = GOOD["people.csv"]
    head = people.splitlines()[0]

    def header(new: str) -> str:
        return people.replace(head, new, 1)

    yield refused("header", "a name twice", "people.csv", header(head.replace("bmi", "age")), 1, "5")
    yield refused("header", "a name twice, other case", "people.csv", header(head.replace("smoker", "Age")), 1, "smoker")
    yield refused("header", "capitals", "people.csv", header(head.upper()), 1, "id")
    yield refused("header", "Cyrillic letter", "people.csv", header(head.replace("age", "аge")), 1, "age")
    yield refused(
        "header", "a twin beside", "people.csv", "\n".join(f"{line},{'аge' if at == 0 else '50'}" for at, line in enumerate(people.splitlines())) + "\n", 1, "8"
    )
    yield refused("header", "zero-width letter", "people.csv", header(head.replace("arm", "a\u200brm")), 1, "arm")
    yield refused("header", "no-break space", "people.csv", header(head.replace("arm", "ar\u00a0m")), 1, "arm")
    yield refused("header", "renamed", "people.csv", header(head.replace("arm", "group")), 1, "arm")
    yield refused("header", "none", "people.csv", people.split("\n", 1)[1], 1, "id")
    yield refused("header", "none in scores", "scores.csv", GOOD["scores.csv"].split("\n", 1)[1], 1, "madrs")
    yield refused("header", "two BOMs", "people.csv", b"\xef\xbb\xbf\xef\xbb\xbf" + people.encode(), 1, "id")
    yield refused("header", "in quotes that do not match", "people.csv", header(head.replace("arm", '"arm')), 1)
    yield refused(
        "header",
        "two named alike in scores",
        "scores.csv",
        "\n".join(f"{line},{'madrs' if at == 0 else '5'}" for at, line in enumerate(GOOD["scores.csv"].splitlines())) + "\n",
        1,
        "4",
    )


def _quotes() -> Iterator[Case]:
    people = GOOD["people.csv"]
    yield refused("quotes", "opened and not closed", "people.csv", cell("people.csv", 4, "site", '"South'), 4, "site")
    yield refused("quotes", "opened in the last row", "people.csv", cell("people.csv", 13, "site", '"South'), 13, "site")
    yield refused("quotes", "text after the quote", "people.csv", cell("people.csv", 4, "site", '"South"ern'), 4, "site")
    yield refused("quotes", "a backslash before a quote", "people.csv", cell("people.csv", 4, "site", '"So\\"uth"'), 4, "site")
    yield refused("quotes", "curly quotes around a comma", "people.csv", cell("people.csv", 4, "site", "\u201cSouth, East\u201d"), 4, "8")
    swallowed = lines("people.csv", lambda old: [*old[:4], old[4] + ',"good', *(row + "," for row in old[5:7]), old[7] + ',"', *(row + "," for row in old[8:])])
    swallowed = swallowed.replace("began\n", "began,notes\n", 1)
    for at in (2, 3, 4):
        swallowed = "\n".join(line + "," if number == at else line for number, line in enumerate(swallowed.splitlines(), start=1)) + "\n"
    yield refused("embedded newline", "a quote that swallows rows in a column not named", "people.csv", swallowed, 5, "notes")
    yield refused("embedded newline", "the same where line breaks are declared", "people.csv", swallowed, 5, "notes", people={"line_breaks": ["notes"]})
    yield refused("embedded newline", "in a site", "people.csv", cell("people.csv", 4, "site", '"So\nuth"'), 4, "site")
    yield refused("embedded newline", "in an id", "scores.csv", cell("scores.csv", 4, "id", '"0007\n"'), 4, "id")
    yield refused("embedded newline", "a carriage return in a label", "people.csv", cell("people.csv", 6, "arm", '"None\r"'), 6, "arm")
    yield refused("embedded newline", "a line separator of Unicode", "people.csv", cell("people.csv", 6, "site", "So\u2028uth"), 6, "site")
    yield Case("quotes", "doubled quotes are text", {"people.csv": people.replace("Zürich", '"Zür""ich"').encode()}, "same")


def _numbers() -> Iterator[Case]:
    for kind, texts in {
        "below the limit": ("<5", "< 5", ">60", "≤7"),
        "unit in the cell": ("22 kg/m2", "22kg", "22 %", "22 years"),
        "digits of other alphabets": ("２２", "٢٢", "2²"),
        "not a number": ("abc", "0x1A", "1_000", "1e400", "inf", "NaN", "--", "22..5", "1/2", "twenty"),
        "missing in words": ("NA", "n/a", ".", "-", "?", "missing", "NULL", "#N/A", "#REF!"),
        "signs": ("−5", "–5", "+-3", "(5)"),
    }.items():
        for text in texts:
            yield refused(kind, text, "people.csv", cell("people.csv", 7, "bmi", text), 7, "bmi")
    for text in ("61", "-1", "999", "-9", "99", "17.5", "17,5", "1/2", "17*", "30 points", "<5", "2024-01-03", "O", "l7"):
        new = f'"{text}"' if "," in text else text
        yield refused("out of range or no whole number", text, "scores.csv", cell("scores.csv", 8, "madrs", new), 8, "madrs")
    for text in ("999", "-9", "-99", "9999", "888"):
        yield refused("sentinel", f"{text} for bmi", "people.csv", cell("people.csv", 7, "bmi", text), 7, "bmi")
    yield refused("sentinel", "999 for age", "people.csv", cell("people.csv", 7, "age", "999"), 7, "age")
    yield refused("sentinel", "0 for blood pressure", "sessions.csv", cell("sessions.csv", 7, "sbp", "0"), 7, "sbp")
    yield refused("fraction", "session 1.5", "sessions.csv", cell("sessions.csv", 7, "session", "1.5"), 7, "session")
    yield refused("fraction", "day 2.5", "events.csv", cell("events.csv", 2, "day", "2.5"), 2, "day")
    yield refused("fraction", "half a point", "scores.csv", cell("scores.csv", 8, "madrs", "½"), 8, "madrs")


def _ids() -> Iterator[Case]:
    people, scores = GOOD["people.csv"], GOOD["scores.csv"]
    yield refused("leading zeros", "lost in the scores", "scores.csv", column("scores.csv", "id", lambda text: text.lstrip("0")), 2, "id")
    yield refused("leading zeros", "lost in one row", "scores.csv", cell("scores.csv", 5, "id", "12"), 5, "id")
    yield refused("leading zeros", "lost among people", "people.csv", column("people.csv", "id", lambda text: text.lstrip("0")), 0)
    yield Case("leading zeros", "two people", {"people.csv": (people + "7,North,None,44,25,no,2024-02-02\n").encode()}, "warned", ("people.csv", 2, "id"))
    yield refused("spaces in ids", "no-break space", "people.csv", cell("people.csv", 5, "id", "00\u00a044"), 5, "id")
    yield refused("spaces in ids", "inside, in the scores", "scores.csv", cell("scores.csv", 5, "id", "00 12"), 5, "id")
    yield refused(
        "spaces in ids",
        "two people, one or two spaces",
        "people.csv",
        people + "A  1,North,None,44,25,no,2024-02-02\nA 1,North,None,44,25,no,2024-02-02\n",
        15,
        "id",
    )
    yield Case("spaces in ids", "at the ends", {"scores.csv": cell("scores.csv", 5, "id", " 0012 ").encode()}, "noted", ("scores.csv", 0, "id"))
    yield refused("zero-width in ids", "space", "people.csv", cell("people.csv", 5, "id", "00\u200b44"), 5, "id")
    yield refused("zero-width in ids", "joiner", "scores.csv", cell("scores.csv", 5, "id", "00\u200d12"), 5, "id")
    yield refused("zero-width in ids", "soft hyphen", "scores.csv", cell("scores.csv", 5, "id", "00\u00ad12"), 5, "id")
    yield refused(
        "case variants of ids", "two people", "people.csv", people + "b1,North,None,44,25,no,2024-02-02\nB1,North,None,44,25,no,2024-02-02\n", 15, "id"
    )
    yield refused("case variants of ids", "in the scores", "scores.csv", inserted("scores.csv", 2, "x7,Day 1,20"), 2, "id", people={})
    yield refused(
        "case variants of ids", "Cyrillic twin", "people.csv", people + "B1,North,None,44,25,no,2024-02-02\nВ1,North,None,44,25,no,2024-02-02\n", 15, "id"
    )
    yield refused("Excel damage to ids", "exponent", "people.csv", people + "1.2E+11,North,None,44,25,no,2024-02-02\n", 14, "id")
    yield refused("Excel damage to ids", "a date", "people.csv", people + "1-May,North,None,44,25,no,2024-02-02\n", 14, "id")
    yield refused("Excel damage to ids", "a month", "people.csv", people + "Mar-02,North,None,44,25,no,2024-02-02\n", 14, "id")
    yield refused("Excel damage to ids", "an error", "people.csv", cell("people.csv", 5, "id", "#REF!"), 5, "id")
    yield refused("Excel damage to ids", "fifteen digits and zeros", "people.csv", people + "12345678901234500000,North,None,44,25,no,2024-02-02\n", 14, "id")
    yield refused("Excel damage to ids", "a decimal", "scores.csv", cell("scores.csv", 20, "id", "120.0"), 20, "id")
    yield Case(
        "the text NA", "a participant called NA", {"people.csv": (people + "NA,North,None,44,25,no,2024-02-02\n").encode()}, "warned", ("people.csv", 14, "id")
    )
    yield refused("the text NA", "two of them", "people.csv", people + 2 * "NA,North,None,44,25,no,2024-02-02\n", 15, "id")
    yield refused("the text NA", "in the scores", "scores.csv", cell("scores.csv", 5, "id", "NA"), 5, "id")
    yield refused("the text NA", "no id", "people.csv", cell("people.csv", 5, "id", ""), 5, "id")
    yield refused("orphans", "unknown in the scores", "scores.csv", scores + "9999,Day 1,20\n", 38, "id")
    yield refused("orphans", "unknown in the events", "events.csv", GOOD["events.csv"] + "9999,relapse,2\n", 4, "id")
    yield refused("orphans", "unknown in the sessions", "sessions.csv", GOOD["sessions.csv"] + "9999,1,0,120\n", 26, "id")


def _labels() -> Iterator[Case]:
    people = GOOD["people.csv"]
    for text in ("ketamine", "KETAMINE", "Ketamin", "none", "NONE", "Nоne", "", "Ketamine 0.5", "1"):
        outcome = "same" if text == "" else "refused"
        if outcome == "refused":
            yield refused("arm labels", text, "people.csv", cell("people.csv", 6, "arm", text), 6, "arm")
    yield Case("arm labels", "an arm called None is an arm", {}, "same")
    for text in ("north", "NORTH", "Nоrth", "North\u00a0", "No\u200brth", "Zürich\ufe0f", "Zürich\u3164"):
        if text.strip() != "North":
            yield refused("site labels", repr(text), "people.csv", cell("people.csv", 5, "site", text), 5, "site")
    yield refused("site labels", "two spaces", "people.csv", people.replace("South", "South  East", 1).replace("South,", "South East,"), 7, "site")
    for text in ("Day1", "day 1", "Day 2", "Day  1", "1", "V2"):
        yield refused("visit labels", text, "scores.csv", cell("scores.csv", 6, "visit", text), 6, "visit")
    yield refused("visit labels", "none", "scores.csv", cell("scores.csv", 6, "visit", ""), 6, "visit")
    for text in ("maybe", "2", "J", "yess"):
        yield refused("flags", text, "people.csv", cell("people.csv", 6, "smoker", text), 6, "smoker")
    yield refused("event labels", "capitals", "events.csv", GOOD["events.csv"] + "0105,Relapse,3\n", 4, "event")


def _days() -> Iterator[Case]:
    for text in (
        "03/05/2024",
        "2024/05/03",
        "3-May-2024",
        "2024-13-01",
        "2024-02-30",
        "45415",
        "2024-05",
        "20240503",
        "２024-05-03",
        "2024-05-03T00:00",
        "yesterday",
    ):
        yield refused("dates", text, "people.csv", cell("people.csv", 6, "began", text), 6, "began")
    for text in ("2024-05-03", "45415", "1 day", "D1", "week 1", "1:30"):
        yield refused("dates and serials for days", text, "sessions.csv", cell("sessions.csv", 6, "day", text), 6, "day")
    yield refused("dates and serials for days", "the end before the start", "ends.csv", cell("ends.csv", 4, "date", "2023-03-01"), 4, "date")
    yield refused("dates and serials for days", "no start", "people.csv", cell("people.csv", 6, "began", ""), 6, "began")


def _records() -> Iterator[Case]:
    people, scores = GOOD["people.csv"], GOOD["scores.csv"]
    yield refused("duplicate records", "a participant", "people.csv", people + people.splitlines()[3] + "\n", 14, "id")
    yield refused("duplicate records", "a score, the same", "scores.csv", scores + scores.splitlines()[6] + "\n", 38, "visit")
    yield refused("duplicate records", "a score, another", "scores.csv", scores + "0012,Day 7,3\n", 38, "visit")
    yield refused("duplicate records", "a session", "sessions.csv", GOOD["sessions.csv"] + "0012,1,0,120\n", 26, "session")
    yield refused("duplicate records", "an end", "ends.csv", GOOD["ends.csv"] + "0012,left,2024-05-05\n", 14, "id")
    yield refused("duplicate records", "the whole file twice", "scores.csv", scores + scores.split("\n", 1)[1], 38, "visit")
    yield Case("duplicate records", "an event", {"events.csv": (GOOD["events.csv"] + "0044,relapse,6\n").encode()}, "warned", ("events.csv", 4, "id"))
    long = {"repeats": True, "file": "long.csv"}
    rows = [f"{row},{visit}" for row in people.splitlines()[1:] for visit in ("Baseline", "Day 1")]
    head = people.splitlines()[0] + ",visit"
    flat = "\n".join([head, *rows]) + "\n"
    yield Case("arm or site changing", "nothing changes", {"long.csv": flat.encode()}, "same", change={"people": long})
    for header, line, old, new in (("arm", 3, "Ketamine", "None"), ("site", 5, "Zürich", "North"), ("age", 7, ",36,", ",37,")):
        text = "\n".join(row.replace(old, new) if number == line else row for number, row in enumerate(flat.splitlines(), start=1)) + "\n"
        yield Case("arm or site changing", header, {"long.csv": text.encode()}, "refused", ("long.csv", line, header), {"people": long})
    paired = "\n".join(f"{row},{'code' if at == 0 else '1' if 'Ketamine' in row else '2'}" for at, row in enumerate(people.splitlines())) + "\n"
    beside = {"columns": {"arm": {"beside": "code"}}}
    yield Case("label and code", "they agree", {"people.csv": paired.encode()}, "same", change={"people": beside})
    yield Case(
        "label and code",
        "one does not",
        {"people.csv": paired.replace("no,2024-03-05,1", "no,2024-03-05,2").replace("2024-03-05,1", "2024-03-05,2").encode()},
        "refused",
        ("people.csv", 4, "code"),
        {"people": beside},
    )
    yield Case(
        "label and code",
        "one label for two codes",
        {"people.csv": paired.replace("2024-06-08,2", "2024-06-08,3").encode()},
        "refused",
        ("people.csv", 7, "code"),
        {"people": beside},
    )


def _designs() -> Iterator[Case]:
    people = GOOD["people.csv"]
    for name, arms in {
        "the other is empty": {"None": "Ketamine"},
        "no arm at all": {"None": "", "Ketamine": ""},
        "the reference is empty": {"None": ""},
    }.items():
        text = column("people.csv", "arm", lambda text, arms=arms: arms.get(text, text))
        yield Case("one arm", name, {"people.csv": text.encode()}, "warned", ("people.csv", 0, "arm"))
    base = "\n".join(row for row in GOOD["scores.csv"].splitlines() if "Baseline" not in row) + "\n"
    yield Case("missing baseline", "of everybody", {"scores.csv": base.encode()}, "warned", ("scores.csv", 0, "madrs"))
    blank = "\n".join(row.rsplit(",", 1)[0] + "," if "Baseline" in row else row for row in GOOD["scores.csv"].splitlines()) + "\n"
    yield Case("missing baseline", "empty cells", {"scores.csv": blank.encode()}, "warned", ("scores.csv", 0, "madrs"))
    renamed = GOOD["scores.csv"].replace("Baseline", "Day 7 (repeat)")
    yield refused("missing baseline", "under another label", "scores.csv", renamed, 2, "visit")
    only = "\n".join(row for row in GOOD["scores.csv"].splitlines() if "Day" not in row) + "\n"
    yield Case("one visit", "only the baseline", {"scores.csv": only.encode()}, "warned", ("scores.csv", 0, "madrs"))
    once = "\n".join([*GOOD["scores.csv"].splitlines()[:1], *(row for row in GOOD["scores.csv"].splitlines() if "Day 1" in row)]) + "\n"
    yield Case("one visit", "only one after it", {"scores.csv": once.encode()}, "warned", ("scores.csv", 0, "madrs"))
    yield refused("one visit", "no score at all", "scores.csv", "id,visit,madrs\n", 1)
    for n in (1, 2):
        files = {name: "\n".join([text.splitlines()[0], *(row for row in text.splitlines()[1:] if row[:4] in _IDS[:n])]) + "\n" for name, text in GOOD.items()}
        outcome = "warned" if n == 1 else "noted"
        yield Case(
            "one participant", f"{n} of them", {name: text.encode() for name, text in files.items()}, outcome, ("people.csv", 0, "arm" if n == 1 else "")
        )
    yield Case("one participant", "nobody has the arm None but one", {"people.csv": _one_of_none().encode()}, "noted", ("people.csv", 0, "arm"))
    for n in (30, 300, 3000):
        rows = "".join(f"Q{at:04d},Site {at},{('Ketamine', 'None')[at % 2]},44,25,no,2024-02-02\n" for at in range(n))
        yield Case("thousands of sites", str(n), {"people.csv": (people + rows).encode()}, "warned", ("people.csv", 0, "site"))


def _one_of_none() -> str:
    head, *rows = GOOD["people.csv"].splitlines()
    return "\n".join([head, *(row.replace(",None,", ",Ketamine,") if at != 3 else row for at, row in enumerate(rows))]) + "\n"


HOSTILE = (
    "=cmd|'/c calc'!A1",
    "+1+1",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "$broken{$",
    "{{ 7 * 7 }}",
    "'; DROP TABLE people; --",
    "../../etc/passwd",
    "%n%s",
    "`id`",
    "${HOME}",
)


def _hostile() -> Iterator[Case]:
    for text in HOSTILE:
        yield Case("hostile labels", text, {"people.csv": GOOD["people.csv"].replace("South", f"South{text}").encode()}, "same")
    for text in ("\u202eabc", "\x1b[31mred", "a\u2066b"):
        yield refused("hostile labels", repr(text), "people.csv", GOOD["people.csv"].replace("South", text), 4, "site")
    for text in HOSTILE[:6]:
        rows = "\n".join(f"{row},{text if at == 0 else '1'}" for at, row in enumerate(GOOD["people.csv"].splitlines())) + "\n"
        yield Case("hostile headers", text, {"people.csv": rows.encode()}, "same")
    for text in ("\u202eheader", "he\u200bader"):
        rows = "\n".join(f"{row},{text if at == 0 else '1'}" for at, row in enumerate(GOOD["people.csv"].splitlines())) + "\n"
        yield refused("hostile headers", repr(text), "people.csv", rows, 1, "8")


def study_of(case: Case) -> dict[str, Any]:
    """The study file as a case changes it."""
    study = plan()
    for table, keys in case.change.items():
        for key, value in keys.items():
            if key == "columns":
                for name, more in value.items():
                    study["tables"][table]["columns"][name] |= more
            else:
                study["tables"][table][key] = value
    return study


def write(case: Case, folder: Path) -> None:
    """A case's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in GOOD.items():
        if f"{name}.gz" not in case.files:
            (folder / name).write_bytes(case.files.get(name, text.encode()))
    for name, data in case.files.items():
        (folder / name).write_bytes(data)


def main(folder: Path) -> None:
    """Write every case into a folder of its own."""
    for at, case in enumerate(cases()):
        here = folder / f"{at:03d}"
        write(case, here)
        (here / "toy.yaml").write_text(yaml.safe_dump(study_of(case), allow_unicode=True, sort_keys=False), encoding="utf-8")
        facts = {"kind": case.kind, "name": case.name, "outcome": case.outcome, "place": case.place}
        (here / "expected.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_as_csv(text: str) -> list[list[str]]:
    """Rows of a good file."""
    return list(csv.reader(io.StringIO(text)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
