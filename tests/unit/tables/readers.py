"""Readers of the five formats that know nothing of how they are written: each gives the same `Shown`."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from docx import Document
from docx.oxml.ns import qn

#: A string and its marks.
Text = tuple[str, str]


@dataclass
class Shown:
    """What a person sees of a table."""

    title: str = ""
    #: First column (1 is the one beside the stub), columns, label.
    spans: list[tuple[int, int, Text]] = field(default_factory=list)
    head: list[Text] = field(default_factory=list)
    #: A heading is a line of one.
    lines: list[list[Text]] = field(default_factory=list)
    #: Mark and text.
    notes: list[Text] = field(default_factory=list)


class _Html(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[dict]] = []
        self.caption = ""
        self.notes: list[Text] = []
        self.labels: list[str] = []
        self._to: dict | None = None
        self._raised = self._caption = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.labels += [given["aria-label"] or ""] if "aria-label" in given else []
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th", "p"}:
            self._to = {"tag": tag, "text": "", "marks": "", "note": tag == "p", **given}
            if tag != "p":
                self.rows[-1].append(self._to)
        self._raised |= tag == "sup"
        self._caption |= tag == "caption"

    def handle_endtag(self, tag: str) -> None:
        if tag == "p" and self._to is not None:
            self.notes.append((self._to["marks"], self._to["text"].removeprefix(" ") if self._to["marks"] else self._to["text"]))
        if tag in {"td", "th", "p"}:
            self._to = None
        self._raised &= tag != "sup"
        self._caption &= tag != "caption"

    def handle_data(self, data: str) -> None:
        if self._caption:
            self.caption += data
        elif self._to is not None and (data.strip("\n") or not data):
            self._to["marks" if self._raised else "text"] += data


def html(data: bytes) -> Shown:
    """A header of one or two rows, with its spans laid on a grid; ids unique, each named by its cells."""
    found = _Html(data.decode())
    rows = found.rows
    ids = [cell["id"] for row in rows for cell in row if "id" in cell]
    assert len(ids) == len(set(ids))
    named = {name for row in rows for cell in row for name in (cell.get("headers") or "").split()}
    assert named <= set(ids)
    assert found.labels == [found.caption]
    shown = Shown(found.caption, notes=found.notes)
    two = any(cell.get("rowspan") == "2" or cell.get("scope") == "colgroup" for cell in rows[0])
    below = [(cell["text"], cell["marks"]) for cell in rows[1]] if two else []
    at = 0
    for cell in rows[0]:
        width, text = int(cell.get("colspan", "1")), (cell["text"], cell["marks"])
        if two and cell.get("rowspan") != "2":
            shown.spans.append((at, width, text))
            shown.head += [below.pop(0) for _ in range(width)]
        else:
            shown.head.append(text)
        at += width
    assert not below
    shown.lines = [[(cell["text"], cell["marks"]) for cell in row] for row in rows[2 if two else 1 :]]
    return shown


def csv_lines(data: bytes) -> list[list[str]]:
    """The lines of a CSV file."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def _word_text(element: object) -> Text:
    plain = raised = ""
    for run in element.iter(qn("w:r")):
        text = "".join(t.text or "" for t in run.iter(qn("w:t")))
        if run.find(f".//{qn('w:vertAlign')}") is None:
            plain += text
        else:
            raised += text
    return plain, raised


