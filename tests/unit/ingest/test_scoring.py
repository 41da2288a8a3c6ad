"""Items of a few invented people become scores; every expected score is worked out by hand beside its answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.instruments import contradictions
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import Ingested, ingest

NUMBER = {
    "madrs": 10, "hamd17": 17, "qids_sr16": 16, "phq9": 9, "bdi2": 21, "meq30": 30,
    "cssrs_ideation": 5, "cssrs_behaviour": 5, "cssrs_behaviour_lifetime": 4, "cssrs_intensity": 5,
}  # fmt: skip
Score = Callable[..., dict[str, list[float | None]]]
Read = Callable[..., Ingested]


def plan(*names: str, **columns: Any) -> Study:
    """One visit, and a table of items (and perhaps totals) for these instruments."""
    items = [{"instrument": name, "from": [f"{name}.{{}}"]} for name in names]
    scores = {"participant": {"from": "id"}, "visit": {"from": "visit"}, **columns}
    return Study.model_validate(
        {
            "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open",
            "tables": {
                "people": {"file": "people.csv", "provides": "participants", "columns": {"participant": {"from": "id"}}},
                "scores": {"file": "scores.csv", "provides": "assessments", "missing": ["-9"], "columns": scores, "items": items},
            },
            "design": {"kind": "single_arm", "arms": {"ketamine": {"label": "K"}}, "randomised": False},
            "periods": [{"id": "main", "label": "M", "baseline": {"period": "main", "visit": "first"}}],
            "visits": [{"id": "first", "period": "main", "label": "1", "time": 0}, {"id": "later", "period": "main", "label": "2", "time": 7}],
            "populations": {"all": {"label": "All"}},
            "analyses": {"d": {"model": "descriptive", "title": "D", "population": "all", "period": "main", "primary": True}},
        }
    )  # fmt: skip


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What ingest makes of one row of answers per person; an answer of None is an empty cell."""

    def made(study: Study, answers: list[list[Any]], totals: list[Any] | None = None, visit: str = "later") -> Ingested:
        headers = [f"{entry.instrument}.{at}" for entry in study.tables["scores"].items for at in range(1, NUMBER[entry.instrument] + 1)]
        lines = [["id", "visit", *headers, *(["total"] if totals else [])]]
        lines += [[f"{at:02d}", visit, *row, *([totals[at - 1]] if totals else [])] for at, row in enumerate(answers, start=1)]
        (tmp_path / "scores.csv").write_text("\n".join(",".join("" if cell is None else str(cell) for cell in line) for line in lines) + "\n")
        (tmp_path / "people.csv").write_text("id\n" + "".join(f"{at:02d}\n" for at in range(1, len(answers) + 1)))
        return ingest(study, tmp_path)

    return made


@pytest.fixture
def score(read: Read) -> Score:
    """Scores of each person by parameter, None without one; the notes under `notes`."""

    def scores(name: str, *answers: list[Any]) -> dict[str, Any]:
        found = read(plan(name), list(answers))
        table = found.tables["assessments"]
        by = {str(name): dict(zip(part["participant"], part["value"], strict=True)) for name, part in table.groupby("parameter")}
        return {"notes": found.notes, **{name: [of.get(at) for at in range(1, len(answers) + 1)] for name, of in by.items()}}

    return scores


def test_madrs_is_the_sum_and_its_tenth_item_stands_alone(score: Score) -> None:
    found = score("madrs", [0, 1, 2, 3, 4, 5, 6, 0, 1, 2], [6] * 10, [0] * 10, [None, *[1] * 8, 3], [*[1] * 9, "-9"], [None] * 10)
    # 0 + 1 + 2 + 3 + 4 + 5 + 6 + 0 + 1 + 2 = 24; the fourth lacks one item, the fifth the tenth, the sixth answered nothing
    assert found["madrs"] == [24, 60, 0, None, None, None]
    assert found["madrs_suicide"] == [2, 6, 0, 3, None, None]
    assert found["notes"] == {"MADRS not scored, too many items missing": 2}


