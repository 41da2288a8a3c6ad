"""What each column of an unknown file is for, with the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ketaoutcomes.ingest.identifiers import header_hit, texts_hit
from ketaoutcomes.ingest.propose.profiles import ColumnProfile, Profile
from ketaoutcomes.ingest.propose.scales import When, instrument, items, outside, plain, when, wide


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is for.

    Attributes
    ----------
    kind
        ``participant``, ``arm``, ``site``, ``visit``, ``day``, ``date``, ``score``, ``wide``, ``item``, ``session``, ``minute``, ``event``,
        ``event_time``, ``had_event``, ``status``, ``age``, ``sex``, ``covariate``, ``word``, ``parameter``, ``value``, ``where``, ``beside`` or ``none``.
    evidence
        Why.
    instrument
        Of a score.
    measure
        Name of a score among several.
    visit
        Of a wide column.
    """

    kind: str
    evidence: str
    instrument: str = ""
    measure: str = ""
    visit: When | None = None


_HEADERS = {
    "arm": "arm armcd actarm actarmcd trt trta trtp trt01p trt01a treat treatment treatmentarm treatmentgroup studyarm group grp studygroup "
           "allocation allocated randomization randomisation randomizedto condition drugarm intervention",
    "site": "site siteid sitename centre center centreid centerid clinic clinicid hospital facility poolinv inv invid redcapdataaccessgroup sitemasked "
            "investigator",
    "visit": "visit visitnum visitname avisit avisitn timepoint wave sessionid interview redcapeventname event occasion assessment week weeks",
    "day": "day studyday days ady dy visitday relday daysfrombaseline daysince when month months week weeks time",
    "session": "session sessionno infusion infusionno infusionnumber dosenumber doseno treatmentnumber redcaprepeatinstance sessionnumber",
    "minute": "minute minutes min minutesafterdose tptnum atptn",
    "age": "age ageyears agey ageyr alter edad idade", "sex": "sex gender ismale isfemale male female",
    "event_time": "ttr tte ttevent time timetoevent survtime survivaltime weeks days daystorelapse timetorelapse duration aval followuptime futime lentime",
    "had_event": "event relapse relapsed status censor cens censored cnsr died death dropout failed delta",
    "event": "what event eventname aeterm aedecod term type substance ae", "status": "status dsdecod disposition completionstatus eosstt",
    "parameter": "param paramcd parameter measure scale testcd qstestcd test", "value": "aval value score result qsstresn stresn",
}  # fmt: skip
_BY_NAME = {kind: set(names.split()) for kind, names in _HEADERS.items()}
#: Columns of CDISC's ADaM that are made from the scores, and flags of records.
_DERIVED = {"base", "chg", "pchg", "basetype", "ablfl", "dtype", "basec", "avalc", "avalcat1"}
_CDISC_REPEAT = {"domain", "studyid", "rownames", "rowid", "index", "unnamed0", "x", "obs", "seq", "row", "subjid2"}


def roles(found: Profile) -> list[Role]:
    """The role of each column of a file, in its order."""
    chosen: dict[int, Role] = {}
    for pattern, (key, places, said) in items([column.header for column in found.columns], found.columns).items():
        for at in places:
            chosen[at] = Role("item", said, key, pattern)
    chosen |= _wide(found, chosen)
    chosen |= _sequence(found, chosen)
    survival = _survival(found)
    for at, column in enumerate(found.columns):
        if at not in chosen:
            chosen[at] = survival.get(at) or _role(found, at, column)
    _one_of(found, chosen)
    _pair(found, chosen)
    return [chosen[at] for at in range(len(found.columns))]


#: Endings of headers that say the same as another column: codes of CDISC, labels of REDCap and of R.
_CODES, _LABELS = ("n", "cd", "num"), ("label", "labels", "factor", "text", "name", "desc", "decod")


def _pair(found: Profile, chosen: dict[int, Role]) -> None:
    """Codes beside labels: the label is read, and each must go with one code."""
    places = {plain(column.header): at for at, column in enumerate(found.columns)}
    for name, at in places.items():
        code = next((places[name + end] for end in _CODES if name + end in places), None)
        label = next((places[name + end] for end in _LABELS if name + end in places), None)
        for ours, theirs in ((at, code), (label, at)):
            if ours is not None and theirs is not None and _one_to_one(found, ours, theirs):
                kind = next((chosen[i].kind for i in (ours, theirs) if chosen[i].kind not in {"none", "covariate", "beside"}), chosen[ours].kind)
                chosen[ours] = Role(kind, f"{chosen[ours].evidence}; {found.columns[theirs].header} says the same in codes")
                chosen[theirs] = Role("beside", "codes beside labels", measure=found.columns[ours].header)


def _one_to_one(found: Profile, ours: int, theirs: int) -> bool:
    mine, other = found.columns[ours], found.columns[theirs]
    return 2 <= mine.distinct == other.distinct <= 60 and found.distinct_of(ours, theirs) <= mine.distinct + 1 and not mine.numeric


