"""An attacker reads what a confidential study releases and looks for the counts of 1 to 7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from ketaoutcomes import simulate
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.release import Released, release
from ketaoutcomes.schema.ard import AT_BASELINE, GONE, KEY, RELATIONS, STATISTICS

STUDIES = Path(__file__).parents[2] / "config" / "studies"
COUNTS = {name for name, word in STATISTICS.items() if word.kind == "count"}
SMALL = range(1, 8)


def _run(study: Study, files: dict[str, str], folder: str) -> Released:
    root = Path(mkdtemp(prefix="attacker"))
    (root / "data" / folder).mkdir(parents=True)
    for name, text in files.items():
        (root / "data" / folder / name).write_text(text, encoding="utf-8")
    data = derive(study, ingest(study, root).tables)
    return release(study, [analyse(study, name, data) for name in study.analyses])


def _comparison(arms: int) -> Study:
    """The observational example with more arms and every kind of analysis that counts people."""
    plan = read_study(STUDIES / "ketamine_or_ect.yaml").model_dump(by_alias=True)
    names = ["ect", "ketamine", "both"][:arms]
    plan["design"]["arms"] = {name: {"label": name} for name in names}
    columns = plan["tables"]["patients"]["columns"]
    columns["arm"]["recode"] = {}
    columns |= {"time": {"from": "time", "kind": "integer"}, "relapsed": {"from": "relapsed", "kind": "flag"}}
    reasons = {"from": "reason", "kind": "category", "levels": ["moved", "better", "worse"]}
    plan["tables"]["ends"] = {
        "file": "data/ketamine_or_ect/ends.csv", "provides": "disposition",
        "columns": {"participant": {"from": "patient"}, "status": {"from": "status", "levels": ["completed", "left"]}, "reason": reasons,
                    "day": {"from": "day", "kind": "integer"}},
    }  # fmt: skip
    plan["rules"] = {"back": {"kind": "recorded", "period": "treatment", "time": "time", "event": "relapsed", "censored_as": "end", "source": "x"}}
    plan["endpoints"] |= {
        "relapse": {"kind": "time_to_event", "rule": "back"},
        "response": {"kind": "cutoff", "parameter": "madrs", "cutoff": "response_50", "missing": "observed"},
    }
    common = {"population": "treated", "period": "treatment", "title": "T"}
    plan["analyses"] |= {
        "response": {"model": "proportions", "endpoint": "response", "visits": ["week2", "week4"], **common},
        "curve": {"model": "kaplan_meier", "endpoint": "relapse", "at_risk_every": 20, **common},
        "hazard": {"model": "cox", "endpoint": "relapse", **common},
        "states": {"model": "glmm", "endpoint": "response", "visits": ["week2", "week4"], "visit": "week4", "nodes": 5, **common},
        "intervals": {"model": "hazard", "endpoint": "relapse", "intervals": [20.0, 40.0, 60.0], **common},
        "marginal": {"model": "gee", "endpoint": "response", "visits": ["week2", "week4"], "visit": "week4", **common},
        "week4": {"model": "ancova", "endpoint": "madrs_change", "visit": "week4", "covariates": ["base"], **common},
    }
    by = {"model": "subgroups", "by": ["sex", "inpatient", "age"], "cuts": {"age": [30.0, 50.0]}, "population": "treated", "title": "T"}
    plan["analyses"] |= {"by_change": {"of": "week4", **by}, "by_response": {"of": "response", "visit": "week4", **by}, "by_relapse": {"of": "hazard", **by}}
    keys = {
        "people": ("description", "n", {"parameter": "people", "arm": ""}),
        "mean": ("description", "mean", {"parameter": "madrs", "visit": "week4", "arm": "ect"}),
    }
    plan["published"] = [
        {"id": name, "key": {"analysis": analysis, "statistic": statistic, **key}, "value": "20.1", "printed_in": "x"}
        for name, (analysis, statistic, key) in keys.items()
    ]
    for index, adjusted in list(plan["analyses"].items()):
        if index == "adjusted":
            adjusted["covariates"] = ["age"]
    return Study.model_validate(plan)


def _patients(seed: int, arms: int, times: int = 1) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    names = ["ect", "ketamine", "both"][:arms]
    sizes = rng.permutation([int(rng.integers(18, 45)), int(rng.integers(10, 30)), int(rng.integers(4, 20))][:arms])
    arm = np.repeat(names, sizes * times)
    people, scores, ends = ["patient,hospital,treatment,age,sex,inpatient,failed_drugs,time,relapsed"], ["patient,day,madrs"], ["patient,status,reason,day"]
    missed, rare = rng.uniform(0.03, 0.5), rng.uniform(0.05, 0.4)
    for at, name in enumerate(arm):
        key = f"P{at:03d}"
        time = int(min(rng.geometric(0.02), 60)) if at else 20
        sex, inside = ("female", "male")[int(rng.random() < rare)], ("no", "yes")[int(rng.random() < rare)]
        event = "yes" if not at or (time < 60 and rng.random() < rare) else "no"
        people.append(f"{key},H{at % 4},{name},{rng.integers(20, 70)},{sex},{inside},{rng.integers(0, 5)},{time},{event}")
        base = int(rng.integers(25, 45))
        scores += [
            f"{key},{day},{max(int(base * share + rng.integers(-9, 9)), 0)}"
            for day, share in ((0, 1), (14, 0.7), (28, 0.5))
            if day == 0 or rng.random() > missed
        ]
        left = rng.random() < missed
        ends.append(f"{key},{'left' if left else 'completed'},{rng.choice(['moved', 'better', 'worse']) if left else ''},{rng.integers(1, 28)}")
    return {"patients.csv": "\n".join(people), "madrs.csv": "\n".join(scores), "ends.csv": "\n".join(ends)}


@cache
def released(kind: str, seed: int) -> Released:
    if kind == "clinics":
        n = int(np.random.default_rng(seed).integers(20, 160))
        return _run(read_study(STUDIES / "ketamine_clinics.yaml"), simulate.ketamine_clinics(simulate.Clinics(seed=seed, n=n)), "ketamine_clinics")
    arms = {"two": 2, "three": 3, "many": 2}[kind]
    return _run(_comparison(arms), _patients(seed, arms, 6 if kind == "many" else 1), "ketamine_or_ect")


COHORTS = [(kind, seed) for kind in ("clinics", "two", "three") for seed in range(4)] + [("many", seed) for seed in range(3)]
each_cohort = pytest.mark.parametrize(("kind", "seed"), COHORTS)


def joined(found: Released) -> pd.DataFrame:
    """Exact and released rows side by side; a row that was not released is withheld."""
    exact = found.internal
    assert exact is not None
    both = exact.merge(found.release, on=list(KEY), how="left", suffixes=("", "_out"))
    both["status_out"] = both["status_out"].fillna("withheld")
    return both[both["analysis"] != "study"].reset_index(drop=True)


@each_cohort
def test_no_small_count_stands_in_any_column(kind: str, seed: int) -> None:
    rows = joined(released(kind, seed))
    out = rows[rows["status_out"] != "withheld"]
    for column in ("n_out", "events_out"):
        assert (out[column].dropna() % 5 == 0).all()
        # the events of a curve's step are gathered over days: a test of its own
        assert not out[column.removesuffix("_out")][(out["term"] != "curve") | (column == "n_out")].isin(SMALL).any()
    counts = out[out["statistic"].isin(COUNTS)]
    assert (counts["value_out"].dropna() % 5 == 0).all()
    assert not counts["value"].isin(SMALL).any()
    rest = out["n"] - out["events"]
    assert not rest[rest.notna()].isin(SMALL).any()
    withheld = rows[rows["status_out"] == "withheld"]
    assert withheld[["value_out", "n_out", "events_out"]].isna().all().all()


@each_cohort
def test_percentages_are_those_of_rounded_counts(kind: str, seed: int) -> None:
    rows = joined(released(kind, seed))
    shares = rows[rows["statistic"].isin(["percent", "percent_missing"]) & (rows["status_out"] == "ok") & rows["value_out"].notna()]
    for _, row in shares[shares["events_out"].notna() & shares["n_out"].notna()].iterrows():
        assert row["value_out"] == pytest.approx(100 * row["events_out"] / row["n_out"])


@each_cohort
def test_words_hold_no_counts(kind: str, seed: int) -> None:
    out = released(kind, seed).release
    words = out[(out["analysis"] != "study") & (out["statistic"] != "published")]
    for text in {*words["note"].dropna(), *words["text"].dropna()}:
        unruly = text.replace("7 people or fewer", "").replace("more than 7 events have gathered", "")
        assert not re.search(r"\b\d+ (people|participants|patients|events|rows|values)\b", unruly), text


def _groups(rows: pd.DataFrame) -> Iterator[tuple[int, list[int]]]:
    """Each sum that holds on the exact rows: the index of its total and of its parts."""
    counts = rows[rows["statistic"].isin(COUNTS)]
    for relation in RELATIONS:
        members = counts if relation.parts is None else counts[counts["statistic"].isin([relation.total, *relation.parts])]
        for _, group in members.groupby([c for c in KEY if c != relation.column], dropna=False):
            total = group.index[group[relation.column] == relation.total]
            parts = [at for at in group.index if at not in total]
            if len(total) == 1 and parts:
                yield int(total[0]), parts
    within = counts[(counts["term"] == "people") & (counts["subgroup"] != "")]
    for _, group in within.groupby(["analysis", "subgroup", "arm"]):
        yield int(group.index[group["level"] == ""][0]), list(group.index[group["level"] != ""])
    people = counts[(counts["parameter"] == "people") & (counts["arm"] == "")]
    for name in ("adjusted", "hazard", "week4"):
        of = counts[(counts["analysis"] == name) & (counts["statistic"] == "n")]
        parts = list(of.index[(of["term"] == "fit") | of["term"].str.startswith("left out")])
        if len(parts) > 1 and len(people):
            yield int(people.index[0]), parts


@each_cohort
def test_the_sums_the_attacker_uses_are_true(kind: str, seed: int) -> None:
    rows = joined(released(kind, seed))
    sums = list(_groups(rows))
    assert sums
    for total, parts in sums:
        assert rows["value"][total] == rows["value"][parts].sum(), rows.loc[[total, *parts], ["parameter", "arm", "visit", "term", "statistic", "value"]]


@each_cohort
def test_no_withheld_count_has_one_possible_value(kind: str, seed: int) -> None:
    """Interval audit: whole numbers under every sum, rounding to 5 and 1..7 for what is withheld as small."""
    rows = joined(released(kind, seed))
    sums = list(_groups(rows))
    members = sorted({at for total, parts in sums for at in (total, *parts)})
    place = {at: i for i, at in enumerate(members)}
    low, high = np.zeros(len(members)), np.full(len(members), 500.0)
    for at, i in place.items():
        shown = rows["value_out"][at] if rows["status_out"][at] != "withheld" else np.nan
        if not np.isnan(shown):
            low[i], high[i] = (0, 0) if shown == 0 else (max(shown - 2, 8), shown + 2)
        elif rows["value"][at] in SMALL:
            low[i], high[i] = 1, 7
    matrix = np.zeros((len(sums), len(members)))
    for row, (total, parts) in enumerate(sums):
        matrix[row, place[total]] = 1
        matrix[row, [place[at] for at in parts]] -= 1
    hidden = [i for at, i in place.items() if rows["status_out"][at] == "withheld" and rows["value"][at] in SMALL]
    for i in hidden:
        ends = [_extreme(matrix, low, high, i, sign) for sign in (1, -1)]
        assert ends[1] > ends[0], rows.loc[members[i], ["analysis", "parameter", "arm", "visit", "term", "statistic", "value"]]


def _extreme(matrix: np.ndarray, low: np.ndarray, high: np.ndarray, i: int, sign: int) -> int:
    objective = np.zeros(matrix.shape[1])
    objective[i] = sign
    found: Any = milp(objective, constraints=LinearConstraint(matrix, 0, 0), bounds=Bounds(low, high), integrality=np.ones(matrix.shape[1]))
    assert found.success
    return round(found.x[i])


@each_cohort
def test_no_mean_of_a_few_comes_back_from_other_numbers(kind: str, seed: int) -> None:
    """An average over arms, a contrast or a coefficient beside a withheld mean would give it back."""
    rows = joined(released(kind, seed))
    out = rows[(rows["status_out"] != "withheld") & rows["value_out"].notna()]
    lost = rows[(rows["status_out"] == "withheld") & rows["value"].notna()]
    means = lost[lost["statistic"].isin(["mean", "mean_change", "percent", "percent_missing"]) & (lost["arm"] != "")]
    for _, row in means.iterrows():
        same = (out["analysis"] == row["analysis"]) & (out["parameter"] == row["parameter"]) & (out["visit"] == row["visit"]) & (out["term"] == row["term"])
        assert not (same & (out["arm"] == "") & (out["statistic"] == row["statistic"])).any()
    cells = lost[(lost["term"] == "ls_mean") & (lost["statistic"] == "estimate")]
    for _, row in cells.iterrows():
        of = out[out["analysis"] == row["analysis"]]
        contrast = of[(of["comparator"] != "") & (of["visit"] == row["visit"])]
        assert not ((contrast["arm"] == row["arm"]) | (contrast["comparator"] == row["arm"])).any()
        assert not (of["term"].str.contains(r"\[|Intercept", regex=True)).any()
        assert not (of["statistic"] == "n_rows").any()
    for _, row in lost[(lost["analysis"] == "response") & (lost["statistic"] == "n_events")].iterrows():
        of = out[(out["analysis"] == "response") & (out["visit"] == row["visit"]) & (out["comparator"] != "")]
        assert not ((of["arm"] == row["arm"]) | (of["comparator"] == row["arm"])).any()


@each_cohort
def test_no_subgroup_comes_back_from_the_others_and_the_whole(kind: str, seed: int) -> None:
    """The whole is an average of a column's subgroups: what is withheld of them stands for more than a few people, and no test tells of them."""
    rows = joined(released(kind, seed))
    within = rows[rows["term"].str.startswith("contrast") & (rows["subgroup"] != "") & (rows["subgroup"] != "definition") & rows["value"].notna()]
    lost = within[within["status_out"] == "withheld"]
    for key, pair in within.groupby(["analysis", "subgroup", "arm", "comparator"]):
        withheld = lost[(lost[["analysis", "subgroup", "arm", "comparator"]] == list(key)).all(axis=1)]
        if not len(withheld):
            continue
        sizes = withheld.groupby("level")["n"].min()
        assert len(sizes) == pair["level"].nunique() or (len(sizes) > 1 and sizes.sum() > max(SMALL))
        test = rows[(rows["term"] == "interaction") & (rows[["analysis", "subgroup", "arm", "comparator"]] == list(key)).all(axis=1)]
        assert (test["status_out"] != "ok").all()
    people = rows[(rows["term"] == "people") & (rows["subgroup"] != "") & (rows["status_out"] == "withheld")]
    for _, row in people.iterrows():
        same = within[(within["analysis"] == row["analysis"]) & (within["subgroup"] == row["subgroup"]) & (within["level"] == row["level"])]
        assert (same["status_out"][(same["arm"] == row["arm"]) | (same["comparator"] == row["arm"])] == "withheld").all()


