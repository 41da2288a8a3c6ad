"""The catalogue says what was printed, agrees with itself, and refuses entries that do not.

The expected numbers are written out with the publication each row names, not read from the catalogue. Ranges are derived from
the catalogue's text by code of this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from ketaoutcomes.domain.instruments import Change, Instrument, Threshold, contradictions, criterion_words, instruments, parts

RAW: dict[str, dict[str, Any]] = yaml.safe_load(files("ketaoutcomes.domain").joinpath("instruments.yaml").read_text(encoding="utf-8"))

#: Items (number, range of each), range of the score, direction, kind, and where they were printed.
PRINTED: dict[str, tuple[int, dict[int, tuple[int, int]], tuple[float, float], str, str]] = {
    # NCT04599855 and PMC8921149 table 4: 10 items of 0-6, total 0-60
    "madrs": (10, dict.fromkeys(range(1, 11), (0, 6)), (0, 60), "lower", "continuous"),
    # NCT04007367: total 0-52, items of 0-2 and 0-4 mixed; nine of the seventeen must have 0-4 (9 x 4 + 8 x 2 = 52)
    "hamd17": (17, {i: (0, 4) if i in {1, 2, 3, 7, 8, 9, 10, 11, 15} else (0, 2) for i in range(1, 18)}, (0, 52), "lower", "continuous"),
    # J Gen Intern Med 2001;16:606: 9 items of 0-3, total 0-27
    "phq9": (9, dict.fromkeys(range(1, 10), (0, 3)), (0, 27), "lower", "continuous"),
    # platform.self-management.eu, BDI-II: 21 items of 0-3, total 0-63
    "bdi2": (21, dict.fromkeys(range(1, 22), (0, 3)), (0, 63), "lower", "continuous"),
    # ids-qids.org/interpretation.html: 16 items of 0-3 in nine domains, total 0-27
    "qids_sr16": (16, dict.fromkeys(range(1, 17), (0, 3)), (0, 27), "lower", "continuous"),
    # PMC2831043: 7 items of 0-3, total 0-21
    "gad7": (7, dict.fromkeys(range(1, 8), (0, 3)), (0, 21), "lower", "continuous"),
    # C-SSRS Scoring and Data Analysis Guide: ideation 1-5 (0 none), intensity five items summed to 2-25, behaviour yes or no
    "cssrs_ideation": (5, dict.fromkeys(range(1, 6), (0, 1)), (0, 5), "lower", "ordinal"),
    "cssrs_ideation_lifetime": (5, dict.fromkeys(range(1, 6), (0, 1)), (0, 5), "lower", "ordinal"),
    "cssrs_behaviour": (5, dict.fromkeys(range(1, 6), (0, 1)), (0, 1), "lower", "binary"),
    "cssrs_behaviour_lifetime": (4, dict.fromkeys(range(1, 5), (0, 1)), (0, 1), "lower", "binary"),
    "cssrs_intensity": (5, {1: (1, 5), 2: (1, 5), 3: (0, 5), 4: (0, 5), 5: (0, 5)}, (2, 25), "lower", "ordinal"),
    # NCT04226963: 23 items of 0-4, total 0-92
    "cadss": (23, dict.fromkeys(range(1, 24), (0, 4)), (0, 92), "lower", "continuous"),
    # spiritwiki.lightningpath.org, MEQ30: 30 items of 0-5, mean; higher is more intense, not worse
    "meq30": (30, dict.fromkeys(range(1, 31), (0, 5)), (0, 5), "higher", "continuous"),
    # alpfmedical.info, Symptoms Scores: ICSI 0-20, ICPI 0-16, four items each (pubmed 11378052, 15711285)
    "icsi": (4, dict.fromkeys(range(1, 5), (0, 5)), (0, 20), "lower", "continuous"),
    "icpi": (4, dict.fromkeys(range(1, 5), (0, 4)), (0, 16), "lower", "continuous"),
    # scored elsewhere, no items: lines of 0-100 mm and 0-10; PMC3770123 table 1: MoCA 0-30, lower is worse
    "craving_vas": (0, {}, (0, 100), "lower", "continuous"),
    "craving_vas10": (0, {}, (0, 10), "lower", "continuous"),
    "moca": (0, {}, (0, 30), "higher", "continuous"),
}
#: Cut-offs and changes within a patient: rule, value.
CRITERIA: dict[str, dict[tuple[str, float], str]] = {
    "madrs": {
        ("percent_reduction", 50): "PMC7894501", ("at_most", 12): "PMC7894501", ("at_most", 10): "PMC5838571", ("at_most", 9): "12200208",
        ("at_least", 22): "spravatohcp.com", ("reduction", 10): "33261932", ("reduction", 6): "ifp.nyu.edu", ("reduction", 12): "ifp.nyu.edu",
    },
    "hamd17": {("percent_reduction", 50): "10.1016/j.jad.2012.12.001", ("at_most", 7): "PMC2151980", ("at_least", 18): "NCT04007367"},
    "phq9": {
        ("percent_reduction", 50): "20569992", ("at_most", 4): "PMC10439056", ("at_most", 9): "20569992", ("reduction", 6): "33261932",
        ("reduction", 3.7): "PMC8485844", ("percent_reduction", 21): "PMC9340848", ("reduction", 3): "ifp.nyu.edu",
    },
    "bdi2": {("percent_reduction", 17.5): "PMC4611356", ("percent_reduction", 32): "PMC4611356", ("percent_reduction", 23): "PMC9340848"},
    "qids_sr16": {("percent_reduction", 50): "PMC11200139", ("at_most", 5): "24144585"},
    "gad7": {
        ("reduction", 3.3): "PMC8485844", ("percent_reduction", 28): "PMC8485844", ("percent_reduction", 26.8): "PMC9340848", ("reduction", 4): "32090765",
    },
    "meq30_lowest": {("at_least", 3.0): "60 %"},
    "moca": {("at_least", 26): "PMC3770123", ("at_least", 18): "NCT03113968"},
    "sds": {("at_most", 6): "ESCAPE-TRD", ("reduction", 4): "ifp.nyu.edu", ("reduction", 8): "ifp.nyu.edu"},
    "pcl5": {("reduction", 5): "qxmd", ("reduction", 10): "qxmd", ("at_least", 31): "qxmd", ("at_least", 33): "qxmd"},
}  # fmt: skip
#: Lowest score of each band above the first.
BANDS = {
    "phq9": [5, 10, 15, 20],  # processingtherapy.com: 0-4, 5-9, 10-14, 15-19, 20-27
    "qids_sr16": [6, 11, 16, 21],  # ids-qids.org/interpretation.html: 0-5, 6-10, 11-15, 16-20, 21 and more
    "gad7": [5, 10, 15],  # PMC2831043
    "moca": [19, 26],  # PMC3770123 table 1: below 19 serious, 19-25 mild, 26-30 normal
    "hama": [8, 15, 24],  # PMC6878292: 0-7, 8-14, 15-23, 24 and more
    "ciwa_ar": [9, 16, 21],  # timeofcare.com: to 8, 9-15, 16-20, above 20
    "cows": [5, 13, 25, 37],  # NBK64244: 5-12, 13-24, 25-36, above 36
    "hamd17": [8, 17, 24],  # doi:10.1016/j.jad.2013.04.028: remission to 7, 17 mild or moderate, 24 moderate or severe
}
PARTS = {
    "madrs_suicide": ("madrs", [10], (0, 6)),
    "hamd6": ("hamd17", [1, 2, 7, 8, 10, 13], (0, 22)),  # five items of 0-4 and one of 0-2
    "hamd_suicide": ("hamd17", [3], (0, 4)),
    "phq9_suicide": ("phq9", [9], (0, 3)),
    "bdi2_suicide": ("bdi2", [9], (0, 3)),
    "qids_suicide": ("qids_sr16", [12], (0, 3)),
    "cadss6": ("cadss", [1, 2, 6, 7, 15, 22], (0, 24)),  # doi:10.1016/j.jad.2020.12.119
}


def item_ranges(entry: dict[str, Any]) -> dict[int, tuple[float, float]]:
    return {item: (low, high) for low, high, members in entry["items"]["ranges"] for item in members}


def reached(items: dict[str, Any], ranges: dict[int, tuple[float, float]], takes: list[int], end: int) -> float:
    """The score of somebody whose every item stands at its lowest (0) or highest (1) value."""
    answers = {item: ranges[item][end] for item in takes}
    groups = [set(group) & set(takes) for group in items.get("highest_of", [])]
    alone = [value for item, value in answers.items() if not any(item in group for group in groups)]
    values = alone + [max(answers[item] for item in group) for group in groups if group]
    if items["score"] == "highest":
        return max((item for item, met in answers.items() if met), default=0)
    if items["score"] == "any":
        return float(any(values))
    return sum(values) / (len(values) if items["score"] == "mean" else 1)


@pytest.mark.parametrize("name", [name for name, entry in RAW.items() if "items" in entry])
def test_items_reach_the_ends_of_the_range(name: str) -> None:
    entry, ranges = RAW[name], item_ranges(RAW[name])
    assert sorted(ranges) == list(range(1, entry["items"]["number"] + 1))
    assert all(low < high for low, high in ranges.values())
    every = list(ranges)
    assert (reached(entry["items"], ranges, every, 0), reached(entry["items"], ranges, every, 1)) == (entry["minimum"], entry["maximum"])
    for item in [item for group in entry["items"].get("either", []) for item in group]:
        assert any(item in group for group in entry["items"]["highest_of"])


@pytest.mark.parametrize("name", [name for name, entry in RAW.items() if "takes" in entry])
def test_items_of_a_part_reach_the_ends_of_its_range(name: str) -> None:
    entry, whole = RAW[name], RAW[RAW[name]["part_of"]]
    takes = entry["takes"]
    assert takes == sorted(set(takes))
    found = [reached(whole["items"], item_ranges(whole), takes, end) for end in (0, 1)]
    assert found == [entry["minimum"], entry["maximum"]]


def test_the_factors_of_the_meq30_share_its_items() -> None:
    factors = RAW["meq30_lowest"]["lowest_of"]
    # MacLean 2012: mystical 15, positive mood 6, transcendence 6, ineffability 3
    assert [len(RAW[name]["takes"]) for name in factors] == [15, 6, 6, 3]
    assert sorted(item for name in factors for item in RAW[name]["takes"]) == list(range(1, 31))
    assert all(RAW[name]["cutoffs"]["complete_60"]["value"] == 0.6 * RAW[name]["maximum"] for name in [*factors, "meq30_lowest"])


def numbers(value: Any, path: str) -> Iterator[tuple[str, bool]]:
    """Each mapping that states a number, and whether it also states where it was read."""
    if isinstance(value, dict):
        states = any(isinstance(v, int | float) and not isinstance(v, bool) for v in value.values()) or "of" in value or "starts" in value
        if states and not path.endswith("starts"):
            yield path, isinstance(value.get("source"), str) and len(value["source"].strip()) > 3
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")


@pytest.mark.parametrize("name", RAW)
def test_every_number_says_where_it_was_read(name: str) -> None:
    found = list(numbers(RAW[name], name))
    assert found
    assert [path for path, sourced in found if not sourced] == []
    entry = RAW[name]
    if "recall" in entry:
        assert entry["recall"]["text"].strip()
        assert entry["recall"]["source"].strip()
    items = entry.get("items", {})
    assert "items" not in entry or items["missing_source"].strip()
    assert bool(items.get("either") or items.get("asked_if")) == bool(items.get("unanswered_source", "").strip())


@pytest.mark.parametrize("name", RAW)
def test_cutoffs_and_bands_lie_within_the_range(name: str) -> None:
    entry = RAW[name]
    low, high = entry["minimum"], entry["maximum"]
    for rule in [*entry.get("cutoffs", {}).values(), *entry.get("changes", {}).values()]:
        if rule["rule"] == "at_least":
            assert low < rule["value"] <= high
        elif rule["rule"] in {"at_most", "above"}:
            assert low <= rule["value"] < high
        elif rule["rule"] == "reduction":
            assert 0 < rule["value"] <= high - low
        elif rule["rule"] == "percent_reduction":
            assert 0 < rule["value"] <= 100
    starts = list(entry.get("bands", {"starts": {"all": low}})["starts"].values())
    assert starts[0] == low
    assert all(earlier < later <= high for earlier, later in pairwise(starts))


@pytest.mark.parametrize("name", PRINTED)
def test_items_and_ranges_are_those_printed(name: str) -> None:
    number, ranges, span, better, kind = PRINTED[name]
    scale = instruments()[name]
    assert (scale.minimum, scale.maximum, scale.better, scale.kind) == (*span, better, kind)
    assert (scale.items.number if scale.items else 0) == number
    assert {item: scale.items.range_of(item) for item in ranges if scale.items} == ranges
    assert scale.averaged == (kind == "continuous")


@pytest.mark.parametrize("name", CRITERIA)
def test_cutoffs_are_those_printed(name: str) -> None:
    scale = instruments()[name]
    found = [(rule.rule, rule.value, rule.source) for rule in scale.criteria.values() if isinstance(rule, Threshold | Change)]
    for (rule, value), printed in CRITERIA[name].items():
        assert any((rule, value) == (other, number) and printed in source for other, number, source in found)


@pytest.mark.parametrize("name", BANDS)
def test_bands_are_those_printed(name: str) -> None:
    bands = instruments()[name].bands
    assert bands is not None
    assert list(bands.starts.values())[1:] == BANDS[name]


@pytest.mark.parametrize("name", PARTS)
def test_parts_are_those_printed(name: str) -> None:
    whole, takes, span = PARTS[name]
    scale = instruments()[name]
    assert (scale.part_of, scale.takes, (scale.minimum, scale.maximum)) == (whole, takes, span)
    assert name in parts(instruments(), whole)


def test_suicidality_is_never_averaged() -> None:
    single = [name for name in RAW if name.endswith("_suicide") or name.startswith("cssrs")]
    assert len(single) == 10
    assert not any(instruments()[name].averaged for name in single)


def test_the_phq9_asks_for_both_a_half_and_nine() -> None:
    # pubmed 20569992: 9 or less and at least 50 %
    both = RAW["phq9"]["cutoffs"]["response_9"]
    assert (both["rule"], both["of"]) == ("all_of", ["response_50", "score_9"])
    words = criterion_words(instruments()["phq9"], "response_9")
    assert words == "PHQ-9 improved by at least 50 % from baseline and PHQ-9 of 9 or less (pubmed 20569992)"


def test_a_difference_between_groups_is_no_endpoint() -> None:
    # pubmed 18377706: 1.9 is a difference of means
    scale = instruments()["madrs"]
    assert scale.changes["between_1_9"].value == 1.9
    assert "between_1_9" not in scale.criteria


def test_qids_takes_the_highest_of_sleep_appetite_and_weight_and_motion() -> None:
    # ids-qids.org: domains 1-4 (sleep), 6-9 (appetite and weight), 15-16 (motion); 6 or 7 and 8 or 9 are answered
    items = instruments()["qids_sr16"].items
    assert items is not None
    assert (items.highest_of, items.either) == ([[1, 2, 3, 4], [6, 7, 8, 9], [15, 16]], [[6, 7], [8, 9]])
    assert len(items.groups) == 9


GOOD: dict[str, Any] = {
    "name": "S", "label": "Scale", "measures": "m", "kind": "continuous", "minimum": 0, "maximum": 6, "unit": "points", "better": "lower",
    "rater": "self", "source": "s",
    "items": {"number": 3, "ranges": [[0, 2, [1, 2, 3]]], "score": "sum", "missing_source": "s", "source": "s"},
    "cutoffs": {"low": {"rule": "at_most", "value": 2, "source": "s"}},
    "changes": {"means": {"rule": "reduction", "value": 1, "compares": "groups", "population": "p", "source": "s"}},
    "bands": {"starts": {"none": 0, "some": 3}, "source": "s"},
}  # fmt: skip
HALF = {"rule": "percent_reduction", "value": 50, "source": "s"}
PART = {"part_of": "whole", "items": None, "takes": [1]}


def spoilt(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def items(**changes: Any) -> dict[str, Any]:
    return spoilt(items={**GOOD["items"], **changes})


BAD = {
    "minimum at maximum": (spoilt(minimum=6, items=None, bands=None), "minimum must lie below maximum"),
    "part without items": (spoilt(part_of="whole", items=None), "a part has"),
    "part with items of its own": (spoilt(part_of="whole", takes=[1]), "a part has"),
    "part with both": (spoilt(**PART, lowest_of=["a", "b"]), "a part has"),
    "takes without a whole": (spoilt(items=None, takes=[1]), "a part has"),
    "lowest without a whole": (spoilt(items=None, lowest_of=["a", "b"]), "a part has"),
    "one name for cut-off and change": (spoilt(cutoffs={"means": HALF}), "same name"),
    "all of an unknown": (spoilt(cutoffs={"half": HALF, "both": {"rule": "all_of", "of": ["half", "other"], "source": "s"}}), "all_of"),
    "all of a difference of means": (spoilt(cutoffs={"half": HALF, "both": {"rule": "all_of", "of": ["half", "means"], "source": "s"}}), "all_of"),
    "all of itself": (spoilt(cutoffs={"half": HALF, "both": {"rule": "all_of", "of": ["half", "both"], "source": "s"}}), "all_of"),
    "all of one": (spoilt(cutoffs={"half": HALF, "both": {"rule": "all_of", "of": ["half"], "source": "s"}}), "at least 2"),
    "bands above the minimum": (spoilt(bands={"starts": {"a": 1, "b": 3}, "source": "s"}), "bands start"),
    "bands that fall": (spoilt(bands={"starts": {"a": 0, "b": 4, "c": 3}, "source": "s"}), "bands start"),
    "bands that repeat": (spoilt(bands={"starts": {"a": 0, "b": 3, "c": 3}, "source": "s"}), "bands start"),
    "bands beyond the maximum": (spoilt(bands={"starts": {"a": 0, "b": 7}, "source": "s"}), "bands start"),
    "an item without a range": (items(ranges=[[0, 2, [1, 2]]]), "each item once"),
    "an item with two ranges": (items(ranges=[[0, 2, [1, 2, 3]], [0, 2, [3]]]), "each item once"),
    "a range of an item too many": (items(ranges=[[0, 2, [1, 2, 3, 4]]]), "each item once"),
    "a group with an unknown item": (items(highest_of=[[3, 4]]), "`highest_of`"),
    "an item in two groups": (items(highest_of=[[1, 2], [2, 3]]), "`highest_of`"),
    "either of an unknown": (items(highest_of=[[2, 3]], either=[[3, 4]]), "`either`"),
    "either without a group": (items(either=[[1, 2]]), "`either`"),
    "either across groups": (spoilt(maximum=4, items={**GOOD["items"], "highest_of": [[1, 2]], "either": [[2, 3]]}), "`either`"),
    "an item in two pairs": (spoilt(maximum=2, bands=None, items={**GOOD["items"], "highest_of": [[1, 2, 3]], "either": [[1, 2], [2, 3]]}), "`either`"),
    "asked after an unknown": (items(asked_if=[[4, [1]]]), "`asked_if`"),
    "an unknown that is asked": (items(asked_if=[[1, [2, 4]]]), "`asked_if`"),
    "levels that are not yes or no": (items(score="highest"), "items from 0 to 1"),
    "any of more than yes or no": (items(score="any"), "items from 0 to 1"),
    "a maximum the items miss": (spoilt(maximum=7), "the items give 0 to 6"),
    "a maximum the items exceed": (spoilt(maximum=5), "the items give 0 to 6"),
    "a minimum the items never reach": (spoilt(minimum=-1, bands=None), "the items give 0 to 6"),
    "a mean that is a sum": (items(score="mean"), "the items give 0 to 2"),
    "no source": ({key: value for key, value in GOOD.items() if key != "source"}, "source"),
    "a reliability of 1": (spoilt(reliability={"value": 1, "population": "p", "source": "s"}), "less than 1"),
}


def test_the_good_entry_is_an_instrument() -> None:
    assert Instrument.model_validate(GOOD).items is not None
    assert Instrument.model_validate(spoilt(**PART, cutoffs={"half": HALF, "both": {"rule": "all_of", "of": ["half", "half"], "source": "s"}})).takes == [1]


@pytest.mark.parametrize("what", BAD)
def test_an_entry_that_contradicts_itself_is_refused(what: str) -> None:
    entry, words = BAD[what]
    with pytest.raises(ValidationError, match=words):
        Instrument.model_validate(entry)


def scales(**entries: dict[str, Any]) -> dict[str, Instrument]:
    return {name: Instrument.model_validate(entry) for name, entry in {"whole": GOOD, **entries}.items()}


def part(*, maximum: float = 2, **changes: Any) -> dict[str, Any]:
    return spoilt(**{**PART, "maximum": maximum, "bands": None, "cutoffs": {}, **changes})


def test_the_catalogue_has_no_part_that_does_not_fit() -> None:
    assert contradictions(instruments()) == {}


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ({"a": part()}, set()),
        ({"a": part(takes=[1, 3], maximum=4)}, set()),
        ({"a": part(part_of="nobody")}, {"a"}),
        ({"a": part(takes=[4])}, {"a"}),
        ({"a": part(maximum=3)}, {"a"}),
        ({"a": part(), "b": part(part_of="a")}, {"b"}),
        ({"a": part(), "b": part(takes=[2]), "c": part(takes=[], lowest_of=["a", "b"])}, set()),
        ({"a": part(), "c": part(takes=[], lowest_of=["a", "b"])}, {"c"}),
        ({"a": part(), "b": part(takes=[2]), "c": part(takes=[], lowest_of=["a", "b"], maximum=4)}, {"c"}),
        ({"a": part(), "b": part(takes=[2, 3], maximum=4), "c": part(takes=[], lowest_of=["a", "b"])}, {"c"}),
        ({"a": part(), "b": part(takes=[], lowest_of=["a", "a"]), "c": part(takes=[], lowest_of=["a", "b"])}, {"c"}),
        ({"a": part(), "c": part(takes=[], lowest_of=["a", "whole"])}, {"c"}),
        # of another instrument, with the same range
        ({"other": GOOD, "a": part(), "b": part(part_of="other"), "c": part(takes=[], lowest_of=["a", "b"])}, {"c"}),
    ],
)
def test_parts_that_do_not_fit_are_named(entries: dict[str, dict[str, Any]], wrong: set[str]) -> None:
    assert set(contradictions(scales(**entries))) == wrong