def _many(found: Profile) -> bool:
    """Does a participant have several rows?"""
    return found.person is not None and found.rows > found.people


def _wide(found: Profile, taken: dict[int, Role]) -> dict[int, Role]:
    """Columns that hold the same measure at several visits."""
    if _many(found):
        return {}
    groups: dict[str, dict[int, When]] = {}
    for at, column in enumerate(found.columns):
        if at not in taken and (column.numeric or column.kind == "empty"):
            for stem, visit in wide(column.header):
                groups.setdefault(plain(stem), {})[at] = visit
    result: dict[int, Role] = {}
    for stem, places in sorted(groups.items(), key=lambda group: -len(group[1])):
        free = {at: visit for at, visit in places.items() if at not in result}
        scales = {at: instrument(stem, found.columns[at]) for at in free}
        if len(free) < 2 or len({visit.id for visit in free.values()}) < len(free) or not any(scales.values()):
            continue
        for at, visit in free.items():
            scale = scales[at]
            if scale:
                result[at] = Role("wide", f"{scale[1]}; {visit.label} by its name", scale[0], scale[0], visit)
    return result


def _sequence(found: Profile, taken: dict[int, Role]) -> dict[int, Role]:
    """Columns that hold the treatments of a crossover's periods: ``infusion_1``, ``infusion_2``; TRT01P, TRT02P."""
    groups: dict[str, list[int]] = {}
    for at, column in enumerate(found.columns):
        match = re.fullmatch(r"([a-z]+)0?([1-4])([ap]?)", plain(column.header))
        if match and at not in taken and 2 <= column.distinct <= 4 and column.constant and match[1] in {*_BY_NAME["arm"], "infusion", "period", "drug", "dose"}:
            groups.setdefault(match[1] + match[3], []).append(at)
    said = "treatments of numbered periods, with the same labels in each"
    return {at: Role("arm", said) for places in groups.values() if _same_labels(found, places) for at in places}


def _same_labels(found: Profile, places: list[int]) -> bool:
    return len(places) > 1 and len({frozenset(found.columns[at].values) for at in places}) == 1


def _survival(found: Profile) -> dict[int, Role]:
    """A time and a yes-or-no in a file with one row for each participant."""
    if found.person is None or _many(found):
        return {}
    flags = [
        at
        for at, column in enumerate(found.columns)
        if column.binary and _is(column, "had_event") and set(column.values) <= {"0", "1", "yes", "no", "Yes", "No"}
    ]
    times = [at for at, column in enumerate(found.columns) if _is(column, "event_time") and column.numeric and column.low >= 0 and column.distinct > 2]
    if not flags or not times:
        return {}
    time, flag = times[0], flags[0]
    flag_said = "two values beside a time; which of them is the event? (in some files censor = 1 marks it, in others its absence)"
    return {time: Role("event_time", "a time beside a yes-or-no, one row for each participant"), flag: Role("had_event", flag_said)}


def _is(column: ColumnProfile, kind: str) -> bool:
    name = plain(column.header)
    return name in _BY_NAME[kind] or name.removesuffix("id") in _BY_NAME[kind]


def _role(found: Profile, at: int, column: ColumnProfile) -> Role:
    if at == found.person:
        rows = "several rows each" if _many(found) else "one row each"
        return Role("participant", f"{found.people} distinct values, {rows}")
    if _is_counter(found, at, column):
        return Role("none", "a running number of rows")
    if plain(column.header) in _DERIVED and any(_is(other, "value") for other in found.columns):
        return Role("none", "made from the scores; made again here")
    hit = header_hit(column.header)
    if hit:
        return Role("none", f"its name says {hit}: left out")
    hit = _told(found, at, column)
    if hit:
        return Role("none", f"it seems to hold {hit}: left out")
    for test in (_of_person, _of_record, _of_score):
        role = test(found, column)
        if role:
            return role
    if column.kind == "empty":
        return Role("none", "no values")
    if column.constant and found.person is not None:
        return _covariate(column)
    return Role("none", "changes within participants, and nothing says what it is")


def _told(found: Profile, at: int, column: ColumnProfile) -> str:
    """What the texts of a column say of who somebody is; a column of nothing but dates has a role of its own."""
    if column.kind != "text" or _is_word(column):
        return ""
    skip = {"", *column.missing}
    person = found.person if found.person is not None else at
    pairs = dict.fromkeys((row[person], row[at]) for row in found.records if row[at] not in skip)
    return texts_hit([text for _, text in pairs], people=not _many(found))


def _is_counter(found: Profile, at: int, column: ColumnProfile) -> bool:
    name = plain(column.header)
    return (not column.header or name in _CDISC_REPEAT) and at != found.person and (column.distinct in {1, found.rows} or name in _CDISC_REPEAT)


