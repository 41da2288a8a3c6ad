"""The rows of a model by cluster; clusters with the same rows are one cluster that counts several times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """N rows in n distinct clusters, q fixed effects, d random effects of a cluster.

    Attributes
    ----------
    x, z
        Designs of the fixed and random effects, shape (N, q) and (N, d).
    y, m, offset
        Events, trials and offset, shape (N,).
    starts
        First row of each cluster, shape (n,); its rows stand together.
    of
        Cluster of each row, shape (N,).
    times
        How often each cluster occurs, shape (n,).
    member
        Distinct cluster of each cluster of the data, in their order.
    """

    x: Floats
    z: Floats
    y: Floats
    m: Floats
    offset: Floats
    starts: Codes
    of: Codes
    times: Floats
    member: Codes

    def sums(self, rows: Floats) -> Floats:
        """Sums over the rows of each cluster, rows along the last axis."""
        return np.add.reduceat(rows, self.starts, axis=-1)


def collapse(x: Floats, z: Floats, y: Floats, m: Floats, offset: Floats, first_rows: Codes) -> Clusters:
    """The distinct clusters of rows whose clusters begin at `first_rows`.

    Clusters are the same when their rows, in some order, have the same fixed and random effects, events, trials and
    offsets: their likelihoods are the same number.
    """
    of = np.repeat(np.arange(len(first_rows)), np.diff(np.r_[first_rows, len(y)]))
    values = np.column_stack([x, z, y, m, offset]) + 0.0  # no -0.0
    order = np.lexsort((*values.T[::-1], of))
    values = values[order]
    kept, times, member = _distinct(values, first_rows)
    rows = np.concatenate([np.arange(first, last) for first, last in kept]) if kept else np.zeros(0, dtype=np.intp)
    lengths = np.array([last - first for first, last in kept], dtype=np.intp)
    starts = np.r_[0, np.cumsum(lengths)[:-1]].astype(np.intp)
    q, d = x.shape[1], z.shape[1]
    found = values[rows]
    return Clusters(
        x=np.ascontiguousarray(found[:, :q]),
        z=np.ascontiguousarray(found[:, q : q + d]),
        y=np.ascontiguousarray(found[:, q + d]),
        m=np.ascontiguousarray(found[:, q + d + 1]),
        offset=np.ascontiguousarray(found[:, q + d + 2]),
        starts=starts,
        of=np.repeat(np.arange(len(starts)), lengths),
        times=times,
        member=member,
    )


def _distinct(values: Floats, first_rows: Codes) -> tuple[list[tuple[int, int]], Floats, Codes]:
    """First and last row of one of each kind, how many there are of it, and the kind of each cluster."""
    ends = np.r_[first_rows[1:], len(values)]
    kept: list[tuple[int, int]] = []
    times: list[float] = []
    member = np.zeros(len(first_rows), dtype=np.intp)
    for chosen, block in _by_length(values, first_rows, ends):
        keys = np.ascontiguousarray(block).view(np.dtype((np.void, block.itemsize * block.shape[1])))[:, 0]
        _, index, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        member[chosen] = len(kept) + inverse
        kept += [(int(first_rows[at]), int(ends[at])) for at in chosen[index]]
        times += [float(count) for count in counts]
    return kept, np.array(times), member


def _by_length(values: Floats, first: Codes, ends: Codes) -> Iterator[tuple[Codes, Floats]]:
    """Clusters of one number of rows, and all their values side by side."""
    lengths = ends - first
    for length in sorted({int(value) for value in lengths}):
        chosen = np.flatnonzero(lengths == length)
        rows = first[chosen][:, None] + np.arange(length)
        yield chosen, values[rows].reshape(len(chosen), -1)
