"""What `init` proposes for files nobody described: roles against what the files' codebooks say, and studies that run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.corpus.cases import GOOD

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.ingest.propose import profile, proposal, roles

#: Role of each column by the codebooks (shared data, README). A covariate may be any column of people that is none of the others.
ROLES = {
    "btheb/BtheB.csv": "participant covariate covariate arm wide wide wide wide wide",
    "uis/uis.csv": "none participant age score covariate covariate covariate covariate arm site covariate event_time had_event "
    "covariate covariate covariate covariate covariate covariate",
    "pharmacosmoking/pharmacoSmoking.csv": "none participant event_time had_event arm age sex covariate covariate covariate covariate covariate covariate "
    "covariate covariate",
    "hamd17_dia/HAMD17.csv": "participant arm site covariate visit score",
    "esketamine_adolescents/Dataset.csv": "none participant sex age covariate covariate wide wide wide wide covariate",
    "alda/alcohol_relapse.csv": "participant event_time had_event",
    "alda/cocaine_relapse_1.csv": "participant event_time had_event covariate",
    "alda/antidepressants.csv": "participant visit day hour score arm",
    "nimh_ketamine/participants.tsv": "participant age sex covariate covariate arm arm",
    "nimh_ketamine/phenotype.tsv": "participant visit score score score",
}
#: Instruments of those files that the catalogue has, by column.
SCALES = {
    **{f"bdi.{at}": "bdi2" for at in ("pre", "2m", "4m", "6m", "8m")}, "BECK": "bdi2",
    "MADRS_Baseline": "madrs", "MADRS_Post": "madrs", "MADRS_Suicide_Baseline": "madrs_suicide", "MADRS_Suicide_Post": "madrs_suicide",
    "MADRS_Total": "madrs", "HAMD_Bech": "hamd6", "HAM17_Total": "hamd17",
}  # fmt: skip


def test_nine_of_ten_roles_are_right_and_no_instrument_is_wrong(shared: Path) -> None:
    wrong: list[tuple[str, str, str]] = []
    n = 0
    for name, expected in ROLES.items():
        found = profile(shared / "data" / name)
        for column, role, right in zip(found.columns, roles(found), expected.split(), strict=True):
            n += 1
            if role.kind != right:
                wrong.append((name, column.header, role.kind))
            assert role.instrument == SCALES.get(column.header, ""), column.header
    assert len(wrong) <= 0.1 * n, wrong


@pytest.mark.parametrize("names", [[name] for name in ROLES if "nimh" not in name] + [["nimh_ketamine/participants.tsv", "nimh_ketamine/phenotype.tsv"]])
def test_a_proposal_is_refused_until_confirmed_and_then_read(shared: Path, tmp_path: Path, names: list[str]) -> None:
    text = proposal("proposed", [(name, profile(shared / "data" / name)) for name in names])
    study = confirmed(tmp_path, text)
    assert all(line.startswith("#") or "confirm" in line for line in text.splitlines() if "{from:" in line)
    if "nimh" in names[0]:
        return  # a crossover whose records name arm and visit in one word: a person must say which is which
    found = ingest(study, shared / "data")
    assert len(found.tables["participants"]) == profile(shared / "data" / names[0]).people


def confirmed(folder: Path, text: str) -> Study:
    """The proposal as it reads when every guess is taken; before, it is refused."""
    path = folder / "proposed.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="E-STUDY-CONFIRM"):
        read_study(path)
    text = re.sub(r"better: confirm.*", "better: lower", re.sub(r"rater: confirm.*", "rater: self", text))
    path.write_text(re.sub(r'"?\bconfirm\b"?', "something", re.sub(r"  # confirm.*", "", text)), encoding="utf-8")
    return read_study(path)


def proposed(folder: Path, files: dict[str, str]) -> Study:
    """The study proposed for files of a folder, with every guess taken."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return confirmed(folder, proposal("proposed", [(name, profile(folder / name)) for name in files]))


