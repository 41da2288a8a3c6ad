"""Covariance structures with few parameters: V = S R S, S the standard deviations, R a correlation matrix.

Names, and the map from an unbounded parameter to a correlation, are those of R's mmrm (vignette "Covariance
structures"), because Kenward-Roger with second derivatives depends on that map; the structures are those of SAS PROC
MIXED (TYPE=CS, CSH, AR(1), ARH(1), TOEP, TOEPH, ANTE(1), SP(EXP)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
LARGEST_START = 0.9
# Correlations to start from beside those of the data; small data may have several maxima.
OTHERS = (0.5, 0.0, 0.9, -0.5)


class Correlation(Protocol):
    """R(phi) over T visits, phi of shape (m,)."""

    @property
    def n_visits(self) -> int:
        """T."""
        ...

    def derivatives(self, phi: NDArray[np.float64]) -> Arrays:
        """R, shape (T, T), its first, (m, T, T), and second derivatives, (m, m, T, T)."""
        ...

    def starts(self, pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """phi from pairwise correlations and the participants behind each, both of shape (T, T); best guess first."""
        ...


def _chained(r: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64], maps: Arrays) -> Arrays:
    """Derivatives in phi from those in rho = f(phi) elementwise; `maps` is f, f' and f'', each of shape (m,)."""
    _, slope, bend = maps
    second = second * np.outer(slope, slope)[:, :, None, None]
    second[np.arange(len(slope)), np.arange(len(slope))] += bend[:, None, None] * first
    return r, first * slope[:, None, None], second


def _unit(phi: NDArray[np.float64]) -> Arrays:
    """rho = phi / sqrt(1 + phi^2) in (-1, 1), with two derivatives."""
    root = np.sqrt(1 + phi**2)
    return phi / root, root**-3, -3 * phi * root**-5


def _from_unit(rho: NDArray[np.float64]) -> NDArray[np.float64]:
    return rho / np.sqrt(1 - rho**2)


def _logistic(phi: NDArray[np.float64]) -> Arrays:
    """1 / (1 + exp(-phi)) with two derivatives."""
    p = 1 / (1 + np.exp(-phi))
    return p, p * (1 - p), p * (1 - p) * (1 - 2 * p)


