"""Every published tally on invented people, one a line, counted by hand; and every tally against plain loops.

Weekly words: ``-`` negative, ``+`` positive, ``m`` mixed (positive), ``o`` none. Words of drinks: a figure a day from day 1 on,
``.`` for a day without a record. ``none``: no answer for this person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import SCREENS, cohort_of, study_of

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.endpoints import published_tallies
from ketaoutcomes.domain.study import Study

#: Twelve weekly screens; krupitsky_2011 looks at weeks 5 to 12 of them. All twelve are expected of everybody.
WEEKLY = """
who                          | looks        | fiellin_2006 | kosten_1993 | krupitsky_2011 | krupitsky_2011_weeks | ling_1998_weekly | schottenfeld_2005 | schottenfeld_2008_longest
abstinent                    | ------------ | 12           | yes         | yes            | 8                    | yes              | 12                | 12
never abstinent              | ++++++++++++ | 0            | no          | no             | 0                    | no               | 0                 | 0
never came                   | oooooooooooo | 0            | no          | no             | 0                    | no               | none              | 0
mixed every third week       | m--m--m--m-- | 8            | no          | no             | 6                    | no               | 2                 | 2
three in a row               | +++---++++++ | 3            | yes         | no             | 2                    | no               | 3                 | 3
two and two                  | ++--+--+++++ | 4            | no          | no             | 2                    | no               | 2                 | 2
the last four                | ++++++++---- | 4            | yes         | no             | 4                    | yes              | 4                 | 4
every third missing          | --o--o--o--o | 8            | no          | no             | 5                    | no               | 8                 | 2
from week 5 on               | ++++-------- | 8            | yes         | yes            | 8                    | yes              | 8                 | 8
from week 6 on               | +++++------- | 7            | yes         | no             | 7                    | yes              | 7                 | 7
from week 5, one missing     | ++++---o---- | 7            | yes         | no             | 7                    | yes              | 7                 | 4
positive in the last         | -----------+ | 11           | yes         | no             | 7                    | yes              | 11                | 11
left after week 4            | ----         | 4            | yes         | no             | 0                    | yes              | 4                 | 4
came once, positive          | ooooo+oooooo | 0            | no          | no             | 0                    | no               | 0                 | 0
came once, negative          | ooooo-oooooo | 1            | no          | no             | 1                    | no               | 1                 | 1
missing ones around positive | --o+o-o-oooo | 4            | no          | no             | 2                    | no               | 2                 | 2
"""  # noqa: E501

#: The same where screens are expected until people leave. Leaving on day 34 is before week 5.
UNTIL_LEFT = """
who                 | looks        | left | fiellin_2006 | kosten_1993 | krupitsky_2011 | krupitsky_2011_weeks | schottenfeld_2005
left in week 5      | -----        | 35   | 5            | yes         | yes            | 1                    | 5
left before week 5  | -----        | 34   | 4            | yes         | none           | none                 | 4
left at once        |              | 3    | none         | none        | none           | none                 | none
left, missed before | --oo         | 28   | 2            | no          | none           | none                 | 2
nobody wrote when   | ----         |      | 4            | yes         | no             | 0                    | 4
"""

#: Twenty screens, three a week: 13 in a row.
THRICE_WEEKLY = """
who               | looks                | ling_1998
abstinent         | -------------------- | yes
first 13          | -------------+++++++ | yes
first 12          | ------------++++++++ | no
last 13           | +++++++------------- | yes
13 in the middle  | +++-------------++++ | yes
12 and 7          | ------------+------- | no
one missing       | ------o------------- | yes
one of 13 missing | +++------o------++++ | no
one of 13 mixed   | +++------m------++++ | no
never came        | oooooooooooooooooooo | no
left after 13     | -------------        | yes
left after 12     | ------------         | no
"""

#: Ten days of drinks; no_heavy_drinking after a grace of three days. Heavy: 4 for women, 5 for men. Expected until people leave.
DRINKS = """
who                    | sex    | looks      | left | percent_days_abstinent | percent_days_abstinent_scheduled | heavy_drinking_days | percent_heavy_drinking_days | longest_abstinence | no_heavy_drinking
dry man                | male   | 0000000000 | 10   | 100                    | 100                              | 0                   | 0                           | 10                 | yes
man, 4 a day           | male   | 4444444444 | 10   | 0                      | 0                                | 0                   | 0                           | 0                  | yes
woman, 4 a day         | female | 4444444444 | 10   | 0                      | 0                                | 10                  | 100                         | 0                  | no
woman, 3 a day         | female | 3333333333 | 10   | 0                      | 0                                | 0                   | 0                           | 0                  | yes
man, 5 in the grace    | male   | 0050000000 | 10   | 90                     | 90                               | 1                   | 10                          | 7                  | yes
man, 5 after the grace | male   | 0005000000 | 10   | 90                     | 90                               | 1                   | 10                          | 6                  | no
days without record    | male   | 00..00..00 | 10   | 100                    | 60                               | 0                   | 0                           | 2                  | no
no record in the grace | male   | ...0000000 | 10   | 100                    | 70                               | 0                   | 0                           | 7                  | yes
never recorded         | male   | .......... | 10   | none                   | 0                                | none                | none                        | 0                  | no
left on day 5          | male   | 00000      | 5    | 100                    | 100                              | 0                   | 0                           | 5                  | yes
left within the grace  | male   | 005        | 3    | 66.666666667           | 66.666666667                     | 1                   | 33.333333333                | 2                  | none
records after leaving  | male   | 0000055555 | 5    | 100                    | 100                              | 0                   | 0                           | 5                  | yes
sex not known          |        | 0000000009 | 10   | 90                     | 90                               | none                | none                        | 9                  | none
woman, now and then    | female | 4304030050 | 10   | 50                     | 50                               | 3                   | 30                          | 2                  | no
man, the same          | male   | 4304030050 | 10   | 50                     | 50                               | 1                   | 10                          | 2                  | no
man, 4 and no record   | male   | 40.4.0.4.0 | 10   | 50                     | 30                               | 0                   | 0                           | 1                  | no
"""  # noqa: E501
SKIPPED = {"who", "looks", "left", "sex"}
#: First time, where it is not 1; and the column that chooses the cut-off.
FIRST = {"krupitsky_2011": 5.0, "krupitsky_2011_weeks": 5.0, "no_heavy_drinking": 4.0}
BY = {name for name, entry in published_tallies().items() if isinstance(entry.tally["cutoff"], dict)}


def read(table: str) -> list[dict[str, str]]:
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def planned(rows: list[dict[str, str]], parameter: str, number: int, follow_up: str, unit: str = "days") -> Study:
    """A study with the tallies that a table names, over visits or days 1 to `number`."""
    endpoints = {
        name: {"kind": "published", "tally": name, "parameter": parameter, "period": "main", "first": FIRST.get(name, 1.0), "last": float(number),
               "follow_up": follow_up, "at": f"w{number}", **({"by": "sex"} if name in BY else {})}
        for name in set(rows[0]) - SKIPPED
    }  # fmt: skip
    return study_of(parameter, {f"w{at}": float(at) for at in range(1, number + 1)}, {}, unit, endpoints=endpoints)


def scores(who: int, word: str, parameter: str) -> list[dict[str, Any]]:
    """Assessments of a word: at visits for screens, on days for drinks."""
    at = {"participant": who, "period": "main", "parameter": parameter}
    if parameter == "urine_screen":
        return [{**at, "visit": f"w{week}", "value": SCREENS[letter]} for week, letter in enumerate(word, start=1) if SCREENS[letter] is not None]
    return [{**at, "visit": None, "day": float(day), "value": float(letter)} for day, letter in enumerate(word, start=1) if letter != "."]


def told(study: Study, rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """What the pipeline answers, in a table's words."""
    parameter = next(iter(study.parameters))
    last = {who: float(row["left"]) for who, row in enumerate(rows, start=1) if row.get("left")}
    parts = {
        "participants": [{"participant": who, "sex": row.get("sex") or None, "until": last.get(who)} for who, row in enumerate(rows, start=1)],
        "assessments": [score for who, row in enumerate(rows, start=1) for score in scores(who, row["looks"], parameter)],
        "disposition": [{"participant": who, "period": "main", "status": "lost", "day": day} for who, day in last.items()],
    }
    adqs = derive(study, cohort_of(parts))["adqs"]
    found: dict[str, dict[str, str]] = {}
    for name, endpoint in study.endpoints.items():
        mine = adqs[adqs["paramcd"] == name]
        assert set(mine["avisit"]) == {endpoint.at}
        words = {0.0: "no", 1.0: "yes"} if endpoint.kind == "tally_reached" else {}
        cells = {
            int(who): "none" if pd.isna(value) else words.get(value, f"{value:.11g}") for who, value in zip(mine["participant"], mine["aval"], strict=True)
        }
        found[name] = {row["who"]: cells[who] for who, row in enumerate(rows, start=1)}
    return found


