"""A file is read exactly or refused with its line and column, and no message repeats a cell."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest

PLAN = """
study: toy
title: Toy
drug: none
source: simulated
obtain: nowhere
status: open
tables:
  people:
    file: people.csv
    provides: participants
    missing: ["-9"]
    columns:
      participant: {from: id}
      site: {from: site}
      arm: {from: arm, kind: category, recode: {P: placebo, None: none}}
      age: {from: age, kind: number}
      smoker: {from: smoker, kind: flag}
      weeks: {from: weeks, kind: integer}
      began: {from: began, kind: date}
  scores:
    file: scores.csv
    provides: assessments
    columns:
      participant: {from: id}
      visit: {from: visit, kind: category, recode: {B: baseline, W2: week2}}
      day: {from: date, kind: date, since: began}
      madrs: {from: madrs, kind: integer, instrument: madrs}
  ends:
    file: ends.csv
    provides: disposition
    columns: {participant: {from: id}, status: {from: status}, day: {from: day, kind: integer}}
  events:
    file: events.csv
    provides: events
    columns: {participant: {from: id}, event: {from: event}, day: {from: day, kind: integer}}
design: {kind: parallel, arms: {placebo: {label: P}, none: {label: N}}, reference: none, randomised: true, site: site}
periods: [{id: main, label: Main, arm: arm, baseline: {period: main, visit: baseline}}]
visits:
  - {id: baseline, period: main, label: B, time: 0, window: [-7, 0]}
  - {id: week2, period: main, label: W2, time: 14, window: [8, 21]}
populations: {all: {label: All}}
rules: {stop: {kind: recorded, period: main, time: weeks, event: smoker, censored_as: end, source: here}}
analyses:
  description: {model: descriptive, title: D, population: all, period: main, primary: true}
"""
GOOD = {
    "people.csv": "id,site,arm,age,smoker,weeks,began\n007,North,P,41.5,yes,3,2024-01-08\n7,South,None,38,no,9,2024-02-01\nNA,North,P,-9,,4,2024-02-29\n",
    "scores.csv": "id,visit,date,madrs\n007,B,2024-01-08,31\n007,W2,2024-01-22,17\n7,,2024-02-01,29\n7,,2024-02-15,28\nNA,B,2024-02-29,33\n",
    "ends.csv": "id,status,day\n007,completed,14\n7,left,10\nNA,left,0\n",
    "events.csv": "id,event,day\n7,relapse,9\n",
}
Cohort = dict[str, pd.DataFrame]
Read = Callable[..., Cohort]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The cohort of the toy study with some files (or keys of its plan) replaced."""

    def cohort(files: dict[str, str | bytes] | None = None, *, packed: bool = False, **changes: Any) -> Cohort:
        plan = yaml.load(PLAN, Loader=yaml.BaseLoader)
        typed = yaml.safe_load(PLAN)
        typed["tables"]["people"]["columns"]["arm"]["recode"] = plan["tables"]["people"]["columns"]["arm"]["recode"]
        for name, content in {**GOOD, **(files or {})}.items():
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
            (tmp_path / f"{name}.gz").unlink(missing_ok=True)
            if packed and name in (files or {}):
                (tmp_path / name).rename(tmp_path / f"{name}.gz")
        return ingest(Study.model_validate({**typed, **changes}), tmp_path).tables

    return cohort


def refusal(read: Read, files: dict[str, str | bytes]) -> set[tuple[str, int, str]]:
    with pytest.raises(Refused) as error:
        read(files)
    text = str(error.value)
    for cell in ("007", "NA", "North", "South", "41.5", "2024", "999", "KLM"):
        assert cell not in text, text
    return {(Path(f.file).name, f.line, f.column) for f in error.value.findings}


def same(first: Cohort, second: Cohort) -> None:
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])


def test_the_good_files_are_read_as_written(read: Read) -> None:
    found = read()
    people = found["participants"]
    # ids sort as text: 007, 7, NA; an arm called None is an arm; -9 is declared missing
    assert people["arm"].tolist() == ["placebo", "none", "placebo"]
    assert people["age"].tolist()[:2] == [41.5, 38.0]
    assert people["age"].isna().tolist() == [False, False, True]
    assert people["smoker"].fillna("?").tolist() == ["yes", "no", "?"]
    assert people["site"].tolist() == ["001", "002", "001"]
    scores = found["assessments"]
    assert list(zip(scores["participant"], scores["day"], scores["value"], strict=True)) == [(1, 0, 31), (1, 14, 17), (2, 0, 29), (2, 14, 28), (3, 0, 33)]


