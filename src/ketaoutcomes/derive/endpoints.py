"""Endpoints as rows of the analysis data: what a definition says of each person's scores, and of those that are missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.derive.visits import PERSON
from ketaoutcomes.domain.endpoints import (
    AreaEndpoint,
    CutoffEndpoint,
    Endpoint,
    Numeric,
    OnsetEndpoint,
    ReliableChangeEndpoint,
    ScoreEndpoint,
    SustainedEndpoint,
    TallyEndpoint,
    TallyReachedEndpoint,
    TimeEndpoint,
)
from ketaoutcomes.domain.instruments import AllOf, Criterion, Instrument
from ketaoutcomes.domain.study import Study


def endpoint_rows(study: Study, rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows of the endpoints that are more than a score as it was observed.

    Parameters
    ----------
    study
        The study file.
    rows
        One row per person, period, parameter and visit, with ``aval, base, chg, pchg, anl`` and
        ``failed``: lies after an event that counts as not met.
    """
    found: list[pd.DataFrame] = []
    for name, endpoint in study.endpoints.items():
        if isinstance(endpoint, TimeEndpoint | TallyEndpoint | TallyReachedEndpoint) or (isinstance(endpoint, Numeric) and not endpoint.derived):
            continue
        of = rows[rows["paramcd"] == endpoint.parameter].sort_values([*PERSON, "avisitn"], kind="stable")
        found.append(_rows(endpoint, study.scale(endpoint.parameter), of).assign(paramcd=name))
    return found


def _rows(endpoint: Endpoint, scale: Instrument, of: pd.DataFrame) -> pd.DataFrame:
    if getattr(endpoint, "missing", "") == "last_observation":
        of = _carried(of)
    if isinstance(endpoint, AreaEndpoint):
        return _area(endpoint, of)
    after = of[of["ablfl"] == "no"]
    if isinstance(endpoint, ScoreEndpoint):
        return of
    if isinstance(endpoint, ReliableChangeEndpoint):
        met = _reliable(endpoint, scale, after, of)
    else:
        assert isinstance(endpoint, CutoffEndpoint | OnsetEndpoint | SustainedEndpoint)
        met = criterion_met(after, scale, scale.criteria[endpoint.cutoff])
    met = met.mask(after["failed"], 0.0)
    if isinstance(endpoint, SustainedEndpoint):
        return _sustained(endpoint, after.assign(aval=met))
    if endpoint.missing == "nonresponse":
        met = met.fillna(0.0)
    if isinstance(endpoint, OnsetEndpoint):
        met = met.groupby([after["participant"], after["period"]]).cummax()
    return _flags(after, met)


def _flags(rows: pd.DataFrame, value: pd.Series) -> pd.DataFrame:
    return rows.assign(aval=value, base=np.nan, chg=np.nan, pchg=np.nan)


def _carried(of: pd.DataFrame) -> pd.DataFrame:
    """Scores after baseline carried forward to the visits that miss theirs; the baseline itself is not carried."""
    after = of["ablfl"] == "no"
    values = of["aval"].where(after).groupby([of["participant"], of["period"]]).ffill()
    filled = of.assign(aval=of["aval"].where(~after, values))
    change = filled["aval"] - filled["base"]
    return filled.assign(chg=change, pchg=(100 * change / filled["base"]).where(filled["base"] != 0))


def criterion_met(rows: pd.DataFrame, scale: Instrument, criterion: Criterion) -> pd.Series:
    """1 met, 0 not met, missing without a score."""
    if isinstance(criterion, AllOf):
        parts = [criterion_met(rows, scale, scale.criteria[name]) for name in criterion.of]
        return pd.concat(parts, axis=1).min(axis=1, skipna=False)
    improved = -1 if scale.better == "lower" else 1
    judged = {
        "percent_reduction": lambda: (improved * rows["pchg"], criterion.value),
        "reduction": lambda: (improved * rows["chg"], criterion.value),
        "at_least": lambda: (rows["aval"], criterion.value),
        "above": lambda: (rows["aval"], criterion.value),
        "at_most": lambda: (-rows["aval"], -criterion.value),
    }
    score, least = judged[criterion.rule]()
    if criterion.rule == "above":
        return (score > least).astype(float).where(score.notna())
    # a mean of items or a percentage that equals its threshold on paper may miss it by a rounding error
    return (score >= least - 1e-9).astype(float).where(score.notna())