def agree(table: str, parameter: str, number: int, follow_up: str, unit: str = "days") -> None:
    rows = read(table)
    found = told(planned(rows, parameter, number, follow_up, unit), rows)
    for name in set(rows[0]) - SKIPPED:
        assert found[name] == {row["who"]: row[name] for row in rows}, name


def test_weekly_screens() -> None:
    agree(WEEKLY, "urine_screen", 12, "schedule", "weeks")


def test_screens_until_people_leave() -> None:
    agree(UNTIL_LEFT, "urine_screen", 12, "disposition", "weeks")


def test_thrice_weekly_screens() -> None:
    agree(THRICE_WEEKLY, "urine_screen", 20, "schedule")


def test_drinks_of_each_day() -> None:
    agree(DRINKS, "drinks", 10, "disposition")


def test_drinks_until_a_column() -> None:
    agree(DRINKS, "drinks", 10, "until")


def test_every_published_tally_has_its_column() -> None:
    named = {name for table in (WEEKLY, THRICE_WEEKLY, DRINKS) for name in read(table)[0]} - SKIPPED
    assert named == set(published_tallies())


def test_of_several_records_of_a_day_the_highest_counts() -> None:
    rows = read("who | looks | percent_days_abstinent | heavy_drinking_days\none | 0000000000 | 90 | 1")
    study = planned(rows, "drinks", 10, "schedule")
    drunk = [{"participant": 1, "period": "main", "parameter": "drinks", "day": day, "value": value} for day, value in [(2.25, 6.0), (2.75, 3.0)]]
    parts = {"participants": [{"participant": 1, "sex": "male", "until": None}], "assessments": scores(1, "0000000000", "drinks") + drunk}
    adqs = derive(study, cohort_of(parts))["adqs"]
    for name in ("percent_days_abstinent", "heavy_drinking_days"):
        assert adqs.loc[adqs["paramcd"] == name, "aval"].tolist() == [float(rows[0][name])]