def docx(data: bytes) -> Shown:
    """The one table of the document, its caption and the notes below it; header lines are those that repeat."""
    document = Document(io.BytesIO(data))
    (table,) = document.tables
    caption = next(p for p in document.paragraphs if p.style.name == "Caption")
    assert caption._p.find(qn("w:fldSimple")).get(qn("w:instr")).split() == ["SEQ", "Table", "\\*", "ARABIC"]
    shown = Shown(_word_text(caption._p)[0].removeprefix("Table 1. "))
    rows = table._tbl.findall(qn("w:tr"))
    heads = [row for row in rows if row.find(f".//{qn('w:tblHeader')}") is not None]
    assert rows[: len(heads)] == heads
    assert all(row.find(f".//{qn('w:cantSplit')}") is not None for row in rows)
    for row in heads[:-1]:
        at = 0
        for cell in row.findall(qn("w:tc")):
            over = cell.find(f".//{qn('w:gridSpan')}")
            width = 1 if over is None else int(over.get(qn("w:val")))
            if _word_text(cell) != ("", ""):
                shown.spans.append((at, width, _word_text(cell)))
            at += width
        assert at == len(table.columns)
    shown.head = [_word_text(cell) for cell in heads[-1].findall(qn("w:tc"))]
    shown.lines = [[_word_text(cell) for cell in row.findall(qn("w:tc"))] for row in rows[len(heads) :]]
    notes = [_word_text(p._p) for p in document.paragraphs if p.style.name == "Table Note"]
    shown.notes = [(marks, text.removeprefix(" ") if marks else text) for text, marks in notes]
    return shown


_SYMBOLS = {
    "textbackslash": "\\", "textasciicircum": "^", "textasciitilde": "~", "textless": "<", "textgreater": ">", "textbar": "|", "textquotedbl": '"',
    "textquotesingle": "'", "textasciigrave": "`", "textendash": "–", "textemdash": "—", "texttimes": "×", "textpm": "±", "textdegree": "°",
    "textmu": "µ", "texttwosuperior": "²", "geq": "≥", "leq": "≤", "beta": "β", "delta": "δ", "alpha": "α",
}  # fmt: skip


def _latex_text(source: str) -> Text:
    """Commands, escapes and braces back to characters; what is raised is a mark."""
    raised = re.findall(r"\\textsuperscript\{([a-z,]+)\}", source)
    source = re.sub(r"\\textsuperscript\{[a-z,]+\}", "", source)
    source = re.sub(r"\\ensuremath\{(.*?)\}", lambda found: "−" if found[1] == "-" else _SYMBOLS[found[1].removeprefix("\\")], source)
    assert not re.search("--|``|''|<<|>>|[?!]`", source), "a ligature"
    tokens = re.findall(r"\\[a-zA-Z]+(?:\{\})?|\\.|.", source, flags=re.DOTALL)
    plain = ""
    for token in tokens:
        if re.fullmatch(r"\\[a-zA-Z]+(\{\})?", token):
            plain += _SYMBOLS[token[1:].removesuffix("{}")]
        elif token.startswith("\\"):
            plain += token[1:]
        elif token == "~":
            plain += "\N{NO-BREAK SPACE}"
        else:
            assert token not in "&%$#_^", f"{token} in {source}"
            plain += "" if token in "{}" else token
    assert raised == raised[:1]
    return plain, "".join(raised)


def _braced(source: str) -> list[str]:
    """The arguments in braces at the start of a text."""
    found, depth, start = [], 0, 0
    for at, character in enumerate(source):
        escaped = at and source[at - 1] == "\\" and source[at - 2] != "\\"
        if character == "{" and not escaped:
            depth += 1
            start = at + 1 if depth == 1 else start
        elif character == "}" and not escaped:
            depth -= 1
            if depth == 0:
                found.append(source[start:at])
    return found


