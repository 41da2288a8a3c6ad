"""The rows that enter a model of time to event."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.analyses import Cox, KaplanMeier
from ketaoutcomes.models._scores import people_of


def times(analysis: KaplanMeier | Cox, data: dict[str, pd.DataFrame], columns: list[str]) -> tuple[pd.DataFrame, int]:
    """One row per participant: ``time, event, arm`` and `columns`; and how many had to be left out.

    Events on day 0 stay: everybody is at risk at time 0.
    """
    people = people_of(analysis, data)
    adtte = data["adtte"]
    rows = adtte[(adtte["paramcd"] == analysis.endpoint) & (adtte["period"] == analysis.period)]
    joined = people.merge(rows[["participant", "aval", "cnsr"]], on="participant", how="left")
    joined = joined.assign(time=joined["aval"].astype(float), event=joined["cnsr"] == 0)
    complete = joined[joined[["time", *columns]].notna().all(axis=1)].reset_index(drop=True)
    return complete.assign(event=complete["event"].astype(bool)), len(people) - len(complete)


def strata_of(rows: pd.DataFrame, columns: list[str]) -> list[str] | None:
    """One label per row for the combination of strata, or None without strata."""
    if not columns:
        return None
    return ["/".join(map(str, values)) for values in rows[columns].itertuples(index=False, name=None)]
