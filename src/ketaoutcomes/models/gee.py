"""{title}: {response} was analysed in {population} by generalised estimating equations ({link}): terms {terms}; time {time}; {working}
working correlation of a person's values; {errors} sandwich errors with participants as clusters, and t limits with participants minus
coefficients degrees of freedom. Means and risks are those of the population, standardised over everybody's covariates. Missing values
are taken as missing completely at random given the covariates: unlike a mixed model, the equations do not allow for what was seen before.{weights}"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ketaoutcomes.domain.analyses import Gee
from ketaoutcomes.domain.endpoints import YesNo, yes_no_words
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Estimate, MixedModelError, Risks, glmm, ols
from ketaoutcomes.mixed.binary.population import cells_of, standardised
from ketaoutcomes.mixed.design import Design, build_design
from ketaoutcomes.models import _binary, _intensity, _mixed
from ketaoutcomes.models._clock import clock_of
from ketaoutcomes.models._gee import Equations, Marginal, NoEquations, solve
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import scores
from ketaoutcomes.models._words import population_words, response_words

Floats = NDArray[np.float64]
Terms = list[tuple[str, ...]]
_WORKING = {"exchangeable": "exchangeable", "ar1": "first-order autoregressive (by visits)", "independence": "independence"}
_ERRORS = {"mancl-derouen": "Mancl-DeRouen", "kauermann-carroll": "Kauermann-Carroll", "fay-graubard": "Fay-Graubard"}


@dataclass(frozen=True, slots=True)
class _Entered:
    """The rows of the equations, the analysis set, the levels of the factors, the columns that time has, and people left out by reason."""

    rows: pd.DataFrame
    people: pd.DataFrame
    levels: dict[str, list[str]]
    time: tuple[str, ...]
    excluded: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Solved:
    design: Design
    found: Marginal
    binary: bool

    def estimate(self, along: Floats, conf_level: float) -> Estimate:
        """A linear combination of the coefficients with t limits."""
        value, se, df = float(along @ self.found.coefficients), float(np.sqrt(along @ self.found.covariance @ along)), self.found.df
        half = se * float(stdtrit(df, (1 + conf_level) / 2))
        return Estimate(value, se, df, value / se, 2 * float(stdtr(df, -abs(value / se))), value - half, value + half)

    def risks(self, by: list[str], at: dict[str, float], conf_level: float) -> Risks:
        """Risks of every combination of the factors `by`, at these numbers."""
        cells = cells_of(self.design, by)
        designs = [standardised(self.design, cell, at) for cell in cells]
        means = [1 / (1 + np.exp(-(x @ self.found.coefficients))) for x in designs]
        jacobian = np.array([(p * (1 - p)) @ x / len(p) for p, x in zip(means, designs, strict=True)])
        return Risks(cells, np.array([p.mean() for p in means]), jacobian, self.found.covariance, self.found.df, conf_level)


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Means or risks of the population by visit or time, comparisons, coefficients, working correlation, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Gee)
    binary = isinstance(study.endpoints[analysis.endpoint], YesNo)
    rows = results(study, name, parameter=analysis.endpoint)
    entered = _answers(study, analysis, data) if binary else _scores(study, analysis, data)
    terms = _terms(analysis, entered)
    _conclude(rows, study, analysis, terms)
    term = "contrast: risk difference" if binary else "contrast"
    reason = _reason(study, analysis, entered)
    if reason:
        _mixed.refused(rows, reason, term=term, visit=analysis.visit or "")
        return rows.frame()
    try:
        solved = _solve(rows, study, analysis, entered, terms, data)
        if binary:
            _risks(rows, solved, analysis, entered)
        else:
            _means(rows, solved, analysis, entered)
    except (MixedModelError, NoEquations) as error:
        _mixed.refused(rows, str(error), term=term, visit=analysis.visit or "")
        return rows.frame()
    n = solved.found.clusters
    for label, along in zip(solved.design.coding.labels, np.eye(len(solved.found.coefficients)), strict=True):
        rows.interval(solved.estimate(along, analysis.conf_level), analysis.conf_level, n=n, term=label)
    if analysis.working != "independence":
        rows.add("correlation", solved.found.correlation, n=n, term="working correlation")
    for why, lost in entered.excluded.items():
        rows.add("n", lost, n=lost, term=f"left out: {why}")
    rows.add("n", n, n=n, term="fit")
    rows.add("n_rows", len(entered.rows), n=n, term="fit")
    rows.add("gradient_norm", solved.found.score, n=n, term="fit")
    rows.verdict("ok", f"estimating function {solved.found.score:.1e} standard errors from zero")
    return rows.frame()


def _scores(study: Study, analysis: Gee, data: dict[str, pd.DataFrame]) -> _Entered:
    found = scores(study, analysis, data, analysis.covariates)
    rows = found.rows[found.rows["visit"].isin(analysis.visits)] if analysis.visits else found.rows
    rows = rows[rows["ady"] <= analysis.until] if analysis.until is not None else rows
    lost = found.rows["participant"].nunique() - rows["participant"].nunique()
    excluded = {**found.excluded, **({"at none of the visits" if analysis.visits else "seen after the last day only": lost} if lost else {})}
    levels = {**found.levels, "visit": [visit for visit in found.levels["visit"] if visit in set(rows["visit"])]}
    clock = rows["ady"] if analysis.days != "scheduled" else rows["time"]
    return _placed(analysis, rows.assign(value=rows["response"], time=clock.astype(float)), found.people, levels, excluded)


def _answers(study: Study, analysis: Gee, data: dict[str, pd.DataFrame]) -> _Entered:
    people = _binary.people(study, analysis, data, site=False)
    seen = _binary.answers(analysis, data, people, analysis.covariates)
    rows = seen[seen[analysis.covariates].notna().all(axis=1)] if analysis.covariates else seen
    order = [visit.id for visit in study.visits if visit.period == analysis.period and visit.id in set(rows["visit"])]
    levels = {**_binary.levels_of(study, analysis.covariates, people), "visit": order}
    why = {"without an answer at any of the visits": (people, seen), "without baseline or a covariate": (seen, rows)}
    excluded = {name: before["participant"].nunique() - after["participant"].nunique() for name, (before, after) in why.items()}
    clock = rows["ady"].fillna(rows["time"]) if analysis.days == "actual" else rows["time"]
    return _placed(analysis, rows.assign(value=rows["aval"].astype(float), time=clock.astype(float)), people, levels, excluded)


def _placed(analysis: Gee, rows: pd.DataFrame, people: pd.DataFrame, levels: dict[str, list[str]], excluded: dict[str, int]) -> _Entered:
    """With the columns of time, and the number of each visit among those that enter."""
    numbers = {visit: at for at, visit in enumerate(levels["visit"])}
    timed = analysis.time != "categorical"
    rows = (clock_of(analysis).on(rows) if timed else rows).assign(place=[float(numbers.get(visit, 0)) for visit in rows["visit"]])
    return _Entered(rows.reset_index(drop=True), people, levels, clock_of(analysis).names if timed else ("visit",), excluded)


def _terms(analysis: Gee, entered: _Entered) -> Terms:
    compared = len(entered.levels["arm"]) > 1
    when: Terms = [(name,) for name in entered.time]
    crossed: Terms = [("arm", name) for name in entered.time] if compared else []
    return [*([("arm",)] if compared else []), *when, *crossed, *((name,) for name in analysis.covariates)]


def _reason(study: Study, analysis: Gee, entered: _Entered) -> str:
    """Why what was declared cannot be estimated."""
    absent = [study.design.arms[arm].label for arm in study.design.arms if arm not in set(entered.rows["arm"])]
    if len(study.design.arms) > 1 and absent:
        return f"there is no one to compare with: nobody in {', '.join(absent)}"
    if analysis.visit is not None and analysis.visit not in entered.levels["visit"]:
        return "nobody has a value at the visit of the main result"
    return "" if len(entered.rows) else "nobody has a value after baseline"


def _solve(rows: Results, study: Study, analysis: Gee, entered: _Entered, terms: Terms, data: dict[str, pd.DataFrame]) -> _Solved:
    """The equations solved, after the engine has shown that their solution exists: no separation, no terms that tell the same."""
    levels = {name: known for name, known in entered.levels.items() if any(name in term for term in terms)}
    binary = isinstance(study.endpoints[analysis.endpoint], YesNo)
    given: dict[str, Any] = {"response": "value", "fixed": terms, "levels": levels}
    if binary:
        glmm(entered.rows, **given, subject=None)
    else:
        ols(entered.rows, **given)
    frame, weights = entered.rows, None
    if analysis.weights:
        frame = frame.assign(weight=_intensity.weights(rows, study, analysis, data, frame))
    others = ["place", *(["weight"] if analysis.weights else [])]
    design = build_design(frame, **given, subject="participant", time="time", others=others)
    weights = design.others.get("weight")
    place = design.others["place"] if analysis.working == "ar1" else np.arange(len(frame), dtype=np.float64)
    found = solve(Equations(design.y, design.x(), design.first_rows, place, binary, weights), analysis.working, analysis.errors)
    if found.df < 1:
        raise NoEquations(f"{found.clusters} participants are too few for {len(found.coefficients)} coefficients; use fewer terms")
    return _Solved(design, found, binary)


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where means are estimated: the key in the results, the level of the visit or the columns of time, and the rows whose people stand behind it."""

    where: dict[str, Any]
    level: dict[str, str]
    at: dict[str, float]
    rows: pd.DataFrame

    def people(self, arm: str) -> int:
        """With a value at the visit, or at the time or later, in an arm."""
        return int(self.rows["participant"][self.rows["arm"] == arm].nunique())


