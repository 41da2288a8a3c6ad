"""Which instrument, and which visit, a header speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ketaoutcomes.domain.instruments import Instrument, instruments
from ketaoutcomes.ingest.propose.profiles import ColumnProfile

#: Other names of instruments in exports, letters and digits only; the ids and names of the catalogue are known besides.
_NAMES = {
    "madrs": "madrstotal madrssum madrstotalscore madrs10 montgomeryasberg", "madrs_suicide": "madrssuicide madrs10item madrsitem10 madrsi10 madrssi",
    "hamd17": "hamd ham17 ham17total hamd17total hdrs hdrs17 hrsd hrsd17 hamdtotal hamd17sum", "hamd6": "hamdbech bech hamd6total hamd6sum hdrs6",
    "phq9": "phq phq9total phq9sum phq9score", "bdi2": "bdi bdiii bditotal beck bdi2total beckdepression", "qids_sr16": "qids qidssr qidstotal qidssr16",
    "ids_sr30": "ids idssr ids30 idssr30", "gad7": "gad gad7total gad7sum gadtotal", "hama": "hama hamatotal hars", "cgi_s": "cgi cgis cgiseverity",
    "cadss": "cadss cadsstotal cadsspeak dissociationscore", "pcl5": "pcl pcl5total", "ssi": "ssi ssitotal", "bss": "bss bsstotal", "ciwa_ar": "ciwa ciwaar",
    "cows": "cows cowstotal", "moca": "moca mocatotal", "sds": "sds sdstotal", "meq30": "meq meq30 meqtotal", "bprs_plus": "bprs bprsplus",
    "sbp": "sbp systolic sysbp systolicbp bpsys sbppeak sbppre", "dbp": "dbp diastolic diabp diastolicbp bpdia dbppeak dbppre", "spo2": "spo2 sao2 o2sat",
    "pacs": "pacs", "ocds": "ocds", "urica": "urica", "eq_vas": "eqvas eq5dvas", "craving_vas": "cravingvas vascraving", "drinks": "drinks drinksperday",
}  # fmt: skip
_TOTALS = ("total", "totalscore", "sum", "score", "tot", "sumscore")
_VISIT = re.compile(
    r"(?P<base>pre|baseline|base|bl|bsl|screening|screen)|(?P<post>post|end|final|endpoint|eot|exit)|"
    r"(?P<unit>day|d|week|wk|w|month|mo|m|hour|hr|h|visit|vis|v|t|followup|fu|session|s)(?P<n>\d{1,3})|(?P<n2>\d{1,3})(?P<unit2>days|day|d|weeks|week|wk|w|months|month|mo|m|hours|hrs|hr|h)|(?P<n3>\d{1,3})"
)  # fmt: skip
_DAYS = {"d": 1.0, "w": 7.0, "m": 30.4375, "h": 1 / 24}


@dataclass(frozen=True, slots=True)
class When:
    """A visit that a header or a label names.

    Attributes
    ----------
    id
        Ours.
    label
        As printed.
    day
        Days from the start, as far as the text tells.
    sure
        Does the text tell the day?
    """

    id: str
    label: str
    day: float
    sure: bool


def plain(text: str) -> str:
    """Letters and digits of a text, small."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def instrument(text: str, column: ColumnProfile) -> tuple[str, str] | None:
    """The instrument that a header names and whose range holds the column's numbers, with the evidence."""
    if not column.numeric:
        return None
    wanted = plain(text)
    found = next((key for key in _names().get(wanted, [])), None)
    found = found or next((key for total in _TOTALS if wanted.endswith(total) for key in _names().get(wanted.removesuffix(total), [])), None)
    if found is None:
        return None
    scale = instruments()[found]
    inside = scale.minimum <= column.low and column.high <= scale.maximum
    numbers = f"numbers {column.low:g} to {column.high:g}"
    return (found, f"named like {scale.name}; {numbers} within its {scale.minimum:g} to {scale.maximum:g}") if inside else None


def outside(text: str, column: ColumnProfile) -> str:
    """What to say of a header that names an instrument whose range does not hold the numbers; empty otherwise."""
    names = _names().get(plain(text), []) if column.numeric and instrument(text, column) is None else []
    return f"named like {instruments()[names[0]].name}, whose range does not hold {column.low:g} to {column.high:g}" if names else ""


def _names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, scale in instruments().items():
        for name in (plain(key), plain(scale.name), *_NAMES.get(key, "").split()):
            found.setdefault(name, []).append(key)
    return found


def items(headers: list[str], columns: list[ColumnProfile]) -> dict[str, tuple[str, list[int], str]]:
    """Item columns: a pattern with ``{}`` to instrument, column numbers and evidence."""
    groups: dict[str, dict[int, int]] = {}
    for at, header in enumerate(headers):
        match = re.fullmatch(r"(.*?)(\d{1,2})", header)
        if match and match[1] and str(int(match[2])) == match[2]:
            groups.setdefault(match[1], {})[int(match[2])] = at
    found: dict[str, tuple[str, list[int], str]] = {}
    for stem, places in groups.items():
        name = re.sub(r"(_?(item|i|q|question))?[_. -]*$", "", stem, flags=re.IGNORECASE)
        for key in _names().get(plain(name), []):
            scale = instruments()[key]
            if _are_items(scale, places, columns):
                number = scale.items.number if scale.items else 0
                said = f"{number} columns named like {scale.name}, each within the range of its item"
                found[f"{stem}{{}}"] = (key, [places[item] for item in range(1, number + 1)], said)
                break
    return found


def _are_items(scale: Instrument, places: dict[int, int], columns: list[ColumnProfile]) -> bool:
    if scale.items is None or scale.part_of is not None or not set(range(1, scale.items.number + 1)) <= set(places) or scale.items.number < 2:
        return False
    for item in range(1, scale.items.number + 1):
        column, (low, high) = columns[places[item]], scale.items.range_of(item)
        if column.kind not in {"integer", "empty"} or (column.n and not low <= column.low <= column.high <= high):
            return False
    return any(columns[at].n for at in places.values())


def when(text: str) -> When | None:
    """The visit that a text names, all of it."""
    match = _VISIT.fullmatch(plain(re.sub(r"(?<=\D)0+(?=\d)", "", text)))
    if match is None:
        return None
    if match["base"]:
        return When("baseline", "Baseline", 0.0, sure=True)
    if match["post"]:
        return When("post", "After treatment", 1.0, sure=False)
    n = int(match["n"] or match["n2"] or match["n3"])
    unit = (match["unit"] or match["unit2"] or "")[:1] if (match["unit"] or "") not in {"t", "s", "v"} else ""
    unit = "" if (match["unit"] or "").startswith(("v", "f", "s", "t")) else unit
    if unit in _DAYS:
        word = {"d": "Day", "w": "Week", "m": "Month", "h": "Hour"}[unit]
        return When(f"{word.casefold()}{n}", f"{word} {n}", n * _DAYS[unit], sure=True)
    return When(f"visit{n}", f"Visit {n}", float(n), sure=False)


def wide(header: str) -> list[tuple[str, When]]:
    """Ways to read a header as a measure and a visit: ``bdi.2m``, ``MADRS_Post``, ``week4_phq9``."""
    parts = [part for part in re.split(r"[._\s-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", header)) if part]
    found: list[tuple[str, When]] = []
    for n in (1, 2):
        if len(parts) > n:
            for stem, rest in ((parts[:-n], parts[-n:]), (parts[n:], parts[:n])):
                at = when("".join(rest))
                if at is not None and not (n == 1 and rest[0].isdigit() and stem == parts[n:]):
                    found.append(("_".join(stem), at))
    return found
