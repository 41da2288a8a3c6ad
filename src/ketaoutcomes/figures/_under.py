"""Rows of numbers aligned under a plot: a second panel that shares its x axis. Plots with their rows stand one below the other."""

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
_FAR = 1e9
_ROW = 4.3


@dataclass(frozen=True, slots=True)
class Under:
    """Rows of numbers, and how they are labelled.

    Attributes
    ----------
    labels
        Label of each row at the axis, from the top; empty where the row is a heading.
    numbers
        Columns x, row (from the top), text.
    heads
        Headings inside the panel: columns row, text.
    """

    labels: tuple[str, ...]
    numbers: pd.DataFrame
    heads: pd.DataFrame

    @property
    def height(self) -> float:
        """Millimetres."""
        return _ROW * len(self.labels) + 1.5


@dataclass(frozen=True, slots=True)
class Stack:
    """Plots `plot` mm high, each over its rows; the data of the k-th plot stand in panel ``above(k)``."""

    unders: tuple[Under, ...]
    plot: float

    @property
    def height(self) -> float:
        """Millimetres."""
        return sum(self.plot + under.height + 2.0 for under in self.unders)

    def layers(
        self,
        *,
        titles: Sequence[str] = (),
        hold: Sequence[tuple[int, float]] = (),
        fixed: Sequence[float] = (),
        digits: Callable[[float], str] = str,
    ) -> list[Any]:
        """Layers, facets and y scale; `titles` name the plots, `hold` are values that the axis of the k-th must hold, `fixed` its ticks where given."""
        numbers = self._at([under.numbers for under in self.unders])
        heads = self._at([under.heads for under in self.unders])
        anywhere = float(numbers["x"].iloc[0])
        ends = [(_FAR * (k + 1) + edge, below(k)) for k, under in enumerate(self.unders) for edge in (0.4, 0.3 - len(under.labels))]
        held = [(float(value), above(k)) for k, value in hold]
        corners = pd.DataFrame([*ends, *held], columns=["y", "panel"]).assign(x=anywhere)
        behind = pd.DataFrame({"panel": [below(k) for k in range(len(self.unders))], "low": float("-inf"), "high": float("inf")})
        named = pd.DataFrame({"text": list(titles), "panel": [above(k) for k in range(len(titles))]})
        plain: dict[str, Any] = {"inherit_aes": False, "color": INK}
        bold = {**plain, "size": _text.BODY, "ha": "left", "fontweight": "bold"}
        return [
            geom_rect(aes(xmin="low", xmax="high", ymin="low", ymax="high"), data=behind, inherit_aes=False, fill="white", color="none"),
            geom_text(aes("x", "y", label="text"), data=numbers, size=_text.SMALL + 0.5, **plain),
            *([geom_text(aes(label="text", y="y"), data=heads, x=float("-inf"), **bold)] if len(heads) else []),
            *([geom_text(aes(label="text"), data=named, x=float("-inf"), y=float("inf"), va="top", lineheight=1.2, **bold)] if titles else []),
            geom_blank(aes("x", "y"), data=corners, inherit_aes=False),
            facet_grid(rows="panel", scales="free_y", space={"x": [1], "y": [part for under in self.unders for part in (self.plot, under.height)]}),
            scale_y_continuous(breaks=self._breaks(list(fixed)), labels=self._labels(digits)),
            theme(strip_text=element_blank()),
        ]

    def _at(self, frames: list[pd.DataFrame]) -> pd.DataFrame:
        placed = [frame.assign(y=_FAR * (k + 1) - frame["row"].astype(float), panel=below(k)) for k, frame in enumerate(frames)]
        return pd.concat(placed, ignore_index=True)

    def _breaks(self, fixed: list[float]) -> Callable[[tuple[float, float]], list[float]]:
        extended = breaks_extended(n=6)

        def breaks(limits: tuple[float, float]) -> list[float]:
            if limits[0] > _FAR / 2:
                k = round(limits[1] / _FAR) - 1
                return [_FAR * (k + 1) - at for at in range(len(self.unders[k].labels))]
            return fixed or [float(value) for value in extended(limits)]

        return breaks

    def _labels(self, show: Callable[[float], str]) -> Any:  # noqa: ANN401 - plotnine's type for labels is private
        def label(value: float) -> str:
            if value <= _FAR / 2:
                return show(value)
            k = round(value / _FAR) - 1
            return self.unders[k].labels[round(_FAR * (k + 1) - value)]

        def labels(breaks: Sequence[float]) -> list[str]:
            return [label(value) for value in breaks]

        return labels


def above(k: int) -> str:
    """Panel of the k-th plot."""
    return f"{2 * k:03d}"


def below(k: int) -> str:
    """Panel of the rows under the k-th plot."""
    return f"{2 * k + 1:03d}"


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
                heads.append({"row": len(labels), "text": line})
                labels.append("")
        for column, kind in kinds.items():
            numbers.append(pd.DataFrame({"x": rows["x"], "row": len(labels), "text": rows[column]}))
            labels.append(name if direct else kind)
    return Under(tuple(labels), pd.concat(numbers, ignore_index=True), pd.DataFrame(heads, columns=["row", "text"]))


def left(rows: Sequence[Under], numbers: Sequence[str]) -> float:
    """Millimetres that axis labels take beside a plot."""
    return max(_text.widest(numbers), *(_text.widest(under.labels) for under in rows)) + 4.0


def thinned(places: Collection[float], longest: float, panel: float) -> set[float]:
    """The places, in a panel `panel` mm wide, whose texts (the longest `longest` mm wide) can stand side by side: evenly counted."""
    ordered = sorted(set(places))
    span = (ordered[-1] - ordered[0]) or 1.0
    for step in range(1, len(ordered)):
        kept = ordered[::step]
        if min(b - a for a, b in pairwise(kept)) / span * panel * 0.91 >= longest + 1.5:
            return set(kept)
    return {ordered[0]}