@pytest.mark.parametrize("change", ["bom", "crlf", "cr", "blank lines", "quoted", "spaces", "shuffled", "columns", "extra column", "gz", "empty rows", "end"])
def test_what_changes_nothing(read: Read, change: str) -> None:
    good = read()
    for name, text in GOOD.items():
        head, *rows = text.splitlines()
        spoilt = {
            "bom": b"\xef\xbb\xbf" + text.encode(),
            "crlf": text.replace("\n", "\r\n"),
            "cr": text.replace("\n", "\r"),
            "blank lines": text + "\n\n",
            "quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
            "spaces": "\n".join(", ".join(line.split(",")) + " " for line in text.splitlines()),
            "shuffled": "\n".join([head, *reversed(rows)]) + "\n",
            "columns": "\n".join(",".join(reversed(line.split(","))) for line in text.splitlines()),
            "extra column": "\n".join(f"{line},x" for line in text.splitlines()),
            "gz": gzip.compress(text.encode()),
            "empty rows": text + "," * head.count(",") + "\n",
            "end": text.removesuffix("\n"),
        }[change]
        same(good, read({name: spoilt}, packed=change == "gz"))


def test_renamed_ids_and_sites_in_the_same_order_change_nothing(read: Read) -> None:
    renamed = {name: text.replace("007", "A").replace("NA,", "Z,").replace("North", "East").replace("\n7,", "\nK,") for name, text in GOOD.items()}
    same(read(), read(renamed))


PEOPLE, SCORES = GOOD["people.csv"], GOOD["scores.csv"]


