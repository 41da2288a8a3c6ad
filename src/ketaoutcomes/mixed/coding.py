"""How values of the variables become a row of the design: treatment coding, the first level is the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.errors import IncompatibleMoments, InvalidTerms

Term = tuple[str, ...]
Column = tuple[tuple[str, str | None], ...]
"""One column of the design: (variable, level) pairs that are multiplied; level None means the numeric value."""


@dataclass(frozen=True, slots=True)
class Coding:
    """The columns of a design.

    Attributes
    ----------
    columns
        In order; the empty tuple is the intercept.
    levels
        Factor levels in order, for the factors in the model.
    """

    columns: tuple[Column, ...]
    levels: dict[str, tuple[str, ...]]

    @property
    def labels(self) -> tuple[str, ...]:
        """Readable, unique column labels such as ``arm[ketamine]:visit[28]``."""
        return tuple(_label(column) for column in self.columns)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms behind the columns, in order, without the intercept."""
        return tuple(dict.fromkeys(tuple(variable for variable, _ in column) for column in self.columns if column))

    @property
    def numeric(self) -> tuple[str, ...]:
        """The numeric covariates."""
        return tuple(dict.fromkeys(variable for column in self.columns for variable, level in column if level is None))

    def row(self, values: Mapping[str, str | float]) -> NDArray[np.float64]:
        """Design row, shape (q,), of one cell: a level for every factor, a number for every numeric covariate."""
        return np.array([_cell(column, values) for column in self.columns])


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """How the rows are spread over the factors, and the sums of the numeric covariates.

    Attributes
    ----------
    shape
        Number of levels of each factor.
    index, rows
        Combinations of levels that occur, as positions in an array of `shape`, increasing, and the rows in each.
    sums
        Sum of each numeric covariate.
    """

    shape: tuple[int, ...]
    index: NDArray[np.intp]
    rows: NDArray[np.intp]
    sums: dict[str, float]

    @property
    def means(self) -> dict[str, float]:
        """Mean of each numeric covariate over the rows."""
        total = int(self.rows.sum())
        return {name: value / total for name, value in self.sums.items()}

    def combined(self, other: Cells, sign: int) -> Cells:
        """The cells of both, or of these without the others."""
        index = np.union1d(self.index, other.index)
        rows = np.zeros(len(index), dtype=np.intp)
        rows[np.searchsorted(index, self.index)] += self.rows
        rows[np.searchsorted(index, other.index)] += sign * other.rows
        if (rows < 0).any():
            raise IncompatibleMoments("The moments to subtract hold rows that are not in these moments.")
        sums = {name: value + sign * other.sums[name] for name, value in self.sums.items()}
        return Cells(self.shape, index[rows > 0], rows[rows > 0], sums)


def variables_of(terms: Sequence[Term]) -> list[str]:
    """Every variable once, in order of appearance."""
    return list(dict.fromkeys(variable for term in terms for variable in term))


def columns_of(terms: Sequence[Term], levels: Mapping[str, tuple[str, ...]]) -> Iterator[Column]:
    """The intercept and the columns of each term, the last factor varying fastest."""
    yield ()
    for term in terms:
        choices = [levels[v][1:] if v in levels else (None,) for v in term]
        for chosen in product(*choices):
            yield tuple(zip(term, chosen, strict=True))


def require_margins(terms: Sequence[Term]) -> None:
    """Treatment coding of an interaction means what it says only beside its margins (Nelder 1977, marginality)."""
    present = {frozenset(term) for term in terms}
    for term in terms:
        if not term or len(set(term)) != len(term):
            raise InvalidTerms(f"The term {term!r} is empty or names a column twice; write each column once.")
        for size in range(1, len(term)):
            for margin in combinations(term, size):
                if frozenset(margin) not in present:
                    raise InvalidTerms(f"The interaction {':'.join(term)} is there without {':'.join(margin)}; add it.")
    if len(present) != len(terms):
        raise InvalidTerms("A term is given twice; write each term once.")


def _label(column: Column) -> str:
    return ":".join(v if level is None else f"{v}[{level}]" for v, level in column) or "(Intercept)"


def _cell(column: Column, values: Mapping[str, str | float]) -> float:
    result = 1.0
    for variable, level in column:
        result *= float(values[variable]) if level is None else float(values[variable] == level)
    return result
