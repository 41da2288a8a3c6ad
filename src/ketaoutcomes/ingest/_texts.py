"""Columns of text in Arrow's memory, behind types: millions of cells without a Python object for each."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
_arrow: Any = import_module("pyarrow")
_csv: Any = import_module("pyarrow.csv")


class Texts:
    """The cells of one column."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Any) -> None:  # noqa: ANN401 - Arrow has no types
        self._cells = cells

    @classmethod
    def of(cls, cells: tuple[str, ...]) -> Texts:
        """From text."""
        return cls(_arrow.array(cells, _arrow.string()))

    def distinct(self) -> tuple[list[str], Numbers]:
        """The distinct texts, and for each row the number of its text."""
        encoded = self._cells.dictionary_encode()
        return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)

    def kept(self, keep: NDArray[np.bool_]) -> Texts:
        """Some of the rows."""
        return Texts(self._cells.filter(_arrow.array(keep)))

    def matches(self, wanted: set[str] | Callable[[str], bool]) -> NDArray[np.bool_]:
        """Rows whose text, without spaces at its ends, is one of these or passes this test."""
        distinct, numbers = self.distinct()
        test = wanted if callable(wanted) else wanted.__contains__
        return np.array([test(text.strip()) for text in distinct], dtype=bool)[numbers]


def split(text: str, separator: str, width: int) -> list[Texts] | None:
    """Lines without quotes as `width` columns; nothing when a line has another number of cells."""
    names = [str(at) for at in range(width)]
    try:
        found = _csv.read_csv(
            _arrow.BufferReader(text.encode()),
            _csv.ReadOptions(use_threads=False, column_names=names, block_size=4 * len(text) + 16),
            _csv.ParseOptions(delimiter=separator, quote_char=False, double_quote=False, ignore_empty_lines=False),
            _csv.ConvertOptions(column_types=dict.fromkeys(names, _arrow.string()), strings_can_be_null=False),
        )
    except _arrow.ArrowInvalid:
        return None
    return [Texts(column.combine_chunks()) for column in found.columns]


class Column:
    """A column of texts, or of missing ones, that grows part by part."""

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def append(self, values: list[str | None], numbers: Numbers) -> None:
        """Add rows: for each the number of its value."""
        self._parts.append(_arrow.array(values, _arrow.large_string()).take(_arrow.array(numbers)))

    def series(self) -> pd.Series:
        """All rows, as text of pandas."""
        return pd.Series(pd.arrays.ArrowStringArray(_arrow.chunked_array(self._parts, _arrow.large_string())), dtype="string")
