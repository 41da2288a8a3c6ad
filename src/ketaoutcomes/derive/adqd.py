"""Scores at their own days: every record after the baseline, in a visit's window or not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.derive.visits import PERSON, at_visits, baselines
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.analysis_data import ADQD


def adqd(study: Study, cohort: dict[str, pd.DataFrame], people: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Every score with its day, counted from the period's start and after it, and after the baseline where that lies in the period.

    A record that names its visit and no day stands at the visit's time. Of several of a day the one
    counts that names its visit. Without rows where the study counts its time in another unit than days.
    """
    if study.time_unit != "days":
        return ADQD.empty()
    times = {(visit.period, visit.id): visit.time for visit in study.visits}
    rows = cohort["assessments"].merge(people[[*PERSON, "start", "trtp"]], on=PERSON)
    scheduled = pd.Series([times.get(pair, np.nan) for pair in zip(rows["period"], rows["visit"], strict=True)], index=rows.index, dtype="float64")
    rows = rows.assign(ady=(rows["day"] - rows["start"]).fillna(scheduled), paramcd=rows["parameter"], aval=rows["value"], named=rows["visit"].notna())
    rows = rows[rows["aval"].notna()].merge(_baseline_days(study, cohort, people), on=[*PERSON, "paramcd"], how="left")
    rows = rows[(rows["ady"] > 0) & ~(rows["ady"] <= rows["bady"])]
    rows = rows.sort_values([*PERSON, "paramcd", "ady", "named", "record"], ascending=[True] * 4 + [False, True], kind="stable")
    rows = rows.drop_duplicates([*PERSON, "paramcd", "ady"]).merge(baselines(study, scores), on=[*PERSON, "paramcd"], how="left")
    change = rows["aval"] - rows["base"]
    events = cohort["events"]
    names = [entry.event for entry in study.intercurrent if entry.strategy == "hypothetical"]
    first = events[events["event"].isin(names)].groupby("participant")["day"].min()
    taken_out = (rows["ady"] + rows["start"] > rows["participant"].map(first)).fillna(False).astype(bool)
    return rows.assign(chg=change, pchg=(100 * change / rows["base"]).where(rows["base"] != 0), anl=taken_out.map({True: "no", False: "yes"}))[
        list(ADQD.columns)
    ]


def _baseline_days(study: Study, cohort: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """Day of the baseline of each person and parameter, in periods that hold their own baseline."""
    placed = at_visits(study, cohort["assessments"], people)
    parts: list[pd.DataFrame] = []
    for period in study.periods:
        rule = period.baseline
        if rule.period == period.id:
            for visit in (rule.visit, *rule.otherwise):
                rows = placed[(placed["period"] == period.id) & (placed["avisit"] == visit) & placed["aval"].notna()]
                parts.append(rows.rename(columns={"ady": "bady"})[[*PERSON, "paramcd", "bady"]])
    empty = placed.iloc[:0].rename(columns={"ady": "bady"})[[*PERSON, "paramcd", "bady"]]
    return pd.concat([empty, *parts], ignore_index=True).drop_duplicates([*PERSON, "paramcd"])
