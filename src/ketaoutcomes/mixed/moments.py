"""The data as sums: cross-products of design and response by pattern of observed visits.

The (RE)ML criterion and everything derived from it need a participant only through products of pairs of their rows, and
participants who were seen at the same visits enter with the same weight matrix, so their products are added once and
the cost of a fit no longer depends on the number of participants.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.coding import Cells, Coding
from ketaoutcomes.mixed.design import Design
from ketaoutcomes.mixed.errors import IncompatibleMoments, NotShareable
from ketaoutcomes.mixed.scaling import Scaling, Working

FORMAT = 1
# Participants whose rows are added at once.
PARTICIPANTS_AT_ONCE = 20_000
# Sum and sum of squares of a numeric covariate of zeros and ones agree to this.
BINARY = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The participants of one covariance group seen at the same visits.

    Attributes
    ----------
    group
        Number of the covariance group, 0 without groups.
    visits
        Visit numbers, shape (m,).
    n
        Number of participants.
    held
        Sum over participants of z_a z_b', z = (Q row, y*), shape (m * m, (q + 1)**2), a and b over visits. Where the
        participants are so few that this would be larger and slower: their rows z, shape (n, m, q + 1).
    members
        Participants by visit of the pattern and combination of factor levels, shape (m, combinations).
    """

    group: int
    visits: NDArray[np.intp]
    n: int
    held: NDArray[np.float64]
    members: NDArray[np.intp]

    @property
    def key(self) -> tuple[int, ...]:
        """Group and visits: what two shards must share for their patterns to be one."""
        return (self.group, *(int(v) for v in self.visits))

    @property
    def cross(self) -> NDArray[np.float64]:
        """Sum over participants of z_a z_b', shape (m * m, (q + 1)**2)."""
        return self.held if self.held.ndim == 2 else _cross(self.held)

    def weighted(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over participants and pairs of visits of w_ab z_a z_b', shape (j, (q + 1)**2), for weights of shape (j, m, m)."""
        if self.held.ndim == 2:
            return weights.reshape(len(weights), -1) @ self.held
        n, m, k = self.held.shape
        moved = (weights @ self.held[:, None]).transpose(1, 0, 2, 3).reshape(len(weights), n * m, k)
        return np.asarray(self.held.reshape(n * m, k).T @ moved, dtype=np.float64).reshape(len(weights), k * k)

    def quadratic(self, inner: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over participants of z_a' D z_b, shape (m, m), for a symmetric D of shape (q + 1, q + 1)."""
        m = len(self.visits)
        if self.held.ndim == 2:
            found = (self.held @ inner.ravel()).reshape(m, m)
            return (found + found.T) / 2
        return np.einsum("nak,nbk->ab", self.held @ inner, self.held, optimize=True)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """All the data a fit needs, T visits in each of G covariance groups, q fixed effects. Moments add and subtract.

    Attributes
    ----------
    patterns
        The sums, in the order of their keys.
    scaling
        The working coordinates.
    coding
        How a row of the design is made.
    visits, groups
        Labels; one group called "" where the covariance does not depend on a group.
    n_obs, n_subjects
        Rows and participants.
    weighted, log_weights
        Whether rows have weights, and the sum of their logarithms.
    varying
        Columns of the design that differ between the rows of some participant, shape (q,).
    cells
        How often each combination of factor levels occurs, for LS means in observed proportions.
    """

    patterns: tuple[Pattern, ...]
    scaling: Scaling
    coding: Coding
    visits: tuple[str, ...]
    groups: tuple[str, ...]
    n_obs: int
    n_subjects: int
    weighted: bool
    log_weights: float
    varying: NDArray[np.bool_]
    cells: Cells

    @property
    def q(self) -> int:
        """Fixed effects."""
        return len(self.coding.columns)

    @property
    def size(self) -> int:
        """G T, the size of the covariance matrix over all groups."""
        return len(self.groups) * len(self.visits)

    @property
    def most_visits(self) -> int:
        """The largest number of visits of a participant."""
        return max(len(p.visits) for p in self.patterns)

    def place(self, pattern: Pattern) -> NDArray[np.intp]:
        """Rows of the covariance matrix of all groups that `pattern` was seen at, shape (m,)."""
        return pattern.group * len(self.visits) + pattern.visits

    def residual_products(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of products of OLS residuals by pair of visits and the number of participants behind each, (GT, GT)."""
        products = np.zeros((self.size, self.size))
        counts = np.zeros((self.size, self.size))
        response = np.zeros((self.q + 1, self.q + 1))
        response[-1, -1] = 1.0
        for p in self.patterns:
            at = np.ix_(self.place(p), self.place(p))
            products[at] += p.quadratic(response)
            counts[at] += p.n
        return products, counts

    def __add__(self, other: Moments) -> Moments:
        """The moments of both sets of participants. Raises IncompatibleMoments unless both have one coding and scaling."""
        return self._combined(other, 1)

    def __sub__(self, other: Moments) -> Moments:
        """The moments without the participants of `other`, who must be among these. Raises IncompatibleMoments."""
        return self._combined(other, -1)

    def save(self, path: str | Path, *, shareable: bool = False, k: int = 10) -> None:
        """Write the moments to a file without overwriting one.

        The moments of few people are those people's scores: without `shareable` the file is written for its owner only
        (mode 0600) and only below a folder called ``restricted``. With `shareable` every pattern of visits, and within it
        every combination of factor levels, must hold at least `k` participants, and so must each value of a covariate of
        zeros and ones; there may be no weights, and no factor but the visit may change within participants. Not seen are
        other covariates with a value that few people have, and what two files tell that differ by few people.

        Raises
        ------
        NotShareable
            Some pattern or combination holds fewer than `k`, or the folder is not a restricted one.
        """
        target = Path(path)
        smallest = min(int(p.members[p.members > 0].min()) for p in self.patterns)
        if shareable and smallest < k:
            raise NotShareable(f"Some pattern of visits and factor levels holds {smallest} participants, fewer than {k}: their sums are participants' data.")
        if shareable:
            self._require_no_person(k)
        if not shareable and "restricted" not in target.absolute().parts[:-1]:
            raise NotShareable("These are participants' data: save them below a folder called 'restricted', or with shareable=True if no pattern is small.")
        header = {
            "format": FORMAT,
            "columns": self.coding.columns,
            "levels": self.coding.levels,
            "visits": self.visits,
            "groups": self.groups,
            "n_obs": self.n_obs,
            "n_subjects": self.n_subjects,
            "weighted": self.weighted,
            "sums": self.cells.sums,
            "shape": self.cells.shape,
            "patterns": [{"group": p.group, "visits": [int(v) for v in p.visits], "n": p.n} for p in self.patterns],
        }
        arrays = {
            "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            "r": self.scaling.r,
            "centre": self.scaling.centre,
            "numbers": np.array([self.scaling.scale, self.log_weights]),
            "varying": self.varying,
            "cell_index": self.cells.index,
            "cell_rows": self.cells.rows,
            # rows are never shared: for an unusually small k they leave as sums
            **{f"held_{at}": p.cross if shareable else p.held for at, p in enumerate(self.patterns)},
            **{f"members_{at}": p.members for at, p in enumerate(self.patterns)},
        }
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644 if shareable else 0o600)
        with os.fdopen(descriptor, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @staticmethod
    def load(path: str | Path) -> Moments:
        """Read moments that `save` wrote; a fit from them is identical.

        Raises
        ------
        IncompatibleMoments
            The file holds no moments of this version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            header = json.loads(arrays["header"].tobytes())
            if header["format"] != FORMAT:
                raise IncompatibleMoments(f"These moments have format {header['format']}; this version reads {FORMAT}: make them again.")
            levels = {name: tuple(values) for name, values in header["levels"].items()}
            columns = tuple(tuple((variable, level) for variable, level in column) for column in header["columns"])
            patterns = tuple(
                Pattern(p["group"], np.array(p["visits"], dtype=np.intp), p["n"], arrays[f"held_{at}"], arrays[f"members_{at}"])
                for at, p in enumerate(header["patterns"])
            )
            scale, log_weights = (float(value) for value in arrays["numbers"])
            return Moments(
                patterns=patterns,
                scaling=Scaling(arrays["r"], arrays["centre"], scale),
                coding=Coding(columns, levels),
                visits=tuple(header["visits"]),
                groups=tuple(header["groups"]),
                n_obs=header["n_obs"],
                n_subjects=header["n_subjects"],
                weighted=header["weighted"],
                log_weights=log_weights,
                varying=arrays["varying"],
                cells=Cells(tuple(header["shape"]), arrays["cell_index"], arrays["cell_rows"], header["sums"]),
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise IncompatibleMoments("This file holds no moments; make them with `moments` and `save`.") from error

    def _require_no_person(self, k: int) -> None:
        """Counts by factor levels do not see sums that single out people otherwise. Raises NotShareable."""
        if self.weighted:
            raise NotShareable("A large weight makes a sum one person's score: moments with weights are participants' data.")
        moving = [c[0][0] for c, varies in zip(self.coding.columns, self.varying, strict=True) if varies and len(c) == 1 and c[0][1] is not None]
        moving = sorted({name for name in moving if self.coding.levels[name] != self.visits})
        if moving:
            raise NotShareable(f"The factor {', '.join(moving)} changes within participants: differences of sums are those of the few who changed.")
        for p in self.patterns:
            m, q = len(p.visits), self.q
            for v, sums in enumerate(p.cross.reshape(m, m, q + 1, q + 1)[np.arange(m), np.arange(m), :q, :q]):
                products = self.scaling.r.T @ sums @ self.scaling.r
                for j, column in enumerate(self.coding.columns):
                    ones, squares = float(products[0, j]), float(products[j, j])
                    binary = any(level is None for _, level in column) and abs(squares - ones) < BINARY
                    # of an interaction with factors the zeros are other people too, whose levels are counted
                    fewest = min(ones, p.n - ones) if len(column) == 1 else ones
                    if binary and BINARY < fewest < k - BINARY:
                        raise NotShareable(f"{self.coding.labels[j]} is 0 or 1 and one of them is rare at visit {self.visits[p.visits[v]]}; leave it out.")

    def _combined(self, other: Moments, sign: int) -> Moments:
        _require_compatible(self, other)
        by_key = {p.key: p for p in self.patterns}
        for p in other.patterns:
            known = by_key.get(p.key)
            n = sign * p.n + (known.n if known else 0)
            if n < 0 or (sign < 0 and known is None):
                raise IncompatibleMoments("The moments to subtract hold participants that are not in these moments.")
            members = sign * p.members + (known.members if known else 0)
            by_key[p.key] = Pattern(p.group, p.visits, n, sign * p.cross + (known.cross if known else 0.0), members)
            if n == 0:
                del by_key[p.key]
        return replace(
            self,
            patterns=tuple(by_key[key] for key in sorted(by_key)),
            n_obs=self.n_obs + sign * other.n_obs,
            n_subjects=self.n_subjects + sign * other.n_subjects,
            weighted=self.weighted or other.weighted,
            log_weights=self.log_weights + sign * other.log_weights,
            varying=self.varying | other.varying,
            cells=self.cells.combined(other.cells, sign),
        )


def _require_compatible(one: Moments, other: Moments) -> None:
    same = (
        one.coding.columns == other.coding.columns
        and one.coding.levels == other.coding.levels
        and one.visits == other.visits
        and one.groups == other.groups
        and one.scaling.same(other.scaling)
    )
    if not same:
        raise IncompatibleMoments("These moments have other columns, levels, visits or scaling; make them with moments(..., like=the first).")


def by_visit_pattern(working: Working) -> Moments:
    """Cross-products by covariance group and pattern of observed visits."""
    design = working.design
    at, shape = design.cell_of_rows()
    combinations = int(np.prod(shape, dtype=np.intp))
    patterns = [
        Pattern(group, visits, len(rows), _held(working, rows), _members(at[rows], combinations)) for group, visits, rows in participants_by_pattern(design)
    ]
    return Moments(
        patterns=tuple(patterns),
        scaling=working.scaling,
        coding=design.coding,
        visits=design.visits,
        groups=design.groups,
        n_obs=len(design.y),
        n_subjects=design.n_subjects,
        weighted=design.root_weight is not None,
        log_weights=design.log_weights,
        varying=design.varying(),
        cells=design.cells,
    )


def participants_by_pattern(design: Design) -> list[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Group, visits, shape (m,), and rows of each participant, shape (n, m), for every pattern, in the order of keys."""
    first = design.first_rows
    n_visits = len(design.visits)
    visit = np.zeros(len(design.y), dtype=np.intp) if design.visit is None else design.visit
    seen = np.zeros((design.n_subjects, 1 + n_visits), dtype=np.uint8 if len(design.groups) < 256 else np.uint16)
    seen[design.subject, 1 + visit] = 1
    if design.group is not None:
        seen[:, 0] = design.group[first]
    packed = np.packbits(seen[:, 1:].astype(bool), axis=1)
    keyed = np.ascontiguousarray(np.column_stack([seen[:, :1].view(np.uint8).reshape(len(first), -1), packed]))
    _, example, member = np.unique(keyed.view(np.dtype((np.void, keyed.shape[1]))).ravel(), return_index=True, return_inverse=True)
    order = np.argsort(member, kind="stable")
    ends = np.cumsum(np.bincount(member))
    found: list[tuple[int, NDArray[np.intp], NDArray[np.intp]]] = []
    for k, end in enumerate(ends):
        mask = seen[example[k]]
        visits = np.flatnonzero(mask[1:]).astype(np.intp)
        who = first[order[(ends[k - 1] if k else 0) : end]]
        found.append((int(mask[0]), visits, who[:, None] + np.arange(len(visits))))
    return sorted(found, key=lambda p: (p[0], *(int(v) for v in p[1])))


def _members(cells: NDArray[np.intp], combinations: int) -> NDArray[np.intp]:
    """Participants in each combination of factor levels, shape (m, combinations), for cells of shape (n, m)."""
    return np.array([np.bincount(column, minlength=combinations) for column in cells.T], dtype=np.intp)


def _held(working: Working, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """What a pattern keeps of rows of shape (n, m): their sums, or themselves where they are few."""
    n, m, k = *rows.shape, len(working.design.coding.columns) + 1
    if n * (m + k) < m * k:
        return working.z(rows.ravel()).reshape(n, m, k)
    total = np.zeros((m * m, k * k))
    for at in range(0, n, PARTICIPANTS_AT_ONCE):
        total += _cross(working.z(rows[at : at + PARTICIPANTS_AT_ONCE].ravel()).reshape(-1, m, k))
    return total


def _cross(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of z_a z_b' over participants, shape (m * m, k * k), for z of shape (n, m, k)."""
    n, m, k = z.shape
    flat = z.reshape(n, m * k)
    return (flat.T @ flat).reshape(m, k, m, k).transpose(0, 2, 1, 3).reshape(m * m, k * k)