def test_hamd17_with_its_six_core_items_and_the_third(score: Score) -> None:
    answers = [2, 1, 3, 1, 0, 2, 4, 1, 0, 3, 2, 1, 1, 0, 2, 1, 0]
    top = [4, 4, 4, 2, 2, 2, 4, 4, 4, 4, 4, 2, 2, 2, 4, 2, 2]
    found = score("hamd17", answers, top, [*answers[:16], None], [None, *answers[1:]])
    # items 1, 2, 7, 8, 10, 13: 2 + 1 + 4 + 1 + 3 + 1 = 12; the seventeenth is none of them, the first is
    assert found["hamd17"] == [24, 52, None, None]
    assert found["hamd6"] == [12, 22, 12, None]
    assert found["hamd_suicide"] == [3, 4, 3, 3]


def test_qids_counts_groups_as_their_highest(score: Score) -> None:
    sleep, sad, rest, slow = [1, 0, 3, 2], [2], [1, 0, 3, 2, 1], [0, 3]
    less, more, both, none = [1, None, None, 2], [None, 3, 0, None], [1, 3, 0, 2], [None, None, 1, None]
    found = score(
        "qids_sr16",
        [*sleep, *sad, *less, *rest, *slow],  # 3 + 2 + 2 + (1 + 0 + 3 + 2 + 1) + 3 = 17
        [*sleep, *sad, *more, *rest, *slow],  # appetite more: 3 in place of 2
        [*sleep, *sad, *both, *rest, *slow],  # all four answered: 3
        [*sleep, *sad, *none, *rest, *slow],  # neither less nor more appetite
        [*sleep[:3], None, *sad, *less, *rest, *slow],  # the fourth item of sleep is missing
        [*sleep, *sad, *less, *rest, 0, None],  # one of the two items of motion is missing
        [*sleep, *sad, *less, 1, 0, None, 2, 1, *slow],  # the twelfth
        [3] * 16,
    )
    assert found["qids_sr16"] == [17, 18, 18, None, None, None, None, 27]
    assert found["qids_suicide"] == [3, 3, 3, 3, 3, 3, None, 3]
    assert found["notes"] == {"QIDS-SR16 not scored, too many items missing": 4}


def test_phq9_is_filled_for_one_or_two_missing_items(score: Score) -> None:
    found = score(
        "phq9",
        [3, 3, 3, 3, 2, 2, 1, 1, 2],  # 20
        [3, 3, 3, 3, 2, 2, 1, 1, None],  # 18 of eight items: 18 x 9 / 8 = 20.25
        [None, 2, 2, 2, None, 2, 2, 2, 1],  # 13 of seven: 13 x 9 / 7
        [None, 2, 2, 2, None, 2, 2, None, 2],
    )
    assert found["phq9"] == [20, 20.25, pytest.approx(13 * 9 / 7, abs=1e-12), None]
    assert found["phq9_suicide"] == [2, None, 1, 2]
    assert found["notes"] == {"PHQ-9 filled for missing items": 2, "PHQ-9 not scored, too many items missing": 1}


def test_a_part_is_never_filled(read: Read) -> None:
    core = {
        "name": "PHQ-2", "label": "x", "measures": "m", "kind": "continuous", "minimum": 0, "maximum": 6, "unit": "points", "better": "lower",
        "rater": "self", "source": "s", "part_of": "phq9", "takes": [1, 2],
    }  # fmt: skip
    study = Study.model_validate({**plan("phq9").model_dump(by_alias=True), "instruments": {"phq2": core}})
    found = read(study, [[3, 2, *[1] * 7], [3, None, *[1] * 7]]).tables["assessments"]
    by = {str(name): dict(zip(part["participant"], part["value"], strict=True)) for name, part in found.groupby("parameter")}
    # 12 of 9 items; 10 of 8 items: 11.25, but of its two first items one is missing
    assert by["phq9"] == {1: 12, 2: 11.25}
    assert by["phq2"] == {1: 5}


