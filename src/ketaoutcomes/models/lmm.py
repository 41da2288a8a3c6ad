"""{title}: {response} after baseline was analysed in {population} with a linear mixed model: fixed effects
{terms}; time {time}; a random intercept for each participant; {likelihood}; {df}. Missing
scores are assumed missing at random given what was seen."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.analyses import DF_WORDS, Lmm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Fit, MixedModelError, lmm
from ketaoutcomes.models import _mixed
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import Scores, n_by, scores
from ketaoutcomes.models._words import likelihood_words, population_words, response_words

Terms = list[tuple[str, ...]]


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Coefficients, variances, LS means and contrasts, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Lmm)
    found = scores(study, analysis, data, list(dict.fromkeys(analysis.covariates)))
    times = found.rows["visit"].map(analysis.times)
    rows_in = found.rows.assign(time=times.fillna(found.rows["time"]))
    terms = _terms(analysis, found)
    levels = {k: v for k, v in found.levels.items() if any(k in term for term in terms)}
    rows = results(study, name, parameter=analysis.endpoint)
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        population=population_words(study, analysis.population),
        terms=", ".join(" x ".join(term) for term in terms),
        time=f"continuous, in {study.time_unit}" if analysis.time == "continuous" else "as categories",
        likelihood=likelihood_words(analysis.method),
        df=DF_WORDS[analysis.df],
    )
    reason = _mixed.cannot(study, found, analysis.visit)
    if reason:
        _mixed.refused(rows, reason, term="contrast", visit=analysis.visit or "")
        return rows.frame()
    try:
        fit = lmm(rows_in, response="response", fixed=terms, levels=levels, subject="participant", reml=analysis.method == "reml", df=analysis.df)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast", visit=analysis.visit or "")
        return rows.frame()
    rows.status, rows.note = fit.status, "; ".join(fit.flags)
    _compared(rows, fit, terms, found, analysis)
    _mixed.coefficients(rows, fit, analysis.conf_level)
    for label, name in (("participant", "subject"), ("residual", "residual")):
        rows.add("variance", float(fit.covariances[name].to_numpy()[0, 0]), n=fit.n_subjects, term=label)
    _mixed.left_out(rows, found.excluded)
    _mixed.proof(rows, fit)
    return rows.frame()


def _terms(analysis: Lmm, found: Scores) -> Terms:
    time = "time" if analysis.time == "continuous" else "visit"
    main: Terms = [(name,) for name in dict.fromkeys(analysis.covariates)]
    main += [(time,), *([("arm",)] if len(found.levels["arm"]) > 1 else [])]
    return [*main, *(tuple(pair) for pair in analysis.interactions)]


def _compared(rows: Results, fit: Fit, terms: Terms, found: Scores, analysis: Lmm) -> None:
    """LS means and contrasts: by visit where the model has them by visit, else averaged."""
    crossed = any({"arm", "visit"} == set(term) for term in terms)
    moving = any({"arm", "time"} == set(term) for term in terms)
    arm = ("arm",) if ("arm",) in terms else ()
    visit = ("visit",) if analysis.time == "categorical" and (crossed or not arm) else ()
    if moving:
        _over_time(rows, fit, found, analysis)
    elif arm or visit:
        cells = fit.ls_means((*arm, *visit), conf_level=analysis.conf_level)
        _mixed.means(rows, cells, found, analysis.conf_level)
        if arm:
            _mixed.contrasts(rows, fit, cells, found, analysis.conf_level)


def _over_time(rows: Results, fit: Fit, found: Scores, analysis: Lmm) -> None:
    """Arm means and contrasts at the time of each visit, for an arm x time interaction."""
    times = found.rows.groupby("visit")["time"].first()
    for visit in found.levels["visit"]:
        cells = fit.ls_means(("arm",), at={"time": float(times[visit])}, conf_level=analysis.conf_level)
        reference = cells[0]
        for cell in cells:
            arm = cell.cell["arm"]
            n = n_by(found.rows, arm, visit)
            rows.interval(cell, analysis.conf_level, n=n, term="ls_mean", arm=arm, visit=visit)
            if cell is not reference:
                key = {"term": "contrast", "arm": arm, "comparator": reference.cell["arm"], "visit": visit}
                n = min(n, n_by(found.rows, reference.cell["arm"], visit))
                rows.interval(fit.contrast(cell.weights - reference.weights, analysis.conf_level), analysis.conf_level, n=n, **key)
