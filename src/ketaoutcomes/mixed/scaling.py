"""The internal coordinates of a fit: a well-conditioned design and a response of residual variance 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from ketaoutcomes.mixed.design import Design
from ketaoutcomes.mixed.errors import DegenerateResponse, RankDeficient, TooFewParticipants

# Residual variation below this share of the response's size is rounding, not data.
PERFECT_FIT = 1e-10
# A baseline shifted by 1e8 keeps 5e-8 of its length beside the intercept; rounding alone leaves about 1e-15.
RANK_TOLERANCE = 1e-11
# Up to this condition number X'X loses at most half of the digits, and Q stays orthonormal to 1e-8.
SAFE_TO_SQUARE = 1e4
# The OLS fit is near enough when its last correction is below this share of the residual sum of squares.
SMALL_CORRECTION = 1e-10
MOST_PROJECTIONS = 4
# Elements of the working data that are kept in memory (400 MB); above, rows are made again when asked for.
MOST_KEPT = 5_000_000
ROWS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class Scaling:
    """The internal coordinates of a fit and the way back.

    With X = QR, y = Q c + s y* and beta = R^-1 (c + s beta*), the working design is Q and the working response y*.
    Cross-products square the condition number, so they are formed only from Q and y*. Q need only be well
    conditioned, c and s near the OLS fit: every result is exact for the c and s that are held here.

    Attributes
    ----------
    r
        Upper triangle, shape (q, q).
    centre
        c, shape (q,).
    scale
        s, in the unit of the response.
    """

    r: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: float

    def beta(self, working: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients, shape (q,), of the columns of X."""
        return _solve(self.r, self.centre + self.scale * working)

    def covariance(self, working: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance, shape (q, q), of the coefficients of X."""
        half = _solve(self.r, working)
        result = _solve(self.r, half.T) * self.scale**2
        return (result + result.T) / 2

    def contrast(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Contrast rows, shape (k, q), in the coordinates of Q."""
        return _solve(self.r.T, rows.T).T

    def same(self, other: Scaling) -> bool:
        """Whether both are the same coordinates, to the last bit."""
        return self.scale == other.scale and np.array_equal(self.r, other.r) and np.array_equal(self.centre, other.centre)

    @property
    def log_abs_det_r(self) -> float:
        """log |det R|."""
        return float(np.log(np.abs(np.diag(self.r))).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Working:
    """The rows of a design in working coordinates.

    Attributes
    ----------
    design
        The numbers.
    scaling
        The coordinates.
    kept
        All rows z = (Q, y*), shape (N, q + 1); None where they would take too much memory.
    """

    design: Design
    scaling: Scaling
    kept: NDArray[np.float64] | None

    def z(self, rows: NDArray[np.intp] | slice) -> NDArray[np.float64]:
        """Some rows of (Q, y*), shape (n, q + 1)."""
        return _working(self.design, self.scaling, rows) if self.kept is None else self.kept[rows]


def standardise(design: Design, like: Scaling | None = None) -> Working:
    """Coordinates for a design, or its rows in the coordinates `like`.

    Raises
    ------
    TooFewParticipants
        There are not more rows than fixed effects.
    RankDeficient
        Some columns depend on the others.
    DegenerateResponse
        The fixed effects reproduce the response to rounding.
    """
    n, q = len(design.y), len(design.coding.columns)
    x = design.x() if n * (q + 1) <= MOST_KEPT else None
    scaling = like or _from_products(design, x) or _from_rows(design)
    if x is None:
        return Working(design, scaling, None)
    basis = _basis(scaling.r, x)
    return Working(design, scaling, np.column_stack([basis, (design.response() - basis @ scaling.centre) / scaling.scale]))


def coordinates(design: Design) -> Scaling:
    """Coordinates of the coefficients alone, in which the columns of the design are orthogonal and of size 1.

    Raises
    ------
    RankDeficient
        Some columns depend on the others.
    """
    x = design.x()
    r = np.asarray(np.linalg.qr(x, mode="r"), dtype=np.float64)
    _require_full_rank(design, r)
    return Scaling(r / np.sqrt(len(x)), np.zeros(len(r)), 1.0)


def basis_of(scaling: Scaling, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of a design, shape (n, q), in the coordinates of a scaling."""
    return _basis(scaling.r, x)


def _from_products(design: Design, x: NDArray[np.float64] | None) -> Scaling | None:
    """The triangle of (X, y) from its cross-products: R, c and the residual in one pass; None where squaring is not safe."""
    n, q = len(design.y), len(design.coding.columns)
    gram = np.zeros((q + 1, q + 1))
    for rows in _chunks(n):
        block = np.column_stack([design.x(rows) if x is None else x[rows], design.response(rows)])
        gram += block.T @ block
    length = np.sqrt(np.diag(gram))
    if n <= q or not (length > 0).all():
        return None
    try:
        unit = np.linalg.cholesky(gram / np.outer(length, length)).T
    except np.linalg.LinAlgError:
        return None
    if not np.linalg.cond(unit) < SAFE_TO_SQUARE:
        return None
    triangle = np.asarray(unit * length, dtype=np.float64)
    return Scaling(triangle[:q, :q], triangle[:q, q], float(triangle[q, q]) / float(np.sqrt(n - q)))


def _from_rows(design: Design) -> Scaling:
    """By Householder's QR; c is projected until nothing is left: after an offset of 1e8 one projection leaves rounding along Q."""
    x, y = design.x(), design.response()
    n, q = x.shape
    r = np.asarray(np.linalg.qr(x, mode="r"), dtype=np.float64)
    _require_full_rank(design, r)
    if n <= q:
        raise TooFewParticipants(f"{n} rows cannot estimate {q} fixed effects and a variance; use fewer terms.")
    basis = _basis(r, x)
    centre = np.zeros(q)
    for _ in range(MOST_PROJECTIONS):
        residual = y - basis @ centre
        rest = basis.T @ residual
        centre = centre + rest
        if float(rest @ rest) <= SMALL_CORRECTION * float(residual @ residual):
            break
    residual = y - basis @ centre
    s = float(np.sqrt(residual @ residual / (n - q)))
    if s <= PERFECT_FIT * float(np.abs(y).max()):
        raise DegenerateResponse("The fixed effects reproduce the response exactly (is it constant?): no residual variance is left.")
    return Scaling(r, centre, s)


def _basis(r: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Q = X R^-1, shape (n, q): by the inverse where R is well conditioned, which is several times faster."""
    length = np.linalg.norm(r, axis=0)
    if np.linalg.cond(r / length) < SAFE_TO_SQUARE:
        return x @ np.asarray(solve_triangular(r, np.eye(len(r)), check_finite=False), dtype=np.float64)
    return np.asarray(solve_triangular(r, x.T, trans="T", check_finite=False).T, dtype=np.float64)


def _working(design: Design, scaling: Scaling, rows: NDArray[np.intp] | slice) -> NDArray[np.float64]:
    """z = (Q, y*) of some rows, shape (n, q + 1)."""
    basis = _basis(scaling.r, design.x(rows))
    return np.column_stack([basis, (design.response(rows) - basis @ scaling.centre) / scaling.scale])


def _chunks(n: int) -> Iterator[slice]:
    return (slice(at, min(at + ROWS_AT_ONCE, n)) for at in range(0, n, ROWS_AT_ONCE))


def _require_full_rank(design: Design, r: NDArray[np.float64]) -> None:
    """Pivoted QR on unit-length columns decides the rank; the aliased columns are then named in model order.

    The columns of R have the lengths and angles of those of X.
    """
    length = np.linalg.norm(r, axis=0)
    unit = r / np.where(length > 0, length, 1.0)
    if _rank(unit) == r.shape[1]:
        return
    kept: list[int] = []
    for j in range(r.shape[1]):
        if _rank(unit[:, [*kept, j]]) == len(kept) + 1:
            kept.append(j)
    aliased = tuple(label for j, label in enumerate(design.coding.labels) if j not in kept)
    empty = design.empty_cells()
    why = f" No row has {'; nor '.join(empty)}." if empty else ""
    raise RankDeficient(
        f"{len(aliased)} of {r.shape[1]} fixed effects depend on the others: {', '.join(aliased)}.{why} Remove the terms, or the levels without data.",
        aliased,
    )


def _rank(x: NDArray[np.float64]) -> int:
    r = np.asarray(qr(x, mode="r", pivoting=True)[0], dtype=np.float64)
    diagonal = np.abs(np.diag(r))
    return int((diagonal > RANK_TOLERANCE * max(float(diagonal[0]), 1e-300)).sum())


def _solve(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.solve(a, b), dtype=np.float64)
