"""Adapter to greenwood for time to event; the only file that imports it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A product-limit curve: at each distinct time the people at risk, events, censored, survival and its limits."""

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    survival: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True)
class Hazards:
    """A proportional-hazards fit; arrays have one element per term, on the log-hazard scale.

    `gradient_norm` is the largest score element times its standard error: 0 at the maximum.
    `error_per_sd` is the largest model-based error of a term in units of its standard deviation: it grows
    without bound when a coefficient runs off to infinity, and the score then vanishes too.
    `ph_test` is chi-square, df and p of the global Grambsch-Therneau test on the Kaplan-Meier scale.
    """

    coefficient: Floats
    std_error: Floats
    z: Floats
    p: Floats
    lower: Floats
    upper: Floats
    loglik: float
    gradient_norm: float
    error_per_sd: float
    ph_test: tuple[float, float, float]


def product_limit(time: Floats, event: NDArray[np.bool_], conf_level: float) -> Curve:
    """Kaplan-Meier curve with Greenwood errors and limits on the log scale, as R's survfit."""
    gw = _greenwood()
    frame: pd.DataFrame = gw.KaplanMeier(conf_type="log", conf_level=conf_level).fit(gw.Surv(time=time, event=event)).to_frame(format="pandas")

    def column(name: str) -> Floats:
        return frame[name].to_numpy(dtype=float)

    return Curve(column("time"), column("n_risk"), column("n_event"), column("n_censor"), column("estimate"), column("conf_low"), column("conf_high"))


def median(time: Floats, survival: Floats) -> float:
    """Time at which a step curve reaches 0.5; where it stays at exactly 0.5, the middle of that step (R's rule).

    greenwood takes the step's start instead; not a number when 0.5 is never reached.
    """
    tolerance = math.sqrt(np.finfo(float).eps)
    reached = np.flatnonzero(survival <= 0.5 + tolerance)
    if not len(reached):
        return math.nan
    first = reached[0]
    beyond = np.flatnonzero(survival < 0.5 - tolerance)
    if abs(survival[first] - 0.5) < tolerance and len(beyond):
        return float(time[first] + time[beyond[0]]) / 2
    return float(time[first])


def log_rank(time: Floats, event: NDArray[np.bool_], group: Sequence[str], strata: Sequence[str] | None) -> tuple[float, float, float]:
    """Chi-square, df and p of the (stratified) log-rank test."""
    gw = _greenwood()
    test = gw.logrank_test(gw.Surv(time=time, event=event), np.asarray(group), strata=None if strata is None else np.asarray(strata))
    return float(test.statistic), float(test.df), float(test.p_value)


def proportional_hazards(
    time: Floats, event: NDArray[np.bool_], x: Floats, strata: Sequence[str] | None, cluster: Sequence[str] | None, conf_level: float
) -> Hazards:
    """Cox regression, Efron ties; model-based errors, or sandwich errors by `cluster`. `x` is (people, terms), centred here."""
    gw = _greenwood()
    scale = x.std(axis=0)
    standard = (x - x.mean(axis=0)) / scale
    fit = gw.CoxPH(ties="efron", conf_level=conf_level).fit(
        gw.Surv(time=time, event=event),
        standard,
        strata=None if strata is None else np.asarray(strata),
        max_iter=50,
        tol=1e-20,  # the default is relative to the likelihood and stops before the score vanishes
    )
    inverse = np.asarray(fit.vcov_, dtype=float)
    beta, residuals = _finished(time, event, standard, np.asarray(fit.coef_, dtype=float), inverse, strata)
    proof, per_sd = float(_scaled(residuals, inverse).max()), float(np.sqrt(np.diag(inverse)).max())
    variance = inverse if cluster is None else sandwich(inverse, residuals, cluster)
    coefficient, error = beta / scale, np.sqrt(np.diag(variance)) / scale
    half = float(ndtri(0.5 + conf_level / 2)) * error
    z: Floats = coefficient / error
    p: Floats = np.asarray(ndtr(-np.abs(z)), dtype=float) * 2
    ph_test = _global(fit.cox_zph(transform="km"))
    return Hazards(coefficient, error, z, p, coefficient - half, coefficient + half, float(fit.loglik_), proof, per_sd, ph_test)


