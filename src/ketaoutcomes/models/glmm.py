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
from ketaoutcomes.models import _binary, _mixed
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import people_of
from ketaoutcomes.models._words import population_words


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Observed shares, population-averaged risks and comparisons by visit, coefficients, variances, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Glmm)
    people = _people(study, analysis, data)
    levels = _binary.levels_of(study, analysis.covariates, people)
    seen = _rows(analysis, data, people)
    needed = [*analysis.covariates, *(["site"] if analysis.site_intercept else [])]
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
            _at_visit(rows, fit, analysis, rows_in[rows_in["visit"] == visit], levels["arm"])
        _binary.coefficients(rows, fit, analysis.conf_level, fit.n_subjects)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast: risk difference", visit=analysis.visit)
        return rows.frame()
    _binary.clusters(rows, fit, "participant", fit.n_subjects)
    _binary.left_out(rows, list(people["participant"]), list(seen["participant"]), "without an answer at any of the visits")
    _binary.left_out(rows, list(seen["participant"]), list(rows_in["participant"]), "without baseline or a covariate")
    _binary.proof(rows, fit, fit.n_subjects)
    return rows.frame()


def _people(study: Study, analysis: Glmm, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The analysis set, with the baseline score and the site where they are covariates."""
    people = people_of(analysis, data)
    if "base" in analysis.covariates:
        parameter = getattr(study.endpoints[analysis.endpoint], "parameter", "")
        scores = data["adqs"][(data["adqs"]["paramcd"] == parameter) & data["adqs"]["base"].notna()]
        people = people.merge(scores.drop_duplicates(["participant", "period"])[["participant", "period", "base"]], on=["participant", "period"], how="left")
    sited = analysis.site_intercept or "site" in analysis.covariates
    return people.rename(columns={study.design.site: "site"}) if study.design.site and sited else people


def _rows(analysis: Glmm, data: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """An answer per person and visit."""
    adqs = data["adqs"]
    answers = adqs[(adqs["paramcd"] == analysis.endpoint) & (adqs["anl"] == "yes") & adqs["aval"].notna() & adqs["avisit"].isin(analysis.visits)]
    columns = list(dict.fromkeys(["participant", "period", "arm", *analysis.covariates, *(["site"] if analysis.site_intercept else [])]))
    joined = answers.drop(columns=["trtp", "base"]).merge(people[columns], on=["participant", "period"])
    return joined.assign(visit=joined["avisit"], time=joined["avisitn"].astype(float))


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


def _at_visit(rows: Results, fit: BinaryFit, analysis: Glmm, at: pd.DataFrame, arms: list[str]) -> None:
    """What was seen and what the model says of the population at one visit."""
    visit, counts = str(at["visit"].iloc[0]), {arm: _behind(at[at["arm"] == arm]) for arm in arms}
    for arm, (n, events) in counts.items():
        rows.add("n", n, n=n, arm=arm, visit=visit)
        rows.add("n_events", events, n=n, events=events, arm=arm, visit=visit)
        rows.add("percent", 100 * events / n if n else float("nan"), n=n, events=events, arm=arm, visit=visit)
    risks, comparisons = _population(fit, analysis, at, arms)
    for one in risks:
        arm = one.cell.get("arm", arms[0])
        n, events = counts[arm]
        _binary.risk(rows, one, analysis.conf_level, {"n": n, "events": events}, arm=arm, visit=visit)
    for one in comparisons:
        pair = [counts[one.cell["arm"]], counts[arms[0]]]
        fewest = {"n": min(n for n, _ in pair), "events": min(min(events, n - events) for n, events in pair)}
        _binary.comparison(rows, one, analysis.conf_level, fewest, arm=one.cell["arm"], comparator=arms[0], visit=visit)


def _behind(at: pd.DataFrame) -> tuple[int, int]:
    return len(at), int(at["aval"].sum())


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
