"""A trial with wide scores, items, parameters in rows and dates in several tables, spoilt: what each file was meant to say is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import Ingested, ingest

PLAN = """
study: dates
title: T
drug: d
source: simulated
obtain: x
status: open
tables:
  people:
    file: dm.csv
    provides: participants
    columns:
      participant: {from: SUBJ}
      site: {from: CTR}
      arm: {from: TRT, kind: category, recode: {K: k, P: p}}
      age: {from: AGE, kind: number, top: 90}
      sex: {from: SEX}
      consent: {from: CONSENT, kind: date, date_format: "%d.%m.%Y"}
      prior: {from: PRIOR, kind: integer}
  wide:
    file: w.csv
    provides: assessments
    columns: {participant: {from: SUBJ}}
    wide:
      - {from: MADRS_0, parameter: madrs, instrument: madrs, visit: v0, period: main}
      - {from: MADRS_1, parameter: madrs, instrument: madrs, visit: v1, period: main}
  phq:
    file: phq.csv
    provides: assessments
    columns: {participant: {from: SUBJ}, day: {from: DT, kind: date, since: consent}}
    items: [{instrument: phq9, from: ["PHQ_{}"]}]
  rows:
    file: qs.csv
    provides: assessments
    columns: {participant: {from: SUBJ}, day: {from: ADY, kind: integer}}
    long: {name: PARAM, value: AVAL, drop_unlisted: true, parameters: {GAD: {parameter: gad7, instrument: gad7}}}
  visits:
    file: hama.csv
    provides: assessments
    columns: {participant: {from: SUBJ}, day: {from: DAT, kind: date, since: consent}, hama: {from: HAMA, kind: integer, instrument: hama}}
  doses:
    file: ex.csv
    provides: sessions
    columns:
      participant: {from: SUBJ}
      session: {from: N, kind: integer}
      day: {from: DAT, kind: date, since: consent, date_format: "%d.%m.%Y"}
      cadss: {from: CADSS, kind: integer, instrument: cadss}
  ends:
    file: ds.csv
    provides: disposition
    columns:
      participant: {from: SUBJ}
      status: {from: ST, kind: category, recode: {C: completed, W: withdrawn}}
      day: {from: LAST, kind: date, since: consent}
design: {kind: parallel, arms: {p: {label: P}, k: {label: K}}, reference: p, randomised: true, site: site}
periods: [{id: main, label: Main, arm: arm, baseline: {period: main, visit: v0}}]
visits:
  - {id: v0, period: main, label: B, time: 0, window: [-7, 0]}
  - {id: v1, period: main, label: W1, time: 7, window: [1, 10]}
populations: {all: {label: All}}
endpoints: {change: {kind: change, parameter: madrs}}
analyses: {description: {model: descriptive, title: D, population: all, period: main, primary: true}}
"""
N = 14


def _good() -> dict[str, str]:
    """Scores on days 0 and 7, doses on days 1 and 2, everybody's end on day 14."""
    people, wide = ["SUBJ,CTR,TRT,AGE,SEX,CONSENT,PRIOR"], ["SUBJ,MADRS_0,MADRS_1"]
    phq, rows, hama = ["SUBJ,DT," + ",".join(f"PHQ_{item}" for item in range(1, 10))], ["SUBJ,ADY,PARAM,AVAL"], ["SUBJ,DAT,HAMA"]
    doses, ends = ["SUBJ,N,DAT,CADSS"], ["SUBJ,ST,LAST"]
    for at in range(N):
        who = f"A-{at + 1:03d}"
        people.append(f"{who},{('Lyon', 'Graz', 'Bern')[at % 3]},{'KP'[at % 2]},{30 + at},{'FM'[at % 2]},{at + 1:02d}.03.2024,{at % 4}")
        wide.append(f"{who},{30 + at % 5},{12 + at % 7}")
        for day in (0, 7):
            phq.append(f"{who},2024-03-{at + 1 + day:02d}," + ",".join(str((at + item + day) % 4) for item in range(9)))
            rows += [f"{who},{day},GAD,{(at + day) % 20}", f"{who},{day},OTHER,{(at + day) % 20}"]
            hama.append(f"{who},2024-03-{at + 1 + day:02d},{20 + at % 5 - day}")
        doses += [f"{who},{number},{at + 1 + number:02d}.03.2024,{(at * 3 + number) % 40}" for number in (1, 2)]
        ends.append(f"{who},{'CW'[at % 5 == 4]},2024-03-{at + 15:02d}")
    named = {"dm.csv": people, "w.csv": wide, "phq.csv": phq, "qs.csv": rows, "hama.csv": hama, "ex.csv": doses, "ds.csv": ends}
    return {name: "\n".join(lines) + "\n" for name, lines in named.items()}


