"""A table's columns, key and order, and the check that a frame keeps them.

Small on purpose: every job of the pipeline reads and writes tables, and importing a validation
library for this would cost each of them more than its work.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ketaoutcomes.domain.findings import KetaoutcomesError

TEXT, NUMBER, INTEGER = "string", "float64", "Int64"


class SchemaError(KetaoutcomesError):
    """A table of the pipeline does not keep its schema: a bug, or a file edited by hand."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns and key of a table.

    Parameters
    ----------
    name
        Name in messages and file names.
    columns
        Column to dtype: ``string``, ``float64`` or ``Int64``.
    key
        Columns that are never missing and together unique; rows are sorted by them. Empty: rows stay as they are.
    required
        Further columns that are never missing.
    extras
        May the table hold further columns (a study's covariates)?
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    required: tuple[str, ...] = ()
    extras: bool = False

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """`frame` with this schema's columns, dtypes and row order, checked.

        Raises
        ------
        SchemaError
            A column is missing or unknown, a key value is missing or not unique.
        """
        missing = [column for column in self.columns if column not in frame.columns]
        extra = [str(column) for column in frame.columns if column not in self.columns]
        if missing or (extra and not self.extras):
            raise SchemaError(f"table {self.name}: columns missing {missing}, unknown {extra}")
        frame = frame[[*self.columns, *sorted(extra)]].astype(self.columns)
        for column in (*self.key, *self.required):
            if frame[column].isna().any():
                raise SchemaError(f"table {self.name}: column {column} has missing values")
        if not self.key:
            return frame.reset_index(drop=True)
        if frame.duplicated(list(self.key)).any():
            twice = int(frame.duplicated(list(self.key)).sum())
            raise SchemaError(f"table {self.name}: {twice} rows repeat a key {self.key}")
        return frame.sort_values(list(self.key), kind="stable", ignore_index=True)

    def empty(self) -> pd.DataFrame:
        """A table without rows."""
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in self.columns.items()})
