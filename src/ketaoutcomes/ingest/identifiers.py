"""A screen for what may identify somebody: the 18 classes of HIPAA's Safe Harbor, by header and by value.

Source of the classes: 45 CFR 164.514(b)(2). A screen cannot prove that data are de-identified:
that nobody can be recognised remains the data owner's word. It looks at the columns that the
study file names; the others never leave ingest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

import pandas as pd

from ketaoutcomes.domain.findings import Finding
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Column, Table
from ketaoutcomes.ingest.places import FILE, LINE

MAX_AGE = 89
_MEND = "remove the column from the study file, or allow it under `privacy: {allow: [...]}` with a reason, which the report prints"


@dataclass(frozen=True, slots=True)
class Hit:
    """What a column seems to hold.

    Attributes
    ----------
    code
        Class: ``NAME``, ``PLACE``, ``DATE``, ``PHONE``, ``EMAIL``, ``SSN``, ``RECORD``, ``URL``, ``IP``,
        ``BIOMETRIC``, ``CODE``, ``AGE`` or ``TEXT``.
    said
        In words.
    rows
        Rows with such a value; all of them when the header says it.
    """

    code: str
    said: str
    rows: pd.Series


#: Class, what it is, and the words of a header that say so (a word, or several in a row).
_HEADERS = (
    ("NAME", "a name", "name|full name|pat name|patname|subj name|pt name|ptname|lname|fname|vorname|nachname|employer|employer name|first name|"
     "last name|middle name|given name|family name|patient name|subject name|participant name|maiden name|"
     "surname|forename|firstname|lastname|fullname|initials|nickname|next of kin|emergency contact|gp name"),
    ("PLACE", "a place smaller than a state", "address|street|city|town|village|county|district|zip|zipcode|zip code|postcode|post code|postal code|plz|"
     "lat|latitude|lon|lng|longitude|gps|geocode|precinct|suburb|home address|street address|home street|address line|addr|addr line|address 1|"
     "address 2|patient city|home city|city of residence|residence|"
     "county fips|census tract|geo lat|geo lon"),
    ("DATE", "a date of birth or death", "dob|birthdate|birthday|date of birth|birth date|dod|date of death|death date|bday|birth dt|birthdt|brthdt|"
     "brthdtc|geburtsdatum|death dt|dthdt|dthdtc"),
    ("PHONE", "a telephone or fax number", "phone|telephone|tel|mobile|cell phone|cellphone|fax|pager|phone number|contact number|tel no|tel number|"
     "telefon|cell no|cell number"),
    ("EMAIL", "an e-mail address", "email|e mail|mail|email address"),
    ("SSN", "a social security number", "ssn|social security|social security number|nino|national insurance"),
    ("RECORD", "a record, account or licence number", "mrn|medical record|medical record number|chart no|chart number|hospital no|hospital number|nhs|nhs no|"
     "nhs number|chi number|medicare|medicaid|insurance|insurance id|insurance number|member id|policy number|beneficiary|account|account no|"
     "account number|acct|license|licence|license number|licence number|driver license|passport|passport number|national id|vin|hosp no|policy no|"
     "health plan|acct no|acct number|license no|licence no|licence plate|drivers license|driver licence|"
     "drivers licence|vehicle id|vehicle no|device sn|serialno|serial nr|nhsno|chi no|insurance no|medicare no|medicare id|medicaid no|medicaid id|"
     "certificate no|certificate number|"
     "license plate|plate|vehicle|serial number|serial no|device id|device serial|imei|udi|cpf|aadhaar"),
    ("URL", "a web address", "url|photo url|profile url|website|web address|homepage|facebook|twitter|instagram|linkedin"),
    ("IP", "an internet address", "ip|ip addr|ip address|ipaddress|ipv4|ipv6|mac address"),
    ("BIOMETRIC", "a biometric mark or a picture", "fingerprint|finger print|voice recording|iris scan|face photo|facial photo|patient photo|retina|"
     "voiceprint|voice print|photo|photograph|face image|picture|biometric|signature"),
)  # fmt: skip
_BY_WORD = {words: (code, said) for code, said, texts in _HEADERS for words in texts.split("|")}

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}")
_URL = re.compile(r"(https?|ftp)://|\bwww\.[^\s.]+\.", re.IGNORECASE)
_SITE = re.compile(r"\b[a-z0-9-]{2,}\.(com|org|net|edu|gov)\b", re.IGNORECASE)
_SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])", re.ASCII)
_MAC = re.compile(r"([0-9A-F]{2}[:-]){5}[0-9A-F]{2}\Z", re.IGNORECASE)
_PHONE = re.compile(r"((\+?\d{1,3}[ .-]?)?(\(\d{2,5}\)|\d{2,5})([ ./-]\d{2,5}){1,4}|\+\d{9,15})( ?(ext|x)\.? ?\d{1,5})?\Z", re.ASCII | re.IGNORECASE)
_PHONE_INSIDE = re.compile(r"(?<![\w-])(\+?1[ .-])?(\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])", re.ASCII)
_ZIP4 = re.compile(r"\d{5}-\d{4}\Z", re.ASCII)
_POSTCODE = re.compile(r"([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d)\Z", re.ASCII)
_STREET = re.compile(
    r"\d+[a-z]? [^\W\d][\w .'-]+ (street|st|road|rd|avenue|ave|lane|ln|drive|dr|close|court|way|place|square|boulevard|blvd)\.?\b", re.IGNORECASE
)
_STREET_AND_NUMBER = re.compile(r"[^\W\d][\w -]*(straße|strasse|str\.|weg|platz|gasse|allee) \d+|p\. ?o\. box \d|po box \d", re.IGNORECASE)
_COORDINATES = re.compile(r"-?\d{1,2}\.\d{3,}[,; ] ?-?\d{1,3}\.\d{3,}\Z", re.ASCII)
_PICTURE = re.compile(r"\.(jpe?g|png|gif|bmp|tiff?|heic|wav|mp3|mp4|avi|mov|dcm)\Z", re.IGNORECASE)
_PERSON = re.compile(r"((dr|mr|mrs|ms|prof)\.? )?[^\W\d_](\.|[\w'’-]+),? [^\W\d_][\w'’.-]*( [^\W\d_][\w'’.-]*)?\Z", re.IGNORECASE)
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d",
          "%d/%m/%y", "%m/%d/%y", "%Y-%m", "%b %Y", "%B %Y", "%m/%Y", "%d%b%Y",
          "%d.%m.%y", "%d-%b-%y", "%d %b %y", "%b-%y", "%b-%Y", "%a %d %b %Y", "%A, %B %d, %Y")  # fmt: skip
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?(Z|[+-]\d{2}:?\d{2})?\Z")
_DATE_INSIDE = re.compile(
    r"(?<!\d)(19|20)\d{2}-(0[1-9]|1[0-2])-([0-2]\d|3[01])(?!\d)|(?<![\d/.-])(0?[1-9]|[12]\d|3[01])([/.-])(0?[1-9]|[12]\d|3[01])\5(19|20)\d{2}(?!\d)", re.ASCII
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}\Z")
#: Given names that make a name of two small words, and names of few people.
_GIVEN = frozenset(
    re.findall(
        r"\w+",
        """
        james mary john patricia robert jennifer michael linda william elizabeth david barbara richard susan joseph jessica thomas sarah charles karen
        christopher nancy daniel lisa matthew margaret anthony betty mark sandra donald ashley steven kimberly paul emily andrew donna joshua michelle
        kenneth carol kevin amanda brian melissa george deborah edward stephanie ronald rebecca timothy laura jason helen jeffrey sharon ryan cynthia
        jacob kathleen gary amy nicholas angela eric anna jonathan ruth stephen brenda larry pamela justin nicole scott katherine brandon samantha
        benjamin christine samuel emma jane ann anne peter hans maria jose juan carlos luis ana lucia pierre jean marie sophie claire olivia noah liam
        mia sofia ali mohammed ahmed fatima wei ming hiroshi yuki ivan olga petra klaus jürgen heike stefan andreas sabine monika ursula wolfgang bob tom
        sam joe alice eve
        """,
    )
)
#: Texts looked at where a share of them decides.
_SAMPLE = 2000
_AGES = {"age", "ages", "alter", "edad", "idade", "ageyears", "ageyrs", "ageyr"}


def hits(study: Study, table: Table, frame: pd.DataFrame) -> Iterator[Finding]:
    """What the named columns of a table may say of who somebody is.

    Yields
    ------
    Finding
        One for each column and class, at its first row: an error, or a warning where the study file allows it.
    """
    for name, column in table.columns.items():
        if name == "participant" and table.provides != "participants":
            continue  # the same ids: judged where all of them stand
        allowed = any(entry.column == column.source for entry in (study.privacy.allow if study.privacy else []))
        for hit in _of_column(table, name, column, frame):
            rows = frame[hit.rows]
            if len(rows):
                text = f"this column may hold {hit.said} ({len(rows)} rows, the first is named); "
                text += "allowed by the study file" if allowed else _mend(hit.code)
                yield Finding(str(rows[FILE].iloc[0]), int(rows[LINE].min()), column.source, f"{'W' if allowed else 'E'}-PHI-{hit.code}", text)


def _mend(code: str) -> str:
    if code == "AGE":
        return "say `top: 90` in the study file, which reads every age over 89 as 90 and older"
    if code == "DATE":
        return "say `kind: date` with `since`, which makes days of it, or " + _MEND
    return _MEND


def header_hit(header: str) -> str:
    """What a header says its column holds of who somebody is; empty when it says nothing."""
    found = _by_header(words(header))
    return found[1] if found else ""


def texts_hit(texts: list[str], *, people: bool) -> str:
    """What texts hold of who somebody is; empty when they seem to hold nothing.

    Parameters
    ----------
    texts
        Cells that have a value.
    people
        Is it one for each participant?
    """
    return next((hit.said for hit in of_texts(pd.Series(texts, dtype="string"), whose=False, people=people)), "")


def words(header: str) -> list[str]:
    """The words of a header: ``PatientName``, ``patient_name`` and ``Patient name`` alike."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return re.findall(r"[^\W\d_]+|\d+", spaced.casefold())