def line3(text: str, old: str, new: str) -> str:
    """The text with a cell of its third line changed."""
    lines = text.splitlines()
    assert old in lines[2]
    lines[2] = lines[2].replace(old, new, 1)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (PEOPLE.encode("utf-16"), (0, "")),
        (PEOPLE.replace("South", "S\xfcd").encode("latin-1"), (3, "site")),
        (PEOPLE.replace("7,South", "7\0,South"), (3, "id")),
        (gzip.compress(PEOPLE.encode(), mtime=0), (0, "")),
        (b"PK\x03\x04" + PEOPLE.encode(), (0, "")),
        (PEOPLE.replace(",", ";"), (1, "1")),
        (PEOPLE.replace(",", "\t"), (1, "1")),
        (line3(PEOPLE, "38", "38,5"), (3, "8")),
        (line3(PEOPLE, "38", '"38,5"'), (3, "age")),
        (line3(PEOPLE, ",38", ""), (3, "began")),
        (PEOPLE.replace("id,site,arm", "id,site,site"), (1, "arm")),
        (PEOPLE.replace(",began", ",began,age"), (1, "8")),
        ("id,site,arm,age,smoker,weeks,began\n", (1, "")),
        (b"", (0, "")),
        ("\n\n", (0, "")),
        (PEOPLE.split("\n", 1)[1], (1, "arm")),
        (line3(PEOPLE, "South", '"South'), (3, "site")),
        (line3(PEOPLE, "South", '"So\nuth"'), (3, "site")),
        (PEOPLE + "007,North,P,20,no,1,2024-01-01\n", (5, "id")),
        (line3(PEOPLE, "7", "00\u200b7"), (3, "id")),
        (line3(PEOPLE, "South", "nORTH"), (3, "site")),
        (line3(PEOPLE, "South", "Nor\u00a0th"), (3, "site")),
        (line3(PEOPLE, "None", "KLM"), (3, "arm")),
        (line3(PEOPLE, "None", "none"), (3, "arm")),
        (line3(PEOPLE, "38", "３８"), (3, "age")),
        (line3(PEOPLE, "38", "1_000"), (3, "age")),
        (line3(PEOPLE, "38", "0x1A"), (3, "age")),
        (line3(PEOPLE, "38", "<5"), (3, "age")),
        (line3(PEOPLE, "38", "NaN"), (3, "age")),
        (line3(PEOPLE, "38", "inf"), (3, "age")),
        (line3(PEOPLE, "38", "1e400"), (3, "age")),
        (line3(PEOPLE, "38", "−5"), (3, "age")),
        (line3(PEOPLE, ",9,", ",9.5,"), (3, "weeks")),
        (line3(PEOPLE, ",9,", ",-1,"), (3, "weeks")),
        (line3(PEOPLE, ",no,", ",maybe,"), (3, "smoker")),
        (line3(PEOPLE, "2024-02-01", "01/02/2024"), (3, "began")),
        (line3(PEOPLE, "2024-02-01", "2024-02-30"), (3, "began")),
        (line3(PEOPLE, "2024-02-01", "２024-02-01"), (3, "began")),
    ],
)
def test_spoilt_participants_are_refused_at_their_place(read: Read, content: str | bytes, place: tuple[int, str]) -> None:
    assert ("people.csv", *place) in refusal(read, {"people.csv": content})


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (line3(SCORES, "17", "61"), (3, "madrs")),
        (line3(SCORES, "17", "-1"), (3, "madrs")),
        (line3(SCORES, "17", "17.5"), (3, "madrs")),
        (line3(SCORES, "17", "999"), (3, "madrs")),
        (line3(SCORES, "W2", "KLM"), (3, "visit")),
        (line3(SCORES, "W2", "B"), (3, "visit")),
        (line3(SCORES, "007", "07"), (3, "id")),
        (SCORES + "7,,2024-02-15,20\n", (7, "visit")),
        (SCORES + "7,,,20\n", (7, "visit")),
    ],
)
def test_spoilt_scores_are_refused_at_their_place(read: Read, content: str, place: tuple[int, str]) -> None:
    assert ("scores.csv", *place) in refusal(read, {"scores.csv": content})


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"ends.csv": GOOD["ends.csv"].replace("left,10", "left,")}, ("ends.csv", 3, "day")),
        ({"ends.csv": GOOD["ends.csv"].replace("left,10", "left,-1")}, ("ends.csv", 3, "day")),
        ({"ends.csv": GOOD["ends.csv"].replace("left,10", ",10")}, ("ends.csv", 3, "status")),
        ({"ends.csv": GOOD["ends.csv"] + "7,left,12\n"}, ("ends.csv", 5, "id")),
        ({"events.csv": "id,event,day\n7,relapse,\n"}, ("events.csv", 2, "day")),
        ({"events.csv": "id,event,day\n7,,9\n"}, ("events.csv", 2, "event")),
        ({"people.csv": PEOPLE.replace("2024-02-01", "")}, ("people.csv", 3, "began")),
    ],
)
def test_records_without_what_they_need_are_refused(read: Read, files: dict[str, str | bytes], place: tuple[str, int, str]) -> None:
    assert place in refusal(read, files)


def test_a_score_without_visit_in_a_study_without_windows_is_refused(read: Read) -> None:
    visits = [{"id": "baseline", "period": "main", "label": "B", "time": 0}, {"id": "week2", "period": "main", "label": "W2", "time": 14}]
    with pytest.raises(Refused) as error:
        read(visits=visits)
    assert [finding.line for finding in error.value.findings if finding.severity == "error"] == [4, 5]


def test_an_accent_written_in_two_ways_is_one_site(read: Read) -> None:
    found = read({"people.csv": PEOPLE.replace("North,P,41", "Zürich,P,41").replace("North,P,-9", "Zu\u0308rich,P,-9")})
    assert found["participants"]["site"].tolist() == ["002", "001", "002"]


def test_what_enters_nothing_is_counted(tmp_path: Path, read: Read) -> None:
    read({"people.csv": PEOPLE.replace("North,P,-9", "North,,-9"), "scores.csv": SCORES.replace("2024-02-15", "2024-03-15")})
    plan = yaml.safe_load(PLAN)
    plan["tables"]["people"]["columns"]["arm"]["recode"] = {"P": "placebo", "None": "none"}
    notes = ingest(Study.model_validate(plan), tmp_path).notes
    # the third participant has no arm; day 43 of the second lies in no window; 007 and 7, and an id that is the text NA
    assert notes == {
        "participants who entered no period": 1,
        "scores on a day outside every visit's window": 1,
        "people.csv id: another id differs from this one only by leading zeros (or a .0 at its end); they are read as two people": 1,
        "people.csv id: this id reads like a missing value and is taken as an id; list it under `missing:` if it is none": 1,
    }
