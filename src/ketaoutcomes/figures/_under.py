"""Rows of numbers aligned under a plot: a second panel that shares its x axis."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import aes, facet_grid, geom_blank, geom_rect, geom_text, scale_y_continuous, theme
from plotnine.themes.elements import element_blank

from ketaoutcomes.figures import _text
from ketaoutcomes.figures._theme import INK

#: A height far above any score: the scale tells by it which panel it labels.
_FAR = 1e6
_ROW = 4.3


@dataclass(frozen=True, slots=True)
class Under:
    """Rows of numbers, and how they are labelled.

    Attributes
    ----------
    labels
        Label of each row at the axis, from the top; empty where the row is a heading.
    numbers
        Columns x, y, text.
    heads
        Headings inside the panel: columns y, text.
    """

    labels: tuple[str, ...]
    numbers: pd.DataFrame
    heads: pd.DataFrame

    @property
    def height(self) -> float:
        """Millimetres."""
        return _ROW * len(self.labels) + 1.5

    def layers(self, *, plot: float, floor: Sequence[float] = (), percent: bool = False, digits: Callable[[float], str] | None = None) -> list[Any]:
        """Layers, facets and y scale of a plot `plot` mm high over these rows; `floor` are values its axis must hold."""
        anywhere = self.numbers["x"].iloc[0]
        ends = pd.DataFrame({"x": anywhere, "y": [_FAR + 0.4, _FAR - len(self.labels) + 0.3], "panel": "2"})
        held = pd.DataFrame({"x": anywhere, "y": [*floor], "panel": "1"}) if len(floor) else ends
        behind = pd.DataFrame({"panel": ["2"], "low": float("-inf"), "high": float("inf")})
        return [
            geom_rect(aes(xmin="low", xmax="high", ymin="low", ymax="high"), data=behind, inherit_aes=False, fill="white", color="none"),
            geom_text(aes("x", "y", label="text"), data=self.numbers, inherit_aes=False, size=_text.SMALL + 0.5, color=INK),
            geom_text(aes(label="text", y="y"), x=float("-inf"), data=self.heads, inherit_aes=False, size=_text.BODY, color=INK, ha="left", fontweight="bold"),
            geom_blank(aes("x", "y"), data=pd.concat([ends, held]), inherit_aes=False),
            facet_grid(rows="panel", scales="free_y", space={"x": [1], "y": [plot, self.height]}),
            scale_y_continuous(breaks=self._breaks([0.0, 0.25, 0.5, 0.75, 1.0] if percent else None), labels=self._labels(digits or str)),
            theme(strip_text=element_blank()),
        ]

    def _breaks(self, fixed: list[float] | None) -> Callable[[tuple[float, float]], list[float]]:
        extended = breaks_extended(n=6)

        def breaks(limits: tuple[float, float]) -> list[float]:
            if limits[0] > _FAR / 2:
                return [_FAR - at for at in range(len(self.labels))]
            return fixed or [float(value) for value in extended(limits)]

        return breaks

    def _labels(self, show: Callable[[float], str]) -> Any:  # noqa: ANN401 - plotnine's type for labels is private
        def labels(breaks: Sequence[float]) -> list[str]:
            return [self.labels[round(_FAR - value)] if value > _FAR / 2 else show(value) for value in breaks]

        return labels


def under(frame: pd.DataFrame, kinds: dict[str, str], names: Sequence[str], width: float) -> Under:
    """Rows of `frame` (columns x, label, and a text column for each of `kinds`: column to row label) for the arms `names`.

    With one kind and short names the arm's name labels its row; else it stands above its rows.
    """
    direct = len(kinds) == 1 and _text.widest(names) <= 0.17 * width and len(names) > 1
    labels: list[str] = []
    numbers: list[pd.DataFrame] = []
    heads: list[dict[str, object]] = []
    for name in names:
        rows = frame[frame["label"] == name]
        if len(names) > 1 and not direct:
            for line in _text.wrapped(name, 0.7 * width, bold=True).split("\n"):
                heads.append({"y": _FAR - len(labels), "text": line, "panel": "2"})
                labels.append("")
        for column, kind in kinds.items():
            numbers.append(pd.DataFrame({"x": rows["x"], "y": _FAR - len(labels), "text": rows[column], "panel": "2"}))
            labels.append(name if direct else kind)
    return Under(tuple(labels), pd.concat(numbers, ignore_index=True), pd.DataFrame(heads, columns=["y", "text", "panel"]))


def left(rows: Under, numbers: Sequence[str]) -> float:
    """Millimetres that axis labels take beside a plot."""
    return max(_text.widest(rows.labels), _text.widest(numbers)) + 4.0


def thinned(places: Collection[float], longest: float, panel: float) -> set[float]:
    """The places, in a panel `panel` mm wide, whose texts (the longest `longest` mm wide) can stand side by side: evenly counted."""
    ordered = sorted(set(places))
    span = (ordered[-1] - ordered[0]) or 1.0
    for step in range(1, len(ordered)):
        kept = ordered[::step]
        if min(b - a for a, b in pairwise(kept)) / span * panel * 0.91 >= longest + 1.5:
            return set(kept)
    return {ordered[0]}
