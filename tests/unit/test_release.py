"""Release: exact for open studies, targets compared as printed, a refused primary analysis has no number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes import disclosure
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.models import analyse
from ketaoutcomes.release import release
from ketaoutcomes.schema import ard
from ketaoutcomes.schema.analysis_data import ANALYSIS_DATA

STUDIES = Path(__file__).parents[2] / "config" / "studies"


MAIN = {"statistic": "hazard_ratio", "term": "contrast", "arm": "esketamine", "comparator": "placebo", "visit": "day28", "value": 1.0}


def results(*rows: dict[str, Any]) -> pd.DataFrame:
    shared = {"study": "esketamine_trial", "analysis": "main", "status": "ok"}
    return ard.check(pd.DataFrame([{**shared, **row} for row in rows]).reindex(columns=list(ard.ARD.columns)))


def verdicts(study: Study) -> pd.DataFrame:
    """A good verdict for each analysis, and the primary's main contrast."""
    rows = [{"analysis": name, "statistic": "verdict", "term": "verdict", "text": "ok"} for name in study.analyses]
    return results(*rows, MAIN)


def trial(*published: dict[str, Any]) -> Study:
    plan = read_study(STUDIES / "esketamine_trial.yaml").model_dump(by_alias=True)
    return Study.model_validate({**plan, "source": "real", "published": list(published)})


def target(value: str, **key: str) -> dict[str, Any]:
    return {"id": "one", "key": {"analysis": "main", "statistic": "estimate", **key}, "value": value, "printed_in": "a paper"}


@pytest.mark.parametrize(
    ("ours", "printed", "agreement", "text", "difference"),
    [
        (-3.45, "-3.5", "PASS", "-3.5", "0.0"),  # halves away from zero
        (-3.45, "\N{MINUS SIGN}3.5", "PASS", "-3.5", "0.0"),
        (2.675, "2.68", "PASS", "2.68", "0.00"),  # the float is 2.67499999..., its shortest decimal is 2.675
        (0.5, "1", "PASS", "1", "0"),
        (2.5, "2", "DIFF", "3", "1"),
        (-0.6049, "-0.605", "PASS", "-0.605", "0.000"),
        (-0.6044, "-0.605", "DIFF", "-0.604", "0.001"),
        (12345.0, "12345", "PASS", "12345", "0"),
    ],
)
def test_targets_are_compared_as_printed(ours: float, printed: str, agreement: str, text: str, difference: str) -> None:
    study = trial(target(printed, term="contrast"))
    rows = results({"statistic": "estimate", "term": "contrast", "value": ours})
    found = release(study, [verdicts(study), rows]).release
    found = found[found["analysis"] == "published"].set_index("statistic")["text"]
    assert (found["agreement"], found["reproduced"], found["difference"], found["published"]) == (agreement, text, difference, printed)


@pytest.mark.parametrize(
    ("key", "rows", "reason"),
    [
        ({"term": "nowhere"}, [{"statistic": "estimate", "value": 1.0}], "no such result"),
        ({}, [{"statistic": "estimate", "value": 1.0, "visit": v} for v in ("day2", "day8")], "several results have this key"),
        ({}, [{"statistic": "estimate", "status": "not_estimable"}], "not estimable"),
    ],
)
def test_a_target_without_one_result_is_not_estimable(key: dict[str, str], rows: list[dict[str, Any]], reason: str) -> None:
    study = trial(target("1.0", **key))
    found = release(study, [verdicts(study), results(*rows)]).release
    agreement = found[(found["analysis"] == "published") & (found["statistic"] == "agreement")].iloc[0]
    assert (agreement["status"], agreement["text"]) == ("not_estimable", reason)


def test_beside_simulated_data_a_published_number_is_context() -> None:
    study = trial(target("1.0", term="contrast")).model_copy(update={"source": "simulated"})
    rows = results({"statistic": "estimate", "term": "contrast", "value": 1.0})
    found = release(study, [verdicts(study), rows]).release
    assert found[(found["analysis"] == "published") & (found["statistic"] == "agreement")]["text"].tolist() == ["context"]


def test_a_target_may_name_a_day() -> None:
    study = trial(target("1.0", day="8"))
    rows = results(*({"statistic": "estimate", "day": day, "value": value} for day, value in ((2.0, 3.0), (8.0, 1.04))))
    found = release(study, [verdicts(study), rows]).release
    assert found[(found["analysis"] == "published") & (found["statistic"] == "agreement")]["text"].tolist() == ["PASS"]


def test_an_open_study_is_released_exactly() -> None:
    study = trial()
    rows = results({"statistic": "n", "value": 3.0, "n": 3}, {"statistic": "estimate", "term": "x", "value": 1.23456789012345, "n": 3, "events": 1})
    found = release(study, [verdicts(study), rows])
    assert found.internal is None
    shown = found.release[found.release["analysis"] == "main"].set_index("statistic")
    shown = shown.drop(index=["verdict", "hazard_ratio"])
    assert shown["value"]["n"] == 3
    assert shown["value"]["estimate"] == 1.23456789012345
    assert (shown["n"]["estimate"], shown["events"]["estimate"]) == (3, 1)
    assert set(found.release["status"]) == {"ok"}


def test_a_primary_analysis_without_data_is_a_verdict_and_no_number() -> None:
    study = trial()
    data = {name: schema.empty() for name, schema in ANALYSIS_DATA.items()}
    flags = dict.fromkeys((f"pop_{name}" for name in study.populations), pd.Series(dtype="string"))
    extra = {"site": pd.Series(dtype="string"), "ad_class": pd.Series(dtype="string")}
    data["adsl"] = data["adsl"].assign(**flags, **extra)
    primary = analyse(study, study.primary, data)
    assert primary["value"].dropna().empty
    verdict = primary[primary["statistic"] == "verdict"]
    assert verdict["status"].tolist() == ["not_estimable"]
    others = verdicts(study)
    found = release(study, [others[others["analysis"] != study.primary], primary])
    assert found.verdicts[study.primary]["status"] == "not_estimable"
    assert found.verdicts[study.primary]["primary"]


@pytest.mark.parametrize("lost", [{"visit": "day22"}, {"term": "ls_mean", "comparator": ""}, {"value": None}])
def test_no_other_visit_or_mean_stands_in_for_the_primary_contrast(lost: dict[str, Any]) -> None:
    study = trial()
    good = [{"analysis": name, "statistic": "verdict", "term": "verdict", "text": "ok"} for name in study.analyses]
    assert release(study, [results(*good, MAIN)]).verdicts["main"]["status"] == "ok"
    assert release(study, [results(*good, {**MAIN, **lost})]).verdicts["main"]["status"] == "not_estimable"


def test_an_unknown_profile_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown disclosure profile"):
        disclosure.apply("none", results({"statistic": "n", "value": 3.0}))


def test_rounding_is_to_the_nearest_five_and_zero_stays() -> None:
    exact = results(*({"statistic": "n", "term": str(n), "value": float(n), "n": n} for n in (0, 1, 7, 8, 12, 13, 17, 18)))
    frame = disclosure.apply("opensafely", exact).frame
    shown = dict(zip(frame["term"], frame["value"].astype(object).where(frame["value"].notna(), None), strict=True))
    assert shown == {"0": 0, "1": None, "7": None, "8": 10, "12": 10, "13": 15, "17": 15, "18": 20}
    assert frame.set_index("term")["n"].dropna().to_dict() == {"0": 0, "8": 10, "12": 10, "13": 15, "17": 15, "18": 20}
