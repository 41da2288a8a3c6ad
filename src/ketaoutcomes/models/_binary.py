"""From a binary fit of the engine to ARD rows: coefficients, population-averaged risks, differences between clusters, the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ketaoutcomes.domain.analyses import Gee, Glmm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import BinaryFit, Risk
from ketaoutcomes.models._results import Results
from ketaoutcomes.models._scores import arms_of, people_of

#: Method of results with the random effects integrated out and everybody's covariates kept.
STANDARDISED = "standardised"
#: Measure of a comparison, the statistic of its row, and its factor.
MEASURES = {"difference": ("risk_difference", 100.0), "ratio": ("risk_ratio", 1.0), "odds_ratio": ("odds_ratio", 1.0)}
_WORDS = {"penalised": "penalised by a log-F(1,1) prior, as {infinite} would be infinite (separation)"}
Behind = Mapping[str, int]


def levels_of(study: Study, covariates: Sequence[str], people: pd.DataFrame) -> dict[str, list[str]]:
    """Levels of the arms and of covariates that are factors, the reference first."""
    levels = {"arm": arms_of(study, people)}
    for name in covariates:
        if name == "site":
            levels[name] = sorted(people["site"].dropna().unique())
        elif name != "base" and not study.participant_columns[name].is_number:
            present = set(people[name].dropna())
            levels[name] = [level for level in study.participant_columns[name].levels or sorted(present) if level in present]
    return levels


def people(study: Study, analysis: Glmm | Gee, data: dict[str, pd.DataFrame], *, site: bool) -> pd.DataFrame:
    """The analysis set, with the baseline score and the site where they are needed."""
    found = people_of(analysis, data)
    if "base" in analysis.covariates:
        parameter = getattr(study.endpoints[analysis.endpoint], "parameter", "")
        scores = data["adqs"][(data["adqs"]["paramcd"] == parameter) & data["adqs"]["base"].notna()]
        found = found.merge(scores.drop_duplicates(["participant", "period"])[["participant", "period", "base"]], on=["participant", "period"], how="left")
    return found.rename(columns={study.design.site: "site"}) if study.design.site and (site or "site" in analysis.covariates) else found


def answers(analysis: Glmm | Gee, data: dict[str, pd.DataFrame], of: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A row for each person and visit after baseline with an answer, with these columns of the person; ``visits`` restricts to those named."""
    adqs = data["adqs"]
    inside = (adqs["paramcd"] == analysis.endpoint) & (adqs["anl"] == "yes") & (adqs["ablfl"] == "no") & adqs["aval"].notna()
    if analysis.visits:
        inside &= adqs["avisit"].isin(analysis.visits)
    joined = adqs[inside].drop(columns=["trtp", "base"]).merge(of[["participant", "period", "arm", *columns]], on=["participant", "period"])
    return joined.assign(visit=joined["avisit"], time=joined["avisitn"].astype(float))


def at_visit(results: Results, at: pd.DataFrame, arms: Sequence[str], found: tuple[Sequence[Risk], Sequence[Risk]], conf_level: float) -> None:
    """What was seen, and what the model says of the population at one visit: risks and comparisons."""
    visit = str(at["visit"].iloc[0])
    counts = {arm: (len(own := at[at["arm"] == arm]), int(own["aval"].sum())) for arm in arms}
    for arm, (n, events) in counts.items():
        results.add("n", n, n=n, arm=arm, visit=visit)
        results.add("n_events", events, n=n, events=events, arm=arm, visit=visit)
        results.add("percent", 100 * events / n if n else float("nan"), n=n, events=events, arm=arm, visit=visit)
    for one in found[0]:
        arm = one.cell.get("arm", arms[0])
        n, events = counts[arm]
        risk(results, one, conf_level, {"n": n, "events": events}, arm=arm, visit=visit)
    for one in found[1]:
        pair = [counts[one.cell["arm"]], counts[arms[0]]]
        fewest = {"n": min(n for n, _ in pair), "events": min(min(events, n - events) for n, events in pair)}
        comparison(results, one, conf_level, fewest, arm=one.cell["arm"], comparator=arms[0], visit=visit)


def flags(fit: BinaryFit) -> str:
    """What a reader must know of the fit."""
    return "; ".join(_WORDS.get(flag, flag).format(infinite=" and ".join(fit.infinite)) for flag in fit.flags)


def coefficients(results: Results, fit: BinaryFit, conf_level: float, n: int) -> None:
    """A row of statistics for each fixed effect: conditional log odds ratios or log hazard ratios."""
    for term in fit.terms:
        results.interval(fit.coefficient(term, conf_level), conf_level, n=n, term=term)


def risk(results: Results, found: Risk, conf_level: float, behind: Behind, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """A risk in per cent."""
    for statistic, value in (("risk", found.estimate), ("std_error", found.se)):
        results.add(statistic, 100 * value, **behind, term="risk", method=STANDARDISED, **key)
    for statistic, value in (("conf_low", found.lower), ("conf_high", found.upper)):
        results.add(statistic, 100 * value, **behind, term="risk", method=STANDARDISED, conf_level=conf_level, **key)


def comparison(results: Results, found: Risk, conf_level: float, behind: Behind, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """A difference of risks in percentage points, or their ratio."""
    statistic, size = MEASURES[found.measure]
    term: dict[str, Any] = {**key, **behind, "term": f"contrast: {statistic.replace('_', ' ')}", "method": STANDARDISED}
    results.add(statistic, size * found.estimate, **term)
    results.add("p_value", found.p, **term)
    for limit, value in (("conf_low", found.lower), ("conf_high", found.upper)):
        results.add(limit, size * value, **term, conf_level=conf_level)


def clusters(results: Results, fit: BinaryFit, subject: str, n: int) -> None:
    """Variances of the random effects; of intercepts also the median ratio of two clusters and the intraclass correlation."""
    for name, matrix in fit.covariances.items():
        of, values = (subject if name == "subject" else name), matrix.to_numpy()
        results.add("variance", float(values[0, 0]), n=n, term=of)
        if len(values) > 1:
            results.add("slope_variance", float(values[1, 1]), n=n, term=of)
            results.add("slope_covariance", float(values[0, 1]), n=n, term=of)
        else:
            heterogeneity = fit.heterogeneity()[name]
            for statistic in ("median_ratio", "icc"):
                results.add(statistic, heterogeneity[statistic], n=n, term=of)


def proof(results: Results, fit: BinaryFit, n: int) -> None:
    """What was fitted, and the evidence that it is an optimum. No total of the events: with all cells but one it would give that one."""
    results.add("n", n, n=n, term="fit")
    results.add("n_rows", fit.n_obs, n=n, term="fit")
    values = {"loglik": fit.loglik, "gradient_norm": fit.proof.gradient_norm, "min_eigenvalue_hessian": fit.proof.hessian_min_eigenvalue}
    for statistic, value in {**values, "iterations": fit.proof.iterations}.items():
        results.add(statistic, float(value), n=n, term="fit")
    evidence = f"gradient norm {fit.proof.gradient_norm:.1e}, {fit.proof.iterations} iterations, quadrature error {fit.proof.quadrature_error:.1e}"
    results.verdict(fit.status, "; ".join(part for part in (flags(fit), evidence) if part))


def left_out(results: Results, before: Sequence[object], after: Sequence[object], why: str) -> None:
    """How many people of the analysis set could not enter."""
    lost = len(set(before) - set(after))
    results.add("n", lost, n=lost, term=f"left out: {why}")
