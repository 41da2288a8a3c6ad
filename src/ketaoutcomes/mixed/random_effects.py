"""The (RE)ML criterion of a linear mixed model from what each participant adds in the dimension of the random effects.

V = s^2 W with W = I + Z D Z' within a participant, D = L L', and kappa 1 1' added within a site. With Z = O R (O
orthonormal, R of shape (p, p)), f = O'z and E the sum of z'z outside the span of Z, z = (Q, y*),

    z'W^-1 z = E + sum f'B f,  log|W| = sum log|1 / B|,  B = (I + R D R')^-1,
    H = Z'W^-1 z = R'B f,      C = Z'W^-1 Z = R'B R,

sums of positive parts, so nothing cancels however large D is. A site adds a rank-one correction (Woodbury), with
a = sum C_11 and b = sum H_1 over its participants: the intercept is the first random effect. Derivatives follow
Lindstrom & Bates (1988), JASA 83:1014. Participants with the same Z and no site are added up first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.criterion import Evaluation
from ketaoutcomes.mixed.newton import Optimum
from ketaoutcomes.mixed.scaling import Working

Floats = NDArray[np.float64]
# Below this many participants every start is tried.
FEW_PARTICIPANTS = 500
# Times of a participant that differ by less than this share of their size are one time.
SAME_TIME = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Rotated:
    """Participants in the dimension of their p random effects, q fixed effects.

    Attributes
    ----------
    r
        R of each distinct Z, shape (K, p, p).
    n
        Participants with it, shape (K,).
    f, kind
        Rows f, shape (M, p, q + 1), and the number of their Z, shape (M,): one per participant, or fewer that have
        the same sums of products.
    rest
        E, shape (q + 1, q + 1).
    n_obs, n_subjects
        Rows and participants.
    site, n_sites
        Site of each row of `f`, shape (M,), and their number; None and 0 without sites.
    rows
        The rows of z outside the span of Z, shape (N, q + 1), where they were asked for.
    """

    r: Floats
    n: Floats
    f: Floats
    kind: NDArray[np.intp]
    rest: Floats
    n_obs: int
    n_subjects: int
    site: NDArray[np.intp] | None
    n_sites: int
    rows: Floats | None = None

    @property
    def q(self) -> int:
        """Fixed effects."""
        return self.f.shape[2] - 1


def rotate(working: Working, z: Floats, *, compress: bool = True, keep_rest: bool = False) -> Rotated:
    """Split the working rows into the span of each participant's Z, shape (N, p), and the rest."""
    design, p = working.design, z.shape[1]
    first, subject = design.first_rows, design.subject
    rest = working.z(slice(None))
    n, k = len(first), rest.shape[1]
    r, f = np.zeros((n, p, p)), np.zeros((n, p, k))
    left = z.copy() if design.root_weight is None else z * design.root_weight[:, None]
    for j in range(p):
        length = np.sqrt(np.add.reduceat(left[:, j] ** 2, first))
        # A slope that does not vary within a participant lies in the span of the intercept.
        spans = length > SAME_TIME * np.sqrt(np.add.reduceat(z[:, j] ** 2, first))
        r[:, j, j] = np.where(spans, length, 0.0)
        direction = left[:, j] * np.divide(1.0, length, out=np.zeros(n), where=spans)[subject]
        for later in range(j + 1, p):
            r[:, j, later] = np.add.reduceat(direction * left[:, later], first)
            left[:, later] -= direction * r[subject, j, later]
        f[:, j] = np.add.reduceat(direction[:, None] * rest, first)
        rest = rest - direction[:, None] * f[subject, j]
    site = None if design.site is None else design.site[first]
    kinds, kind, counts = _kinds(r)
    if compress and site is None and len(kinds) * p * k < n:
        f, kind = _compressed(f, kind, len(kinds))
    return Rotated(kinds, counts, f, kind, rest.T @ rest, len(z), n, site, len(design.sites), rest if keep_rest else None)


