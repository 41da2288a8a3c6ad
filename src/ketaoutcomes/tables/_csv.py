"""A table as CSV: a header line, the lines, then the notes in the first column."""

from __future__ import annotations

import csv
import io

from ketaoutcomes.tables._sheet import Piece, Sheet


def render(sheet: Sheet) -> bytes:
    """Text that a spreadsheet would run is made inert; letters of notes stand in brackets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    blank = [""] * (sheet.size - 1)
    writer.writerow([_inert(said) for said in _header(sheet)])
    for group in sheet.groups:
        if group.heading:
            writer.writerow([_inert(_said(group.heading)), *blank])
        writer.writerows([_inert(_said(piece)) for piece in line] for line in group.lines)
    writer.writerows([_inert(f"[{note.mark}] {note.text}" if note.mark else note.text), *blank] for note in sheet.notes)
    return text.getvalue().encode()


def _header(sheet: Sheet) -> list[str]:
    """Names of the columns, each after its spanner."""
    over = [_said(piece) for piece in sheet.top for _ in range(piece.width)] or [""] * sheet.size
    return [f"{above}: {_said(piece)}" if above else _said(piece) for above, piece in zip(over, sheet.head, strict=True)]


def _said(piece: Piece) -> str:
    return f"{piece.text} [{piece.marks}]" if piece.marks else piece.text


def _inert(cell: str) -> str:
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell
