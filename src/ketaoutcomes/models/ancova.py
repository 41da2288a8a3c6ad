"""{title}: {response} at {visit} was analysed in {population} by analysis of covariance: fixed effects {terms};
ordinary least squares, t intervals with the residual degrees of freedom. People without a score at the visit are
left out.{adjusted}"""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.domain.analyses import ADJUST_WORDS, Ancova
from ketaoutcomes.domain.endpoints import TallyEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import MixedModelError, ols
from ketaoutcomes.models import _mixed
from ketaoutcomes.models._results import results
from ketaoutcomes.models._scores import n_by, scores
from ketaoutcomes.models._words import population_words, response_words


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """LS means by arm, contrasts with the reference, coefficients."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Ancova)
    # a tally has no baseline
    base = [] if isinstance(study.endpoints[analysis.endpoint], TallyEndpoint) else ["base"]
    covariates = list(dict.fromkeys([*base, *study.design.strata, *analysis.covariates]))
    found = scores(study, analysis, data, covariates, visit=analysis.visit)
    rows = results(study, name, parameter=analysis.endpoint)
    terms = [("arm",), *((c,) for c in covariates)]
    levels = {k: v for k, v in found.levels.items() if k != "visit"}
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        visit=next(v.label for v in study.visits if v.id == analysis.visit and v.period == analysis.period).lower(),
        population=population_words(study, analysis.population),
        terms=", ".join(term[0] for term in terms),
        adjusted=ADJUST_WORDS[analysis.adjust],
    )
    reason = _mixed.cannot(study, found, analysis.visit)
    if reason:
        _mixed.refused(rows, reason, term="contrast", visit=analysis.visit)
        return rows.frame()
    try:
        fit = ols(found.rows, response="response", fixed=terms, levels=levels)
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast", visit=analysis.visit)
        return rows.frame()
    rows.key["visit"] = analysis.visit
    cells = fit.ls_means(("arm",), conf_level=analysis.conf_level)
    for cell in cells:
        arm, reference = cell.cell["arm"], cells[0].cell["arm"]
        rows.interval(cell, analysis.conf_level, n=n_by(found.rows, arm), term="ls_mean", arm=arm)
        if arm != reference:
            contrast = fit.contrast(cell.weights - cells[0].weights, analysis.conf_level)
            n = min(n_by(found.rows, arm), n_by(found.rows, reference))
            rows.interval(contrast, analysis.conf_level, n=n, term="contrast", arm=arm, comparator=reference)
            _mixed.missing_shift(rows, found, contrast.estimate, arm, reference, analysis.visit)
    if analysis.adjust and len(cells) > 1:
        _mixed.adjusted(rows, cells, found, analysis.adjust, analysis.conf_level)
    _mixed.coefficients(rows, fit, analysis.conf_level)
    _mixed.left_out(rows, found.excluded)
    _mixed.proof(rows, fit)
    return rows.frame()
