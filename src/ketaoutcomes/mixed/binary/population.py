"""Population-averaged effects: risks with the random effects integrated out, standardised over the participants' covariates.

Zeger, Liang & Albert (1988), Biometrics 44:1049. The coefficients of a binary mixed model hold for a person with given
random effects; the risk of a population is the mean of persons' risks. Standard errors by the delta method over all
parameters; limits of risks are symmetric in the log odds, those of ratios in their logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtr, stdtrit

from ketaoutcomes.mixed.binary.links import Link
from ketaoutcomes.mixed.coding import Coding
from ketaoutcomes.mixed.design import Design, Frame, table
from ketaoutcomes.mixed.errors import InvalidContrast

Floats = NDArray[np.float64]
# The trapezoidal rule over +-9 standard deviations leaves 1e-18 outside; a logistic function of steepness t has poles at
# pi / t, so that a step h leaves exp(-2 pi^2 / (h t)) inside.
REACH = 9.0
STEP = 0.1
POLES = 0.4
# People whose integrals are held in memory together.
PEOPLE_AT_ONCE = 200
MEASURES = ("difference", "ratio", "odds_ratio")


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk or a comparison of two.

    Attributes
    ----------
    label
        Such as "arm=ketamine, visit=28" or "ketamine against placebo, visit=28".
    measure
        "risk", "difference", "ratio" or "odds_ratio".
    estimate, se
        On the scale of the measure; the standard error of a ratio is that of its logarithm.
    df
        Of the limits.
    p
        Two-sided, against no difference; NaN for a risk.
    lower, upper
        Confidence limits.
    cell
        Level of each factor.
    """

    label: str
    measure: str
    estimate: float
    se: float
    df: float
    p: float
    lower: float
    upper: float
    cell: Mapping[str, str]

    def row(self) -> dict[str, float | str]:
        """The numbers under the names of a table."""
        numbers: dict[str, float | str] = {"label": self.label, "measure": self.measure, "estimate": self.estimate, "std_error": self.se, "df": self.df}
        return {**numbers, "p_value": self.p, "conf_low": self.lower, "conf_high": self.upper}


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """Means of every combination of some factors.

    Attributes
    ----------
    cells
        Level of each factor, in order.
    values, jacobian
        Means, shape (c,), and their derivatives by all parameters, shape (c, k).
    covariance
        Of the parameters, shape (k, k).
    df, conf_level
        Of the limits.
    """

    cells: tuple[Mapping[str, str], ...]
    values: Floats
    jacobian: Floats
    covariance: Floats
    df: float
    conf_level: float

    def _pairs(self, factor: str, reference: str) -> list[tuple[int, int]]:
        """Each cell with the cell it is compared with."""
        at = {tuple(cell.items()): i for i, cell in enumerate(self.cells)}
        pairs = [(i, at.get(tuple({**cell, factor: reference}.items()))) for i, cell in enumerate(self.cells) if cell.get(factor, reference) != reference]
        if not pairs or any(other is None for _, other in pairs):
            raise InvalidContrast(f"There is no {factor}={reference} to compare with; the means are by {', '.join(self.cells[0])}.")
        return [(i, other) for i, other in pairs if other is not None]

    def _compared(self, i: int, other: int, factor: str, measure: str, estimate: float, along: Floats) -> Risk:
        cell = self.cells[i]
        rest = {name: level for name, level in cell.items() if name != factor}
        label = f"{cell[factor]} against {self.cells[other][factor]}" + (f", {_label(rest)}" if rest else "")
        se = self._se(along)
        low, high = self._limits(estimate, se)
        return Risk(label, measure, estimate, se, self.df, 2 * float(stdtr(self.df, -abs(estimate / se))), low, high, cell)

    def _difference(self, i: int, other: int, factor: str, measure: str) -> Risk:
        return self._compared(i, other, factor, measure, float(self.values[i] - self.values[other]), self.jacobian[i] - self.jacobian[other])

    def _se(self, along: Floats) -> float:
        return float(np.sqrt(along @ self.covariance @ along))

    def _limits(self, estimate: float, se: float) -> tuple[float, float]:
        half = se * float(stdtrit(self.df, (1 + self.conf_level) / 2))
        return estimate - half, estimate + half


