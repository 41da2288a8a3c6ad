"""Data frames in, data frames out: the only module of the engine that touches pandas and formulaic.

A formula is parsed, never evaluated: formulaic gives its terms, and a term may name columns of the data and nothing
else. Study files hold lists of terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.mixed.coding import Cells, Coding, Column, Term, columns_of, require_margins, variables_of
from ketaoutcomes.mixed.errors import DuplicateVisit, InvalidTerms, InvalidValues, UnusedLevel

Frame = pd.DataFrame
Series = pd.Series  # pyright: ignore[reportMissingTypeArgument, reportUnknownVariableType] - pandas is generic only in its stubs
Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

# Products of larger numbers overflow; none is a measurement.
LARGEST_VALUE = 1e100


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The numbers of one model, rows in a canonical order: by participant, then visit or time.

    Attributes
    ----------
    coding
        How rows of the design are made.
    codes, numeric
        Level numbers of the factors and values of the numeric covariates, each of shape (N,).
    y
        Response, shape (N,), in the caller's unit.
    root_weight
        Square roots of the rows' weights, shape (N,); None: all 1.
    subject
        Participant number of each row, 0..n-1, non-decreasing.
    first_rows
        First row of each participant, shape (n,).
    visit, visits
        Visit number of each row, shape (N,), and the labels in order; None and one label without a visit schedule.
    group, groups
        Number of the covariance group of each row, shape (N,), and the labels; None and ("",) without groups.
    site, time
        Site number and time of each row, shape (N,), for random effects; None where there are none.
    subjects, sites
        Labels of participants and sites in the order of their numbers.
    others
        Further numbers of each row, each of shape (N,).
    """

    coding: Coding
    codes: dict[str, Codes]
    numeric: dict[str, Floats]
    y: Floats
    root_weight: Floats | None
    subject: Codes
    first_rows: Codes
    visit: Codes | None
    visits: tuple[str, ...]
    group: Codes | None
    groups: tuple[str, ...]
    site: Codes | None
    time: Floats | None
    subjects: Sequence[Any]
    sites: Sequence[Any]
    others: dict[str, Floats]

    @property
    def n_subjects(self) -> int:
        """Participants."""
        return len(self.first_rows)

    @property
    def log_weights(self) -> float:
        """Sum of the logarithms of the weights."""
        return 0.0 if self.root_weight is None else 2 * float(np.log(self.root_weight).sum())

    def x(self, rows: Codes | slice = slice(None)) -> Floats:
        """Fixed-effects design of some rows, shape (n, q), each row times the root of its weight."""
        n = len(self.y[rows])
        codes = {name: values[rows] for name, values in self.codes.items()}
        numeric = {name: values[rows] for name, values in self.numeric.items()}
        result = np.empty((n, len(self.coding.columns)), order="F")
        for j, column in enumerate(self.coding.columns):
            self._fill(result[:, j], column, codes, numeric)
        return result if self.root_weight is None else result * self.root_weight[rows, None]

    def _fill(self, out: Floats, column: Column, codes: dict[str, Codes], numeric: dict[str, Floats]) -> None:
        out[:] = 1.0
        for variable, level in column:
            out *= numeric[variable] if level is None else codes[variable] == self.coding.levels[variable].index(level)

    def response(self, rows: Codes | slice = slice(None)) -> Floats:
        """Response of some rows, shape (n,), each times the root of its weight."""
        return self.y[rows] if self.root_weight is None else self.y[rows] * self.root_weight[rows]

    def varying(self) -> NDArray[np.bool_]:
        """Columns that differ between the rows of some participant, shape (q,); the intercept does not."""
        moving = {name for name, values in {**self.codes, **self.numeric}.items() if not self._constant(values)}
        return np.array([any(variable in moving for variable, _ in column) for column in self.coding.columns])

    def _constant(self, values: Codes | Floats) -> bool:
        """Whether every participant has one value."""
        return bool((values == values[self.first_rows][self.subject]).all())

    def cell_of_rows(self) -> tuple[Codes, tuple[int, ...]]:
        """Combination of factor levels of each row, shape (N,), as a position in an array of the shape given."""
        names = tuple(self.coding.levels)
        shape = tuple(len(self.coding.levels[name]) for name in names)
        return np.asarray(np.ravel_multi_index([self.codes[name] for name in names], shape) if names else np.zeros(len(self.y), dtype=np.intp)), shape

    @property
    def cells(self) -> Cells:
        """How the rows are spread over the factors."""
        at, shape = self.cell_of_rows()
        index, rows = np.unique(at, return_counts=True)
        sums = {name: float(np.sort(self.numeric[name]).sum()) for name in self.coding.numeric}
        return Cells(shape, index.astype(np.intp), rows.astype(np.intp), sums)

    def empty_cells(self) -> list[str]:
        """Combinations of factor levels that an interaction needs and no row has."""
        levels = self.coding.levels
        crossed = {tuple(v for v, level in column if level is not None) for column in self.coding.columns}
        cells = ((f, cell) for f in sorted(f for f in crossed if len(f) > 1) for cell in product(*(range(len(levels[v])) for v in f)))
        return [
            " and ".join(f"{f}={levels[f][k]}" for f, k in zip(factors, cell, strict=True))
            for factors, cell in cells
            if not np.logical_and.reduce([self.codes[f] == k for f, k in zip(factors, cell, strict=True)]).any()
        ]