def _finished(time: Floats, event: NDArray[np.bool_], x: Floats, beta: Floats, inverse: Floats, strata: Sequence[str] | None) -> tuple[Floats, Floats]:
    """Coefficients after the last Newton steps, and their score residuals.

    The library's step halving looks at the likelihood, whose rounding hides a scaled score below about
    1e-5; the score itself still tells. Steps this small change neither errors nor likelihood. From
    further away no step is taken: that fit is not near a maximum.
    """
    residuals = score_residuals(time, event, x, beta, strata)
    for _ in range(3):
        if not 1e-12 < _scaled(residuals, inverse).max() < 1e-4:
            break
        beta = beta + inverse @ residuals.sum(axis=0)
        residuals = score_residuals(time, event, x, beta, strata)
    return beta, residuals


def _scaled(residuals: Floats, inverse: Floats) -> Floats:
    """Score times model-based standard error, per term."""
    return np.abs(residuals.sum(axis=0)) * np.sqrt(np.diag(inverse))


def sandwich(model_based: Floats, residuals: Floats, cluster: Sequence[str]) -> Floats:
    """Variance by clusters (Lin and Wei 1989): V B V, with B from the score residuals summed within each cluster.

    Our own: greenwood 0.8.0 takes Breslow's residuals for an Efron fit, which differ where events are tied.
    """
    summed = pd.DataFrame(residuals).groupby(np.asarray(cluster)).sum().to_numpy(float)
    influence = summed @ model_based
    return influence.T @ influence


def score_residuals(time: Floats, event: NDArray[np.bool_], x: Floats, beta: Floats, strata: Sequence[str] | None) -> Floats:
    """Each person's part of the gradient of the log partial likelihood, with Efron's ties (Therneau and Grambsch 2000, 3.3, 4.2).

    The parts add up to the gradient, which is zero at the maximum. Our own, so that a fit is only
    believed with its proof: the library reports none.
    """
    groups = np.asarray(strata) if strata is not None else np.zeros(len(time))
    weight = np.exp(x @ beta)
    residuals = np.zeros_like(x)
    for group in np.unique(groups[event]):
        inside = groups == group
        residuals[inside] = _in_stratum(time[inside], event[inside], x[inside], weight[inside])
    return residuals


def _in_stratum(time: Floats, event: NDArray[np.bool_], x: Floats, weight: Floats) -> Floats:
    order = np.lexsort((~event, time))
    t, z, w = time[order], x[order], weight[order]
    at, deaths = np.unique(time[event], return_counts=True)
    first = np.searchsorted(t, at)
    at_risk: Floats = np.cumsum(w[::-1])[::-1]
    moment: Floats = np.cumsum((w[:, None] * z)[::-1], axis=0)[::-1]
    hazard, drift = np.zeros(len(at) + 1), np.zeros((len(at) + 1, x.shape[1]))
    own = np.zeros_like(x)
    for k, (start, d) in enumerate(zip(first.tolist(), deaths.tolist(), strict=True)):
        dying = slice(start, start + d)  # the order puts the events of a time before its censorings
        share: Floats = np.linspace(0.0, 1.0, d, endpoint=False)[:, None]
        total: Floats = at_risk[start] - share * float(w[dying].sum())
        mean: Floats = (moment[start] - np.outer(share, w[dying] @ z[dying])) / total
        hazard[k + 1], drift[k + 1] = (1 / total).sum(), (mean / total).sum(axis=0)
        # each of the tied counts as at risk for a part of the d steps only
        own[dying] = z[dying] - mean.mean(axis=0) + w[dying, None] * (z[dying] * (share / total).sum() - (share * mean / total).sum(axis=0))
    passed = np.searchsorted(at, t, side="right")
    residuals = np.empty_like(x)
    residuals[order] = own - w[:, None] * (z * np.cumsum(hazard)[passed][:, None] - np.cumsum(drift, axis=0)[passed])
    return residuals


def _global(zph: Any) -> tuple[float, float, float]:  # noqa: ANN401 - the library is untyped
    frame: pd.DataFrame = zph.to_frame(format="pandas")
    last = frame.iloc[-1]
    return float(last["chisq"]), float(last["df"]), float(last["p_value"])


def _greenwood() -> Any:  # noqa: ANN401 - the library is untyped
    import greenwood

    return greenwood
