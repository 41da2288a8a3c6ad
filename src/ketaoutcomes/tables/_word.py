"""A table as a Word document: a real table whose header lines repeat on every page, a numbered caption, notes below."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from ketaoutcomes.tables._sheet import Group, Note, Piece, Sheet
from ketaoutcomes.word_file import document

#: Width of the text on A4 with margins of 2 cm, upright and on its side, in twentieths of a point; what a character of 8 points takes.
_UPRIGHT, _SIDEWAYS, _CHARACTER = 9638, 14570, 80
_PADDING = 170
#: Tables that fill less of the line than this are left as they are.
_NARROW = 0.6
_NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def render(sheet: Sheet) -> bytes:
    """The table alone in a document of A4, on its side when it is wide."""
    wanted = [width * _CHARACTER + _PADDING for width in sheet.widths()]
    room = _UPRIGHT if sum(wanted) <= _UPRIGHT else _SIDEWAYS
    blocks = [_caption(sheet.title), _table(sheet, _fitted(wanted, room)), *(_note(note) for note in sheet.notes)]
    return document(blocks, title=sheet.title, sideways=room == _SIDEWAYS)


def _fitted(wanted: list[int], room: int) -> list[int]:
    """Widths of the columns, in proportion to what they want: over the whole line unless that is much more; cells wrap where it is less."""
    return wanted if sum(wanted) < _NARROW * room else [width * room // sum(wanted) for width in wanted]


def _caption(title: str) -> str:
    number = '<w:fldSimple w:instr=" SEQ Table \\* ARABIC "><w:r><w:t>1</w:t></w:r></w:fldSimple>'
    return f'<w:p {_NAMESPACE}><w:pPr><w:pStyle w:val="Caption"/></w:pPr>{_run("Table ")}{number}{_run(f". {title}")}</w:p>'


def _note(note: Note) -> str:
    mark = f"{_raised(note.mark)}{_run(' ')}" if note.mark else ""
    return f"<w:p {_NAMESPACE}>{_style('Table Note')}{mark}{_run(note.text)}</w:p>"


def _table(sheet: Sheet, widths: list[int]) -> str:
    rows = [*_headers(sheet, widths), *(row for group in sheet.groups for row in _group(group, widths))]
    rows[-1] = rows[-1].replace("<w:tcBorders/>", _rule("bottom", 8))
    columns = ", ".join(piece.text for piece in sheet.head if piece.text)
    about = f"<w:tblCaption w:val={quoteattr(sheet.title)}/><w:tblDescription w:val={quoteattr(f'{sheet.title}. Columns: {columns}.')}/>"
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    margins = '<w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/></w:tblCellMar>'
    form = f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblLayout w:type="fixed"/>{margins}<w:tblLook w:val="0420" w:firstRow="1"/>{about}'
    body = "".join(row.replace("<w:tcBorders/>", "") for row in rows)
    return f"<w:tbl {_NAMESPACE}><w:tblPr>{form}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>"


def _headers(sheet: Sheet, widths: list[int]) -> Iterator[str]:
    """The lines that repeat on every page: spanners with a rule under each, then the names between the first two rules."""
    at, cells = 0, list[str]()
    for piece in sheet.top:
        rules = _rule("top", 8, "bottom" if piece.text else "", 4)
        cells.append(_cell(piece, "Table Spanner", sum(widths[at : at + piece.width]), rules))
        at += piece.width
    if cells:
        yield _row(cells, header=True)
    rules = _rule("bottom", 4) if cells else _rule("top", 8, "bottom", 4)
    styles = ["Table Stubhead", *["Table Head"] * (sheet.size - 1)]
    yield _row([_cell(piece, style, width, rules) for piece, style, width in zip(sheet.head, styles, widths, strict=True)], header=True)


def _group(group: Group, widths: list[int]) -> Iterator[str]:
    if group.heading:
        heading = Piece(group.heading.text, group.heading.marks, len(widths))
        yield _row([_cell(heading, "Table Group", sum(widths))])
    styles = ["Table Line" if group.heading else "Table Text", *["Table Number"] * (len(widths) - 1)]
    for line in group.lines:
        yield _row([_cell(piece, style, width) for piece, style, width in zip(line, styles, widths, strict=True)])


def _row(cells: list[str], *, header: bool = False) -> str:
    return f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if header else ''}</w:trPr>{''.join(cells)}</w:tr>"


def _cell(piece: Piece, style: str, width: int, rules: str = "<w:tcBorders/>") -> str:
    over = f'<w:gridSpan w:val="{piece.width}"/>' if piece.width > 1 else ""
    low = '<w:vAlign w:val="bottom"/>' if style in {"Table Head", "Table Stubhead", "Table Spanner"} else ""
    mark = _raised(piece.marks) if piece.marks else ""
    form = f'<w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{over}{rules}{low}</w:tcPr>'
    return f"<w:tc>{form}<w:p>{_style(style)}{_run(piece.text)}{mark}</w:p></w:tc>"


def _rule(*sides: str | int) -> str:
    """Borders of a cell: side, eighths of a point, and so on."""
    pairs = zip(sides[::2], sides[1::2], strict=True)
    rules = "".join(f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="auto"/>' for side, size in pairs if side)
    return f"<w:tcBorders>{rules}</w:tcBorders>"


def _style(name: str) -> str:
    return f'<w:pPr><w:pStyle w:val="{name.replace(" ", "")}"/></w:pPr>'


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>' if text else ""


def _raised(text: str) -> str:
    return f'<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>{text}</w:t></w:r>'
