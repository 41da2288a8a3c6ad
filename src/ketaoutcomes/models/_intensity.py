"""How readily people come to be seen: the intervals between their scores, their intensity, and weights by its inverse."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.domain.analyses import Gee, VisitProcess
from ketaoutcomes.domain.endpoints import ScoreEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._gee import NoEquations
from ketaoutcomes.models._results import Results
from ketaoutcomes.models._scores import people_of
from ketaoutcomes.models._survival import Hazards, proportional_hazards

Floats = NDArray[np.float64]
#: Score times standard error below which the partial likelihood counts as maximised.
_CONVERGED = 1e-6
#: Days without a score at which the intensity may change; where fewer scores follow than `_FEWEST` it does not.
WITHOUT = (7.0, 14.0, 28.0, 56.0)
_FEWEST = 10
#: Points of the score that a ratio of rates is given for, and its term.
POINTS = 5.0
RATE = f"rate of being seen per {POINTS:g} points of the last score"
_WORDS = (
    " Scores are weighted by the inverse of the intensity with which people come to be seen, an Andersen-Gill model of the times of {name} up to day "
    "{until:g} on the score seen last, at equal days since then (Buzkova & Lumley 2007); weights beyond their {low:g} % and {high:g} % quantiles are "
    "set to these. The errors take the weights as known."
)


def words(study: Study, analysis: Gee) -> str:
    """The sentence of the weights."""
    assert analysis.until is not None
    return _WORDS.format(name=study.scale(parameter_of(study, analysis)).name, until=analysis.until, low=100 * analysis.trim, high=100 * (1 - analysis.trim))


def parameter_of(study: Study, analysis: Gee) -> str:
    """The parameter of a score endpoint."""
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, ScoreEndpoint)
    return endpoint.parameter


def intervals(people: pd.DataFrame, scores: pd.DataFrame, bases: pd.Series, until: float) -> pd.DataFrame:
    """Each person's time from the start to the end, cut at their scores.

    Parameters
    ----------
    people
        ``participant``, and ``last_day``, the end of their follow-up where it is known.
    scores
        ``participant, ady, aval``: scores after baseline.
    bases
        Baseline score by participant; people without one are left out.
    until
        Day up to which everybody could be seen.

    Returns
    -------
    DataFrame
        ``participant, entry, time, event, last``: at risk of being seen after `entry` up to `time`; seen there, or not;
        the score seen last.
    """
    ends = people.set_index("participant")["last_day"].astype("float64").clip(upper=until).fillna(until)
    known = bases.dropna()
    seen = scores[scores["participant"].isin(known.index) & (scores["ady"] <= scores["participant"].map(ends))].sort_values(["participant", "ady"])
    firsts = pd.DataFrame({"participant": known.index, "ady": 0.0, "aval": known.to_numpy(float)})
    starts = pd.concat([firsts[firsts["participant"].isin(ends.index)], seen[["participant", "ady", "aval"]]], ignore_index=True)
    starts = starts.sort_values(["participant", "ady"], kind="stable", ignore_index=True)
    following = starts.groupby("participant")["ady"].shift(-1)
    end = following.fillna(starts["participant"].map(ends)).astype(float)
    found = starts.assign(entry=starts["ady"], time=end, event=following.notna(), last=starts["aval"])
    return found.loc[found["time"] > found["entry"], ["participant", "entry", "time", "event", "last"]].reset_index(drop=True)


def of_analysis(analysis: Gee | VisitProcess, parameter: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The intervals of the people of an analysis between their scores of a parameter."""
    assert analysis.until is not None
    people = people_of(analysis, data)
    own = data["adqd"][(data["adqd"]["paramcd"] == parameter) & (data["adqd"]["period"] == analysis.period)]
    scores = data["adqs"][(data["adqs"]["paramcd"] == parameter) & (data["adqs"]["period"] == analysis.period)]
    return intervals(people, own, scores.drop_duplicates("participant").set_index("participant")["base"], analysis.until)


