"""The likelihood of participants within sites, each with a random intercept, by nested adaptive quadrature with its exact gradient.

For each site the effect kappa v is integrated out over K nodes around its value at the joint mode, spread by the Schur
complement of the joint curvature there; for each of these nodes and each participant the effect a u over K nodes around
its own mode. One node each is Laplace's approximation of the joint integral, as R's lme4 and glmmTMB: the determinant of
the joint curvature is the product of the participants' and the Schur complement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.binary.clusters import Clusters
from ketaoutcomes.mixed.binary.links import Derivatives, Link
from ketaoutcomes.mixed.binary.quadrature import (
    FEW_CLUSTERS,
    MODE_STEP,
    MOST_STEPS,
    NEAR_BOUNDARY,
    SMALL_STEP,
    Point,
    differenced,
    positive_definite,
    product_nodes,
    require_stationary,
)
from ketaoutcomes.mixed.boundary import Places

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
# Squared distance in standard errors, and how often a Hessian is used again: where a site's variance is near 0 one from elsewhere may lead nowhere.
HALF_AN_ERROR = 0.25
MOST_KEPT = 4
FEW_NODES = 5
SITE_NODES, MORE_SITE_NODES, MANY_NODES = 9, 4, 30


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """The joint mode of a site's effects: v, shape (sites,), u (n,), rows' likelihood there, W = -sum of second derivatives (n,), Schur complement (sites,)."""

    v: Floats
    u: Floats
    at: Derivatives
    w: Floats
    schur: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Inner:
    """Participants' integrals at each of the sites' nodes: logarithms (K, n), and their derivatives by rows' linear predictors (K, N) and by a (K, n)."""

    loglik: Floats
    by_row: Floats
    by_a: Floats