GOOD = _good()


def cell(file: str, line: int, header: str, new: str) -> dict[str, str]:
    """A file with one cell replaced, as it stands."""
    lines = [row.split(",") for row in GOOD[file].splitlines()]
    lines[line - 1][lines[0].index(header)] = new
    return {file: "\n".join(",".join(row) for row in lines) + "\n"}


def read(folder: Path, files: dict[str, str] | dict[str, bytes], edit: Callable[[dict[str, Any]], object] = lambda study: study) -> Ingested:
    study = yaml.safe_load(PLAN)
    edit(study["tables"])
    for name, text in {**GOOD, **files}.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return ingest(Study.model_validate(study), folder)


def errors(folder: Path, files: dict[str, str] | dict[str, bytes], edit: Callable[[dict[str, Any]], object] = lambda study: study) -> set[tuple[str, int, str]]:
    """File, line and column of each error."""
    with pytest.raises(Refused) as refused:
        read(folder, files, edit)
    return {(Path(finding.file).name, finding.line, finding.column) for finding in refused.value.findings if finding.severity == "error"}


def warned(found: Ingested) -> set[tuple[str, int, str]]:
    return {(Path(finding.file).name, finding.line, finding.column) for finding in found.findings if finding.severity == "warning"}


def test_the_files_as_they_should_be_give_no_warning(tmp_path: Path) -> None:
    assert not warned(read(tmp_path, {}))


def test_dates_of_several_tables_become_days_once(tmp_path: Path) -> None:
    tables = read(tmp_path, {}).tables
    scores = tables["assessments"]
    for parameter in ("phq9", "gad7", "hama"):
        assert scores[scores["parameter"] == parameter]["day"].value_counts().to_dict() == {0.0: N, 7.0: N}
    assert tables["sessions"].groupby("session")["day"].unique().map(list).to_dict() == {1: [1.0], 2: [2.0]}
    assert set(tables["disposition"]["day"]) == {14.0}


@pytest.mark.parametrize(("file", "header", "text"), [("ds.csv", "LAST", "2204-03-16"), ("ex.csv", "DAT", "02.03.2204"), ("phq.csv", "DT", "1024-03-02")])
def test_a_year_that_is_a_slip_is_refused_where_it_stands(tmp_path: Path, file: str, header: str, text: str) -> None:
    assert (file, 3, header) in errors(tmp_path, cell(file, 3, header, text))


@pytest.mark.parametrize("age", ["99", "999", "430"])
def test_a_code_for_missing_is_no_age_of_ninety_and_older(tmp_path: Path, age: str) -> None:
    assert ("dm.csv", 4, "AGE") in errors(tmp_path, cell("dm.csv", 4, "AGE", age))


def test_an_age_above_the_top_is_read_as_the_top(tmp_path: Path) -> None:
    def wide(tables: dict[str, Any]) -> None:
        tables["people"]["columns"]["age"]["range"] = [18, 110]

    assert read(tmp_path, cell("dm.csv", 4, "AGE", "93")).tables["participants"]["age"].max() == 90
    assert read(tmp_path, cell("dm.csv", 4, "AGE", "99"), wide).tables["participants"]["age"].max() == 90


