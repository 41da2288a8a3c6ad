"""{title}: {response} at {visit} was compared in {population} by inverse-probability weighting. A logistic regression of the arm on
{confounders} gave the propensity; weights are stabilised, and set to their {low} % and {high} % quantiles beyond these. Means and risks are those
that the people of both arms together would have by the weights; errors are sandwich errors that allow for the estimation of the weights. People without a
value at the visit do not enter, and are taken as like the others given arm and confounders. {causal}"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.domain.analyses import Weighted
from ketaoutcomes.domain.endpoints import YesNo, yes_no_words
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import MixedModelError, glmm
from ketaoutcomes.mixed.design import Design, build_design
from ketaoutcomes.models import _binary, _mixed, _weights
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of, people_of, scores
from ketaoutcomes.models._words import population_words, response_words

Floats = NDArray[np.float64]
_ASSOCIATION = (
    "The study file declares no assumptions under which this would be causal: it is a difference between people who came to different treatments, "
    "adjusted for what was measured."
)


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Weighted means or risks, their comparison beside the crude one, balance, overlap, weights, E-value."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Weighted)
    confounders = analysis.confounders or study.design.confounders
    binary = isinstance(study.endpoints[analysis.endpoint], YesNo)
    people, seen = _people(study, analysis, data, confounders)
    rows = results(study, name, parameter=analysis.endpoint)
    _conclude(rows, study, analysis, confounders)
    arms = arms_of(study, people)
    known = seen[seen[confounders].notna().all(axis=1)]
    reason = _reason(study, arms, known)
    term = "contrast: risk difference" if binary else "contrast"
    if reason:
        _mixed.refused(rows, reason, term=term, visit=analysis.visit)
        return rows.frame()
    frame = known.assign(treated=(known["arm"] == arms[1]).astype(float)).reset_index(drop=True)
    levels = _binary.levels_of(study, confounders, frame)
    factors = {key: value for key, value in levels.items() if key in confounders}
    given: dict[str, Any] = {"response": "treated", "fixed": [(key,) for key in confounders], "levels": factors}
    try:
        fit = glmm(frame, **given, subject=None)
        design = build_design(frame, **given, subject="participant", others=["value"])
    except MixedModelError as error:
        _mixed.refused(rows, f"the propensity cannot be modelled: {error}", term=term, visit=analysis.visit)
        return rows.frame()
    coefficients = np.array([fit.coefficient(label).estimate for label in fit.terms])
    of = _weights.weighted(design.x(), design.y > 0, coefficients, analysis.trim)
    y = design.others["value"]
    if not binary and _constant(y[of.treated]) and _constant(y[~of.treated]):
        _mixed.refused(rows, "everybody in an arm has the same value, which leaves no error to judge a difference by", term=term, visit=analysis.visit)
        return rows.frame()
    (_risks if binary else _scores)(rows, analysis, arms, of, y)
    _balance(rows, of, design, arms)
    _summary(rows, of, arms, len(y))
    rows.add("n", len(y), n=len(y), term="fit")
    for why, before, after in (("without a value at the visit", people, seen), ("without a confounder", seen, known)):
        lost = len(before) - len(after)
        rows.add("n", lost, n=lost, term=f"left out: {why}")
    rows.verdict("ok", f"closed form given the weights; gradient norm of the propensity model {fit.proof.gradient_norm:.1e}")
    return rows.frame()


def _people(study: Study, analysis: Weighted, data: dict[str, pd.DataFrame], confounders: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The analysis set, and those with a value at the visit, one row each."""
    if isinstance(study.endpoints[analysis.endpoint], YesNo):
        adqs = data["adqs"]
        people = people_of(analysis, data)
        at = adqs[(adqs["paramcd"] == analysis.endpoint) & (adqs["avisit"] == analysis.visit) & (adqs["period"] == analysis.period) & (adqs["anl"] == "yes")]
        parameter = getattr(study.endpoints[analysis.endpoint], "parameter", "")
        bases = adqs[(adqs["paramcd"] == parameter) & (adqs["period"] == analysis.period)].drop_duplicates("participant").set_index("participant")["base"]
        seen = people.merge(at[at["aval"].notna()][["participant", "aval"]], on="participant").rename(columns={"aval": "value"})
        seen = seen.assign(base=seen["participant"].map(bases).astype("float64"), value=seen["value"].astype(float))
    else:
        found = scores(study, analysis, data, [name for name in confounders if name != "base"], analysis.visit)
        people, seen = found.people, found.rows.assign(value=found.rows["response"])
    return people, seen.reset_index(drop=True)


