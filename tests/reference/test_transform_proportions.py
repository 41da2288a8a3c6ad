"""The ten risk differences that TRANSFORM printed, through the whole pipeline, and what another rule for missing scores makes of them.

Percentages, differences and limits: PMC7894501, tables 1 and 2 (cpt2024-tbl-0001 and -0002), which print the numbers
randomised, 115, 114, 113, 114, 109, 72 and 65, under the arms. The counts were found from the percentages; their denominators are
the people with a score on day 28 (PMC8921149, table 4: 111 + 98 + 101 = 215 + 95 and 108 + 100 = 138 + 70, 63 = 39 + 24, 60 = 36 + 24).
Nobody's scores were published: the people here are made so that as many have, and lack, a day-28 score, half of their
baseline, or 12 points. Limits are printed with two decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match

PRINTED = 0.005 + 1e-9
BASELINE = 40


@dataclass(frozen=True)
class Arm:
    """People randomised, those with a day-28 score, and the responders and remitters among them."""

    randomised: int
    seen: int
    responders: int
    remitters: int

    def scores(self) -> list[int | None]:
        """Day-28 scores: 12 is remission, 20 of 40 is response, 21 is neither."""
        met = [12] * self.remitters + [20] * (self.responders - self.remitters)
        return [*met, *[21] * (self.seen - self.responders), *[None] * (self.randomised - self.seen)]


@dataclass(frozen=True)
class Row:
    """A printed line: the arms, and difference and limits of response and of remission in percentage points."""

    treated: Arm
    control: Arm
    response: tuple[float, float, float]
    remission: tuple[float, float, float]


PLACEBO_1 = Arm(113, 108, 42, 33)
PUBLISHED = {
    "TRANSFORM-1 56 mg": Row(Arm(115, 111, 60, 40), PLACEBO_1, (15.17, 2.11, 28.22), (5.48, -6.98, 17.94)),
    "TRANSFORM-1 84 mg": Row(Arm(114, 98, 52, 38), PLACEBO_1, (14.17, 0.68, 27.67), (8.22, -4.76, 21.20)),
    "TRANSFORM-2": Row(Arm(114, 101, 70, 53), Arm(109, 100, 52, 31), (17.31, 4.01, 30.60), (21.48, 8.17, 34.78)),
    "TRANSFORM-3": Row(Arm(72, 63, 17, 11), Arm(65, 60, 8, 4), (13.65, -0.28, 27.58), (10.79, -0.51, 22.09)),
    # how many of 65 to 74 years were randomised is not printed there: only those with a score
    "TRANSFORM-3, 65 to 74 years": Row(Arm(53, 53, 15, 11), Arm(53, 53, 7, 3), (15.09, -0.08, 30.27), (15.09, 2.53, 27.66)),
}
#: Without a score is without response, of everybody randomised: counts over the numbers printed under the arms, by hand.
#: 60 / 115 = 52.17, 52 / 114 = 45.61, 70 / 114 = 61.40, 17 / 72 = 23.61; 42 / 113 = 37.17, 52 / 109 = 47.71, 8 / 65 = 12.31.
#: 40 / 115 = 34.78, 38 / 114 = 33.33, 53 / 114 = 46.49, 11 / 72 = 15.28; 33 / 113 = 29.20, 31 / 109 = 28.44, 4 / 65 = 6.15.
AS_FAILURES = {
    "TRANSFORM-1 56 mg": ((52.17, 37.17), (34.78, 29.20)),
    "TRANSFORM-1 84 mg": ((45.61, 37.17), (33.33, 29.20)),
    "TRANSFORM-2": ((61.40, 47.71), (46.49, 28.44)),
    "TRANSFORM-3": ((23.61, 12.31), (15.28, 6.15)),
}
CUTOFFS = {"response": "response_50", "remission": "remission_12"}


def plan() -> Study:
    madrs = {"from": "madrs", "kind": "integer", "instrument": "madrs"}
    endpoints = {
        f"{what}_{missing}": {"kind": "cutoff", "parameter": "madrs", "cutoff": cutoff, "missing": missing}
        for what, cutoff in CUTOFFS.items()
        for missing in ("observed", "nonresponse")
    }
    shared = {"model": "proportions", "title": "t", "population": "all", "period": "main", "visits": ["day28"]}
    people = {"participant": {"from": "id"}, "arm": {"from": "arm", "kind": "category", "recode": {"P": "placebo", "E": "esketamine"}}}
    return Study.model_validate(
        {
            "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open",
            "tables": {
                "people": {"file": "people.csv", "provides": "participants", "columns": people},
                "scores": {
                    "file": "scores.csv", "provides": "assessments",
                    "columns": {"participant": {"from": "id"}, "visit": {"from": "visit"}, "madrs": madrs},
                },
            },
            "design": {
                "kind": "parallel", "arms": {"placebo": {"label": "P"}, "esketamine": {"label": "E"}}, "reference": "placebo", "randomised": True,
            },
            "periods": [{"id": "main", "label": "M", "arm": "arm", "baseline": {"period": "main", "visit": "baseline"}}],
            "visits": [{"id": "baseline", "period": "main", "label": "B", "time": 0}, {"id": "day28", "period": "main", "label": "D28", "time": 28}],
            "populations": {"all": {"label": "All"}},
            "endpoints": endpoints,
            "analyses": {name: {**shared, "endpoint": name, "primary": name == "response_observed"} for name in endpoints},
        }
    )  # fmt: skip


@pytest.fixture(params=list(PUBLISHED))
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Study, dict[str, pd.DataFrame]]:
    """The analysis data of a trial with the published counts, read from files."""
    row = PUBLISHED[request.param]
    people, scores = ["id,arm"], ["id,visit,madrs"]
    for letter, arm in (("E", row.treated), ("P", row.control)):
        for at, score in enumerate(arm.scores()):
            people.append(f"{letter}{at:03d},{letter}")
            scores.append(f"{letter}{at:03d},baseline,{BASELINE}")
            scores += [] if score is None else [f"{letter}{at:03d},day28,{score}"]
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n", encoding="utf-8")
    (tmp_path / "scores.csv").write_text("\n".join(scores) + "\n", encoding="utf-8")
    study = plan()
    return request.param, study, derive(study, ingest(study, tmp_path).tables)


def found(study: Study, data: dict[str, pd.DataFrame], name: str) -> tuple[float, float, float]:
    """Risk difference and Wald limits."""
    rows = match(analyse(study, name, data), method="wald", term="contrast: risk difference").set_index("statistic")["value"]
    return rows["risk_difference"], rows["conf_low"], rows["conf_high"]


def share(study: Study, data: dict[str, pd.DataFrame], name: str, arm: str) -> tuple[float, int]:
    rows = match(analyse(study, name, data), arm=arm, term="").set_index("statistic")["value"]
    return rows["percent"], int(rows["n"])


@pytest.mark.parametrize("what", list(CUTOFFS))
def test_of_those_with_a_score_the_printed_differences(trial: tuple[str, Study, dict[str, pd.DataFrame]], what: str) -> None:
    name, study, data = trial
    row = PUBLISHED[name]
    assert found(study, data, f"{what}_observed") == pytest.approx(getattr(row, what), abs=PRINTED, rel=0)
    assert share(study, data, f"{what}_observed", "esketamine")[1] == row.treated.seen
    assert share(study, data, f"{what}_observed", "placebo")[1] == row.control.seen


@pytest.mark.parametrize("what", list(CUTOFFS))
def test_of_everybody_randomised_other_numbers(trial: tuple[str, Study, dict[str, pd.DataFrame]], what: str) -> None:
    name, study, data = trial
    row, rule = PUBLISHED[name], f"{what}_nonresponse"
    if name not in AS_FAILURES:
        # nobody's score is missing: both rules say the same
        assert found(study, data, rule) == pytest.approx(getattr(row, what), abs=PRINTED, rel=0)
        return
    treated, control = AS_FAILURES[name][list(CUTOFFS).index(what)]
    assert share(study, data, rule, "esketamine") == (pytest.approx(treated, abs=PRINTED, rel=0), row.treated.randomised)
    assert share(study, data, rule, "placebo") == (pytest.approx(control, abs=PRINTED, rel=0), row.control.randomised)
    difference, *_ = found(study, data, rule)
    assert difference == pytest.approx(treated - control, abs=2 * PRINTED, rel=0)
    # a difference that a reader of one decimal would tell from the printed one
    assert abs(difference - getattr(row, what)[0]) > 0.05
