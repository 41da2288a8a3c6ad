"""A table as HTML and as CSV, with the same strings."""

from __future__ import annotations

import csv
import io
from html import escape

from ketaoutcomes.tables._table import Row, Table


def to_html(table: Table) -> str:
    """A bare, accessible HTML table: caption, header cells with scope, footnotes; looks come from the page."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (table.stub, *table.columns))
    body = "\n".join(_line(row, len(table.columns)) for row in table.rows)
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.footnotes)
    foot = f'\n<div class="footnotes">{notes}</div>' if notes else ""
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(table.title)}"><table>\n<caption>{escape(table.title)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>{foot}\n"
    )


def _line(row: Row, width: int) -> str:
    if row.heading:
        return f'<tr class="group"><th scope="rowgroup" colspan="{width + 1}">{escape(row.stub)}</th></tr>'
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
    return f'<tr><th scope="row">{escape(row.stub)}</th>{cells}</tr>'


def to_csv(table: Table) -> str:
    """Header and lines; text that a spreadsheet would run is made inert."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_inert(name) for name in (table.stub, *table.columns)])
    for row in table.rows:
        writer.writerow([_inert(cell) for cell in (row.stub, *(row.cells or ("",) * len(table.columns)))])
    return text.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell
