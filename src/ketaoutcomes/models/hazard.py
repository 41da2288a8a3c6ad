"""{title}: the hazard of the event, seen in the intervals that end at {ends} {unit}, was compared in {population} by a
complementary log-log model of grouped time ({terms}{random}), whose coefficients are logarithms of hazard ratios in continuous
time. Who is censored within an interval does not count in it. Risks by the end of each interval and the mean time without
the event are those of the population: random effects integrated out, standardised over everybody's covariates, delta-method
limits. The event: {rule}."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.domain.analyses import Hazard
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import BinaryFit, Estimate, MixedModelError, glmm
from ketaoutcomes.models import _binary, _mixed, _sites
from ketaoutcomes.models._clock import clock_of
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._times import times
from ketaoutcomes.models._words import population_words


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Hazard ratios, population-averaged risks by interval, restricted mean times, differences between sites, proof."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Hazard)
    site = study.design.site or ""
    sited = analysis.site_intercept or "site" in analysis.covariates
    known, lost = times(analysis, data, [*(name for name in analysis.covariates if name != "site"), *([site] if sited else [])])
    known = known.rename(columns={site: "site"}) if sited else known
    levels = _binary.levels_of(study, analysis.covariates, known)
    at_risk = person_intervals(known, analysis.intervals)
    levels["interval"] = [f"{end:g}" for end in analysis.intervals]
    if analysis.time == "spline":
        at_risk = clock_of(analysis).on(at_risk.assign(time=at_risk["interval"].astype(float)))
    times_of = ("interval",) if analysis.time == "categorical" else clock_of(analysis).names
    terms = [*((name,) for name in times_of), *([("arm",)] if len(levels["arm"]) > 1 else []), *((name,) for name in analysis.covariates)]
    rows = results(study, name, parameter=analysis.endpoint)
    _conclude(rows, study, analysis, terms)
    reason = _reason(study, levels, at_risk)
    if reason:
        _mixed.refused(rows, reason, term="contrast")
        return rows.frame()
    try:
        fit = glmm(
            at_risk, response="happened", fixed=terms, levels={k: v for k, v in levels.items() if (k,) in terms},
            subject="site" if analysis.site_intercept else None, link="cloglog", separation="log-f",
        )  # fmt: skip
        rows.status, rows.note = fit.status, _binary.flags(fit)
        _hazard_ratios(rows, fit, analysis, known, levels["arm"])
        _risks(rows, fit, analysis, known, levels["arm"])
        _binary.coefficients(rows, fit, analysis.conf_level, len(known))
    except MixedModelError as error:
        _mixed.refused(rows, error, term="contrast")
        return rows.frame()
    if analysis.site_intercept:
        _binary.clusters(rows, fit, "site", len(known))
        _sites.of_events(rows, fit, at_risk.groupby("site")["participant"].nunique(), "subject", analysis.conf_level)
    rows.add("n", lost, n=lost, term="left out: without a time or covariate")
    _binary.proof(rows, fit, len(known))
    return rows.frame()


def person_intervals(people: pd.DataFrame, ends: list[float]) -> pd.DataFrame:
    """A row for each interval that a person began without the event and was seen to the end of, or had the event in: ``interval``, ``happened``.

    An interval holds its end, not its start; the first holds time 0 too.
    """
    parts: list[pd.DataFrame] = []
    start = -np.inf
    for end in ends:
        begun = people[people["time"] > start]
        happened = begun["event"] & (begun["time"] <= end)
        seen = begun[happened | (begun["time"] >= end)]
        parts.append(seen.assign(interval=f"{end:g}", happened=happened[seen.index].astype(float)))
        start = end
    return pd.concat(parts, ignore_index=True)


def _reason(study: Study, levels: dict[str, list[str]], at_risk: pd.DataFrame) -> str:
    """Why what was declared cannot be estimated."""
    absent = [study.design.arms[arm].label for arm in study.design.arms if arm not in levels["arm"]]
    if len(study.design.arms) > 1 and absent:
        return f"there is no one to compare with: nobody in {', '.join(absent)}"
    counts = at_risk.groupby("interval")["happened"].agg(["size", "sum"]).reindex(levels["interval"], fill_value=0)
    empty = [str(interval) for interval in counts.index[counts["size"] == 0]]
    return f"nobody is at risk in the interval that ends at {', '.join(empty)}" if empty else ""


def _hazard_ratios(rows: Results, fit: BinaryFit, analysis: Hazard, people: pd.DataFrame, arms: list[str]) -> None:
    for arm in arms[1:]:
        found: Estimate = fit.coefficient(f"arm[{arm}]", analysis.conf_level)
        pair = people[people["arm"].isin([arm, arms[0]])].groupby("arm")["event"]
        key: dict[str, Any] = {"n": int(pair.size().min()), "events": int(pair.sum().min()), "term": "contrast", "arm": arm, "comparator": arms[0]}
        rows.add("hazard_ratio", float(np.exp(found.estimate)), **key)
        rows.add("p_value", found.p, **key)
        rows.add("conf_low", float(np.exp(found.lower)), conf_level=analysis.conf_level, **key)
        rows.add("conf_high", float(np.exp(found.upper)), conf_level=analysis.conf_level, **key)


def _risks(rows: Results, fit: BinaryFit, analysis: Hazard, people: pd.DataFrame, arms: list[str]) -> None:
    """Risk by the end of each interval, its differences at the last one, and the mean time without the event."""
    compared = len(arms) > 1
    lengths = np.diff([0.0, *analysis.intervals])
    clock = clock_of(analysis)
    within = "interval" if analysis.time == "categorical" else {f"{end:g}": clock.at(end) for end in analysis.intervals}
    risks, durations = fit.survival(("arm",) if compared else (), within, list(lengths), analysis.conf_level)
    last = analysis.intervals[-1]
    for one in risks.risks:
        end = float(one.cell["interval"])
        arm = one.cell.get("arm", arms[0])
        own = people[people["arm"] == arm]
        behind = {"n": len(own), "events": int((own["event"] & (own["time"] <= end)).sum())}
        _binary.risk(rows, one, analysis.conf_level, behind, arm=arm, day=end)
    if not compared:
        return
    pair = people.assign(by_then=people["event"] & (people["time"] <= last)).groupby("arm")["by_then"]
    fewest = {"n": int(pair.size().min()), "events": int(pair.sum().min())}
    for measure in _binary.MEASURES:
        for one in risks.compare("arm", arms[0], measure):
            if float(one.cell["interval"]) == last:
                _binary.comparison(rows, one, analysis.conf_level, fewest, arm=one.cell["arm"], comparator=arms[0], day=last)
    for one in durations.compare("arm", arms[0]):
        key: dict[str, Any] = {**fewest, "term": "restricted mean difference", "method": _binary.STANDARDISED, "day": last}
        key |= {"arm": one.cell["arm"], "comparator": arms[0]}
        rows.add("restricted_mean", one.estimate, **key)
        rows.add("std_error", one.se, **key)
        rows.add("p_value", one.p, **key)
        rows.add("conf_low", one.lower, conf_level=analysis.conf_level, **key)
        rows.add("conf_high", one.upper, conf_level=analysis.conf_level, **key)


def _conclude(rows: Results, study: Study, analysis: Hazard, terms: list[tuple[str, ...]]) -> None:
    endpoint = study.endpoints[analysis.endpoint]
    assert isinstance(endpoint, TimeEndpoint)
    rows.method(
        __doc__,
        title=analysis.title,
        ends=", ".join(f"{end:g}" for end in analysis.intervals),
        unit=study.time_unit,
        population=population_words(study, analysis.population),
        terms=", ".join("spline over time" if name == "time" else name for (name,) in terms if "(spline" not in name),
        random="; a random intercept for each site, adaptive Gauss-Hermite quadrature" if analysis.site_intercept else "",
        rule=study.rule_words(endpoint.rule),
    )
