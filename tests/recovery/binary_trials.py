"""Trials of yes-or-no outcomes with dropout, a known conditional effect, and a known difference of the population's risks.

States: an answer at each visit, a random intercept of participants, perhaps one of sites beside it; who had the event at the
visit seen last leaves more often, so answers are missing at random and not completely at random. Hazards: relapse within
intervals of equal length, a random intercept of sites; who is in the harder stratum leaves more often. Both arms hold the same
number of both strata, so that the population's risk is that of the people in the trial.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq

from ketaoutcomes.mixed import MixedModelError, glmm

Floats = NDArray[np.float64]
PERIODS = 4
#: Conditional log odds ratio, or log hazard ratio, of ketamine; that of the harder stratum; and of each period against the first.
EFFECT, STRATUM, COURSE = -0.7, 0.6, (0.0, -0.1, -0.2, -0.3)
#: Standard deviations of the random intercepts: participants of states, sites beside participants, sites of hazards.
PERSON_SD, SITE_SD = 1.2, 0.5
#: Chance of leaving after a visit, by the outcome seen last, or by stratum.
LEAVES = (0.05, 0.2)
Z = 1.959963984540054
LEVELS = {"stratum": ["easier", "harder"], "arm": ["placebo", "ketamine"], "period": [f"p{k}" for k in range(PERIODS)]}
FIXED = [("stratum",), ("arm",), ("period",)]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated: `model` "states", "states in sites" or "hazards"; `rate` is the share of visits with the event, or of people by the last interval."""

    model: str
    people: int
    sites: int
    rate: float

    @property
    def hazards(self) -> bool:
        """Whether the event ends a person's rows."""
        return self.model == "hazards"

    @property
    def spread(self) -> float:
        """Standard deviation of the random part of the linear predictor."""
        return float(np.hypot(0.0 if self.hazards else PERSON_SD, SITE_SD if self.sites else 0.0))

    @property
    def sds(self) -> dict[str, float]:
        """True standard deviation of each random effect, by the name the fit has for it."""
        return {"subject": SITE_SD} if self.hazards else {"subject": PERSON_SD} | ({"site": SITE_SD} if self.sites else {})

    def chance(self, eta: Floats) -> Floats:
        """Inverse link."""
        return -np.expm1(-np.exp(eta)) if self.hazards else 1 / (1 + np.exp(-eta))


def risk(setting: Setting, intercept: float, arm: int, period: int) -> float:
    """Risk of the population in a period, or by its end, integrated over the random effects by adaptive quadrature."""

    def given(u: float) -> float:
        found = 0.0
        for stratum in (0, 1):
            eta = intercept + STRATUM * stratum + EFFECT * arm + np.array(COURSE) + setting.spread * u
            chance = setting.chance(eta)
            found += (1 - np.prod(1 - chance[: period + 1]) if setting.hazards else chance[period]) / 2
        return float(found * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi))

    return float(quad(given, -9, 9, epsabs=1e-11, limit=200)[0])


@cache
def intercept_of(setting: Setting) -> float:
    """The intercept that gives the rate, over both arms."""
    periods = [PERIODS - 1] if setting.hazards else list(range(PERIODS))
    return float(brentq(lambda at: np.mean([risk(setting, at, arm, period) for arm in (0, 1) for period in periods]) - setting.rate, -9, 4))


@cache
def difference(setting: Setting) -> float:
    """True difference of the population's risks at the last visit, or by the end of the last interval."""
    placebo, ketamine = (risk(setting, intercept_of(setting), arm, PERIODS - 1) for arm in (0, 1))
    return ketamine - placebo


def trial(rng: np.random.Generator, setting: Setting, leaves: tuple[float, float] = LEAVES) -> pd.DataFrame:
    """One row per person and period seen."""
    n = setting.people
    kind = rng.permutation(n) % 4
    arm, stratum = kind % 2, kind // 2
    site = rng.permutation(n) % max(setting.sites, 1)
    effects = (np.zeros(n) if setting.hazards else rng.normal(0, PERSON_SD, n)) + rng.normal(0, SITE_SD, max(setting.sites, 1))[site] * (setting.sites > 0)
    eta = (intercept_of(setting) + STRATUM * stratum + EFFECT * arm + effects)[:, None] + np.array(COURSE)
    y = rng.random((n, PERIODS)) < setting.chance(eta)
    seen = np.ones((n, PERIODS), dtype=bool)
    for at in range(1, PERIODS):
        last = stratum if setting.hazards else y[:, at - 1]
        seen[rng.random(n) < np.array(leaves)[np.asarray(last, dtype=np.intp)], at:] = False
        if setting.hazards:
            seen[y[:, at - 1], at:] = False
    i, t = np.nonzero(seen)
    names = {name: np.array(levels)[of] for (name, levels), of in zip(LEVELS.items(), (stratum[i], arm[i], t), strict=True)}
    return pd.DataFrame({"id": i, "site": site[i], **names, "y": y[i, t].astype(float)})


