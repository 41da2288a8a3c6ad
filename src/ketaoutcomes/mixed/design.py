"""From a data frame and named terms to a design matrix.

Terms are tuples of column names, never formulas: a formula is code, and a study file must not hold code. This is the
only module of the engine that touches pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import qr

from ketaoutcomes.mixed.errors import DuplicateVisit, InvalidTerms, InvalidValues, RankDeficient, UnusedLevel

Frame = pd.DataFrame
Term = tuple[str, ...]
Column = tuple[tuple[str, str | None], ...]
"""One column of the design: (variable, level) pairs that are multiplied; level None means the numeric value."""

# A baseline shifted by 1e8 keeps 5e-8 of its length beside the intercept; rounding alone leaves about 1e-15.
RANK_TOLERANCE = 1e-11
# Products of larger numbers overflow; none is a measurement.
LARGEST_VALUE = 1e100


@dataclass(frozen=True, slots=True)
class Coding:
    """How values of the variables become a row of the design (treatment coding, first level = reference).

    Attributes
    ----------
    columns
        The columns in order; the empty tuple is the intercept.
    levels
        Factor levels in order, for the factors in the model.
    means
        Mean of each numeric covariate over the rows that enter the fit.
    """

    columns: tuple[Column, ...]
    levels: dict[str, tuple[str, ...]]
    means: dict[str, float]

    @property
    def labels(self) -> tuple[str, ...]:
        """Readable, unique column labels such as ``arm[ketamine]:visit[28]``."""
        return tuple(_label(column) for column in self.columns)

    def row(self, values: Mapping[str, str | float]) -> NDArray[np.float64]:
        """Design row, shape (q,), of one cell: a level for every factor, a number for every numeric covariate."""
        return np.array([_cell(column, values) for column in self.columns])


@dataclass(frozen=True, slots=True)
class Design:
    """The numbers of one model, rows in a canonical order.

    Attributes
    ----------
    x
        Fixed-effects design, shape (N, q), full column rank.
    y
        Response, shape (N,), in the caller's unit.
    subject
        Participant number of each row, 0..n-1, non-decreasing.
    visit
        Visit number of each row, shape (N,), or None where the model has no visit schedule.
    visits
        Visit labels in order; empty without a visit schedule.
    coding
        How rows of `x` are made.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    subject: NDArray[np.intp]
    visit: NDArray[np.intp] | None
    visits: tuple[str, ...]
    coding: Coding


def build_design(
    data: pd.DataFrame,
    *,
    response: str,
    fixed: Sequence[Term],
    levels: Mapping[str, Sequence[str]],
    subject: str,
    visit: str | None = None,
) -> Design:
    """Code a frame for a mixed model with an intercept and the terms `fixed`.

    Rows are put in a canonical order (participant, visit, then values), so that the order of the input cannot reach
    the last bit of a result.

    Raises
    ------
    InvalidTerms, InvalidValues, UnusedLevel, DuplicateVisit, RankDeficient
        See `errors`; nothing is dropped or repaired silently.
    """
    variables = _variables(fixed)
    _require_columns(data, [response, subject, *variables, *([] if visit is None else [visit])])
    _require_margins(fixed)
    if visit is not None and visit not in levels:
        raise InvalidTerms(f"The visit column {visit!r} has no declared levels; list its visits in order in `levels`.")
    used = variables if visit is None or visit in variables else [*variables, visit]
    factors = [name for name in used if name in levels]
    codes = {name: _factor_codes(data, name, levels[name]) for name in factors}
    numeric = {name: _numeric(data, name) for name in variables if name not in levels}
    y = _numeric(data, response)
    ids = _subject_codes(data, subject)
    declared = {name: tuple(levels[name]) for name in factors}
    columns = tuple(_columns(fixed, declared))
    x = np.column_stack([_data_column(column, codes, numeric, declared, len(y)) for column in columns])
    seen = None if visit is None else codes[visit]
    # A visit schedule orders a participant's rows; without one their values do.
    order = np.lexsort((*x.T, y, ids) if seen is None else (seen, ids))
    if seen is not None:
        _require_one_row_per_visit(ids[order], seen[order])
    means = {name: float(np.sort(values).mean()) for name, values in numeric.items()}
    coding = Coding(columns, {v: declared[v] for v in variables if v in declared}, means)
    _require_full_rank(x[order], coding, codes)
    return Design(
        x=x[order],
        y=y[order],
        subject=ids[order],
        visit=None if seen is None else seen[order],
        visits=() if visit is None else declared[visit],
        coding=coding,
    )


