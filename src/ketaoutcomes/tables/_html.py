"""A table as HTML, laid out by great_tables; looks come from the page."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pandas as pd

from ketaoutcomes.tables._sheet import Group, Note, Piece, Sheet, Tokens

#: What of great_tables' HTML the page has no use for.
_NOISE = re.compile(r' data-quarto-[a-z-]+="[a-z]+"| (?:row|col)span="1"| class="gt_(?!group_heading_row|column_spanner_outer)[^"]*"|(?<=\n)\s+|\n(?=\n)')
#: The page's class of tables whose cells are sentences: they wrap, and begin at the left.
_WORDS = " changes"
_HEADING = '<tr class="gt_group_heading_row">'


def render(sheet: Sheet) -> bytes:
    """An accessible table: caption, header cells that each cell names, notes that wrap outside of what scrolls."""
    title = escape(sheet.title)
    notes = "".join(f"<p>{_note(note)}</p>" for note in sheet.notes)
    foot = f'<div class="footnotes">{notes}</div>\n' if notes else ""
    return f'<div class="table{_WORDS if sheet.words else ""}" tabindex="0" role="region" aria-label="{title}">{_table(sheet, title)}</div>\n{foot}'.encode()


def _table(sheet: Sheet, title: str) -> str:
    """great_tables lays tokens out: ids of header cells stay unique when names repeat; the strings come after."""
    from great_tables import GT

    tokens = Tokens([])
    columns = [f"c{at}" for at in range(sheet.size - 1)]
    groups = [(tokens.of(group.heading or Piece("")), group.lines) for group in sheet.groups]
    cells = [[at, *(tokens.of(piece) for piece in line)] for at, lines in groups for line in lines]
    frame = pd.DataFrame(cells, columns=["group", "stub", *columns])
    grouped = any(group.heading for group in sheet.groups)
    made: Any = GT(frame if grouped else frame.drop(columns="group"), rowname_col="stub", groupname_col="group" if grouped else None, id=sheet.name)
    made = made.tab_stubhead(label=tokens.of(sheet.head[0]))
    made = made.cols_label({column: tokens.of(piece) for column, piece in zip(columns, sheet.head[1:], strict=True)})
    at = -1
    for piece in sheet.top:
        made = made.tab_spanner(label=tokens.of(piece), columns=columns[at : at + piece.width], id=f"over{at}") if piece.text else made
        at += piece.width
    text = made.as_raw_html()
    text = _NOISE.sub("", text[text.index("<thead") : text.index("</table>")])
    return f"<table>\n<caption>{title}</caption>\n{_filled(_grouped(text, sheet), tokens.pieces)}</table>"


def _grouped(text: str, sheet: Sheet) -> str:
    """A body for each group; rows of its own scope for its heading, none for lines that stand for themselves."""
    first, *bodies = text.replace("\n</tbody>", "").split(_HEADING)
    if not bodies:
        return f"{text}\n</tbody>"
    return first.replace("<tbody>\n", "") + "".join(_body(body.strip(), group) for body, group in zip(bodies, sheet.groups, strict=True))


def _body(text: str, group: Group) -> str:
    heading, _, lines = text.partition("</tr>\n")
    if group.heading:
        heading = re.sub(r">(t\d+)<", r"><span>\1</span><", heading.replace('scope="colgroup"', 'scope="rowgroup"'))
        return f'<tbody class="group">\n{_HEADING}{heading}</tr>\n{lines}\n</tbody>\n'
    own = re.search(r'id="([\w-]+)"', heading)
    lines = lines.replace(f'headers="{own[1]} ', 'headers="') if own else lines
    return f"<tbody>\n{lines}\n</tbody>\n"


def _filled(text: str, pieces: list[Piece]) -> str:
    return re.sub(r">\s*t(\d+)\s*<", lambda found: f">{_piece(pieces[int(found[1])])}<", text)


def _piece(piece: Piece) -> str:
    return escape(piece.text) + (f"<sup>{piece.marks}</sup>" if piece.marks else "")


def _note(note: Note) -> str:
    return (f"<sup>{note.mark}</sup> " if note.mark else "") + escape(note.text)
