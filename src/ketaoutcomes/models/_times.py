"""The rows that enter a model of time to event."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import Cox, CumulativeIncidence, Hazard, KaplanMeier, Landmark
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._scores import people_of


def times(
    analysis: KaplanMeier | CumulativeIncidence | Cox | Hazard | Landmark, data: dict[str, pd.DataFrame], columns: list[str], other: str = ""
) -> tuple[pd.DataFrame, int]:
    """One row per participant: ``time, event, status, reason, arm`` and `columns`; and how many had to be left out.

    `other` names another choice of the endpoint's rule. A competing event ends the time without the
    event. Events on day 0 stay: everybody is at risk at time 0.
    """
    people = people_of(analysis, data)
    adtte = data["adtte"]
    name = f"{analysis.endpoint}|{other}" if other else analysis.endpoint
    rows = adtte[(adtte["paramcd"] == name) & (adtte["period"] == analysis.period)]
    joined = people.drop(columns="reason").merge(rows[["participant", "aval", "cnsr", "evntdesc"]], on="participant", how="left")
    joined = joined.assign(time=joined["aval"].astype(float), event=joined["cnsr"] == 0, reason=joined["evntdesc"])
    complete = joined[joined[["time", *columns]].notna().all(axis=1)].reset_index(drop=True)
    return complete.assign(event=complete["event"].astype(bool)), len(people) - len(complete)


def stretches(study: Study, analysis: Cox, data: dict[str, pd.DataFrame], found: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Rows of `found` cut where a time-varying covariate changes: ``entry``, ``time``, ``event`` and a column for each parameter.

    The value of a stretch is the last score at or before its start, the baseline until the first;
    also how many people are left out for want of a baseline, or for having no time at risk.
    """
    adqs = data["adqs"]
    pieces = found[found["time"] > 0].assign(entry=0.0)
    for parameter in analysis.time_varying:
        scores = adqs[(adqs["period"] == analysis.period) & (adqs["paramcd"] == parameter)]
        base = scores.dropna(subset=["base"]).drop_duplicates("participant").set_index("participant")["base"]
        later = scores[(scores["ablfl"] == "no") & scores["aval"].notna()]
        # actual days only where the study counts in days
        when = later["ady"].fillna(later["avisitn"]) if study.time_unit == "days" else later["avisitn"]
        later = later.assign(at=when).sort_values(["participant", "at"], kind="stable")
        changes = {who: list(zip(part["at"], part["aval"], strict=True)) for who, part in later.groupby("participant")}
        pieces = _cut(pieces, parameter, base.to_dict(), changes)
    without = pieces.loc[pieces[analysis.time_varying].isna().any(axis=1), "participant"]
    known = pieces[~pieces["participant"].isin(without)].reset_index(drop=True)
    return known, found["participant"].nunique() - known["participant"].nunique()


def _cut(pieces: pd.DataFrame, parameter: str, base: dict[Any, float], changes: dict[Any, list[tuple[float, float]]]) -> pd.DataFrame:
    """Each stretch cut at the days on which one parameter's score changes."""
    rows: list[dict[Any, Any]] = []
    for record in pieces.to_dict("records"):
        who, entry, end = int(record["participant"]), float(record["entry"]), float(record["time"])
        seen = changes.get(who, [])
        value = next((score for day, score in reversed(seen) if day <= entry), base.get(who, float("nan")))
        for day, score in [(day, score) for day, score in seen if entry < day < end]:
            rows.append({**record, "entry": entry, "time": day, "event": False, parameter: value})
            entry, value = day, score
        rows.append({**record, "entry": entry, parameter: value})
    return pd.DataFrame(rows, columns=[*pieces.columns, parameter])


def other_choices(analysis: KaplanMeier | Cox, data: dict[str, pd.DataFrame]) -> list[str]:
    """The other choices under which the endpoint's rule was computed too."""
    names = data["adtte"]["paramcd"].drop_duplicates()
    return [str(name).partition("|")[2] for name in names if str(name).startswith(f"{analysis.endpoint}|")]


def strata_of(rows: pd.DataFrame, columns: list[str]) -> list[str] | None:
    """One label per row for the combination of strata, or None without strata."""
    if not columns:
        return None
    return ["/".join(map(str, values)) for values in rows[columns].itertuples(index=False, name=None)]