@dataclass(frozen=True, slots=True, eq=False)
class Risks(_Values):
    """Risks of every combination of some factors."""

    @property
    def risks(self) -> tuple[Risk, ...]:
        """The risks, with limits symmetric in the log odds."""
        found: list[Risk] = []
        for cell, p, along in zip(self.cells, self.values, self.jacobian, strict=True):
            se = self._se(along)
            low, high = self._limits(float(np.log(p / (1 - p))), se / float(p * (1 - p)))
            found.append(Risk(_label(cell), "risk", float(p), se, self.df, float("nan"), float(expit(low)), float(expit(high)), cell))
        return tuple(found)

    def compare(self, factor: str, reference: str, measure: str = "difference") -> tuple[Risk, ...]:
        """Each level of a factor against its reference, within the levels of the others. Raises InvalidContrast."""
        if measure not in MEASURES:
            raise InvalidContrast(f"Unknown measure {measure!r}; use one of {', '.join(MEASURES)}.")
        pairs = self._pairs(factor, reference)
        return tuple(self._difference(*pair, factor, measure) if measure == "difference" else self._ratio(*pair, factor, measure) for pair in pairs)

    def _ratio(self, i: int, other: int, factor: str, measure: str) -> Risk:
        """By its logarithm."""
        p = self.values if measure == "ratio" else self.values / (1 - self.values)
        along = self.jacobian / (self.values if measure == "ratio" else self.values * (1 - self.values))[:, None]
        found = self._compared(i, other, factor, measure, float(np.log(p[i] / p[other])), along[i] - along[other])
        return replace(found, estimate=float(np.exp(found.estimate)), lower=float(np.exp(found.lower)), upper=float(np.exp(found.upper)))

    def tidy(self) -> Frame:
        """One row per risk."""
        return table([risk.row() for risk in self.risks])


def latent(spread: float) -> tuple[Floats, Floats]:
    """Nodes v and weights for the mean over v ~ N(0, 1) of a function whose argument moves by `spread` v."""
    step = min(STEP, POLES / max(spread, 1e-9))
    half = np.arange(1, int(np.ceil(REACH / step)) + 1) * step
    v = np.r_[-half[::-1], 0.0, half]
    weights = np.exp(-(v**2) / 2)
    return v, weights / weights.sum()


@dataclass(frozen=True, slots=True, eq=False)
class Durations(_Values):
    """Restricted mean times without the event, of every combination of some factors."""

    def compare(self, factor: str, reference: str) -> tuple[Risk, ...]:
        """Differences of each level of a factor from its reference. Raises InvalidContrast."""
        return tuple(self._difference(i, other, factor, "restricted_mean_difference") for i, other in self._pairs(factor, reference))

    @property
    def means(self) -> tuple[Risk, ...]:
        """The mean times."""
        found: list[Risk] = []
        for cell, value, along in zip(self.cells, self.values, self.jacobian, strict=True):
            se = self._se(along)
            low, high = self._limits(float(value), se)
            found.append(Risk(_label(cell), "restricted_mean", float(value), se, self.df, float("nan"), low, high, cell))
        return tuple(found)