def _kinds(r: Floats) -> tuple[Floats, NDArray[np.intp], Floats]:
    """The distinct R, which of them each participant has, and how many have it."""
    flat = np.ascontiguousarray(r.reshape(len(r), -1))
    _, example, kind, counts = np.unique(
        flat.view(np.dtype((np.void, flat.itemsize * flat.shape[1]))).ravel(), return_index=True, return_inverse=True, return_counts=True
    )
    return r[example], kind.astype(np.intp), counts.astype(np.float64)


def _compressed(f: Floats, kind: NDArray[np.intp], n_kinds: int) -> tuple[Floats, NDArray[np.intp]]:
    """At most p (q + 1) rows per kind with the same sums of products: the triangle of a QR."""
    order = np.argsort(kind, kind="stable")
    ends = np.cumsum(np.bincount(kind, minlength=n_kinds))
    flat = f.reshape(len(f), -1)[order]
    triangles: list[Floats] = [np.asarray(np.linalg.qr(flat[(ends[k - 1] if k else 0) : end], mode="r"), dtype=np.float64) for k, end in enumerate(ends)]
    parts = [triangle.reshape(-1, *f.shape[1:]) for triangle in triangles]
    return np.concatenate(parts), np.repeat(np.arange(n_kinds), [len(part) for part in parts])


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
        p = self.data.r.shape[1]
        result = np.zeros((p, p))
        for value, place in zip(theta, self.places, strict=False):
            result[place] = value
        return result

    def starts(self) -> list[Floats]:
        """Three intraclass correlations at total variance 1: the criterion may have two minima off balance."""
        found: list[Floats] = []
        for share in (0.5, 0.1, 0.9):
            size = np.sqrt(share / (1 - share) / max(1, sum(i == j for i, j in self.places)))
            diagonal = [size if i == j else 0.0 for i, j in self.places]
            found.append(np.array([*diagonal, *([0.3 * size] if self.sites else []), 0.5 * np.log1p(-share)]))
        return found if self.places or self.sites else [np.zeros(1)]

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

    def covariance_slope(self, theta: Floats) -> tuple[Floats, float]:
        """df/dD, shape (p, p), and df/dkappa: at a boundary the first is positive semidefinite, the second not negative.

        Only the one-sided check at a boundary needs them, so they are taken from the full set of directions.
        """
        p = self.data.r.shape[1]
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
        data, p, s2 = self.data, self.data.r.shape[1], float(np.exp(2 * theta[-1]))
        d, beta, cov = self.factor(theta) @ self.factor(theta).T, optimum.at.beta, optimum.at.c
        rt = data.r.transpose(0, 2, 1)
        b = _inverses(np.eye(p) + data.r @ d @ rt)[0]
        h, c = _apply(rt, data.kind, _apply(b, data.kind, data.f)), (rt @ b @ data.r)[data.kind]
        none = np.zeros(0)
        site, site_conditional, site_prediction = none, none, none
        if data.site is not None:
            kappa = float(theta[len(self.places)] ** 2) if self.sites else 0.0
            c1 = c[:, :, 0]
            a, sums = np.bincount(data.site, c1[:, 0], data.n_sites), _by_site(data.site, data.n_sites, h[:, 0])
            g = kappa / (1 + kappa * a)
            h = h - (g[:, None] * sums)[data.site][:, None, :] * c1[:, :, None]
            c = c - g[data.site, None, None] * c1[:, :, None] * c1[:, None, :]
            shrunk = g[:, None] * sums
            site = shrunk[:, -1] - shrunk[:, :-1] @ beta
            site_conditional = np.asarray(s2 * g, dtype=np.float64)
            site_prediction = site_conditional + np.einsum("sx,xy,sy->s", shrunk[:, :-1], cov, shrunk[:, :-1])
        dh = d @ h
        u = dh[:, :, -1] - dh[:, :, :-1] @ beta
        conditional = s2 * np.diagonal(d - d @ c @ d, axis1=1, axis2=2)
        prediction = conditional + np.einsum("mpx,xy,mpy->mp", dh[:, :, :-1], cov, dh[:, :, :-1])
        return Predicted(u, conditional, prediction, site, site_conditional, site_prediction)

    def _sums(self, theta: Floats) -> _Sums:
        k, p = len(self.places), self.data.r.shape[1]
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
        data, p, q1 = self.data, self.data.r.shape[1], self.data.q + 1
        rd = data.r @ d
        inner = np.eye(p) + rd @ data.r.transpose(0, 2, 1)
        b, log_det, largest = _inverses(inner)
        t = data.r.transpose(0, 2, 1) @ b
        c = t @ data.r
        bf = _apply(b, data.kind, data.f)
        h = _apply(data.r.transpose(0, 2, 1), data.kind, bf)
        products = data.rest + data.f.reshape(-1, q1).T @ bf.reshape(-1, q1)
        n_c = data.n[:, None, None] * c
        trace = np.einsum("irs,rs->i", first, n_c.sum(axis=0))
        trace_bends = np.einsum("ijrs,rs->ij", second, n_c.sum(axis=0))
        c_pairs = np.tensordot(n_c.reshape(-1, p * p), c.reshape(-1, p * p), axes=(0, 0)).reshape(p, p, p, p)
        trace_pairs = np.einsum("irs,stur,jtu->ij", first, c_pairs, first, optimize=True)
        total = float(data.n @ log_det)
        if site is None:
            flat = h.reshape(len(h), -1)
            squares = (flat.T @ flat).reshape(p, q1, p, q1)
            cubes = np.zeros((p, p, p, q1, p, q1))
            for s in range(p):
                for u in range(s, p):
                    cubes[s, u] = cubes[u, s] = ((flat * c[data.kind, s, u, None]).T @ flat).reshape(p, q1, p, q1)
            gradient = -np.einsum("irs,rxsy->ixy", first, squares, optimize=True)
            pairs = np.einsum("irs,jtu,strxuy->ijxy", first, first, cubes, optimize=True)
            bends = np.einsum("ijrs,rxsy->ijxy", second, squares, optimize=True)
            pairs = (pairs + pairs.transpose(1, 0, 2, 3)) / 2
            return _Sums(total, products, gradient, pairs, bends, trace, trace_pairs, trace_bends, largest)
        return self._with_sites(_Sums(total, products, first, first, second, trace, trace_pairs, trace_bends, largest), h, c[data.kind], kappa, site)

    def _with_sites(self, own: _Sums, h: Floats, c: Floats, kappa: float, site: tuple[float, float]) -> _Sums:
        """The sums with kappa 1 1' added within sites; `own.first` and `own.bends` hold the derivatives of D."""
        data, q1, k = self.data, self.data.q + 1, len(own.first)
        assert data.site is not None
        d1, d2 = own.first, own.bends
        c1 = c[:, :, 0]
        a = np.bincount(data.site, c1[:, 0], data.n_sites)
        b = _by_site(data.site, data.n_sites, h[:, 0])
        g = kappa / (1 + kappa * a)
        shrunk = b / (1 + kappa * a)[:, None]
        h = h - (g[:, None] * b)[data.site][:, None, :] * c1[:, :, None]
        dh = np.einsum("irs,msx->mirx", d1, h, optimize=True)
        dc = np.einsum("irs,ms->mir", d1, c1, optimize=True)
        first, pairs, bends = np.zeros((k + 1, q1, q1)), np.zeros((k + 1, k + 1, q1, q1)), np.zeros((k + 1, k + 1, q1, q1))
        trace, trace_pairs, trace_bends = np.zeros(k + 1), np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
        flat = h.reshape(-1, q1)
        v = _by_site(data.site, data.n_sites, np.einsum("mir,mr->mi", dc, c1))
        u = _by_site(data.site, data.n_sites, np.einsum("mr,mirx->mix", c1, dh, optimize=True))
        for i in range(k):
            first[i] = -flat.T @ dh[:, i].reshape(-1, q1)
            for j in range(k):
                cdh = np.einsum("mrs,msx->mrx", c, dh[:, j])
                pairs[i, j] = dh[:, i].reshape(-1, q1).T @ cdh.reshape(-1, q1) - (g[:, None] * u[:, i]).T @ u[:, j]
                bends[i, j] = flat.T @ np.einsum("rs,msx->mrx", d2[i, j], h).reshape(-1, q1)
                cross = np.einsum("mr,mrs,ms->m", dc[:, j], c, dc[:, i])
                trace_pairs[i, j] = own.trace_pairs[i, j] - 2 * float(g[data.site] @ cross) + float((g**2 * v[:, i]) @ v[:, j])
                trace_bends[i, j] = own.trace_bends[i, j] - float(g[data.site] @ np.einsum("mr,rs,ms->m", c1, d2[i, j], c1))
        slope, bend = site
        less = 1 / (1 + kappa * a)
        first[k] = -slope * shrunk.T @ shrunk
        trace[:k] = own.trace - g @ v
        trace[k] = slope * float((a * less).sum())
        for i in range(k):
            pairs[i, k] = slope * (u[:, i] * less[:, None]).T @ shrunk
            pairs[k, i] = pairs[i, k].T
            trace_pairs[i, k] = trace_pairs[k, i] = slope * float((v[:, i] * less**2).sum())
        pairs[k, k] = slope**2 * (shrunk * (a * less)[:, None]).T @ shrunk
        bends[k, k] = bend * shrunk.T @ shrunk
        trace_pairs[k, k] = slope**2 * float(((a * less) ** 2).sum())
        trace_bends[k, k] = bend * float((a * less).sum())
        products = own.products - (g[:, None] * b).T @ b
        pairs = (pairs + pairs.transpose(0, 1, 3, 2)) / 2
        return _Sums(
            own.log_det + float(np.log1p(kappa * a).sum()),
            products,
            (first + first.transpose(0, 2, 1)) / 2,
            pairs,
            (bends + bends.transpose(0, 1, 3, 2)) / 2,
            trace,
            trace_pairs,
            trace_bends,
            own.largest * (1 + kappa * float(a.max())),
        )


