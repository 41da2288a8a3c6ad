"""The screen for identifiers: each detector on what it must find and on what only looks like it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.corpus.cases import GOOD, Case, plan, write

from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import Ingested, ingest
from ketaoutcomes.ingest.identifiers import header_hit, of_texts
from ketaoutcomes.release import labels
from ketaoutcomes.schema.labels import Labels

N = 12
#: NHS numbers: the sum of digits times 10, 9, ..., 1 is divisible by 11, the rule of the NHS data dictionary in its other form.
NHS = ["9434765919", "4010232137", "9434765870", "9434765889", "9434765897", "9434765900"]


assert all(sum(int(digit) * weight for digit, weight in zip(number, range(10, 0, -1), strict=True)) % 11 == 0 for number in NHS)


def with_column(folder: Path, header: str, cells: list[str], kind: str = "text", our: str = "extra", **allow: Any) -> Ingested:
    """The small trial with one more column of its participants."""
    head, *rows = GOOD["people.csv"].splitlines()
    quoted = [f'"{cells[at % len(cells)]}"' for at in range(N)]
    text = "\n".join([f'{head},"{header}"', *(f"{row},{cell}" for row, cell in zip(rows, quoted, strict=True))]) + "\n"
    study = plan()
    study["tables"]["people"]["columns"][our] = {"from": header, "kind": kind}
    write(Case("", "", {"people.csv": text.encode()}, ""), folder)
    return ingest(Study.model_validate({**study, **allow}), folder)


def codes(folder: Path, header: str, cells: list[str], kind: str = "text", our: str = "extra") -> set[str]:
    try:
        with_column(folder, header, cells, kind, our)
    except Refused as refused:
        text = str(refused)
        assert not any(len(cell) > 6 and cell in text for cell in cells), text
        return {finding.code.removeprefix("E-PHI-") for finding in refused.findings if finding.column == header}
    return set()


HEADERS_TRUE = {
    "NAME": ["Name", "patient_name", "Surname", "FirstName", "last name", "initials", "Next of kin"],
    "PLACE": ["zip", "ZIP code", "home_address", "Post Code", "latitude", "city", "patient postcode"],
    "DATE": ["dob", "Date of Birth", "birth_date", "DateOfDeath"],
    "PHONE": ["phone", "Mobile", "fax", "contact number"],
    "EMAIL": ["email", "E-Mail", "patient email address"],
    "SSN": ["SSN", "social_security_number"],
    "RECORD": ["MRN", "Medical Record Number", "hospital_no", "NHS number", "insurance_id", "account no", "driver_license", "VIN", "device serial", "passport"],
    "URL": ["url", "web address"],
    "IP": ["ip_address", "MAC address"],
    "BIOMETRIC": ["fingerprint", "photograph"],
}  # fmt: skip
HEADERS_FALSE = [
    "drug name", "site_name", "arm name", "visit name", "dose", "stage", "dosage", "chip", "zipper", "ethnicity", "capacity", "latency", "hotel",
    "relation", "username_hash_count", "device", "plateau", "accountability", "description", "insured", "country", "state", "mailing",
]  # fmt: skip


@pytest.mark.parametrize(("code", "header"), [(code, header) for code, headers in HEADERS_TRUE.items() for header in headers])
def test_headers_that_say_it(tmp_path: Path, code: str, header: str) -> None:
    assert codes(tmp_path, header, ["a", "b"]) == {code}


@pytest.mark.parametrize("header", HEADERS_FALSE)
def test_headers_that_do_not(tmp_path: Path, header: str) -> None:
    assert codes(tmp_path, header, ["a", "b"]) == set()


VALUES_TRUE = {
    "EMAIL": [["jane@example.org"], ["x", "y", "write to a.b-c@clinic.co.uk"]],
    "URL": [["https://example.org/p/1"], ["x", "www.example.com/me"]],
    "IP": [["192.168.0.12"], ["x", "2001:db8::8a2e:370:7334"]],
    "SSN": [["219-09-9999", "457-55-5462", "078-05-1120", "899-12-7734"]],
    "PHONE": [["+44 20 7946 0958", "+44 161 496 0345"], ["(415) 555-2671", "(212) 555-7842", "(646) 555-9911"], ["020 7946 0123", "0161 496 0876"]],
    "PLACE": [["12 Baker Street", "7 Elm Rd"], ["SW1A 1AA", "M1 1AE", "EC1A 1BB"], ["12345-6789", "94107-1234"], ["K1A 0B6", "M5V 3L9"]],
    "DATE": [["2024-05-03", "2023-01-12"], ["03/05/1961"], ["1-May-2024", "12-Jun-2023"], ["3 May 2024"], ["2024-05"], ["May 3, 2024"], ["19610503"],
             ["2024-05-03 10:15"], ["2024-05-03T10:15:00Z"], ["seen 2024-05-03"]],
    "RECORD": [NHS, [f"{number[:3]} {number[3:6]} {number[6:]}" for number in NHS]],
    "BIOMETRIC": [["data:image/png;base64,iVBORw0KGgo="], ["A" * 220 + "=="]],
    "NAME": [
        ["Anna Smith", "José Núñez", "Liam O’Brien", "Mary Jones-Lee", "Zoë Ng", "Omar Ali", "Ida Roe", "Bo Kim", "Al Fox", "Una Day", "Jo Law", "Max May"],
        ["Smith, Anna", "Roe, Ida", "Kim, Bo", "Fox, Al", "Day, Una", "Law, Jo", "May, Max", "Ali, Omar", "Ng, Zoë", "Ray, Tom", "Poe, Sam", "Lee, Kit"],
    ],
    "CODE": [[f"ZK-{7919 * at % 99991:05d}-{at:03d}" for at in range(N)]],
    "TEXT": [[f"Patient number {at} said that the mood had lifted within hours" for at in range(N)], [f"felt better after {at} days" for at in range(N)]],
}  # fmt: skip


@pytest.mark.parametrize(("code", "cells"), [(code, cells) for code, texts in VALUES_TRUE.items() for cells in texts])
def test_values_that_are_identifiers(tmp_path: Path, code: str, cells: list[str]) -> None:
    assert code in codes(tmp_path, "extra", cells)


VALUES_FALSE = {
    "five digits that are no ZIP codes": [f"{10000 + 37 * at}" for at in range(N)],
    "versions": ["1.2.3", "2.0.1", "10.4"],
    "times": ["10:15", "08:30", "23:59:59"],
    "scores as text": ["10/60", "12/60"],
    "doses": ["0.5 mg/kg", "56 mg", "84 mg"],
    "drugs": ["Sertraline", "Venlafaxine XR", "Duloxetine"],
    "diagnoses": ["Major Depression", "Bipolar Depression", "Major Depression"],
    "sites": ["Mount Sinai", "North London", "Mount Sinai"],
    "ICD codes": ["F33.2", "F32.1", "F31.81"],
    "short codes": [f"K{at:02d}" for at in range(N)],
    "years": ["2023", "2024"],
    "three words": ["Not at all", "A great deal", "Not at all"],
    "fractions": ["1/2", "3/4"],
    "e-mail words": ["by e-mail", "at home @ noon"],
    "ratios of blood pressure": ["120/80", "135/90"],
}


@pytest.mark.parametrize("what", list(VALUES_FALSE))
def test_values_that_only_look_like_it(tmp_path: Path, what: str) -> None:
    assert codes(tmp_path, "extra", VALUES_FALSE[what]) == set()


def refused_ids(folder: Path, ids: list[str]) -> set[str]:
    """Classes that the screen finds when the participants are called so."""
    olds = [row.split(",")[0] for row in GOOD["people.csv"].splitlines()[1:]]
    names = dict(zip(olds, ids, strict=False))
    files: dict[str, bytes] = {}
    for name, text in GOOD.items():
        head, *rows = [line.split(",", 1) for line in text.splitlines()]
        files[name] = "".join(f"{names.get(who, who)},{rest}\n" for who, rest in [head, *(row for row in rows if row[0] in names)]).encode()
    write(Case("", "", files, ""), folder)
    try:
        ingest(Study.model_validate(plan()), folder)
    except Refused as refused:
        return {"echoed"} if ids[0] in str(refused) else {finding.code.removeprefix("E-PHI-") for finding in refused.findings if finding.column == "id"}
    return set()


IDS_TRUE = {
    "EMAIL": [f"p{at}@example.org" for at in range(N)],
    "SSN": [f"{219 + 31 * at:03d}-{9 + 5 * at:02d}-{(7919 * at) % 9000 + 1000}" for at in range(N)],
    "DATE": [f"19{50 + at}-03-{at + 10}" for at in range(N)],
    "NAME": [f"{chr(65 + at)}nna Smith{'aeiou'[at % 5]}" for at in range(N)],
    "RECORD": NHS,
    "PHONE": [f"(415) 555-{(7919 * at) % 9000 + 1000}" for at in range(N)],
}
IDS_FALSE = {
    "ten digits that are no NHS numbers": [f"{4010232130 + 7 * at}" for at in range(N)],
    "numbered in the form of a social security number": [f"101-01-{at:04d}" for at in range(1, N + 1)],
    "numbered with three parts": [f"1001-002-{at:04d}" for at in range(1, N + 1)],
    "five digits": [f"{10000 + 37 * at}" for at in range(N)],
    "eight digits that are no dates": [f"{70000000 + 7 * at}" for at in range(N)],
    "BIDS": [f"sub-MOA{at:03d}" for at in range(N)],
}


@pytest.mark.parametrize("code", list(IDS_TRUE))
def test_ids_that_are_identifiers(tmp_path: Path, code: str) -> None:
    assert code in refused_ids(tmp_path, IDS_TRUE[code])


@pytest.mark.parametrize("what", list(IDS_FALSE))
def test_ids_that_are_none(tmp_path: Path, what: str) -> None:
    assert refused_ids(tmp_path, IDS_FALSE[what]) == set()


def test_ages_over_89_are_refused_and_can_be_topped(tmp_path: Path) -> None:
    ages = [str(80 + at) for at in range(N)]
    assert codes(tmp_path, "Age at entry", ages, "number") == {"AGE"}
    assert codes(tmp_path, "AGE", [str(78 + at) for at in range(N)], "number") == set()  # 89 is the highest
    assert codes(tmp_path, "dosage", ages, "number", our="dosage") == set()
    study = plan()
    study["tables"]["people"]["columns"]["age"] |= {"top": 90}
    text = GOOD["people.csv"].replace(",30,", ",97,").replace(",33,", ",88,")
    write(Case("", "", {"people.csv": text.encode()}, ""), tmp_path)
    assert ingest(Study.model_validate(study), tmp_path).tables["participants"]["age"].tolist()[:2] == [90, 88]


def test_a_spreadsheets_dates_as_numbers_are_refused(tmp_path: Path) -> None:
    assert codes(tmp_path, "visit date", ["45415", "45416"], "integer") == {"DATE"}
    assert codes(tmp_path, "steps", ["45415", "45416"], "integer") == set()


def test_an_override_needs_a_reason_and_is_a_warning_then(tmp_path: Path) -> None:
    allow = {"column": "MRN", "reason": "invented for this test", "approver": "the data owner"}
    found = with_column(tmp_path, "MRN", ["a", "b"], privacy={"allow": [allow]})
    assert [finding.code for finding in found.findings.of("warning")] == ["W-PHI-RECORD"]
    assert any("MRN" in note for note in found.notes)
    said = Labels.of(labels(Study.model_validate({**plan(), "privacy": {"allow": [allow]}}))).of_kind("identifier")
    assert said == {"MRN": "invented for this test (allowed by the data owner)"}
    with pytest.raises(ValueError, match="reason"):
        with_column(tmp_path, "MRN", ["a", "b"], privacy={"allow": [{**allow, "reason": ""}]})


def test_labels_that_the_study_file_lists_are_no_identifiers(tmp_path: Path) -> None:
    study = plan()
    study["tables"]["people"]["columns"]["site"] = {"from": "site", "kind": "category", "levels": ["North", "Zürich", "South"]}
    write(Case("", "", {}, ""), tmp_path)
    assert not ingest(Study.model_validate(study), tmp_path).findings.errors


def _drawn(n: int, pattern: str) -> list[str]:
    """Numbers without an order, as offices and telephone companies give them."""
    draw = random.Random(7)
    return ["".join(str(draw.randrange(1, 9)) if char == "#" else char for char in pattern) for _ in range(n)]


@pytest.mark.parametrize("n", [12, 600, 5000])
@pytest.mark.parametrize(("code", "pattern"), [("SSN", "1##-##-####"), ("PHONE", "555-###-####")])
def test_numbers_of_many_people_are_no_running_numbers(n: int, code: str, pattern: str) -> None:
    assert code in found_in(_drawn(n, pattern))


def found_in(cells: list[str]) -> set[str]:
    """Classes of a column of texts of participants."""
    return {hit.code for hit in of_texts(pd.Series(cells, dtype="string"), whose=False, people=True)}


def test_ids_that_run_over_all_or_within_sites_are_no_security_numbers() -> None:
    for ids in ([f"{100 + at // 20}-01-{at % 20 + 1:04d}" for at in range(600)], [f"{100 + at % 37}-01-{at + 1:04d}" for at in range(600)]):
        assert not {"SSN", "PHONE"} & found_in(ids)


MORE_TRUE = {
    "PHONE": [["+14155552671", "+442079460958"], ["415-555-2671 ext 12"], [*"abcdefgh", "call 415-555-2671"]],
    "SSN": [["219 09 9999", "457 55 5462", "078 05 1120"], ["a", "b", "his number is 219-09-9999"]],
    "URL": [["example.com/jane"]],
    "IP": [["10.0.0.1:8080"], ["00:1B:44:11:3A:B7"]],
    "NAME": [
        ["Dr. John Smith", "Mrs Ida Roe", "Mr. Al Fox", "Ms Una Day", "Dr Bo Kim"],
        ["J. Smith", "I. Roe", "A. Fox", "U. Day", "B. Kim"],
        ["john smith", "mary roe", "peter fox"],
        ["John Smith", "Mary Roe", "Peter Fox"] * 9,
    ],
    "PLACE": [["Hauptstraße 12", "Bergweg 4"], ["PO Box 12"], ["sw1a 1aa", "m1 1ae"], ["48.1374, 11.5755", "52.5200, 13.4050"]],
    "DATE": [["2.1.24", "13.2.24"], ["Jan-24", "Feb-24"], ["02-Jan-24"], ["1/2/2024 3:05 PM"],
             [*"abcdefgh", "admitted 3/5/2024 at night"], [*"abcdefgh", "2024-05-03"]],
    "BIOMETRIC": [["img_001.jpg"]],
    "CODE": [["48120377", "51990216", "60331872", "77420915", "30118264"]],
}  # fmt: skip
MORE_FALSE = [
    ["Sertraline Hydrochloride", "Lithium Carbonate", "Bupropion", "Venlafaxine XR"] * 4,
    ["Lack of efficacy", "Adverse event", "Withdrawal by subject", "Lost to follow-up"] * 6,
    ["Martin Luther Hospital", "Mount Sinai", "St Mary Clinic"] * 5, ["12:30:05", "12:31:05"], ["vs. placebo", "e.g. none"], ["1-2", "3-4"],
]  # fmt: skip


@pytest.mark.parametrize(("code", "cells"), [(code, cells) for code, texts in MORE_TRUE.items() for cells in texts])
def test_more_ways_to_write_identifiers(code: str, cells: list[str]) -> None:
    assert code in found_in(cells)


@pytest.mark.parametrize("cells", MORE_FALSE)
def test_more_labels_that_are_none(cells: list[str]) -> None:
    assert not found_in(cells)


def test_numbers_and_ages_that_are_read_as_text_or_as_numbers(tmp_path: Path) -> None:
    assert codes(tmp_path, "chart", [str(48120377 + 7919 * at * at) for at in range(N)], "integer") == {"CODE"}
    assert codes(tmp_path, "platelets", [str(150_000 + 7919 * at) for at in range(N)], "integer") == set()
    assert codes(tmp_path, "AGEYRS", ["44", "93"], "text") == {"AGE"}
    assert codes(tmp_path, "AGEYRS", ["44", "89"], "text") == set()


@pytest.mark.parametrize(
    "header",
    [
        *(
            "PT_NAME",
            "LName",
            "Vorname",
            "employer",
            "street_address",
            "home street",
            "addr_line_1",
            "city_of_residence",
            "census_tract",
            "BRTHDTC",
            "geburtsdatum",
        ),
        *(
            "tel_no",
            "hosp_no",
            "policy_no",
            "health_plan_id",
            "acct_no",
            "licence_plate",
            "drivers_license",
            "vehicle_id",
            "device_sn",
            "nhsno",
            "insurance_no",
        ),
        *("medicare_no", "certificate_no", "photo_url", "ip_addr", "finger_print", "voice_recording", "iris_scan"),
    ],
)
def test_more_headers_that_say_it(header: str) -> None:
    assert header_hit(header)


@pytest.mark.parametrize(
    "header", ["device_type", "health_state", "death", "birth_control", "cell_count", "site_city", "voice", "policy", "line", "serial_visit", "face_pain"]
)
def test_more_headers_that_do_not(header: str) -> None:
    assert not header_hit(header)
