"""Population-averaged effects: risks with the random effects integrated out, standardised over the participants' covariates.

Zeger, Liang & Albert (1988), Biometrics 44:1049. The coefficients of a binary mixed model hold for a person with given
random effects; the risk of a population is the mean of persons' risks. Standard errors by the delta method over all
parameters; limits of risks are symmetric in the log odds, those of ratios in their logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

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
class Risks:
    """Risks of every combination of some factors.

    Attributes
    ----------
    cells
        Level of each factor, in order.
    values, jacobian
        Risks, shape (c,), and their derivatives by all parameters, shape (c, k).
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

    @property
    def risks(self) -> tuple[Risk, ...]:
        """The risks, with limits symmetric in the log odds."""
        found: list[Risk] = []
        for cell, p, along in zip(self.cells, self.values, self.jacobian, strict=True):
            se = self._se(along)
            low, high = self._limits(float(np.log(p / (1 - p))), se / (p * (1 - p)))
            label = ", ".join(f"{name}={level}" for name, level in cell.items())
            found.append(Risk(label, "risk", float(p), se, self.df, float("nan"), 1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high)), cell))
        return tuple(found)

    def compare(self, factor: str, reference: str, measure: str = "difference") -> tuple[Risk, ...]:
        """Each level of a factor against its reference, within the levels of the others. Raises InvalidContrast."""
        if measure not in MEASURES:
            raise InvalidContrast(f"Unknown measure {measure!r}; use one of {', '.join(MEASURES)}.")
        at = {tuple(cell.items()): i for i, cell in enumerate(self.cells)}
        pairs = [(i, at.get(tuple({**cell, factor: reference}.items()))) for i, cell in enumerate(self.cells) if cell.get(factor, reference) != reference]
        if not pairs or any(other is None for _, other in pairs):
            raise InvalidContrast(f"There is no {factor}={reference} to compare with; the risks are by {', '.join(self.cells[0])}.")
        return tuple(self._compared(i, other, factor, measure) for i, other in pairs if other is not None)

    def _compared(self, i: int, other: int, factor: str, measure: str) -> Risk:
        p, r = float(self.values[i]), float(self.values[other])
        a, b = self.jacobian[i], self.jacobian[other]
        cell = self.cells[i]
        rest = ", ".join(f"{name}={level}" for name, level in cell.items() if name != factor)
        label = f"{cell[factor]} against {self.cells[other][factor]}" + (f", {rest}" if rest else "")
        if measure == "difference":
            estimate, along = p - r, a - b
        elif measure == "ratio":
            estimate, along = float(np.log(p / r)), a / p - b / r
        else:
            estimate, along = float(np.log(p / (1 - p) / (r / (1 - r)))), a / (p * (1 - p)) - b / (r * (1 - r))
        se = self._se(along)
        low, high = self._limits(estimate, se)
        p_value = 2 * float(stdtr(self.df, -abs(estimate / se)))
        if measure != "difference":
            estimate, low, high = float(np.exp(estimate)), float(np.exp(low)), float(np.exp(high))
        return Risk(label, measure, estimate, se, self.df, p_value, low, high, cell)

    def _se(self, along: Floats) -> float:
        return float(np.sqrt(along @ self.covariance @ along))

    def _limits(self, estimate: float, se: float) -> tuple[float, float]:
        half = se * float(stdtrit(self.df, (1 + self.conf_level) / 2))
        return estimate - half, estimate + half

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


def cells_of(design: Design, by: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Every combination of the factors. Raises InvalidContrast for one that is no factor of the model."""
    levels = design.coding.levels
    unknown = [name for name in by if name not in levels]
    if unknown or not by:
        raise InvalidContrast(f"{', '.join(unknown) or 'Nothing'} is no factor of the model; its factors are {', '.join(levels) or 'none'}.")
    return tuple(dict(zip(by, cell, strict=True)) for cell in product(*(levels[name] for name in by)))


def standardised(design: Design, cell: Mapping[str, str], at: Mapping[str, float]) -> Floats:
    """Design rows, shape (n, q): every cluster's own covariates, with a cell's levels and the numbers `at` in place of its own.

    Raises
    ------
    InvalidContrast
        A covariate differs within clusters and is neither in the cell nor in `at`.
    """
    given = {**cell, **at}
    coding, first = design.coding, design.first_rows
    values = {**design.codes, **design.numeric}
    used = dict.fromkeys(variable for column in coding.columns for variable, _ in column)
    moving = [name for name in used if name not in given and not (values[name] == values[name][first][design.subject]).all()]
    if moving:
        raise InvalidContrast(f"{', '.join(moving)} differs within participants: say at which value, by= or at=.")
    own = {name: values[name][first] for name in used if name not in given}
    return _rows(coding, own, given, len(first))


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