@each_cohort
def test_no_count_of_a_subgroup_is_withheld_alone(kind: str, seed: int) -> None:
    """Levels and people without a value add up to the arm, arms to everybody: one withheld member would be the difference of the others."""
    rows = joined(released(kind, seed))
    people = rows[(rows["term"] == "people") & (rows["subgroup"] != "")].assign(hidden=lambda of: of["status_out"] == "withheld")
    for key in (["analysis", "subgroup", "arm"], ["analysis", "subgroup", "level"]):
        assert (people.groupby(key)["hidden"].sum() != 1).all()


def test_some_subgroups_are_withheld_and_some_are_not() -> None:
    """Else the test above would hold of nothing."""
    rows = pd.concat([joined(released("many", seed)) for seed in range(3)])
    within = rows[rows["analysis"].str.startswith("by_") & rows["term"].str.startswith("contrast") & rows["value"].notna()]
    assert set(within["status_out"]) >= {"ok", "withheld"}
    tests = rows[(rows["term"] == "interaction") & (rows["statistic"] == "df") & rows["value"].notna()]
    assert set(tests["status_out"]) >= {"ok", "withheld"}


@each_cohort
def test_no_standardised_difference_stands_beside_a_withheld_part(kind: str, seed: int) -> None:
    rows = joined(released(kind, seed))
    made_of = rows[rows["statistic"].isin(["n", "percent", "mean", "sd"]) & (rows["term"] != GONE) & (rows["status_out"] == "withheld")]
    for _, row in rows[(rows["term"] == AT_BASELINE) & (rows["status_out"] == "ok")].iterrows():
        same = made_of[(made_of[["analysis", "parameter", "visit"]] == list(row[["analysis", "parameter", "visit"]])).all(axis=1)]
        assert not len(same[same["subgroup"] == ""])