def build_design(
    data: pd.DataFrame,
    *,
    response: str,
    fixed: Sequence[Term],
    levels: Mapping[str, Sequence[str]],
    subject: str,
    visit: str | None = None,
    group: str | None = None,
    weights: str | None = None,
    time: str | None = None,
    site: str | None = None,
    columns: Sequence[Column] | None = None,
    others: Sequence[str] = (),
) -> Design:
    """Code a frame for a mixed model with an intercept and the terms `fixed` (or exactly `columns` of them).

    Rows are put in a canonical order, so that the order of the input cannot reach the last bit of a result.

    Raises
    ------
    InvalidTerms, InvalidValues, UnusedLevel, DuplicateVisit
        See `errors`; nothing is dropped or repaired silently.
    """
    variables = variables_of(fixed)
    roles = [name for name in (visit, group, weights, time, site) if name is not None]
    _require_columns(data, [response, subject, *variables, *roles, *others])
    if columns is None:
        require_margins(fixed)
    _require_levels(data, [name for name in (*variables, visit, group) if name is not None], levels)
    factors = {v: _levels(data, v, levels) for v in variables if v in levels or not _is_numeric(data[v])}
    if visit in variables and visit not in factors:
        raise InvalidTerms(f"The visit column {visit!r} is numeric and has no declared levels; declare them in order in `levels`, or use a copy for a trend.")
    codes = {name: _factor_codes(data, name, known) for name, known in factors.items()}
    numeric = {name: _numeric(data, name) for name in variables if name not in factors}
    ids, subjects = _numbered(data, subject, "participant")
    y = _numeric(data, response)
    visits = ("residual",) if visit is None else factors.get(visit) or _levels(data, visit, levels)
    seen = None if visit is None else codes[visit] if visit in codes else _factor_codes(data, visit, visits)
    times = None if time is None else _numeric(data, time)
    groups = ("",) if group is None else factors.get(group) or _levels(data, group, levels)
    grouped = None if group is None else codes[group] if group in codes else _factor_codes(data, group, groups)
    sited, sites = (None, ()) if site is None else _numbered(data, site, "site")
    further = {name: _numeric(data, name) for name in others}
    order = _canonical(ids, seen, times, [y, *numeric.values(), *codes.values(), *further.values()])
    design = Design(
        coding=Coding(tuple(columns_of(fixed, factors)) if columns is None else tuple(columns), factors),
        codes={name: values[order] for name, values in codes.items()},
        numeric={name: values[order] for name, values in numeric.items()},
        y=y[order],
        root_weight=None if weights is None else np.sqrt(_positive(data, weights))[order],
        subject=ids[order],
        first_rows=np.searchsorted(ids[order], np.arange(len(subjects))),
        visit=None if seen is None else seen[order],
        visits=visits,
        group=None if grouped is None else grouped[order],
        groups=groups,
        site=None if sited is None else sited[order],
        time=None if times is None else times[order],
        subjects=subjects,
        sites=sites,
        others={name: values[order] for name, values in further.items()},
    )
    _require_one_row_per_visit(design)
    for name, values in ((group, design.group), (site, design.site)):
        if values is not None and not design._constant(values):  # pyright: ignore[reportPrivateUsage] - same module
            raise InvalidValues(f"Some participants have more than one value of {name!r}; it must be constant within a participant.")
    return design