def test_bdi2_is_filled_for_up_to_four(score: Score) -> None:
    found = score("bdi2", [*[2] * 17, *[None] * 4], [*[2] * 16, *[None] * 5], [3] * 21, [*[1] * 8, 3, *[1] * 12])
    # 34 of 17 items: 34 x 21 / 17 = 42; 20 x 1 + 3 = 23
    assert found["bdi2"] == [pytest.approx(42, abs=1e-12), None, 63, 23]
    assert found["bdi2_suicide"] == [2, 2, 3, 3]


def test_cssrs_ideation_is_the_highest_level_met(score: Score) -> None:
    answers: list[tuple[list[Any], float | None]] = [
        ([1, 0, None, None, None], 1),  # the second is no: the others were not asked
        ([0, 0, None, None, None], 0),
        ([1, 1, 1, 0, 0], 3),
        ([1, 1, 0, 0, 1], 5),
        ([None, 1, 0, 0, 0], 2),  # whatever the first was
        ([1, None, 0, 0, 0], None),  # 1 or 2
        ([1, None, None, None, 1], 5),  # nothing is above the fifth
        ([1, 1, 1, None, 0], None),  # 3 or 4
        ([1, 1, None, 1, 0], 4),  # whatever the third was
        ([None, 0, None, None, None], None),  # 0 or 1
        ([1, 0, 1, None, None], 3),  # a given answer stands, although it should not have been asked
        ([None] * 5, None),
    ]
    found = score("cssrs_ideation", *(row for row, _ in answers))
    assert found["cssrs_ideation"] == [expected for _, expected in answers]
    # nothing was filled, although three answers were told with an item missing
    assert found["notes"] == {"C-SSRS ideation not scored, too many items missing": 3}


OF_LEVELS = {
    "label": "x", "measures": "m", "minimum": 0, "unit": "level", "better": "lower", "rater": "self", "source": "s", "part_of": "cssrs_ideation",
}  # fmt: skip