@dataclass(slots=True, eq=False)
class Nested:
    """The criterion at psi = (beta, a, kappa), of a and kappa only those that are free; rows stand by site, then participant.

    Attributes
    ----------
    data, link
        The rows; its clusters are participants.
    first_people
        First participant of each site, shape (sites,).
    nodes
        For each participant's effect.
    start, warm
        As for `Likelihood`.
    places, sites
        Whether participants and sites have an effect.
    site_nodes
        For each site's effect. None: as many as for participants up to 9, and 13 where these have more than 30: a site's is an
        integral over many people's, which is nearly Gaussian.
    """

    data: Clusters
    link: Link
    first_people: Codes
    nodes: int
    start: Floats
    warm: Floats | None = None
    places: Places = ((0, 0),)
    sites: bool = True
    site_nodes: int | None = None
    _last: tuple[Floats, Floats] | None = None
    _curved_at: tuple[Floats, Floats] | None = None
    _kept: int = 0

    @property
    def few(self) -> bool:
        """Whether sites or participants are so few that the likelihood may have several maxima."""
        return len(self.data.starts) < FEW_CLUSTERS

    @property
    def q(self) -> int:
        """Fixed effects."""
        return self.data.x.shape[1]

    @property
    def site_of(self) -> Codes:
        """Site of each participant, shape (n,)."""
        return np.repeat(np.arange(len(self.first_people)), np.diff(np.r_[self.first_people, len(self.data.starts)]))

    def scales(self, psi: Floats) -> tuple[float, float]:
        """Standard deviations a and kappa, with their signs; 0 where there is no effect."""
        theta = psi[self.q :]
        return (float(theta[0]) if self.places else 0.0), (float(theta[-1]) if self.sites else 0.0)

    def factor(self, theta: Floats) -> Floats:
        """The participants' standard deviation as a matrix."""
        return np.array([[float(theta[0]) if self.places else 0.0]])

    def spread(self, theta: Floats, z: Floats) -> tuple[float, Floats]:  # noqa: ARG002 - the columns of Z are 1
        """Standard deviation of the random part of a linear predictor, and its derivatives by theta."""
        size = float(np.linalg.norm(theta))
        return size, theta / size if size > 0 else np.zeros_like(theta)

    def starts(self) -> list[Floats]:
        """Coefficients without random effects, with standard deviations of 1 and 0.5, and others."""
        if self.warm is not None and len(self.warm) == self.q + len(self.places) + self.sites:
            return [self.warm]
        return [np.r_[self.start * 1.2, [own] * len(self.places), [site] * self.sites] for own, site in ((1.0, 0.5), (0.3, 0.3), (2.0, 1.0))]

    def interior(self, psi: Floats) -> bool:
        """Whether both standard deviations are far from 0."""
        return all(abs(float(value)) > NEAR_BOUNDARY for value in psi[self.q :])

    def covariance_slope(self, psi: Floats) -> tuple[Floats, float]:
        """Derivatives of the criterion by the variances that are 0, by a small step of their standard deviations."""
        a, kappa = self.scales(psi)
        whole = replace(self, places=((0, 0),), sites=True, _last=None, _curved_at=None)
        full = np.r_[psi[: self.q], a, kappa]
        found = [0.0, 0.0]
        for at, absent in enumerate((not self.places, not self.sites)):
            if absent:
                moved = full.copy()
                moved[self.q + at] = SMALL_STEP
                found[at] = float(whole.gradient(moved)[self.q + at]) / (2 * SMALL_STEP)
        return np.array([[found[0]]]), found[1]

    def total(self, psi: Floats) -> float:
        """Log-likelihood without binomial coefficients."""
        return float(self.loglik(psi).sum())

    def loglik(self, psi: Floats) -> Floats:
        """Log-likelihood of each site."""
        return self._sites(psi)[0]

    def conditional(self, psi: Floats) -> dict[str, tuple[Floats, Floats]]:
        """Modes and standard deviations given the data of participants' effects, shape (n, 1), and of sites', shape (sites, 1)."""
        joint = self.joint(psi)
        a, kappa = self.scales(psi)
        size = 1 + a**2 * joint.w
        own = 1 / size + (a * kappa * joint.w / size) ** 2 / joint.schur[self.site_of]
        people = (a * joint.u)[:, None], abs(a) * np.sqrt(own)[:, None]
        return {"subject": people, "site": ((kappa * joint.v)[:, None], abs(kappa) / np.sqrt(joint.schur)[:, None])}

    def evaluate(self, psi: Floats) -> Point | None:
        """The criterion with its derivatives; None where it is not finite."""
        require_stationary(psi[self.q :])
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = -float(self.loglik(psi).sum())
            if not np.isfinite(value):
                return None
            return Point(value, self.gradient(psi), self._curvature(psi))

    def _site_nodes(self) -> int:
        if self.site_nodes is not None:
            return self.site_nodes
        return min(self.nodes, SITE_NODES) + (MORE_SITE_NODES if self.nodes > MANY_NODES else 0)

    def _curvature(self, psi: Floats) -> Floats:
        """A Hessian for the optimiser: with few nodes, from a point at most half a standard error away, and a few times at most."""
        if self._curved_at is not None and self._kept < MOST_KEPT:
            there, hessian = self._curved_at
            if float((psi - there) @ hessian @ (psi - there)) < HALF_AN_ERROR:
                self._kept += 1
                return hessian
        rough = self if self.nodes <= FEW_NODES else replace(self, nodes=FEW_NODES, _curved_at=None)
        hessian = differenced(rough.gradient, psi, np.full(len(psi), float(len(self.data.starts))))
        self._curved_at, self._kept = (psi, hessian) if positive_definite(hessian) else None, 0
        return hessian

    def joint(self, psi: Floats) -> Joint:
        """Newton for every site at once; the joint density is log-concave."""
        data, site = self.data, self.site_of
        a, kappa = self.scales(psi)
        fixed = data.offset + data.x @ psi[: self.q]
        u, v = self._last or (np.zeros(len(data.starts)), np.zeros(len(self.first_people)))
        for _ in range(MOST_STEPS):
            at, w, schur = self._curved(fixed + (a * u + kappa * v[site])[data.of], a, kappa)
            score_u, score_v = a * data.sums(at.first) - u, kappa * self._by_site(data.sums(at.first)) - v
            size = 1 + a**2 * w
            step_v = (score_v - self._by_site(a * kappa * w * score_u / size)) / schur
            step_u = (score_u - a * kappa * w * step_v[site]) / size
            length = self._length(fixed, (u, v), (step_u, step_v), (a, kappa))
            u, v = u + length[site] * step_u, v + length * step_v
            if max(float(np.abs(step_u).max()), float(np.abs(step_v).max())) < MODE_STEP:
                break
        at, w, schur = self._curved(fixed + (a * u + kappa * v[site])[data.of], a, kappa)
        self._last = (u, v) if np.isfinite(u).all() and np.isfinite(v).all() else None
        return Joint(v, u, at, w, schur)

    def _curved(self, eta: Floats, a: float, kappa: float) -> tuple[Derivatives, Floats, Floats]:
        at = self.link.derivatives(eta, self.data.y, self.data.m)
        w = -self.data.sums(at.second)
        return at, w, 1 + kappa**2 * self._by_site(w / (1 + a**2 * w))

    def _length(self, fixed: Floats, here: tuple[Floats, Floats], step: tuple[Floats, Floats], scales: tuple[float, float]) -> Floats:
        """Of each site's step: halved until the joint density does not fall."""
        data, site = self.data, self.site_of
        (u, v), (step_u, step_v), (a, kappa) = here, step, scales

        def density(length: Floats) -> Floats:
            own, common = u + length[site] * step_u, v + length * step_v
            value, _, _ = self.link.loglik(fixed + (a * own + kappa * common[site])[data.of], data.y, data.m)
            return self._by_site(data.sums(value) - own**2 / 2) - common**2 / 2

        length = np.ones(len(v))
        before = density(np.zeros(len(v)))
        for _ in range(MOST_STEPS):
            lower = ~(density(length) >= before - 1e-12 * (1 + np.abs(before)))
            if not lower.any():
                break
            length[lower] /= 2
        return length

    def _by_site(self, people: Floats) -> Floats:
        return np.add.reduceat(people, self.first_people, axis=-1)

    def _sites(self, psi: Floats) -> tuple[Floats, Joint, Floats, Floats, Floats, _Inner]:
        """Log-likelihoods of the sites, the joint mode, nodes x (K,), v (K, sites), their weights (K, sites), and the participants' part."""
        joint = self.joint(psi)
        a, kappa = self.scales(psi)
        nodes, log_weight = product_nodes(self._site_nodes() if self.sites else 1, 1)
        x = nodes[:, 0]
        spread = 1 / np.sqrt(joint.schur)
        v = joint.v + np.outer(x, spread)
        fixed = self.data.offset + self.data.x @ psi[: self.q]
        inner = self._people(fixed + kappa * v[:, self.site_of][:, self.data.of], a, joint.u)
        terms = (log_weight + x**2 / 2)[:, None] - v**2 / 2 + self._by_site(inner.loglik)
        highest = terms.max(axis=0)
        share = np.exp(terms - highest)
        total = share.sum(axis=0)
        return np.log(spread) + highest + np.log(total), joint, x, v, share / total, inner

    def _people(self, fixed: Floats, a: float, u: Floats) -> _Inner:
        """Integrals over participants' effects at linear predictors `fixed`, shape (K, N), around their modes from `u`."""
        data, of = self.data, self.data.of
        y, m = data.y, data.m
        u = np.broadcast_to(u, (len(fixed), len(u))).copy()
        for _ in range(MOST_STEPS):
            _, first, second = self.link.loglik(fixed + a * u[:, of], y, m)
            step = (a * data.sums(first) - u) / (1 - a**2 * data.sums(second))
            u = u + np.clip(step, -2.0, 2.0)
            if float(np.abs(step).max()) < MODE_STEP:
                break
        at = self.link.derivatives(fixed + a * u[:, of], y, m)
        s = 1 / np.sqrt(1 - a**2 * data.sums(at.second))
        nodes, log_weight = product_nodes(self.nodes if self.places else 1, 1)
        x = nodes[:, 0][:, None, None]
        moved = u + s * x
        value, first, _ = self.link.loglik(fixed + a * moved[:, :, of], y, m)
        terms = log_weight[:, None, None] + x**2 / 2 + data.sums(value) - moved**2 / 2
        highest = terms.max(axis=0)
        share = np.exp(terms - highest)
        total = share.sum(axis=0)
        weight = share / total
        pulled = a * data.sums(first) - moved
        along, spreading = (weight * pulled).sum(axis=0), (weight * pulled * x).sum(axis=0)
        bend = -(s**2 + s**3 * spreading) / 2
        cubic = -at.third * a**2 * bend[:, of]
        pull = s**2 * (along + a * data.sums(cubic))
        reach = cubic + a * at.second * pull[:, of]
        mean = (weight[:, :, of] * first).sum(axis=0)
        by_a = data.sums((weight[:, :, of] * first * moved[:, :, of]).sum(axis=0) + reach * u[:, of] - 2 * a * at.second * bend[:, of] + at.first * pull[:, of])
        return _Inner(np.log(s) + highest + np.log(total), mean + reach, by_a)

    def gradient(self, psi: Floats) -> Floats:
        """Of the criterion, shape (k,), by adjoints: of each row's linear predictor, of the joint mode and of the Schur complement."""
        _, joint, x, v, weight, inner = self._sites(psi)
        data, site, of = self.data, self.site_of, self.data.of
        a, kappa = self.scales(psi)
        at, w, schur = joint.at, joint.w, joint.schur
        rows = self._by_site(data.sums(inner.by_row))
        pulled = kappa * rows - v
        by_schur = -(1 / schur + schur**-1.5 * (weight * pulled * x[:, None]).sum(axis=0)) / 2
        size = 1 + a**2 * w
        bent = -(by_schur[site] * kappa**2 / size**2)[of] * at.third
        own, common = a * data.sums(bent), (weight * pulled).sum(axis=0) + kappa * self._by_site(data.sums(bent))
        back_v = (common - self._by_site(a * kappa * w * own / size)) / schur
        back_u = (own - a * kappa * w * back_v[site]) / size
        reach = bent + at.second * (a * back_u + kappa * back_v[site])[of]
        by_row = (weight[:, site][:, of] * inner.by_row).sum(axis=0) + reach
        by_a = (weight[:, site] * inner.by_a).sum() + (data.sums(reach) * joint.u + back_u * data.sums(at.first)).sum()
        by_a -= 2 * a * float((by_schur[site] * kappa**2 * w**2 / size**2).sum())
        by_kappa = (weight * v * rows).sum() + 2 * kappa * float(by_schur @ self._by_site(w / size))
        by_kappa += float((self._by_site(data.sums(reach)) * joint.v + back_v * self._by_site(data.sums(at.first))).sum())
        return -np.r_[by_row @ data.x, [float(by_a)] * len(self.places), [float(by_kappa)] * self.sites]
