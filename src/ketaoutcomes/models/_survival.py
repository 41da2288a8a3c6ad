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


def product_limit(time: Floats, event: NDArray[np.bool_], conf_level: float, limits: str = "log") -> Curve:
    """Kaplan-Meier curve with Greenwood errors and limits on the ``log``, ``log-log`` or ``plain`` scale, as R's survfit."""
    gw = _greenwood()
    frame: pd.DataFrame = gw.KaplanMeier(conf_type=limits, conf_level=conf_level).fit(gw.Surv(time=time, event=event)).to_frame(format="pandas")

    def column(name: str) -> Floats:
        return frame[name].to_numpy(dtype=float)

    return Curve(column("time"), column("n_risk"), column("n_event"), column("n_censor"), column("estimate"), column("conf_low"), column("conf_high"))


def at_time(curve: Curve, time: float) -> tuple[float, float, float]:
    """Survival at a time with its limits; not a number beyond the last time unless nobody is left."""
    at = int(np.searchsorted(curve.time, time, side="right")) - 1
    if at < 0:
        return 1.0, 1.0, 1.0
    if time > curve.time[-1] and curve.survival[-1] > 0:
        return math.nan, math.nan, math.nan
    return float(curve.survival[at]), float(curve.lower[at]), float(curve.upper[at])


def greenwood_variance(curve: Curve, time: float) -> float:
    """Greenwood's variance of the survival at a time."""
    seen = (curve.time <= time) & (curve.at_risk > curve.events)
    terms = curve.events[seen] / (curve.at_risk[seen] * (curve.at_risk[seen] - curve.events[seen]))
    return at_time(curve, time)[0] ** 2 * float(terms.sum())


def restricted_means(time: Floats, event: NDArray[np.bool_], group: Sequence[str], until: float, conf_level: float) -> dict[str, float]:
    """Mean time without the event up to `until` in the groups ``0`` and ``1``, and their difference 1 - 0.

    Returns
    -------
    dict
        ``mean0, mean1, difference, std_error, lower, upper, p``; areas under the product-limit curves.
    """
    gw = _greenwood()
    frame = gw.rmst_diff(gw.Surv(time=time, event=event), until, np.asarray(group), conf_level=conf_level)
    # of pandas, or of polars where that is installed
    row = {name: frame[name].to_list()[0] for name in ("group1", "rmst1", "rmst2", "difference", "se", "lower_ci", "upper_ci", "p_value")}
    sign = 1 if str(row["group1"]) == "1" else -1
    limits = sorted((sign * float(row["lower_ci"]), sign * float(row["upper_ci"])))
    means = (float(row["rmst1"]), float(row["rmst2"]))
    found = {"mean0": means[sign == 1], "mean1": means[sign == -1], "difference": sign * float(row["difference"]), "std_error": float(row["se"])}
    return {**found, "lower": limits[0], "upper": limits[1], "p": float(row["p_value"])}


def cumulative_incidence(time: Floats, status: NDArray[np.int_], conf_level: float) -> pd.DataFrame:
    """Aalen-Johansen estimate for cause 0 of adtte's ``cnsr`` beside the competing cause 2.

    Returns
    -------
    DataFrame
        ``time, n_risk, estimate, std_error, conf_low, conf_high`` at each distinct time; limits on the log(-log) scale.
    """
    gw = _greenwood()
    frame: pd.DataFrame = gw.AalenJohansen(conf_type="log-log", conf_level=conf_level).fit(_causes(time, status)).to_frame(format="pandas")
    return frame[frame["cause"] == "event"].drop(columns="cause").reset_index(drop=True)


def _causes(time: Floats, status: NDArray[np.int_]) -> Any:  # noqa: ANN401 - the library is untyped
    labels = np.select([status == 0, status == 2], ["event", "competing"], "censored")
    return _greenwood().Surv(time=time, event=pd.Categorical(labels, ["censored", "event", "competing"]))


def gray(time: Floats, status: NDArray[np.int_], group: Sequence[str]) -> tuple[float, float, float]:
    """Chi-square, df and p of Gray's test (1988) for cause 0 of adtte's ``cnsr`` beside the competing cause 2."""
    test = _greenwood().grays_test(_causes(time, status), np.asarray(group), cause="event")
    return float(test.statistic), float(test.df), float(test.p_value)


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


def log_rank(
    time: Floats, event: NDArray[np.bool_], group: Sequence[str], strata: Sequence[str] | None, rho: float = 0.0, gamma: float = 0.0
) -> tuple[float, float, float]:
    """Chi-square, df and p of the (stratified) log-rank test, with weights S^rho (1 - S)^gamma of Fleming and Harrington."""
    gw = _greenwood()
    groups, layers = np.asarray(group), None if strata is None else np.asarray(strata)
    test = gw.logrank_test(gw.Surv(time=time, event=event), groups, strata=layers, rho=rho, gamma=gamma)
    return float(test.statistic), float(test.df), float(test.p_value)


