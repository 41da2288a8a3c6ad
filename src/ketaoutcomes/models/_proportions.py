"""Two proportions and their comparisons; with the adapter to statsmodels and scipy for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri

Floats = NDArray[np.float64]
#: A linear predictor beyond which a fitted probability is 0 or 1 for all purposes: the data separate.
_SEPARATED = 15.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """An effect of two proportions with its limits."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Events of people in an arm and in the reference arm."""

    events: int
    n: int
    events_reference: int
    n_reference: int

    @property
    def zero_cell(self) -> bool:
        """Is there an arm in which nobody has the event, or everybody?"""
        return 0 in (self.events, self.n - self.events, self.events_reference, self.n_reference - self.events_reference)

    @property
    def small_cell(self) -> bool:
        """Is one of the four counts that are expected under equality below 5?"""
        total, events = self.n + self.n_reference, self.events + self.events_reference
        return min(self.n, self.n_reference) * min(events, total - events) < 5 * total

    @property
    def difference(self) -> float:
        """Risk difference."""
        return self.events / self.n - self.events_reference / self.n_reference


NOTHING = Ratio(math.nan, math.nan, math.nan)


def difference(counts: Counts, method: str, conf_level: float) -> Ratio:
    """Risk difference with limits: ``wald``; ``newcombe`` (Newcombe 1998, method 10); ``miettinen_nurminen`` (1985, score with N/(N-1)).

    Wald's limits are not given where an arm has no events, or only events: its error there is 0.
    """
    if method == "wald" and counts.zero_cell:
        return NOTHING
    if method == "miettinen_nurminen":
        return Ratio(counts.difference, *_inverted(lambda at: _score_difference(counts, at), counts.difference, (-1.0, 1.0), conf_level))
    low, high = _limits(counts, {"wald": "wald", "newcombe": "newcomb"}[method], "diff", conf_level)
    return Ratio(counts.difference, low, high)


def ratio(counts: Counts, method: str, conf_level: float) -> Ratio:
    """Risk ratio with limits on the log scale (``log_wald``, Katz 1978) or by the score (``miettinen_nurminen``, 1985).

    Without events in the reference arm there is no ratio, and without any no upper limit; the score still has a lower one.
    """
    if method == "log_wald":
        if not counts.events_reference or not counts.events:
            return NOTHING
        return Ratio(_quotient(counts), *_limits(counts, "log", "ratio", conf_level))
    if not counts.events_reference and not counts.events:
        return NOTHING
    estimate = _quotient(counts)
    limits = _inverted(lambda at: _score_ratio(counts, math.exp(at)), math.log(estimate) if estimate else -math.inf, (-30.0, 30.0), conf_level)
    low = 0.0 if not counts.events else math.exp(limits[0])
    return Ratio(estimate if math.isfinite(estimate) else math.nan, low, math.exp(limits[1]) if counts.events_reference else math.nan)


def _quotient(counts: Counts) -> float:
    return counts.events / counts.n / (counts.events_reference / counts.n_reference) if counts.events_reference else math.inf


def _limits(counts: Counts, method: str, compare: str, conf_level: float) -> tuple[float, float]:
    untyped: Any = import_module("statsmodels.stats.proportion")
    said = (counts.events, counts.n, counts.events_reference, counts.n_reference)
    limits = untyped.confint_proportions_2indep(*said, method=method, compare=compare, alpha=1 - conf_level)
    return float(limits[0]), float(limits[1])


def _inverted(score: Callable[[float], float], estimate: float, bounds: tuple[float, float], conf_level: float) -> tuple[float, float]:
    """Where the score, which falls with the effect, passes plus and minus the normal quantile; the bound where it does not.

    Our own: statsmodels 0.15 fails where an arm has no events, which is where the score is wanted, and
    its limits of a difference are not those of the likelihood (60/111 and 42/108: 0.2780 for 0.2788).
    """
    z = float(ndtri(0.5 + conf_level / 2))
    start = min(max(estimate, bounds[0]), bounds[1])
    low, high = bounds
    below = float(brentq(lambda at: score(at) - z, low, start, xtol=1e-14)) if start > low and score(low) > z else low
    above = float(brentq(lambda at: score(at) + z, start, high, xtol=1e-14)) if start < high and score(high) < -z else high
    return below, above


def _score_difference(counts: Counts, at: float) -> float:
    """Score of Miettinen and Nurminen (1985) for a risk difference: with risks of most likelihood that differ by `at`."""
    low, high = max(0.0, -at), min(1.0, 1.0 - at)

    def slope(reference: float) -> float:
        risk = reference + at
        parts = ((counts.events, risk), (counts.events - counts.n, 1 - risk), (counts.events_reference, reference))
        return sum(k / max(p, 1e-300) for k, p in (*parts, (counts.events_reference - counts.n_reference, 1 - reference)) if k)

    edge = 1e-15
    ends = (low + edge, high - edge)
    if ends[0] >= ends[1] or slope(ends[0]) <= 0:
        reference = low
    elif slope(ends[1]) >= 0:
        reference = high
    else:
        reference = float(brentq(slope, *ends, xtol=1e-15))
    risk = min(max(reference + at, 0.0), 1.0)
    return _standard(counts.difference - at, counts, risk, reference, 1.0)