def _mean_at(lag: NDArray[np.bool_], pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    """Correlation over the pairs `lag`, weighted by participants, away from the ends of its range; 0 without pairs."""
    weight = counts * lag
    total = float(weight.sum())
    mean = float((weight * pairwise).sum()) / total if total > 0 else 0.0
    return float(np.clip(mean, -LARGEST_START, LARGEST_START))


@dataclass(frozen=True, slots=True)
class CompoundSymmetry:
    """One correlation for all pairs; negative ones are legal down to -1 / (T - 1), where R becomes singular.

    Attributes
    ----------
    n_visits
        T.
    """

    n_visits: int

    def derivatives(self, phi: NDArray[np.float64]) -> Arrays:
        """rho = (1 + a) logistic(phi) - a, a = 1 / (T - 1)."""
        a = 1 / (self.n_visits - 1)
        p, slope, bend = _logistic(phi)
        rho = (1 + a) * p - a
        off = np.ones((self.n_visits, self.n_visits)) - np.eye(self.n_visits)
        maps = (rho, (1 + a) * slope, (1 + a) * bend)
        return _chained(np.eye(self.n_visits) + rho[0] * off, off[None], np.zeros((1, 1, *off.shape)), maps)

    def starts(self, pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The mean correlation; and others."""
        a = 1 / (self.n_visits - 1)
        mean = _mean_at(~np.eye(self.n_visits, dtype=bool), pairwise, counts)
        share = (np.array([max(mean, -0.9 * a), *OTHERS[:-1], -0.5 * a]) + a) / (1 + a)
        return [np.array([np.log(s / (1 - s))]) for s in share]


@dataclass(frozen=True, slots=True)
class AutoRegressive:
    """rho^|a - b| over the order of the visits.

    Attributes
    ----------
    n_visits
        T.
    """

    n_visits: int

    def derivatives(self, phi: NDArray[np.float64]) -> Arrays:
        """Powers of rho = phi / sqrt(1 + phi^2)."""
        maps = _unit(phi)
        rho, lag = maps[0][0], _lags(self.n_visits)
        first = lag * rho ** np.maximum(lag - 1, 0)
        second = lag * (lag - 1) * rho ** np.maximum(lag - 2, 0)
        return _chained(rho**lag, first[None], second[None, None], maps)

    def starts(self, pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The mean correlation of adjacent visits; and others."""
        found = _mean_at(_lags(self.n_visits) == 1, pairwise, counts)
        return [_from_unit(np.array([rho])) for rho in (found, *OTHERS)]


@dataclass(frozen=True, slots=True)
class Toeplitz:
    """A correlation for each distance in the order of the visits.

    Attributes
    ----------
    n_visits
        T.
    """

    n_visits: int

    def derivatives(self, phi: NDArray[np.float64]) -> Arrays:
        """rho_k = phi_k / sqrt(1 + phi_k^2); not every phi gives a positive definite R."""
        maps = _unit(phi)
        lag = _lags(self.n_visits)
        bands = (lag == np.arange(1, self.n_visits)[:, None, None]).astype(np.float64)
        r = np.eye(self.n_visits) + (maps[0][:, None, None] * bands).sum(axis=0)
        return _chained(r, bands, np.zeros((len(phi), *bands.shape)), maps)

    def starts(self, pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The mean correlation at each distance, shrunk until R is positive definite; and powers of others."""
        lag = _lags(self.n_visits)
        found = np.array([_mean_at(lag == k, pairwise, counts) for k in range(1, self.n_visits)])
        while np.linalg.eigvalsh(self.derivatives(_from_unit(found))[0])[0] < 0.05:
            found = 0.9 * found
        return [_from_unit(found), *(_from_unit(rho ** np.arange(1.0, self.n_visits)) for rho in OTHERS)]


@dataclass(frozen=True, slots=True)
class AnteDependence:
    """First-order ante-dependence: a correlation for each pair of adjacent visits, products of them between others.

    Attributes
    ----------
    n_visits
        T.
    """

    n_visits: int

    def derivatives(self, phi: NDArray[np.float64]) -> Arrays:
        """R_ab = product of rho_k, a <= k < b. A derivative drops one factor, or two, and the pairs that lack them."""
        maps = _unit(phi)
        m = len(phi)
        dropped = np.repeat(maps[0][None, None], m, axis=0).repeat(m, axis=1)
        each = np.arange(m)
        dropped[each, :, each] = 1.0
        dropped[:, each, each] = 1.0
        a, b = np.minimum(*np.indices((m + 1, m + 1))), np.maximum(*np.indices((m + 1, m + 1)))
        spans = (a <= each[:, None, None]) & (each[:, None, None] < b)
        both = self._products(dropped)
        first = both[each, each] * spans
        second = both * (spans[:, None] & spans[None])
        second[each, each] = 0.0
        return _chained(self._products(maps[0]), first, second, maps)

    def _products(self, rho: NDArray[np.float64]) -> NDArray[np.float64]:
        """R for rho of shape (..., T - 1), shape (..., T, T)."""
        t = self.n_visits
        result = np.ones((*rho.shape[:-1], t, t))
        for a in range(t - 1):
            ahead = np.cumprod(rho[..., a:], axis=-1)
            result[..., a, a + 1 :] = ahead
            result[..., a + 1 :, a] = ahead
        return result

    def starts(self, pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The correlation of each adjacent pair; and others."""
        pairs = np.zeros((self.n_visits - 1, self.n_visits, self.n_visits), dtype=bool)
        k = np.arange(self.n_visits - 1)
        pairs[k, k, k + 1] = True
        found = np.array([_mean_at(pair, pairwise, counts) for pair in pairs])
        return [_from_unit(found), *(_from_unit(np.full(self.n_visits - 1, rho)) for rho in OTHERS)]


@dataclass(frozen=True, slots=True)
class SpatialExponential:
    """rho^d over real times, d the distance in units of the longest one, 0 < rho < 1 (SAS SP(EXP)).

    Attributes
    ----------
    times
        Shape (T,), increasing.
    """

    times: NDArray[np.float64]

    @property
    def n_visits(self) -> int:
        """T."""
        return len(self.times)

    def derivatives(self, phi: NDArray[np.float64]) -> Arrays:
        """R = exp(-d exp(phi)): the rate is unbounded and R positive definite everywhere."""
        distance = np.abs(np.subtract.outer(self.times, self.times)) / float(np.ptp(self.times))
        exponent = distance * np.exp(phi[0])
        r = np.exp(-exponent)
        return r, (-exponent * r)[None], (exponent * (exponent - 1) * r)[None, None]

    def starts(self, pairwise: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The rate that gives the mean correlation at the mean distance; and rates around it."""
        distance = np.abs(np.subtract.outer(self.times, self.times)) / float(np.ptp(self.times))
        off = distance > 0
        mean = max(_mean_at(off, pairwise, counts), 0.1)
        typical = float((distance * counts * off).sum() / max(float((counts * off).sum()), 1.0))
        rate = np.log(-np.log(mean) / max(typical, 1e-12))
        return [np.array([rate]), np.array([rate + 1.5]), np.array([rate - 1.5])]


def _lags(n_visits: int) -> NDArray[np.float64]:
    order = np.arange(n_visits, dtype=np.float64)
    return np.abs(np.subtract.outer(order, order))


@dataclass(frozen=True, slots=True)
class Structured:
    """V = S R S, theta = (log standard deviations, phi).

    Attributes
    ----------
    correlation
        R(phi).
    heterogeneous
        A standard deviation for each visit, or one for all.
    """

    correlation: Correlation
    heterogeneous: bool

    def _parts(self, theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Standard deviations, shape (T,), and phi."""
        t = self.correlation.n_visits
        k = t if self.heterogeneous else 1
        return np.exp(np.broadcast_to(theta[:k], t)), theta[k:]

    def value(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """S R S."""
        sd, phi = self._parts(theta)
        return np.outer(sd, sd) * self.correlation.derivatives(phi)[0]

    def first(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """d V_ab / d log s_e = ((a = e) + (b = e)) V_ab; S R_k S in phi."""
        sd, phi = self._parts(theta)
        r, first, _ = self.correlation.derivatives(phi)
        v = np.outer(sd, sd) * r
        identity = np.eye(len(sd))
        spread = (identity[:, :, None] + identity[:, None, :]) * v if self.heterogeneous else 2 * v[None]
        return np.concatenate([spread, first * np.outer(sd, sd)])

    def second_along(self, theta: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """The products of `weight` with V_ij: 2 (M + diag of its row sums) for log s, M = V * weight elementwise."""
        sd, phi = self._parts(theta)
        r, first, second = self.correlation.derivatives(phi)
        scaled = weight * np.outer(sd, sd)
        m = r * scaled
        spread = 2 * (m + np.diag(m.sum(axis=1)))
        mixed = 2 * (first * scaled).sum(axis=2).T
        if not self.heterogeneous:
            spread, mixed = spread.sum()[None, None], mixed.sum(axis=0)[None]
        return np.block([[spread, mixed], [mixed.T, np.tensordot(second, scaled, axes=2)]])

    def starts(self, products: NDArray[np.float64], counts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Residual standard deviations beside the starts of the correlation."""
        sd = np.sqrt(np.diag(products) / np.maximum(np.diag(counts), 1))
        size = counts * np.outer(sd, sd)
        pairwise = np.divide(products, size, out=np.zeros_like(products), where=size > 0)
        own = np.log(sd) if self.heterogeneous else np.array([0.5 * np.log(np.diag(products).sum() / np.diag(counts).sum())])
        return [np.concatenate([own, phi]) for phi in self.correlation.starts(pairwise, counts)]


CORRELATIONS = {"cs": CompoundSymmetry, "ar1": AutoRegressive, "toep": Toeplitz, "ad": AnteDependence}
STRUCTURES = ("us", "cs", "csh", "ar1", "ar1h", "toep", "toeph", "ad", "adh", "sp_exp")


def structured(name: str, n_visits: int, times: NDArray[np.float64] | None) -> Structured:
    """The structure called `name`, one of `STRUCTURES` but "us"; `times`, shape (T,), for sp_exp."""
    if name == "sp_exp":
        assert times is not None  # `mmrm` asks for them first
        return Structured(SpatialExponential(times), False)
    heterogeneous = name.endswith("h")
    return Structured(CORRELATIONS[name.removesuffix("h")](n_visits), heterogeneous)
