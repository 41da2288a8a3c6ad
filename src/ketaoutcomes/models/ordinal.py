"""{title}: {response} at {visit} was compared in {population} by {test}; the difference of two arms is the median of all
differences between a person of one and of the other (Hodges-Lehmann), with limits from the rank-sum distribution, without
strata. Shifts from baseline are counted between {levels}. People without a score at the visit are left out."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import Ordinal
from ketaoutcomes.domain.endpoints import ScoreEndpoint
from ketaoutcomes.domain.instruments import Instrument
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._ranks import Pair, hodges_lehmann, van_elteren
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import Scores, arms_of, scores
from ketaoutcomes.models._times import strata_of
from ketaoutcomes.models._words import population_words, response_words
from ketaoutcomes.schema.ard import CHANGE, LEVEL, SHIFT


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Counts by level, shifts from baseline, rank tests and Hodges-Lehmann differences."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Ordinal)
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, ScoreEndpoint)
    found = scores(study, analysis, data, analysis.strata, visit=analysis.visit)
    scale = study.scale(endpoint.parameter)
    rows = results(study, name, parameter=analysis.endpoint, visit=analysis.visit)
    _conclude(rows, study, analysis)
    arms = arms_of(study, found.people)
    for arm in arms:
        _levels(rows, scale, analysis, found.rows[found.rows["arm"] == arm], arm)
    for arm in arms[1:]:
        _compare(rows, analysis, found, arm, arms[0])
    for reason, n in found.excluded.items():
        rows.add("n", n, n=n, term=f"left out: {reason}")
    rows.verdict("ok" if len(found.rows) else "not_estimable", "closed form" if len(found.rows) else "nobody has a score at the visit")
    return rows.frame()


def _level(scale: Instrument, analysis: Ordinal, values: pd.Series) -> pd.Series:
    """The band of each score, or the score itself, as words."""
    if not analysis.bands or scale.bands is None:
        return values.map(lambda value: f"{value:g}", na_action="ignore").astype("string")
    names, starts = list(scale.bands.starts), list(scale.bands.starts.values())
    words = [names[bisect_right(starts, value) - 1].replace("_", " ") for value in values.fillna(scale.minimum)]
    return pd.Series(words, index=values.index, dtype="string").where(values.notna())


def _levels(rows: Results, scale: Instrument, analysis: Ordinal, part: pd.DataFrame, arm: str) -> None:
    """How many stand at each level, and how many came there from each level at baseline."""
    n = len(part)
    rows.add("n", n, n=n, arm=arm)
    after = _level(scale, analysis, part["aval"])
    before = _level(scale, analysis, part["base"]).fillna("no baseline")
    _shares(rows, arm, after.dropna(), LEVEL)
    _shares(rows, arm, before + " to " + after, SHIFT)
    if part["base"].notna().any():
        sign = 1 if scale.better == "lower" else -1
        change = sign * (part["aval"] - part["base"]).dropna()
        words = pd.Series("same", index=change.index, dtype="string").mask(change > 0, "worse").mask(change < 0, "better")
        _shares(rows, arm, words, CHANGE, ("worse", "same", "better"))


def _shares(rows: Results, arm: str, words: pd.Series, kind: str, always: tuple[str, ...] = ()) -> None:
    """How many people each word holds for; the counts add up to the row without a word."""
    n = len(words)
    rows.add("n_events", n, n=n, events=n, arm=arm, level=kind)
    counts = words.value_counts()
    for word in always or sorted(map(str, counts.index)):
        count = int(counts.get(word, 0))
        rows.add("n_events", count, n=n, events=count, arm=arm, level=kind, term=word)


def _sides(rows: pd.DataFrame, arm: str, reference: str) -> Pair:
    return tuple(np.asarray(rows["response"][rows["arm"] == side], dtype=float) for side in (arm, reference))  # pyright: ignore[reportReturnType] - two


def _compare(rows: Results, analysis: Ordinal, found: Scores, arm: str, reference: str) -> None:
    pair = found.rows[found.rows["arm"].isin([arm, reference])].reset_index(drop=True)
    ours, theirs = _sides(pair, arm, reference)
    key: dict[str, Any] = {"n": min(len(ours), len(theirs)), "term": "contrast", "arm": arm, "comparator": reference}
    if not len(ours) or not len(theirs):
        rows.add("estimate", float("nan"), **key)
        return
    labels = strata_of(pair, analysis.strata) or [""] * len(pair)
    z, p = van_elteren([_sides(part, arm, reference) for _, part in pair.groupby(labels)])
    estimate, low, high = hodges_lehmann((ours, theirs), analysis.conf_level)
    rows.add("estimate", estimate, **key)
    rows.add("conf_low", low, conf_level=analysis.conf_level, **key)
    rows.add("conf_high", high, conf_level=analysis.conf_level, **key)
    rows.add("z", z, **key)
    rows.add("p_value", p, **key)


def _conclude(rows: Results, study: Study, analysis: Ordinal) -> None:
    strata = f"van Elteren's test, ranks within {', '.join(analysis.strata)}" if analysis.strata else "the Wilcoxon rank-sum test"
    rows.method(
        __doc__,
        title=analysis.title,
        response=response_words(study, analysis.endpoint),
        visit=next(v.label for v in study.visits if v.id == analysis.visit and v.period == analysis.period).lower(),
        population=population_words(study, analysis.population),
        test=strata,
        levels="severity bands" if analysis.bands else "scores",
    )
