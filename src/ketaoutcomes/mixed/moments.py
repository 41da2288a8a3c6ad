"""The data as sums: cross-products of design and response by pattern of observed visits.

The (RE)ML criterion and everything derived from it need a participant only through products of pairs of their rows, and
participants who were seen at the same visits enter with the same weight matrix, so their products are added once and
the cost of a fit no longer depends on the number of participants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.errors import (
    DegenerateResponse,
    OneVisitPerParticipant,
    TooFewParticipants,
)

# Residual variation below this share of the response's size is rounding, not data.
PERFECT_FIT = 1e-10
# A column of Q shorter than this within participants is constant there; an offset of 1e8 leaves rounding of 1e-9.
NO_VARIATION = 1e-7


@dataclass(frozen=True, slots=True)
class Scaling:
    """The internal coordinates of a fit and the way back.

    With X = QR, y = Q c + s y* and beta = R^-1 (c + s beta*), the working design is Q and the working response y*.
    Cross-products square the condition number, so they are formed only from Q and y*.

    Attributes
    ----------
    r
        Upper triangle of X = QR, shape (q, q).
    centre
        c = Q'y, shape (q,): the OLS fit.
    scale
        s, residual standard deviation of the OLS fit, in the unit of the response.
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

    @property
    def log_abs_det_r(self) -> float:
        """log |det R|."""
        return float(np.log(np.abs(np.diag(self.r))).sum())


def _solve(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.solve(a, b), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The participants seen at the same visits.

    Attributes
    ----------
    visits
        Visit numbers, shape (m,).
    n
        Number of participants.
    cross
        Sum over participants of z_a z_b', z = (Q row, y*), shape (m * m, (q + 1)**2), a and b over visits.
    """

    visits: NDArray[np.intp]
    n: int
    cross: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """All the data a fit needs.

    Attributes
    ----------
    patterns
        The sums, in a fixed order.
    n_visits
        T, the size of the covariance matrix.
    n_obs, n_subjects, q
        Rows, participants and fixed effects.
    """

    patterns: tuple[Pattern, ...]
    n_visits: int
    n_obs: int
    n_subjects: int
    q: int

    def residual_products(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of products of OLS residuals by pair of visits and the number of participants behind each, (T, T)."""
        products = np.zeros((self.n_visits, self.n_visits))
        counts = np.zeros((self.n_visits, self.n_visits))
        for p in self.patterns:
            m = len(p.visits)
            products[np.ix_(p.visits, p.visits)] += p.cross[:, -1].reshape(m, m)
            counts[np.ix_(p.visits, p.visits)] += p.n
        return products, counts


def scale(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], Scaling]:
    """Working data z = (Q, y*), shape (N, q + 1), and the way back.

    Raises
    ------
    TooFewParticipants
        There are not more rows than fixed effects.
    DegenerateResponse
        The fixed effects reproduce the response to rounding.
    """
    n, q = x.shape
    if n <= q:
        raise TooFewParticipants(f"{n} rows cannot estimate {q} fixed effects and a variance; use fewer terms.")
    basis, r = np.linalg.qr(x)
    centre = basis.T @ y
    residual = y - basis @ centre
    # Projected twice: after an offset of 1e8 one projection leaves rounding along Q.
    rest = basis.T @ residual
    residual, centre = residual - basis @ rest, centre + rest
    s = float(np.sqrt(residual @ residual / (n - q)))
    if s <= PERFECT_FIT * float(np.abs(y).max()) or s == 0.0:
        raise DegenerateResponse("The fixed effects reproduce the response exactly (is it constant?): no residual variance is left.")
    return np.column_stack([basis, residual / s]), Scaling(r, centre, s)


