"""Who was in which period, on which arm, until when, and in which population."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.study import Period, Population, Study
from ketaoutcomes.schema.analysis_data import NO_PERIOD


def adsl(study: Study, cohort: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per participant and period they entered; those who entered none have one under `NO_PERIOD`.

    A participant enters a period when its eligibility population holds them and, in a period
    with arms, when an arm was assigned.
    """
    everybody = cohort["participants"]
    rows = [_entered(study, period, everybody) for period in study.periods]
    entered = pd.concat(rows, ignore_index=True)
    outside = everybody[~everybody["participant"].isin(entered["participant"])]
    people = pd.concat([entered, outside.assign(period=NO_PERIOD, trtp="", trta="", start=0.0)], ignore_index=True)
    ends = cohort["disposition"].rename(columns={"day": "last_day"})
    people = people.merge(ends, on=["participant", "period"], how="left")
    people["last_day"] = people["last_day"] - people["start"]
    return people


def _entered(study: Study, period: Period, people: pd.DataFrame) -> pd.DataFrame:
    rows = people.copy()
    if period.eligibility is not None:
        rows = rows[meets(study.populations[period.eligibility], rows)]
    planned = _arm(study, period.arm, rows)
    actual = _arm(study, period.actual_arm or period.arm, rows)
    start = rows[period.start].astype("float64") if period.start else pd.Series(0.0, index=rows.index)
    rows = rows.assign(period=period.id, trtp=planned, trta=actual, start=start)
    return rows[planned.notna() & start.notna()] if period.arm else rows[start.notna()]


def _arm(study: Study, column: str | None, rows: pd.DataFrame) -> pd.Series:
    if column is not None:
        return rows[column].astype("string")
    only = next(iter(study.design.arms)) if len(study.design.arms) == 1 else ""
    return pd.Series(only, index=rows.index, dtype="string")


def meets(population: Population, people: pd.DataFrame) -> pd.Series:
    """Which rows have an allowed value in every column the population names."""
    inside = pd.Series(True, index=people.index)
    for column, allowed in population.where.items():
        inside &= people[column].astype("string").isin(allowed)
    return inside


def population_flags(study: Study, people: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """`people` with one ``pop_<name>`` column of yes and no for each population."""
    people = people.copy()
    for name, population in study.populations.items():
        inside = meets(population, people)
        if population.baseline_of is not None:
            rows = scores[(scores["paramcd"] == population.baseline_of) & scores["base"].notna()]
            inside &= _has(people, rows)
        if population.post_baseline_of is not None:
            rows = scores[(scores["paramcd"] == population.post_baseline_of) & scores["aval"].notna() & (scores["ablfl"] == "no")]
            inside &= _has(people, rows)
        people[f"pop_{name}"] = inside.map({True: "yes", False: "no"}).astype("string")
    return people


def _has(people: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    pairs = pd.MultiIndex.from_frame(rows[["participant", "period"]])
    return pd.Series(pd.MultiIndex.from_frame(people[["participant", "period"]]).isin(pairs), index=people.index)
