"""{title}: the hazard of the event was compared in {population} by proportional-hazards
regression on {terms}{strata}; Efron's method for ties; {errors}. Proportional hazards were checked with the
Grambsch-Therneau test on the Kaplan-Meier scale; beside the hazard ratio stands the difference in the mean time
without the event up to {until}, without adjustment, which needs no such assumption. The event: {rule}."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import Cox
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._remedies import beside_hazards
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of
from ketaoutcomes.models._survival import Hazards, proportional_hazards
from ketaoutcomes.models._times import other_choices, strata_of, stretches, times
from ketaoutcomes.models._words import population_words
from ketaoutcomes.schema.ard import OTHER_CHOICE

#: Score times standard error below which the partial likelihood counts as maximised.
_CONVERGED = 1e-6
#: Standard error of a term per standard deviation beyond which its coefficient counts as infinite. An event's information
#: is the term's variance among those at risk, about 1 on this scale: this is the information of 1/10000 of an event.
_INFINITE = 100.0
#: Fewer clusters than this make a sandwich variance too small (design decision of issue 2).
_FEW_CLUSTERS = 40


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Hazard ratios, log hazard ratios with errors, the proportional-hazards check, the proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Cox)
    columns = [*analysis.covariates, *analysis.strata, *([analysis.cluster] if analysis.cluster else [])]
    found, left_out = times(analysis, data, columns)
    rows = results(study, name, parameter=analysis.endpoint)
    people = found
    if analysis.time_varying:
        found, untimed = stretches(study, analysis, data, found)
        left_out += untimed
        people = people[people["participant"].isin(found["participant"])]
    x = _design(study, analysis, found)
    _conclude(rows, study, analysis, list(x.columns))
    reason = _cannot(study, found)
    if reason:
        return _refused(rows, "not_estimable", reason)
    if np.linalg.matrix_rank(x - x.mean(axis=0)) < x.shape[1]:
        return _refused(rows, "not_estimable", f"the terms {', '.join(x.columns)} are not linearly independent")
    cluster = list(found[analysis.cluster]) if analysis.cluster else None
    entry = found["entry"].to_numpy(float) if analysis.time_varying else None
    fit = proportional_hazards(
        found["time"].to_numpy(float), found["event"].to_numpy(bool), x.to_numpy(float), strata_of(found, analysis.strata), cluster, analysis.conf_level, entry
    )
    if not fit.error_per_sd < _INFINITE:
        reason = f"the data hold no information on one of {', '.join(x.columns)}: no events in a group, or terms that tell the same"
        return _refused(rows, "not_estimable", reason)
    if not fit.gradient_norm < _CONVERGED:
        return _refused(rows, "failed", f"the partial likelihood was not maximised (scaled score {fit.gradient_norm:.1e})")
    if cluster is not None and len(set(cluster)) < _FEW_CLUSTERS:
        rows.status, rows.note = "flagged", f"sandwich errors from {len(set(cluster))} clusters; 40 or more are needed"
    _emit(rows, study, analysis, people, list(x.columns), fit)
    beside_hazards(rows, study, analysis, people)
    for other in other_choices(analysis, data) if not analysis.time_varying else []:
        _other(rows, study, analysis, times(analysis, data, columns, other)[0], other)
    rows.add("n", left_out, n=left_out, term="left out: without a time or covariate")
    return rows.frame()


def _cannot(study: Study, found: pd.DataFrame) -> str:
    events = found.groupby("arm")["event"].sum()
    if len(events) < 2:
        return "there is only one arm with people in it"
    if study.design.reference not in events.index:
        return "there is nobody in the reference arm"
    without = [study.design.arms[str(arm)].label for arm in events.index[events == 0]]
    return f"no events in {', '.join(without)}: a hazard ratio cannot be estimated" if without else ""


def _refused(rows: Results, status: str, reason: str) -> pd.DataFrame:
    rows.status, rows.note = ("failed" if status == "failed" else "not_estimable"), reason
    rows.add("hazard_ratio", None, term="contrast")
    rows.verdict(rows.status, reason)
    return rows.frame()


def _design(study: Study, analysis: Cox, found: pd.DataFrame) -> pd.DataFrame:
    """Columns of the model: an indicator for each arm but the reference, covariates coded likewise."""
    columns = {f"arm[{arm}]": (found["arm"] == arm).astype(float) for arm in arms_of(study, found)[1:]}
    columns |= {name: found[name].astype(float) for name in analysis.time_varying}
    for name in analysis.covariates:
        spec = study.participant_columns[name]
        if spec.is_number:
            columns[name] = found[name].astype(float)
            continue
        present = [level for level in spec.levels or sorted(found[name].unique()) if (found[name] == level).any()]
        columns |= {f"{name}[{level}]": (found[name] == level).astype(float) for level in present[1:]}
    return pd.DataFrame(columns)


def _emit(rows: Results, study: Study, analysis: Cox, found: pd.DataFrame, terms: list[str], fit: Hazards) -> None:
    total, events = len(found), int(found["event"].sum())
    level: dict[str, Any] = {"conf_level": analysis.conf_level}
    for at, term in enumerate(terms):
        for statistic, values in (("estimate", fit.coefficient), ("std_error", fit.std_error), ("z", fit.z), ("p_value", fit.p)):
            rows.add(statistic, float(values[at]), n=total, events=events, term=term)
        rows.add("conf_low", float(fit.lower[at]), n=total, events=events, term=term, **level)
        rows.add("conf_high", float(fit.upper[at]), n=total, events=events, term=term, **level)
    reference, *others = arms_of(study, found)
    for arm in others:
        at = terms.index(f"arm[{arm}]")
        pair = found[found["arm"].isin([arm, reference])].groupby("arm")["event"]
        n, fewest = int(pair.size().min()), int(pair.sum().min())
        key: dict[str, Any] = {"term": "contrast", "arm": arm, "comparator": reference}
        rows.add("hazard_ratio", float(np.exp(fit.coefficient[at])), n=n, events=fewest, **key)
        rows.add("p_value", float(fit.p[at]), n=n, events=fewest, **key)
        rows.add("conf_low", float(np.exp(fit.lower[at])), n=n, events=fewest, **key, **level)
        rows.add("conf_high", float(np.exp(fit.upper[at])), n=n, events=fewest, **key, **level)
    for statistic, value in zip(("chisq", "df", "p_value"), fit.ph_test, strict=True):
        rows.add(statistic, value, n=total, events=events, term="proportional hazards")
    rows.add("n", total, n=total, term="fit")
    rows.add("n_events", events, n=total, events=events, term="fit")
    rows.add("loglik", fit.loglik, n=total, events=events, term="fit")
    rows.add("gradient_norm", fit.gradient_norm, n=total, events=events, term="fit")
    rows.verdict(rows.status, "; ".join(part for part in (rows.note, f"scaled score {fit.gradient_norm:.1e}") if part))


def _other(rows: Results, study: Study, analysis: Cox, found: pd.DataFrame, other: str) -> None:
    """The hazard ratios under another choice of the rule; nothing where they cannot be estimated."""
    key: dict[str, Any] = {"term": OTHER_CHOICE, "subgroup": "definition", "level": other}
    x = _design(study, analysis, found)
    cluster = list(found[analysis.cluster]) if analysis.cluster else None
    columns = (found["time"].to_numpy(float), found["event"].to_numpy(bool), x.to_numpy(float), strata_of(found, analysis.strata), cluster)
    fit = None if _cannot(study, found) else proportional_hazards(*columns, analysis.conf_level)
    proven = fit is not None and fit.error_per_sd < _INFINITE and fit.gradient_norm < _CONVERGED
    reference, *others = arms_of(study, found)
    for at, arm in enumerate(others):
        pair = found[found["arm"].isin([arm, reference])].groupby("arm")["event"]
        where: dict[str, Any] = {"n": int(pair.size().min()), "events": int(pair.sum().min()), "arm": arm, "comparator": reference, **key}
        values = [float(v[at]) for v in (fit.coefficient, fit.lower, fit.upper)] if fit is not None and proven else [float("nan")] * 3
        rows.add("hazard_ratio", float(np.exp(values[0])), **where)
        rows.add("conf_low", float(np.exp(values[1])), conf_level=analysis.conf_level, **where)
        rows.add("conf_high", float(np.exp(values[2])), conf_level=analysis.conf_level, **where)
    rows.add("n_events", int(found["event"].sum()), n=len(found), events=int(found["event"].sum()), **key)


def _conclude(rows: Results, study: Study, analysis: Cox, terms: list[str]) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, TimeEndpoint)
    rows.method(
        __doc__,
        title=analysis.title,
        population=population_words(study, analysis.population),
        terms=", ".join(terms),
        strata=f", stratified by {', '.join(analysis.strata)}" if analysis.strata else "",
        until=f"{analysis.until:g} {study.time_unit}" if analysis.until else "the last time at which both arms are followed",
        errors=f"sandwich errors by {analysis.cluster}" if analysis.cluster else "model-based errors",
        rule=study.rule_words(endpoint.rule),
    )
