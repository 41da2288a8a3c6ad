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
    centred = x - x.mean(axis=0)
    fit = gw.CoxPH(ties="efron", conf_level=conf_level).fit(
        gw.Surv(time=time, event=event),
        centred,
        strata=None if strata is None else np.asarray(strata),
        max_iter=50,
        tol=1e-20,  # the default is relative to the likelihood and stops before the score vanishes
    )
    beta, model_error = np.asarray(fit.coef_, dtype=float), np.asarray(fit.naive_std_error_, dtype=float)
    residuals = score_residuals(time, event, centred, beta, strata)
    error = model_error if cluster is None else np.sqrt(np.diag(sandwich(np.asarray(fit.vcov_, dtype=float), residuals, cluster)))
    half = float(ndtri(0.5 + conf_level / 2)) * error
    return Hazards(
        beta,
        error,
        beta / error,
        2 * ndtr(-np.abs(beta / error)),
        beta - half,
        beta + half,
        float(fit.loglik_),
        float((np.abs(residuals.sum(axis=0)) * model_error).max()),
        _global(fit.cox_zph(transform="km")),
    )


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
    for group in np.unique(groups):
        inside = groups == group
        for at in np.unique(time[inside & event]):
            risk, dying = inside & (time >= at), inside & event & (time == at)
            deaths = int(dying.sum())
            share = np.arange(deaths)[:, None] / deaths
            total = weight[risk].sum() - share * weight[dying].sum()
            mean = (weight[risk] @ x[risk] - share * (weight[dying] @ x[dying])) / total
            residuals[risk] -= weight[risk, None] * (x[risk] * (1 / total).sum() - (mean / total).sum(axis=0))
            # each of the tied counts as at risk for a part of the d steps only
            residuals[dying] += weight[dying, None] * (x[dying] * (share / total).sum() - (share * mean / total).sum(axis=0))
            residuals[dying] += x[dying] - mean.mean(axis=0)
    return residuals


def _global(zph: Any) -> tuple[float, float, float]:
    frame: pd.DataFrame = zph.to_frame(format="pandas")
    last = frame.iloc[-1]
    return float(last["chisq"]), float(last["df"]), float(last["p_value"])


def _greenwood() -> Any:
    import greenwood

    return greenwood
