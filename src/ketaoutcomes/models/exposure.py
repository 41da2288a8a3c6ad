"""{title}: {scale} is described in {population} by {what} received on days before the score; in each band of exposure a person's last
score counts. Who receives more is not chosen at random: the bands compare people who did well enough, or badly enough, to go on."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import Exposure
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._bands import bands_of
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import people_of
from ketaoutcomes.models._words import population_words


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """People, means and changes from baseline in each band of cumulative exposure."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Exposure)
    people = people_of(analysis, data)
    scale = study.scale(analysis.parameter)
    rows = results(study, name, parameter=analysis.parameter)
    what = "the number of sessions" if analysis.by == "sessions" else f"the sum of {analysis.by}"
    rows.method(__doc__, title=analysis.title, scale=scale.name, population=population_words(study, analysis.population), what=what)
    last = _last_in_band(analysis, _exposed(analysis, data, people))
    arms = list(last.groupby("arm"))
    for arm, part in [("", last), *(arms if len(arms) > 1 else [])]:
        for at, band in enumerate(bands_of(analysis.cuts)):
            _describe(rows, part[part["band"] == at], {"arm": str(arm), "term": band})
    rows.verdict("ok" if len(last) else "not_estimable", "counted" if len(last) else "nobody has a score after baseline with a day")
    return rows.frame()


def _exposed(analysis: Exposure, data: dict[str, pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """Scores after baseline with what was received on days before them."""
    adqs, adex = data["adqs"], data["adex"]
    scores = adqs[(adqs["paramcd"] == analysis.parameter) & (adqs["period"] == analysis.period) & (adqs["ablfl"] == "no") & adqs["aval"].notna()]
    scores = scores.drop(columns="trtp").merge(people[["participant", "arm"]], on="participant")
    scores = scores.assign(at=scores["ady"].fillna(scores["avisitn"]))
    given = adex[adex["period"] == analysis.period].rename(columns={"ady": "given_at"})
    amount = given[analysis.by].astype("float64") if analysis.by != "sessions" else pd.Series(1.0, index=given.index)
    pairs = scores[["participant", "avisit", "at"]].merge(given.assign(amount=amount)[["participant", "given_at", "amount"]], on="participant")
    before = pairs[pairs["given_at"] < pairs["at"]].groupby(["participant", "avisit"])["amount"].sum()
    received = before.reindex(pd.MultiIndex.from_frame(scores[["participant", "avisit"]])).fillna(0.0)
    return scores.assign(received=received.to_numpy(float))


def _last_in_band(analysis: Exposure, scores: pd.DataFrame) -> pd.DataFrame:
    bands = [bisect_left(analysis.cuts, float(value)) for value in scores["received"]]
    return scores.assign(band=bands).sort_values("at", kind="stable").drop_duplicates(["participant", "band"], keep="last")


def _describe(rows: Results, part: pd.DataFrame, key: dict[str, Any]) -> None:
    n = len(part)
    rows.add("n", n, n=n, **key)
    change = part["chg"].dropna()
    if n:
        rows.add("mean", float(part["aval"].mean()), n=n, **key)
        rows.add("sd", float(part["aval"].std(ddof=1)), n=n, **key)
    if len(change):
        rows.add("mean_change", float(change.mean()), n=len(change), **key)
        rows.add("sd_change", float(change.std(ddof=1)), n=len(change), **key)
