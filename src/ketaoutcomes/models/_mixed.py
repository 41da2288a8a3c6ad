"""From a fit of the engine to ARD rows: coefficients, LS means, contrasts, the proof, what missing values could do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ketaoutcomes.domain.analyses import Gee, Lmm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.mixed import Estimate, Fit, LsMean, LsMeans, MixedModelError, binned_residuals, observed_and_fitted, quantile_pairs
from ketaoutcomes.models._results import Results
from ketaoutcomes.models._scores import Scores, n_by

#: A check of a model stands for at least this many people.
FEWEST = 10


def coefficients(results: Results, fit: Fit, conf_level: float) -> None:
    """A row of statistics for each fixed effect."""
    for term in fit.terms:
        results.interval(fit.coefficient(term, conf_level), conf_level, n=fit.n_subjects, term=term)


def time_words(study: Study, analysis: Lmm | Gee) -> str:
    """How time enters."""
    if analysis.time == "categorical":
        return "as categories"
    own = {"scheduled": "", "actual": " (actual)", "all": " (every score at its own day)"}[analysis.days]
    if analysis.time == "continuous":
        return f"continuous, in {study.time_unit}{own}"
    return f"as a restricted cubic spline with knots at {', '.join(f'{knot:g}' for knot in analysis.knots)} {study.time_unit}{own}"


def flags(fit: Fit) -> str:
    """What a reader must know of the fit, with the reason of every fallback."""
    words = {"structured": f"structured covariance ({fit.structure})", "fallback": "; ".join(f"{name} not fitted: {why}" for name, why in fit.fallbacks)}
    return "; ".join(words.get(flag, flag) for flag in fit.flags)


def proof(results: Results, fit: Fit) -> None:
    """What was fitted, and the evidence that it is an optimum."""
    results.add("n", fit.n_subjects, n=fit.n_subjects, term="fit")
    results.add("n_rows", fit.n_obs, n=fit.n_subjects, term="fit")
    values = {
        "loglik": fit.loglik,
        "gradient_norm": fit.proof.gradient_norm,
        "min_eigenvalue_hessian": fit.proof.hessian_min_eigenvalue,
        "condition_number": fit.proof.covariance_condition,
        "iterations": fit.proof.iterations,
    }
    for statistic, value in values.items():
        results.add(statistic, float(value), n=fit.n_subjects, term="fit")
    evidence = f"gradient norm {fit.proof.gradient_norm:.1e}, {fit.proof.iterations} iterations, condition number {fit.proof.covariance_condition:.3g}"
    results.verdict(fit.status, "; ".join(part for part in (flags(fit), f"covariance {fit.structure}", evidence) if part))


def means(results: Results, cells: Sequence[LsMean], scores: Scores, conf_level: float) -> None:
    """One LS mean per cell; `n` is the people with a value in it."""
    for cell in cells:
        where = dict(cell.cell)
        only = scores.levels["arm"][0] if len(scores.levels["arm"]) == 1 else ""
        n = n_by(scores.rows, where.get("arm"), where.get("visit"))
        arm, visit = where.get("arm", only), where.get("visit", "")
        results.interval(cell, conf_level, n=n, term="ls_mean", arm=arm, visit=visit)
        if visit:
            expected = int(scores.people.loc[scores.people["arm"] == arm, "participant"].nunique())
            results.add("n_expected", expected, n=expected, term="ls_mean", arm=arm, visit=visit)


def contrasts(results: Results, fit: Fit, cells: Sequence[LsMean], scores: Scores, conf_level: float) -> None:
    """Each arm against the reference within each visit; `n` is the smaller arm's."""
    reference = scores.levels["arm"][0]
    by_cell = {(cell.cell["arm"], cell.cell.get("visit", "")): cell for cell in cells}
    for (arm, visit), cell in by_cell.items():
        if arm != reference:
            found = fit.contrast(np.subtract(cell.weights, by_cell[reference, visit].weights), conf_level)
            n = min(n_by(scores.rows, name, visit or None) for name in (arm, reference))
            results.interval(found, conf_level, n=n, term="contrast", arm=arm, comparator=reference, visit=visit)
            if visit:
                missing_shift(results, scores, found.estimate, arm, reference, visit)


def adjusted(results: Results, cells: LsMeans, scores: Scores, method: str, conf_level: float, visit: str = "") -> None:
    """The comparisons of the arms with the reference as one family, under the name of the adjustment as `method`.

    Holm and Hochberg adjust p values only: their rows keep the limits of each comparison alone.
    """
    reference, *others = scores.levels["arm"]
    family = (cells.within("visit", visit) if visit else cells).against("arm")
    for arm, member, row in zip(others, family, family.adjusted(method).to_dict("records"), strict=True):
        low, high = (float(row[name]) if math.isfinite(row[name]) else own for name, own in (("conf_low", member.lower), ("conf_high", member.upper)))
        found = Estimate(member.estimate, member.se, member.df, member.t, float(row["p_value"]), low, high)
        n = min(n_by(scores.rows, name, visit or None) for name in (arm, reference))
        key: dict[str, Any] = {"term": "contrast", "arm": arm, "comparator": reference, "method": method}
        results.interval(found, conf_level, n=n, **key, **({"visit": visit} if visit else {}))