def parse_formula(formula: str) -> tuple[str, list[Term]]:
    """Response and terms of a formula such as ``"chg ~ base * visit + arm * visit"``.

    Raises
    ------
    InvalidTerms
        The formula has no single response, drops the intercept, or holds anything but names of columns.
    """
    from formulaic import Formula  # pyright: ignore[reportMissingTypeStubs] - it ships none
    from formulaic.errors import FormulaicError  # pyright: ignore[reportMissingTypeStubs] - it ships none

    read: Any = Formula
    try:
        parsed = read(formula)
        left, right = list(parsed.lhs), list(parsed.rhs)
        terms = [tuple(str(factor.expr) for factor in term.factors) for term in right]
    except (FormulaicError, SyntaxError, AttributeError, TypeError) as error:
        raise InvalidTerms(f"The formula {formula!r} cannot be read; write it as 'response ~ term + term'.") from error
    calls = sorted({str(f.expr) for term in [*left, *right] for f in term.factors if f.eval_method.value not in {"lookup", "literal"}})
    if calls:
        raise InvalidTerms(f"The formula holds {', '.join(calls)}; a formula may only name columns: compute the column first, and declare factors in `levels`.")
    if len(left) != 1 or len(left[0].factors) != 1:
        raise InvalidTerms(f"The formula {formula!r} needs exactly one response on its left side.")
    if ("1",) not in terms:
        raise InvalidTerms("A model without intercept is not supported; remove '0 +' or '- 1' from the formula.")
    return str(left[0].factors[0].expr), [term for term in terms if term != ("1",)]


def labelled(values: Floats, labels: Sequence[str], name: str = "") -> pd.Series[float]:
    """A vector with its labels."""
    return pd.Series(values, index=pd.Index(list(labels)), name=name or None)


def square(values: Floats, labels: Sequence[str]) -> pd.DataFrame:
    """A symmetric matrix with its labels."""
    return pd.DataFrame(values, index=pd.Index(list(labels)), columns=pd.Index(list(labels)))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows as a frame."""
    return pd.DataFrame(list(rows), columns=None if columns is None else list(columns))


def _require_columns(data: pd.DataFrame, names: Sequence[str]) -> None:
    found = list(data.columns)
    missing = sorted({name for name in names if name not in found})
    if missing:
        raise InvalidTerms(f"The data have no column {', '.join(map(repr, missing))}; correct the term or the data.")
    twice = sorted({name for name in names if found.count(name) > 1})
    if twice:
        raise InvalidTerms(f"The data have more than one column {', '.join(map(repr, twice))}; rename or drop one.")
    if not len(data):
        raise InvalidValues("The data have no rows.")


def _is_numeric(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values) and not pd.api.types.is_complex_dtype(values)


def _levels(data: pd.DataFrame, name: str, levels: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Declared levels, categories of a categorical, or numbers in increasing order; text has no order of its own."""
    if name in levels:
        known = tuple(str(level) for level in levels[name])
        if len(set(known)) != len(known) or not known:
            raise InvalidTerms(f"The levels of {name!r} must be a non-empty list without repeats.")
        return known
    values = data[name]
    kind: object = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return tuple(_text(pd.Index(kind.categories)))
    return tuple(_text(pd.Index(np.unique(_numeric(data, name)))))


def _require_levels(data: pd.DataFrame, names: Sequence[str], levels: Mapping[str, Sequence[str]]) -> None:
    """Text has no order of its own: all columns that lack one are named at once."""
    text = [n for n in dict.fromkeys(names) if n not in levels and not _is_numeric(data[n]) and not isinstance(data[n].dtype, pd.CategoricalDtype)]
    if text:
        wanted = ", ".join(f"{name!r}: [...]" for name in text)
        are = "column is" if len(text) == 1 else "columns are"
        raise InvalidTerms(f"The {are} not numeric and without declared levels: {', '.join(text)}; name them, the reference first: levels={{{wanted}}}.")


