"""Which period of the study a record belongs to."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.findings import Findings
from ketaoutcomes.domain.study import Period, Study
from ketaoutcomes.ingest.places import at_rows, ours


def assign_periods(study: Study, part: str, frame: pd.DataFrame, people: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """`frame` with a `period` column.

    A record's own `period` counts first. In a crossover its `arm` tells: the period in which the
    participant had that arm; a record without an arm belongs to the one period in which none is
    assigned. Else the day tells: the last period that had started for the participant. Wide
    tables name the period of each column themselves; events belong to no period.
    """
    frame = frame.copy()
    wide = any("\t" in str(name) for name in frame.columns)
    if part == "events" or not len(frame):
        return frame if part == "events" else frame.assign(period=pd.Series(dtype="string"))
    if "period" in frame.columns:
        known = {period.id for period in study.periods}
        text = f"not a period of the study; known: {', '.join(sorted(known))}"
        findings += at_rows(frame[~frame["period"].isin(known)], "E-DATA-PERIOD", text, ours("period"))
        outside = frame["period"].isin(known) & frame["participant"].isin(people["participant"]) & ~_entered(study, frame, people)
        findings += at_rows(frame[outside], "E-DATA-PERIOD", "this participant has no arm or no start in the period of this record", ours("period"))
    elif "arm" in frame.columns:
        frame["period"] = _by_arm(study, frame, people, findings)
    elif len(study.periods) == 1 or wide or "day" not in frame.columns:
        frame["period"] = pd.Series(study.periods[0].id, index=frame.index, dtype="string")
    else:
        frame["period"] = _by_day(study, frame, people)
        findings += at_rows(frame[frame["day"].isna()], "E-DATA-PERIOD", "without a day nothing tells the period of this record", ours("day"))
    return frame.drop(columns="arm", errors="ignore")


def _entered(study: Study, frame: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Did each record's participant enter the record's period, as far as arm and start tell?"""
    person = people.set_index("participant")
    entered = pd.Series(True, index=frame.index)
    for period in study.periods:
        for column in (period.arm, period.start):
            if column is not None:
                entered &= (frame["period"] != period.id) | frame["participant"].map(person[column]).notna()
    return entered


def _by_arm(study: Study, frame: pd.DataFrame, people: pd.DataFrame, findings: Findings) -> pd.Series:
    person = people.set_index("participant")
    period = pd.Series(pd.NA, index=frame.index, dtype="string")
    twice = pd.Series(False, index=frame.index)
    for candidate in study.periods:
        here = _has_arm(candidate, frame, person)
        twice |= here & period.notna()
        period[here] = candidate.id
    findings += at_rows(frame[period.isna()], "E-DATA-PERIOD", "this participant had no period with the arm of this record", ours("arm"))
    several = "this participant had several periods with the arm of this record: name its period"
    findings += at_rows(frame[twice], "E-DATA-PERIOD", several, ours("arm"))
    return period


def _has_arm(period: Period, frame: pd.DataFrame, person: pd.DataFrame) -> pd.Series:
    if period.arm is None:
        return frame["arm"].isna()
    return (frame["arm"] == frame["participant"].map(person[period.arm])).fillna(False).astype(bool)


def _by_day(study: Study, frame: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    person = people.set_index("participant")
    period = pd.Series(study.periods[0].id, index=frame.index, dtype="string")
    for candidate in study.periods[1:]:
        start = frame["participant"].map(person[candidate.start]) if candidate.start else pd.Series(0.0, index=frame.index)
        period[(frame["day"] >= start).fillna(False).astype(bool)] = candidate.id
    return period
