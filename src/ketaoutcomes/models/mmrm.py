"""{title}: {response} at the scheduled visits{which} was analysed in {population} with a mixed model
for repeated measures: fixed effects {terms}; {covariance} covariance over {visits} visits, {groups}; {likelihood};
{errors}{df}. {baseline}Least-squares means stand at each covariate's mean over the rows that entered the fit,
with equal weights over factors. Scores after intercurrent events were handled as declared; missing scores are assumed
missing at random given what was seen.{adjusted}"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import ADJUST_WORDS, COVARIANCE_WORDS, DF_WORDS, ERRORS_WORDS, Mmrm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Fit, MixedModelError, clda, mmrm
from ketaoutcomes.models import _mixed
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import Scores, scores, with_baseline
from ketaoutcomes.models._words import likelihood_words, population_words, response_words

Terms = list[tuple[str, ...]]
_SHARED = """The baseline score is a response, its mean shared by the randomised arms (constrained longitudinal data
analysis, Liang and Zeger 2000). """


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """LS means by arm and visit, contrasts with the reference, coefficients, covariance, proof, checks."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Mmrm)
    shared = analysis.baseline == "shared"
    named = [*study.design.strata, *analysis.covariates]
    covariates = list(dict.fromkeys(named if shared else ["base", *named]))
    found = scores(study, analysis, data, covariates)
    compared = len(found.levels["arm"]) > 1
    terms = _terms(covariates, compared=compared, shared=shared)
    rows = results(study, name, parameter=analysis.endpoint)
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        which=" and at baseline" if shared else " after baseline",
        population=population_words(study, analysis.population),
        terms=", ".join(" x ".join(term) for term in terms),
        covariance=_covariance_words(analysis),
        visits=len(found.levels["visit"]) + shared,
        groups="one for each arm" if analysis.covariance_by_arm and compared else "common to all",
        likelihood=likelihood_words(analysis.method),
        errors=ERRORS_WORDS[analysis.errors],
        df=DF_WORDS[analysis.df_method],
        baseline=_SHARED if shared else "",
        adjusted=ADJUST_WORDS[analysis.adjust],
    )
    reason = _mixed.cannot(study, found, analysis.visit)
    if reason:
        _mixed.refused(rows, reason, term="contrast", visit=analysis.visit)
        return rows.frame()
    try:
        fit = _fitted(study, analysis, data, found, terms, covariates, compared=compared)
        _fill(rows, fit, analysis, found, compared=compared)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast", visit=analysis.visit)
    return rows.frame()


def _fill(rows: Results, fit: Fit, analysis: Mmrm, found: Scores, *, compared: bool) -> None:
    """The numbers of the fit. Raises MixedModelError where too few people stand behind one."""
    shared = analysis.baseline == "shared"
    rows.status, rows.note = fit.status, _mixed.flags(fit)
    cells = fit.ls_means(("arm", "visit") if compared else ("visit",), conf_level=analysis.conf_level)
    after = [cell for cell in cells if cell.cell["visit"] in found.levels["visit"]]
    _mixed.means(rows, after, found, analysis.conf_level)
    if compared:
        _mixed.contrasts(rows, fit, after, found, analysis.conf_level)
        if analysis.adjust:
            for visit in found.levels["visit"]:
                _mixed.adjusted(rows, cells, found, analysis.adjust, analysis.conf_level, visit)
        if "structured" in fit.flags:
            _mixed.beside(rows, fit, "cr2" if analysis.errors == "model" else "model", after, found, analysis.conf_level)
    _mixed.coefficients(rows, fit, analysis.conf_level)
    for group, sigma in fit.covariances.items():
        arm = group if group in found.levels["arm"] else ""
        for at, variance in enumerate(np.diag(sigma.to_numpy())):
            visit = found.levels["visit"][at - shared] if at >= shared else ""
            rows.add("variance", float(variance), n=fit.n_subjects, term="covariance" if visit else "covariance: baseline", arm=arm, visit=visit)
    _mixed.left_out(rows, found.excluded)
    _mixed.proof(rows, fit)
    _mixed.checks(rows, fit)


def _covariance_words(analysis: Mmrm) -> str:
    first, *others = (COVARIANCE_WORDS[name] for name in analysis.covariance)
    return f"{first} (where that cannot be estimated, {', then '.join(others)})" if others else first


def _terms(covariates: list[str], *, compared: bool, shared: bool) -> Terms:
    """With a shared baseline mean the arms differ only after baseline: arm enters by visit alone."""
    if shared:
        return [("visit",), *([("arm", "visit")] if compared else []), *((c,) for c in covariates)]
    terms: Terms = [("base",), *([("arm",)] if compared else []), ("visit",), ("base", "visit"), *([("arm", "visit")] if compared else [])]
    return terms + [(c,) for c in covariates if c != "base"]


def _fitted(study: Study, analysis: Mmrm, data: dict[str, pd.DataFrame], found: Scores, terms: Terms, covariates: list[str], *, compared: bool) -> Fit:
    levels = {k: v for k, v in found.levels.items() if k != "arm" or compared}
    reml, rows, schedule = analysis.method == "reml", found.rows, "visit"
    if analysis.baseline == "shared":
        rows, first = with_baseline(study, analysis, data, found, covariates)
        levels = {**levels, "visit": [first, *levels["visit"]]}
        return clda(
            rows, response="response", arm="arm", visit="visit", levels=levels, subject="participant", randomised=study.design.randomised,
            covariates=covariates, covariance=analysis.covariance, reml=reml, df=analysis.df, errors=analysis.errors,
        )  # fmt: skip
    if "sp_exp" in analysis.covariance:
        schedule = "time"
    return mmrm(
        rows, response="response", fixed=terms, levels=levels, subject="participant", visit=schedule, covariance=analysis.covariance,
        group="arm" if analysis.covariance_by_arm and compared else None, reml=reml, df=analysis.df, errors=analysis.errors,
    )  # fmt: skip
