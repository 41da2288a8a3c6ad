"""A forest plot: words, points with intervals on an axis of their own for each panel, and numbers in line. Lengths are millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import aes, arrow, coord_cartesian, geom_point, geom_segment, geom_text, ggplot, scale_shape_identity, theme, theme_void

from ketaoutcomes.figures import _text
from ketaoutcomes.figures._figure import Plate
from ketaoutcomes.figures._theme import ACCENT, FAINT, INK, SOFT
from ketaoutcomes.schema.numbers import MINUS

PRIMARY = "Primary analysis"
_EDGE, _BETWEEN = 1.5, 2.4
#: An interval that lies beyond the axis altogether: an arrow this long at its end.
_STUB = 3.0
#: Ticks of ratios, from coarse to fine; the finest that fit are drawn.
_TICKS = (
    (0.0001, 0.01, 1.0, 100.0, 10000.0),
    (0.01, 0.1, 1.0, 10.0, 100.0),
    (0.05, 0.2, 1.0, 5.0, 20.0),
    (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0),
    (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0),
    (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5),
)


_Head = Literal["first", "last", "both", ""]
#: Arrow heads of a line cut on the left, on the right.
_HEADS: dict[tuple[bool, bool], _Head] = {(True, True): "both", (True, False): "first", (False, True): "last", (False, False): ""}


@dataclass(frozen=True, slots=True)
class Line:
    """One result: the group it stands in, what it is of, its numbers as text, estimate and limits."""

    role: str
    label: str
    numbers: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """Results on one axis; `none` is no effect (1: a ratio, drawn on a log scale), `lower` and `higher` what the sides mean."""

    heading: str
    numbers: str
    lines: tuple[Line, ...]
    none: float
    lower: str
    higher: str


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where things stand: the axis from `left` to `right`, numbers end at `end`; `below`: words stand above their point."""

    words: float
    left: float
    right: float
    end: float
    below: bool


def plate(panels: list[Panel], note: str, width: float) -> Plate:
    """Panels one below the other, a note at the end."""
    columns = _columns(panels, width)
    drawing = _Drawing()
    y = -_EDGE
    for panel in panels:
        y = _panel(drawing, panel, columns, y) - 4.0
    note = _text.wrapped(note, width - 2 * _EDGE, _text.SMALL)
    drawing.text(_EDGE, y + 2.0, note, colour=SOFT, size=_text.SMALL)
    height = -y - 1.0 + (_text.lines(note) * _text.line_mm(_text.SMALL) if note else 0.0)
    canvas: Any = ggplot()
    plot = canvas + drawing.layers() + coord_cartesian(xlim=(0, width), ylim=(-height, 0), expand=False) + theme_void() + theme(plot_margin=0)
    return Plate(plot, height)


def _columns(panels: list[Panel], width: float) -> _Columns:
    numbers = max(_text.mm(line.numbers, bold=line.role == PRIMARY) for panel in panels for line in panel.lines)
    end = width - _EDGE
    if width > 100:
        return _Columns(0.4 * width, 0.4 * width + 3, end - numbers - 4, end, below=False)
    return _Columns(end - _EDGE, _EDGE + 1, end - numbers - 3, end, below=True)