def tex(data: bytes) -> Shown:
    """The longtable of a fragment: lines end in two backslashes, cells are parted by `` & ``."""
    text = data.decode()
    first, _, rest = text.partition("\\endfirsthead\n")
    again, _, rest = rest.partition("\\endhead\n")
    foot, _, body = rest.partition("\\endlastfoot\n") if "\\endlastfoot" in rest else rest.partition("\\endfoot\n")
    body = body.partition("\\end{longtable}")[0]
    caption = next(line for line in first.splitlines() if line.startswith("\\caption"))
    shown = Shown(_latex_text(re.fullmatch(r"\\caption\{(.*)\}\\label\{tab:\w+\}\\\\", caption)[1])[0])
    header = first[first.index("\\toprule") :]
    assert header == again
    *over, names = [line.removesuffix(" \\\\") for line in header.splitlines() if line.endswith(" \\\\")]
    for line in over:
        at = 0
        for cell in line.split(" & "):
            width, _, words = _braced(cell) if cell.startswith("\\multicolumn") else ("1", "", "")
            shown.spans += [(at, int(width), _latex_text(words))] if words else []
            at += int(width)
    shown.head = [_latex_text(cell) for cell in names.split(" & ")]
    for line in re.findall(r"^(.*) \\\\\*?$", body, flags=re.MULTILINE):
        one = _braced(line)[2].removeprefix("\\bfseries ") if line.startswith("\\multicolumn") else None
        cells = [one] if one is not None else line.removeprefix("\\quad ").split(" & ")
        shown.lines.append([_latex_text(cell) for cell in cells])
    for line in re.findall(r"^(\\multicolumn.*) \\\\$", foot, flags=re.MULTILINE):
        words, mark = _latex_text(_braced(line)[2].removeprefix("\\scriptsize "))
        shown.notes.append((mark, words.removeprefix(" ") if mark else words))
    return shown


def _rtf_tokens(text: str) -> list[tuple[str, str]]:
    """Control words with their number, groups and characters."""
    found = re.findall(r"\\([a-z]+)(-?\d+)? ?|\\([\\{}*'])|([{}])|([^\\{}])", text, flags=re.DOTALL)
    return [(word or brace or "text", number if word else (escape or plain)) for word, number, escape, brace, plain in found]


def rtf(data: bytes) -> Shown:
    """Rows from ``\\trowd`` to ``\\row``; paragraphs outside of rows are the title and the notes."""
    shown, rows, paragraphs = Shown(), [], []
    row = {"cells": [], "edges": [], "header": False}
    text, raised, stack, skip = "", "", [], 0
    up = False
    tokens = _rtf_tokens(data.decode("ascii"))
    units: list[int] = []
    for kind, value in tokens:
        if skip:
            skip -= 1
            continue
        if units and kind != "u":
            text += b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le")
            units = []
        if kind == "{":
            stack.append(up)
        elif kind == "}":
            up = stack.pop()
        elif kind == "super":
            up = True
        elif kind == "trowd":
            row = {"cells": [], "edges": [], "header": False}
            text = raised = ""
        elif kind == "trhdr":
            row["header"] = True
        elif kind == "cellx":
            row["edges"].append(int(value))
        elif kind == "cell":
            row["cells"].append((text, raised))
            text = raised = ""
        elif kind == "row":
            rows.append(row)
            text = raised = ""
        elif kind == "par":
            paragraphs.append((text, raised))
            text = raised = ""
        elif kind == "u":
            assert -32768 <= int(value) <= 32767
            units.append(int(value) % 65536)
            skip = 1  # the character for readers without Unicode
        elif kind == "text" and value != "\n":
            raised, text = (raised + value, text) if up else (raised, text + value)
    heads = [row for row in rows if row["header"]]
    assert rows[: len(heads)] == heads
    edges = [0, *heads[-1]["edges"]]
    for over in heads[:-1]:
        left = [0, *over["edges"]]
        near = [min(range(len(edges)), key=lambda at, x=x: abs(edges[at] - x)) for x in left]
        shown.spans += [(near[at], near[at + 1] - near[at], cell) for at, cell in enumerate(over["cells"]) if cell != ("", "")]
    shown.head = heads[-1]["cells"]
    shown.lines = [row["cells"] for row in rows[len(heads) :]]
    table = re.sub(r"^(.*?);\}", "", paragraphs[0][0]) if ";" in paragraphs[0][0] else paragraphs[0][0]
    shown.title = table.rpartition(";")[2]
    shown.notes = [(marks, words.removeprefix(" ") if marks else words) for words, marks in paragraphs[1:]]
    return shown