def _variables(fixed: Sequence[Term]) -> list[str]:
    return list(dict.fromkeys(variable for term in fixed for variable in term))


def _require_columns(data: pd.DataFrame, names: Sequence[str]) -> None:
    found = list(data.columns)
    missing = sorted({name for name in names if name not in found})
    if missing:
        raise InvalidTerms(f"The data have no column {', '.join(map(repr, missing))}; correct the term or the data.")
    twice = sorted({name for name in names if found.count(name) > 1})
    if twice:
        raise InvalidTerms(f"The data have more than one column {', '.join(map(repr, twice))}; rename or drop one.")


def _require_margins(fixed: Sequence[Term]) -> None:
    """Treatment coding of an interaction means what it says only beside its margins (Nelder 1977, marginality)."""
    present = {frozenset(term) for term in fixed}
    for term in fixed:
        if not term or len(set(term)) != len(term):
            raise InvalidTerms(f"The term {term!r} is empty or names a column twice; write each column once.")
        for size in range(1, len(term)):
            for margin in combinations(term, size):
                if frozenset(margin) not in present:
                    raise InvalidTerms(f"The interaction {':'.join(term)} is there without {':'.join(margin)}; add it.")


def _factor_codes(data: pd.DataFrame, name: str, levels: Sequence[str]) -> NDArray[np.intp]:
    values = data[name]
    absent = int(values.isna().sum())
    if absent:
        raise InvalidValues(f"{absent} rows have no value in the factor {name!r}; remove these rows first.")
    if len(set(levels)) != len(levels) or not levels:
        raise InvalidTerms(f"The levels of {name!r} must be a non-empty list without repeats.")
    codes = np.asarray(pd.Index(list(levels)).get_indexer(pd.Index(_text(values))), dtype=np.intp)
    unknown = int((codes < 0).sum())
    if unknown:
        raise InvalidValues(f"{unknown} rows have a value in {name!r} outside the declared levels {list(levels)}; declare the level or remove the rows.")
    unused = [level for k, level in enumerate(levels) if not (codes == k).any()]
    if unused:
        raise UnusedLevel(f"No row has level {', '.join(map(repr, unused))} of {name!r}; remove the level.")
    return codes


def _text(values: pd.Series[Any]) -> pd.Series[str]:
    """Values as text; whole numbers without decimals, since a gap in a CSV column turns its visits into 28.0."""
    if pd.api.types.is_float_dtype(values):
        numbers: NDArray[np.float64] = values.to_numpy(dtype=np.float64)
        if np.isfinite(numbers).all() and np.array_equal(numbers, np.round(numbers)):
            values = values.astype(np.int64)
    return values.astype(str)


def _numeric(data: pd.DataFrame, name: str) -> NDArray[np.float64]:
    values = data[name]
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_complex_dtype(values):
        raise InvalidTerms(f"The column {name!r} is not numeric; convert it, or declare its levels to use it as a factor.")
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    # Written so that a missing value counts: NaN compares false.
    bad = int((~(np.abs(numbers) <= LARGEST_VALUE)).sum())
    if bad:
        raise InvalidValues(f"{bad} rows have a missing or infinite value in {name!r}; remove these rows first.")
    if not len(numbers):
        raise InvalidValues("The data have no rows.")
    return numbers