def test_days_of_a_period_count_from_its_start() -> None:
    # the period begins on day 20: its days 1 to 3 are 21 to 23, all dry; 20 and 24 are not
    rows = read("who | looks | longest_abstinence\none | 000 | 3")
    periods = [{"id": "main", "label": "M", "start": "until", "baseline": {"period": "main", "visit": "base"}}]
    endpoint = {"kind": "published", "tally": "longest_abstinence", "parameter": "drinks", "period": "main", "first": 1.0, "last": 3.0}
    study = study_of("drinks", {"w3": 3.0}, {}, endpoints={"it": {**endpoint, "follow_up": "schedule", "at": "w3"}}, periods=periods)
    drunk = [
        {"participant": 1, "period": "main", "parameter": "drinks", "day": day, "value": float(day in {20.0, 24.0})} for day in (20.0, 21.0, 22.0, 23.0, 24.0)
    ]
    adqs = derive(study, cohort_of({"participants": [{"participant": 1, "sex": None, "until": 20.0}], "assessments": drunk}))["adqs"]
    assert adqs.loc[adqs["paramcd"] == "it", "aval"].tolist() == [float(rows[0]["longest_abstinence"])]


@dataclass
class Drinker:
    """One person: drinks by day (None: no record), sex, and the last day."""

    drinks: list[int | None]
    sex: str | None
    until: float | None


