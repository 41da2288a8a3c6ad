"""Tallies: how many looks, what share of them, how many in a row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.derive.endpoints import criterion_met
from ketaoutcomes.derive.looks import DAYS, ends
from ketaoutcomes.derive.visits import PERSON
from ketaoutcomes.domain.endpoints import TallyEndpoint, TallyReachedEndpoint
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.study import Study

Tally = TallyEndpoint | TallyReachedEndpoint


def tally_rows(study: Study, assessments: pd.DataFrame, people: pd.DataFrame, rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows of the endpoints that tally looks, each at the visit it stands at."""
    found: list[pd.DataFrame] = []
    for name, endpoint in study.endpoints.items():
        if not isinstance(endpoint, Tally):
            continue
        of = rows[(rows["paramcd"] == endpoint.parameter) & (rows["period"] == endpoint.period)]
        values = _tallies(study, endpoint, assessments, people, of)
        at = of[of["avisit"] == endpoint.at]
        value = at["participant"].map(values).astype("float64")
        if isinstance(endpoint, TallyReachedEndpoint):
            # a percentage that equals its threshold on paper may miss it by a rounding error
            value = (value >= endpoint.at_least - 1e-9).astype("float64").where(value.notna())
        found.append(at.assign(paramcd=name, aval=value, base=np.nan, chg=np.nan, pchg=np.nan))
    return found


def _tallies(study: Study, endpoint: Tally, assessments: pd.DataFrame, people: pd.DataFrame, of: pd.DataFrame) -> dict[int, float]:
    """The tally of each person of the period."""
    inside = people[people["period"] == endpoint.period].set_index("participant")
    groups = inside[endpoint.by].astype("string") if endpoint.by else pd.Series("", index=inside.index, dtype="string")
    until = ends(study, endpoint.period, endpoint.follow_up, inside)
    scale = study.scale(endpoint.parameter)
    states: dict[tuple[int, float], bool] = {}
    looks = _visits(of) if endpoint.looks == "visits" else _days(endpoint, assessments, people)
    for key, cutoff in ({"": endpoint.cutoff} if isinstance(endpoint.cutoff, str) else endpoint.cutoff).items():
        states |= _states(looks[looks["participant"].map(groups) == key], scale, cutoff, endpoint)
    # people of a group without a cut-off have no answer
    known = groups.index[groups.isin(list(endpoint.cutoff))] if isinstance(endpoint.cutoff, dict) else groups.index
    scheduled = sorted({visit.time for visit in study.visits_of(endpoint.period)} & set(of["avisitn"][of["ablfl"] == "no"]))
    grid = scheduled if endpoint.looks == "visits" else [float(day) for day in range(int(endpoint.first), int(endpoint.last) + 1)]
    found: dict[int, float] = {}
    for who in known:
        end = until.get(int(who), float("inf")) / DAYS[study.time_unit]
        expected = [time for time in grid if endpoint.first <= time <= min(endpoint.last, end)]
        found[int(who)] = _measure(endpoint, [states.get((int(who), time)) for time in expected])
    return found


def _visits(of: pd.DataFrame) -> pd.DataFrame:
    return of[of["ablfl"] == "no"].assign(time=of["avisitn"])


def _days(endpoint: Tally, assessments: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Records on their whole day; of several on one day the highest."""
    rows = assessments[(assessments["period"] == endpoint.period) & (assessments["parameter"] == endpoint.parameter)]
    rows = rows.merge(people[[*PERSON, "start"]], on=PERSON)
    rows = rows.assign(time=np.floor((rows["day"] - rows["start"]).astype("float64")), aval=rows["value"], chg=np.nan, pchg=np.nan)
    return rows.sort_values("aval").drop_duplicates(["participant", "time"], keep="last")


def _states(looks: pd.DataFrame, scale: Instrument, cutoff: str, endpoint: Tally) -> dict[tuple[int, float], bool]:
    """Person and time to whether the look is tallied; missing scores have no entry."""
    met = criterion_met(looks, scale, scale.criteria[cutoff])
    seen = met.notna()
    flags = (met == 1) if endpoint.when == "met" else (met == 0)
    return {(int(who), float(time)): bool(flag) for who, time, flag in zip(looks["participant"][seen], looks["time"][seen], flags[seen], strict=True)}


def _measure(endpoint: Tally, looks: list[bool | None]) -> float:
    if endpoint.missing == "non_evaluable" and None in looks:
        return float("nan")
    fill = {"tallied": True, "not_tallied": False}.get(endpoint.missing)
    told = [look if look is not None else fill for look in looks]
    counted = [look for look in told if look is not None]
    if not counted:
        return float("nan")
    if endpoint.measure == "number":
        return float(sum(counted))
    if endpoint.measure == "percent":
        return 100 * sum(counted) / len(counted)
    longest = run = 0
    for look in counted:
        run = run + 1 if look else 0
        longest = max(longest, run)
    return float(longest)
