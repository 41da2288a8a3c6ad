"""Scores on the expected grid of visits: a missing visit is a row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.derive.endpoints import endpoint_rows
from ketaoutcomes.derive.tally import tally_rows
from ketaoutcomes.derive.visits import PERSON, at_visits, baselines
from ketaoutcomes.domain.study import Study, Visit


def adqs(study: Study, cohort: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """Every participant x period x parameter x expected visit, with value, baseline and change.

    ``chg = aval - base`` and ``pchg = 100 chg / base`` (missing at a baseline of 0). The baseline
    is the assessment that the period's baseline rule names; it may lie in another period.
    """
    scores = at_visits(study, cohort["assessments"], people)
    grid = _grid(study, people)
    rows = grid.merge(scores, on=[*PERSON, "paramcd", "avisit"], how="left")
    rows = rows.merge(baselines(study, scores), on=[*PERSON, "paramcd"], how="left")
    rows["chg"] = rows["aval"] - rows["base"]
    rows["pchg"] = (100 * rows["chg"] / rows["base"]).where(rows["base"] != 0)
    after = _after_events(study, rows, cohort["events"], people)
    rows["anl"] = _yes_no(~after["hypothetical"])
    rows["failed"] = after["composite"]
    tallies = tally_rows(study, cohort["assessments"], people, rows)
    return pd.concat([rows, *endpoint_rows(study, rows), *tallies], ignore_index=True).drop(columns="failed")


def _yes_no(flags: pd.Series) -> pd.Series:
    return flags.map({True: "yes", False: "no"}).astype("string")


def _grid(study: Study, people: pd.DataFrame) -> pd.DataFrame:
    visits = pd.DataFrame(
        [{"period": v.period, "avisit": v.id, "avisitn": v.time, "ablfl": _is_baseline(study, v)} for v in study.visits],
        columns=["period", "avisit", "avisitn", "ablfl"],
    )
    parameters = pd.DataFrame({"paramcd": list(study.parameters)}, dtype="string")
    return people[[*PERSON, "trtp"]].merge(visits, on="period").merge(parameters, how="cross")


def _is_baseline(study: Study, visit: Visit) -> str:
    """`yes` for a baseline, `before` for a visit of its period that lies before it, `no` for those that may be outcomes."""
    rules = [period.baseline for period in study.periods]
    if any((visit.period, visit.id) == (rule.period, rule.visit) for rule in rules):
        return "yes"
    own = study.period(visit.period).baseline
    earlier = own.period == visit.period and visit.time < next(v.time for v in study.visits_of(visit.period) if v.id == own.visit)
    return "before" if earlier else "no"


def _after_events(study: Study, rows: pd.DataFrame, events: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """For each row: does its day lie after an intercurrent event with that strategy?"""
    starts = people.set_index(PERSON)["start"]
    start = starts.reindex(pd.MultiIndex.from_frame(rows[PERSON])).to_numpy(dtype=float)
    day = rows["ady"].fillna(rows["avisitn"] if study.time_unit == "days" else np.nan) + start
    flags = pd.DataFrame(False, index=rows.index, columns=["hypothetical", "composite", "treatment_policy"])
    for entry in study.intercurrent:
        first = events[events["event"] == entry.event].groupby("participant")["day"].min()
        flags[entry.strategy] |= (day > rows["participant"].map(first)).fillna(False).astype(bool)
    return flags
