"""How wide words are when drawn: what keeps labels from running into each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

#: Points of the text in plots: journals ask for 6 to 8 at the printed size.
SMALL, BODY, HEAD = 6.5, 7.5, 8.5
#: Height of a line of text over its size.
LEADING = 1.32
_MM = 25.4 / 72


@cache
def mm(text: str, points: float = BODY, *, bold: bool = False) -> float:
    """Width of one line of text, in millimetres."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=points, weight="bold" if bold else "normal")
    return _MM * float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def widest(texts: Sequence[str], points: float = BODY) -> float:
    """Width of the widest line among texts, in millimetres."""
    return max((mm(line, points) for text in texts for line in text.split("\n")), default=0.0)


def line_mm(points: float = BODY) -> float:
    """Height of a line of text, in millimetres."""
    return _MM * LEADING * points


def wrapped(text: str, width: float, points: float = BODY, *, bold: bool = False) -> str:
    """`text` broken at spaces into lines of at most `width` mm; a longer word is broken where it must be."""
    lines: list[str] = []
    for part in text.split("\n"):
        line = ""
        for word in (piece for whole in part.split(" ") for piece in _pieces(whole, width, points, bold=bold)):
            longer = f"{line} {word}" if line else word
            if line and mm(longer, points, bold=bold) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return "\n".join(lines)


def _pieces(word: str, width: float, points: float, *, bold: bool) -> list[str]:
    pieces: list[str] = []
    while len(word) > 1 and mm(word, points, bold=bold) > width:
        cut = next((at for at in range(len(word) - 1, 0, -1) if mm(word[:at], points, bold=bold) <= width), 1)
        pieces.append(word[:cut])
        word = word[cut:]
    return [*pieces, word]


def lines(text: str) -> int:
    """How many lines a text has."""
    return text.count("\n") + 1
