"""{title}: {what} in {population}, by the mean within-person difference with a t interval. {caution}"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from ketaoutcomes.domain.analyses import Paired
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Estimate
from ketaoutcomes.models import _mixed
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import Scores, arms_of, scores
from ketaoutcomes.models._words import population_words, response_words

_NO_ADJUSTMENT = "People seen in both periods enter. Order and carry-over are not adjusted for."
_NO_COMPARATOR = "People seen at both enter. Without a comparator it is not known what would have happened anyway."


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
    rows = results(study, name, parameter=analysis.endpoint, visit=analysis.visit)
    visit = next(v.label for v in study.visits if v.id == analysis.visit).lower()
    response, population = response_words(study, analysis.endpoint), population_words(study, analysis.population)
    if analysis.against == "baseline":
        what = f"the {response} at {visit} was described"
        rows.method(__doc__, title=analysis.title, what=what, population=population, caution=_NO_COMPARATOR)
        return _from_baseline(rows, study, analysis, found)
    reference, *others = arms_of(study, found.people)
    wide = found.rows.pivot(index="participant", columns="arm", values="response").reindex(columns=[reference, *others])
    named = " or ".join(study.design.arms[arm].label.lower() for arm in others)
    what = f"each participant's {response} at {visit} was compared between {named} and {study.design.arms[reference].label.lower()}"
    rows.method(__doc__, title=analysis.title, what=what, population=population, caution=_NO_ADJUSTMENT)
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


def _from_baseline(rows: Results, study: Study, analysis: Paired, found: Scores) -> pd.DataFrame:
    """Mean change of each arm."""
    for arm in arms_of(study, found.people):
        changes = found.rows["response"][found.rows["arm"] == arm].to_numpy(float)
        key: dict[str, Any] = {"term": "ls_mean", "arm": arm}
        rows.add("n", len(changes), n=len(changes), **key)
        if len(changes) < 2 or not changes.std() > 0:
            _mixed.refused(rows, "fewer than two people were seen at baseline and at the visit, or all changes are equal", **key)
            return rows.frame()
        rows.interval(mean_difference(changes, analysis.conf_level), analysis.conf_level, n=len(changes), **key)
    rows.verdict("ok", "closed form")
    return rows.frame()
