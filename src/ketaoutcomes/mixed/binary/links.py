"""Binomial log-likelihoods as functions of the linear predictor, with their first three derivatives.

McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., sections 2.2 and 4.3. The constant, the binomial
coefficient, is left out here and put back by the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ketaoutcomes.mixed.errors import InvalidTerms

Floats = NDArray[np.float64]
# Below it exp(eta) - 1 is told from exp(eta) by its series.
SMALL = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """The log-likelihood of rows and its derivatives by the linear predictor, each of the shape of eta."""

    value: Floats
    first: Floats
    second: Floats
    third: Floats


class Link(Protocol):
    """A link; y events in m trials at the linear predictor eta, all broadcast against each other."""

    def probability(self, eta: Floats) -> Floats:
        """P(event)."""
        ...

    def slope(self, eta: Floats) -> Floats:
        """Derivative of the probability."""
        ...

    def loglik(self, eta: Floats, y: Floats, m: Floats) -> tuple[Floats, Floats, Floats]:
        """Log-likelihood, first and second derivative."""
        ...

    def derivatives(self, eta: Floats, y: Floats, m: Floats) -> Derivatives:
        """Log-likelihood and three derivatives."""
        ...


class Logit:
    """log(p / (1 - p)) = eta."""

    def probability(self, eta: Floats) -> Floats:
        """1 / (1 + exp(-eta))."""
        return np.asarray(expit(eta))

    def slope(self, eta: Floats) -> Floats:
        """p (1 - p)."""
        p = np.asarray(expit(eta))
        return p * (1 - p)

    def loglik(self, eta: Floats, y: Floats, m: Floats) -> tuple[Floats, Floats, Floats]:
        """y eta - m log(1 + exp(eta)); y - m p; -m p (1 - p)."""
        work = np.abs(eta)
        np.negative(work, out=work)
        small = np.exp(work, out=work)
        share = 1 / (1 + small)
        value = np.log1p(small)
        np.add(value, np.maximum(eta, 0.0), out=value)
        other = np.multiply(small, share, out=work)
        p = np.where(eta >= 0, share, other)
        second = np.multiply(other, share, out=other)
        return y * eta - m * value, y - m * p, -m * second

    def derivatives(self, eta: Floats, y: Floats, m: Floats) -> Derivatives:
        """The third is -m p (1 - p) (1 - 2 p)."""
        value, first, second = self.loglik(eta, y, m)
        return Derivatives(value, first, second, second * -np.tanh(eta / 2))


class CLogLog:
    """log(-log(1 - p)) = eta: with a row for each interval, the grouped proportional-hazards model.

    Prentice & Gloeckler (1978), Biometrics 34:57: a coefficient is the log of a hazard ratio in continuous time,
    whatever the lengths of the intervals.
    """

    def probability(self, eta: Floats) -> Floats:
        """1 - exp(-exp(eta))."""
        with np.errstate(over="ignore"):
            return -np.expm1(-np.exp(eta))

    def slope(self, eta: Floats) -> Floats:
        """exp(eta - exp(eta))."""
        with np.errstate(over="ignore"):
            return np.exp(eta - np.exp(eta))

    def loglik(self, eta: Floats, y: Floats, m: Floats) -> tuple[Floats, Floats, Floats]:
        """y log p - (m - y) exp(eta); with l = exp(eta), r = l / (exp(l) - 1): y r - (m - y) l; y r (1 - l - r) - (m - y) l."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            rate = np.exp(eta)
            none = (m - y) * rate
            r, bend = _ratio(rate)
            # log(1 - exp(-l)) where there are events; a rate that underflows has log p = eta
            event = np.where(rate < SMALL, eta - rate / 2 + rate**2 / 24, np.log(-np.expm1(-rate)))
            return np.where(y > 0, y * event, 0.0) - none, y * r - none, y * r * bend - none

    def derivatives(self, eta: Floats, y: Floats, m: Floats) -> Derivatives:
        """The third from r'' = r' (1 - l - r) - r (l + r')."""
        value, first, second = self.loglik(eta, y, m)
        with np.errstate(over="ignore", invalid="ignore"):
            rate = np.exp(eta)
            r, bend = _ratio(rate)
            slope = r * bend
            third = y * (slope * bend - r * (rate + slope)) - (m - y) * rate
        return Derivatives(value, first, second, third)


def _ratio(rate: Floats) -> tuple[Floats, Floats]:
    """r = l / (exp(l) - 1) and 1 - l - r, by their series where l is small."""
    safe = np.where(rate < SMALL, 1.0, rate)
    r = np.where(rate < SMALL, 1 - rate / 2 + rate**2 / 12 - rate**4 / 720, safe / np.expm1(safe))
    bend = np.where(rate < SMALL, -rate / 2 - rate**2 / 12 + rate**4 / 720, 1 - safe - r)
    # where exp(l) overflows r is 0 and so is r times anything
    return r, np.where(r > 0, bend, 0.0)


LINKS: dict[str, Link] = {"logit": Logit(), "cloglog": CLogLog()}


def link_called(name: str) -> Link:
    """The link, or InvalidTerms."""
    if name not in LINKS:
        raise InvalidTerms(f"Unknown link {name!r}; use one of {', '.join(LINKS)}.")
    return LINKS[name]
