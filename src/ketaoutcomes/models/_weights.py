"""Inverse-probability weights: stabilised, trimmed, with sandwich errors that know they were estimated; balance; the E-value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Weighted:
    """People with the weights of their arm.

    Attributes
    ----------
    x
        Design of the propensity model, shape (n, q), the intercept first.
    treated
        Who is in the arm that is compared, shape (n,).
    propensity
        Fitted probability of that arm, shape (n,).
    weights
        Stabilised weights after trimming, shape (n,).
    trimmed
        Whose weight was set to a bound, shape (n,).
    """

    x: Floats
    treated: Flags
    propensity: Floats
    weights: Floats
    trimmed: Flags


def weighted(x: Floats, treated: Flags, coefficients: Floats, trim: float) -> Weighted:
    """Stabilised weights P(arm) / P(arm | confounders) (Robins, Hernán & Brumback 2000, Epidemiology 11:550), set to their quantiles `trim` and 1 - `trim`."""
    propensity = np.asarray(expit(x @ coefficients), dtype=np.float64)
    share = float(treated.mean())
    raw = np.where(treated, share / propensity, (1 - share) / (1 - propensity))
    low, high = np.quantile(raw, [trim, 1 - trim])
    return Weighted(x, treated, propensity, np.clip(raw, low, high), (raw < low) | (raw > high))


@dataclass(frozen=True, slots=True)
class Means:
    """Weighted means of the two arms and the influence of each person on them, shape (n,)."""

    treated: float
    reference: float
    on_treated: Floats
    on_reference: Floats

    def error(self, by_treated: float, by_reference: float) -> float:
        """Standard error of a function of the means with these derivatives."""
        influence = by_treated * self.on_treated + by_reference * self.on_reference
        return float(np.sqrt(np.sum(influence**2)) / len(influence))


def means(of: Weighted, y: Floats) -> Means:
    """Weighted means (ratio estimators) with the influence of the propensity model in it.

    The estimating functions of the propensity model and of the means are stacked (Lunceford & Davidian 2004, Stat Med
    23:2937; Stefanski & Boos 2002, Am Stat 56:29). Bounds that weights were set to are taken as fixed.
    """
    e, x = of.propensity, of.x
    score = x * (of.treated - e)[:, None]
    on_model = np.asarray(np.linalg.solve((x * (e * (1 - e))[:, None]).T @ x / len(y), score.T), dtype=np.float64).T
    found: list[tuple[float, Floats]] = []
    for arm, drift in ((of.treated, -(1 - e)), (~of.treated, e)):
        w = of.weights * arm
        mean = float(np.sum(w * y) / np.sum(w))
        # a weight changes with the propensity model by itself times -(1 - e) or e, unless it stands at a bound
        slope = ((w * (y - mean) * drift * ~of.trimmed)[:, None] * x).mean(axis=0)
        found.append((mean, (w * (y - mean) + on_model @ slope) / float(np.mean(w))))
    (treated, on_treated), (reference, on_reference) = found
    return Means(treated, reference, on_treated, on_reference)


def standardised_difference(values: Floats, treated: Flags, weights: Floats) -> tuple[float, float]:
    """Difference of the arms' means before and after weighting, both over sqrt((s1^2 + s0^2) / 2) before (Austin & Stuart 2015, Stat Med 34:3661)."""
    spread = math.sqrt((float(values[treated].var(ddof=1)) + float(values[~treated].var(ddof=1))) / 2)
    if spread == 0:
        return math.nan, math.nan
    before = values[treated].mean() - values[~treated].mean()
    after = np.average(values[treated], weights=weights[treated]) - np.average(values[~treated], weights=weights[~treated])
    return float(before) / spread, float(after) / spread


def overlap(of: Weighted, arm: Flags) -> int:
    """People of an arm whose propensity lies between the 1 % and 99 % quantiles of the others'."""
    low, high = np.quantile(of.propensity[~arm], [0.01, 0.99])
    own = of.propensity[arm]
    return int(((own >= low) & (own <= high)).sum())


def effective(weights: Floats) -> float:
    """Kish's effective sample size."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def e_values(ratio: float, low: float, high: float) -> tuple[float, float]:
    """E-value of a risk ratio and of its limit nearer to 1 (VanderWeele & Ding 2017, Ann Intern Med 167:268).

    The least strength, as a risk ratio, that an unmeasured confounder would need with both the arm and the outcome to
    explain the ratio away; 1 for a limit beyond 1.
    """
    nearer = low if ratio >= 1 else high
    beyond = nearer <= 1 if ratio >= 1 else nearer >= 1
    return _e_value(ratio), 1.0 if beyond else _e_value(nearer)


def _e_value(ratio: float) -> float:
    above = max(ratio, 1 / ratio)
    return above + math.sqrt(above * (above - 1))


#: Of the logarithm of a risk ratio; beyond it an E-value says nothing.
_LARGEST = 50.0


def as_ratio(difference: float, error: float, spread: float) -> tuple[float, float, float]:
    """A difference of means as an approximate risk ratio with 95 % limits: exp(0.91 d), exp(0.91 d -+ 1.78 SE of d), d in standard deviations.

    VanderWeele & Ding (2017), after Chinn (2000), Stat Med 19:3127.
    """
    d, se = difference / spread, error / spread
    point, low, high = (math.exp(min(max(value, -_LARGEST), _LARGEST)) for value in (0.91 * d, 0.91 * d - 1.78 * se, 0.91 * d + 1.78 * se))
    return point, low, high


def limits(estimate: float, error: float, conf_level: float) -> tuple[float, float, float]:
    """Normal limits and the two-sided p value; none where the error is 0, as without events in an arm."""
    if not error > 0:
        return math.nan, math.nan, math.nan
    half = float(ndtri((1 + conf_level) / 2)) * error
    return estimate - half, estimate + half, float(2 * ndtr(-abs(estimate / error)))
