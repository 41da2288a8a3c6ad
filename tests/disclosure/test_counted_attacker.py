"""The attacker again, on what counts people in other ways: shifts of ranks, adverse events, exposure, competing risks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.special import gammaincinv

from ketaoutcomes import disclosure
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.release import Released, release
from ketaoutcomes.schema import ard
from ketaoutcomes.schema.ard import KEY, STATISTICS, match

COUNTED = Path(__file__).parents[1] / "reference" / "counted" / "counted.yaml"
COUNTS = {name for name, word in STATISTICS.items() if word.kind == "count"}
SMALL = range(1, 8)
SEEDS = pytest.mark.parametrize("seed", range(8))
CLASSES = {"nervous": ("headache", "dizziness", "sedation", "tremor"), "gut": ("nausea", "vomiting"), "skin": ("rash",)}


def _study() -> Study:
    """The trial of tests/reference/counted with sessions and classes of events, as a confidential one."""
    plan = read_study(COUNTED).model_dump(by_alias=True)
    plan |= {"status": "confidential", "privacy": {"profile": "opensafely"}}
    events = plan["tables"]["events"]["columns"]
    terms = [term for of in CLASSES.values() for term in of]
    events["event"] |= {"recode": {}, "levels": ["relapse", "other_treatment", *terms]}
    events["class"] = {"from": "class", "kind": "category", "levels": list(CLASSES)}
    plan["tables"]["ends"]["columns"]["status"] |= {"kind": "category", "levels": ["left", "completed"]}
    sessions = {"participant": {"from": "id"}, "session": {"from": "session", "kind": "integer"}, "day": {"from": "day", "kind": "integer"}}
    plan["tables"]["sessions"] = {"file": "files/sessions.csv", "provides": "sessions", "columns": sessions}
    common = {"title": "T", "population": "everybody", "period": "main"}
    plan["analyses"] |= {
        "events": {"model": "adverse_events", **common},
        "exposed": {"model": "exposure", "parameter": "madrs", "by": "sessions", "cuts": [1.0, 3.0], **common},
    }
    return Study.model_validate(plan)


def _files(seed: int) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 220))
    people, scores, events = ["id,arm,centre"], ["id,visit,ideation,madrs"], ["id,day,event,class"]
    ends, sessions = ["id,status,day"], ["id,session,day"]
    rare = rng.uniform(0.02, 0.3, 7)
    for at in range(n):
        key, end = f"P{at:03d}", int(rng.integers(30, 120))
        people.append(f"{key},{'ketamine' if at % 3 else 'midazolam'},{rng.choice(['north', 'south', 'west'])}")
        before = int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.1, 0.3, 0.3, 0.15, 0.1, 0.05]))
        after = int(np.clip(before + rng.choice([-2, -1, 0, 1], p=[0.3, 0.35, 0.3, 0.05]), 0, 5))
        scores.append(f"{key},before,{before if rng.random() > 0.02 else ''},{rng.integers(20, 50)}")
        scores.append(f"{key},week4,{after if rng.random() > 0.1 else ''},{rng.integers(5, 50)}")
        happened = {"relapse": int(rng.exponential(120)), "other_treatment": int(rng.exponential(250))}
        events += [f"{key},{day},{event}," for event, day in happened.items() if day <= end]
        terms = [(group, term) for group, of in CLASSES.items() for term in of]
        for (group, term), chance in zip(terms, rare, strict=True):
            events += [f"{key},{rng.integers(0, end)},{term},{group}" for _ in range(int(rng.random() < chance) + int(rng.random() < chance / 5))]
        ends.append(f"{key},{'completed' if end > 100 else 'left'},{end}")
        sessions += [f"{key},{session},{3 * session}" for session in range(1, int(rng.integers(1, 8)))]
    texts = {"people": people, "scores": scores, "events": events, "ends": ends, "sessions": sessions}
    return {f"{name}.csv": "\n".join(lines) + "\n" for name, lines in texts.items()}


@cache
def released(seed: int) -> Released:
    root, study = Path(mkdtemp(prefix="attacker")), _study()
    (root / "files").mkdir()
    for name, text in _files(seed).items():
        (root / "files" / name).write_text(text, encoding="utf-8")
    data = derive(study, ingest(study, root).tables)
    return release(study, [analyse(study, name, data) for name in study.analyses])


@cache
def joined(seed: int) -> pd.DataFrame:
    """Exact and released rows side by side; a row that was not released is withheld."""
    found = released(seed)
    assert found.internal is not None
    both = found.internal.merge(found.release, on=list(KEY), how="left", suffixes=("", "_out"))
    both["status_out"] = both["status_out"].fillna("withheld")
    return both[both["analysis"] != "study"].reset_index(drop=True)


def shown(rows: pd.DataFrame) -> pd.Series:
    return (rows["status_out"] != "withheld") & rows["value_out"].notna()


def _rank_sums(rows: pd.DataFrame) -> Iterator[tuple[int, list[int]]]:
    """People by level are the shifts to it; better, same and worse are the shifts down, along and up."""
    counts = rows[(rows["statistic"] == "n_events") & rows["analysis"].isin(["ranks", "ranks_by_centre"])]
    for _, arm in counts.groupby(["analysis", "arm"]):
        shifts = arm[(arm["level"] == "shift") & (arm["term"] != "")]
        ends = shifts["term"].str.split(" to ", expand=True)
        for at, row in arm[(arm["level"] == "level") & (arm["term"] != "")].iterrows():
            yield int(at), list(shifts.index[ends[1] == row["term"]])
        known = ends[ends[0] != "no baseline"].astype(float)
        direction = np.sign(known[1] - known[0])
        for sign, word in ((-1, "better"), (0, "same"), (1, "worse")):
            (total,) = arm.index[(arm["level"] == "change") & (arm["term"] == word)]
            yield int(total), list(known.index[direction == sign])
        for kind in ("level", "shift", "change"):
            of = arm[arm["level"] == kind]
            yield int(of.index[of["term"] == ""][0]), list(of.index[of["term"] != ""])


def _record_sums(rows: pd.DataFrame) -> Iterator[tuple[int, list[int]]]:
    """Records of a class are those of its terms, all records those of the classes."""
    counts = rows[(rows["statistic"] == "n_records")]
    for _, arm in counts.groupby("arm"):
        classes = arm[arm["term"] == "any of them"]
        yield int(arm.index[arm["term"] == "any"][0]), list(classes.index)
        for at, row in classes.iterrows():
            yield int(at), list(arm.index[(arm["level"] == row["level"]) & (arm["term"] != "any of them")])


def _arm_sums(rows: pd.DataFrame) -> Iterator[tuple[int, list[int]]]:
    """People in a band of exposure over the arms."""
    counts = rows[(rows["analysis"] == "exposed") & (rows["statistic"] == "n")]
    for _, band in counts.groupby("term"):
        yield int(band.index[band["arm"] == ""][0]), list(band.index[band["arm"] != ""])


SUMS = {"ranks": _rank_sums, "records": _record_sums, "exposure": _arm_sums}


@SEEDS
@pytest.mark.parametrize("kind", list(SUMS))
def test_no_withheld_count_comes_back_from_a_sum(kind: str, seed: int) -> None:
    """Interval audit: whole numbers under every sum, rounding to 5 and 1 to 7 for what is withheld as small."""
    rows = joined(seed)
    sums = [(total, parts) for total, parts in SUMS[kind](rows) if parts]
    assert sums
    for total, parts in sums:
        assert rows["value"][total] == rows["value"][parts].sum()
    members = sorted({at for total, parts in sums for at in (total, *parts)})
    place = {at: i for i, at in enumerate(members)}
    low, high = np.zeros(len(members)), np.full(len(members), 500.0)
    seen = shown(rows)
    for at, i in place.items():
        value = rows["value_out"][at]
        if seen[at]:
            low[i], high[i] = (0, 0) if value == 0 else (max(value - 2, 8), value + 2)
        elif rows["value"][at] in SMALL:
            low[i], high[i] = 1, 7
    matrix = np.zeros((len(sums), len(members)))
    for row, (total, parts) in enumerate(sums):
        matrix[row, place[total]] = 1
        matrix[row, [place[at] for at in parts]] -= 1
    for at, i in place.items():
        if not seen[at] and rows["value"][at] in SMALL:
            ends = [_extreme(matrix, low, high, i, sign) for sign in (1, -1)]
            assert ends[1] > ends[0], rows.loc[at, ["analysis", "arm", "level", "term", "statistic", "value"]]


def _extreme(matrix: np.ndarray, low: np.ndarray, high: np.ndarray, i: int, sign: int) -> int:
    objective = np.zeros(matrix.shape[1])
    objective[i] = sign
    found: Any = milp(objective, constraints=LinearConstraint(matrix, 0, 0), bounds=Bounds(low, high), integrality=np.ones(matrix.shape[1]))
    assert found.success
    return round(found.x[i])


@SEEDS
def test_no_sum_holds_one_withheld_count(seed: int) -> None:
    """The rule the profile promises: beside a withheld member of a sum stands another."""
    rows = joined(seed)
    seen = shown(rows)
    for kind, sums in SUMS.items():
        for total, parts in sums(rows):
            hidden = [at for at in (total, *parts) if not seen[at] and rows["value"][at] > 0]
            others = [at for at in (total, *parts) if rows["value"][at] > 0]
            assert len(hidden) != 1 or len(others) == 1, (kind, rows.loc[hidden[0], ["arm", "level", "term", "statistic", "value"]])


@SEEDS
def test_no_incidence_tells_a_few_events_between_two_days(seed: int) -> None:
    rows = joined(seed)
    curve = rows[(rows["term"] == "incidence") & (rows["statistic"] == "incidence") & shown(rows)]
    for _, arm in curve.groupby("arm"):
        for first, second in itertools.pairwise(arm.sort_values("day")["events"]):
            assert second - first not in SMALL


@SEEDS
def test_no_step_of_a_curve_lies_a_few_events_from_another_level_that_is_shown(seed: int) -> None:
    rows = joined(seed)
    steps = rows[(rows["analysis"] == "incidence") & (rows["statistic"] == "incidence")]
    for arm, of in steps[shown(steps)].groupby("arm"):
        exact = steps[(steps["arm"] == arm) & (steps["term"] == "curve")]
        levels = sorted(int(exact["events"][exact["day"] <= day].sum()) for day in of["day"])
        assert len(levels) > len(of) / 2
        assert not [later - level for level, later in itertools.pairwise([0, *levels]) if later - level in SMALL]
        competing = match(rows, analysis="incidence", term="competing", arm=arm)
        assert shown(competing).all()


def _stepping(events: list[int], at_risk: list[int]) -> pd.DataFrame:
    key: dict[str, Any] = {"study": "s", "analysis": "curve", "term": "curve", "statistic": "survival", "status": "ok"}
    rows = [{**key, "day": 0.0, "value": 1.0, "n": at_risk[0], "events": 0}]
    rows += [{**key, "day": day + 1.0, "value": 1 - 0.01 * day, "n": n, "events": e} for day, (e, n) in enumerate(zip(events, at_risk, strict=True))]
    return ard.check(pd.DataFrame(rows).reindex(columns=list(ard.ARD.columns)))


def test_a_curve_steps_once_more_than_seven_events_have_gathered() -> None:
    """Worked by hand: 3 + 4 + 3, then 8, then 1 + 9; 4 more are never gathered, and with 7 at risk the curve has ended."""
    out = disclosure.apply("opensafely", _stepping([3, 4, 3, 8, 1, 9, 4, 0, 9], [100, 97, 93, 90, 82, 81, 72, 60, 7])).frame
    assert list(zip(out["day"], out["events"], strict=True)) == [(0, 0), (3, 10), (4, 10), (6, 10)]
    few = disclosure.apply("opensafely", _stepping([9, 9, 9], [40, 7, 30])).frame
    assert few["day"].tolist() == [0, 1]


@SEEDS
def test_no_rate_tells_the_exact_count(seed: int) -> None:
    """The upper limit over the rate depends on the count alone (Garwood): shown to one decimal, it tells counts that were rounded."""
    rows = joined(seed)
    lines = rows[(rows["analysis"] == "events") & shown(rows)]
    for _, line in lines.groupby(["arm", "level", "term"]):
        by = line.drop_duplicates("statistic").set_index("statistic")["value_out"]
        if "rate" not in by or "conf_high" not in by or not by["rate"]:
            continue
        counts = np.arange(1, 200)
        ratio = gammaincinv(counts + 1, 0.975) / counts
        fits = (ratio >= (by["conf_high"] - 0.05) / (by["rate"] + 0.05)) & (ratio <= (by["conf_high"] + 0.05) / (by["rate"] - 0.05))
        assert fits.sum() >= 5, line.iloc[0][["arm", "level", "term"]]


@SEEDS
def test_rates_times_the_same_years_are_rounded_counts(seed: int) -> None:
    """Years without the event are nearly the same for rare events: rates that stood for exact counts would compare them."""
    rows = joined(seed)
    rates = rows[(rows["statistic"] == "rate") & shown(rows) & (rows["events"] > 0)]
    for _, row in rates.iterrows():
        rounded = 5 * np.floor(row["events"] / 5 + 0.5)
        assert row["value_out"] == pytest.approx(row["value"] * rounded / row["events"], abs=0.051)


def _arms_with(competing: int) -> pd.DataFrame:
    """Two arms of 40 with 10 and 15 events beside competing ones, and Gray's test."""
    key: dict[str, Any] = {"study": "s", "analysis": "incidence", "period": "main", "status": "ok"}
    rows = [{**key, "statistic": "n", "arm": arm, "value": 40, "n": 40} for arm in ("a", "b")]
    for arm, events, others in (("a", 10, competing), ("b", 15, 12)):
        rows.append({**key, "statistic": "n_events", "arm": arm, "value": events, "n": 40, "events": events})
        rows.append({**key, "statistic": "n_events", "arm": arm, "value": others, "n": 40, "events": others, "term": "competing"})
    rows += [{**key, "statistic": name, "value": value, "n": 40, "events": 10, "term": "Gray's test"} for name, value in (("chisq", 1.5), ("df", 1.0))]
    return ard.check(pd.DataFrame(rows).reindex(columns=list(ard.ARD.columns)))


def test_grays_test_goes_with_the_events_of_an_arm() -> None:
    shown_tests = disclosure.apply("opensafely", _arms_with(competing=20)).frame.query('term == "Gray\'s test"')
    assert dict(zip(shown_tests["statistic"], shown_tests["value"], strict=True)) == {"chisq": 1.5, "df": 1.0}
    few = disclosure.apply("opensafely", _arms_with(competing=3)).frame
    assert few[(few["statistic"] == "n_events") & (few["arm"] == "a")]["value"].isna().all()
    assert few[few["statistic"] == "chisq"]["value"].isna().all()
