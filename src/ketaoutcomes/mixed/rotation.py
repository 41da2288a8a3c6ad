"""Participants in the dimension of their random effects: what `random_effects` needs of the data.

With Z = O R of a participant, O orthonormal and R of shape (p, p), the rows z = (Q, y*) are split into f = O'z and a rest that
no random effect can reach, whose cross-products E are added over all participants. Participants with the same Z and no site
are added up too: few rows with the same sums of products stand for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.scaling import Working

Floats = NDArray[np.float64]
# Times of a participant that differ by less than this share of their size are one time.
SAME_TIME = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Rotated:
    """Participants in the dimension of their p random effects, q fixed effects; participants are the last axis.

    Attributes
    ----------
    r
        R of each distinct Z, shape (p, p, K).
    n
        Participants with it, shape (K,).
    f, kind
        f, shape (p, q + 1, M), and the number of their Z, shape (M,), None where M = K in order: one per participant,
        or fewer that have the same sums of products.
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
    kind: NDArray[np.intp] | None
    rest: Floats
    n_obs: int
    n_subjects: int
    site: NDArray[np.intp] | None
    n_sites: int
    rows: Floats | None = None

    @property
    def q(self) -> int:
        """Fixed effects."""
        return self.f.shape[1] - 1


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
    kept = rest if keep_rest else None
    if compress and site is None:
        kinds, kind, counts = _kinds(r)
        if len(kinds) * p * k < n:
            f, kind = _compressed(f, kind, len(kinds))
            return Rotated(_last(kinds), counts, _last(f), kind, rest.T @ rest, len(z), n, None, 0, kept)
    return Rotated(_last(r), np.ones(n), _last(f), None, rest.T @ rest, len(z), n, site, len(design.sites), kept)


def _last(values: Floats) -> Floats:
    """The first axis moved to the end, in memory too."""
    return np.ascontiguousarray(np.moveaxis(values, 0, -1))


def _kinds(r: Floats) -> tuple[Floats, NDArray[np.intp], Floats]:
    """The distinct R, shape (K, p, p), which of them each participant has, and how many have it."""
    flat = np.ascontiguousarray(r.reshape(len(r), -1))
    keys = flat.view(np.dtype((np.void, flat.itemsize * flat.shape[1]))).ravel()
    _, example, kind, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    return r[example], kind.astype(np.intp), counts.astype(np.float64)


def _compressed(f: Floats, kind: NDArray[np.intp], n_kinds: int) -> tuple[Floats, NDArray[np.intp]]:
    """At most p (q + 1) rows per kind with the same sums of products: the triangle of a QR."""
    order = np.argsort(kind, kind="stable")
    ends = np.cumsum(np.bincount(kind, minlength=n_kinds))
    flat = f.reshape(len(f), -1)[order]
    triangles: list[Floats] = [np.asarray(np.linalg.qr(flat[(ends[k - 1] if k else 0) : end], mode="r"), dtype=np.float64) for k, end in enumerate(ends)]
    parts = [triangle.reshape(-1, *f.shape[1:]) for triangle in triangles]
    return np.concatenate(parts), np.repeat(np.arange(n_kinds), [len(part) for part in parts])
