"""Counts of a few invented people by hand: answers that are analysed, and shares of scores that are never averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import GONE, match

FILES = {
    "people.csv": "id,arm\n" + "".join(f"K{at},K\n" for at in range(1, 6)) + "".join(f"P{at},P\n" for at in range(1, 5)),
    # the third of ketamine is rescued on day 3 and then well; the fifth has no later score
    "scores.csv": "id,visit,madrs,ideation,behaviour\n"
    + "".join(f"{name}{at},base,40,3,0\n" for name, number in (("K", 5), ("P", 4)) for at in range(1, number + 1))
    + "K1,day7,10,0,0\nK2,day7,20,2,1\nK3,day7,9,5,1\nK4,day7,30,0,0\nP1,day7,15,1,0\nP2,day7,25,1,\nP3,day7,35,4,1\nP4,day7,21,,0\n",
    "events.csv": "id,event,day\nK3,rescue,3\n",
}
YES_NO = {"kind": "cutoff", "parameter": "madrs", "cutoff": "response_50"}


def results(tmp_path: Path, strategy: str, name: str) -> Any:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    number = {"kind": "integer"}
    columns = {
        "participant": {"from": "id"}, "visit": {"from": "visit"}, "madrs": {"from": "madrs", **number, "instrument": "madrs"},
        "ideation": {"from": "ideation", **number, "instrument": "cssrs_ideation"},
        "behaviour": {"from": "behaviour", **number, "instrument": "cssrs_behaviour"},
    }  # fmt: skip
    arm = {"from": "arm", "kind": "category", "recode": {"P": "placebo", "K": "ketamine"}}
    common = {"title": "t", "population": "all", "period": "main"}
    study = Study.model_validate(
        {
            "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open",
            "tables": {
                "people": {"file": "people.csv", "provides": "participants", "columns": {"participant": {"from": "id"}, "arm": arm}},
                "scores": {"file": "scores.csv", "provides": "assessments", "columns": columns},
                "events": {
                    "file": "events.csv", "provides": "events",
                    "columns": {"participant": {"from": "id"}, "event": {"from": "event"}, "day": {"from": "day", **number}},
                },
            },
            "design": {"kind": "parallel", "arms": {"placebo": {"label": "P"}, "ketamine": {"label": "K"}}, "reference": "placebo", "randomised": True},
            "periods": [{"id": "main", "label": "M", "arm": "arm", "baseline": {"period": "main", "visit": "base"}}],
            "visits": [{"id": "base", "period": "main", "label": "B", "time": 0}, {"id": "day7", "period": "main", "label": "D7", "time": 7}],
            "populations": {"all": {"label": "All"}},
            "intercurrent": [{"event": "rescue", "strategy": strategy, "reason": "r"}],
            "endpoints": {"seen": {**YES_NO, "missing": "observed"}, "all_of_them": {**YES_NO, "missing": "nonresponse"}},
            "analyses": {
                "shares": {"model": "descriptive", "primary": True, "parameters": ["ideation", "behaviour"], **common},
                **{name: {"model": "proportions", "endpoint": name, "visits": ["day7"], **common} for name in ("seen", "all_of_them")},
            },
        }
    )  # fmt: skip
    return analyse(study, name, derive(study, ingest(study, tmp_path).tables))


@pytest.mark.parametrize(
    ("strategy", "endpoint", "ketamine"),
    [
        # 10, 20 and 9 are half of 40 or less, 30 is not; the fifth is missing
        ("treatment_policy", "seen", (3, 4)),
        ("treatment_policy", "all_of_them", (3, 5)),
        ("hypothetical", "seen", (2, 3)),
        ("hypothetical", "all_of_them", (2, 4)),
        ("composite", "seen", (2, 4)),
        ("composite", "all_of_them", (2, 5)),
    ],
)
def test_who_is_counted(tmp_path: Path, strategy: str, endpoint: str, ketamine: tuple[int, int]) -> None:
    rows = results(tmp_path, strategy, endpoint)
    for arm, (events, n) in {"ketamine": ketamine, "placebo": (1, 4)}.items():
        found = match(rows, arm=arm, visit="day7", term="").set_index("statistic")["value"]
        assert (found["n_events"], found["n"], found["percent"]) == (events, n, pytest.approx(100 * events / n, abs=1e-12))
    difference = match(rows, statistic="risk_difference", method="wald")["value"].iloc[0]
    assert difference == pytest.approx(100 * (ketamine[0] / ketamine[1] - 1 / 4), abs=1e-12)


def test_ranks_and_answers_are_counted_by_level_and_never_averaged(tmp_path: Path) -> None:
    rows = match(results(tmp_path, "treatment_policy", "shares"), visit="day7")
    assert not set(rows.loc[rows["parameter"].isin(["ideation", "behaviour"]), "statistic"]) & {"mean", "sd", "mean_change", "sd_change"}
    # ideation of ketamine 0, 2, 5, 0; of placebo 1, 1, 4 and one without an answer
    levels = {"ketamine": {"0": 2, "1": 0, "2": 1, "3": 0, "4": 0, "5": 1}, "placebo": {"0": 0, "1": 2, "2": 0, "3": 0, "4": 1, "5": 0}}
    for arm, counts in levels.items():
        part = match(rows, parameter="ideation", arm=arm)
        events = part[(part["statistic"] == "n_events") & (part["term"] != "")]
        assert dict(zip(events["term"], events["value"], strict=True)) == counts
        shares = part[(part["statistic"] == "percent") & (part["term"] != GONE)]
        n = sum(counts.values())
        assert dict(zip(shares["term"], shares["value"], strict=True)) == {level: pytest.approx(100 * k / n, abs=1e-9) for level, k in counts.items()}
    answers = {arm: match(rows, parameter="behaviour", arm=arm, statistic="n_events") for arm in ("ketamine", "placebo")}
    found = {arm: dict(zip(part["term"], part["value"], strict=True)) for arm, part in answers.items()}
    assert {arm: (terms["no"], terms["yes"]) for arm, terms in found.items()} == {"ketamine": (2, 2), "placebo": (2, 1)}
