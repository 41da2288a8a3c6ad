"""{title}: {rule}, in {population}. {compared}"""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import Proportions
from ketaoutcomes.domain.endpoints import YesNo, yes_no_words
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._proportions import Ratio, difference, ratio
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of, people_of
from ketaoutcomes.models._words import population_words

_COMPARED = "Proportions were compared by their risk difference with Wald and Newcombe limits and by their ratio with log-Wald limits, without adjustment."
_CROSSOVER = "Each person stands in both arms of the crossover: proportions are shown, not compared."
_ONE_ARM = "There is no comparator."


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Events, denominators and percentages by arm and visit; risk difference and ratio."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Proportions)
    people = people_of(analysis, data)
    adqs = data["adqs"]
    chosen = adqs[(adqs["paramcd"] == analysis.endpoint) & (adqs["anl"] == "yes") & adqs["aval"].notna()]
    scores = chosen.drop(columns="trtp").merge(people[["participant", "period", "arm"]], on=["participant", "period"])
    crossover = study.design.kind == "crossover"
    rows = results(study, name, parameter=analysis.endpoint)
    for visit in analysis.visits:
        at = scores[scores["avisit"] == visit]
        counts = {arm: _share(rows, at[at["arm"] == arm], arm, visit) for arm in arms_of(study, people)}
        if not crossover:
            _compare(rows, counts, visit, analysis.conf_level)
    _conclude(rows, study, analysis, crossover)
    return rows.frame()


def _share(rows: Results, at: pd.DataFrame, arm: str, visit: str) -> tuple[int, int]:
    events, n = int(at["aval"].sum()), len(at)
    rows.add("n", n, n=n, arm=arm, visit=visit)
    rows.add("n_events", events, n=n, events=events, arm=arm, visit=visit)
    rows.add("percent", 100 * events / n if n else float("nan"), n=n, events=events, arm=arm, visit=visit)
    return events, n


def _compare(rows: Results, counts: dict[str, tuple[int, int]], visit: str, conf_level: float) -> None:
    reference, *others = counts
    events_reference, n_reference = counts[reference]
    for arm in others:
        events, n = counts[arm]
        smaller = min(n, n_reference)
        fewest = min((e for e in (events, events_reference, n - events, n_reference - events_reference)), default=0)
        key: dict[str, Any] = {"term": "contrast", "arm": arm, "comparator": reference, "visit": visit}
        if not n or not n_reference:
            rows.add("risk_difference", float("nan"), n=smaller, **key)
            continue
        for method in ("wald", "newcombe"):
            found = difference(events, n, events_reference, n_reference, method, conf_level)
            percent = Ratio(100 * found.estimate, 100 * found.lower, 100 * found.upper)
            _effect(rows, "risk_difference", percent, method, conf_level, n=smaller, events=fewest, **key)
        found = ratio(events, n, events_reference, n_reference, conf_level)
        _effect(rows, "risk_ratio", found, "log_wald", conf_level, n=smaller, events=fewest, **key)


def _effect(rows: Results, statistic: str, found: Ratio, method: str, conf_level: float, *, n: int, events: int, **key: str) -> None:
    parts = {"risk_difference": "risk difference", "risk_ratio": "risk ratio"}
    where = {**key, "term": f"{key['term']}: {parts[statistic]}"}
    rows.add(statistic, found.estimate, n=n, events=events, method=method, **where)
    rows.add("conf_low", found.lower, n=n, events=events, method=method, conf_level=conf_level, **where)
    rows.add("conf_high", found.upper, n=n, events=events, method=method, conf_level=conf_level, **where)


def _conclude(rows: Results, study: Study, analysis: Proportions, crossover: bool) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, YesNo)
    rows.method(
        __doc__,
        title=analysis.title,
        rule=yes_no_words(endpoint, study.scale(endpoint.parameter), study.visit_labels),
        population=population_words(study, analysis.population),
        compared=_ONE_ARM if len(study.design.arms) == 1 else _CROSSOVER if crossover else _COMPARED,
    )
    rows.verdict("ok", "closed form")