@dataclass(frozen=True, slots=True)
class Found:
    """What one trial gave: the coefficient of the arm with its limits, the risk difference with its limits, standard deviations, flags."""

    estimate: float
    se: float
    t: tuple[float, float]
    difference: tuple[float, float, float]
    sds: dict[str, float]
    flags: tuple[str, ...]

    def covers(self, setting: Setting) -> dict[str, bool]:
        """Whether each 95 % interval holds the truth."""
        return {
            "t": self.t[0] <= EFFECT <= self.t[1],
            "normal": abs(self.estimate - EFFECT) <= Z * self.se,
            "risk difference": self.difference[1] <= difference(setting) <= self.difference[2],
        }


def analysed(data: pd.DataFrame, setting: Setting) -> Found | str:
    """The fit of the model the data were made with, as the pipeline asks for it; where the engine refuses, the name of its error."""
    options = {"subject": "site", "link": "cloglog"} if setting.hazards else {"subject": "id", "site": "site" if setting.sites else None}
    try:
        fit = glmm(data, response="y", fixed=FIXED, levels=LEVELS, separation="log-f", **options)
        own = fit.coefficient("arm[ketamine]")
        risks = fit.survival(["arm"], "period", [1.0] * PERIODS)[0] if setting.hazards else fit.population(["arm", "period"])
    except MixedModelError as error:
        return type(error).__name__
    last = risks.compare("arm", "placebo")[PERIODS - 1]
    assert last.cell == {"arm": "ketamine", "period": LEVELS["period"][-1]}
    sds = {name: float(np.sqrt(matrix.to_numpy()[0, 0])) for name, matrix in fit.covariances.items()}
    return Found(own.estimate, own.se, (own.lower, own.upper), (last.estimate, last.lower, last.upper), sds, fit.flags)


def many(setting: Setting, trials: int, seed: int) -> list[Found | str]:
    """Trials one after the other from one stream of random numbers."""
    rng = np.random.default_rng([seed, len(setting.model), setting.people, setting.sites, round(1000 * setting.rate)])
    return [analysed(trial(rng, setting), setting) for _ in range(trials)]


@dataclass(frozen=True, slots=True)
class Summary:
    """Trials of one setting; a trial the engine refuses counts as one that does not cover.

    Attributes
    ----------
    refused
        How often, by the name of the error.
    flagged
        How often, by flag.
    estimate, se, sd
        Of the coefficient of the arm: mean estimate, mean standard error, standard deviation of the estimates.
    difference
        Mean estimate of the risk difference.
    covered
        Trials that cover: "t", "normal", "risk difference".
    sds
        Mean of each standard deviation of random effects, boundaries as 0.
    """

    trials: int
    refused: dict[str, int]
    flagged: dict[str, int]
    estimate: float
    se: float
    sd: float
    difference: float
    covered: dict[str, int]
    sds: dict[str, float]

    @property
    def bias(self) -> float:
        """Of the coefficient of the arm, in its mean standard errors."""
        return (self.estimate - EFFECT) / self.se


def summary(setting: Setting, found: list[Found | str]) -> Summary:
    """What the trials say."""
    fits = [one for one in found if isinstance(one, Found)]
    covers = [one.covers(setting) for one in fits]
    estimates = np.array([one.estimate for one in fits])
    return Summary(
        trials=len(found),
        refused=dict(Counter(one for one in found if isinstance(one, str))),
        flagged=dict(Counter(flag for one in fits for flag in one.flags)),
        estimate=float(estimates.mean()),
        se=float(np.mean([one.se for one in fits])),
        sd=float(estimates.std(ddof=1)),
        difference=float(np.mean([one.difference[0] for one in fits])),
        covered={name: sum(one[name] for one in covers) for name in ("t", "normal", "risk difference")},
        sds={name: float(np.mean([one.sds[name] for one in fits])) for name in setting.sds},
    )