def _reliable(endpoint: ReliableChangeEndpoint, scale: Instrument, after: pd.DataFrame, of: pd.DataFrame) -> pd.Series:
    """Jacobson and Truax (1991): change beyond `level` standard errors of the difference of two scores."""
    once = of.drop_duplicates(PERSON)
    own = once.groupby("period")["base"].std(ddof=1)
    # one baseline, or equal ones, tell nothing of the error of a score
    sd = after["period"].map(own.where(own > 0)) if endpoint.sd == "baseline" else endpoint.sd
    error = sd * np.sqrt(2 * (1 - endpoint.reliability))
    towards = -1 if (scale.better == "lower") == (endpoint.direction == "improved") else 1
    index = towards * after["chg"] / error
    return (index > endpoint.level).astype(float).where(index.notna())


def _scheduled(rows: pd.DataFrame, visits: list[str]) -> pd.DataFrame:
    """Rows at these visits of people and periods that have all of them."""
    inside = rows[rows["avisit"].isin(visits)]
    return inside[inside.groupby(PERSON)["avisit"].transform("nunique") == len(visits)]


def _wide(rows: pd.DataFrame, visits: list[str], column: str) -> pd.DataFrame:
    """A column by person and period (rows) and visit (columns)."""
    return rows.pivot(index=PERSON, columns="avisit", values=column).reindex(columns=visits).astype(float)


def _at_last(rows: pd.DataFrame, visits: list[str], value: pd.Series) -> pd.DataFrame:
    """Rows at the last of the visits with a value by person; one visit out of the analysis takes the value out."""
    left_in = rows["anl"].eq("yes").groupby([rows["participant"], rows["period"]]).all()
    last = rows[rows["avisit"] == visits[-1]].set_index(PERSON)
    analysed = left_in.reindex(last.index).map({True: "yes", False: "no"}).astype("string")
    return last.assign(aval=value.reindex(last.index), anl=analysed).reset_index()


def _sustained(endpoint: SustainedEndpoint, rows: pd.DataFrame) -> pd.DataFrame:
    rows = _scheduled(rows, endpoint.visits)
    met = _wide(rows, endpoint.visits, "aval")
    missing = met.isna()
    unknown = {
        "nonresponse": pd.Series(False, index=met.index),
        "non_evaluable": missing.any(axis=1),
        "observed": missing.all(axis=1) | missing[endpoint.always].any(axis=1),
        "last_observation": missing.any(axis=1),
    }[endpoint.missing]
    if endpoint.missing == "nonresponse":
        met = met.fillna(0.0)
    kept = ((met == 0).sum(axis=1) <= endpoint.excursions) & ~(met[endpoint.always] == 0).any(axis=1)
    found = _at_last(rows, endpoint.visits, kept.astype(float).mask(unknown))
    return _flags(found, found["aval"])


def _area(endpoint: AreaEndpoint, rows: pd.DataFrame) -> pd.DataFrame:
    first = rows["ablfl"] == "yes"
    rows = rows.assign(aval=rows["aval"].mask(first, rows["base"]), chg=rows["chg"].mask(first, rows["base"] - rows["base"]))
    rows = _scheduled(rows, endpoint.visits)
    table = _wide(rows, endpoint.visits, "aval" if endpoint.of == "value" else "chg")
    score, time = table.to_numpy(), _wide(rows, endpoint.visits, "avisitn").to_numpy()
    known = ~np.isnan(score)
    # carrying forward leaves a visit empty before the first score: no line is drawn across it
    complete = known[:, 0] & known[:, -1] if endpoint.missing == "observed" else known.all(axis=1)
    value = np.full(len(table), np.nan)
    for at in np.flatnonzero(complete):
        seen = known[at]
        value[at] = np.trapezoid(score[at, seen], time[at, seen])
    if endpoint.per_time:
        value = value / (time[:, -1] - time[:, 0])
    return _at_last(rows, endpoint.visits, pd.Series(value, index=table.index)).assign(chg=np.nan, pchg=np.nan)
