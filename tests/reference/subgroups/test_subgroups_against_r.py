"""Comparisons within subgroups, the test between them, and standardised differences at baseline, against R (`make.R`)."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import AT_BASELINE, match

HERE = Path(__file__).resolve().parent
EXPECTED: dict[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
LEVELS = {"sex": ["female", "male"], "clinic": ["a", "b", "c", "d"], "age": ["up to 40", "above 40 to 60", "above 60"]}
EFFECTS = {"ancova": ("contrast", "estimate"), "risk": ("contrast: risk difference", "risk_difference"), "hazard": ("contrast", "hazard_ratio")}


def plan() -> Study:
    common = {"title": "t", "population": "all", "period": "main"}
    within = {"model": "subgroups", "title": "t", "population": "all", "by": ["sex", "clinic", "age"], "cuts": {"age": [40.0, 60.0]}}
    columns = {
        "participant": {"from": "id"}, "arm": {"from": "arm"}, "sex": {"from": "sex", "kind": "category", "levels": LEVELS["sex"]},
        "clinic": {"from": "clinic", "kind": "category", "levels": LEVELS["clinic"]}, "age": {"from": "age", "kind": "number"},
        "time": {"from": "time", "kind": "integer"}, "relapsed": {"from": "relapsed", "kind": "flag"},
    }  # fmt: skip
    madrs = {"from": "madrs", "kind": "integer", "instrument": "madrs"}
    return Study.model_validate(
        {
            "study": "within", "title": "t", "drug": "d", "source": "simulated", "obtain": "make.R", "status": "open",
            "tables": {
                "people": {"file": "people.csv", "provides": "participants", "columns": columns},
                "scores": {
                    "file": "scores.csv", "provides": "assessments",
                    "columns": {"participant": {"from": "id"}, "visit": {"from": "visit"}, "madrs": madrs},
                },
            },
            "design": {
                "kind": "parallel", "reference": "placebo", "randomised": True,
                "arms": {name: {"label": name} for name in ("placebo", "ketamine", "esketamine")},
            },
            "periods": [{"id": "main", "label": "M", "arm": "arm", "baseline": {"period": "main", "visit": "base"}}],
            "visits": [{"id": "base", "period": "main", "label": "B", "time": 0}, {"id": "end", "period": "main", "label": "E", "time": 28}],
            "populations": {"all": {"label": "All"}},
            "rules": {"back": {"kind": "recorded", "period": "main", "time": "time", "event": "relapsed", "censored_as": "end", "source": "x"}},
            "endpoints": {
                "change": {"kind": "change", "parameter": "madrs"}, "back": {"kind": "time_to_event", "rule": "back"},
                "response": {"kind": "cutoff", "parameter": "madrs", "cutoff": "response_50", "missing": "observed"},
            },
            "analyses": {
                "description": {"model": "descriptive", "parameters": ["madrs"], "baseline": ["sex", "clinic", "age"], **common},
                "change": {"model": "ancova", "primary": True, "endpoint": "change", "visit": "end", "adjust": "dunnett", **common},
                "respond": {"model": "proportions", "endpoint": "response", "visits": ["end"], **common},
                "relapse": {"model": "cox", "endpoint": "back", **common},
                "ancova": {"of": "change", **within}, "risk": {"of": "respond", **within}, "hazard": {"of": "relapse", **within},
            },
        }
    )  # fmt: skip


@cache
def found(name: str) -> pd.DataFrame:
    root, people = Path(mkdtemp(prefix="within")), pd.read_csv(HERE / "people.csv")
    scores = people.melt("id", ["base", "score"], "visit", "madrs").dropna().replace({"visit": {"score": "end"}})
    people.drop(columns=["base", "score"]).astype({"age": "Int64"}).to_csv(root / "people.csv", index=False)
    scores.astype({"madrs": "int64"}).to_csv(root / "scores.csv", index=False)
    study = plan()
    return analyse(study, name, derive(study, ingest(study, root).tables))


CASES = [(model, column, arm) for model in EFFECTS for column in LEVELS for arm in ("ketamine", "esketamine")]


@pytest.mark.parametrize(("model", "column", "arm"), CASES)
def test_estimates_within_subgroups(model: str, column: str, arm: str) -> None:
    expected = EXPECTED[model]["band" if column == "age" else column][arm]
    term, statistic = EFFECTS[model]
    for at, level in enumerate(LEVELS[column]):
        rows = match(found(model), subgroup=column, level=level, arm=arm, comparator="placebo", term=term).set_index("statistic")["value"]
        scale = math.log if model == "hazard" else float
        assert scale(rows[statistic]) == pytest.approx(expected["estimate"][at], rel=1e-7, abs=1e-9)
        if model != "risk":  # R gives Wald limits there; ours are Newcombe's, which test_proportions.py holds to R
            assert [scale(rows[name]) for name in ("conf_low", "conf_high")] == pytest.approx([expected["low"][at], expected["high"][at]], rel=1e-6)


@pytest.mark.parametrize(("model", "column", "arm"), CASES)
def test_the_test_between_subgroups(model: str, column: str, arm: str) -> None:
    expected = EXPECTED[model]["band" if column == "age" else column][arm]["test"]
    rows = match(found(model), subgroup=column, term="interaction", arm=arm)
    values = rows.set_index("statistic")["value"]
    assert values["chisq"] == pytest.approx(expected["q"], rel=1e-6)
    assert values["df"] == expected["df"]
    assert values["p_value"] == pytest.approx(expected["p"], rel=1e-6)
    assert set(rows["method"]) == {"altman_bland" if column == "sex" else "cochran_q"}
    if expected["z"] is not None:
        assert values["chisq"] == pytest.approx(expected["z"] ** 2, rel=1e-6)


def test_everybody_stands_in_a_level_or_is_counted_as_without_a_value() -> None:
    people = pd.read_csv(HERE / "people.csv")
    for column, unknown in {"sex": 2, "clinic": 0, "age": 3}.items():
        rows = match(found("hazard"), subgroup=column, term="people", arm="").set_index("level")["value"]
        assert rows[""] == len(people) == rows.drop("").sum()
        assert rows["no value"] == unknown == people[column].isna().sum()
    age = match(found("hazard"), subgroup="age", term="people", arm="ketamine").set_index("level")["value"]
    own = people.loc[people["arm"] == "ketamine", "age"]
    assert (age["up to 40"], age["above 40 to 60"], age["above 60"]) == ((own <= 40).sum(), ((own > 40) & (own <= 60)).sum(), (own > 60).sum())


@pytest.mark.parametrize("arm", ["ketamine", "esketamine"])
def test_standardised_differences_at_baseline(arm: str) -> None:
    rows = match(found("description"), term=AT_BASELINE, arm=arm, comparator="placebo").set_index("parameter")["value"]
    expected = EXPECTED["distance"][arm]
    assert rows.to_dict() == pytest.approx({"sex": expected["sex"], "clinic": expected["clinic"], "age": expected["age"], "madrs": expected["base"]}, rel=1e-9)
