"""Least-squares means: model predictions averaged over a balanced grid of the factors.

Searle, Speed & Milliken (1980), Am Stat 34:216. Factors that are not asked for are averaged with equal weights;
numeric covariates stand at their mean over the rows that enter the fit, the default of R's emmeans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.contrasts import Estimate, contrast
from ketaoutcomes.mixed.design import Coding
from ketaoutcomes.mixed.errors import InvalidContrast
from ketaoutcomes.mixed.satterthwaite import Inference


@dataclass(frozen=True, slots=True, eq=False)
class LsMean(Estimate):
    """One LS mean.

    Attributes
    ----------
    cell
        Level of each factor asked for.
    row
        The linear combination of coefficients it is, shape (q,); differences of rows are differences of LS means.
    """

    cell: Mapping[str, str]
    row: NDArray[np.float64]


def ls_means(
    inference: Inference,
    coding: Coding,
    by: Sequence[str],
    at: Mapping[str, str | float] | None,
    conf_level: float,
) -> tuple[LsMean, ...]:
    """LS means of every combination of the factors `by`, the last varying fastest.

    Parameters
    ----------
    inference, coding
        The fit.
    by
        Factors of the model.
    at
        Values that replace the mean of a numeric covariate, or hold a factor at one level.
    conf_level
        Of the intervals.

    Raises
    ------
    InvalidContrast
        `by` or `at` names something that is not in the model.
    """
    fixed_values = dict(at or {})
    _require_known(coding, by, fixed_values)
    return tuple(_ls_mean(inference, coding, cell, fixed_values, conf_level) for cell in _cells(coding, by))


def _require_known(coding: Coding, by: Sequence[str], at: Mapping[str, str | float]) -> None:
    unknown = [name for name in by if name not in coding.levels]
    unknown += [name for name in at if name not in coding.levels and name not in coding.means]
    if unknown or len(set(by)) != len(by):
        raise InvalidContrast(
            f"LS means by {tuple(by)} at {sorted(at)}: not in the model or repeated; its factors are "
            f"{sorted(coding.levels)}, its numeric covariates {sorted(coding.means)}."
        )
    for name, value in at.items():
        if name in by:
            raise InvalidContrast(f"The factor {name!r} cannot stand both in `by` and in `at`.")
        if name in coding.levels and value not in coding.levels[name]:
            raise InvalidContrast(f"{value!r} is not a level of {name!r}: {list(coding.levels[name])}.")
        if name in coding.means and (isinstance(value, str) or not np.isfinite(value)):
            raise InvalidContrast(f"The covariate {name!r} needs a finite number in `at`.")


def _cells(coding: Coding, by: Sequence[str]) -> Iterator[dict[str, str]]:
    for cell in product(*(coding.levels[name] for name in by)):
        yield dict(zip(by, cell, strict=True))


def _ls_mean(inference: Inference, coding: Coding, cell: dict[str, str], at: Mapping[str, str | float], conf_level: float) -> LsMean:
    held: dict[str, str | float] = {**coding.means, **at, **cell}
    averaged = [name for name in coding.levels if name not in held]
    rows = [coding.row({**held, **rest}) for rest in _cells(coding, averaged)]
    row = np.mean(rows, axis=0)
    e = contrast(inference, row, conf_level)
    return LsMean(e.estimate, e.se, e.df, e.t, e.p, e.lower, e.upper, cell, row)