def _factor_codes(data: pd.DataFrame, name: str, levels: tuple[str, ...]) -> Codes:
    found, values = pd.factorize(data[name])
    absent = int((found < 0).sum())
    if absent:
        raise InvalidValues(f"{absent} rows have no value in the factor {name!r}; remove these rows first.")
    among = pd.Index(list(levels)).get_indexer(pd.Index(_text(pd.Index(values))))
    codes = np.asarray(among, dtype=np.intp)[found]
    unknown = int((codes < 0).sum())
    if unknown:
        raise InvalidValues(f"{unknown} rows have a value in {name!r} outside the declared levels {list(levels)}; declare the level or remove the rows.")
    unused = [level for k, level in enumerate(levels) if k not in among]
    if unused:
        raise UnusedLevel(f"No row has level {', '.join(map(repr, unused))} of {name!r}; remove the level.")
    return codes


def _text(values: pd.Index[Any]) -> list[str]:
    """Values as text; whole numbers without decimals, since a gap in a CSV column turns its visits into 28.0."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Index(np.asarray(values))
    if pd.api.types.is_float_dtype(values.dtype):
        numbers: Floats = values.to_numpy(dtype=np.float64)
        if np.isfinite(numbers).all() and np.array_equal(numbers, np.round(numbers)):
            values = values.astype(np.int64)
    return [str(value) for value in values]


def _numeric(data: pd.DataFrame, name: str) -> Floats:
    values = data[name]
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_complex_dtype(values):
        raise InvalidTerms(f"The column {name!r} is not numeric; convert it, or declare its levels to use it as a factor.")
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    # Written so that a missing value counts: NaN compares false.
    bad = int((~(np.abs(numbers) <= LARGEST_VALUE)).sum())
    if bad:
        raise InvalidValues(f"{bad} rows have a missing or infinite value in {name!r}; remove these rows first.")
    return numbers


def _positive(data: pd.DataFrame, name: str) -> Floats:
    values = _numeric(data, name)
    bad = int((values <= 0).sum())
    if bad:
        raise InvalidValues(f"{bad} rows have a weight in {name!r} that is not positive; remove these rows first.")
    return values


def _numbered(data: pd.DataFrame, name: str, what: str) -> tuple[Codes, Sequence[Any]]:
    try:
        codes, values = pd.factorize(data[name], sort=True)
    except TypeError as error:
        raise InvalidTerms(f"The column {name!r} holds values that cannot number a {what}; use text or numbers.") from error
    absent = int((codes < 0).sum())
    if absent:
        raise InvalidValues(f"{absent} rows have no {what} in {name!r}; remove these rows first.")
    return np.asarray(codes, dtype=np.intp), values  # pyright: ignore[reportReturnType] - an Index is a sequence in all but name


def _canonical(ids: Codes, visit: Codes | None, time: Floats | None, others: Sequence[Codes | Floats]) -> Codes:
    """By participant, then visit or time, or else the response, then every value that may still differ."""
    keys: list[Codes | Floats] = [key for key in (visit, time) if key is not None] or [others[0]]
    step = np.diff(ids)
    if ((step > 0) | ((step == 0) & (np.diff(keys[0]) > 0))).all():
        return np.arange(len(ids))
    order = np.lexsort((*reversed(keys), ids))
    tied = np.diff(ids[order]) == 0
    for key in keys:
        tied &= np.diff(key[order]) == 0
    return np.lexsort((*reversed([*keys, *others]), ids)) if tied.any() else order


def _require_one_row_per_visit(design: Design) -> None:
    if design.visit is not None:
        repeated = int(((np.diff(design.subject) == 0) & (np.diff(design.visit) == 0)).sum())
        if repeated:
            raise DuplicateVisit(f"{repeated} rows repeat a participant at a visit; keep one row per participant and visit.")
