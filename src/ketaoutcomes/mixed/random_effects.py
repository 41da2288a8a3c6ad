"""The (RE)ML criterion of a linear mixed model from what each participant adds in the dimension of the random effects.

V = s^2 W with W = I + Z D Z' within a participant, D = L L', and kappa 1 1' added within a site. With Z = O R (O
orthonormal, R of shape (p, p)), f = O'z and E the sum of z'z outside the span of Z, z = (Q, y*),

    z'W^-1 z = E + sum f'B f,  log|W| = sum log|1 / B|,  B = (I + R D R')^-1,
    H = Z'W^-1 z = R'B f,      C = Z'W^-1 Z = R'B R,

sums of positive parts, so nothing cancels however large D is. A site adds a rank-one correction (Woodbury), with
a = sum C_11 and b = sum H_1 over its participants: the intercept is the first random effect. Derivatives follow
Lindstrom & Bates (1988), JASA 83:1014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.criterion import Evaluation
from ketaoutcomes.mixed.newton import Optimum
from ketaoutcomes.mixed.rotation import Rotated

Floats = NDArray[np.float64]
# A standard deviation below this share of the residual one calls for a look at the boundary.
NEAR_BOUNDARY = 0.1
# Below this many participants every start is tried.
FEW_PARTICIPANTS = 500


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Random effects in working units, with variances: of n participants, shape (n, p), and of sites.

    `conditional` is their variance given the data and all parameters; `prediction` adds the estimation of beta.
    """

    u: Floats
    conditional: Floats
    prediction: Floats
    site: Floats
    site_conditional: Floats
    site_prediction: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over participants and sites at one D and kappa; k directions of W, z = (Q, y*)."""

    log_det: float
    products: Floats  # z'W^-1 z
    first: Floats  # its derivatives, (k, q + 1, q + 1)
    pairs: Floats  # z'W^-1 W_i W^-1 W_j W^-1 z, (k, k, q + 1, q + 1), symmetrised over i and j
    bends: Floats  # z'W^-1 W_ij W^-1 z, (k, k, q + 1, q + 1)
    trace: Floats  # tr(W^-1 W_i), (k,)
    trace_pairs: Floats  # tr(W^-1 W_i W^-1 W_j), (k, k)
    trace_bends: Floats  # tr(W^-1 W_ij), (k, k)
    largest: float  # eigenvalue of W


@dataclass(frozen=True, slots=True, eq=False)
class RandomEffects:
    """The criterion; theta = (elements of L at `places`, the site's standard deviation if any, log s).

    L and the site's standard deviation are in units of s, linear, so that a fit can land on 0 exactly.

    Attributes
    ----------
    data
        The sums.
    places
        Which elements of the lower triangle L are free.
    sites
        Whether sites have a random intercept.
    reml
        Restricted (True) or full likelihood.
    """

    data: Rotated
    places: tuple[tuple[int, int], ...]
    sites: bool
    reml: bool

    @property
    def few(self) -> bool:
        """Fewer than 500 participants."""
        return self.data.n_subjects < FEW_PARTICIPANTS

    def factor(self, theta: Floats) -> Floats:
        """L, shape (p, p)."""
        p = self.data.r.shape[0]
        result = np.zeros((p, p))
        for value, place in zip(theta, self.places, strict=False):
            result[place] = value
        return result

    def starts(self) -> list[Floats]:
        """The moments of f; and three intraclass correlations: the criterion may have two minima off balance."""
        if not self.places and not self.sites:
            return [np.zeros(1)]
        found = [self._from_moments()]
        for share in (0.5, 0.1, 0.9):
            size = np.sqrt(share / (1 - share) / max(1, sum(i == j for i, j in self.places)))
            diagonal = [size if i == j else 0.0 for i, j in self.places]
            found.append(np.array([*diagonal, *([0.3 * size] if self.sites else []), 0.5 * np.log1p(-share)]))
        return found

    def _from_moments(self) -> Floats:
        """D by least squares from f f' = s^2 (I + R D R') of the OLS residuals, made positive definite."""
        data, p = self.data, self.data.r.shape[0]
        places = [(i, j) for i in range(p) for j in range(i + 1)]
        left = max(data.n_obs - data.n_subjects * p, 1)
        s2 = min(max(float(data.rest[-1, -1]) / left, 1e-3), 1.0)
        y = data.f[:, -1]
        columns = [data.r[:, j] for j in range(p)]
        moved = [columns[i][:, None] * columns[j][None] for i, j in places]
        moved = [m if i == j else m + m.swapaxes(0, 1) for m, (i, j) in zip(moved, places, strict=True)]
        lhs = np.array([[float((data.n * a * b).sum()) for b in moved] for a in moved])
        square = y[:, None] * y[None]
        at = [m if data.kind is None else m[..., data.kind] for m in moved]
        identity = np.eye(p)[..., None] * data.n
        rhs = np.array([float((a * square).sum() - s2 * (m * identity).sum()) for a, m in zip(at, moved, strict=True)])
        d = np.zeros((p, p))
        for value, (i, j) in zip(np.linalg.lstsq(lhs, rhs, rcond=None)[0], places, strict=True):
            d[i, j] = d[j, i] = value / s2
        if p > 1 and (1, 0) not in self.places:
            d = np.diag(np.diag(d))
        values, vectors = np.linalg.eigh(d)
        d = (vectors * np.clip(values, max(0.02 * float(values[-1]), 0.02), 1e4)) @ vectors.T
        factor = np.linalg.cholesky(d)
        return np.array([*(factor[place] for place in self.places), *([0.3] if self.sites else []), 0.5 * np.log(s2)])

    def value(self, theta: Floats) -> float:
        """The criterion."""
        at = self.evaluate(theta)
        return np.inf if at is None else at.value

    def evaluate(self, theta: Floats) -> Evaluation | None:
        """f = (N - q) log s + 1/2 [log|W| + log|X'W^-1 X| + r'W^-1 r / s^2] under REML; N and no |X'W^-1 X| under ML."""
        q, k = self.data.q, len(theta) - 1
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                s2 = float(np.exp(2 * theta[-1]))
                sums = self._sums(theta)
                factor = np.linalg.cholesky(sums.products[:q, :q])
        except (np.linalg.LinAlgError, FloatingPointError):
            return None
        half = np.linalg.inv(factor)
        inverse = half.T @ half
        beta = inverse @ sums.products[:q, q]
        direction = np.r_[-beta, 1.0]
        rss = float(direction @ sums.products @ direction)
        n = self.data.n_obs - (q if self.reml else 0)
        log_det_x = 2 * float(np.log(np.diag(factor)).sum()) if self.reml else 0.0
        value = n * float(theta[-1]) + 0.5 * (sums.log_det + log_det_x + rss / s2)
        a = sums.first
        r_first = np.einsum("x,ixy,y->i", direction, a, direction)
        slopes = a[:, :q, :] @ direction
        curved = 2 * sums.pairs - sums.bends
        hessian = np.zeros((k + 1, k + 1))
        own = sums.trace_bends - sums.trace_pairs
        own = own + (np.einsum("x,ijxy,y->ij", direction, curved, direction) - 2 * slopes @ inverse @ slopes.T) / s2
        gradient = np.r_[sums.trace + r_first / s2, 2 * (n - rss / s2)] / 2
        if self.reml:
            moved = inverse @ a[:, :q, :q]
            gradient[:k] += 0.5 * np.trace(moved, axis1=1, axis2=2)
            own = own + np.einsum("xy,ijyx->ij", inverse, curved[:, :, :q, :q]) - np.einsum("ixy,jyx->ij", moved, moved)
        hessian[:k, :k] = own / 2
        hessian[:k, k] = hessian[k, :k] = -r_first / s2
        hessian[k, k] = 2 * rss / s2
        information = np.concatenate([a[:, :q, :q], -2 * sums.products[None, :q, :q]]) / s2
        if not np.isfinite(value):
            return None
        return Evaluation(value, gradient, (hessian + hessian.T) / 2, beta, s2 * inverse, information, s2, sums.largest)

    def weighted_q(self, theta: Floats, w: Floats) -> Floats:
        """Sum of w_ij Q_ij with V_i = s^2 W_i, and 2 V for log s."""
        q, s2, sums = self.data.q, float(np.exp(2 * theta[-1])), self._sums(theta)
        pairs, first = sums.pairs[:, :, :q, :q], sums.first[:, :q, :q]
        own = np.einsum("ij,ijxy->xy", w[:-1, :-1], pairs) - 4 * np.einsum("i,ixy->xy", w[:-1, -1], first)
        return (own + 4 * w[-1, -1] * sums.products[:q, :q]) / s2

    def expected_information(self, theta: Floats, at: Evaluation) -> Floats:
        """I_ij = 1/2 tr(V^-1 V_i V^-1 V_j) - tr(C Q_ij) + 1/2 tr(C B_i C B_j), Harville (1977), JASA 72:320."""
        k, sums, s2 = len(theta) - 1, self._sums(theta), float(np.exp(2 * theta[-1]))
        q = self.data.q
        traces = np.zeros((k + 1, k + 1))
        traces[:k, :k] = sums.trace_pairs
        traces[:k, k] = traces[k, :k] = 2 * sums.trace
        traces[k, k] = 4 * self.data.n_obs
        pairs = np.zeros((k + 1, k + 1, q, q))
        pairs[:k, :k] = sums.pairs[:, :, :q, :q]
        pairs[:k, k] = pairs[k, :k] = -2 * sums.first[:, :q, :q]
        pairs[k, k] = 4 * sums.products[:q, :q]
        moved = at.c @ at.information
        result = traces / 2 - np.einsum("xy,ijyx->ij", at.c, pairs) / s2 + 0.5 * np.einsum("ixy,jyx->ij", moved, moved)
        return (result + result.T) / 2

    def interior(self, theta: Floats) -> bool:
        """Whether every standard deviation is far from 0 beside the residual one."""
        own = [abs(value) for value, (i, j) in zip(theta, self.places, strict=False) if i == j]
        return all(size > NEAR_BOUNDARY for size in [*own, *([abs(float(theta[-2]))] if self.sites else [])])

    def covariance_slope(self, theta: Floats) -> tuple[Floats, float]:
        """df/dD, shape (p, p), and df/dkappa: at a boundary the first is positive semidefinite, the second not negative.

        Only the one-sided check at a boundary needs them, so they are taken from the full set of directions.
        """
        p = self.data.r.shape[0]
        everything = RandomEffects(self.data, tuple((i, j) for i in range(p) for j in range(i + 1)), self.data.site is not None, self.reml)
        q, s2 = self.data.q, float(np.exp(2 * theta[-1]))
        kappa = float(theta[len(self.places)] ** 2) if self.sites else 0.0
        factor = self.factor(theta)
        units = np.zeros((len(everything.places), p, p))
        for at, (i, j) in enumerate(everything.places):
            units[at, i, j] = units[at, j, i] = 1.0
        sums = everything._add(factor @ factor.T, units, np.zeros((len(units), len(units), p, p)), kappa, (1.0, 0.0) if everything.sites else None)
        inverse = np.linalg.inv(sums.products[:q, :q])
        direction = np.r_[-(inverse @ sums.products[:q, q]), 1.0]
        slope = sums.trace + np.einsum("x,ixy,y->i", direction, sums.first, direction) / s2
        if self.reml:
            slope = slope + np.einsum("xy,iyx->i", inverse, sums.first[:, :q, :q])
        gradient = np.zeros((p, p))
        for at, (i, j) in enumerate(everything.places):
            gradient[i, j] = gradient[j, i] = slope[at] / 2 if i == j else slope[at] / 4
        return gradient, float(slope[-1]) / 2 if everything.sites else 0.0

    def predict(self, theta: Floats, optimum: Optimum) -> Predicted:
        """Predicted random effects; the data must hold one row of `f` per participant.

        u = G Z'V^-1 r with variance G - G Z'V^-1 Z G given beta, and G Z'V^-1 X C X'V^-1 Z G more for its estimation.
        """
        data, s2 = self.data, float(np.exp(2 * theta[-1]))
        d, beta, cov = self.factor(theta) @ self.factor(theta).T, optimum.at.beta, optimum.at.c
        _, _, _, h, c, _ = self._shrunk(d)
        assert data.kind is None
        none = np.zeros(0)
        site, site_conditional, site_prediction = none, none, none
        if data.site is not None:
            kappa = float(theta[len(self.places)] ** 2) if self.sites else 0.0
            a, sums = _by_site(data.site, data.n_sites, c[0, 0]), _by_site(data.site, data.n_sites, h[0])
            g = kappa / (1 + kappa * a)
            h = h - c[0][:, None] * (g * sums)[:, data.site]
            c = c - g[data.site] * c[0][:, None] * c[0][None]
            shrunk = g * sums
            site = shrunk[-1] - beta @ shrunk[:-1] + 0.0
            site_conditional = np.asarray(s2 * g, dtype=np.float64)
            site_prediction = site_conditional + np.einsum("xs,xy,ys->s", shrunk[:-1], cov, shrunk[:-1])
        dh = np.einsum("rs,sxm->rxm", d, h)
        u = dh[:, -1] - np.einsum("x,rxm->rm", beta, dh[:, :-1])
        conditional = s2 * (np.diag(d)[:, None] - np.einsum("rs,stm,tr->rm", d, c, d))
        prediction = conditional + np.einsum("rxm,xy,rym->rm", dh[:, :-1], cov, dh[:, :-1])
        return Predicted(u.T, conditional.T, prediction.T, site, site_conditional, site_prediction)

    def _sums(self, theta: Floats) -> _Sums:
        k, p = len(self.places), self.data.r.shape[0]
        factor = self.factor(theta)
        elements = np.zeros((k, p, p))
        for at, place in enumerate(self.places):
            elements[at][place] = 1.0
        half = elements @ factor.T
        first = half + half.transpose(0, 2, 1)
        second = np.einsum("iac,jbc->ijab", elements, elements)
        own = float(theta[k]) if self.sites else 0.0
        return self._add(factor @ factor.T, first, second + second.transpose(1, 0, 2, 3), own**2, (2 * own, 2.0) if self.sites else None)

    def _add(self, d: Floats, first: Floats, second: Floats, kappa: float, site: tuple[float, float] | None) -> _Sums:
        """All sums for D with derivatives `first`, (k, p, p), and `second`, (k, k, p, p); kappa with its own, if any."""
        data, p, q1 = self.data, self.data.r.shape[0], self.data.q + 1
        log_det, largest, bf, h, c, kinds = self._shrunk(d)
        products = data.rest + data.f.swapaxes(0, 1).reshape(q1, -1) @ bf.swapaxes(0, 1).reshape(q1, -1).T
        n_c = data.n * kinds
        trace = np.einsum("irs,rs->i", first, n_c.sum(axis=-1))
        trace_bends = np.einsum("ijrs,rs->ij", second, n_c.sum(axis=-1))
        c_pairs = (n_c.reshape(p * p, -1) @ kinds.reshape(p * p, -1).T).reshape(p, p, p, p)
        trace_pairs = np.einsum("irs,stur,jtu->ij", first, c_pairs, first)
        if site is not None:
            own = _Sums(log_det, products, first, first, second, trace, trace_pairs, trace_bends, largest)
            return self._with_sites(own, h, c, kappa, site)
        flat = h.reshape(p * q1, -1)
        squares = (flat @ flat.T).reshape(p, q1, p, q1)
        cubes = np.zeros((p, p, p, q1, p, q1))
        for s in range(p):
            for u in range(s, p):
                cubes[s, u] = cubes[u, s] = ((flat * c[s, u]) @ flat.T).reshape(p, q1, p, q1)
        gradient = -np.einsum("irs,rxsy->ixy", first, squares)
        pairs = np.einsum("irs,jtu,strxuy->ijxy", first, first, cubes, optimize=["einsum_path", (0, 2), (0, 1)])
        bends = np.einsum("ijrs,rxsy->ijxy", second, squares)
        pairs = (pairs + pairs.transpose(1, 0, 2, 3)) / 2
        return _Sums(log_det, products, gradient, pairs, bends, trace, trace_pairs, trace_bends, largest)

    def _shrunk(self, d: Floats) -> tuple[float, float, Floats, Floats, Floats, Floats]:
        """log|W|, a bound on its eigenvalues, B f and H, shape (p, q + 1, M), C, (p, p, M), and C by kind, (p, p, K)."""
        data = self.data
        rt = data.r.swapaxes(0, 1)
        b, log_det, largest = _inverses(_product(_product(data.r, d[..., None]), rt))
        kinds = _product(_product(rt, b), data.r)
        own = [m if data.kind is None else m[..., data.kind] for m in (b, rt, kinds)]
        bf = _product(own[0], data.f)
        return float(data.n @ log_det), largest, bf, _product(own[1], bf), own[2], kinds

    def _with_sites(self, own: _Sums, h: Floats, c: Floats, kappa: float, site: tuple[float, float]) -> _Sums:
        """The sums with kappa 1 1' added within sites; `own.first` and `own.bends` hold the derivatives of D."""
        data, q1, k, p = self.data, self.data.q + 1, len(own.first), len(h)
        assert data.site is not None
        d1, d2 = own.first, own.bends
        c1 = c[0]
        a, b = _by_site(data.site, data.n_sites, c1[0]), _by_site(data.site, data.n_sites, h[0])
        less = 1 / (1 + kappa * a)
        g = kappa * less
        shrunk = b * less
        h = h - c1[:, None] * (g * b)[:, data.site]
        dh = [np.einsum("rs,sxm->rxm", step, h) for step in d1]
        dc = [step @ c1 for step in d1]
        first, pairs, bends = np.zeros((k + 1, q1, q1)), np.zeros((k + 1, k + 1, q1, q1)), np.zeros((k + 1, k + 1, q1, q1))
        trace, trace_pairs, trace_bends = np.zeros(k + 1), np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
        v = np.array([_by_site(data.site, data.n_sites, (step * c1).sum(axis=0)) for step in dc]).reshape(k, data.n_sites)
        u = [_by_site(data.site, data.n_sites, (c1[:, None] * step).sum(axis=0)) for step in dh]
        squares = (h.reshape(p * q1, -1) @ h.reshape(p * q1, -1).T).reshape(p, q1, p, q1)
        weighted = (c1 * g[data.site]) @ c1.T
        for i in range(k):
            first[i] = -np.einsum("rs,rxsy->xy", d1[i], squares)
            for j in range(k):
                cdh = _product(c, dh[j])
                pairs[i, j] = np.einsum("rxm,rym->xy", dh[i], cdh, optimize=True) - (g * u[i]) @ u[j].T
                bends[i, j] = np.einsum("rs,rxsy->xy", d2[i, j], squares)
                cross = np.einsum("rm,rsm,sm->m", dc[j], c, dc[i])
                trace_pairs[i, j] = own.trace_pairs[i, j] - 2 * float(g[data.site] @ cross) + float((g**2 * v[i]) @ v[j])
                trace_bends[i, j] = own.trace_bends[i, j] - float((d2[i, j] * weighted).sum())
        slope, bend = site
        first[k] = -slope * shrunk @ shrunk.T
        trace[:k] = own.trace - v @ g
        trace[k] = slope * float((a * less).sum())
        for i in range(k):
            pairs[i, k] = slope * (u[i] * less) @ shrunk.T
            pairs[k, i] = pairs[i, k].T
            trace_pairs[i, k] = trace_pairs[k, i] = slope * float((v[i] * less**2).sum())
        pairs[k, k] = slope**2 * (shrunk * a * less) @ shrunk.T
        bends[k, k] = bend * shrunk @ shrunk.T
        trace_pairs[k, k] = slope**2 * float(((a * less) ** 2).sum())
        trace_bends[k, k] = bend * float((a * less).sum())
        return _Sums(
            own.log_det + float(np.log1p(kappa * a).sum()),
            own.products - (g * b) @ b.T,
            (first + first.transpose(0, 2, 1)) / 2,
            (pairs + pairs.transpose(0, 1, 3, 2)) / 2,
            (bends + bends.transpose(0, 1, 3, 2)) / 2,
            trace,
            trace_pairs,
            trace_bends,
            own.largest * (1 + kappa * float(a.max())),
        )