def _of_person(found: Profile, column: ColumnProfile) -> Role | None:
    few = 2 <= column.distinct <= 8
    values = f"{column.distinct} values"
    if _is(column, "arm") and few and column.constant and found.person is not None:
        return Role("arm", f"named like an arm; {values}, the same in all rows of a participant")
    if _is(column, "site") and column.constant and column.distinct < 0.7 * max(found.people, 2):
        return Role("site", f"named like a site; {values}")
    if _is(column, "age") and column.numeric and column.low >= 0 and column.high <= 120 and column.distinct > 2:
        return Role("age", f"named like an age; {column.low:g} to {column.high:g}")
    if _is(column, "sex") and column.distinct <= 4:
        return Role("sex", f"named like a sex; {values}")
    return None


def _of_record(found: Profile, column: ColumnProfile) -> Role | None:
    name = plain(column.header)
    if column.kind == "date":
        return Role("date", f"all of it reads as {column.date_format}")
    if name == "redcaprepeatinstrument":
        return Role("where", "REDCap's name of the form that a row holds")
    if _is_word(column):
        return Role("word", "words of the same few letters: one letter for each visit?")
    if not _many(found) and found.person is not None:
        return None
    for kind in ("parameter", "value", "session", "minute", "visit", "day", "event", "arm"):
        if _is(column, kind) and _fits(found, column, kind):
            return Role(kind, f"named like {'an arm that changes within participants' if kind == 'arm' else f'a {kind}'}; {column.distinct} values")
    return None


def _fits(found: Profile, column: ColumnProfile, kind: str) -> bool:
    if kind in {"day", "minute"}:
        return column.numeric
    if kind == "value":
        return column.numeric and any(_is(other, "parameter") for other in found.columns)
    if kind == "visit":
        return (
            not column.constant and column.distinct <= 60 and (column.numeric is False or column.kind == "integer" or plain(column.header).startswith("week"))
        )
    if kind == "session":
        return column.kind == "integer" and column.low >= 0
    if kind == "arm":
        return 2 <= column.distinct <= 8
    return column.kind == "text"


def _of_score(found: Profile, column: ColumnProfile) -> Role | None:
    scale = instrument(column.header, column)
    if scale:
        return Role("score", scale[1], scale[0], scale[0])
    said = outside(column.header, column)
    if _many(found) and column.numeric and not column.constant:
        return Role("score", said or "a number that changes within participants; no instrument of this name is known", "", plain(column.header))
    return Role("covariate", said) if said else None


def _is_word(column: ColumnProfile) -> bool:
    letters = {char for text in column.values for char in text}
    lengths = [len(text) for text in column.values]
    return column.kind == "text" and len(column.values) > 5 and len(letters) <= 6 and min(lengths) >= 3 and max(lengths) >= 8


def _covariate(column: ColumnProfile) -> Role:
    what = "numbers" if column.numeric else f"{column.distinct} labels"
    return Role("covariate", f"{what}, the same in all rows of a participant")


def _one_of(found: Profile, chosen: dict[int, Role]) -> None:
    """One arm, one site, one visit, one day: of several candidates the first in the order of the names above."""
    numbered = {at for at, role in chosen.items() if role.evidence.startswith("treatments of numbered")}
    for kind in ("arm", "site", "visit", "day", "session", "age", "sex", "parameter", "value"):
        order = _HEADERS[kind].split()
        names = {at: plain(found.columns[at].header) for at, role in chosen.items() if role.kind == kind and at not in numbered}
        places = sorted((order.index(name) if name in order else 99, at) for at, name in names.items())
        taken = min(numbered) if kind == "arm" and numbered else places[0][1] if places else 0
        for _, at in places:
            if at != taken:
                said = f"also named like a {kind}; {found.columns[taken].header} was taken"
                chosen[at] = Role(_second(found.columns[at], kind, chosen), said)


def _second(column: ColumnProfile, kind: str, chosen: dict[int, Role]) -> str:
    """What a second candidate is instead: a numeric visit may be the day, what does not change is a covariate."""
    if kind == "visit" and column.numeric and not any(role.kind == "day" for role in chosen.values()):
        return "day"
    return "covariate" if column.constant else "none"


def visits_of(column: ColumnProfile) -> dict[str, When]:
    """The labels of a visit column as visits of ours, in order of time."""
    found: dict[str, When] = {}
    for at, text in enumerate(sorted(column.values, key=_order)):
        named = when(text.removeprefix("ses-").removesuffix("_arm_1").removesuffix("_arm_2")) if not column.numeric else None
        number = float(text) if column.numeric else float(at)
        found[text] = named or When(f"visit_{plain(text) or at}", text if not column.numeric else f"Visit {text}", number, sure=False)
    return dict(sorted(found.items(), key=lambda pair: pair[1].day))


def _order(text: str) -> tuple[float, str]:
    try:
        return float(text), ""
    except ValueError:
        return float("inf"), text
