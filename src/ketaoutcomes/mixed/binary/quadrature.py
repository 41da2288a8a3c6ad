"""The likelihood of a binary mixed model by adaptive Gauss-Hermite quadrature, with its exact gradient.

For each cluster the random effects b = L u, u ~ N(0, I) of dimension d, are integrated out over K^d nodes
u_k = mode + S x_k, with S S' the inverse of the curvature at the mode (Pinheiro & Bates 1995, J Comput Graph Stat
4:12; Liu & Pierce 1994, Biometrika 81:624). K = 1 is Laplace's approximation. What is maximised is this sum, and the
gradient is that of this sum: the nodes move with the parameters, and mode and S are differentiated with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.binary.clusters import Clusters
from ketaoutcomes.mixed.binary.links import Derivatives, Link
from ketaoutcomes.mixed.boundary import Places
from ketaoutcomes.mixed.errors import NotConverged
from ketaoutcomes.mixed.newton import decrement

Floats = NDArray[np.float64]
# The last Newton step of the modes is shorter than this, in standard deviations of the random effects: what is left is its square.
MODE_STEP = 1e-7
# So short a step needs no proof that the integrand, which is log-concave, rises.
SHORT_STEP = 1e-3
MOST_STEPS = 100
# Fewer nodes say little of the spread of a cluster's score; with another function's Hessian a hundred steps may not suffice.
NODES_FOR_CURVATURE = 7
# Standard deviation of the random effects, on the scale of the linear predictor, beyond which they only run away.
RUNAWAY = 50.0
FEW_CLUSTERS = 40
# So near an optimum, in standard errors, Newton's method takes few steps; with more than this from all starts together its Hessian is at fault.
CLOSE = 1e-2
MOST_NEAR = 15
NEAR_BOUNDARY = 0.1
# Step of the differences, in standard errors and at most.
DIFFERENCE = 1e-4
# A standard deviation that stands for one just above 0.
SMALL_STEP = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The criterion f = -logL at one psi = (beta, theta), k parameters.

    Attributes
    ----------
    value, gradient
        f, and its gradient, shape (k,).
    hessian
        Shape (k, k): by Louis' identity, near that of f, and all the optimiser needs; with few nodes, or where that is not positive definite, that of f.
    condition
        1: there is no covariance of rows to degenerate.
    """

    value: float
    gradient: Floats
    hessian: Floats
    condition: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Where the integrand of each cluster is highest.

    Attributes
    ----------
    u, spread
        Modes, shape (n, d), and S with S S' the inverse curvature, lower triangular, shape (n, d, d).
    loaded
        Rows of Z L, shape (N, d).
    at
        Likelihood of the rows there, shape (N,).
    """

    u: Floats
    spread: Floats
    loaded: Floats
    at: Derivatives


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The integrand at the nodes of each cluster.

    Attributes
    ----------
    x, u
        Nodes around 0, shape (K, d), and as random effects, shape (K, n, d).
    weight
        Share of the integral at each node, shape (K, n).
    first, second
        Derivatives of the rows' likelihood, shape (K, N).
    loglik
        Of each cluster, shape (n,).
    """

    x: Floats
    u: Floats
    weight: Floats
    first: Floats
    second: Floats
    loglik: Floats