def _subject_codes(data: pd.DataFrame, subject: str) -> NDArray[np.intp]:
    codes, _ = pd.factorize(data[subject], sort=True)
    absent = int((codes < 0).sum())
    if absent:
        raise InvalidValues(f"{absent} rows have no participant in {subject!r}; remove these rows first.")
    return np.asarray(codes, dtype=np.intp)


def _columns(fixed: Sequence[Term], levels: Mapping[str, tuple[str, ...]]) -> Iterable[Column]:
    yield ()
    for term in fixed:
        choices = [levels[v][1:] if v in levels else (None,) for v in term]
        for chosen in product(*choices):
            yield tuple(zip(term, chosen, strict=True))


def _label(column: Column) -> str:
    return ":".join(v if level is None else f"{v}[{level}]" for v, level in column) or "(Intercept)"


def _cell(column: Column, values: Mapping[str, str | float]) -> float:
    result = 1.0
    for variable, level in column:
        result *= float(values[variable]) if level is None else float(values[variable] == level)
    return result


def _data_column(
    column: Column,
    codes: Mapping[str, NDArray[np.intp]],
    numeric: Mapping[str, NDArray[np.float64]],
    levels: Mapping[str, tuple[str, ...]],
    n: int,
) -> NDArray[np.float64]:
    result = np.ones(n)
    for variable, level in column:
        result = result * (numeric[variable] if level is None else codes[variable] == levels[variable].index(level))
    return result


def _require_one_row_per_visit(subject: NDArray[np.intp], visit: NDArray[np.intp]) -> None:
    repeated = int(((np.diff(subject) == 0) & (np.diff(visit) == 0)).sum())
    if repeated:
        raise DuplicateVisit(f"{repeated} rows repeat a participant at a visit; keep one row per participant and visit.")


def _require_full_rank(x: NDArray[np.float64], coding: Coding, codes: Mapping[str, NDArray[np.intp]]) -> None:
    """Pivoted QR on unit-length columns decides the rank; the aliased columns are then named in model order.

    The columns of R have the lengths and angles of those of X, so the tall matrix is factored once.
    """
    length = np.linalg.norm(x, axis=0)
    r = np.asarray(np.linalg.qr(x / np.where(length > 0, length, 1.0), mode="r"), dtype=np.float64)
    if _rank(r) == x.shape[1]:
        return
    kept: list[int] = []
    for j in range(x.shape[1]):
        if _rank(r[:, [*kept, j]]) == len(kept) + 1:
            kept.append(j)
    aliased = tuple(label for j, label in enumerate(coding.labels) if j not in kept)
    empty = _empty_cells(coding, codes)
    why = f" No row has {'; nor '.join(empty)}." if empty else ""
    raise RankDeficient(
        f"{len(aliased)} of {x.shape[1]} fixed effects depend on the others: {', '.join(aliased)}.{why} Remove the terms, or the levels without data.",
        aliased,
    )


def _rank(x: NDArray[np.float64]) -> int:
    r = np.asarray(qr(x, mode="r", pivoting=True)[0], dtype=np.float64)
    diagonal = np.abs(np.diag(r))
    return int((diagonal > RANK_TOLERANCE * max(float(diagonal[0]), 1e-300)).sum())


def _empty_cells(coding: Coding, codes: Mapping[str, NDArray[np.intp]]) -> list[str]:
    """Combinations of factor levels that an interaction needs and no row has."""
    crossed = {tuple(v for v, level in column if level is not None) for column in coding.columns}
    cells = ((f, cell) for f in sorted(f for f in crossed if len(f) > 1) for cell in product(*(range(len(coding.levels[v])) for v in f)))
    return [
        " and ".join(f"{f}={coding.levels[f][k]}" for f, k in zip(factors, cell, strict=True))
        for factors, cell in cells
        if not np.logical_and.reduce([codes[f] == k for f, k in zip(factors, cell, strict=True)]).any()
    ]