def test_a_part_of_levels_looks_at_its_own_items_only(read: Read) -> None:
    intent = {**OF_LEVELS, "name": "Intent", "kind": "ordinal", "maximum": 5, "takes": [4, 5]}
    wish = {**OF_LEVELS, "name": "Wish", "kind": "ordinal", "maximum": 1, "takes": [1]}
    study = Study.model_validate({**plan("cssrs_ideation").model_dump(by_alias=True), "instruments": {"intent": intent, "wish": wish}})
    assert contradictions(study.scales) == {}
    answers = [[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [0, 1, 1, 0, None], [None, 1, 0, 1, 1], [1, 0, None, None, None]]
    found = read(study, answers).tables["assessments"]
    by = {str(name): dict(zip(part["participant"], part["value"], strict=True)) for name, part in found.groupby("parameter")}
    # 4 or 5 where met, else 0; unknown for the third, whose fifth is missing
    assert by["intent"] == {1: 0, 2: 4, 4: 5, 5: 0}
    assert by["wish"] == {1: 1, 2: 1, 3: 0, 5: 1}


@pytest.mark.parametrize("name", ["cssrs_behaviour", "cssrs_behaviour_lifetime"])
def test_cssrs_behaviour_is_any(score: Score, name: str) -> None:
    more = NUMBER[name] - 3
    blank, no = [None] * more, [0] * more
    found = score(name, [0, 0, 0, *no], [0, 1, 0, *no], [None, 1, None, *blank], [0, None, 0, *no], [None, None, None, *blank], [0, 0, 1, *no])
    assert found[name] == [0, 1, 1, None, None, 1]


def test_cssrs_intensity_is_a_sum_from_2_to_25_and_never_0(read: Read, score: Score) -> None:
    assert score("cssrs_intensity", [1, 1, 0, 0, 0], [5] * 5, [3, 2, 4, 0, 1], [None] * 5)["cssrs_intensity"] == [2, 25, 10, None]
    with pytest.raises(Refused) as error:
        read(plan("cssrs_intensity"), [[1, 1, 0, 0, 0], [0] * 5])
    # the third line: frequency and duration start at 1
    assert [(f.line, f.column) for f in error.value.findings] == [(3, "cssrs_intensity.1"), (3, "cssrs_intensity.2")]


def test_yes_and_no_are_1_and_0_where_that_is_all_there_is(read: Read, score: Score) -> None:
    found = score("cssrs_ideation", ["yes", "No", None, None, None], ["Y", "TRUE", "true", "n", "false"], ["no", "0", "", "", ""])
    assert found["cssrs_ideation"] == [1, 3, 0]
    with pytest.raises(Refused) as error:
        read(plan("madrs"), [["yes", *[1] * 9]])
    assert [(f.line, f.column) for f in error.value.findings] == [(2, "madrs.1")]


#: Numbers of the items by factor, as public scoring code of the MEQ30's stand-alone form lists them.
FACTORS = {
    "mystical": [4, 5, 6, 9, 14, 15, 16, 18, 20, 21, 23, 24, 25, 26, 28], "positive_mood": [2, 8, 12, 17, 27, 30],
    "transcendence": [1, 7, 11, 13, 19, 22], "ineffability": [3, 10, 29],
}  # fmt: skip


def meq(**answers: list[int | None]) -> list[int | None]:
    """Answers by factor, in the order of the form."""
    by = {item: answer for factor, items in FACTORS.items() for item, answer in zip(items, answers[factor], strict=True)}
    return [by[item] for item in range(1, 31)]


def test_meq30_means_factors_and_the_sixty_percent_rule(read: Read, score: Score) -> None:
    most = meq(mystical=[3] * 15, positive_mood=[5] * 6, transcendence=[0, 5, 3, 4, 2, 4], ineffability=[3, 3, 2])
    complete = meq(mystical=[3] * 15, positive_mood=[5] * 6, transcendence=[0, 5, 3, 4, 2, 4], ineffability=[3, 4, 2])
    lacking = meq(mystical=[3] * 15, positive_mood=[None, *[5] * 5], transcendence=[3] * 6, ineffability=[5] * 3)
    found = score("meq30", most, complete, lacking)
    # means: 3, 5, 18 / 6 = 3, 8 / 3 and 9 / 3; in all (45 + 30 + 18 + 8) / 30 and one thirtieth more
    assert found["meq30"] == [pytest.approx(101 / 30, abs=1e-12), pytest.approx(102 / 30, abs=1e-12), None]
    assert found["meq30_mystical"] == [3, 3, 3]
    assert found["meq30_positive_mood"] == [5, 5, None]
    assert found["meq30_transcendence"] == [3, 3, 3]
    assert found["meq30_ineffability"] == [pytest.approx(8 / 3, abs=1e-12), 3, 5]
    assert found["meq30_lowest"] == [pytest.approx(8 / 3, abs=1e-12), 3, None]
    endpoint = {"complete": {"kind": "cutoff", "parameter": "meq30_lowest", "cutoff": "complete_60", "missing": "observed"}}
    study = Study.model_validate({**plan("meq30").model_dump(by_alias=True), "endpoints": endpoint})
    rows = derive(study, read(study, [most, complete, lacking]).tables)["adqs"]
    complete_rows = rows[(rows["paramcd"] == "complete") & (rows["avisit"] == "later")].sort_values("participant")
    # 60 % of 5 is 3 on each of the four: 8 / 3 is too little, 3 is enough, and the third cannot be told
    assert [None if pd.isna(value) else value for value in complete_rows["aval"]] == [0, 1, None]


@pytest.mark.parametrize("cell", ["7", "-1", "1.5", "x", "1e0", "99"])
def test_an_item_that_cannot_be_is_refused_at_its_place(read: Read, cell: str) -> None:
    with pytest.raises(Refused) as error:
        read(plan("madrs"), [[1] * 10, [*[1] * 4, cell, *[1] * 5]])
    assert [(Path(f.file).name, f.line, f.column, f.code) for f in error.value.findings] == [("scores.csv", 3, "madrs.5", "E-DATA-VALUE")]


@pytest.mark.parametrize(("item", "cell"), [(4, 3), (1, 5), (17, 3), (15, 5)])
def test_each_item_of_hamd17_has_its_own_range(read: Read, item: int, cell: int) -> None:
    answers: list[Any] = [0] * 17
    answers[item - 1] = cell
    with pytest.raises(Refused) as error:
        read(plan("hamd17"), [answers])
    assert [f.column for f in error.value.findings] == [f"hamd17.{item}"]


TOTAL = {"madrs": {"from": "total", "kind": "integer", "instrument": "madrs"}}
PHQ = {"phq9": {"from": "total", "kind": "number", "instrument": "phq9"}}


def test_a_total_beside_its_items_agrees_with_them_or_stands_where_none_are(read: Read) -> None:
    found = read(plan("madrs", **TOTAL), [[2] * 10, [None] * 10, [1] * 10, [None] * 10], ["20", "33", "", ""]).tables["assessments"]
    totals = found[found["parameter"] == "madrs"]
    # the second brings a total only; the third its items only; the fourth nothing
    assert dict(zip(totals["participant"], totals["value"], strict=True)) == {1: 20, 2: 33, 3: 10}
    items = found[found["parameter"] == "madrs_suicide"]
    assert dict(zip(items["participant"], items["value"], strict=True)) == {1: 2, 3: 1}


def test_a_total_that_contradicts_its_items_is_refused(read: Read) -> None:
    with pytest.raises(Refused) as error:
        read(plan("madrs", **TOTAL), [[2] * 10, [2] * 10, [None, *[2] * 9], [*[None] * 9, 0]], ["20", "21", "18", "5"])
    # 21 is not 20; 18 is the sum of nine, and without the tenth there is no total; nor from one item alone
    assert [(f.line, f.column, f.code) for f in error.value.findings] == [(line, "total", "E-DATA-TOTAL") for line in (3, 4, 5)]


@pytest.mark.parametrize(("total", "agrees"), [("20.25", True), ("20.254", True), ("20.24", False), ("20.26", False), ("18", False)])
def test_a_filled_total_is_compared_as_filled(read: Read, total: str, *, agrees: bool) -> None:
    # eight items of together 18: 18 x 9 / 8 = 20.25, to half a hundredth
    answers = [[3, 3, 3, 3, 2, 2, 1, 1, None]]
    if agrees:
        assert read(plan("phq9", **PHQ), answers, [total]).tables["assessments"]["value"].tolist() == [20.25]
        return
    with pytest.raises(Refused) as error:
        read(plan("phq9", **PHQ), answers, [total])
    assert [f.code for f in error.value.findings if f.severity == "error"] == ["E-DATA-TOTAL"]


def test_two_instruments_in_one_file_are_scored_apart_and_named_headers_count_in_their_order(read: Read) -> None:
    study = plan("madrs", "phq9")
    found = read(study, [[*[1] * 9, 4, *[2] * 8, 3]]).tables["assessments"]
    assert dict(zip(found["parameter"], found["value"], strict=True)) == {"madrs": 13, "madrs_suicide": 4, "phq9": 19, "phq9_suicide": 3}
    turned = [f"madrs.{at}" for at in range(10, 0, -1)]
    table = {**study.tables["scores"].model_dump(by_alias=True), "items": [{"instrument": "madrs", "from": turned}]}
    people = study.tables["people"].model_dump(by_alias=True)
    again = Study.model_validate({**plan("madrs").model_dump(by_alias=True), "tables": {"people": people, "scores": table}})
    found = read(again, [[5, *[1] * 8, 4]]).tables["assessments"]
    # the file's last header comes first: its first column is now the tenth item
    assert dict(zip(found["parameter"], found["value"], strict=True)) == {"madrs": 17, "madrs_suicide": 5}