@dataclass(slots=True, eq=False)
class Likelihood:
    """The criterion of one data set. It remembers modes as starting values of the next.

    Attributes
    ----------
    data, link
        The rows.
    places
        Which elements of L are free.
    nodes
        For each random effect.
    start, warm
        Coefficients without random effects, shape (q,), and, where known, parameters near the optimum, shape (k,).
    sites
        Whether sites have an effect of their own.
    """

    data: Clusters
    link: Link
    places: Places
    nodes: int
    start: Floats
    warm: Floats | None = None
    sites: bool = False
    _last: Floats | None = None
    _near: int = 0

    @property
    def few(self) -> bool:
        """Whether clusters are so few that the likelihood may have several maxima."""
        return len(self.data.member) < FEW_CLUSTERS

    @property
    def q(self) -> int:
        """Fixed effects."""
        return self.data.x.shape[1]

    def factor(self, theta: Floats) -> Floats:
        """L, shape (d, d), lower triangular."""
        d = self.data.z.shape[1]
        result = np.zeros((d, d))
        for value, place in zip(theta, self.places, strict=True):
            result[place] = value
        return result

    def spread(self, theta: Floats, z: Floats) -> tuple[float, Floats]:
        """Standard deviation of z'b, and its derivatives by theta."""
        loaded = self.factor(theta).T @ z
        size = float(np.linalg.norm(loaded))
        return size, np.array([z[a] * loaded[b] / size if size > 0 else 0.0 for a, b in self.places])

    def starts(self) -> list[Floats]:
        """Coefficients without random effects, and standard deviations of 1, 0.3 and 3."""
        if self.warm is not None and len(self.warm) == self.q + len(self.places):
            return [self.warm]
        shape = [[sd if i == j else 0.0 for i, j in self.places] for sd in (1.0, 0.3, 3.0)]
        return [np.r_[self.start * np.sqrt(1 + 0.3 * sd[0] ** 2) if sd else self.start, sd] for sd in shape]

    def total(self, psi: Floats) -> float:
        """Log-likelihood without binomial coefficients."""
        return float(self.data.times @ self.loglik(psi))

    def conditional(self, psi: Floats) -> dict[str, tuple[Floats, Floats]]:
        """Modes of the random effects of each distinct cluster and their standard deviations given the data, each of shape (n, d)."""
        modes, factor = self.modes(psi), self.factor(psi[self.q :])
        return {"subject": (modes.u @ factor.T, np.sqrt(((factor @ modes.spread) ** 2).sum(axis=2)))}

    def loglik(self, psi: Floats) -> Floats:
        """Log-likelihood of each distinct cluster, shape (n,), without binomial coefficients."""
        return self._integrate(psi, self.modes(psi), self.nodes).loglik

    def evaluate(self, psi: Floats) -> Point | None:
        """The criterion with its gradient and the optimiser's Hessian; None where it is not finite."""
        require_stationary(psi[self.q :])
        with np.errstate(over="ignore", invalid="ignore"):
            modes = self.modes(psi)
            nodes = self._integrate(psi, modes, self.nodes)
            value = -float(self.data.times @ nodes.loglik)
            if not np.isfinite(value):
                return None
            gradient = self._gradient(modes, nodes)
            hessian = self._louis(nodes)
            if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
                return None
            point = Point(value, gradient, hessian)
            if self._needs_its_own(point):
                point = replace(point, hessian=differenced(self.gradient, psi, np.diag(hessian)))
            return point if np.isfinite(point.hessian).all() else None

    def _needs_its_own(self, at: Point) -> bool:
        """Whether the Hessian by Louis' identity leads nowhere, or only slowly: few nodes, or large random effects, make it that of another function."""
        distance = decrement(at)
        self._near += distance < CLOSE
        slow = self.nodes < NODES_FOR_CURVATURE or not np.isfinite(distance) or (distance < CLOSE and self._near > MOST_NEAR)
        return bool(self.places) and slow  # without random effects the identity is exact

    def gradient(self, psi: Floats) -> Floats:
        """Of the criterion, shape (k,)."""
        modes = self.modes(psi)
        return self._gradient(modes, self._integrate(psi, modes, self.nodes))

    def modes(self, psi: Floats) -> Modes:
        """Newton for every cluster at once; the integrand is log-concave, so that there is one mode."""
        data = self.data
        fixed = data.offset + data.x @ psi[: self.q]
        loaded = data.z @ self.factor(psi[self.q :])
        u = np.zeros((len(data.starts), loaded.shape[1])) if self._last is None else self._last
        for _ in range(MOST_STEPS if self.places else 0):
            at, curvature, score = self._around(fixed, loaded, u)
            step = _solve(curvature, score)
            if not np.isfinite(step).all():
                if not u.any():
                    break
                u = np.zeros_like(u)
                continue
            longest = float(np.abs(step).max(initial=0.0))
            before, u = u, u + step if longest < SHORT_STEP else self._ascend(fixed, loaded, u, step, at)
            if longest < MODE_STEP or np.array_equal(u, before):
                break
        at, curvature, _ = self._around(fixed, loaded, u)
        self._last = u if np.isfinite(u).all() else None
        return Modes(u, np.asarray(np.linalg.cholesky(_inverse(curvature)), dtype=np.float64), loaded, at)

    def _around(self, fixed: Floats, loaded: Floats, u: Floats) -> tuple[Derivatives, Floats, Floats]:
        """Rows' likelihood, minus the integrand's Hessian, shape (n, d, d), and its gradient, shape (n, d)."""
        data, d = self.data, loaded.shape[1]
        at = self.link.derivatives(fixed + _times(loaded, u[data.of]), data.y, data.m)
        score = data.sums((at.first[:, None] * loaded).T).T - u
        curvature = np.empty((len(u), d, d))
        for a in range(d):
            for b in range(a + 1):
                curvature[:, a, b] = curvature[:, b, a] = float(a == b) - data.sums(at.second * loaded[:, a] * loaded[:, b])
        return at, curvature, score

    def _ascend(self, fixed: Floats, loaded: Floats, u: Floats, step: Floats, at: Derivatives) -> Floats:
        """A full step where the integrand does not fall, a shorter one elsewhere."""
        data = self.data
        before = data.sums(at.value) - _times(u, u) / 2
        length = np.ones(len(u))
        for _ in range(MOST_STEPS):
            moved = u + length[:, None] * step
            value, _, _ = self.link.loglik(fixed + _times(loaded, moved[data.of]), data.y, data.m)
            lower = ~(data.sums(value) - _times(moved, moved) / 2 >= before - 1e-12 * (1 + np.abs(before)))
            if not lower.any():
                return moved
            length[lower] /= 2
        return u

    def _integrate(self, psi: Floats, modes: Modes, number: int) -> Nodes:
        data, d = self.data, modes.u.shape[1]
        x, log_weight = product_nodes(number if self.places else 1, d)
        u = modes.u + np.einsum("nab,kb->kna", modes.spread, x)
        eta = np.broadcast_to(data.offset + data.x @ psi[: self.q], (len(x), len(data.y))).copy()
        for b in range(d):
            eta += modes.loaded[:, b] * u[:, data.of, b]
        value, first, second = self.link.loglik(eta, data.y, data.m)
        terms = data.sums(value) + (log_weight + (x**2).sum(axis=1) / 2)[:, None] - (u**2).sum(axis=2) / 2
        highest = terms.max(axis=0)
        share = np.exp(terms - highest)
        total = share.sum(axis=0)
        root = np.log(np.diagonal(modes.spread, axis1=1, axis2=2)).sum(axis=1)
        return Nodes(x, u, share / total, first, second, root + highest + np.log(total))

    def _gradient(self, modes: Modes, nodes: Nodes) -> Floats:
        """By adjoints: what one unit of each row's linear predictor, of the mode and of its curvature is worth."""
        data, at = self.data, modes.at
        weight = nodes.weight[:, data.of]
        pulled = data.sums((nodes.first[:, :, None] * modes.loaded).transpose(2, 0, 1)).transpose(1, 2, 0) - nodes.u
        along = np.einsum("kn,kna->na", nodes.weight, pulled)
        spreading = np.einsum("kn,kna,kb->nab", nodes.weight, pulled, nodes.x)
        inverse = modes.spread @ modes.spread.transpose(0, 2, 1)
        by_curvature = -(inverse / 2 + modes.spread @ _lower(modes.spread.transpose(0, 2, 1) @ spreading) @ modes.spread.transpose(0, 2, 1))
        own = by_curvature[data.of]
        bent = np.einsum("na,nab->nb", modes.loaded, own)
        cubic = -at.third * _times(bent, modes.loaded)
        pull = (inverse @ (along + data.sums((cubic[:, None] * modes.loaded).T).T)[:, :, None])[:, :, 0][data.of]
        reach = at.second * _times(modes.loaded, pull)
        times = data.times[data.of]
        by_row = (weight * nodes.first).sum(axis=0) + cubic + reach
        result = [-(times * by_row) @ data.x]
        mode = modes.u[data.of]
        for a, b in self.places:
            mean = (weight * nodes.first * nodes.u[:, data.of, b]).sum(axis=0)
            row = mean + (cubic + reach) * mode[:, b] - 2 * at.second * bent[:, b] + at.first * pull[:, b]
            result.append(np.array([-(times * data.z[:, a]) @ row]))
        return np.concatenate(result)

    def _louis(self, nodes: Nodes) -> Floats:
        """Louis (1982), J R Stat Soc B 44:226: minus the mean Hessian and the variance of the score, given the data."""
        data, k = self.data, self.q + len(self.places)
        weight = nodes.weight[:, data.of]
        moved = [nodes.u[:, data.of, b] for b in range(data.z.shape[1])]
        columns = [data.x[:, p] for p in range(self.q)] + [data.z[:, a] for a, _ in self.places]
        scores = np.empty((k, *nodes.weight.shape))
        for p, column in enumerate(columns):
            of_row = nodes.first * column if p < self.q else nodes.first * column * moved[self.places[p - self.q][1]]
            scores[p] = data.sums(of_row)
        scores -= np.einsum("pkn,kn->pn", scores, nodes.weight)[:, None]
        result = -np.einsum("pkn,rkn,kn->pr", scores, scores, nodes.weight * data.times, optimize=True)
        bend = weight * nodes.second * data.times[data.of]
        by_effect = [bend.sum(axis=0), *((bend * moved[b]).sum(axis=0) for _, b in self.places)]
        q = self.q
        result[:q, :q] -= (data.x * by_effect[0][:, None]).T @ data.x
        for s, (a, b) in enumerate(self.places):
            along = data.x.T @ (data.z[:, a] * by_effect[1 + s])
            result[:q, q + s] -= along
            result[q + s, :q] -= along
            for r, (c, e) in enumerate(self.places):
                result[q + s, q + r] -= float((bend * moved[b] * moved[e]).sum(axis=0) @ (data.z[:, a] * data.z[:, c]))
        return (result + result.T) / 2

    def interior(self, psi: Floats) -> bool:
        """Whether every standard deviation is far from 0 beside the 1.8 of a logistic variable."""
        return all(abs(value) > NEAR_BOUNDARY for value, (i, j) in zip(psi[self.q :], self.places, strict=True) if i == j)

    def covariance_slope(self, psi: Floats) -> tuple[Floats, float]:
        """Derivative of the criterion by the covariance D of b, shape (d, d): minus half the mean of s s' + W given the data.

        s and W are the first two derivatives of the rows' likelihood by b; the Gaussian density obeys the heat equation.
        """
        data, modes = self.data, self.modes(psi)
        nodes = self._integrate(psi, modes, max(self.nodes, NODES_FOR_CURVATURE))
        d = data.z.shape[1]
        result = np.empty((d, d))
        scores = [data.sums(nodes.first * data.z[:, a]) for a in range(d)]
        for a in range(d):
            for b in range(d):
                bend = data.sums(nodes.second * data.z[:, a] * data.z[:, b])
                result[a, b] = -float(((scores[a] * scores[b] + bend) * nodes.weight * data.times).sum()) / 2
        return (result if self.nodes >= NODES_FOR_CURVATURE or not self.places else self._own_slope(psi)), 0.0

    def _own_slope(self, psi: Floats) -> Floats:
        """The same for the approximation by few nodes, which is another function: by a small step along each diagonal element that is 0.

        Where L has rank 1 the derivative is 0 along it, so that one element gives the matrix.
        """
        d = self.data.z.shape[1]
        result = np.zeros((d, d))
        for a in [a for a in range(d) if (a, a) not in self.places]:
            wider = replace(self, places=(*self.places, (a, a)), _last=None)
            slope = float(wider.gradient(np.r_[psi, SMALL_STEP])[-1]) / (2 * SMALL_STEP)
            across = np.eye(d)[a] if (1, 0) not in self.places else np.array([-psi[self.q + 1] / psi[self.q], 1.0])
            result += slope * np.outer(across, across)
        return result


