"""A table as RTF, laid out by rtflite (the extra `rtf`)."""

from __future__ import annotations

import re
from typing import Any

from ketaoutcomes.tables._sheet import Note, Piece, Sheet, Tokens

#: Pages are Word's matter: header lines are marked as such instead of being written again after so many lines.
_ONE_PAGE = 1_000_000
#: Inches of A4 upright and on its side, of its margins, and of a character of 8 points.
_A4, _MARGIN, _CHARACTER = (8.27, 11.69), 0.8, 0.056
#: Characters that fit into the space at both sides of a cell.
_PADDING = 3
#: Font of rtflite's table of fonts: Arial.
_FONT = 4
_RULES: dict[str, Any] = {f"border_{side}": [[""]] for side in ("left", "right", "top", "bottom")}
_ROW = re.compile(r"(?<=\\row\\pard\n)|(?=\\trowd)")


def render(sheet: Sheet) -> bytes:
    """rtflite lays tokens out, so that what is in a string changes nothing; the strings come after."""
    tokens = Tokens([])
    headings = [tokens.of(group.heading or Piece("")) for group in sheet.groups]
    upright = sum(width + _PADDING for width in sheet.widths()) * _CHARACTER <= _A4[0] - 2 * _MARGIN
    lines = [[heading, *(tokens.of(piece) for piece in line)] for heading, group in zip(headings, sheet.groups, strict=True) for line in group.lines]
    text = _document(sheet, lines, tokens, upright=upright)
    rows = _ROW.split(text)
    alone = [token for token, group in zip(headings, sheet.groups, strict=True) if not group.heading]
    inside = {line[1] for line in lines if line[0] not in alone}
    rows = [row for row in rows if not any(f" {token}}}" in row for token in alone)]
    text = "".join(_lasting(row, inside, header=at in range(1, 3 if sheet.top else 2)) for at, row in enumerate(rows))
    text = re.sub(r"\{(\\f\d+\S*) (t\d+)\}", lambda found: _filled(found, tokens, headings), text)
    notes = "".join(_note(note) for note in sheet.notes)
    return f"{text.rstrip().removesuffix('}').rstrip()}\n{notes}}}\n".encode("ascii")


def _document(sheet: Sheet, lines: list[list[str]], tokens: Tokens, *, upright: bool) -> str:
    import polars as pl

    library = _library()
    widths = [float(width + _PADDING) for width in sheet.widths()]
    grouped = any(group.heading for group in sheet.groups)
    frame = pl.DataFrame(
        lines if grouped else [line[1:] for line in lines], schema=[f"c{at}" for at in range(0 if grouped else 1, sheet.size + 1)], orient="row"
    )
    look = {"text_font": [_FONT], "text_font_size": [8], "text_convert": [False]}
    body = {name: [value] for name, value in look.items()} | _RULES
    width = _A4[0 if upright else 1] - 2 * _MARGIN
    document = library.RTFDocument(
        df=frame,
        rtf_page=library.RTFPage(
            orientation="portrait" if upright else "landscape", width=_A4[0 if upright else 1], height=_A4[1 if upright else 0],
            margin=[_MARGIN] * 6, nrow=_ONE_PAGE, col_width=width, border_first="single", border_last="single",
        ),
        rtf_title=library.RTFTitle(text=[tokens.of(Piece(sheet.title))], text_justification=["l"], **{**look, "text_font_size": [10], "text_format": ["b"]}),
        rtf_column_header=[*_top(sheet, widths, tokens, look), library.RTFColumnHeader(
            text=[tokens.of(piece) for piece in sheet.head], col_rel_width=widths, text_format=["b"],
            text_justification=["l", *["r"] * (sheet.size - 1)], border_left=[""], border_right=[""], border_top=[""], border_bottom=["single"], **look,
        )],
        rtf_body=library.RTFBody(
            col_rel_width=[*([1.0] if grouped else []), *widths], page_by=["c0"] if grouped else None,
            text_justification=[[*(["l"] if grouped else []), "l", *["r"] * (sheet.size - 1)]], **body,
        ),
    )  # fmt: skip
    return str(document.rtf_encode())


def _top(sheet: Sheet, widths: list[float], tokens: Tokens, look: dict[str, Any]) -> list[Any]:
    """The line of spanners."""
    if not sheet.top:
        return []
    library = _library()
    starts = [sum(piece.width for piece in sheet.top[:at]) for at in range(len(sheet.top))]
    return [
        library.RTFColumnHeader(
            text=[tokens.of(piece) for piece in sheet.top], text_format=["b"], text_justification=["c"],
            col_rel_width=[sum(widths[start : start + piece.width]) for start, piece in zip(starts, sheet.top, strict=True)],
            border_left=[""], border_right=[""], border_top=[""], border_bottom=[["single" if piece.text else "" for piece in sheet.top]], **look,
        )
    ]  # fmt: skip


def _library() -> Any:  # noqa: ANN401 - pydantic models whose fields are typed for what they become, not for what they take
    import rtflite  # pyright: ignore[reportMissingTypeStubs] - it ships none

    return rtflite


def _lasting(row: str, inside: set[str], *, header: bool) -> str:
    """A row that no page breaks; header lines stand at the head of every page, and have the only rules above a row; lines of groups are indented."""
    if header:
        return row.replace(r"\trowd", r"\trowd\trkeep\trhdr", 1)
    stub = re.search(r"\{\\f\d+ (t\d+)\}", row)
    indented = row.replace(r"\li0", r"\li140", 1) if stub and stub[1] in inside else row
    return indented.replace(r"\trowd", r"\trowd\trkeep", 1).replace(r"\clbrdrt\brdrs", r"\clbrdrt")


def _filled(found: re.Match[str], tokens: Tokens, headings: list[str]) -> str:
    bold = r"\b" if found[2] in headings else ""
    return f"{{{found[1]}{bold} {_piece(tokens.pieces[int(found[2][1:])])}}}"


def _piece(piece: Piece) -> str:
    return _escaped(piece.text) + (rf"{{\super {piece.marks}}}" if piece.marks else "")


def _note(note: Note) -> str:
    mark = rf"{{\super {note.mark}}} " if note.mark else ""
    return rf"{{\pard\sb40\sa0\ql\fs15\f{_FONT - 1} {mark}{_escaped(note.text)}\par}}" + "\n"


def _escaped(text: str) -> str:
    """ASCII that RTF shows as the text; what is beyond the first plane goes in two halves."""
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if character in "\\{}":
        return f"\\{character}"
    if character.isascii():
        return character
    raw = character.encode("utf-16-le")
    return "".join(f"\\u{int.from_bytes(raw[at : at + 2], 'little', signed=True)}?" for at in range(0, len(raw), 2))