def _of_column(table: Table, name: str, column: Column, frame: pd.DataFrame) -> Iterator[Hit]:
    found = words(column.source)
    values = frame[name]
    here = values.notna()
    said = _by_header(found)
    if said and not (said[0] in {"NAME", "PLACE"} and (column.recode or column.levels)):
        yield Hit(said[0], said[1], here)
    if {*found, *words(name)} & _AGES and column.is_number and (column.top is None or column.top > MAX_AGE + 1):
        yield Hit("AGE", f"an age over {MAX_AGE}", here & (values > MAX_AGE))
    if "date" in found and column.kind in {"number", "integer"}:
        yield Hit("DATE", "a date as a spreadsheet counts them", here & values.between(20_000, 60_000))
    if table.provides == "participants" and name != "participant" and column.is_number and _numbers_of_people(values):
        yield Hit("CODE", "another number that is everybody's own, such as a record's or a telephone's", here)
    if column.kind in {"text", "category"} and not column.recode and not column.levels:
        if {*found, *words(name)} & _AGES:
            yield Hit("AGE", f"an age over {MAX_AGE}", here & (pd.to_numeric(values, errors="coerce") > MAX_AGE).fillna(False).astype(bool))
        told = [*of_texts(values, whose=name == "participant", people=table.provides == "participants")]
        # a code of everybody's own is what remains to be said of a text that is nothing more telling
        yield from [hit for hit in told if hit.code != "CODE"] or told