def _by_site(site: NDArray[np.intp], n_sites: int, values: Floats) -> Floats:
    """Sums over the participants of each site, shape (n_sites, ...); every site has one."""
    order = np.argsort(site, kind="stable")
    return np.asarray(np.add.reduceat(values[order], np.searchsorted(site[order], np.arange(n_sites))), dtype=np.float64)


def _apply(matrices: Floats, kind: NDArray[np.intp], rows: Floats) -> Floats:
    """matrices[kind] @ rows, for matrices of shape (K, p, p) and rows of shape (M, p, q + 1); p is 1 or 2."""
    result = np.empty_like(rows)
    p = rows.shape[1]
    for i in range(p):
        result[:, i] = matrices[kind, i, 0, None] * rows[:, 0]
        for j in range(1, p):
            result[:, i] += matrices[kind, i, j, None] * rows[:, j]
    return result


def _inverses(inner: Floats) -> tuple[Floats, Floats, float]:
    """Inverses and log determinants of I + R D R', shape (K, p, p), p 1 or 2, and their largest eigenvalue (a bound)."""
    if inner.shape[1] == 1:
        return 1 / inner, np.log(inner[:, 0, 0]), float(inner.max())
    x, y, z = inner[:, 0, 0], inner[:, 0, 1], inner[:, 1, 1]
    # x z - y^2 = 1 + tr + det of R D R', all of it positive; the difference loses digits only where x z is huge
    det = x * z - y**2
    if (det <= 0).any():
        raise np.linalg.LinAlgError("not positive definite")
    result = np.empty_like(inner)
    result[:, 0, 0], result[:, 1, 1] = z / det, x / det
    result[:, 0, 1] = result[:, 1, 0] = -y / det
    return result, np.log(det), float((x + z).max())
