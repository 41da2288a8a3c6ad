"""{title}: {response} after baseline was analysed in {population} with a linear mixed model: fixed effects
{terms}; time {time}; {random}; {likelihood}; {errors}{df}.{sequence}{varying} Missing
scores are assumed missing at random given what was seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import DF_WORDS, ERRORS_WORDS, Lmm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Fit, MixedModelError, lmm
from ketaoutcomes.models import _mixed, _sites
from ketaoutcomes.models._clock import Clock, clock_of, still_seen
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import Scores, n_by, scores
from ketaoutcomes.models._words import likelihood_words, population_words, response_words

Terms = list[tuple[str, ...]]
_SEQUENCE = " The effect of the sequence of arms is reported with its low power; it chose no other analysis."
_VARYING = (
    " {names} at the same visit {is_} a covariate, between and within people: its coefficient is an association, not an effect. Visits without it are left out."
)


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Coefficients, variances, LS means and contrasts, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Lmm)
    found = scores(
        study, analysis, data, list(dict.fromkeys([*analysis.covariates, *(["site"] if analysis.site_intercept else [])])), varying=analysis.time_varying
    )
    clock = found.rows["ady"] if analysis.days != "scheduled" else found.rows["visit"].map(analysis.times).fillna(found.rows["time"])
    time = clock_of(analysis)
    rows_in = time.on(found.rows.assign(time=clock.astype(float), scheduled=found.rows["time"]))
    terms = _terms(analysis, found, time)
    levels = {k: v for k, v in found.levels.items() if any(k in term for term in terms)}
    rows = results(study, name, parameter=analysis.endpoint)
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        population=population_words(study, analysis.population),
        terms=", ".join(" x ".join(term) for term in terms if not any("spline" in name for name in term)),
        time=_mixed.time_words(study, analysis),
        random=_random_words(analysis),
        likelihood=likelihood_words(analysis.method),
        errors=ERRORS_WORDS[analysis.errors],
        df=DF_WORDS[analysis.df_method],
        sequence=_SEQUENCE if "sequence" in analysis.covariates else "",
        varying=_varying_words(study, analysis),
    )
    reason = _mixed.cannot(study, found, analysis.visit)
    if reason:
        _mixed.refused(rows, reason, term="contrast", visit=analysis.visit or "")
        return rows.frame()
    random = ["1", *(["time"] if "slope" in analysis.random else [])]
    try:
        fit = lmm(
            rows_in, response="response", fixed=terms, levels=levels, subject="participant", random=random, correlated=analysis.correlated,
            site="site" if analysis.site_intercept else None, reml=analysis.method == "reml", df=analysis.df, errors=analysis.errors,
        )  # fmt: skip
        rows.status, rows.note = fit.status, _mixed.flags(fit)
        _compared(rows, fit, terms, replace(found, rows=rows_in), analysis)
        _mixed.coefficients(rows, fit, analysis.conf_level)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast", visit=analysis.visit or "")
        return rows.frame()
    _variances(rows, fit)
    if analysis.site_intercept:
        _sites.of_scores(rows, fit, rows_in, analysis.visit, analysis.conf_level)
    _mixed.left_out(rows, found.excluded)
    for parameter, (values, people) in found.incomplete.items():
        rows.add("n_rows", values, n=people, term=f"left out: values without {study.scale(parameter).name} at their visit")
    _mixed.proof(rows, fit)
    _mixed.checks(rows, fit)
    return rows.frame()


def _varying_words(study: Study, analysis: Lmm) -> str:
    names = [study.scale(name).name for name in analysis.time_varying]
    return _VARYING.format(names=" and ".join(names), is_="are each" if len(names) > 1 else "is") if names else ""


def _random_words(analysis: Lmm) -> str:
    own = "a random intercept"
    if "slope" in analysis.random:
        own += f" and a random slope over time, {'correlated' if analysis.correlated else 'uncorrelated'},"
    return f"{own} for each participant" + (" and a random intercept for each site" if analysis.site_intercept else "")


def _variances(rows: Results, fit: Fit) -> None:
    """Variances of the random effects and the residuals, and the covariance of intercept and slope."""
    own = fit.covariances["subject"].to_numpy()
    found = {"participant": own[0, 0]}
    if len(own) > 1:
        rows.add("slope_variance", float(own[1, 1]), n=fit.n_subjects, term="participant, slope")
        rows.add("slope_covariance", float(own[0, 1]), n=fit.n_subjects, term="participant, intercept and slope")
    if "site" in fit.covariances:
        found["site"] = fit.covariances["site"].to_numpy()[0, 0]
    found["residual"] = fit.covariances["residual"].to_numpy()[0, 0]
    for term, value in found.items():
        rows.add("variance", float(value), n=fit.n_subjects, term=term)


def _terms(analysis: Lmm, found: Scores, time: Clock) -> Terms:
    names = ("visit",) if analysis.time == "categorical" else time.names
    main: Terms = [(name,) for name in dict.fromkeys([*analysis.covariates, *analysis.time_varying])]
    main += [*((name,) for name in names), *([("arm",)] if len(found.levels["arm"]) > 1 else [])]
    crossed = [
        [tuple(other if name == "time" else name for name in pair) for other in names] if "time" in pair else [tuple(pair)] for pair in analysis.interactions
    ]
    return [*main, *(pair for pairs in crossed for pair in pairs)]


def _compared(rows: Results, fit: Fit, terms: Terms, found: Scores, analysis: Lmm) -> None:
    """LS means and contrasts: by visit where the model has them by visit, else averaged."""
    crossed = any({"arm", "visit"} == set(term) for term in terms)
    moving = any({"arm", "time"} == set(term) for term in terms)
    arm = ("arm",) if ("arm",) in terms else ()
    visit = ("visit",) if analysis.time == "categorical" and (crossed or not arm) else ()
    if moving or (analysis.time != "categorical" and not arm):
        _over_time(rows, fit, found, analysis, arm)
    elif arm or visit:
        cells = fit.ls_means((*arm, *visit), conf_level=analysis.conf_level)
        _mixed.means(rows, cells, found, analysis.conf_level)
        if arm:
            _mixed.contrasts(rows, fit, cells, found, analysis.conf_level)


def _over_time(rows: Results, fit: Fit, found: Scores, analysis: Lmm, compared: tuple[str, ...]) -> None:
    """Means and contrasts at the declared times, or at the time of each visit, for an arm x time interaction or one arm."""
    clock = clock_of(analysis)
    for where, time, people in _moments(found, analysis):
        cells = fit.ls_means([name for name in ("arm",) if name in compared], at=clock.at(time), conf_level=analysis.conf_level)
        reference = cells[0]
        for cell in cells:
            arm = cell.cell.get("arm", found.levels["arm"][0])
            if not people(arm) or not people(reference.cell.get("arm", arm)):
                rows.add("estimate", math.nan, n=0, text="nobody was seen then or later", term="ls_mean", arm=arm, **where)
                continue
            rows.interval(cell, analysis.conf_level, n=people(arm), term="ls_mean", arm=arm, **where)
            if cell is not reference:
                key = {"term": "contrast", "arm": arm, "comparator": reference.cell["arm"], **where}
                n = min(people(arm), people(reference.cell["arm"]))
                rows.interval(fit.contrast(cell.weights - reference.weights, analysis.conf_level), analysis.conf_level, n=n, **key)


def _moments(found: Scores, analysis: Lmm) -> Iterator[tuple[dict[str, Any], float, Callable[[str], int]]]:
    """Where the course is estimated: its key in the results, the time, and the people of an arm behind it.

    Behind a visit stand those with a value there; behind a declared time, those with a value at it or later.
    """
    for time in analysis.at:
        yield {"day": time}, time, lambda arm, time=time: still_seen(found.rows, arm, time)
    if not analysis.at:
        times = {**found.rows.groupby("visit")["scheduled"].first(), **analysis.times}
        for visit in found.levels["visit"]:
            yield {"visit": visit}, float(times[visit]), lambda arm, visit=visit: n_by(found.rows, arm, visit)