def _numbers_of_people(values: pd.Series) -> bool:
    """Whole numbers of eight digits or more, mostly different."""
    given = values.dropna()
    long = given[(given >= 1e7) & (given % 1 == 0)]
    return len(given) >= 5 and len(long) >= 0.9 * len(given) and long.nunique() >= 0.9 * len(given)


def _by_header(found: list[str]) -> tuple[str, str] | None:
    text = " ".join(found)
    if text in _BY_WORD:
        return _BY_WORD[text]
    runs = (" ".join(found[at : at + n]) for n in (3, 2, 1) for at in range(len(found) - n + 1))
    # a single word such as `name` or `plate` means something else in `drug name`, `lat` in `lat b`
    return next((_BY_WORD[run] for run in runs if run in _BY_WORD and run not in _PLAIN), None)


#: Words that say it only when they are the whole header.
_PLAIN = {
    "name", "lat", "lon", "lng", "tel", "ip", "mail", "picture", "plate", "vehicle", "account", "insurance", "license", "licence", "city", "town", "district",
    "street", "photo", "nhs", "county", "village", "suburb", "url", "chart", "signature", "website", "address", "medicare", "medicaid", "acct",
}  # fmt: skip


def of_texts(values: pd.Series, *, whose: bool, people: bool) -> Iterator[Hit]:
    """What texts say of who somebody is.

    Parameters
    ----------
    values
        Cells of a column.
    whose
        Is it the column of the ids?
    people
        Is the table one of participants?
    """
    texts = [str(text) for text in values.dropna().unique()]
    if not texts:
        return
    n = int(values.notna().sum())
    some = texts[:: 1 + len(texts) // _SAMPLE]
    for code, said, test, share in _SHARES:
        looked = some if share else texts
        met = {text for text in looked if test(text)}
        if met and len(met) >= share * len(looked) and not (code in {"SSN", "PHONE"} and _numbered(texts)):
            yield Hit(code, said, values.isin(met))
    if _nhs(texts):
        yield Hit("RECORD", "NHS numbers (their check digit fits)", values.notna())
    if (len(texts) >= 5 and len(texts) > 0.5 * n and sum(map(_a_person, texts)) >= 0.5 * len(texts)) or (
        len(texts) >= 3 and sum(_a_person(text) and bool(_GIVEN & _small(text)) for text in texts) >= 0.5 * len(texts)
    ):
        yield Hit("NAME", "names of people", values.isin([text for text in texts if _a_person(text)]))
    if whose:
        return
    if people and len(texts) >= 5 and len(texts) >= 0.9 * n and sum(_a_code(text) for text in texts) >= 0.9 * len(texts):
        yield Hit("CODE", "another code that is everybody's own", values.notna())
    if _free(values, texts, n):
        yield Hit("TEXT", "free text", values.notna())


def _a_date(text: str) -> bool:
    plain = _TIME.sub("", text)
    if not any(char.isdigit() for char in plain) or len(plain) < 6 or (plain.isdigit() and len(plain) != 8):
        return False
    for pattern in _DATES:
        try:
            if 1900 <= datetime.strptime(plain, pattern).year <= 2100:
                return True
        except ValueError:
            continue
    return False


def _an_address(text: str) -> bool:
    if _MAC.match(text):
        return True
    if text.count(".") == 3 and text.count(":") == 1:
        text = text.partition(":")[0]  # with its port
    if text.count(".") != 3 and text.count(":") < 2:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _a_phone(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    return 9 <= digits <= 15 and bool(_PHONE.match(text)) and not _a_date(text) and not _DATE_INSIDE.search(text)


#: Class, what it is, the test of one text, and the share of texts that must meet it.
_SHARES: tuple[tuple[str, str, Callable[[str], bool], float], ...] = (
    ("EMAIL", "e-mail addresses", lambda text: bool(_EMAIL.search(text)), 0.0),
    ("URL", "web addresses", lambda text: bool(_URL.search(text) or (_SITE.search(text) and "@" not in text)), 0.0),
    ("IP", "internet addresses", _an_address, 0.0),
    ("BIOMETRIC", "a picture or a recording as text", lambda text: text.startswith("data:") or bool(_BASE64.match(text) or _PICTURE.search(text)), 0.0),
    ("SSN", "social security numbers", lambda text: bool(_SSN.search(text)), 0.0),
    ("PLACE", "street addresses", lambda text: bool(_STREET.match(text) or _STREET_AND_NUMBER.match(text)), 0.0),
    ("PLACE", "postcodes", lambda text: bool(_ZIP4.match(text) or _POSTCODE.match(text.upper()) or _COORDINATES.match(text)), 0.5),
    ("PHONE", "telephone numbers", _a_phone, 0.2),
    ("PHONE", "telephone numbers among words", lambda text: bool(_PHONE_INSIDE.search(text)) and any(map(str.isalpha, text)), 0.0),
    ("DATE", "dates", _a_date, 0.2),
    ("DATE", "dates", lambda text: bool(_DATE_INSIDE.search(text)), 0.0),
)


def _numbered(texts: list[str]) -> bool:
    """Do the texts end in running numbers, over all or within what stands before, as the ids 101-01-0001, 101-01-0002 do?"""
    last = [int(found[-1]) for text in texts if (found := re.findall(r"\d+", text))]
    if len(last) < 3 or max(last) > 20 * len(texts):
        return False
    if len(set(last)) == len(last):
        return True  # among the last digits of thousands of telephone or security numbers some are the same
    highest: dict[str, int] = {}
    for text in texts:
        if found := re.search(r"\d+(?=\D*\Z)", text):
            head = text[: found.start()]
            highest[head] = max(highest.get(head, 0), int(found[0]))
    return sum(highest.values()) <= 20 * len(texts)


def _nhs(texts: list[str]) -> bool:
    """Ten digits whose last is the check digit modulo 11; by chance one in eleven is."""
    plain = [text.replace(" ", "").replace("-", "") for text in texts]
    tens = [text for text in plain if len(text) == 10 and text.isdecimal() and text.isascii()]
    valid = sum(_check_digit(text) for text in tens)
    return len(tens) >= 3 and len(tens) > 0.5 * len(texts) and valid > 0.9 * len(tens)


def _check_digit(text: str) -> bool:
    digits = [int(char) for char in text]
    rest = sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return (11 - rest) % 11 == digits[9]


def _a_person(text: str) -> bool:
    parts = [part.strip(".,") for part in text.split()]
    return bool(_PERSON.match(text)) and (all(part[:1].isupper() for part in parts) or bool(_GIVEN & {part.casefold() for part in parts}))


def _small(text: str) -> set[str]:
    return {part.strip(".,").casefold() for part in text.split()}


def _a_code(text: str) -> bool:
    return (len(text) > 8 or (len(text) > 6 and text.isdigit())) and any(char.isdigit() for char in text) and " " not in text


def _free(values: pd.Series, texts: list[str], n: int) -> bool:
    """More than 25 characters on average and mostly different, or sentences in every fifth cell."""
    length = values.str.len().mean()
    sentences = int(values.isin([text for text in texts if len(text.split()) > 3]).sum())
    return n >= 5 and ((length > 25 and len(texts) > 0.6 * n) or (sentences > 0.2 * n and len(texts) > 0.3 * n))