def test_a_point_between_thousands_is_no_decimal_mark_where_the_mark_is_a_comma(tmp_path: Path) -> None:
    def comma(tables: dict[str, Any]) -> None:
        tables["people"] |= {"delimiter": "semicolon", "decimal": "comma"}
        tables["phq"] |= {"delimiter": "semicolon", "decimal": "comma"}

    phq = {"phq.csv": GOOD["phq.csv"].replace(",", ";")}
    thousand = {"dm.csv": cell("dm.csv", 4, "PRIOR", "2.000")["dm.csv"].replace(",", ";")} | phq
    assert ("dm.csv", 4, "PRIOR") in errors(tmp_path, thousand, comma)
    item = {"dm.csv": GOOD["dm.csv"].replace(",", ";"), "phq.csv": cell("phq.csv", 5, "PHQ_4", "1.000")["phq.csv"].replace(",", ";")}
    assert ("phq.csv", 5, "PHQ_4") in errors(tmp_path, item, comma)
    whole = {"dm.csv": cell("dm.csv", 4, "PRIOR", "7|0")["dm.csv"].replace(",", ";").replace("|", ",")} | phq
    assert read(tmp_path, whole, comma).tables["participants"]["prior"].max() == 7


@pytest.mark.parametrize("text", [' "Graz"', '"""Graz"""'])
def test_quotes_that_are_text_make_no_site_of_their_own(tmp_path: Path, text: str) -> None:
    assert ("dm.csv", 3, "CTR") in errors(tmp_path, cell("dm.csv", 3, "CTR", text))


@pytest.mark.parametrize("text", ["gad", "GA\u200bD", "G\u0410D"])
def test_a_parameter_written_almost_alike_is_not_left_out(tmp_path: Path, text: str) -> None:
    assert ("qs.csv", 4, "PARAM") in errors(tmp_path, cell("qs.csv", 4, "PARAM", text))


def test_a_row_whose_label_is_almost_that_of_where_is_not_left_out(tmp_path: Path) -> None:
    def forms(tables: dict[str, Any]) -> None:
        tables["visits"]["where"] = {"FORM": ["HAM-A"]}

    good = {
        "hama.csv": "\n".join(f"{line},{'HAM-A' if at else 'FORM'}" for at, line in enumerate(GOOD["hama.csv"].splitlines())) + "\nA-001,2024-03-01,2,PHQ\n"
    }
    found = read(tmp_path, good, forms)
    assert (found.tables["assessments"]["parameter"] == "hama").sum() == 2 * N
    lines = good["hama.csv"].splitlines()
    lines[6] = lines[6].replace("HAM-A", "Ham-a")
    assert errors(tmp_path, {"hama.csv": "\n".join(lines) + "\n"}, forms) == {("hama.csv", 7, "FORM")}


def test_a_label_written_almost_alike_is_not_dropped_as_unlisted(tmp_path: Path) -> None:
    def some(tables: dict[str, Any]) -> None:
        tables["people"]["columns"]["sex"] |= {"kind": "category", "recode": {"F": "female", "M": "male"}, "drop_unlisted": True}

    assert ("dm.csv", 5, "SEX") in errors(tmp_path, cell("dm.csv", 5, "SEX", "m"), some)


@pytest.mark.parametrize("text", ["Total (n=14)", "TOTAL N", "Subtotal Graz", "Mean (SD)", "N = 14", "Min", "Std", "Anzahl"])
def test_a_row_of_totals_is_no_participant(tmp_path: Path, text: str) -> None:
    assert ("dm.csv", 16, "SUBJ") in errors(tmp_path, {"dm.csv": GOOD["dm.csv"] + f"{text},Lyon,K,36.5,F,01.03.2024,2\n"})


@pytest.mark.parametrize("text", ["Maximilian", "N-14", "TOTAL-01", "SD12", "MEANING1", "N14"])
def test_an_id_that_begins_like_a_total_is_a_participant(tmp_path: Path, text: str) -> None:
    assert len(read(tmp_path, {"dm.csv": GOOD["dm.csv"] + f"{text},Lyon,K,36.5,F,01.03.2024,2\n"}).tables["participants"]) == N + 1