def proportional_hazards(
    time: Floats,
    event: NDArray[np.bool_],
    x: Floats,
    strata: Sequence[str] | None,
    cluster: Sequence[str] | None,
    conf_level: float,
    entry: Floats | None = None,
) -> Hazards:
    """Cox regression, Efron ties; model-based errors, or sandwich errors by `cluster`.

    `x` is (rows, terms), centred here. A row is a person, or with `entry` a stretch of a person's
    time, at risk after `entry` up to `time`.
    """
    gw = _greenwood()
    scale = x.std(axis=0)
    standard = (x - x.mean(axis=0)) / scale
    fit = gw.CoxPH(ties="efron", conf_level=conf_level).fit(
        gw.Surv(time=time, event=event) if entry is None else gw.Surv(entry, time, event),
        standard,
        strata=None if strata is None else np.asarray(strata),
        max_iter=50,
        tol=1e-20,  # the default is relative to the likelihood and stops before the score vanishes
    )
    inverse = np.asarray(fit.vcov_, dtype=float)
    beta, residuals = _finished((time, event, standard, strata, entry), np.asarray(fit.coef_, dtype=float), inverse)
    proof, per_sd = float(_scaled(residuals, inverse).max()), float(np.sqrt(np.diag(inverse)).max())
    variance = inverse if cluster is None else sandwich(inverse, residuals, cluster)
    coefficient, error = beta / scale, np.sqrt(np.diag(variance)) / scale
    half = float(ndtri(0.5 + conf_level / 2)) * error
    z: Floats = coefficient / error
    p: Floats = np.asarray(ndtr(-np.abs(z)), dtype=float) * 2
    ph_test = _global(fit.cox_zph(transform="km"))
    return Hazards(coefficient, error, z, p, coefficient - half, coefficient + half, float(fit.loglik_), proof, per_sd, ph_test)


_Rows = tuple[Floats, NDArray[np.bool_], Floats, Sequence[str] | None, Floats | None]


def _finished(rows: _Rows, beta: Floats, inverse: Floats) -> tuple[Floats, Floats]:
    """Coefficients after the last Newton steps, and their score residuals.

    The library's step halving looks at the likelihood, whose rounding hides a scaled score below about
    1e-5; the score itself still tells. Steps this small change neither errors nor likelihood. From
    further away no step is taken: that fit is not near a maximum.
    """
    time, event, x, strata, entry = rows
    residuals = score_residuals(time, event, x, beta, strata, entry)
    for _ in range(3):
        if not 1e-12 < _scaled(residuals, inverse).max() < 1e-4:
            break
        beta = beta + inverse @ residuals.sum(axis=0)
        residuals = score_residuals(time, event, x, beta, strata, entry)
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


def score_residuals(time: Floats, event: NDArray[np.bool_], x: Floats, beta: Floats, strata: Sequence[str] | None, entry: Floats | None = None) -> Floats:
    """Each row's part of the gradient of the log partial likelihood, with Efron's ties (Therneau and Grambsch 2000, 3.3, 4.2).

    The parts add up to the gradient, which is zero at the maximum. Our own, so that a fit is only
    believed with its proof: the library reports none.
    """
    groups = np.asarray(strata) if strata is not None else np.zeros(len(time))
    weight = np.exp(x @ beta)
    start = np.full(len(time), -np.inf) if entry is None else entry
    residuals = np.zeros_like(x)
    for group in np.unique(groups[event]):
        inside = groups == group
        residuals[inside] = _in_stratum((start[inside], time[inside]), event[inside], x[inside], weight[inside])
    return residuals


def _in_stratum(span: tuple[Floats, Floats], event: NDArray[np.bool_], x: Floats, weight: Floats) -> Floats:
    entry, time = span
    order = np.lexsort((~event, time))
    t, z, w = time[order], x[order], weight[order]
    at, deaths = np.unique(time[event], return_counts=True)
    first = np.searchsorted(t, at)
    weighted = np.column_stack([w, w[:, None] * z])
    # those whose time has not ended, without those whose time has not begun
    ahead = np.argsort(entry[order], kind="stable")
    unborn = np.vstack([np.cumsum(weighted[ahead][::-1], axis=0)[::-1], np.zeros(1 + x.shape[1])])
    sums: Floats = np.cumsum(weighted[::-1], axis=0)[::-1][first] - unborn[np.searchsorted(entry[order][ahead], at)]
    hazard, drift = np.zeros(len(at) + 1), np.zeros((len(at) + 1, x.shape[1]))
    own = np.zeros_like(x)
    for k, (start, d) in enumerate(zip(first.tolist(), deaths.tolist(), strict=True)):
        dying = slice(start, start + d)  # the order puts the events of a time before its censorings
        share: Floats = np.linspace(0.0, 1.0, d, endpoint=False)[:, None]
        total: Floats = sums[k, 0] - share * float(w[dying].sum())
        mean: Floats = (sums[k, 1:] - np.outer(share, w[dying] @ z[dying])) / total
        hazard[k + 1], drift[k + 1] = (1 / total).sum(), (mean / total).sum(axis=0)
        # each of the tied counts as at risk for a part of the d steps only
        own[dying] = z[dying] - mean.mean(axis=0) + w[dying, None] * (z[dying] * (share / total).sum() - (share * mean / total).sum(axis=0))
    left, came = np.searchsorted(at, t, side="right"), np.searchsorted(at, entry[order], side="right")
    passed: Floats = np.cumsum(hazard)[left] - np.cumsum(hazard)[came]
    drifted: Floats = np.cumsum(drift, axis=0)[left] - np.cumsum(drift, axis=0)[came]
    residuals = np.empty_like(x)
    residuals[order] = own - w[:, None] * (z * passed[:, None] - drifted)
    return residuals


def _global(zph: Any) -> tuple[float, float, float]:  # noqa: ANN401 - the library is untyped
    frame: pd.DataFrame = zph.to_frame(format="pandas")
    last = frame.iloc[-1]
    return float(last["chisq"]), float(last["df"]), float(last["p_value"])


def _greenwood() -> Any:  # noqa: ANN401 - the library is untyped
    import greenwood

    return greenwood
