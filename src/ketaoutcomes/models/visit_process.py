"""{title}: scores of {scale} after the start were counted in {population} up to day {until}: how many a person had, how far apart they lay,
how often people were seen by the score seen last, and who was not seen again. The ratio of the rates of being seen per 5 points of the score
seen last is from an Andersen-Gill model (counting process of all scores, errors by person) that allows for the days since then. Nothing here is an
effect of treatment."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import VisitProcess
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import _intensity
from ketaoutcomes.models._bands import bands_of
from ketaoutcomes.models._gee import NoEquations
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._survival import median, product_limit
from ketaoutcomes.models._words import population_words

#: Days of the month in which rates are given.
MONTH = 30.0
_QUARTILES = {"q25": 0.25, "q50": 0.5, "q75": 0.75}


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Number, spacing and timing of scores, by the score seen last; who was not seen again; the ratio of rates."""
    analysis = study.analyses[name]
    assert isinstance(analysis, VisitProcess)
    rows = results(study, name, parameter=analysis.parameter)
    scale = study.scale(analysis.parameter)
    rows.method(__doc__, title=analysis.title, scale=scale.name, population=population_words(study, analysis.population), until=f"{analysis.until:g}")
    found = _intensity.of_analysis(analysis, analysis.parameter, data)
    everybody = _intensity.people_of(analysis, data)["participant"].nunique()
    people = found["participant"].nunique()
    rows.add("n", people, n=people, term="fit")
    rows.add("n", everybody - people, n=everybody - people, term="left out: without baseline or follow-up")
    if not people:
        rows.verdict("not_estimable", "nobody has a baseline score and follow-up after it")
        return rows.frame()
    bands = bands_of(analysis.cuts)
    found = found.assign(band=[bands[bisect_left(analysis.cuts, value)] for value in found["last"]])
    _per_person(rows, found)
    for band in bands:
        _of_band(rows, analysis, found[found["band"] == band], band)
    for day in analysis.days:
        _not_seen_after(rows, found, day, bands)
    try:
        fit = _intensity.intensity(found, analysis.conf_level)
    except NoEquations as error:
        rows.add("rate_ratio", float("nan"), n=people, text=str(error), term=_intensity.RATE)
        rows.verdict("ok", "counted; the rates could not be modelled")
        return rows.frame()
    _intensity.rate_ratio(rows, fit, analysis.conf_level, people)
    rows.verdict("ok", f"counted; gradient norm of the rates' model {fit.gradient_norm:.1e}")
    return rows.frame()


def _quartiles(rows: Results, values: pd.Series, n: int, term: str) -> None:
    for statistic, at in _QUARTILES.items():
        rows.add(statistic, float(values.quantile(at)), n=n, term=term)


def _per_person(rows: Results, found: pd.DataFrame) -> None:
    """Scores per person and per 30 days of a person's follow-up, people never seen again, days between two scores."""
    own = found.assign(days=found["time"] - found["entry"]).groupby("participant").agg(scores=("event", "sum"), days=("days", "sum"))
    n, never = len(own), int((own["scores"] == 0).sum())
    rows.add("n_events", never, n=n, events=never, term="never seen again")
    rows.add("percent", 100 * never / n, n=n, events=never, term="never seen again")
    _quartiles(rows, own["scores"].astype(float), n, "scores per person")
    _quartiles(rows, MONTH * own["scores"] / own["days"], n, "scores of a person per 30 days")
    gaps = found[found["event"]]
    if len(gaps):
        _quartiles(rows, gaps["time"] - gaps["entry"], gaps["participant"].nunique(), "days between two scores")


def _of_band(rows: Results, analysis: VisitProcess, found: pd.DataFrame, band: str) -> None:
    """How soon and how often people with such a score were seen again, over all and by stretch of follow-up."""
    people = found["participant"].nunique()
    rows.add("n", people, n=people, level="score seen last", term=band)
    if not people:
        return
    curve = product_limit((found["time"] - found["entry"]).to_numpy(np.float64), found["event"].to_numpy(bool), analysis.conf_level)
    rows.add("q50", median(curve.time, curve.survival), n=people, level="days to the next score", term=band)
    for low, high in pairwise([0.0, *analysis.days]):
        inside = found[(found["entry"] < high) & (found["time"] > low)]
        days = float((inside["time"].clip(upper=high) - inside["entry"].clip(lower=low)).sum())
        seen = int((inside["event"] & (inside["time"] <= high)).sum())
        n = inside["participant"].nunique()
        rows.add("per_month", MONTH * seen / days if days else float("nan"), n=n, level=f"days {low:g} to {high:g}", term=band)


def _not_seen_after(rows: Results, found: pd.DataFrame, day: float, bands: list[str]) -> None:
    """People not seen after a day although they could have been, by the score seen last on or before it; and all of them."""
    still = found.groupby("participant")["time"].transform("max") > day
    at = found[still & (found["entry"] <= day)].sort_values(["participant", "entry"], kind="stable").drop_duplicates("participant", keep="last")
    later = set(found.loc[(found["time"] > day) & found["event"], "participant"])
    gone = ~at["participant"].isin(later)
    for band in ("", *bands):
        inside = (at["band"] == band) | (band == "")
        n, events = int(inside.sum()), int((gone & inside).sum())
        where: dict[str, Any] = {"n": n, "day": day, "level": "not seen after", "term": band}
        rows.add("n", n, **where)
        rows.add("n_events", events, events=events, **where)
        rows.add("percent", 100 * events / n if n else float("nan"), events=events, **where)