def _moments(analysis: Gee, entered: _Entered) -> Iterator[_Moment]:
    """The declared times, or the visits."""
    for time in analysis.at:
        yield _Moment({"day": time}, {}, clock_of(analysis).at(time), entered.rows[entered.rows["time"] >= time])
    for visit in entered.levels["visit"] if not analysis.at else []:
        own = entered.rows[entered.rows["visit"] == visit]
        if entered.time == ("visit",):
            yield _Moment({"visit": visit}, {"visit": visit}, {}, own)
        else:
            yield _Moment({"visit": visit}, {}, clock_of(analysis).at(float(own["avisitn"].iloc[0])), own)


def _means(rows: Results, solved: _Solved, analysis: Gee, entered: _Entered) -> None:
    """Means of a score by arm, and their differences from the reference."""
    reference, *others = entered.levels["arm"]
    for one in _moments(analysis, entered):
        cells = {arm: {**one.level, **({"arm": arm} if others else {})} for arm in (reference, *others)}
        along = {arm: standardised(solved.design, cell, one.at).mean(axis=0) for arm, cell in cells.items()}
        if not all(one.people(arm) for arm in along):
            for arm in along:
                rows.add("estimate", math.nan, n=one.people(arm), text="nobody was seen then or later", term="ls_mean", arm=arm, **one.where)
            continue
        for arm, weights in along.items():
            rows.interval(solved.estimate(weights, analysis.conf_level), analysis.conf_level, n=one.people(arm), term="ls_mean", arm=arm, **one.where)
        for arm in others:
            key = {"term": "contrast", "arm": arm, "comparator": reference, **one.where}
            found = solved.estimate(along[arm] - along[reference], analysis.conf_level)
            rows.interval(found, analysis.conf_level, n=min(one.people(arm), one.people(reference)), **key)