class _Drawing:
    """Shapes as they are collected, then as plotnine layers."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str, str, float], list[tuple[float, float, str]]] = {}
        self.lines: dict[tuple[str, float, _Head], list[tuple[float, float, float, float]]] = {}
        self.points: list[tuple[float, float, str]] = []

    def text(self, x: float, y: float, text: str, *, ha: str = "left", weight: str = "normal", colour: str = INK, size: float = _text.BODY) -> None:
        self.texts.setdefault((ha, weight, colour, size), []).append((x, y, text))

    def line(self, x: float, y: float, xend: float, yend: float, *, colour: str = INK, size: float = 0.4, head: _Head = "") -> None:
        self.lines.setdefault((colour, size, head), []).append((x, y, xend, yend))

    def layers(self) -> list[Any]:
        ends = aes("x", "y", xend="xend", yend="yend")
        layers: list[Any] = []
        for (colour, size, head), lines in self.lines.items():
            tip = arrow(length=0.05, type="closed", ends=head) if head else None
            layers.append(geom_segment(ends, data=pd.DataFrame(lines, columns=["x", "y", "xend", "yend"]), color=colour, size=size, arrow=tip))
        points = pd.DataFrame(self.points, columns=["x", "y", "shape"])
        layers += (
            [geom_point(aes("x", "y", shape="shape"), data=points, size=2.3, fill=ACCENT, color=INK, stroke=0.4), scale_shape_identity()] if len(points) else []
        )
        for (ha, weight, colour, size), texts in self.texts.items():
            frame = pd.DataFrame(texts, columns=["x", "y", "label"])
            layers.append(
                geom_text(aes("x", "y", label="label"), data=frame, ha=ha, va="top", size=size, color=colour, fontweight=weight, lineheight=_text.LEADING)
            )
        return layers


def _panel(drawing: _Drawing, panel: Panel, columns: _Columns, y: float) -> float:
    axis = _Axis.of(panel, columns)
    heading = _text.wrapped(panel.heading, columns.end - _EDGE - _text.mm(panel.numbers) - 6, bold=True)
    drawing.text(_EDGE, y, heading, weight="bold")
    drawing.text(columns.end, y, panel.numbers, ha="right", colour=SOFT)
    y -= _text.lines(heading) * _text.line_mm() + 0.8
    drawing.line(_EDGE, y, columns.end, y, colour=SOFT, size=0.3)
    top = y
    y -= 1.6
    marks: list[tuple[Line, float]] = []
    for role in dict.fromkeys(line.role for line in panel.lines):
        if role != "Other analyses" or len({line.role for line in panel.lines}) > 1:
            name = _text.wrapped(role, columns.words - _EDGE)
            drawing.text(_EDGE, y, name, colour=SOFT)
            y -= _text.lines(name) * _text.line_mm() + 1.0
        for line in (line for line in panel.lines if line.role == role):
            y, at = _words(drawing, line, columns, y)
            marks.append((line, at))
    axis.draw(drawing, panel, y)
    half = _text.line_mm() * 0.7
    for start, end in [(at + half, at - half) for _, at in marks] if columns.below else [(top, y)]:
        axis.grid(drawing, panel, start, end)
    for line, at in marks:
        axis.mark(drawing, line, at)
    return y - 2 * _text.line_mm() - _text.line_mm(_text.SMALL) - 1.5


def _words(drawing: _Drawing, line: Line, columns: _Columns, y: float) -> tuple[float, float]:
    """Label and numbers of a line from `y` down; where the next begins, and the height of its point."""
    label = _text.wrapped(line.label, columns.words - _EDGE - 3)
    drawing.text(_EDGE + 2, y, label)
    tall = _text.lines(label) * _text.line_mm()
    row = y - tall - 0.4 if columns.below else y
    drawing.text(columns.end, row, line.numbers, ha="right", weight="bold" if line.role == PRIMARY else "normal")
    at = row - _text.line_mm() / 2 + 0.2
    return (row - _text.line_mm() if columns.below else y - tall) - _BETWEEN, at


@dataclass(frozen=True, slots=True)
class _Axis:
    """From values to millimetres."""

    left: float
    right: float
    low: float
    high: float
    ratio: bool
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, panel: Panel, columns: _Columns) -> _Axis:
        ratio = panel.none == 1.0
        low, high = _limits(panel, ratio)
        few = 3 if columns.right - columns.left < 45 else 5
        if ratio:
            sets = [[tick for tick in ticks if low <= math.log(tick) <= high] for ticks in _TICKS]
            ticks = max((found for found in sets if len(found) <= few), key=lambda found: (found[-1] / found[0], len(found)))
        else:
            ticks = [float(tick) for tick in breaks_extended(n=few)((low, high)) if low <= tick <= high]
        axis = cls(columns.left, columns.right, low, high, ratio, ())
        return replace(axis, ticks=axis.apart(sorted(ticks, key=lambda tick: (tick != panel.none, tick))))

    def apart(self, ticks: list[float]) -> tuple[float, ...]:
        """The ticks whose numbers do not touch those before them nor leave the figure on the left."""
        kept: dict[float, tuple[float, float]] = {}
        for tick in ticks:
            half = _text.mm(_number(tick)) / 2
            start, end = self.at(tick) - half, self.at(tick) + half
            if start > 0.5 and all(end + 1 < other[0] or start - 1 > other[1] for other in kept.values()):
                kept[tick] = (start, end)
        return tuple(sorted(kept))

    def at(self, value: float) -> float:
        """Millimetres from the left, beyond the ends where the value is."""
        place = (math.log(max(value, 1e-12)) if self.ratio else value) - self.low
        return self.left + (self.right - self.left) * place / (self.high - self.low)

    def draw(self, drawing: _Drawing, panel: Panel, bottom: float) -> None:
        """The axis under the lines, and what its sides mean."""
        for tick in self.ticks:
            drawing.line(self.at(tick), bottom, self.at(tick), bottom - 0.8, colour=SOFT, size=0.3)
            drawing.text(self.at(tick), bottom - 1.4, _number(tick), ha="center")
        drawing.line(self.left, bottom, self.right, bottom, colour=SOFT, size=0.3)
        y = bottom - 1.6 - _text.line_mm()
        none, lower, higher = self.at(panel.none), f"\N{LEFTWARDS ARROW} {panel.lower}", f"{panel.higher} \N{RIGHTWARDS ARROW}"
        end = max(none - 1.5, self.left + _text.mm(lower, _text.SMALL))
        start = min(none + 1.5, self.right - _text.mm(higher, _text.SMALL))
        drawing.text(end, y, lower, ha="right", colour=SOFT, size=_text.SMALL)
        drawing.text(start, y - (_text.line_mm(_text.SMALL) if start < end + 1 else 0.0), higher, colour=SOFT, size=_text.SMALL)

    def grid(self, drawing: _Drawing, panel: Panel, top: float, bottom: float) -> None:
        """The line of no effect and faint lines at the ticks."""
        for tick in self.ticks:
            drawing.line(self.at(tick), top, self.at(tick), bottom, colour=FAINT, size=0.3)
        drawing.line(self.at(panel.none), top, self.at(panel.none), bottom)

    def mark(self, drawing: _Drawing, line: Line, y: float) -> None:
        """Point and interval; an arrow where it goes on beyond the axis."""
        if line.low is not None and line.high is not None and not (math.isnan(line.low) or math.isnan(line.high)):
            low, high = self.at(line.low), self.at(line.high)
            head = _HEADS[low < self.left - 0.01, high > self.right + 0.01]
            low, high = max(low, self.left), min(high, self.right)
            if low < high:
                drawing.line(low, y, high, y, size=0.8, head=head)
            elif low > self.right:
                drawing.line(self.right - _STUB, y, self.right, y, size=0.8, head="last")
            elif high < self.left:
                drawing.line(self.left, y, self.left + _STUB, y, size=0.8, head="first")
        if self.left <= self.at(line.value) <= self.right:
            shape = "s" if line.role == PRIMARY else "D" if line.role.startswith("Subgroups") else "o"
            drawing.points.append((self.at(line.value), y, shape))


def _number(tick: float) -> str:
    return f"{tick:.3g}".replace("-", MINUS)


def _limits(panel: Panel, ratio: bool) -> tuple[float, float]:
    """Ends of an axis that holds no effect and all intervals but the hugest: those over four times the median width are cut."""
    values = np.array(
        [[line.low if line.low is not None else line.value, line.value, line.high if line.high is not None else line.value] for line in panel.lines]
    )
    values = np.log(np.clip(values, 1e-6, None)) if ratio else values
    widths = np.where(np.isnan(values[:, 2] - values[:, 0]), 0.0, values[:, 2] - values[:, 0])
    usual = widths <= 4 * np.median(widths) if len(widths) > 1 else widths <= 1e9
    none = math.log(panel.none) if ratio else panel.none
    kept = np.append(values[usual].ravel(), none)
    low, high = float(np.nanmin(kept)), float(np.nanmax(kept))
    room = 0.06 * (high - low or 1.0)
    return low - room, high + room
