"""Least-squares means: model predictions averaged over a grid of the factors.

Searle, Speed & Milliken (1980), Am Stat 34:216. Factors that are not asked for are averaged with equal weights, or in
the proportions in which their combinations occur among the rows (R's emmeans "proportional", SAS OM); numeric
covariates stand at their mean over the rows that enter the fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.coding import Cells, Coding, Term
from ketaoutcomes.mixed.contrasts import Contrast, Contrasts, Estimate, contrast
from ketaoutcomes.mixed.design import LARGEST_VALUE, Frame, table
from ketaoutcomes.mixed.errors import InvalidContrast
from ketaoutcomes.mixed.inference import Inference

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LsMean(Estimate):
    """One LS mean.

    Attributes
    ----------
    cell
        Level of each factor asked for.
    weights
        The linear combination of coefficients it is, shape (q,); differences of weights are differences of LS means.
    """

    cell: Mapping[str, str]
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LsMeans(Sequence[LsMean]):
    """LS means in the order of their cells, the last factor varying fastest.

    Attributes
    ----------
    means
        The LS means.
    """

    means: tuple[LsMean, ...]
    _inference: Inference
    _conf_level: float

    @overload
    def __getitem__(self, index: int) -> LsMean: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LsMean]: ...
    def __getitem__(self, index: int | slice) -> LsMean | Sequence[LsMean]:
        return self.means[index]

    def __len__(self) -> int:
        return len(self.means)

    def __iter__(self) -> Iterator[LsMean]:
        return iter(self.means)

    def tidy(self) -> Frame:
        """One row per cell: the factors, estimate, std_error, df, t, p_value, conf_low, conf_high."""
        return table([{**mean.cell, **mean.row()} for mean in self.means])

    def against(self, factor: str, reference: str | None = None) -> Contrasts:
        """Each level of `factor` minus the reference (default: its first level) within each cell of the others.

        A difference that the model holds at 0, as between arms at a shared baseline, is left out.
        """
        levels = self._levels(factor)
        first = levels[0] if reference is None else reference
        if first not in levels:
            raise InvalidContrast(f"{first!r} is not a level of {factor!r}: {levels}.")
        return self._differences(factor, [(level, first) for level in levels if level != first])

    def within(self, factor: str, level: str) -> LsMeans:
        """The means at one level of a factor: a family of contrasts of its own."""
        if level not in self._levels(factor):
            raise InvalidContrast(f"{level!r} is not a level of {factor!r}: {self._levels(factor)}.")
        return LsMeans(tuple(mean for mean in self.means if mean.cell[factor] == level), self._inference, self._conf_level)

    def pairwise(self, factor: str) -> Contrasts:
        """Every level of `factor` minus every later one, within each cell of the others."""
        return self._differences(factor, list(combinations(self._levels(factor), 2)))

    def averaged(self, over: str) -> LsMeans:
        """The means over the levels of one factor with equal weights, such as over the visits."""
        self._levels(over)
        cells = list(dict.fromkeys(self._others(mean, over) for mean in self.means))
        rows = {cell: np.mean([mean.weights for mean in self.means if self._others(mean, over) == cell], axis=0) for cell in cells}
        return LsMeans(tuple(_ls_mean(self._inference, dict(cell), row, self._conf_level) for cell, row in rows.items()), self._inference, self._conf_level)

    def _levels(self, factor: str) -> list[str]:
        if factor not in self.means[0].cell:
            raise InvalidContrast(f"These LS means are by {', '.join(self.means[0].cell)}, not by {factor!r}.")
        return list(dict.fromkeys(mean.cell[factor] for mean in self.means))

    @staticmethod
    def _others(mean: LsMean, factor: str) -> tuple[tuple[str, str], ...]:
        return tuple((name, level) for name, level in mean.cell.items() if name != factor)

    def _differences(self, factor: str, pairs: Sequence[tuple[str, str]]) -> Contrasts:
        by_cell = {(self._others(mean, factor), mean.cell[factor]): mean for mean in self.means}
        found: list[Contrast] = []
        for others in dict.fromkeys(self._others(mean, factor) for mean in self.means):
            where = "".join(f", {name} {level}" for name, level in others)
            for level, reference in pairs:
                row = by_cell[others, level].weights - by_cell[others, reference].weights
                if not row.any():
                    continue
                e = contrast(self._inference, row, self._conf_level)
                found.append(Contrast(e.estimate, e.se, e.df, e.t, e.p, e.lower, e.upper, f"{level} - {reference}{where}", dict(others), row))
        return Contrasts(tuple(found), self._inference, self._conf_level)


def ls_means(
    inference: Inference,
    coding: Coding,
    cells: Cells,
    by: Sequence[str],
    at: Mapping[str, str | float] | None,
    weights: str,
    conf_level: float,
) -> LsMeans:
    """LS means of every combination of the factors `by`, the last varying fastest.

    Parameters
    ----------
    inference, coding, cells
        The fit.
    by
        Factors of the model.
    at
        Values that replace the mean of a numeric covariate, or hold a factor at one level.
    weights
        "equal", or "observed": the proportions of the combinations of the averaged factors among the rows.
    conf_level
        Of the intervals.

    Raises
    ------
    InvalidContrast
        `by` or `at` names something that is not in the model.
    """
    fixed_values = dict(at or {})
    _require_known(coding, by, fixed_values)
    if weights not in {"equal", "observed"}:
        raise InvalidContrast(f"Unknown weights {weights!r}; use 'equal' or 'observed'.")
    averaged = [name for name in coding.levels if name not in by and name not in fixed_values]
    shares = _shares(coding, cells, averaged, weights)
    held: dict[str, str | float] = {**cells.means, **fixed_values}
    found: list[LsMean] = []
    for cell in _grid(coding, by):
        rows = [coding.row({**held, **cell, **rest}) for rest in _grid(coding, averaged)]
        found.append(_ls_mean(inference, cell, shares @ np.array(rows), conf_level))
    return LsMeans(tuple(found), inference, conf_level)


def term_rows(coding: Coding, cells: Cells, term: Term) -> Floats:
    """Contrast rows, shape (r, q), that test one term: differences of LS means along each of its factors.

    A numeric covariate in the term counts as its value one unit above the mean minus the mean, so a row is a slope, or
    a difference of slopes. Other covariates stand at their mean: R's emmeans::joint_tests.
    """
    steps = {name: ([(level, coding.levels[name][0]) for level in coding.levels[name][1:]] if name in coding.levels else [None]) for name in term}
    averaged = [name for name in coding.levels if name not in term]
    rows: list[Floats] = []
    for chosen in product(*steps.values()):
        total = np.zeros(len(coding.columns))
        for signs in product((1.0, -1.0), repeat=len(term)):
            held: dict[str, str | float] = dict(cells.means)
            for name, step, sign in zip(term, chosen, signs, strict=True):
                held[name] = cells.means[name] + (sign > 0) if step is None else step[0 if sign > 0 else 1]
            total += float(np.prod(signs)) * np.mean([coding.row({**held, **rest}) for rest in _grid(coding, averaged)], axis=0)
        rows.append(total)
    return np.array(rows)


def _require_known(coding: Coding, by: Sequence[str], at: Mapping[str, str | float]) -> None:
    numeric = coding.numeric
    unknown = [name for name in by if name not in coding.levels]
    unknown += [name for name in at if name not in coding.levels and name not in numeric]
    if unknown or len(set(by)) != len(by) or isinstance(by, str):
        raise InvalidContrast(
            f"LS means by {by!r} at {sorted(at)}: not in the model, repeated, or not a list; its factors are {sorted(coding.levels)}, "
            f"its numeric covariates {sorted(numeric)}."
        )
    for name, value in at.items():
        if name in by:
            raise InvalidContrast(f"The factor {name!r} cannot stand both in `by` and in `at`.")
        if name in coding.levels and value not in coding.levels[name]:
            raise InvalidContrast(f"{value!r} is not a level of {name!r}: {list(coding.levels[name])}.")
        if name in numeric and not (isinstance(value, (int, float, np.number)) and abs(float(value)) <= LARGEST_VALUE):
            raise InvalidContrast(f"The covariate {name!r} needs a finite number in `at`.")


def _shares(coding: Coding, cells: Cells, averaged: Sequence[str], weights: str) -> Floats:
    """Weight of each combination of the averaged factors, the last varying fastest, summing to 1."""
    shape = tuple(len(coding.levels[name]) for name in averaged)
    size = int(np.prod(shape, dtype=np.intp))
    if weights == "equal" or not averaged:
        return np.full(size, 1 / size)
    names = list(coding.levels)
    levels = np.unravel_index(cells.index, cells.shape)
    at = np.ravel_multi_index([levels[names.index(name)] for name in averaged], shape)
    counts = np.bincount(at, weights=cells.rows.astype(np.float64), minlength=size)
    return counts / counts.sum()


def _grid(coding: Coding, by: Sequence[str]) -> Iterator[dict[str, str]]:
    for cell in product(*(coding.levels[name] for name in by)):
        yield dict(zip(by, cell, strict=True))


def _ls_mean(inference: Inference, cell: dict[str, str], row: Floats, conf_level: float) -> LsMean:
    e = contrast(inference, row, conf_level)
    return LsMean(e.estimate, e.se, e.df, e.t, e.p, e.lower, e.upper, cell, row)
