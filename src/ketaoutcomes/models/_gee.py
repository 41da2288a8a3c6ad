"""Adapter to statsmodels for generalised estimating equations, with errors for few clusters.

The coefficients are statsmodels', given the working correlation. The correlation itself and the errors are ours: the
library's autoregressive correlation does not converge where visits are unevenly many, and its errors have no t reference.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
#: Of the working correlation, between two passes.
_STABLE, _PASSES, _STEPS = 1e-10, 200, 50
#: Largest element of the estimating function at a solution, in standard errors of its coefficient.
_SOLVED = 1e-6
#: Fay and Graubard's bound on how much of a cluster's score is its own.
_BOUND = 0.75
#: A cluster whose leverage is nearer to 1 alone decides a coefficient.
_ALONE = 1e-8


class NoEquations(ValueError):
    """The estimating equations have no solution, or its errors cannot be corrected."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """A solution.

    Attributes
    ----------
    coefficients, covariance
        Shapes (q,) and (q, q); `covariance` is the sandwich as it was corrected.
    correlation
        Parameter of the working correlation.
    df
        Clusters minus coefficients.
    score
        Largest element of the estimating function, each times its standard error: 0 at the solution.
    clusters
        How many.
    """

    coefficients: Floats
    covariance: Floats
    correlation: float
    df: float
    score: float
    clusters: int


@dataclass(frozen=True, slots=True)
class Equations:
    """The data of the equations, rows by cluster.

    Attributes
    ----------
    y, x
        Response (N,) and design (N, q).
    first_rows
        First row of each cluster, shape (n,).
    place
        Place of each row among the visits, shape (N,); its differences are the lags of `ar1`.
    binary
        Logit link and binomial variance; else identity and constant variance.
    weights
        Of the rows, shape (N,); with independence only.
    """

    y: Floats
    x: Floats
    first_rows: Codes
    place: Floats
    binary: bool
    weights: Floats | None = None

    def mean(self, beta: Floats) -> Floats:
        """Means at these coefficients."""
        eta = self.x @ beta
        return expit(eta) if self.binary else eta

    def variance(self, mean: Floats) -> Floats:
        """Variance function over the weights."""
        own = mean * (1 - mean) if self.binary else np.ones_like(mean)
        return own if self.weights is None else own / self.weights

    def slices(self) -> Iterator[slice]:
        """The rows of each cluster."""
        ends = [*self.first_rows[1:].tolist(), len(self.y)]
        return (slice(first, last) for first, last in zip(self.first_rows.tolist(), ends, strict=True))


def solve(equations: Equations, working: str, errors: str) -> Marginal:
    """Solve the equations (Liang & Zeger 1986, Biometrika 73:13).

    Parameters
    ----------
    equations
        The data.
    working
        ``independence``, ``exchangeable`` or ``ar1``.
    errors
        ``mancl-derouen``, ``kauermann-carroll``, ``fay-graubard``, or ``robust`` without correction.

    Raises
    ------
    NoEquations
        The passes do not settle, or one cluster alone decides a coefficient.
    """
    alpha = 0.0
    beta = _coefficients(equations, working, alpha, None)
    for _ in range(_PASSES):
        if working == "independence":
            break
        found = _correlation(equations, working, beta)
        beta, moved = _coefficients(equations, working, found, beta), abs(found - alpha)
        alpha = found
        if moved < _STABLE:
            break
    else:
        raise NoEquations("the working correlation does not settle; use `working: independence`")
    covariance, score = _sandwich(equations, working, alpha, beta, errors)
    if not score < _SOLVED:
        raise NoEquations(f"the estimating equations could not be solved: {score:.1e} standard errors are left; use fewer terms")
    clusters = len(equations.first_rows)
    return Marginal(beta, covariance, alpha, float(clusters - len(beta)), score, clusters)


def _coefficients(equations: Equations, working: str, alpha: float, start: Floats | None) -> Floats:
    """Coefficients given the working correlation."""
    from statsmodels.genmod import cov_struct, families  # pyright: ignore[reportMissingTypeStubs] - it ships none
    from statsmodels.genmod.generalized_estimating_equations import GEE  # pyright: ignore[reportMissingTypeStubs] - it ships none

    structures: dict[str, Any] = {
        "independence": cov_struct.Independence,
        "exchangeable": cov_struct.Exchangeable,
        "ar1": lambda: cov_struct.Autoregressive(grid=False),
    }
    structure = structures[working]()
    structure.dep_params = alpha
    groups = np.repeat(np.arange(len(equations.first_rows)), np.diff(np.r_[equations.first_rows, len(equations.y)]))
    family = families.Binomial() if equations.binary else families.Gaussian()
    equate: Any = GEE
    given: dict[str, Any] = {"time": equations.place, "family": family, "cov_struct": structure, "weights": equations.weights, "update_dep": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether the equations are solved is asked of the solution itself
        fit = equate(equations.y, equations.x, groups, **given).fit(maxiter=50, ctol=1e-10, start_params=start)
    if fit is None or not np.isfinite(fit.params).all():
        raise NoEquations("the estimating equations have no solution with this working correlation; use `working: independence`")
    return _polished(equations, working, alpha, np.asarray(fit.params, dtype=np.float64))


def _polished(equations: Equations, working: str, alpha: float, beta: Floats) -> Floats:
    """Fisher scoring to the end: the library takes `ar1` by the rows' order, which is not the visits' where one was missed."""
    for _ in range(_STEPS):
        whitened = _whitened(equations, working, alpha, beta)
        bread = np.sum([d.T @ d for d, _ in whitened], axis=0)
        step = np.asarray(np.linalg.solve(bread, np.sum([d.T @ e for d, e in whitened], axis=0)), dtype=np.float64)
        beta = beta + step
        if float(np.max(np.abs(step) * np.sqrt(np.diag(bread)))) < _STABLE:
            break
    return beta


def _residuals(equations: Equations, beta: Floats) -> Floats:
    """Pearson residuals."""
    mean = equations.mean(beta)
    return (equations.y - mean) / np.sqrt(equations.variance(mean))


def _correlation(equations: Equations, working: str, beta: Floats) -> float:
    """The correlation that fits the products of a cluster's Pearson residuals best by least squares, over their mean square.

    Prentice (1988), Biometrics 44:1033, with independent products, as R's geepack (Yan & Fine 2004, Stat Med 23:859).
    """
    residuals = _residuals(equations, beta)
    scale = float(np.mean(residuals**2))
    products: list[Floats] = []
    lags: list[Floats] = []
    for rows in equations.slices():
        own, place = residuals[rows], equations.place[rows]
        above = np.triu_indices(len(own), 1)
        products.append(np.outer(own, own)[above])
        lags.append(np.abs(np.subtract.outer(place, place))[above])
    product, lag = np.concatenate(products) / scale, np.concatenate(lags)
    if not len(product):
        raise NoEquations("nobody has two values, so the working correlation is not identified; use `working: independence`")
    return float(product.mean()) if working == "exchangeable" else _least_squares(product, lag)


def _least_squares(product: Floats, lag: Floats) -> float:
    """alpha in (-1, 1) that minimises the squared distance of products from alpha^lag."""
    from scipy.optimize import brentq

    steps = np.unique(lag)
    count, total = (np.array([np.sum(values[lag == step]) for step in steps]) for values in (np.ones_like(product), product))

    def slope(alpha: float) -> float:
        power = np.power(alpha, steps - 1)
        return float(np.sum(steps * power * (total - count * power * alpha)))

    start = float(np.clip((total / count)[0], -0.9, 0.9))
    low, high = start, start
    for _ in range(60):
        low, high = max(low - 0.05, -0.999), min(high + 0.05, 0.999)
        if slope(low) > 0 > slope(high):
            return float(brentq(slope, low, high, xtol=1e-14))
    raise NoEquations("the first-order autoregressive correlation is not identified; use `working: exchangeable`")


def _matrix(working: str, alpha: float, place: Floats) -> Floats:
    lag = np.abs(np.subtract.outer(place, place))
    if working == "ar1":
        return np.power(alpha, lag)
    return np.where(lag == 0, 1.0, alpha if working == "exchangeable" else 0.0)


def _sandwich(equations: Equations, working: str, alpha: float, beta: Floats, errors: str) -> tuple[Floats, float]:
    """The corrected sandwich, and how far the estimating function is from zero.

    In coordinates in which a cluster's working covariance is the identity, D are the derivatives of its means, e its
    residuals, B the inverse of the sum of D'D and P = D B D': Mancl & DeRouen (2001), Biometrics 57:126, take
    (I - P)^-1 e for e; Kauermann & Carroll (2001), J Am Stat Assoc 96:1387, (I - P)^-1/2 e; Fay & Graubard (2001),
    Biometrics 57:1198, multiply the score D'e by (1 - min(0.75, Q_jj))^-1/2, Q = D'D B.
    """
    whitened = _whitened(equations, working, alpha, beta)
    bread = np.asarray(np.linalg.inv(np.sum([d.T @ d for d, _ in whitened], axis=0)), dtype=np.float64)
    scores = np.array([_score(d, e, bread, errors) for d, e in whitened])
    covariance = np.asarray(bread @ (scores.T @ scores) @ bread, dtype=np.float64)
    left = np.sum([d.T @ e for d, e in whitened], axis=0)
    return covariance, float(np.max(np.abs(bread @ left) / np.sqrt(np.diag(covariance))))


def _whitened(equations: Equations, working: str, alpha: float, beta: Floats) -> list[tuple[Floats, Floats]]:
    """D and e of each cluster, in coordinates in which its working covariance is the identity."""
    mean = equations.mean(beta)
    variance = equations.variance(mean)
    slope = mean * (1 - mean) if equations.binary else np.ones_like(mean)
    whitened: list[tuple[Floats, Floats]] = []
    for rows in equations.slices():
        root = np.sqrt(variance[rows])
        try:
            lower = np.linalg.cholesky(root[:, None] * _matrix(working, alpha, equations.place[rows]) * root)
        except np.linalg.LinAlgError as error:
            raise NoEquations(f"no covariance has the working correlation {alpha:.2f} of a person's values; use `working: independence`") from error
        both = np.asarray(np.linalg.solve(lower, np.column_stack([slope[rows, None] * equations.x[rows], equations.y[rows] - mean[rows]])), dtype=np.float64)
        whitened.append((both[:, :-1], both[:, -1]))
    return whitened


def _score(d: Floats, e: Floats, bread: Floats, errors: str) -> Floats:
    """A cluster's part of the meat."""
    if errors == "robust":
        return d.T @ e
    if errors == "fay-graubard":
        own = np.einsum("ij,ji->i", d.T @ d, bread)
        return (d.T @ e) / np.sqrt(1 - np.minimum(_BOUND, own))
    values, vectors = np.linalg.eigh(d @ bread @ d.T)
    if values[-1] > 1 - _ALONE:
        raise NoEquations("one person alone decides a coefficient, which leaves nothing to correct its error by; merge levels or use fewer terms")
    power = -1.0 if errors == "mancl-derouen" else -0.5
    return d.T @ (vectors @ ((1 - values) ** power * (vectors.T @ e)))