def intensity(found: pd.DataFrame, conf_level: float) -> Hazards:
    """Andersen-Gill model of the times at which people are seen, on the score seen last (the first term) and the days since then, errors by person.

    Without the days since then, people who have left for good, and whose last score is an old one, would count as
    rarely seen because of that score.

    Raises
    ------
    NoEquations
        Nobody is seen again, everybody has the same score, or the partial likelihood is not maximised.
    """
    people = found["participant"].nunique()
    if people < _FEWEST:
        raise NoEquations(f"{people} people are too few to model how readily people are seen; {_FEWEST} are needed")
    gaps = (found["time"] - found["entry"])[found["event"]].to_numpy(np.float64)
    if not len(gaps) or found["last"].nunique() < 2:
        raise NoEquations("the times at which people are seen tell nothing about the score seen last")
    steps: list[float] = []
    for step in reversed(WITHOUT):
        between = (gaps > step) & (gaps <= min(steps, default=np.inf))
        steps += [step] if between.sum() >= _FEWEST and (gaps <= step).sum() >= _FEWEST else []
    pieces = _cut(found, sorted(steps))
    x = np.column_stack([pieces["last"], *((pieces["gap"] > step).astype(float) for step in sorted(steps))])
    try:
        fit = proportional_hazards(
            pieces["time"].to_numpy(np.float64), pieces["event"].to_numpy(bool), x, None,
            [str(who) for who in pieces["participant"]], conf_level, pieces["entry"].to_numpy(np.float64),
        )  # fmt: skip
    except np.linalg.LinAlgError as error:
        raise NoEquations("the score seen last and the days since then do not vary among those who could be seen: visits on fixed days") from error
    if not (fit.gradient_norm < _CONVERGED and (fit.std_error > 0).all()):
        raise NoEquations("the intensity of being seen could not be fitted: its partial likelihood has no maximum")
    return fit


def _cut(found: pd.DataFrame, steps: list[float]) -> pd.DataFrame:
    """Each interval cut at the steps after its start; `gap` is the days since its start at the end of the piece."""
    parts: list[pd.DataFrame] = []
    begin, end, event = found["entry"].to_numpy(np.float64), found["time"].to_numpy(np.float64), found["event"].to_numpy(np.bool_)
    for low, high in pairwise([0.0, *steps, float("inf")]):
        last: Floats = np.minimum(end, begin + high)
        piece: pd.DataFrame = found.assign(gap=last - begin, event=event & (end == last), time=last, entry=begin + low)
        parts.append(piece[piece["gap"] > low])
    return pd.concat(parts, ignore_index=True)


def weights(rows: Results, study: Study, analysis: Gee, data: dict[str, pd.DataFrame], frame: pd.DataFrame) -> Floats:
    """A weight for each score of `frame`: the inverse of its intensity given the score seen before, mean 1, trimmed.

    Bůžková & Lumley (2007), Can J Stat 35:485. The weights are stabilised: the intensity at that day and at that many days since the last
    score cancels. People who left for good without a word blur the model, so that the weights correct too little: a disposition says when.
    Adds the model and a summary of the weights to `rows`.
    """
    found = of_analysis(analysis, parameter_of(study, analysis), data)
    fit = intensity(found, analysis.conf_level)
    before = found.loc[found["event"], ["participant", "time", "last"]].rename(columns={"time": "ady"})
    seen = frame[["participant", "ady"]].merge(before, on=["participant", "ady"], how="left")
    unknown = int(seen["last"].isna().sum())
    if unknown:
        raise NoEquations(f"{unknown} scores lie after the end of follow-up (`until`, or the disposition's day), or belong to people without baseline")
    last = seen["last"].to_numpy(np.float64)
    raw = np.exp(-fit.coefficient[0] * (last - last.mean()))
    low, high = np.quantile(raw, [analysis.trim, 1 - analysis.trim])
    trimmed = np.clip(raw, low, high)
    final: Floats = trimmed / trimmed.mean()
    n = frame["participant"].nunique()
    rate_ratio(rows, fit, analysis.conf_level, n)
    effective = float(final.sum() ** 2 / (final**2).sum())
    for statistic, value in (("minimum", final.min()), ("maximum", final.max()), ("sd", final.std(ddof=1)), ("effective_n", effective)):
        rows.add(statistic, float(value), n=n, term="weights")
    return final


def rate_ratio(rows: Results, fit: Hazards, conf_level: float, n: int) -> None:
    """Ratio of the rates of being seen per 5 points of the score seen last."""
    where: dict[str, Any] = {"n": n, "term": RATE}
    rows.add("rate_ratio", float(np.exp(POINTS * fit.coefficient[0])), **where)
    rows.add("p_value", float(fit.p[0]), **where)
    rows.add("conf_low", float(np.exp(POINTS * fit.lower[0])), conf_level=conf_level, **where)
    rows.add("conf_high", float(np.exp(POINTS * fit.upper[0])), conf_level=conf_level, **where)
