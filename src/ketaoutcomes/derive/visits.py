"""Which score counts as which visit."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.study import Study, Visit

PERSON = ["participant", "period"]
_SCORE = [*PERSON, "parameter"]


def at_visits(study: Study, assessments: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """One score per participant, period, parameter and visit, day counted from the period's start.

    A record that names its visit counts before one that only has a day. Of several days within a
    visit's window the one counts that the visit's `take` and `tie` choose.
    """
    rows = assessments.merge(people[[*PERSON, "start"]], on=PERSON, how="left")
    rows["ady"] = rows["day"] - rows["start"].fillna(0.0)
    named = rows[rows["visit"].notna()].rename(columns={"visit": "avisit"})
    windowed = [_in_window(study, rows[rows["visit"].isna()], visit) for visit in study.visits if visit.window]
    found = pd.concat([named, *windowed], ignore_index=True).drop_duplicates([*_SCORE, "avisit"])
    found = found.rename(columns={"parameter": "paramcd", "value": "aval"})
    return found[[*PERSON, "paramcd", "avisit", "ady", "aval"]]


def _in_window(study: Study, rows: pd.DataFrame, visit: Visit) -> pd.DataFrame:
    """The score of each person and parameter within a visit's window."""
    inside = rows[(rows["period"] == visit.period) & rows["ady"].between(*visit.edges)].assign(avisit=visit.id)
    inside = inside.drop(columns="visit")
    if visit.take == "mean":
        means = inside.groupby(_SCORE, sort=False)["value"].mean()
        last = inside.sort_values("ady", kind="stable").drop_duplicates(_SCORE, keep="last")
        return last.assign(value=means.reindex(pd.MultiIndex.from_frame(last[_SCORE])).to_numpy())
    inside = inside.assign(order=_order(study, inside, visit), later=inside["ady"] * (-1 if visit.tie == "later" else 1))
    return inside.sort_values(["order", "later"], kind="stable").drop_duplicates(_SCORE).drop(columns=["order", "later"])


def _order(study: Study, inside: pd.DataFrame, visit: Visit) -> pd.Series:
    """What is smallest for the score that counts."""
    if visit.take == "nearest":
        # to a second: days that are hours divided by 24 must be able to tie
        return (inside["ady"] - visit.time).abs().round(5)
    if visit.take in {"first", "last"}:
        return inside["ady"] * (1 if visit.take == "first" else -1)
    low_is_best = inside["parameter"].map({name: study.scales[key].better == "lower" for name, key in study.parameters.items()}).astype(bool)
    return inside["value"].where(low_is_best == (visit.take == "best"), -inside["value"])


def baselines(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """Baseline of each person, period and parameter: the score at the rule's visit, else at those it names otherwise."""
    parts: list[pd.DataFrame] = []
    for period in study.periods:
        rule = period.baseline
        for visit in (rule.visit, *rule.otherwise):
            rows = scores[(scores["period"] == rule.period) & (scores["avisit"] == visit) & scores["aval"].notna()]
            parts.append(rows.assign(period=period.id, base=rows["aval"])[[*PERSON, "paramcd", "base"]])
    return pd.concat(parts, ignore_index=True).drop_duplicates([*PERSON, "paramcd"])
