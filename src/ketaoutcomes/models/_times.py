"""The rows that enter a model of time to event."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.analyses import Cox, KaplanMeier
from ketaoutcomes.models._scores import people_of


def times(analysis: KaplanMeier | Cox, data: dict[str, pd.DataFrame], columns: list[str], other: str = "") -> tuple[pd.DataFrame, int]:
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


def other_choices(analysis: KaplanMeier | Cox, data: dict[str, pd.DataFrame]) -> list[str]:
    """The other choices under which the endpoint's rule was computed too."""
    names = data["adtte"]["paramcd"].drop_duplicates()
    return [str(name).partition("|")[2] for name in names if str(name).startswith(f"{analysis.endpoint}|")]


def strata_of(rows: pd.DataFrame, columns: list[str]) -> list[str] | None:
    """One label per row for the combination of strata, or None without strata."""
    if not columns:
        return None
    return ["/".join(map(str, values)) for values in rows[columns].itertuples(index=False, name=None)]