def _reason(study: Study, arms: list[str], known: pd.DataFrame) -> str:
    """Why nothing can be compared."""
    absent = [study.design.arms[arm].label for arm in study.design.arms if arm not in set(known["arm"])]
    return f"there is no one to compare with: nobody with a value in {', '.join(absent)}" if absent else "" if len(arms) == 2 else "two arms are compared"


def _scores(rows: Results, analysis: Weighted, arms: list[str], of: _weights.Weighted, y: Floats) -> None:
    found = _weights.means(of, y)
    n = {arms[1]: int(of.treated.sum()), arms[0]: int((~of.treated).sum())}
    key: dict[str, Any] = {"visit": analysis.visit}
    for arm, value, error in ((arms[0], found.reference, found.error(0, 1)), (arms[1], found.treated, found.error(1, 0))):
        _estimate(rows, value, error, analysis.conf_level, n=n[arm], term="ls_mean", arm=arm, **key)
    pair = {"n": min(n.values()), "term": "contrast", "arm": arms[1], "comparator": arms[0], **key}
    difference, error = found.treated - found.reference, found.error(1, -1)
    _estimate(rows, difference, error, analysis.conf_level, **pair)
    own, others = y[of.treated], y[~of.treated]
    crude = math.sqrt(own.var(ddof=1) / len(own) + others.var(ddof=1) / len(others))
    _estimate(rows, float(own.mean() - others.mean()), crude, analysis.conf_level, method="crude", **pair)
    spread = math.sqrt(((len(own) - 1) * own.var(ddof=1) + (len(others) - 1) * others.var(ddof=1)) / (len(y) - 2))
    if spread > 0:
        _e_values(rows, _weights.as_ratio(difference, error, spread), pair)


def _risks(rows: Results, analysis: Weighted, arms: list[str], of: _weights.Weighted, y: Floats) -> None:
    found = _weights.means(of, y)
    counts: dict[str, tuple[int, int]] = {}
    for arm, inside in ((arms[0], ~of.treated), (arms[1], of.treated)):
        counts[arm] = int(inside.sum()), int(y[inside].sum())
        n, events = counts[arm]
        at: dict[str, Any] = {"n": n, "events": events, "arm": arm, "visit": analysis.visit}
        rows.add("n", n, n=n, arm=arm, visit=analysis.visit)
        rows.add("n_events", events, **at)
        rows.add("percent", 100 * events / n, **at)
        value, error = (found.treated, found.error(1, 0)) if arm == arms[1] else (found.reference, found.error(0, 1))
        low, high = _risk_limits(value, error, analysis.conf_level)
        for statistic, number in (("risk", value), ("std_error", error if error > 0 else math.nan), ("conf_low", low), ("conf_high", high)):
            level: dict[str, Any] = {"conf_level": analysis.conf_level} if statistic.startswith("conf") else {}
            rows.add(statistic, 100 * number, **at, term="risk", method=_binary.STANDARDISED, **level)
    fewest = {"n": min(n for n, _ in counts.values()), "events": min(min(events, n - events) for n, events in counts.values())}
    pair: dict[str, Any] = {**fewest, "arm": arms[1], "comparator": arms[0], "visit": analysis.visit}
    difference: dict[str, Any] = {**pair, "term": "contrast: risk difference"}
    _percent(rows, found.treated - found.reference, found.error(1, -1), analysis.conf_level, method=_binary.STANDARDISED, **difference)
    crude = [events / n for n, events in (counts[arms[1]], counts[arms[0]])]
    error = math.sqrt(sum(p * (1 - p) / n for p, (n, _) in zip(crude, (counts[arms[1]], counts[arms[0]]), strict=True)))
    _percent(rows, crude[0] - crude[1], error, analysis.conf_level, method="crude", **difference)
    if not found.treated > 0 < found.reference:
        return
    low, high, p = _weights.limits(math.log(found.treated / found.reference), found.error(1 / found.treated, -1 / found.reference), analysis.conf_level)
    ratio = (found.treated / found.reference, math.exp(low), math.exp(high))
    where: dict[str, Any] = {**pair, "term": "contrast: risk ratio", "method": _binary.STANDARDISED}
    rows.add("risk_ratio", ratio[0], **where)
    rows.add("p_value", p, **where)
    rows.add("conf_low", ratio[1], conf_level=analysis.conf_level, **where)
    rows.add("conf_high", ratio[2], conf_level=analysis.conf_level, **where)
    _e_values(rows, ratio, pair)


def _constant(values: Floats) -> bool:
    """Whether all are one number but for rounding."""
    return bool(np.ptp(values) <= 1e-9 * max(float(np.abs(values).max()), 1e-300))