@each_cohort
def test_no_share_of_the_ended_has_one_possible_count(kind: str, seed: int) -> None:
    """Between two visits more people may have ended; at the last visit the ended are the missing. Whole numbers under all of that."""
    rows = joined(released(kind, seed))
    rows = rows[(rows["analysis"] == "description") & (rows["subgroup"] == "") & rows["day"].notna() & ~rows["visit"].str.startswith("session")]
    for parameter, of in rows.groupby("parameter"):
        arms = sorted(set(of["arm"]), key=lambda arm: arm != "")
        days = sorted(set(of["day"]))
        cells = [(what, arm, day) for what in ("gone", "missing") for arm in arms for day in days]
        place, low, high = {cell: at for at, cell in enumerate(cells)}, np.zeros(len(cells)), np.full(len(cells), 500.0)
        exact = np.full(len(cells), np.nan)
        for (what, arm, day), at in place.items():
            own = of[(of["arm"] == arm) & (of["day"] == day)]
            row = own[(own["term"] == GONE)].iloc[0] if what == "gone" else own[own["statistic"] == "n_missing"].iloc[0]
            shown, exact[at] = (row["events_out"], row["events"]) if what == "gone" else (row["value_out"], row["value"])
            if row["status_out"] != "withheld" and not pd.isna(shown):
                low[at], high[at] = (0, 0) if shown == 0 else (max(float(shown) - 2, 8), float(shown) + 2)
            elif exact[at] in SMALL:
                low[at], high[at] = 1, 7
        bounds = [(("gone", arm, day), ("gone", arm, later)) for arm in arms for day, later in pairwise(days)]
        bounds += [(("gone", arm, day), ("missing", arm, day)) for arm in arms for day in days]
        bounds += [(("missing", arm, days[-1]), ("gone", arm, days[-1])) for arm in arms]
        matrix = np.zeros((len(bounds), len(cells)))
        for line, (less, more) in enumerate(bounds):
            matrix[line, [place[less], place[more]]] = [-1, 1]
        sums = [(what, day) for what in ("gone", "missing") for day in days] if len(arms) > 1 else []
        whole = np.zeros((len(sums), len(cells)))
        for line, (what, day) in enumerate(sums):
            whole[line, [place[what, arm, day] for arm in arms]] = [1, *[-1] * (len(arms) - 1)]
        limits = [LinearConstraint(matrix, 0, np.inf), *([LinearConstraint(whole, 0, 0)] if len(sums) else [])]
        for cell, at in place.items():
            if exact[at] in SMALL:
                ends = [_end(limits, low, high, at, sign) for sign in (1, -1)]
                assert ends[1] > ends[0], (parameter, cell, exact[at])


