"""{title}: {response} at the scheduled visits after baseline was analysed in {population} with a mixed model
for repeated measures: fixed effects {terms}; unstructured covariance over {visits} visits common to all; {likelihood};
{df}. Least-squares means stand at each covariate's mean over the rows that entered the fit,
with equal weights over factors. Scores after intercurrent events were handled as declared; missing scores are assumed
missing at random given what was seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import DF_WORDS, Mmrm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import MixedModelError, mmrm
from ketaoutcomes.models import _mixed
from ketaoutcomes.models._results import results
from ketaoutcomes.models._scores import scores
from ketaoutcomes.models._words import likelihood_words, population_words, response_words


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """LS means by arm and visit, contrasts with the reference, coefficients, covariance, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Mmrm)
    covariates = list(dict.fromkeys(["base", *study.design.strata, *analysis.covariates]))
    found = scores(study, analysis, data, covariates)
    rows = results(study, name, parameter=analysis.endpoint)
    compared = len(found.levels["arm"]) > 1
    terms = [("base",), *([("arm",)] if compared else []), ("visit",), ("base", "visit"), *([("arm", "visit")] if compared else [])]
    terms += [(c,) for c in covariates if c != "base"]
    levels = {k: v for k, v in found.levels.items() if k != "arm" or compared}
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        population=population_words(study, analysis.population),
        terms=", ".join(" x ".join(term) for term in terms),
        visits=len(found.levels["visit"]),
        likelihood=likelihood_words(analysis.method),
        df=DF_WORDS[analysis.df],
    )
    reason = _mixed.cannot(study, found, analysis.visit)
    if reason:
        _mixed.refused(rows, reason, term="contrast", visit=analysis.visit)
        return rows.frame()
    try:
        reml = analysis.method == "reml"
        fit = mmrm(found.rows, response="response", fixed=terms, levels=levels, subject="participant", visit="visit", reml=reml, df=analysis.df)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast", visit=analysis.visit)
        return rows.frame()
    rows.status, rows.note = fit.status, "; ".join(fit.flags)
    cells = fit.ls_means(("arm", "visit") if compared else ("visit",), conf_level=analysis.conf_level)
    _mixed.means(rows, cells, found, analysis.conf_level)
    if compared:
        _mixed.contrasts(rows, fit, cells, found, analysis.conf_level)
    _mixed.coefficients(rows, fit, analysis.conf_level)
    sigma = fit.covariances["residual"]
    for visit, variance in zip(sigma.index, np.diag(sigma.to_numpy()), strict=True):
        rows.add("variance", float(variance), n=fit.n_subjects, term="covariance", visit=str(visit))
    _mixed.left_out(rows, found.excluded)
    _mixed.proof(rows, fit)
    return rows.frame()