def by_visit_pattern(z: NDArray[np.float64], subject: NDArray[np.intp], visit: NDArray[np.intp], n_visits: int) -> Moments:
    """Cross-products by pattern of observed visits; rows sorted by participant, then visit.

    Parameters
    ----------
    z
        Working data, shape (N, q + 1).
    subject, visit
        Participant and visit number of each row, shape (N,).
    n_visits
        T.
    """
    n_subjects = int(subject[-1]) + 1
    seen = np.zeros((n_subjects, n_visits), dtype=bool)
    seen[subject, visit] = True
    first = np.searchsorted(subject, np.arange(n_subjects))
    masks, member = np.unique(seen, axis=0, return_inverse=True)
    patterns: list[Pattern] = []
    for k, mask in enumerate(masks):
        visits = np.flatnonzero(mask)
        who = first[member.ravel() == k]
        rows = z[who[:, None] + np.arange(len(visits))]
        patterns.append(Pattern(visits, len(who), _cross(rows)))
    return Moments(tuple(patterns), n_visits, len(z), n_subjects, z.shape[1] - 1)


def _cross(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    n, m, k = rows.shape
    flat = rows.reshape(n, m * k)
    return (flat.T @ flat).reshape(m, k, m, k).transpose(0, 2, 1, 3).reshape(m * m, k * k).copy()


def by_row_count(z: NDArray[np.float64], subject: NDArray[np.intp]) -> tuple[Moments, NDArray[np.intp]]:
    """Moments for a random intercept without a visit schedule.

    Under V = s_e^2 I + s_u^2 J an orthogonal (Helmert) rotation of a participant's n rows gives one scaled mean with
    variance s_e^2 + n s_u^2 and n - 1 contrasts with variance s_e^2, all independent. So two kinds of sums are
    sufficient: within participants, and between participants by number of rows. Each is a 'pattern' with one 'visit'.

    Returns
    -------
    moments
        'Visit' 0 is the within stratum, 'visit' k the means of participants with ``rows[k]`` rows.
    rows
        Number of rows, shape (T,); 0 for the within stratum.

    Raises
    ------
    OneVisitPerParticipant, TooFewParticipants, DegenerateResponse
        The two variances are not identified.
    """
    counts = np.bincount(subject)
    q = z.shape[1] - 1
    if counts.max() == 1:
        raise OneVisitPerParticipant(
            "Every participant has one row, so a random intercept cannot be told from the residual; add repeated assessments or use a linear model."
        )
    means = np.add.reduceat(z, np.r_[0, np.cumsum(counts)[:-1]]) / counts[:, None]
    within = z - means[subject]
    _require_two_strata(within, len(counts), q)
    sizes, member = np.unique(counts, return_inverse=True)
    patterns = [Pattern(np.array([0]), len(z) - len(counts), (within.T @ within).reshape(1, -1))]
    for k, size in enumerate(sizes):
        stratum = means[member == k] * np.sqrt(size)
        patterns.append(Pattern(np.array([k + 1]), len(stratum), (stratum.T @ stratum).reshape(1, -1)))
    moments = Moments(tuple(patterns), len(sizes) + 1, len(z), len(counts), q)
    return moments, np.r_[0, sizes].astype(np.intp)


def _require_two_strata(within: NDArray[np.float64], n_subjects: int, q: int) -> None:
    """Both strata need a residual degree of freedom, and the within stratum some variation."""
    left, singular, _ = np.linalg.svd(within[:, :-1], full_matrices=False)
    basis = left[:, singular > NO_VARIATION]
    residual_df = len(within) - n_subjects - basis.shape[1]
    between_df = n_subjects - (q - basis.shape[1])
    if residual_df < 1 or between_df < 1:
        raise TooFewParticipants(
            f"{n_subjects} participants with {len(within)} rows leave {max(between_df, 0)} degrees of freedom between "
            f"and {max(residual_df, 0)} within participants after the fixed effects; both must be at least 1."
        )
    response = within[:, -1]
    residual = response - basis @ (basis.T @ response)
    if np.sqrt(residual @ residual / residual_df) <= PERFECT_FIT:
        raise DegenerateResponse("The response does not vary within participants beyond the fixed effects.")