@each_cohort
def test_a_withheld_number_of_missing_does_not_stand_as_a_share_of_the_ended(kind: str, seed: int) -> None:
    """At the last visit both are the same people: also where the count was withheld only to keep another arm's from coming back."""
    rows = joined(released(kind, seed))
    key = ["analysis", "parameter", "arm", "visit"]
    missing = rows[(rows["statistic"] == "n_missing") & (rows["status_out"] == "withheld")].set_index(key)["value"]
    ended = rows[(rows["term"] == GONE) & (rows["status_out"] != "withheld")].set_index(key)["events"]
    both = missing.index.intersection(ended.index)
    assert (missing[both] != ended[both].astype("float64")).all()


def _end(limits: list[LinearConstraint], low: np.ndarray, high: np.ndarray, at: int, sign: int) -> int:
    objective = np.zeros(len(low))
    objective[at] = sign
    found: Any = milp(objective, constraints=limits, bounds=Bounds(low, high), integrality=np.ones(len(low)))
    assert found.success
    return round(found.x[at])


@pytest.mark.parametrize(("kind", "seed"), [("three", seed) for seed in range(4)])
def test_curves_tell_no_days_and_no_sums_of_few_events(kind: str, seed: int) -> None:
    found = released(kind, seed)
    assert found.internal is not None
    curve = found.release[(found.release["analysis"] == "curve") & (found.release["term"] == "curve")]
    assert not ((curve["status"] == "withheld") & (curve["day"] > 0)).any()
    exact = found.internal[(found.internal["analysis"] == "curve") & (found.internal["term"] == "curve")]
    for arm, shown in curve[(curve["statistic"] == "survival") & curve["value"].notna()].groupby("arm"):
        steps = exact[(exact["arm"] == arm) & (exact["statistic"] == "survival")].sort_values("day")
        levels = steps[steps["day"].isin(shown["day"])]
        so_far = steps["events"].cumsum()[levels.index]
        between = so_far.diff().fillna(so_far)
        assert not between.isin(SMALL).any()
        known = shown["events"].notna().to_numpy()
        assert shown["events"].dropna().tolist() == (5 * np.floor(between / 5 + 0.5))[known].tolist()
        # no more is hidden than has to be: what follows a shown step is fewer than the next has
        hidden = steps[~steps["day"].isin(shown["day"]) & (steps["n"] > 7)]
        for _, step in hidden.iterrows():
            assert steps["events"][steps["day"] <= step["day"]].sum() - so_far[levels["day"] < step["day"]].max() in SMALL


def test_published_targets_of_a_confidential_study_give_no_count() -> None:
    out = released("two", 1).release
    people = out[(out["analysis"] == "published") & (out["term"] == "people")].set_index("statistic")
    assert people["text"]["published"] == "20.1"
    assert (people["status"].drop("published") == "withheld").all()
    assert (people["text"].drop("published") == "").all()


def test_delta_and_fraction_are_withheld() -> None:
    out = released("two", 2).release
    exact = out[out["statistic"].isin(["delta_to_zero", "fraction_missing"])]
    assert len(exact)
    assert (exact["status"] == "withheld").all()


def test_degrees_of_freedom_of_tests_are_terms_not_people() -> None:
    out = released("three", 0).release
    tests = out[(out["statistic"] == "df") & out["term"].isin(["log-rank", "proportional hazards"]) & out["value"].notna()]
    assert set(tests["value"]) <= {1.0, 2.0}