def require_stationary(theta: Floats) -> None:
    """Raises NotConverged where standard deviations run away."""
    if theta.size and float(np.abs(theta).max()) > RUNAWAY:
        raise NotConverged(
            f"The standard deviation of the random effects runs beyond {RUNAWAY:.0f}: the outcomes hardly ever change within a "
            "participant or site, so that the likelihood has no maximum. Describe them, or model one outcome for each."
        )


def differenced(gradient: Callable[[Floats], Floats], psi: Floats, curvature: Floats) -> Floats:
    """The Hessian at psi, shape (k, k), by central differences of the gradient, exact to about 1e-10; `curvature` near its diagonal gives the steps."""
    steps = np.diag(DIFFERENCE / np.sqrt(np.maximum(curvature, 1.0)))
    rows = np.array([(gradient(psi + step) - gradient(psi - step)) / (2 * step.sum()) for step in steps])
    return (rows + rows.T) / 2


def positive_definite(a: Floats) -> bool:
    """Whether a symmetric matrix is, and finite."""
    return bool(np.isfinite(a).all()) and float(np.linalg.eigvalsh(a)[0]) > 0


@cache
def product_nodes(number: int, d: int) -> tuple[Floats, Floats]:
    """Nodes x, shape (K, d), and log weights for the mean over N(0, I): sums of weights are 1."""
    found, weights = np.polynomial.hermite_e.hermegauss(number)
    logs = np.log(weights / weights.sum())
    x = np.array(list(product(found, repeat=d)))
    return x, np.array(list(product(logs, repeat=d))).sum(axis=1)


def _times(a: Floats, b: Floats) -> Floats:
    """Inner products of rows."""
    return (a * b).sum(axis=-1)


def _lower(a: Floats) -> Floats:
    """The symmetric matrix whose inner product with a symmetric B is that of a with the lower triangle of B, its diagonal halved."""
    half = np.tril(a, -1) + np.einsum("naa->na", a)[:, :, None] * np.eye(a.shape[1]) / 2
    return (half + half.transpose(0, 2, 1)) / 2


def _inverse(a: Floats) -> Floats:
    return np.asarray(1 / a if a.shape[1] == 1 else np.linalg.inv(a), dtype=np.float64)


def _solve(a: Floats, b: Floats) -> Floats:
    return np.asarray(b / a[:, :, 0] if a.shape[1] == 1 else np.linalg.solve(a, b[:, :, None])[:, :, 0], dtype=np.float64)