def counted(endpoint: dict[str, Any], person: Drinker) -> float | None:
    """The tally of one person, day by day."""
    limit = {"heavy_4": 4, "heavy_5": 5, "any_1": 1}
    cutoff = endpoint["cutoff"]
    if isinstance(cutoff, dict):
        if person.sex not in cutoff:
            return None
        cutoff = cutoff[person.sex]
    row: list[bool] = []
    for day, drinks in enumerate(person.drinks):
        gone = endpoint["follow_up"] == "until" and person.until is not None and day > person.until
        if day < endpoint["first"] or day > endpoint["last"] or gone or (endpoint["looks"] == "visits" and day not in {2, 4, 6, 8}):
            continue
        if drinks is not None:
            row.append((drinks >= limit[cutoff]) == (endpoint["when"] == "met"))
        elif endpoint["missing"] == "non_evaluable":
            return None
        elif endpoint["missing"] != "skipped":
            row.append(endpoint["missing"] == "tallied")
    if not row:
        return None
    runs = [len(run) for run in "".join("x" if one else " " for one in row).split()]
    value = {"number": row.count(True), "percent": 100 * row.count(True) / len(row), "longest": max(runs, default=0)}[endpoint["measure"]]
    return float(value if endpoint["kind"] == "tally" else value >= endpoint["at_least"])


@st.composite
def tallies(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["tally", "tally_reached"]))
    cutoff = draw(st.sampled_from(["heavy_4", "any_1", {"female": "heavy_4", "male": "heavy_5"}]))
    first = draw(st.integers(0, 9))
    more: dict[str, Any] = {"by": "sex"} if isinstance(cutoff, dict) else {}
    more |= {"at_least": draw(st.sampled_from([1.0, 2.0, 50.0, 100.0]))} if kind == "tally_reached" else {}
    return {
        **more, "kind": kind, "parameter": "drinks", "period": "main", "cutoff": cutoff, "when": draw(st.sampled_from(["met", "not_met"])),
        "looks": draw(st.sampled_from(["visits", "days"])), "first": float(first), "last": float(draw(st.integers(first, 10))),
        "follow_up": draw(st.sampled_from(["schedule", "until"])), "measure": draw(st.sampled_from(["number", "percent", "longest"])),
        "missing": draw(st.sampled_from(["tallied", "not_tallied", "skipped", "non_evaluable"])), "at": "v8", "source": "s",
    }  # fmt: skip


@st.composite
def drinkers(draw: st.DrawFn) -> Drinker:
    drinks = draw(st.lists(st.sampled_from([None, 0, 0, 1, 3, 4, 5, 9]), min_size=11, max_size=11))
    # day 0 is the baseline visit: its record is one of a day, not of a visit
    return Drinker(drinks, draw(st.sampled_from(["male", "female", None, "other"])), draw(st.sampled_from([None, 0.0, 3.0, 4.0, 5.5, 8.0, 20.0])))


@settings(max_examples=100, deadline=None)
@given(st.lists(tallies(), min_size=6, max_size=6), st.lists(drinkers(), min_size=6, max_size=6))
def test_the_pipeline_counts_as_the_loops_do(endpoints: list[dict[str, Any]], people: list[Drinker]) -> None:
    # a schedule to day 8: nothing is expected later, whatever `last` says
    study = study_of("drinks", {f"v{day}": float(day) for day in (2, 4, 6, 8)}, {}, endpoints={f"e{at}": endpoint for at, endpoint in enumerate(endpoints)})
    visits = {0: "base", 2: "v2", 4: "v4", 6: "v6", 8: "v8"}
    rows = [
        {"participant": who, "period": "main", "visit": visits.get(day), "day": float(day), "parameter": "drinks", "value": float(drinks)}
        for who, person in enumerate(people, start=1) for day, drinks in enumerate(person.drinks) if drinks is not None
    ]  # fmt: skip
    persons = [{"participant": who, "sex": person.sex, "until": person.until} for who, person in enumerate(people, start=1)]
    adqs = derive(study, cohort_of({"participants": persons, "assessments": rows}))["adqs"]
    for at, endpoint in enumerate(endpoints):
        mine = adqs[adqs["paramcd"] == f"e{at}"].set_index("participant")["aval"]
        limit = {**endpoint, "last": min(endpoint["last"], 8.0)} if endpoint["follow_up"] == "schedule" else endpoint
        for who, person in enumerate(people, start=1):
            expected, value = counted(limit, person), mine[who]
            assert (None if pd.isna(value) else value) == (None if expected is None else expected), (endpoint, person)