def _risk_limits(risk: float, error: float, conf_level: float) -> tuple[float, float]:
    """Limits symmetric in the log odds; none for a risk of 0 or 1, whose error is 0."""
    if not 0 < risk < 1:
        return math.nan, math.nan
    low, high, _ = _weights.limits(math.log(risk / (1 - risk)), error / (risk * (1 - risk)), conf_level)
    return 1 / (1 + math.exp(-low)), 1 / (1 + math.exp(-high))


def _estimate(rows: Results, value: float, error: float, conf_level: float, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    low, high, p = _weights.limits(value, error, conf_level)
    for statistic, number in (("estimate", value), ("std_error", error if error > 0 else math.nan), ("p_value", p)):
        rows.add(statistic, number, **key)
    rows.add("conf_low", low, conf_level=conf_level, **key)
    rows.add("conf_high", high, conf_level=conf_level, **key)


def _percent(rows: Results, value: float, error: float, conf_level: float, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """A risk difference in percentage points."""
    low, high, p = _weights.limits(value, error, conf_level)
    rows.add("risk_difference", 100 * value, **key)
    rows.add("p_value", p, **key)
    rows.add("conf_low", 100 * low, conf_level=conf_level, **key)
    rows.add("conf_high", 100 * high, conf_level=conf_level, **key)


def _e_values(rows: Results, ratio: tuple[float, float, float], pair: dict[str, Any]) -> None:
    estimate, limit = _weights.e_values(*ratio)
    for term, value in (("E-value: estimate", estimate), ("E-value: limit nearer to no difference", limit)):
        key: dict[str, Any] = {**pair, "term": term}
        rows.add("e_value", value, **key)


def _balance(rows: Results, of: _weights.Weighted, design: Design, arms: list[str]) -> None:
    """Standardised differences of every confounder, of factors by level (of two the second), before and after weighting."""
    for name in dict.fromkeys(variable for column in design.coding.columns for variable, _ in column):
        known = design.coding.levels.get(name)
        levels = [] if known is None else list(enumerate(known))[1 if len(known) == 2 else 0 :]
        parts = [(f"{name}: {level}", (design.codes[name] == at) * 1.0) for at, level in levels] or [(name, design.numeric[name])]
        for label, values in parts:
            people = min(int(of.treated.sum()), int((~of.treated).sum()))
            if known is not None:
                inside = [int((values[arm] == there).sum()) for arm in (of.treated, ~of.treated) for there in (0.0, 1.0)]
                people = min(count for count in inside if count)
            for method, value in zip(("before", "after"), _weights.standardised_difference(values, of.treated, of.weights), strict=True):
                rows.add("std_difference", value, n=people, term=f"balance: {label}", method=method, arm=arms[1], comparator=arms[0])


def _summary(rows: Results, of: _weights.Weighted, arms: list[str], n: int) -> None:
    """Overlap of the propensities, and the weights, by arm."""
    for arm, inside in ((arms[0], ~of.treated), (arms[1], of.treated)):
        people, own = int(inside.sum()), of.weights[inside]
        within = _weights.overlap(of, inside)
        rows.add("n_events", within, n=people, events=within, term="overlap", arm=arm)
        rows.add("percent", 100 * within / people, n=people, events=within, term="overlap", arm=arm)
        numbers = {"mean": own.mean(), "sd": own.std(ddof=1), "minimum": own.min(), "maximum": own.max(), "effective_n": _weights.effective(own)}
        for statistic, value in numbers.items():
            rows.add(statistic, float(value), n=people, term="weights", arm=arm)
    rows.add("n_events", int(of.trimmed.sum()), n=n, events=int(of.trimmed.sum()), term="weights set to a quantile")


def _conclude(rows: Results, study: Study, analysis: Weighted, confounders: list[str]) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    parameter = getattr(endpoint, "parameter", "")
    if isinstance(endpoint, YesNo):
        response = yes_no_words(endpoint, study.scale(parameter), study.visit_labels) if parameter else analysis.endpoint.replace("_", " ")
    else:
        response = response_words(study, analysis.endpoint)
    causal = "Read as an effect of treatment under these declared assumptions: " + "; ".join(analysis.assumptions) + "."
    rows.method(
        __doc__,
        title=analysis.title,
        response=response,
        visit=study.visit_labels.get(analysis.visit, analysis.visit).lower(),
        population=population_words(study, analysis.population),
        confounders=", ".join("baseline score" if name == "base" else name.replace("_", " ") for name in confounders),
        low=f"{100 * analysis.trim:g}",
        high=f"{100 * (1 - analysis.trim):g}",
        causal=causal if analysis.assumptions else _ASSOCIATION,
    )