def _label(cell: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={level}" for name, level in cell.items()) or "everybody"


def cells_of(design: Design, by: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Every combination of the factors; without factors everybody. Raises InvalidContrast for one that is no factor of the model."""
    levels = design.coding.levels
    unknown = [name for name in by if name not in levels]
    if unknown:
        raise InvalidContrast(f"{', '.join(unknown)} is no factor of the model; its factors are {', '.join(levels) or 'none'}.")
    return tuple(dict(zip(by, cell, strict=True)) for cell in product(*(levels[name] for name in by)))


def standardised(design: Design, cell: Mapping[str, str], at: Mapping[str, str | float], over: Mapping[str, str | float] | None = None) -> Floats:
    """Design rows, shape (n, q): everybody's own covariates, with a cell's levels and the values `at` in place of their own.

    Everybody is each cluster once, by its first row; or, where clusters are sites, the rows with the levels or numbers `over`.

    Raises
    ------
    InvalidContrast
        A covariate differs within clusters and is neither in the cell nor in `at`; or no row has the levels `over`.
    """
    given = {**cell, **at}
    coding = design.coding
    values = {**design.codes, **design.numeric}
    used = dict.fromkeys(variable for column in coding.columns for variable, _ in column)
    if over:
        here = [design.numeric[name] == value if name in design.numeric else design.codes[name] == _place(coding, name, value) for name, value in over.items()]
        rows = np.flatnonzero(np.logical_and.reduce(here))
        if not len(rows):
            raise InvalidContrast(f"No row has {', '.join(f'{name}={value}' for name, value in over.items())}.")
    else:
        rows = design.first_rows
        moving = [name for name in used if name not in given and not (values[name] == values[name][rows][design.subject]).all()]
        if moving:
            raise InvalidContrast(f"{', '.join(moving)} differs within participants: say at which value, by= or at=, or whom to average over, over=.")
    own = {name: values[name][rows] for name in used if name not in given}
    return _rows(coding, own, given, len(rows))


def _place(coding: Coding, name: str, level: str | float) -> int:
    return coding.levels[name].index(str(level))


def _rows(coding: Coding, own: Mapping[str, NDArray[np.intp] | Floats], given: Mapping[str, str | float], n: int) -> Floats:
    result = np.ones((n, len(coding.columns)))
    for j, column in enumerate(coding.columns):
        for variable, level in column:
            if variable in given:
                result[:, j] *= float(given[variable]) if level is None else float(given[variable] == level)
            else:
                result[:, j] *= own[variable] if level is None else own[variable] == coding.levels[variable].index(level)
    return result


def averaged(link: Link, eta: Floats, spread: float) -> tuple[Floats, Floats, Floats]:
    """Mean risk at each linear predictor, shape (n,), over a normal of standard deviation `spread`, and its derivatives by both."""
    v, weights = latent(spread)
    moved = eta[:, None] + spread * v
    slope = link.slope(moved)
    return link.probability(moved) @ weights, slope @ weights, slope @ (weights * v)


def without_event(link: Link, eta: Floats, x: Floats, spread: float) -> tuple[Floats, Floats, Floats]:
    """Mean shares without an event to the end of each of K intervals, with the random effect shared by a person's intervals.

    Linear predictors eta (n, K) and designs x (n, K, q). Returns the shares, shape (K,), and their derivatives by the
    coefficients, (K, q), and by `spread`, (K,).
    """
    v, weights = latent(spread)
    n, periods, q = x.shape
    shares, by_beta, by_spread = np.zeros(periods), np.zeros((periods, q)), np.zeros(periods)
    for first in range(0, n, PEOPLE_AT_ONCE):
        part = slice(first, min(first + PEOPLE_AT_ONCE, n))
        moved = eta[part, :, None] + spread * v
        none = 1 - link.probability(moved)
        pull = link.slope(moved) / np.maximum(none, 1e-300)
        weighted = np.cumprod(none, axis=1) * weights
        shares += weighted.sum(axis=(0, 2))
        by_spread -= (weighted * np.cumsum(pull, axis=1) * v).sum(axis=(0, 2))
        crossed = np.einsum("ikv,ilv->ikl", weighted, pull, optimize=True) * np.tri(periods)
        by_beta -= np.einsum("ikl,ilq->kq", crossed, x[part], optimize=True)
    return shares / n, by_beta / n, by_spread / n
