"""A table as a value: strings in cells and notes where they belong, nothing of how it will look."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Cell:
    """A string with notes of its own: each gets a letter beside the string and stands below the table."""

    text: str
    notes: tuple[str, ...] = ()


def noted(text: str, *notes: str) -> str | Cell:
    """A string with the notes that are not empty."""
    said = tuple(dict.fromkeys(note for note in notes if note))
    return Cell(text, said) if said else text


def as_cell(said: str | Cell) -> Cell:
    """A plain string as a cell without notes."""
    return said if isinstance(said, Cell) else Cell(said)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a stub and its cells; a `heading` line has no cells and starts a group."""

    stub: str | Cell
    cells: tuple[str | Cell, ...] = ()
    heading: bool = False


#: Ends a group: the lines that follow stand for themselves.
END = Row("", heading=True)


@dataclass(frozen=True, slots=True)
class Spanner:
    """A label over adjacent columns, from column `first` on (0 is the first beside the stub)."""

    label: str | Cell
    first: int
    width: int


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
        Below the table, of the whole of it; notes of a place are in its cell.
    nothing
        In words, why there are no rows.
    spanners
        Labels over adjacent columns, left to right.
    words
        Cells are sentences, which wrap, and not numbers.
    """

    title: str
    stub: str
    columns: tuple[str | Cell, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = field(default=())
    nothing: str = "There is nothing to show."
    spanners: tuple[Spanner, ...] = ()
    words: bool = False

    def __post_init__(self) -> None:
        """Every line has as many cells as there are columns; spanners stand side by side over them."""
        for row in self.rows:
            if not row.heading and len(row.cells) != len(self.columns):
                raise ValueError(f"table {self.title!r}: a line has {len(row.cells)} cells for {len(self.columns)} columns")
        reached = 0
        for spanner in self.spanners:
            if spanner.first < reached or spanner.width < 1:
                raise ValueError(f"table {self.title!r}: spanner {as_cell(spanner.label).text!r} overlaps the one before it, or is empty")
            reached = spanner.first + spanner.width
        if reached > len(self.columns):
            raise ValueError(f"table {self.title!r}: spanners reach over {reached} columns, there are {len(self.columns)}")

    def compact(self) -> Table:
        """Without the columns that no line fills."""
        kept = [at for at in range(len(self.columns)) if any(as_cell(row.cells[at]).text for row in self.rows if not row.heading)]
        if not kept:
            return self
        rows = tuple(row if row.heading else replace(row, cells=tuple(row.cells[at] for at in kept)) for row in self.rows)
        under = [(spanner, [kept.index(at) for at in kept if spanner.first <= at < spanner.first + spanner.width]) for spanner in self.spanners]
        spanners = tuple(replace(spanner, first=found[0], width=len(found)) for spanner, found in under if found)
        return replace(self, columns=tuple(self.columns[at] for at in kept), rows=rows, spanners=spanners)
