"""Checks of a fit that may be released: every number stands for at least k participants.

Residuals have variance 1 under the model whatever the structure. With a visit schedule they are whitened in the order of the visits,
L^-1 (y - X b) with V = L L' (Pinheiro & Bates 2000, section 4.3; "normalized" in R's nlme): each is what the visits before it do not
tell. Without one a person's rows stand in no order, and each is what the person's other rows do not tell,
(V^-1 (y - X b))_i / sqrt((V^-1)_ii): the conditional residual over its standard deviation, with mean 0 by the normal equations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ketaoutcomes.mixed.design import Frame, table
from ketaoutcomes.mixed.errors import InvalidTerms
from ketaoutcomes.mixed.fit import Fit

Floats = NDArray[np.float64]


def binned_residuals(fit: Fit, bins: int = 10, k: int = 10) -> Frame:
    """Mean standardised residual and its standard deviation by bin of the fitted mean: columns fitted, residual, sd, n.

    Bins hold about equal numbers of rows, those with the same fitted mean in one bin; there are fewer bins than asked for where one
    would stand for fewer than `k` participants. `n` counts participants.

    Raises
    ------
    InvalidTerms
        There are fewer than `k` participants, or the fit is from moments.
    """
    fitted, residual, subject, _ = _rows(fit, k)
    size = float(np.abs(fitted).max()) or 1.0
    _, place, counts = np.unique(np.round(fitted / size, 9), return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(fitted)
    for count in range(bins, 0, -1):
        of = np.floor(middle * count).astype(np.intp)[place]
        parts = [np.flatnonzero(of == at) for at in np.unique(of)]
        if all(len(np.unique(subject[part])) >= k for part in parts):
            break
    else:
        raise InvalidTerms(f"No bin of this fit stands for {k} participants.")
    return table([
        {"fitted": fitted[p].mean(), "residual": residual[p].mean(), "sd": residual[p].std(ddof=1), "n": len(np.unique(subject[p]))} for p in parts
    ])  # fmt: skip


def quantile_pairs(fit: Fit, k: int = 10) -> Frame:
    """Quantiles of the standardised residuals beside the normal ones: columns probability, normal, residual, n.

    A quantile here is the mean of the residuals around it, of as many as belong to `k` participants, beside the mean of the
    normal quantiles of the same ranks: no residual of one person shows. From the 1 % to the 99 % quantile, where that many lie
    beyond it. `n` is the participants behind the mean.

    Raises
    ------
    InvalidTerms
        There are fewer than `k` participants, or the fit is from moments.
    """
    _, residual, subject, _ = _rows(fit, k)
    order = np.argsort(residual, kind="stable")
    normal = np.asarray(ndtri((np.arange(len(order)) + 0.5) / len(order)), dtype=np.float64)
    rows: list[dict[str, Any]] = []
    for probability in (0.01, 0.025, *(step / 20 for step in range(1, 20)), 0.975, 0.99):
        ranks = _around(subject[order], round(probability * len(order) - 0.5), k)
        if ranks is not None:
            n = len(np.unique(subject[order[ranks]]))
            rows.append({"probability": probability, "normal": normal[ranks].mean(), "residual": residual[order[ranks]].mean(), "n": n})
    return table(rows, ["probability", "normal", "residual", "n"])


def _around(subject: NDArray[np.intp], rank: int, k: int) -> NDArray[np.intp] | None:
    """The ranks nearest to one, as many on each side, that hold `k` participants; None where the end comes first."""
    for half in range(min(rank, len(subject) - 1 - rank) + 1):
        if len(np.unique(subject[rank - half : rank + half + 1])) >= k:
            return np.arange(rank - half, rank + half + 1)
    return None


def observed_and_fitted(fit: Fit, k: int = 10) -> Frame:
    """Mean observed and fitted score by visit, for each pattern of observed visits: columns pattern, visit, observed, fitted, n.

    A pattern is written by its last visit and the number of visits seen; patterns of fewer than `k` participants are added
    up under "other", which is left out where it holds fewer than `k` itself; where fewer than `k` would be left out of a
    visit, so is the smallest pattern there, since the mean of the whole visit tells the rest.

    Raises
    ------
    InvalidTerms
        The fit has no visit schedule, fewer than `k` participants, or is from moments.
    """
    fitted, _, subject, working = _rows(fit, k)
    design = working.design
    if design.visit is None:
        raise InvalidTerms("This fit has no visit schedule; use binned_residuals.")
    seen = np.zeros((design.n_subjects, len(design.visits)), dtype=bool)
    seen[subject, design.visit] = True
    last = len(design.visits) - 1 - np.argmax(seen[:, ::-1], axis=1)
    name = np.array([f"{row.sum()} visits, last {design.visits[at]}" for row, at in zip(seen, last, strict=True)])
    names, counts = np.unique(name, return_counts=True)
    small = set(names[counts < k])
    name = np.array(["other" if pattern in small else pattern for pattern in name])
    patterns = sorted(set(name))
    places = np.searchsorted(patterns, name)[subject]
    held = np.zeros((len(patterns), len(design.visits)), dtype=np.intp)
    np.add.at(held, (places, design.visit), 1)
    shown = _shown(held, k)
    rows: list[dict[str, Any]] = []
    for p, pattern in enumerate(patterns):
        for v, label in enumerate(design.visits):
            if shown[p, v]:
                at = (places == p) & (design.visit == v)
                rows.append({"pattern": str(pattern), "visit": label, "observed": design.y[at].mean(), "fitted": fitted[at].mean(), "n": int(at.sum())})
    return table(rows, ["pattern", "visit", "observed", "fitted", "n"])


def _shown(held: NDArray[np.intp], k: int) -> NDArray[np.bool_]:
    """Which means of patterns by visit to show, for people of shape (patterns, visits): none of fewer than `k`, nor all but fewer than `k`.

    The mean of a whole visit is printed elsewhere, and what is left of it is the mean of those not shown.
    """
    shown = held >= k
    for v in range(held.shape[1]):
        while shown[:, v].any() and 0 < held[~shown[:, v], v].sum() < k:
            shown[np.argmin(np.where(shown[:, v], held[:, v], np.iinfo(np.intp).max)), v] = False
    return shown


def _rows(fit: Fit, k: int) -> tuple[Floats, Floats, NDArray[np.intp], Any]:
    """Fitted means in the unit of the response, standardised residuals and participants of all rows."""
    solved = fit._solved  # pyright: ignore[reportPrivateUsage] - the engine's own
    working = solved.working
    if working is None:
        raise InvalidTerms("Residuals need each participant's rows; moments hold only sums: fit from the data.")
    if k < 2:
        raise InvalidTerms(f"A check stands for at least two participants; k is {k}.")
    if solved.n_subjects < k:
        raise InvalidTerms(f"{solved.n_subjects} participants are fewer than {k}.")
    design = working.design
    root = 1.0 if design.root_weight is None else design.root_weight
    fitted = design.x() @ fit.params.to_numpy() / root
    residual = np.full(len(fitted), np.nan)
    for rows, z, v in solved.covariance.blocks(solved.optimum.theta, independent=False):
        left = z[:, :, -1] - z[:, :, :-1] @ solved.optimum.at.beta
        if design.visit is not None:
            residual[rows] = np.linalg.solve(np.linalg.cholesky(v), left[:, :, None])[:, :, 0]
        else:
            inverse = np.linalg.inv(v)
            told = (inverse @ left[:, :, None])[:, :, 0]
            residual[rows] = told / np.sqrt(np.diagonal(inverse, axis1=-2, axis2=-1))
    return fitted, residual, design.subject, working