def _score_ratio(counts: Counts, at: float) -> float:
    """Score of Miettinen and Nurminen (1985) for a risk ratio: with risks of most likelihood whose ratio is `at`."""
    a = (counts.n + counts.n_reference) * at
    b = -(counts.n * at + counts.events + counts.n_reference + counts.events_reference * at)
    c = counts.events + counts.events_reference
    # the smaller root of a p^2 + b p + c, written so that nothing cancels
    reference = 2 * c / (-b + math.sqrt(max(b * b - 4 * a * c, 0.0)))
    gap = counts.events / counts.n - at * counts.events_reference / counts.n_reference
    return _standard(gap, counts, min(at * reference, 1.0), min(reference, 1.0), at)


def _standard(gap: float, counts: Counts, risk: float, reference: float, scale: float) -> float:
    total = counts.n + counts.n_reference
    variance = (risk * (1 - risk) / counts.n + scale**2 * reference * (1 - reference) / counts.n_reference) * total / (total - 1)
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap) if gap else 0.0


def equality(counts: Counts) -> tuple[str, float]:
    """The test and its p value: Fisher's exact test where an expected count is below 5, else the score test of Miettinen and Nurminen."""
    if counts.small_cell:
        table = np.array([[counts.events, counts.n - counts.events], [counts.events_reference, counts.n_reference - counts.events_reference]])
        return "fisher", float(stats.fisher_exact(table).pvalue)
    total = counts.n + counts.n_reference
    pooled = (counts.events + counts.events_reference) / total
    variance = pooled * (1 - pooled) * (1 / counts.n + 1 / counts.n_reference) * total / (total - 1)
    return "miettinen_nurminen", float(2 * ndtr(-abs(counts.difference) / math.sqrt(variance)))


def numbers_needed(found: Ratio) -> Ratio:
    """Number needed to treat: 1 / risk difference; without limits where the difference's hold 0 (Altman 1998)."""
    if not found.estimate:
        return NOTHING
    straddles = not found.lower * found.upper > 0
    low, high = (math.nan, math.nan) if straddles else sorted((1 / found.lower, 1 / found.upper))
    return Ratio(1 / found.estimate, low, high)


def mantel_haenszel(strata: Sequence[Counts], conf_level: float) -> tuple[Ratio, float]:
    """Stratified risk difference (Mantel-Haenszel weights, variance of Sato 1989) and p of the Cochran-Mantel-Haenszel test.

    Strata without people in one of the arms carry no weight.
    """
    both = [s for s in strata if s.n and s.n_reference]
    if not both:
        return NOTHING, math.nan
    table = np.asarray([(s.events, s.n, s.events_reference, s.n_reference) for s in both], dtype=float)
    a, n, b, m = table.T
    total = n + m
    weight = float(np.sum(n * m / total))
    estimate = float(np.sum((a * m - b * n) / total)) / weight
    p = (n**2 * b - m**2 * a + n * m * (m - n) / 2) / total**2
    q = (a * (m - b) + b * (n - a)) / (2 * total)
    error = math.sqrt(max(estimate * float(np.sum(p)) + float(np.sum(q)), 0.0)) / weight
    half = float(ndtri(0.5 + conf_level / 2)) * error
    events = a + b
    expected, spread = n * events / total, n * m * events * (total - events) / (total**2 * np.maximum(total - 1, 1))
    gap, variance = float(np.sum(a - expected)), float(np.sum(spread))
    tested = float(2 * ndtr(-abs(gap) / math.sqrt(variance))) if variance > 0 else math.nan
    return (Ratio(estimate, estimate - half, estimate + half) if error > 0 else NOTHING), tested


def standardised(event: Floats, arm: Floats, covariates: Floats, conf_level: float) -> tuple[Ratio, float]:
    """Risk difference of a logistic regression standardised over the covariates of everybody, and its p.

    Means of the predicted risks with everybody in the arm and in the reference arm; delta method with the
    model-based covariance (Ge et al. 2011). Not estimable where the data separate.
    """
    design = np.column_stack([np.ones(len(event)), arm, covariates - covariates.mean(axis=0)])
    beta, covariance = _logistic(event, design)
    if beta is None or covariance is None:
        return NOTHING, math.nan
    with_arm, without = design.copy(), design.copy()
    with_arm[:, 1], without[:, 1] = 1.0, 0.0
    risks = [np.asarray(expit(x @ beta), dtype=float) for x in (with_arm, without)]
    estimate = float(risks[0].mean() - risks[1].mean())
    slopes = [(risk * (1 - risk)) @ x / len(event) for risk, x in zip(risks, (with_arm, without), strict=True)]
    gradient: Floats = slopes[0] - slopes[1]
    error = math.sqrt(float(gradient @ covariance @ gradient))
    half = float(ndtri(0.5 + conf_level / 2)) * error
    return Ratio(estimate, estimate - half, estimate + half), float(2 * ndtr(-abs(estimate) / error))


def _logistic(event: Floats, design: Floats) -> tuple[Floats | None, Floats | None]:
    """Maximum likelihood by Newton's method, to a scaled score below 1e-9; nothing where it runs off or the design is singular."""
    beta = np.zeros(design.shape[1])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return None, None
    for _ in range(50):
        risk = np.asarray(expit(design @ beta), dtype=float)
        score: Floats = design.T @ (event - risk)
        information: Floats = (design * (risk * (1 - risk))[:, None]).T @ design
        if np.abs(design @ beta).max() > _SEPARATED or np.linalg.cond(information) > 1e12:
            return None, None
        inverse = np.asarray(np.linalg.inv(information), dtype=float)
        if float(np.abs(score * np.sqrt(np.diag(inverse))).max()) < 1e-9:
            return beta, inverse
        beta = beta + inverse @ score
    return None, None