def test_a_long_text_beside_the_study_is_no_fault_of_the_quotes(tmp_path: Path) -> None:
    def added(first: str, fourth: str) -> dict[str, str]:
        return {
            "dm.csv": "\n".join(f"{line},{(first, fourth)[at == 4] if at in {0, 4} else 'x'}" for at, line in enumerate(GOOD["dm.csv"].splitlines())) + "\n"
        }

    for files in (added("note", '"' + "x" * 200_000 + '"'), added("n" * 200_000, "x")):
        assert len(read(tmp_path, files).tables["participants"]) == N
    latin = added("n" * 200_000, "Gräz")["dm.csv"].encode("latin-1")
    assert {place[:2] for place in errors(tmp_path, {"dm.csv": latin})} >= {("dm.csv", 5)}


@pytest.mark.parametrize("spoilt", [b"B\xe4rn", b"B\x00rn"])
def test_a_file_without_a_header_names_columns_by_number(tmp_path: Path, spoilt: bytes) -> None:
    data = GOOD["dm.csv"].split("\n", 1)[1].encode().replace(b"Bern", spoilt)
    assert ("dm.csv", 3, "2") in errors(tmp_path, {"dm.csv": data})


def test_a_row_of_separators_at_the_end_is_no_row_with_or_without_a_line_end(tmp_path: Path) -> None:
    for end in ("\n", ""):
        assert len(read(tmp_path, {"dm.csv": GOOD["dm.csv"] + ",,,,,," + end}).tables["participants"]) == N


@pytest.mark.parametrize("text", ['"1,2E+11"', "1e+05", "02. Mrz", "Mai 02", "2024-05-01", "01/05/2024", "1.5.24"])
def test_an_id_that_a_spreadsheet_changed_is_refused(tmp_path: Path, text: str) -> None:
    assert ("dm.csv", 16, "SUBJ") in errors(tmp_path, {"dm.csv": GOOD["dm.csv"] + f"{text},Lyon,K,36.5,F,01.03.2024,2\n"})


def test_an_id_with_and_without_a_decimal_is_warned_of(tmp_path: Path) -> None:
    both = "7,Lyon,K,36.5,F,01.03.2024,2\n7.0,Lyon,K,36.5,F,01.03.2024,2\n"
    assert ("dm.csv", 17, "SUBJ") in warned(read(tmp_path, {"dm.csv": GOOD["dm.csv"] + both}))


@pytest.mark.parametrize("text", ["NA", "N/A", "-9", "99", "?", "missing"])
def test_a_code_for_missing_is_no_label_in_silence(tmp_path: Path, text: str) -> None:
    for header in ("CTR", "SEX"):
        assert warned(read(tmp_path, cell("dm.csv", 4, header, text))) == {("dm.csv", 4, header)}


def test_a_code_for_missing_within_the_range_of_an_instrument_is_warned_of(tmp_path: Path) -> None:
    assert warned(read(tmp_path, cell("ex.csv", 4, "CADSS", "88"))) == {("ex.csv", 4, "CADSS")}


def test_letters_of_another_encoding_are_refused(tmp_path: Path) -> None:
    text = GOOD["dm.csv"].replace("Graz", "Gräz", 1)
    assert ("dm.csv", 3, "CTR") in errors(tmp_path, {"dm.csv": text.encode()}, lambda tables: tables["people"].update(encoding="windows-1252"))
    assert ("dm.csv", 3, "CTR") in errors(tmp_path, {"dm.csv": text.replace("ä", "Ã¤")})
    for name in ("Gräz", "ÄÖÜß", "Ångström", "Málaga", "Kraków", "Ã"):
        read(tmp_path, {"dm.csv": GOOD["dm.csv"].replace("Graz", name)})


@pytest.mark.parametrize(("file", "header", "text"), [("w.csv", "MADRS_1", "30.5"), ("qs.csv", "AVAL", "3.7")])
def test_a_fraction_of_a_sum_of_whole_numbers_is_warned_of(tmp_path: Path, file: str, header: str, text: str) -> None:
    assert warned(read(tmp_path, cell(file, 2, header, text))) == {(file, 2, header)}


def test_a_remark_below_the_table_is_no_participant_in_silence(tmp_path: Path) -> None:
    assert warned(read(tmp_path, {"dm.csv": GOOD["dm.csv"] + "Source: EDC export,,,,,,\n"})) == {("dm.csv", 16, "SUBJ")}