def beside(results: Results, fit: Fit, errors: str, cells: Sequence[LsMean], scores: Scores, conf_level: float) -> None:
    """The contrasts with the errors that were not declared, under the name of these errors as `method`; without a number where they have none."""
    try:
        fit = fit.with_inference("satterthwaite", errors)
    except MixedModelError as error:
        results.add("estimate", math.nan, text=str(error), term="contrast", method=errors)
        return
    reference = scores.levels["arm"][0]
    by_cell = {(cell.cell["arm"], cell.cell["visit"]): cell for cell in cells}
    for (arm, visit), cell in by_cell.items():
        if arm != reference:
            key: dict[str, Any] = {"term": "contrast", "arm": arm, "comparator": reference, "visit": visit, "method": errors}
            n = min(n_by(scores.rows, name, visit) for name in (arm, reference))
            try:
                found = fit.contrast(np.subtract(cell.weights, by_cell[reference, visit].weights), conf_level)
            except MixedModelError as error:
                results.add("estimate", math.nan, n=n, text=str(error), **key)
            else:
                results.interval(found, conf_level, n=n, **key)


def checks(results: Results, fit: Fit) -> None:
    """Residuals by fitted mean, their quantiles, and observed against fitted means; nothing for fewer than ten people."""
    if fit.n_subjects < FEWEST:
        return
    for at, row in enumerate(binned_residuals(fit, k=FEWEST).to_dict("records"), start=1):
        for statistic, column in (("fitted", "fitted"), ("mean_residual", "residual"), ("sd_residual", "sd")):
            results.add(statistic, float(row[column]), n=int(row["n"]), term="check: residuals", level=f"bin {at}")
    for row in quantile_pairs(fit, k=FEWEST).to_dict("records"):
        for statistic, column in (("normal_quantile", "normal"), ("residual_quantile", "residual")):
            results.add(statistic, float(row[column]), n=int(row["n"]), term="check: quantiles", level=f"{row['probability']:g}")
    if "subject" not in fit.covariances:
        for row in observed_and_fitted(fit, k=FEWEST).to_dict("records"):
            for statistic in ("observed", "fitted"):
                results.add(statistic, float(row[statistic]), n=int(row["n"]), term="check: patterns", level=str(row["pattern"]), visit=str(row["visit"]))


def missing_shift(results: Results, scores: Scores, contrast: float, arm: str, reference: str, visit: str) -> None:
    """delta = -contrast / f: the constant which, added to the unobserved values of the arm, moves the estimate to zero.

    f is the fraction of the arm's analysis set without a value at the visit. Exact for a difference of
    means, approximate under covariates. No row when f = 0.
    """
    total = int((scores.people["arm"] == arm).sum())
    unseen = total - n_by(scores.rows, arm, visit)
    if unseen:
        key: dict[str, Any] = {"term": "contrast", "arm": arm, "comparator": reference, "visit": visit}
        results.add("fraction_missing", unseen / total, n=total, events=unseen, **key)
        results.add("delta_to_zero", -contrast * total / unseen, n=total, events=unseen, **key)


def cannot(study: Study, scores: Scores, visit: str | None) -> str:
    """Why the comparison that was declared cannot be made with the people there are; empty when it can."""
    arms, labels = scores.levels["arm"], study.design.arms
    if visit is not None and visit not in set(scores.rows["visit"]):
        return "nobody has a value at the visit of the main result"
    if arms == [""] or len(labels) == 1:
        return ""
    absent = [labels[arm].label for arm in labels if arm not in arms]
    if len(arms) < 2 or study.design.reference not in arms:
        return f"there is no one to compare with: nobody in {', '.join(absent)}"
    return ""


def refused(results: Results, error: MixedModelError | str, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """The rows of an analysis the engine refused, perhaps at its last contrast: no number, and the reason."""
    results.rows = [row for row in results.rows if row["statistic"] == "method"]
    results.status = "not_estimable"
    results.note = str(error)
    results.add("estimate", **key)
    results.verdict("not_estimable", str(error))


def left_out(results: Results, excluded: dict[str, int]) -> None:
    """How many people of the analysis set could not enter, and why."""
    for reason, n in excluded.items():
        results.add("n", n, n=n, term=f"left out: {reason}")
