"""A covariate that changes: stretches of time written down by hand, and the maximum of a likelihood written out here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.references import unresolved
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse
from ketaoutcomes.models._times import stretches, times
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.cohort import COHORT

#: Arm, score before treatment, later scores by day, last day, event there.
PEOPLE: dict[int, tuple[str, float | None, dict[float, float], float, str]] = {
    1: ("placebo", 30, {14: 25, 28: 10}, 40, "yes"),
    2: ("placebo", 20, {12: 26}, 12, "yes"),  # a score of the day of the event comes too late
    3: ("placebo", 28, {}, 20, "no"),
    4: ("placebo", 22, {15: 22}, 18, "yes"),
    5: ("placebo", None, {14: 20}, 30, "yes"),  # no score before treatment: left out
    6: ("placebo", 35, {10: 30}, 9, "yes"),
    7: ("ketamine", 31, {14: 12, 28: 9}, 28, "no"),
    8: ("ketamine", 27, {13: 20}, 35, "yes"),
    9: ("ketamine", 24, {28: 18}, 60, "no"),
    10: ("ketamine", 33, {16: 30}, 18, "yes"),
    11: ("ketamine", 29, {}, 0, "yes"),  # no time at risk: left out
    12: ("ketamine", 26, {14: 28, 25: 30}, 26, "yes"),
}
#: Who, from, to, event, score: cut on the day after whose beginning a new score is known.
ROWS = [
    (1, 0, 14, 0, 30), (1, 14, 28, 0, 25), (1, 28, 40, 1, 10), (2, 0, 12, 1, 20), (3, 0, 20, 0, 28), (4, 0, 15, 0, 22), (4, 15, 18, 1, 22),
    (6, 0, 9, 1, 35), (7, 0, 14, 0, 31), (7, 14, 28, 0, 12), (8, 0, 13, 0, 27), (8, 13, 35, 1, 20), (9, 0, 28, 0, 24), (9, 28, 60, 0, 18),
    (10, 0, 16, 0, 33), (10, 16, 18, 1, 30), (12, 0, 14, 0, 26), (12, 14, 25, 0, 28), (12, 25, 26, 1, 30),
]  # fmt: skip


@pytest.fixture(scope="module")
def prepared() -> tuple[Study, dict[str, pd.DataFrame]]:
    columns = {"participant": {"from": "id"}, "arm": {"from": "a"}, "time": {"from": "t", "kind": "number"}, "event": {"from": "e", "kind": "flag"}}
    score = {"participant": {"from": "id"}, "day": {"from": "d", "kind": "number"}, "madrs": {"from": "m", "kind": "number", "instrument": "madrs"}}
    score["phq9"] = {"from": "p", "kind": "number", "instrument": "phq9"}
    cox = {"model": "cox", "title": "C", "endpoint": "gone", "population": "all", "period": "main", "covariates": []}
    study = Study.model_validate({
        "study": "toy", "title": "t", "drug": "d", "source": "simulated", "obtain": "o", "status": "open",
        "tables": {
            "people": {"file": "p.csv", "provides": "participants", "columns": columns},
            "scores": {"file": "s.csv", "provides": "assessments", "columns": score},
        },
        "design": {"kind": "parallel", "arms": {"placebo": {"label": "P"}, "ketamine": {"label": "K"}}, "reference": "placebo", "randomised": True},
        "periods": [{"id": "main", "label": "M", "arm": "arm", "baseline": {"period": "main", "visit": "base"}}],
        "visits": [
            {"id": "base", "period": "main", "label": "B", "time": 0.0, "window": [-7.0, 0.0]},
            {"id": "week2", "period": "main", "label": "W2", "time": 14.0, "window": [8.0, 21.0]},
            {"id": "week4", "period": "main", "label": "W4", "time": 28.0, "window": [22.0, 35.0]},
        ],
        "populations": {"all": {"label": "All"}},
        "rules": {"left": {"kind": "recorded", "period": "main", "time": "time", "event": "event", "censored_as": "end", "source": "s"}},
        "endpoints": {"gone": {"kind": "time_to_event", "rule": "left"}},
        "analyses": {
            "varying": {**cox, "time_varying": ["madrs"], "primary": True},
            "two": {**cox, "time_varying": ["madrs", "phq9"]},
            "beside": {**cox, "landmarks": [15.0, 30.0], "until": 25.0},
        },
    })  # fmt: skip
    assert list(unresolved(study)) == []
    return study, derive(study, cohort())


def cohort() -> dict[str, pd.DataFrame]:
    scores = [(who, day, score) for who, (_, base, later, *_) in PEOPLE.items() for day, score in {**({0.0: base} if base else {}), **later}.items()]
    parts: dict[str, list[dict[str, Any]]] = {
        "participants": [{"participant": who, "arm": arm, "time": float(last), "event": event} for who, (arm, _, _, last, event) in PEOPLE.items()],
        "assessments": [
            {"participant": who, "period": "main", "visit": None, "day": day, "parameter": name, "value": score / by}
            for name, by in (("madrs", 1), ("phq9", 2)) for who, day, score in scores
        ],
    }  # fmt: skip
    found: dict[str, pd.DataFrame] = {}
    for name, schema in COHORT.items():
        rows = pd.DataFrame(parts.get(name, []))
        if "record" in schema.columns:
            rows["record"] = range(1, len(rows) + 1)
        found[name] = schema.conform(rows.assign(**dict.fromkeys(column for column in schema.columns if column not in rows)))
    return found


def test_stretches(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    study, data = prepared
    analysis: Any = study.analyses["varying"]
    found, left_out = stretches(study, analysis, data, times(analysis, data, [])[0])
    cells = found.sort_values(["participant", "entry"])[["participant", "entry", "time", "event", "madrs"]].itertuples(index=False, name=None)
    assert [tuple(map(float, row)) for row in cells] == [tuple(map(float, row)) for row in ROWS]
    assert left_out == 2


def test_two_scores_of_one_day_change_together(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """The second parameter is half of the first everywhere, and so in every stretch."""
    study, data = prepared
    analysis: Any = study.analyses["two"]
    found, _ = stretches(study, analysis, data, times(analysis, data, [])[0])
    assert len(found) == len(ROWS)
    assert (found["phq9"] == found["madrs"] / 2).all()


def likelihood(beta: np.ndarray) -> float:
    """Efron's log partial likelihood over the rows above, risk sets gone through one by one."""
    entry, last, event = (np.array([row[at] for row in ROWS], dtype=float) for at in (1, 2, 3))
    x = np.array([(PEOPLE[row[0]][0] == "ketamine", row[4]) for row in ROWS], dtype=float) @ beta
    total = 0.0
    for day in sorted({row[2] for row in ROWS if row[3]}):
        dying = (last == day) & (event == 1)
        risk, tied, d = np.exp(x[(entry < day) & (last >= day)]).sum(), np.exp(x[dying]).sum(), int(dying.sum())
        total += x[dying].sum() - sum(math.log(risk - k * tied / d) for k in range(d))
    return total


