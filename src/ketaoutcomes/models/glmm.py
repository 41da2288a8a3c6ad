"""{title}: {rule} was analysed at {visits} in {population} by a logistic mixed model with {random} (adaptive
Gauss-Hermite quadrature, {nodes} nodes): fixed effects {terms}; {df}. Risks, their differences and ratios are those of the
population: random effects integrated out, standardised over everybody's covariates, delta-method limits. Visits without an
answer are assumed missing at random given what was seen."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import Glmm
from ketaoutcomes.domain.endpoints import YesNo, yes_no_words
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import BinaryFit, MixedModelError, Risk, glmm
from ketaoutcomes.models import _binary, _mixed, _sites
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._words import population_words


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Observed shares, population-averaged risks and comparisons by visit, coefficients, variances, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Glmm)
    people = _binary.people(study, analysis, data, site=analysis.site_intercept)
    levels = _binary.levels_of(study, analysis.covariates, people)
    needed = list(dict.fromkeys(analysis.covariates + (["site"] if analysis.site_intercept else [])))
    seen = _binary.answers(analysis, data, people, needed)
    rows_in = seen[seen[needed].notna().all(axis=1)].reset_index(drop=True) if needed else seen
    rows = results(study, name, parameter=analysis.endpoint)
    order = [visit.id for visit in study.visits if visit.period == analysis.period and visit.id in set(rows_in["visit"])]
    if analysis.time == "categorical":
        levels["visit"] = order
    compared = len(levels["arm"]) > 1
    terms = _terms(analysis, compared)
    _conclude(rows, study, analysis, terms)
    reason = _reason(study, analysis, levels["arm"], rows_in)
    if reason:
        _mixed.refused(rows, reason, term="contrast: risk difference", visit=analysis.visit)
        return rows.frame()
    try:
        fit = glmm(
            rows_in, response="aval", fixed=terms, levels={k: v for k, v in levels.items() if any(k in term for term in terms)}, subject="participant",
            random=["1", *(["time"] if "slope" in analysis.random else [])], nodes=analysis.nodes, separation="log-f",
            site="site" if analysis.site_intercept else None,
        )  # fmt: skip
        rows.status, rows.note = fit.status, _binary.flags(fit)
        for visit in order:
            at = rows_in[rows_in["visit"] == visit]
            _binary.at_visit(rows, at, levels["arm"], _population(fit, analysis, at, levels["arm"]), analysis.conf_level)
        _binary.coefficients(rows, fit, analysis.conf_level, fit.n_subjects)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast: risk difference", visit=analysis.visit)
        return rows.frame()
    _binary.clusters(rows, fit, "participant", fit.n_subjects)
    if analysis.site_intercept:
        _sites.of_events(rows, fit, rows_in.groupby("site")["participant"].nunique(), "site", analysis.conf_level)
    _binary.left_out(rows, list(people["participant"]), list(seen["participant"]), "without an answer at any of the visits")
    _binary.left_out(rows, list(seen["participant"]), list(rows_in["participant"]), "without baseline or a covariate")
    _binary.proof(rows, fit, fit.n_subjects)
    return rows.frame()


def _terms(analysis: Glmm, compared: bool) -> list[tuple[str, ...]]:
    when = "visit" if analysis.time == "categorical" else "time"
    own: list[tuple[str, ...]] = [("arm",), (when,), ("arm", when)] if compared else [(when,)]
    return [*own, *((name,) for name in analysis.covariates)]


def _reason(study: Study, analysis: Glmm, arms: list[str], rows: pd.DataFrame) -> str:
    """Why what was declared cannot be estimated."""
    if analysis.visit not in set(rows["visit"]):
        return "nobody has an answer at the visit of the main result"
    absent = [study.design.arms[arm].label for arm in study.design.arms if arm not in arms]
    return f"there is no one to compare with: nobody in {', '.join(absent)}" if len(study.design.arms) > 1 and (len(arms) < 2 or absent) else ""


def _population(fit: BinaryFit, analysis: Glmm, at: pd.DataFrame, arms: list[str]) -> tuple[list[Risk], list[Risk]]:
    """Risks at one visit, and comparisons of the arms."""
    compared = len(arms) > 1
    visit, time = str(at["visit"].iloc[0]), float(at["time"].iloc[0])
    by = [*(["arm"] if compared else []), *(["visit"] if analysis.time == "categorical" else [])]
    numbers: dict[str, float] = {"time": time} if analysis.time == "continuous" else {}
    risks = fit.population(by, numbers, conf_level=analysis.conf_level)
    chosen = [one for one in risks.risks if one.cell.get("visit", visit) == visit]
    pairs = [one for measure in _binary.MEASURES for one in risks.compare("arm", arms[0], measure)] if compared else []
    return chosen, [one for one in pairs if one.cell.get("visit", visit) == visit]


def _conclude(rows: Results, study: Study, analysis: Glmm, terms: list[tuple[str, ...]]) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, YesNo)
    visits: dict[str, Any] = {visit.id: visit.label for visit in study.visits if visit.period == analysis.period}
    parameter = getattr(endpoint, "parameter", "")
    slope = " and a random slope over time" if "slope" in analysis.random else ""
    site = " and for each site" if analysis.site_intercept else ""
    rows.method(
        __doc__,
        title=analysis.title,
        rule=yes_no_words(endpoint, study.scale(parameter), study.visit_labels) if parameter else analysis.endpoint.replace("_", " "),
        visits=", ".join(str(visits[visit]).lower() for visit in analysis.visits),
        population=population_words(study, analysis.population),
        random=f"a random intercept{slope} for each participant{site}",
        nodes=analysis.nodes or ("9 or more" if slope else "25 or more"),
        terms=", ".join(" x ".join(term) for term in terms),
        df="between-within degrees of freedom",
    )
