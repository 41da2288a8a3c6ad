"""Time to event, with the reason for each censoring."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.endpoints import FirstEventRule, RecordedRule, TimeEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.analysis_data import ADTTE


def adtte(study: Study, cohort: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """One row per participant and time-to-event endpoint: ``aval`` days, ``cnsr`` 0 event, 1 censored.

    A participant whose time is unknown has no row.
    """
    parts = [ADTTE.empty()]
    for name, endpoint in study.endpoints.items():
        if isinstance(endpoint, TimeEndpoint):
            rule = study.rules[endpoint.rule]
            inside = people[people["period"] == rule.period]
            rows = _recorded(rule, inside) if isinstance(rule, RecordedRule) else _first_event(rule, inside, cohort["events"])
            rows = rows[rows["aval"].notna() & rows["cnsr"].notna()]
            parts.append(rows.assign(paramcd=name)[list(ADTTE.columns)].astype(ADTTE.columns))
    return pd.concat(parts, ignore_index=True)


def _recorded(rule: RecordedRule, people: pd.DataFrame) -> pd.DataFrame:
    event = people[rule.event]
    return people.assign(
        aval=people[rule.time].astype("float64"),
        cnsr=event.map({"yes": 0, "no": 1}).astype("Int64"),
        evntdesc=event.map({"yes": "event", "no": rule.censored_as}).astype("string"),
    )


def _first_event(rule: FirstEventRule, people: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    counting = events[events["event"].isin(rule.types)].merge(people[["participant", "start", "last_day"]], on="participant")
    after = counting["day"] - counting["start"]
    # after its end nobody is followed: counting events there, but not the time of those without, would be immortal time
    counting = counting[(after >= 0) & ~(after > counting["last_day"])]
    first = (counting["day"] - counting["start"]).groupby(counting["participant"]).min()
    time = people["participant"].map(first).astype("float64")
    happened = time.notna()
    ended = people["reason"].fillna(people["status"])
    return people.assign(
        aval=time.where(happened, people["last_day"]),
        cnsr=(~happened).astype("Int64"),
        evntdesc=ended.where(~happened, "event").fillna("end of data"),
    )
