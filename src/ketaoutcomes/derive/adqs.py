"""Scores on the expected grid of visits: a missing visit is a row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.domain.endpoints import CutoffEndpoint
from ketaoutcomes.domain.instruments import Cutoff, Instrument, instruments
from ketaoutcomes.domain.study import Study, Visit

_PERSON = ["participant", "period"]


def adqs(study: Study, cohort: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """Every participant x period x parameter x expected visit, with value, baseline and change.

    ``chg = aval - base`` and ``pchg = 100 chg / base`` (missing at a baseline of 0). The baseline
    is the assessment that the period's baseline rule names; it may lie in another period.
    """
    scores = _at_visits(study, cohort["assessments"], people)
    grid = _grid(study, people)
    rows = grid.merge(scores, on=[*_PERSON, "paramcd", "avisit"], how="left")
    rows = rows.merge(_baselines(study, scores), on=[*_PERSON, "paramcd"], how="left")
    rows["chg"] = rows["aval"] - rows["base"]
    rows["pchg"] = (100 * rows["chg"] / rows["base"]).where(rows["base"] != 0)
    after = _after_events(study, rows, cohort["events"], people)
    rows["anl"] = _yes_no(~after["hypothetical"])
    met = [_cutoff_rows(study, name, rows, after["composite"]) for name, e in study.endpoints.items() if isinstance(e, CutoffEndpoint)]
    return pd.concat([rows, *met], ignore_index=True)


def _yes_no(flags: pd.Series) -> pd.Series:
    return flags.map({True: "yes", False: "no"}).astype("string")


def _grid(study: Study, people: pd.DataFrame) -> pd.DataFrame:
    visits = pd.DataFrame(
        [{"period": v.period, "avisit": v.id, "avisitn": v.time, "ablfl": _is_baseline(study, v)} for v in study.visits],
        columns=["period", "avisit", "avisitn", "ablfl"],
    )
    parameters = pd.DataFrame({"paramcd": list(study.parameters)}, dtype="string")
    return people[[*_PERSON, "trtp"]].merge(visits, on="period").merge(parameters, how="cross")


def _is_baseline(study: Study, visit: Visit) -> str:
    rules = [period.baseline for period in study.periods]
    return "yes" if any((visit.period, visit.id) == (rule.period, rule.visit) for rule in rules) else "no"


def _at_visits(study: Study, assessments: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """One score per participant, period, parameter and visit, day counted from the period's start."""
    rows = assessments.merge(people[[*_PERSON, "start"]], on=_PERSON, how="left")
    rows["ady"] = rows["day"] - rows["start"].fillna(0.0)
    named = rows[rows["visit"].notna()].rename(columns={"visit": "avisit"})
    windowed = [_in_window(rows[rows["visit"].isna()], visit) for visit in study.visits if visit.window]
    # a record that names its visit counts before one that only has a day
    found = pd.concat([named, *windowed], ignore_index=True).drop_duplicates([*_PERSON, "parameter", "avisit"])
    found = found.rename(columns={"parameter": "paramcd", "value": "aval"})
    return found[[*_PERSON, "paramcd", "avisit", "ady", "aval"]]


def _in_window(rows: pd.DataFrame, visit: Visit) -> pd.DataFrame:
    """The assessment nearest to the visit's time within its window; of two equally near the earlier."""
    assert visit.window is not None
    inside = rows[(rows["period"] == visit.period) & rows["ady"].between(visit.window[0], visit.window[1])]
    inside = inside.assign(avisit=visit.id, distance=(inside["ady"] - visit.time).abs())
    inside = inside.sort_values(["distance", "ady"], kind="stable")
    return inside.drop_duplicates([*_PERSON, "parameter"]).drop(columns=["visit", "distance"])


def _baselines(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    for period in study.periods:
        rule = period.baseline
        rows = scores[(scores["period"] == rule.period) & (scores["avisit"] == rule.visit)]
        parts.append(rows.assign(period=period.id, base=rows["aval"])[[*_PERSON, "paramcd", "base"]])
    return pd.concat(parts, ignore_index=True)


def _after_events(study: Study, rows: pd.DataFrame, events: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """For each row: does its day lie after an intercurrent event with that strategy?"""
    starts = people.set_index(_PERSON)["start"]
    start = starts.reindex(pd.MultiIndex.from_frame(rows[_PERSON])).to_numpy(dtype=float)
    day = rows["ady"].fillna(rows["avisitn"] if study.time_unit == "days" else np.nan) + start
    flags = pd.DataFrame(False, index=rows.index, columns=["hypothetical", "composite", "treatment_policy"])
    for entry in study.intercurrent:
        first = events[events["event"] == entry.event].groupby("participant")["day"].min()
        flags[entry.strategy] |= (day > rows["participant"].map(first)).fillna(False).astype(bool)
    return flags


def _cutoff_rows(study: Study, name: str, rows: pd.DataFrame, failed: pd.Series) -> pd.DataFrame:
    """Rows of a cut-off endpoint: 1 met, 0 not met, missing as the endpoint declares."""
    endpoint = study.endpoints[name]
    assert isinstance(endpoint, CutoffEndpoint)
    instrument = instruments()[study.parameters[endpoint.parameter]]
    chosen = rows[(rows["paramcd"] == endpoint.parameter) & (rows["ablfl"] == "no")]
    met = _met(chosen, instrument, instrument.cutoffs[endpoint.cutoff])
    met = met.mask(failed.loc[chosen.index], 0.0)
    if endpoint.missing == "nonresponse":
        met = met.fillna(0.0)
    return chosen.assign(paramcd=name, aval=met, base=np.nan, chg=np.nan, pchg=np.nan)


def _met(rows: pd.DataFrame, instrument: Instrument, cutoff: Cutoff) -> pd.Series:
    if cutoff.rule == "percent_reduction":
        sign = -1 if instrument.better == "lower" else 1
        return (sign * rows["pchg"] >= cutoff.value).astype(float).where(rows["pchg"].notna())
    reached = rows["aval"] <= cutoff.value if cutoff.rule == "at_most" else rows["aval"] >= cutoff.value
    return reached.astype(float).where(rows["aval"].notna())
