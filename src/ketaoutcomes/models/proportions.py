"""{title}: {rule}, in {population}. {compared}"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import Proportions
from ketaoutcomes.domain.endpoints import YesNo, yes_no_words
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._proportions import Counts, Ratio, difference, equality, mantel_haenszel, numbers_needed, ratio, standardised
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of, people_of
from ketaoutcomes.models._times import strata_of
from ketaoutcomes.models._words import population_words

_COMPARED = (
    "Proportions were compared by their risk difference with Wald, Newcombe and Miettinen-Nurminen limits (no Wald limits where an arm has no"
    " events, or only events), by their ratio, and by the score test, or Fisher's exact test where an expected count is below 5."
)
_STRATIFIED = " The Mantel-Haenszel risk difference (Sato's variance) and the Cochran-Mantel-Haenszel test are stratified by {strata}."
_STANDARDISED = " A logistic regression on arm and {covariates} gives the risk difference standardised over everybody's covariates (delta method)."
_CROSSOVER = "Each person stands in both arms of the crossover: proportions are shown, not compared."
_ONE_ARM = "There is no comparator."


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Events, denominators and percentages by arm and visit; risk difference, ratio, number needed to treat, test."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Proportions)
    people = people_of(analysis, data)
    adqs = data["adqs"]
    chosen = adqs[(adqs["paramcd"] == analysis.endpoint) & (adqs["anl"] == "yes") & adqs["aval"].notna()]
    columns = [*analysis.strata, *analysis.covariates]
    scores = chosen.drop(columns="trtp").merge(people[["participant", "period", "arm", *dict.fromkeys(columns)]], on=["participant", "period"])
    crossover = study.design.kind == "crossover"
    rows = results(study, name, parameter=analysis.endpoint)
    for visit in analysis.visits:
        at = scores[scores["avisit"] == visit]
        arms = arms_of(study, people)
        for arm in arms:
            _share(rows, at[at["arm"] == arm], arm, visit)
        for arm in [] if crossover else arms[1:]:
            _compare(rows, study, analysis, at, (arm, arms[0]))
    _conclude(rows, study, analysis, crossover)
    return rows.frame()


def _share(rows: Results, at: pd.DataFrame, arm: str, visit: str) -> None:
    events, n = int(at["aval"].sum()), len(at)
    rows.add("n", n, n=n, arm=arm, visit=visit)
    rows.add("n_events", events, n=n, events=events, arm=arm, visit=visit)
    rows.add("percent", 100 * events / n if n else float("nan"), n=n, events=events, arm=arm, visit=visit)


def _counts(rows: pd.DataFrame, arm: str, reference: str) -> Counts:
    ours, theirs = rows[rows["arm"] == arm]["aval"], rows[rows["arm"] == reference]["aval"]
    return Counts(int(ours.sum()), len(ours), int(theirs.sum()), len(theirs))


def _compare(rows: Results, study: Study, analysis: Proportions, at: pd.DataFrame, pair: tuple[str, str]) -> None:
    arm, reference = pair
    counts, level = _counts(at, arm, reference), analysis.conf_level
    fewest = min(counts.events, counts.events_reference, counts.n - counts.events, counts.n_reference - counts.events_reference)
    visits = [str(visit) for visit in at["avisit"].unique()]
    behind: dict[str, Any] = {"n": min(counts.n, counts.n_reference), "events": fewest, "arm": arm, "comparator": reference, "visit": "".join(visits[:1])}
    if not counts.n or not counts.n_reference:
        rows.add("risk_difference", float("nan"), term="contrast", **behind)
        return
    found = {method: difference(counts, method, level) for method in ("wald", "newcombe", "miettinen_nurminen")}
    for method, one in found.items():
        _effect(rows, "risk_difference", _percent(one), method, level, behind)
    for method in ("log_wald", "miettinen_nurminen"):
        _effect(rows, "risk_ratio", ratio(counts, method, level), method, level, behind)
    _effect(rows, "number_needed", numbers_needed(found["miettinen_nurminen"]), "miettinen_nurminen", level, behind)
    test, p = equality(counts)
    rows.add("p_value", p, method=test, term="contrast: test", **behind)
    if analysis.strata:
        _stratified(rows, analysis, at, pair, behind)
    if analysis.covariates:
        _adjusted(rows, study, analysis, at, pair, behind)


def _percent(found: Ratio) -> Ratio:
    return Ratio(100 * found.estimate, 100 * found.lower, 100 * found.upper)


def _stratified(rows: Results, analysis: Proportions, at: pd.DataFrame, pair: tuple[str, str], behind: dict[str, Any]) -> None:
    known = at[at[analysis.strata].notna().all(axis=1)].reset_index(drop=True)
    strata = [_counts(part, *pair) for _, part in known.groupby(strata_of(known, analysis.strata) or [])]
    found, p = mantel_haenszel(strata, analysis.conf_level)
    _effect(rows, "risk_difference", _percent(found), "mantel_haenszel", analysis.conf_level, behind)
    rows.add("p_value", p, method="mantel_haenszel", term="contrast: test", **behind)


def _adjusted(rows: Results, study: Study, analysis: Proportions, at: pd.DataFrame, pair: tuple[str, str], behind: dict[str, Any]) -> None:
    """Over the people of these two arms with every covariate."""
    inside = at[at["arm"].isin(pair) & at[analysis.covariates].notna().all(axis=1)]
    parts: list[pd.Series] = []
    for name in analysis.covariates:
        if study.participant_columns[name].is_number:
            parts.append(inside[name].astype(float))
            continue
        levels = sorted(inside[name].unique())
        parts += [(inside[name] == level).astype(float) for level in levels[1:]]
    covariates = np.column_stack(parts) if parts else np.zeros((len(inside), 0))
    found, p = standardised(np.asarray(inside["aval"], dtype=float), np.asarray(inside["arm"] == pair[0], dtype=float), covariates, analysis.conf_level)
    _effect(rows, "risk_difference", _percent(found), "standardised", analysis.conf_level, behind)
    rows.add("p_value", p, method="standardised", term="contrast: test", **behind)


def _effect(rows: Results, statistic: str, found: Ratio, method: str, conf_level: float, behind: dict[str, Any]) -> None:
    parts = {"risk_difference": "risk difference", "risk_ratio": "risk ratio", "number_needed": "number needed to treat"}
    where: dict[str, Any] = {**behind, "term": f"contrast: {parts[statistic]}", "method": method}
    rows.add(statistic, found.estimate, **where)
    rows.add("conf_low", found.lower, conf_level=conf_level, **where)
    rows.add("conf_high", found.upper, conf_level=conf_level, **where)


def _conclude(rows: Results, study: Study, analysis: Proportions, crossover: bool) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, YesNo)
    compared = _COMPARED
    compared += _STRATIFIED.format(strata=", ".join(analysis.strata)) if analysis.strata else ""
    compared += _STANDARDISED.format(covariates=", ".join(analysis.covariates)) if analysis.covariates else ""
    rows.method(
        __doc__,
        title=analysis.title,
        rule=yes_no_words(endpoint, study.scale(endpoint.parameter), study.visit_labels),
        population=population_words(study, analysis.population),
        compared=_ONE_ARM if len(study.design.arms) == 1 else _CROSSOVER if crossover else compared,
    )
    rows.verdict("ok", "closed form")