def _by_site(site: NDArray[np.intp], n_sites: int, values: Floats) -> Floats:
    """Sums over the participants (last axis) of each site, shape (..., n_sites); every site has one."""
    order = np.argsort(site, kind="stable")
    return np.asarray(np.add.reduceat(values[..., order], np.searchsorted(site[order], np.arange(n_sites)), axis=-1), dtype=np.float64)


def _product(left: Floats, right: Floats) -> Floats:
    """Matrix products along the last axis: (p, p, M) by (p, x, M), shape (p, x, M); either M may be 1. p is 1 or 2."""
    result = left[:, 0, None] * right[None, 0]
    for j in range(1, left.shape[1]):
        result += left[:, j, None] * right[None, j]
    return result


def _inverses(added: Floats) -> tuple[Floats, Floats, float]:
    """Inverses of I + R D R', shape (p, p, K), p 1 or 2, their log determinants and a bound on the eigenvalues."""
    if len(added) == 1:
        return 1 / (1 + added), np.log1p(added[0, 0]), 1 + float(added.max())
    x, y, z = 1 + added[0, 0], added[0, 1], 1 + added[1, 1]
    # x z - y^2 = 1 + trace + determinant of R D R', none of them negative
    det = 1 + added[0, 0] + added[1, 1] + np.maximum(added[0, 0] * added[1, 1] - y**2, 0.0)
    result = np.array([[z / det, -y / det], [-y / det, x / det]])
    return result, np.log(det), float((x + z).max())