def test_the_estimates_are_the_maximum(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    found = analyse(prepared[0], "varying", prepared[1])
    best = minimize(lambda beta: -likelihood(beta), np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000})
    ours = [float(match(found, term=term, statistic="estimate")["value"].iloc[0]) for term in ("arm[ketamine]", "madrs")]
    assert ours == pytest.approx(best.x.tolist(), abs=1e-6)
    assert float(match(found, term="fit", statistic="loglik")["value"].iloc[0]) == pytest.approx(-best.fun, abs=1e-9)
    # people, not stretches: ten of them, seven with the event
    assert float(match(found, term="fit", statistic="n")["value"].iloc[0]) == 10
    assert float(match(found, term="fit", statistic="n_events")["value"].iloc[0]) == 7
    assert float(match(found, term="left out: without a time or covariate")["value"].iloc[0]) == 2


def test_beside_the_hazard_ratio(prepared: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """Placebo: 9 12 18 20+ 30 40, of six 5/6 4/6 3/6 and from 30 on 1/4; ketamine: 0 18 26 28+ 35 60+, of six 5/6 4/6 3/6 and from 35 on 1/4."""
    found = analyse(prepared[0], "beside", prepared[1])

    def value(statistic: str, **key: Any) -> float:
        rows = match(found, statistic=statistic, **key)
        assert len(rows) == 1
        return float(rows["value"].iloc[0])

    assert [value("survival", term="landmark", day=15.0, arm=arm) for arm in ("ketamine", "placebo")] == pytest.approx([5 / 6, 4 / 6])
    assert [value("survival", term="landmark", day=30.0, arm=arm) for arm in ("ketamine", "placebo")] == pytest.approx([3 / 6, 1 / 4])
    # ketamine less placebo in percent; on day 15 p (1 - p) / 6 each
    error = math.sqrt(5 / 36 / 6 + 8 / 36 / 6)
    where = {"term": "landmark difference", "day": 15.0}
    assert value("risk_difference", **where) == pytest.approx(100 / 6)
    assert [value(limit, **where) for limit in ("conf_low", "conf_high")] == pytest.approx([100 / 6 - 195.9963984540 * error, 100 / 6 + 195.9963984540 * error])
    # day 30: 1/6 of Greenwood's 1/6 (1/5) + 1/30 (0) ...: ketamine 0.25 (1/30 + 1/20 + 1/12), placebo 1/16 (1/30 + 1/20 + 1/12 + 1/2)
    error = math.sqrt(0.25 * (1 / 30 + 1 / 20 + 1 / 12) + (1 / 30 + 1 / 20 + 1 / 12 + 1 / 2) / 16)
    where = {"term": "landmark difference", "day": 30.0}
    assert value("conf_low", **where) == pytest.approx(25 - 195.9963984540 * error)
    # means up to day 25: placebo 9 + 3 * 5/6 + 6 * 4/6 + 7 * 3/6 = 19, ketamine 18 * 5/6 + 7 * 4/6 = 59/3
    means = {"term": "restricted mean", "day": 25.0}
    assert [value("restricted_mean", arm=arm, **means) for arm in ("placebo", "ketamine")] == pytest.approx([19, 59 / 3])
    assert value("restricted_mean", term="restricted mean difference", arm="ketamine") == pytest.approx(2 / 3)
