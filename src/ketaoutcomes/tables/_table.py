"""A table as a value: strings in cells, nothing of how it will look."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a stub and its cells; a `heading` line has no cells and starts a group."""

    stub: str
    cells: tuple[str, ...] = ()
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes
    ----------
    title
        What it shows.
    stub
        Name of the first column.
    columns
        Names of the others.
    rows
        Lines, each with a cell per column.
    footnotes
        Below the table.
    nothing
        In words, why there are no rows.
    """

    title: str
    stub: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = field(default=())
    nothing: str = "There is nothing to show."

    def __post_init__(self) -> None:
        """Every line has as many cells as there are columns."""
        for row in self.rows:
            if not row.heading and len(row.cells) != len(self.columns):
                raise ValueError(f"table {self.title!r}: a line has {len(row.cells)} cells for {len(self.columns)} columns")

    def compact(self) -> Table:
        """Without the columns that no line fills."""
        kept = [at for at in range(len(self.columns)) if any(row.cells[at] for row in self.rows if not row.heading)]
        rows = tuple(row if row.heading else replace(row, cells=tuple(row.cells[at] for at in kept)) for row in self.rows)
        return replace(self, columns=tuple(self.columns[at] for at in kept), rows=rows) if kept else self