def _risks(rows: Results, solved: _Solved, analysis: Gee, entered: _Entered) -> None:
    """Risks of a yes or no by arm at each visit, and their comparisons."""
    arms = entered.levels["arm"]
    for moment in _moments(analysis, entered):
        risks = solved.risks([*(["arm"] if len(arms) > 1 else []), *moment.level], moment.at, analysis.conf_level)
        pairs = [one for measure in _binary.MEASURES for one in risks.compare("arm", arms[0], measure)] if len(arms) > 1 else []
        here = [one for one in risks.risks if moment.level.items() <= one.cell.items()]
        compared = [one for one in pairs if moment.level.items() <= one.cell.items()]
        _binary.at_visit(rows, moment.rows, arms, (here, compared), analysis.conf_level)


def _conclude(rows: Results, study: Study, analysis: Gee, terms: Terms) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    parameter = getattr(endpoint, "parameter", "")
    words = yes_no_words(endpoint, study.scale(parameter), study.visit_labels) if isinstance(endpoint, YesNo) and parameter else ""
    binary = isinstance(endpoint, YesNo)
    rows.method(
        __doc__,
        title=analysis.title,
        response=words or (analysis.endpoint.replace("_", " ") if binary else response_words(study, analysis.endpoint)),
        population=population_words(study, analysis.population),
        link="logit link, binomial variance" if binary else "identity link, constant variance",
        terms=", ".join(" x ".join(term) for term in terms if not any("spline" in name for name in term)),
        time=_mixed.time_words(study, analysis),
        working=_WORKING[analysis.working],
        errors=_ERRORS[analysis.errors],
        weights=_intensity.words(study, analysis) if analysis.weights else "",
    )
