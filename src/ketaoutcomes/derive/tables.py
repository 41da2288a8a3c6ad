"""The analysis data tables of a study."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.derive.adqd import adqd
from ketaoutcomes.derive.adqs import adqs
from ketaoutcomes.derive.adsl import adsl, population_flags
from ketaoutcomes.derive.adtte import adtte
from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.analysis_data import ANALYSIS_DATA


def derive(study: Study, cohort: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Analysis data of a study.

    Parameters
    ----------
    study
        The study file.
    cohort
        Tables of `schema.cohort`.

    Returns
    -------
    dict
        Tables of `schema.analysis_data`: adsl, adqs, adqd, adtte, adex, adrd, adae.
    """
    people = adsl(study, cohort)
    scores = adqs(study, cohort, people)
    tables = {
        "adsl": population_flags(study, people, scores),
        "adqs": scores,
        "adqd": adqd(study, cohort, people, scores),
        "adtte": adtte(study, cohort, people, scores),
        "adex": _adex(cohort["sessions"], people),
        "adrd": _of_the_period(cohort["readings"], people).drop(columns=["start", "day"], errors="ignore"),
        "adae": cohort["events"].rename(columns={"day": "ady"}),
    }
    return {name: schema.conform(tables[name]) for name, schema in ANALYSIS_DATA.items()}


def _of_the_period(records: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    return records.merge(people[["participant", "period", "trtp", "start"]], on=["participant", "period"])


def _adex(sessions: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    joined = _of_the_period(sessions, people)
    return joined.assign(ady=joined["day"] - joined["start"]).drop(columns=["day", "start"])
