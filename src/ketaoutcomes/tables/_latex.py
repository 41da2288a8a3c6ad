r"""A table as LaTeX: booktabs rules, longtable so that header lines repeat on every page, lettered notes at its end.

A fragment for ``\input``; its first lines name the packages. Compiles with pdfLaTeX (T1) and LuaLaTeX.
"""

from __future__ import annotations

from collections.abc import Iterator

from ketaoutcomes.tables._sheet import Note, Piece, Sheet

_PREAMBLE = """% Needs \\usepackage{booktabs,longtable,array,textcomp}, \\usepackage[T1]{fontenc} (pdfLaTeX) or fontspec (LuaLaTeX);
% a wide table fits better in the landscape environment of pdflscape.
"""
#: What LaTeX would not print as it stands. `[` and `*` would be options of the line end before them; two hyphens would become a dash.
_PRINTED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": "{-}", "[": "{[}", "]": "{]}", "*": "{*}",
    "\N{MINUS SIGN}": r"\ensuremath{-}", "\N{EN DASH}": r"\textendash{}", "\N{EM DASH}": r"\textemdash{}", "\N{NO-BREAK SPACE}": "~",
    "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\geq}", "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\leq}",
    "\N{MULTIPLICATION SIGN}": r"\texttimes{}", "\N{PLUS-MINUS SIGN}": r"\textpm{}", "\N{DEGREE SIGN}": r"\textdegree{}",
    "\N{MICRO SIGN}": r"\textmu{}", "\N{GREEK SMALL LETTER MU}": r"\ensuremath{\mu}", "\N{GREEK SMALL LETTER ALPHA}": r"\ensuremath{\alpha}",
    "\N{GREEK SMALL LETTER BETA}": r"\ensuremath{\beta}", "\N{GREEK SMALL LETTER GAMMA}": r"\ensuremath{\gamma}",
    "\N{GREEK SMALL LETTER DELTA}": r"\ensuremath{\delta}", "\N{GREEK CAPITAL LETTER DELTA}": r"\ensuremath{\Delta}",
    "\N{GREEK SMALL LETTER KAPPA}": r"\ensuremath{\kappa}", "\N{GREEK SMALL LETTER LAMDA}": r"\ensuremath{\lambda}",
    "\N{GREEK SMALL LETTER SIGMA}": r"\ensuremath{\sigma}", "\N{GREEK SMALL LETTER CHI}": r"\ensuremath{\chi}",
    "\N{SUPERSCRIPT TWO}": r"\texttwosuperior{}", "\N{RIGHTWARDS ARROW}": r"\ensuremath{\rightarrow}",
}  # fmt: skip
_STUB_INDENT = r"\quad "


def render(sheet: Sheet) -> bytes:
    """The table as a longtable, labelled ``tab:`` and its name."""
    begin = rf"\begin{{longtable}}{{@{{}}{''.join(_columns(sheet))}@{{}}}}"
    caption = rf"\caption{{{escaped(sheet.title)}}}\label{{tab:{sheet.name}}}\\"
    header = "\n".join((r"\toprule", *_header(sheet), r"\midrule"))
    notes = "\n".join(_note(note, sheet.size) for note in sheet.notes)
    foot = f"\\bottomrule\n\\endfoot\n\\bottomrule\n{notes}\n\\endlastfoot" if notes else "\\bottomrule\n\\endfoot"
    body = "\n".join(_body(sheet))
    size = r"\footnotesize\setlength{\tabcolsep}{3pt}"
    parts = (f"{_PREAMBLE}{{{size}", begin, caption, header, r"\endfirsthead", header, r"\endhead", foot, body, r"\end{longtable}}")
    return ("\n".join(parts) + "\n").encode()


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_PRINTED.get(character, character) for character in text)


def _columns(sheet: Sheet) -> Iterator[str]:
    """Columns that wrap, each with its share of the line."""
    for at in range(sheet.size):
        yield rf">{{\{'raggedright' if at == 0 or sheet.words else 'raggedleft'}\arraybackslash}}p{{{_width(sheet, at, 1)}}}"


def _width(sheet: Sheet, first: int, number: int) -> str:
    """Width of adjacent columns: their share of the line less the space between columns, but for the space inside them."""
    widths = sheet.widths()
    gaps = 2 * (len(widths) - 1) / len(widths) * number - 2 * (number - 1)
    return rf"\dimexpr {sum(widths[first : first + number]) / sum(widths):.4f}\linewidth-{gaps:.4f}\tabcolsep\relax"


def _spanner(sheet: Sheet, piece: Piece, first: int) -> str:
    wide = rf">{{\centering\arraybackslash}}p{{{_width(sheet, first, piece.width)}}}{'@{}' if first + piece.width == sheet.size else ''}"
    return rf"\multicolumn{{{piece.width}}}{{{wide}}}{{{_piece(piece)}}}"


def _header(sheet: Sheet) -> Iterator[str]:
    at, rules, cells = 0, "", list[str]()
    for piece in sheet.top:
        rules += rf"\cmidrule(lr){{{at + 1}-{at + piece.width}}}" if piece.text else ""
        cells.append(_spanner(sheet, piece, at) if piece.text else "")
        at += piece.width
    if cells:
        yield " & ".join(cells) + r" \\"
        yield rules
    yield _line(sheet.head)


def _body(sheet: Sheet) -> Iterator[str]:
    for at, group in enumerate(sheet.groups):
        if at:
            yield r"\addlinespace"
        if group.heading:
            yield rf"\multicolumn{{{sheet.size}}}{{@{{}}p{{\linewidth}}@{{}}}}{{\bfseries {_piece(group.heading)}}} \\*"
        for line in group.lines:
            yield (_STUB_INDENT if group.heading else "") + _line(line)


def _line(pieces: tuple[Piece, ...]) -> str:
    return " & ".join(_piece(piece) for piece in pieces) + r" \\"


def _piece(piece: Piece) -> str:
    return escaped(piece.text) + (rf"\textsuperscript{{{piece.marks}}}" if piece.marks else "")


def _note(note: Note, size: int) -> str:
    mark = rf"\textsuperscript{{{note.mark}}} " if note.mark else ""
    return rf"\multicolumn{{{size}}}{{@{{}}p{{\linewidth}}@{{}}}}{{\scriptsize {mark}{escaped(note.text)}}} \\"
