"""Which period of the study a record belongs to."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.findings import Finding
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest.places import at_rows


def assign_periods(study: Study, part: str, frame: pd.DataFrame, people: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    """`frame` with a `period` column.

    A record's own `period` counts first. In a crossover its `arm` tells: the period in which the
    participant had that arm; a record without an arm belongs to the one period in which none is
    assigned. Else the day tells: the last period that had started for the participant. Wide
    tables name the period of each column themselves; events belong to no period.
    """
    frame = frame.copy()
    if part == "events" or not len(frame):
        return frame if part == "events" else frame.assign(period=pd.Series(dtype="string"))
    if "period" in frame.columns:
        known = {period.id for period in study.periods}
        text = f"not a period of the study; known: {', '.join(sorted(known))}"
        findings += at_rows(frame[~frame["period"].isin(known)], "E-DATA-PERIOD", text)
    elif "arm" in frame.columns:
        frame["period"] = _by_arm(study, frame, people, findings)
    elif len(study.periods) == 1 or not {"day"} <= set(frame.columns):
        frame["period"] = pd.Series(study.periods[0].id, index=frame.index, dtype="string")
    else:
        frame["period"] = _by_day(study, frame, people)
    return frame.drop(columns="arm", errors="ignore")


def _by_arm(study: Study, frame: pd.DataFrame, people: pd.DataFrame, findings: list[Finding]) -> pd.Series:
    person = people.set_index("participant")
    period = pd.Series(pd.NA, index=frame.index, dtype="string")
    for candidate in study.periods:
        if candidate.arm is None:
            period[frame["arm"].isna()] = candidate.id
        else:
            had = frame["participant"].map(person[candidate.arm])
            period[(frame["arm"] == had).fillna(False).astype(bool)] = candidate.id
    findings += at_rows(frame[period.isna()], "E-DATA-PERIOD", "this participant had no period with the arm of this record")
    return period


def _by_day(study: Study, frame: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    person = people.set_index("participant")
    period = pd.Series(study.periods[0].id, index=frame.index, dtype="string")
    for candidate in study.periods[1:]:
        start = frame["participant"].map(person[candidate.start]) if candidate.start else pd.Series(0.0, index=frame.index)
        period[(frame["day"] >= start).fillna(False).astype(bool)] = candidate.id
    return period
