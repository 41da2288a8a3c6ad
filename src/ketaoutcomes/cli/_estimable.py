"""Which analyses a study's data can carry, told before any model is fitted."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.analyses import Analysis, Subgroups
from ketaoutcomes.domain.endpoints import ScoreEndpoint, TimeEndpoint
from ketaoutcomes.domain.study import Study

Tables = dict[str, pd.DataFrame]
_COLUMNS = {"value": "aval", "change": "chg", "percent_change": "pchg"}
#: Models whose result is a comparison with the reference arm.
_COMPARING = {"mmrm", "ancova", "cox", "proportions", "ordinal", "weighted", "hazard", "cumulative_incidence"}


def obstacle(study: Study, name: str, data: Tables) -> str:
    """Why an analysis cannot give a result; empty where nothing speaks against it.

    A fit may still fail for reasons that only a fit shows.
    """
    analysis = study.analyses[name]
    if isinstance(analysis, Subgroups):
        return obstacle(study, analysis.of, data)
    people = _people(analysis, data)
    if not len(people):
        return "nobody is in its population"
    arms = _arms(study, people)
    if len(study.design.arms) > 1 and analysis.model in _COMPARING and len(arms) < 2:
        return f"all of its people have one arm, {_label(study, arms[0]) if arms else 'none'}"
    endpoint = study.endpoints.get(str(getattr(analysis, "endpoint", "")))
    if endpoint is None:
        return ""
    if isinstance(endpoint, TimeEndpoint):
        return _of_times(study, analysis, data, people)
    plain = isinstance(endpoint, ScoreEndpoint) and not endpoint.derived
    parameter, column = (endpoint.parameter, _COLUMNS[endpoint.kind]) if plain else (str(getattr(analysis, "endpoint", "")), "aval")
    return _of_scores(study, analysis, data["adqs"][data["adqs"]["paramcd"] == parameter].rename(columns={column: "response"}), people)


def _people(analysis: Analysis, data: Tables) -> pd.DataFrame:
    adsl = data["adsl"]
    inside = adsl[f"pop_{analysis.population}"] == "yes"
    period = getattr(analysis, "period", "all")
    inside &= (adsl["trtp"] != "") if period == "all" else (adsl["period"] == period)
    return adsl[inside]


def _arms(study: Study, people: pd.DataFrame) -> list[str]:
    return [arm for arm in study.design.arms if (people["trtp"] == arm).any()]


def _label(study: Study, arm: str) -> str:
    return study.design.arms[arm].label if arm in study.design.arms else "everybody"


def _of_times(study: Study, analysis: Analysis, data: Tables, people: pd.DataFrame) -> str:
    adtte = data["adtte"]
    rows = adtte[(adtte["paramcd"] == getattr(analysis, "endpoint", "")) & adtte["participant"].isin(people["participant"])]
    events = rows[rows["cnsr"] == 0]
    if not len(rows):
        return "nobody has a time"
    if not len(events):
        return "nobody has the event"
    without = [arm for arm in _arms(study, people) if not (events["trtp"] == arm).any()]
    return f"no events in {_label(study, without[0])}" if without and analysis.model in {"cox", "hazard"} else ""


def _of_scores(study: Study, analysis: Analysis, rows: pd.DataFrame, people: pd.DataFrame) -> str:
    period = getattr(analysis, "period", "all")
    rows = rows[rows["participant"].isin(people["participant"]) & (rows["ablfl"] == "no") & rows["response"].notna()]
    values = rows if period == "all" else rows[rows["period"] == period]
    if not len(values):
        return "nobody has a value after the baseline"
    named: list[object] = [getattr(analysis, "visit", None), *(getattr(analysis, "visits", None) or [])]
    for visit in dict.fromkeys(visit for visit in named if isinstance(visit, str)):
        here = values[values["avisit"] == visit]
        for arm in _arms(study, people) or [""]:
            n = here.loc[here["trtp"] == arm, "participant"].nunique() if arm else here["participant"].nunique()
            if n < 2:
                return f"fewer than 2 people of {_label(study, arm)} have a value at {study.visit_labels.get(visit, visit)}"
    return ""


def seen(study: Study, parameter: str, period: str, data: Tables) -> pd.DataFrame:
    """People with a score: one row for each arm, one column for each visit of a period, in order.

    Returns
    -------
    DataFrame
        Index arm id (empty where everybody is treated alike), columns visit id, values number of people.
    """
    adqs = data["adqs"]
    rows = adqs[(adqs["paramcd"] == parameter) & (adqs["period"] == period)]
    visits = [visit.id for visit in study.visits_of(period) if (rows["avisit"] == visit.id).any()]
    counted = rows[rows["aval"].notna()].groupby(["trtp", "avisit"])["participant"].nunique().unstack(fill_value=0)
    arms = [arm for arm in [*study.design.arms, ""] if (rows["trtp"] == arm).any()]
    return counted.reindex(index=arms, columns=visits, fill_value=0)