def test_adam_columns_are_recognised(tmp_path: Path) -> None:
    head = "STUDYID,USUBJID,SITEID,TRTP,TRTPN,AGE,SEX,PARAMCD,PARAM,AVISIT,AVISITN,ADY,AVAL,BASE"
    rows = [
        f"X1,X1-{site}-{at:03d},{site},{arm},{arm_n},{30 + at},{'FM'[at % 2]},{code},{name},{visit},{visit_n},{day},{value + at % 7},{value}"
        for at in range(24)
        for site, arm, arm_n in [(("101", "102")[at % 2], ("Placebo", "Esketamine 56 mg")[at // 2 % 2], at // 2 % 2)]
        for visit, visit_n, day in (("Baseline", 0, 1), ("Day 8", 1, 8), ("Day 28", 2, 28))
        for code, name, value in (("MADRSTOT", "MADRS Total Score", 30), ("PHQ9TOT", "PHQ-9 Total", 15), ("XYZ", "Something else", 3))
    ]
    study = proposed(tmp_path, {"adqs.csv": "\n".join([head, *rows]) + "\n"})
    assert study.parameters == {"madrs": "madrs", "phq9": "phq9"}
    assert [arm.label for arm in study.design.arms.values()] == ["Esketamine 56 mg", "Placebo"]
    assert (study.design.reference, study.design.site) == ("placebo", "site")
    assert {visit.id: visit.time for visit in study.visits} == {"baseline": 0, "day8": 8, "day28": 28}
    arm = next(column for table in study.tables.values() for name, column in table.columns.items() if name == "arm")
    visit = next(column for table in study.tables.values() for name, column in table.columns.items() if name == "visit")
    assert (arm.source, arm.beside, visit.source, visit.beside) == ("TRTP", "TRTPN", "AVISIT", "AVISITN")
    found = ingest(study, tmp_path)
    assert len(found.tables["assessments"]) == 24 * 3 * 2
    assert len(derive(study, found.tables)["adsl"]) == 24
    assert found.notes["rows of adqs.csv of parameters that the study file does not list"] == 24 * 3


def test_redcaps_events_repeats_and_pairs_are_recognised(tmp_path: Path) -> None:
    items = ",".join(f"phq9_{at}" for at in range(1, 10))
    head = f"record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,redcap_data_access_group,age,sex,{items},sbp,dose_mg_kg,enrol_complete"
    rows: list[str] = []
    for at in range(20):
        who = f"K-{at:02d}"
        rows.append(f"{who},baseline_arm_1,,,clinic_{at % 3},{25 + at},{'FM'[at % 2]},{','.join(str((at + item) % 4) for item in range(9))},,,2")
        rows += [f"{who},week_{week}_arm_1,,,,,,{','.join(str((at + item + week) % 3) for item in range(9))},,,2" for week in (2, 4)]
        rows += [f"{who},baseline_arm_1,infusions,{n},,,,{',' * 8},{120 + n + at},0.5,2" for n in (1, 2, 3)]
    (tmp_path / "export.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    found = profile(tmp_path / "export.csv")
    kinds = {column.header: role.kind for column, role in zip(found.columns, roles(found), strict=True)}
    assert kinds["record_id"] == "participant"
    assert kinds["redcap_event_name"] == "visit"
    assert kinds["redcap_repeat_instrument"] == "where"
    assert kinds["redcap_data_access_group"] == "site"
    assert {kinds[f"phq9_{at}"] for at in range(1, 10)} == {"item"}
    study = proposed(tmp_path, {"export.csv": (tmp_path / "export.csv").read_text(encoding="utf-8")})
    cohort = ingest(study, tmp_path).tables
    assert len(cohort["participants"]) == 20
    assert cohort["participants"]["site"].nunique() == 3
    scores = cohort["assessments"]
    assert len(scores[scores["parameter"] == "phq9"]) == 20 * 3
    assert len(cohort["sessions"]) == 20 * 3


def test_labels_beside_raw_codes_are_one_column(tmp_path: Path) -> None:
    rows = [f"K{at:02d},{at % 2 + 1},{('Ketamine', 'Midazolam')[at % 2]},{at % 3},{('North', 'East', 'South')[at % 3]},{20 + at},{9 + at}" for at in range(20)]
    head = "record_id,arm,arm_label,clinic,clinic_label,madrs_baseline,madrs_day1"
    study = proposed(tmp_path, {"pairs.csv": "\n".join([head, *rows]) + "\n"})
    columns = study.participant_columns
    assert {name: (columns[name].source, columns[name].beside) for name in ("arm", "site")} == {
        "arm": ("arm_label", "arm"), "site": ("clinic_label", "clinic"),
    }  # fmt: skip
    assert {arm.label for arm in study.design.arms.values()} == {"Ketamine", "Midazolam"}
    wrong = (tmp_path / "pairs.csv").read_text(encoding="utf-8").replace("K03,2,", "K03,1,")
    (tmp_path / "pairs.csv").write_text(wrong, encoding="utf-8")
    with pytest.raises(Refused, match=r"E-DATA-PAIR .*pairs.csv:5:arm"):
        ingest(study, tmp_path)


@pytest.mark.parametrize(("high", "instrument"), [(60, "madrs"), (61, "")])
def test_numbers_outside_an_instruments_range_are_not_its_scores(tmp_path: Path, high: int, instrument: str) -> None:
    rows = [f"K{at:02d},{visit},{high - at - 9 * week}" for at in range(12) for week, visit in enumerate(("Baseline", "Week 1"))]
    (tmp_path / "scores.csv").write_text("\n".join(["patient,visit,MADRS", *rows]) + "\n", encoding="utf-8")
    found = roles(profile(tmp_path / "scores.csv"))[2]
    assert found.instrument == instrument
    assert ("0 to 60" in found.evidence) == bool(instrument)


def test_the_small_trial_is_read_as_its_own_study_file_reads_it(tmp_path: Path) -> None:
    study = proposed(tmp_path, {name: GOOD[name] for name in ("people.csv", "scores.csv", "sessions.csv")})
    found = ingest(study, tmp_path).tables
    assert (len(found["participants"]), len(found["assessments"]), len(found["sessions"])) == (12, 36, 24)
    assert set(study.design.arms) == {"ketamine", "none"}


def test_columns_that_name_people_are_left_out(tmp_path: Path) -> None:
    head, *rows = GOOD["people.csv"].splitlines()
    (tmp_path / "people.csv").write_text("\n".join([f"{head},surname,dob", *(f"{row},Smith,1970-01-01" for row in rows)]) + "\n", encoding="utf-8")
    text = proposal("proposed", [("people.csv", profile(tmp_path / "people.csv"))])
    assert "from: surname" not in text
    assert "from: dob" not in text
    assert "# not read: surname" in text


def test_how_a_file_is_written_is_proposed(tmp_path: Path) -> None:
    text = "Export\n\n" + GOOD["people.csv"].replace(",", ";").replace(".5", ",5").replace(".0", ",0")
    (tmp_path / "people.csv").write_bytes(text.encode("windows-1252"))
    study = proposed_from(tmp_path / "people.csv")
    table = next(iter(study.tables.values()))
    assert (table.delimiter, table.decimal, table.encoding, table.header_line) == ("semicolon", "comma", "windows-1252", 3)
    assert len(ingest(study, tmp_path).tables["participants"]) == 12


def proposed_from(path: Path) -> Study:
    return confirmed(path.parent, proposal("proposed", [(path.name, profile(path))]))


@pytest.mark.parametrize(
    ("text", "line"), [(",,,\n,,,\n", 1), ('id,arm\n1,K\n2,"P\n3,K\n', 3), ("id,arm,x\n1,K,2\n" + '2,"P,3\n' + "3,K,2\n" * 30_000 + '3,"K",2\n', 3)]
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        profile(tmp_path / "a.csv")
    assert [finding.line for finding in refused.value.findings] == [line]


def test_a_label_with_a_line_break_and_quotes_is_valid(tmp_path: Path) -> None:
    rows = "".join(f'{at},"{("K", "the other one" + chr(10) + "of two")[at % 2]}","x{at % 3}"\n' for at in range(12))
    (tmp_path / "a.csv").write_text(f'id,arm,"a ""b"" \u200b"\n{rows}', encoding="utf-8")
    confirmed(tmp_path, proposal("proposed", [("a.csv", profile(tmp_path / "a.csv"))]))


_PEOPLE = [
    "Anna Smith",
    "Bob Jones",
    "Carl Huber",
    "Dora Meier",
    "Eve Adams",
    "Finn Berg",
    "Gus Hall",
    "Hal Dean",
    "Ida Lund",
    "Jon Vogt",
    "Kim Park",
    "Leo Roth",
]


@pytest.mark.parametrize(
    "cells",
    [
        _PEOPLE, ["Anna Smith", "Bob Jones", "Peter Huber"], [f"u{at}@example.org" for at in range(12)], [*"abcdefg", "u1@example.org"],
        [f"SW1A {at % 9 + 1}AA" for at in range(12)], [f"+49 89 {1000 + 7 * at} {200 + 13 * at}" for at in range(12)], ["n/k", "2024-01-02", "2024-02-03"],
        [f"patient {at} lives near the mill in Trent" for at in range(12)], [name.split()[0] for name in _PEOPLE],
    ],
)  # fmt: skip
@pytest.mark.parametrize("header", ["contact", "visit", "group"])
def test_texts_that_say_who_somebody_is_are_not_proposed(tmp_path: Path, header: str, cells: list[str]) -> None:
    for records in (1, 3):  # one row each, several rows each
        rows = [f'{at},"{cells[at % len(cells)]}",{(at + visit) % 9}' for at in range(12) for visit in range(records)]
        (tmp_path / "a.csv").write_text("\n".join([f"id,{header},phq9", *rows]) + "\n", encoding="utf-8")
        found = profile(tmp_path / "a.csv")
        text = proposal("proposed", [("a.csv", found)])
        assert not [cell for cell in cells if len(cell) > 9 and cell in text]


def test_labels_that_hardly_repeat_are_no_categories(tmp_path: Path) -> None:
    rows = [f"{at},{_PEOPLE[at].split()[0]},{'KP'[at % 2]}" for at in range(12)]
    (tmp_path / "a.csv").write_text("\n".join(["id,who,arm", *rows]) + "\n", encoding="utf-8")
    text = proposal("proposed", [("a.csv", profile(tmp_path / "a.csv"))])
    assert "Anna" not in text
    assert "from: who" in text
    assert "recode: {K: k, P: p}" in text


@pytest.mark.parametrize("first", ["0007,North,Ketamine,36", "A-1,1970-03-04,x,y", "A-1,jane@example.org,x,y", "1,2,3,x"])
def test_a_file_without_a_header_is_refused_and_not_quoted(tmp_path: Path, first: str) -> None:
    rows = [f"{at:04d},{('North', 'South')[at % 2]},{('Ketamine', 'None')[at // 2 % 2]},{30 + at}" for at in range(12)]
    (tmp_path / "a.csv").write_text("\n".join([first, *rows]) + "\n", encoding="utf-8")
    with pytest.raises(Refused, match="E-DATA-HEADER") as refused:
        profile(tmp_path / "a.csv")
    assert not any(cell in str(refused.value) for cell in first.split(",") if len(cell) > 1)


def test_a_header_with_an_at_sign_is_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,phq9 @ week 4,arm\n" + "".join(f"{at},{at % 9},{'KP'[at % 2]}\n" for at in range(12)), encoding="utf-8")
    assert len(profile(tmp_path / "a.csv").columns) == 3
