"""Endpoints of ten invented people, every expected value worked out by hand beside their scores."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from small import DAYS, Values, followed, plan, values

AFTER = list(DAYS)[1:]
#: MADRS at baseline and on days 2, 8, 15, 22 and 28. Half of 40 is 20.
PEOPLE: dict[int, Values] = {
    1: [40, 18, 16, 14, 12, 10],
    2: [40, 20, 20, 21, 19, 18],  # half is reached exactly, and missed on day 15
    3: [40, 19, 30, 31, 18, 17],  # missed on days 8 and 15
    4: [40, 25, 20, 19, 18, 12],  # missed on day 2
    5: [40, 18, None, 17, 16, 15],
    6: [40, None, 18, 17, 16, 15],
    7: [40, 18, 17, 16, None, None],
    8: [0, 0, 0, 0, 0, 0],  # no percent of a baseline of 0
    9: [None, 18, 17, 16, 15, 14],  # no baseline
    10: [40, None, None, None, None, None],
}
#: Whether the score is half of baseline or less, where that can be told.
HALF: dict[int, Values] = {
    1: [1, 1, 1, 1, 1],
    2: [1, 1, 0, 1, 1],
    3: [1, 0, 0, 1, 1],
    4: [0, 1, 1, 1, 1],
    5: [1, None, 1, 1, 1],
    6: [None, 1, 1, 1, 1],
    7: [1, 1, 1, None, None],
    **{at: [None] * 5 for at in (8, 9, 10)},
}


def found(endpoint: dict[str, Any], people: dict[int, Values] = PEOPLE, parameter: str = "madrs", column: str = "aval") -> dict[int, list[Any]]:
    return values(followed(plan({"it": endpoint}, parameter), people), "it", column)


def changed(base: dict[int, Values], **rows: Values) -> dict[int, Values]:
    return {**base, **{int(at.removeprefix("p")): row for at, row in rows.items()}}


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("observed", HALF),
        ("non_evaluable", HALF),
        ("nonresponse", {at: [value or 0 for value in row] for at, row in HALF.items()}),
        # the fifth keeps the score of day 2, the seventh that of day 15; a baseline is not carried
        ("last_observation", changed(HALF, p5=[1, 1, 1, 1, 1], p7=[1, 1, 1, 1, 1])),
    ],
)
def test_cutoff(missing: str, expected: dict[int, Values]) -> None:
    assert found({"kind": "cutoff", "cutoff": "response_50", "missing": missing}) == expected


def test_an_important_change_is_met_at_its_value() -> None:
    # 10 points from 40: 30 meets it, 31 does not; without a baseline nobody can tell
    rows = found({"kind": "cutoff", "cutoff": "trt_10", "missing": "observed"})
    assert rows[3] == [1, 1, 0, 1, 1]
    assert rows[8] == [0, 0, 0, 0, 0]
    assert rows[9] == [None] * 5


def test_scores_at_most_at_least_and_above_their_value() -> None:
    assert found({"kind": "cutoff", "cutoff": "remission_12", "missing": "observed"})[1] == [0, 0, 0, 1, 1]
    # the score itself needs no baseline
    assert found({"kind": "cutoff", "cutoff": "remission_12", "missing": "observed"}, {1: [None, 13, 12, 11, None, 12]})[1] == [0, 1, 1, None, 1]
    assert found({"kind": "cutoff", "cutoff": "relapse_22", "missing": "observed"}, {1: [40, 21, 22, 23, None, 0]})[1] == [0, 1, 1, None, 0]
    assert found({"kind": "cutoff", "cutoff": "above_180", "missing": "observed"}, {1: [120, 179, 180, 181, None, 200]}, "sbp")[1] == [0, 0, 1, None, 1]


def test_all_of_needs_each_of_its_cutoffs() -> None:
    # PHQ-9: half and 9 or less (pubmed 20569992). Of 20: 10 is half only, 9 both; of 16: 9 is 9 only (43.75 %), 8 both
    people = {1: [20, 10, 9, 11, None, 8], 2: [16, 9, 8, 10, 0, None], 3: [0, 0, 0, 1, None, 0]}
    rows = found({"kind": "cutoff", "cutoff": "response_9", "missing": "observed"}, people, "phq9")
    assert rows == {1: [0, 1, 0, None, 1], 2: [0, 1, 0, 1, None], 3: [None] * 5}


def test_where_more_is_better_a_rise_is_the_improvement() -> None:
    people = {1: [20, 29, 30, 31, 10, 40], 2: [40, 20, 49, 50, 60, None]}
    half = found({"kind": "cutoff", "cutoff": "up_50", "missing": "observed"}, people, "well")
    assert half == {1: [0, 1, 1, 0, 1], 2: [0, 0, 0, 1, None]}
    ten = found({"kind": "cutoff", "cutoff": "up_10", "missing": "observed"}, people, "well")
    assert ten == {1: [0, 1, 1, 0, 1], 2: [0, 0, 1, 1, None]}
    # MoCA 26 and more is normal (PMC3770123)
    assert found({"kind": "cutoff", "cutoff": "normal_26", "missing": "observed"}, {1: [20, 25, 26, 27, None, 30]}, "moca")[1] == [0, 1, 1, None, 1]
    # 60 % of 5 on the lowest factor
    people = {1: [0, 2.99, 3.0, 3.01, 9 / 3, 8 / 3]}
    assert found({"kind": "cutoff", "cutoff": "complete_60", "missing": "observed"}, people, "meq30_lowest")[1] == [0, 1, 1, 1, 0]


def test_a_threshold_met_on_paper_is_met_in_floating_point() -> None:
    # 17.5 % of 40 is 7: 100 * (33 - 40) / 40 = -17.5; of 1.1: 0.55 is half although 0.55 - 1.1 is not -0.55 in binary
    assert found({"kind": "cutoff", "cutoff": "depression_17_5", "missing": "observed"}, {1: [40, 33, 34, 32, 33.01, 0]}, "bdi2")[1] == [1, 0, 1, 0, 1]
    people = {at: [base, base / 2, None, None, None, None] for at, base in enumerate((1.1, 2.3, 7.7, 12.1, 17.3, 33.3), start=1)}
    assert {at: row[0] for at, row in found({"kind": "cutoff", "cutoff": "response_50", "missing": "observed"}, people).items()} == dict.fromkeys(people, 1)
    # 0.1 + 0.2 is 0.30000000000000004, ten times that is a little more than 3
    people = {1: [0, 3 - 1e-12, 3 - 1e-6, 3, 3, 3]}
    assert found({"kind": "cutoff", "cutoff": "complete_60", "missing": "observed"}, people, "meq30_lowest")[1] == [1, 0, 1, 1, 1]


def test_onset_stays_once_it_is_met() -> None:
    rows = found({"kind": "onset", "cutoff": "response_50", "missing": "nonresponse"})
    assert rows == {
        **{at: [1, 1, 1, 1, 1] for at in (1, 2, 3, 5, 7)},
        4: [0, 1, 1, 1, 1],
        6: [0, 1, 1, 1, 1],
        **{at: [0, 0, 0, 0, 0] for at in (8, 9, 10)},
    }


def sustained(**changes: Any) -> dict[str, Any]:
    return {"kind": "sustained", "cutoff": "response_50", "visits": AFTER, "excursions": 1, "missing": "nonresponse", "source": "s", **changes}


ALWAYS = ["d2", "d28"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # TRANSFORM: from 24 h to day 28, one excursion, a missing visit is none
        ({"always": ALWAYS}, [1, 1, 0, 0, 1, 0, 0, 0, 0, 0]),
        ({"always": ALWAYS, "missing": "non_evaluable"}, [1, 1, 0, 0, None, None, None, None, None, None]),
        # the sixth lacks day 2 and the seventh day 28, at which it must hold; the fifth lacks day 8
        ({"always": ALWAYS, "missing": "observed"}, [1, 1, 0, 0, 1, None, None, None, None, None]),
        # the fifth and the seventh keep a score; before the sixth's first score there is none
        ({"always": ALWAYS, "missing": "last_observation"}, [1, 1, 0, 0, 1, None, 1, None, None, None]),
        # without visits at which it must hold: the fourth misses once, the sixth lacks one visit, the seventh two
        ({}, [1, 1, 0, 1, 1, 1, 0, 0, 0, 0]),
        ({"missing": "observed"}, [1, 1, 0, 1, 1, 1, 1, None, None, None]),
        ({"excursions": 0}, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ({"excursions": 0, "missing": "observed"}, [1, 0, 0, 0, 1, 1, 1, None, None, None]),
        ({"excursions": 2}, [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
        ({"excursions": 4}, [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
        ({"always": ["d8"], "excursions": 2}, [1, 1, 0, 1, 0, 1, 1, 0, 0, 0]),
        # what lies between is not looked at, but is carried: the fifth's day 8 is its day 2
        ({"visits": ["d8", "d28"], "excursions": 0, "missing": "last_observation"}, [1, 1, 0, 1, 1, 1, 1, None, None, None]),
        ({"visits": ["d8", "d28"], "excursions": 0, "missing": "non_evaluable"}, [1, 1, 0, 1, None, 1, None, None, None, None]),
        ({"visits": ["d2", "d8"], "excursions": 0, "missing": "observed"}, [1, 1, 0, 0, 1, 1, 1, None, None, None]),
    ],
)
def test_sustained(changes: dict[str, Any], expected: Values) -> None:
    study = plan({"it": sustained(**changes)})
    data = followed(study, PEOPLE)
    assert values(data, "it") == {at: [value] for at, value in enumerate(expected, start=1)}
    # one answer, at the last of the visits
    assert set(data.loc[data["paramcd"] == "it", "avisit"]) == {changes.get("visits", AFTER)[-1]}


def reliable(**changes: Any) -> dict[str, Any]:
    # 10 x sqrt(2 (1 - 0.875)) = 5, and 2 x 5 = 10: beyond 10, not at 10
    return {"kind": "reliable_change", "direction": "improved", "sd": 10.0, "reliability": 0.875, "level": 2.0, "missing": "observed", "source": "s", **changes}


BOTH_WAYS: dict[int, Values] = {1: [20, 30, 31, 9, 10, None], 2: [None, 5, 5, 5, 5, 5], 3: [50, 39, None, None, 61 - 1, 50]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {1: [0, 0, 1, 0, None], 2: [None] * 5, 3: [1, None, None, 0, 0]}),
        ({"direction": "worsened"}, {1: [0, 1, 0, 0, None], 2: [None] * 5, 3: [0, None, None, 0, 0]}),
        ({"missing": "nonresponse"}, {1: [0, 0, 1, 0, 0], 2: [0] * 5, 3: [1, 0, 0, 0, 0]}),
        ({"missing": "non_evaluable"}, {1: [0, 0, 1, 0, None], 2: [None] * 5, 3: [1, None, None, 0, 0]}),
        # the third keeps day 2's 39 on days 8 and 15
        ({"missing": "last_observation"}, {1: [0, 0, 1, 0, 0], 2: [None] * 5, 3: [1, 1, 1, 0, 0]}),
        # 1.96 x 5 = 9.8: a change of 10 is beyond
        ({"level": 1.96}, {1: [0, 0, 1, 1, None], 2: [None] * 5, 3: [1, None, None, 0, 0]}),
        # 4 x sqrt(2 x 0.5) = 4, twice that is 8
        ({"sd": 4.0, "reliability": 0.5}, {1: [0, 0, 1, 1, None], 2: [None] * 5, 3: [1, None, None, 0, 0]}),
    ],
)
def test_reliable_change(changes: dict[str, Any], expected: dict[int, Values]) -> None:
    assert found(reliable(**changes), BOTH_WAYS) == expected


def test_reliable_change_by_the_baseline_scores_own_sd() -> None:
    # 10, 20, 30 (seen at baseline only): SD 10 with n - 1, so 10 points as above; the fourth has no baseline
    people: dict[int, Values] = {1: [10, 0, 21, 20, None, 10], 2: [20, 9, 10, 30, 31, 20], 3: [30, *[None] * 5], 4: [None, *[1] * 5]}
    rows = found(reliable(sd="baseline"), people)
    assert rows == {1: [0, 0, 0, None, 0], 2: [1, 0, 0, 0, 0], 3: [None] * 5, 4: [None] * 5}
    worse = found(reliable(sd="baseline", direction="worsened"), people)
    assert worse == {1: [0, 1, 0, None, 0], 2: [0, 0, 0, 1, 0], 3: [None] * 5, 4: [None] * 5}


def test_baseline_scores_without_spread_tell_nothing() -> None:
    # one person has no SD; the SD of 20 and 20 is 0, beyond which every change would lie
    assert found(reliable(sd="baseline"), {1: [20, 5, 20, 30, 0, 1]}) == {1: [None] * 5}
    assert found(reliable(sd="baseline"), {1: [20, 19, 20, 21, 0, 1], 2: [20, *[0] * 5]}) == {1: [None] * 5, 2: [None] * 5}


def test_reliable_change_where_more_is_better() -> None:
    people: dict[int, Values] = {1: [20, 30, 31, 9, 10, None]}
    assert found(reliable(), people, "well")[1] == [0, 1, 0, 0, None]
    # MoCA: 2 x 2 = 4 points with an SD of 4
    people = {1: [24, 28, 29, 20, 19, None]}
    assert found(reliable(sd=4.0), people, "moca")[1] == [0, 1, 0, 0, None]
    assert found(reliable(sd=4.0, direction="worsened"), people, "moca")[1] == [0, 0, 0, 1, None]


def area(**changes: Any) -> dict[str, Any]:
    return {"kind": "area", "of": "value", "visits": list(DAYS), "per_time": False, "missing": "observed", **changes}


FULL = {
    1: 58 + 102 + 105 + 91 + 66,  # 2 (40 + 18) / 2 + 6 (18 + 16) / 2 + 7 (16 + 14) / 2 + 7 (14 + 12) / 2 + 6 (12 + 10) / 2 = 422
    2: 60 + 120 + 143.5 + 140 + 111,
    3: 59 + 147 + 213.5 + 171.5 + 105,
    4: 65 + 135 + 136.5 + 129.5 + 90,
    8: 0,
}
BRIDGED = {
    5: 58 + 227.5 + 115.5 + 93,  # from day 2 to day 15: 13 (18 + 17) / 2
    6: 232 + 122.5 + 115.5 + 93,  # from baseline to day 8: 8 (40 + 18) / 2
}
CARRIED = {5: 58 + 108 + 122.5 + 115.5 + 93, 7: 58 + 105 + 115.5 + 112 + 96}  # 18 on day 8; 16 on days 22 and 28


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"missing": "non_evaluable"}, FULL),
        ({"missing": "observed"}, {**FULL, **BRIDGED}),
        # before the sixth's first score nothing can be carried, and no line is drawn instead
        ({"missing": "last_observation"}, {**FULL, **CARRIED}),
        ({"of": "change"}, {at: value - 40 * 28 * (at != 8) for at, value in {**FULL, **BRIDGED}.items()}),
        ({"per_time": True}, {at: value / 28 for at, value in {**FULL, **BRIDGED}.items()}),
        # day 8 to day 28: 20 days and two scores, of the fifth at most one
        ({"visits": ["d8", "d28"]}, {1: 260, 2: 380, 3: 470, 4: 320, 6: 330, 8: 0, 9: 310}),
        ({"visits": ["d8", "d28"], "per_time": True}, {1: 13, 2: 19, 3: 23.5, 4: 16, 6: 16.5, 8: 0, 9: 15.5}),
        ({"visits": ["d8", "d28"], "missing": "last_observation"}, {1: 260, 2: 380, 3: 470, 4: 320, 5: 330, 6: 330, 7: 330, 8: 0, 9: 310}),
        ({"visits": ["d8", "d15", "d28"], "of": "change", "per_time": True, "missing": "non_evaluable"}, None),
    ],
)
def test_area(changes: dict[str, Any], expected: dict[int, float] | None) -> None:
    # the last: 1: 7 (-24 - 26) / 2 + 13 (-26 - 30) / 2 = -539 over 20 days; 2: 7 (-20 - 19) / 2 + 13 (-19 - 22) / 2 = -403 and so on
    if expected is None:
        expected = {1: -539 / 20, 2: -403 / 20, 3: (-7 * 19 - 13 * 32) / 40, 4: (-7 * 41 - 13 * 49) / 40, 6: (-7 * 45 - 13 * 48) / 40, 8: 0}
    rows = found(area(**changes), PEOPLE)
    assert {at for at, (value,) in rows.items() if value is not None} == set(expected)
    for at, value in expected.items():
        assert rows[at] == [pytest.approx(value, abs=1e-9)]


@pytest.mark.parametrize(
    ("kind", "column", "expected"),
    [
        ("value", "aval", {5: [18, 18, 17, 16, 15], 6: [None, 18, 17, 16, 15], 7: [18, 17, 16, 16, 16], 9: [18, 17, 16, 15, 14], 10: [None] * 5}),
        (
            "change",
            "chg",
            {5: [-22, -22, -23, -24, -25], 6: [None, -22, -23, -24, -25], 7: [-22, -23, -24, -24, -24], 8: [0] * 5, 9: [None] * 5, 10: [None] * 5},
        ),
        ("percent_change", "pchg", {7: [-55, -57.5, -60, -60, -60], 8: [None] * 5, 9: [None] * 5, 10: [None] * 5}),
    ],
)
def test_last_observation_carried_forward(kind: str, column: str, expected: dict[int, Values]) -> None:
    rows = found({"kind": kind, "missing": "last_observation"}, column=column)
    assert {at: rows[at] for at in expected} == expected
    data = followed(plan({"it": {"kind": kind, "missing": "last_observation"}}), PEOPLE)
    first = data[(data["paramcd"] == "it") & (data["ablfl"] == "yes")].sort_values("participant")
    assert first["base"].isna().tolist() == [at == 9 for at in PEOPLE]


def test_a_score_as_observed_is_no_parameter_of_its_own() -> None:
    data = followed(plan({"it": {"kind": "value"}, "too": {"kind": "change"}}), PEOPLE)
    assert set(data["paramcd"]) == {"madrs"}


RESCUE = [(1, 8.0), (2, 9.0), (3, 30.0)]
#: The first meets it before and after the rescue of day 8, the second (day 9) only after, the third's lies behind the last visit.
#: The fourth has none. The fifth is not seen after the rescue.
RESCUED: dict[int, Values] = {1: [40, 18, 16, 14, 12, 10], 2: [40, 25, 24, 14, 12, 10], 3: [40, 18, 17, 16, 15, 14], 4: [40, 18, None, 16, 15, 14]}
KINDS: dict[str, dict[str, Any]] = {
    "cut": {"kind": "cutoff", "cutoff": "response_50", "missing": "observed"},
    "nri": {"kind": "cutoff", "cutoff": "response_50", "missing": "nonresponse"},
    "onset": {"kind": "onset", "cutoff": "response_50", "missing": "nonresponse"},
    "kept": sustained(excursions=2),
    "early": sustained(visits=["d2", "d8"], excursions=0, missing="observed"),
    "late": sustained(visits=["d22", "d28"], excursions=1, always=["d28"], missing="observed"),
    "reliable": reliable(),
    "area": area(missing="last_observation"),
    "locf": {"kind": "change", "missing": "last_observation"},
}


def rescued(strategy: str) -> Any:
    return followed(plan(KINDS, intercurrent=[{"event": "rescue", "strategy": strategy, "reason": "r"}]), RESCUED, RESCUE)


def test_after_a_composite_event_nothing_is_met() -> None:
    data = rescued("composite")
    assert values(data, "cut") == {1: [1, 1, 0, 0, 0], 2: [0, 0, 0, 0, 0], 3: [1] * 5, 4: [1, None, 1, 1, 1]}
    # what was met before the event has been met
    assert values(data, "onset") == {1: [1, 1, 1, 1, 1], 2: [0, 0, 0, 0, 0], 3: [1] * 5, 4: [1] * 5}
    # the first misses days 15, 22 and 28
    assert values(data, "kept") == {1: [0], 2: [0], 3: [1], 4: [1]}
    assert values(data, "early") == {1: [1], 2: [0], 3: [1], 4: [1]}
    assert values(data, "late") == {1: [0], 2: [0], 3: [1], 4: [1]}
    assert values(data, "reliable") == {1: [1, 1, 0, 0, 0], 2: [1, 1, 0, 0, 0], 3: [1] * 5, 4: [1, None, 1, 1, 1]}
    # scores stay what they were: 2 (40 + 18) / 2 + ... = 422
    assert values(data, "area")[1] == [422]
    assert values(data, "locf", "chg")[1] == [-22, -24, -26, -28, -30]
    assert all(set(row) == {"yes"} for name in KINDS for row in values(data, name, "anl").values())


def test_after_a_hypothetical_event_values_leave_the_analysis() -> None:
    data = rescued("hypothetical")
    visits = {1: ["yes", "yes", "no", "no", "no"], 2: ["yes", "yes", "no", "no", "no"], 3: ["yes"] * 5, 4: ["yes"] * 5}
    for name in ("cut", "nri", "onset", "reliable", "locf"):
        assert values(data, name, "anl") == visits
    # over several visits one that is out takes the answer out
    for name in ("kept", "late", "area"):
        assert values(data, name, "anl") == {1: ["no"], 2: ["no"], 3: ["yes"], 4: ["yes"]}
    assert values(data, "early", "anl") == {at: ["yes"] for at in RESCUED}
    assert values(data, "cut")[1] == [1, 1, 1, 1, 1]


def test_of_several_events_the_first_counts() -> None:
    study = plan(KINDS, intercurrent=[{"event": "rescue", "strategy": "composite", "reason": "r"}])
    data = followed(study, {1: [40, 18, 17, 16, 15, 14]}, [(1, 20.0), (1, 8.0), (1, 14.0)])
    assert values(data, "cut") == {1: [1, 1, 0, 0, 0]}


@pytest.mark.parametrize("strategy", ["composite", "hypothetical"])
def test_a_missing_visit_after_an_event_stands_where_it_was_planned(strategy: str) -> None:
    study = plan(KINDS, intercurrent=[{"event": "rescue", "strategy": strategy, "reason": "r"}])
    data = followed(study, {1: [40, 18, None, None, 12, None]}, [(1, 14.5)])
    met, kept = values(data, "cut")[1], values(data, "cut", "anl")[1]
    assert met == ([1, None, 0, 0, 0] if strategy == "composite" else [1, None, None, 1, None])
    assert kept == (["yes"] * 5 if strategy == "composite" else ["yes", "yes", "no", "no", "no"])


@pytest.mark.parametrize("sd", [-10.0, 0.0, 0, "screening"])
def test_a_standard_deviation_that_would_turn_or_lose_the_change_is_refused(sd: float | str) -> None:
    # with -10 the improved would be those who worsened
    with pytest.raises(ValidationError):
        plan({"it": reliable(sd=sd)})
