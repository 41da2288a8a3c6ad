"""Boxes of a flow diagram: sized by their text, placed, joined by arrows. All lengths are millimetres, y from the top down (negative)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd

from ketaoutcomes.figures import _text

#: The strip of stages on the left, the gap between boxes, the margin inside one, the narrowest column for an arm.
STRIP, GAP, PAD, NARROWEST = 7.0, 5.5, 2.0, 27.0
_EDGE = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """What a box says, and to which stage and arm (empty: all) it belongs; with `aside` it stands beside the flow."""

    stage: str
    arm: str
    heading: str
    lines: tuple[str, ...] = ()
    aside: bool = False

    @property
    def texts(self) -> tuple[tuple[str, bool], ...]:
        """Paragraphs, and whether they are bold."""
        return ((self.heading, True), *((line, False) for line in self.lines))


@dataclass(frozen=True, slots=True)
class Placed:
    """A box at its place, its texts broken into lines."""

    stage: str
    arm: str
    left: float
    right: float
    top: float
    bottom: float
    texts: tuple[tuple[str, bool], ...]
    aside: bool = False

    @property
    def middle(self) -> float:
        """Half way from left to right."""
        return (self.left + self.right) / 2


def place(boxes: list[Box], arms: list[str], width: float) -> tuple[list[Placed], bool]:
    """A column for each arm, or the arms one below the other where columns would be too narrow; and whether they are columns."""
    columns = (width - STRIP - GAP * len(arms)) / len(arms) >= NARROWEST
    placed, y = _above([box for box in boxes if not box.arm], len(arms) == 1, columns, width)
    below = [box for box in boxes if box.arm]
    return [*placed, *(_columns(below, arms, width, y) if columns else _stack(below, arms, width, y))], columns


def _set(texts: tuple[tuple[str, bool], ...], like: Box, left: float, right: float, top: float) -> Placed:
    room = right - left - 2 * PAD
    broken = tuple((_text.wrapped(_together(text), room, bold=bold), bold) for text, bold in texts)
    high = sum(_text.lines(text) for text, _ in broken) * _text.line_mm() + 2 * PAD
    return Placed(like.stage, like.arm, left, right, top, top - high, broken, like.aside)


def _together(text: str) -> str:
    """`text` whose last bracket is not broken over lines."""
    start, bracket, count = text.rpartition("(n ")
    return start + (bracket + count).replace(" ", "\N{NO-BREAK SPACE}") if bracket else text


def _above(boxes: list[Box], single: bool, columns: bool, width: float) -> tuple[list[Placed], float]:
    """The boxes before the arms part: one below the other, those aside to the right."""
    first = STRIP + GAP if columns else _EDGE
    centre = (first + width - _EDGE) / 2
    half = min(36.0, centre - first)
    placed: list[Placed] = []
    y = -_EDGE
    for box in boxes:
        left, right = (centre + 5.0, width - _EDGE) if box.aside else (centre - half, centre + half)
        placed.append(_set(box.texts, box, left if columns or box.aside else first, right if columns else width - _EDGE, y))
        y = placed[-1].bottom - GAP
    return placed, y - (0.0 if single else 1.5)


def _columns(boxes: list[Box], arms: list[str], width: float, y: float) -> list[Placed]:
    first = STRIP + GAP
    wide = (width - first - _EDGE - GAP * (len(arms) - 1)) / len(arms)
    if len(arms) == 1:
        first, wide = first + max(wide - 90.0, 0.0) / 2, min(wide, 90.0)
    placed: list[Placed] = []
    for stage in dict.fromkeys(box.stage for box in boxes):
        row = [
            _set(box.texts, box, x, x + wide, y)
            for at, arm in enumerate(arms)
            for x in [first + at * (wide + GAP)]
            for box in boxes
            if (box.stage, box.arm) == (stage, arm)
        ]
        bottom = min(box.bottom for box in row)
        placed += [replace(box, bottom=bottom) for box in row]
        y = bottom - GAP
    return placed


def _stack(boxes: list[Box], arms: list[str], width: float, y: float) -> list[Placed]:
    placed: list[Placed] = []
    for arm in arms:
        own = [box for box in boxes if box.arm == arm]
        texts = tuple(text for box in own for text in box.texts)
        placed.append(_set(texts, own[0], STRIP, width - _EDGE, y))
        y = placed[-1].bottom - GAP / 2
    return placed


def strip(placed: list[Placed]) -> pd.DataFrame:
    """Marks on the left, one for each stage."""
    lines: list[dict[str, object]] = []
    for stage in dict.fromkeys(box.stage for box in placed):
        boxes = [box for box in placed if box.stage == stage]
        top, bottom = max(box.top for box in boxes), min(box.bottom for box in boxes)
        lacking = max(_text.mm(stage, _text.SMALL) + 2 - (top - bottom), 0.0)
        lines.append(
            {
                "left": _EDGE,
                "right": STRIP - 1.5,
                "top": top,
                "bottom": bottom - lacking,
                "x": STRIP / 2 - 0.2,
                "y": (top + bottom - lacking) / 2,
                "text": stage,
            }
        )
    return pd.DataFrame(lines)


def arrows(placed: list[Placed], columns: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines, and lines that end in an arrow head."""
    trunk = [box for box in placed if not box.arm and not box.aside]
    lines: list[tuple[float, float, float, float]] = []
    heads: list[tuple[float, float, float, float]] = []
    for above, below in pairwise(trunk):
        heads.append((above.middle, above.bottom, below.middle, below.top))
    for box in (box for box in placed if box.aside):
        middle = (box.top + box.bottom) / 2
        heads.append((trunk[0].middle, middle, box.left, middle))
    own = [box for box in placed if box.arm or (box not in trunk and not box.aside)]
    first = [box for box in own if box.stage == own[0].stage]
    end = trunk[-1]
    if not columns:
        spine = STRIP / 2 - 0.5
        lines.append((spine, end.bottom, spine, (first[-1].top + first[-1].bottom) / 2))
        heads += [(spine, (box.top + box.bottom) / 2, box.left, (box.top + box.bottom) / 2) for box in first]
    else:
        bar = first[0].top + 3.2
        if len(first) > 1:
            lines += [(end.middle, end.bottom, end.middle, bar), (first[0].middle, bar, first[-1].middle, bar)]
            heads += [(box.middle, bar, box.middle, box.top) for box in first]
        else:
            heads.append((end.middle, end.bottom, first[0].middle, first[0].top))
        for arm in dict.fromkeys(box.arm for box in own):
            mine = [box for box in own if box.arm == arm]
            heads += [(above.middle, above.bottom, below.middle, below.top) for above, below in pairwise(mine)]
    return _frame(lines), _frame(heads)


def _frame(lines: list[tuple[float, float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=["x", "y", "xend", "yend"])


def texts(placed: list[Placed]) -> pd.DataFrame:
    """Each paragraph at the top left corner of its place: x, y, label, bold."""
    rows: list[dict[str, object]] = []
    for box in placed:
        y = box.top - PAD
        for text, bold in box.texts:
            rows.append({"x": box.left + PAD, "y": y, "label": text, "bold": bold})
            y -= _text.lines(text) * _text.line_mm()
    return pd.DataFrame(rows)
