"""A table laid out for every format at once: strings, the letters beside them, what stands over what, the notes below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ketaoutcomes.schema.numbers import NOTHING
from ketaoutcomes.tables._table import Cell, Row, Table, as_cell

#: Longest stub, in characters, that is not broken into lines.
_STUB = 38
#: Characters of a sentence on a line.
_SENTENCE = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """A string and the letters of its notes, with commas; over `width` columns."""

    text: str
    marks: str = ""
    width: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under a heading, or on their own; the first piece of a line is its stub."""

    heading: Piece | None
    lines: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note below the table, with its letter if it is of a place in it."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What every format shows.

    Attributes
    ----------
    name
        Of the table's file: what ids and labels begin with.
    title
        Caption.
    top
        Line of spanners over all columns, the stub's first, with empty pieces where there is none; empty without spanners.
    head
        Names of the columns, the stub's first.
    groups
        Lines.
    notes
        Those of the whole table, then the lettered ones.
    words
        Cells are sentences, which wrap.
    """

    name: str
    title: str
    top: tuple[Piece, ...]
    head: tuple[Piece, ...]
    groups: tuple[Group, ...]
    notes: tuple[Note, ...]
    words: bool = False

    @property
    def size(self) -> int:
        """Number of columns, the stub's included."""
        return len(self.head)

    def widths(self) -> list[int]:
        """Characters that each column would like to have."""
        lines = [self.head, *(line for group in self.groups for line in group.lines)]
        wide = [max(len(line[at].text) + len(line[at].marks) for line in lines[1:]) for at in range(self.size)]
        wide = [max(found, *(len(word) for word in self.head[at].text.split()), 4) for at, found in enumerate(wide)]
        indent = 3 if any(group.heading for group in self.groups) else 0
        return [max(min(wide[0], _STUB) + indent, 10), *(min(found, _SENTENCE) if self.words else found for found in wide[1:])]


def lay_out(name: str, table: Table) -> Sheet:
    """Letter the notes in reading order and put every string in its place."""
    letters: dict[str, str] = {}
    top = tuple(_pieces(_spanned(table), letters)) if table.spanners else ()
    head = tuple(_pieces([(table.stub, 1), *((name, 1) for name in table.columns)], letters))
    groups = tuple(_groups(table.rows, len(head), letters))
    notes = (*(Note("", text) for text in table.footnotes), *(Note(letter, text) for text, letter in letters.items()))
    return Sheet(name, table.title, top, head, groups, notes, table.words)


def _spanned(table: Table) -> Iterator[tuple[str | Cell, int]]:
    """The line of spanners from left to right; places without one are empty."""
    at = -1  # the stub's
    for spanner in table.spanners:
        yield from [("", 1)] * (spanner.first - at)
        yield spanner.label, spanner.width
        at = spanner.first + spanner.width
    yield from [("", 1)] * (len(table.columns) - at)


def _groups(rows: Iterable[Row], size: int, letters: dict[str, str]) -> Iterator[Group]:
    """Lines under their headings; a heading without lines gets a line that says so."""
    heading: Piece | None = None
    none = (Piece(NOTHING), *[Piece("")] * (size - 1))
    lines: list[tuple[Piece, ...]] = []
    for row in rows:
        if row.heading:
            if heading or lines:
                yield Group(heading, tuple(lines) or (none,))
            found = next(_pieces([(row.stub, 1)], letters))
            heading, lines = (found if found.text else None), []
        else:
            lines.append(tuple(_pieces(((said, 1) for said in (row.stub, *row.cells)), letters)))
    if heading or lines:
        yield Group(heading, tuple(lines) or (none,))


def _pieces(said: Iterable[tuple[str | Cell, int]], letters: dict[str, str]) -> Iterator[Piece]:
    for one, width in said:
        cell = as_cell(one)
        marks = [letters.setdefault(note, _letter(len(letters))) for note in cell.notes]
        yield Piece(cell.text, ",".join(sorted(marks, key=lambda mark: (len(mark), mark))), width)


def _letter(place: int) -> str:
    """``a`` to ``z``, then ``aa``, ``bb`` and so on."""
    times, letter = divmod(place, 26)
    return "abcdefghijklmnopqrstuvwxyz"[letter] * (times + 1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Names that stand for strings while a library lays a table out: what is in a string cannot then change the layout."""

    pieces: list[Piece]

    def of(self, piece: Piece) -> str:
        """A name for this piece."""
        self.pieces.append(piece)
        return f"t{len(self.pieces) - 1}"
