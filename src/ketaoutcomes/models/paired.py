"""{title}: each participant's {response} at {visit} was compared between {arm} and {reference} in {population}, by the mean
within-person difference with a t interval; people seen in both periods enter. Order and carry-over are not
adjusted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from ketaoutcomes.domain.analyses import Paired
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Estimate
from ketaoutcomes.models import _mixed
from ketaoutcomes.models._results import results
from ketaoutcomes.models._scores import arms_of, scores
from ketaoutcomes.models._words import population_words, response_words


def mean_difference(differences: np.ndarray, conf_level: float) -> Estimate:
    """Mean of paired differences (at least 2), with the one-sample t interval (Student 1908)."""
    n = len(differences)
    mean, se, df = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(n)), float(n - 1)
    t = mean / se if se > 0 else float("nan")
    half = float(stdtrit(df, 0.5 + conf_level / 2)) * se
    return Estimate(mean, se, df, t, float(2 * stdtr(df, -abs(t))), mean - half, mean + half)


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean within-person difference of each arm from the reference."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Paired)
    found = scores(study, analysis, data, [], visit=analysis.visit)
    reference, *others = arms_of(study, found.people)
    wide = found.rows.pivot(index="participant", columns="arm", values="response").reindex(columns=[reference, *others])
    rows = results(study, name, parameter=analysis.endpoint, visit=analysis.visit)
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        visit=next(v.label for v in study.visits if v.id == analysis.visit).lower(),
        arm=" or ".join(study.design.arms[arm].label.lower() for arm in others),
        reference=study.design.arms[reference].label.lower(),
        population=population_words(study, analysis.population),
    )
    for arm in others:
        pairs = (wide[arm] - wide[reference]).dropna().to_numpy(float)
        key: dict[str, Any] = {"term": "contrast", "arm": arm, "comparator": reference}
        if len(pairs) < 2 or not pairs.std() > 0:
            _mixed.refused(rows, "fewer than two people were seen in both periods, or all differences are equal", **key)
            return rows.frame()
        rows.add("n", len(pairs), n=len(pairs), **key)
        rows.interval(mean_difference(pairs, analysis.conf_level), analysis.conf_level, n=len(pairs), **key)
    reason = _mixed.cannot(study, found, analysis.visit)
    if reason:
        _mixed.refused(rows, reason, term="contrast")
    else:
        rows.verdict("ok", "closed form")
    return rows.frame()
