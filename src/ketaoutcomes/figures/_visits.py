"""Where visits stand on an x axis, so that their labels and the numbers under them do not run into each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from plotnine import element_text, scale_x_continuous, theme

from ketaoutcomes.figures import _text
from ketaoutcomes.figures._under import thinned


@dataclass(frozen=True, slots=True)
class VisitAxis:
    """Visit to place, the labels there, and whether distances are times.

    Attributes
    ----------
    places
        Visit to x.
    labels
        Label of each visit, in the order of `places`.
    height
        Millimetres that the labels take.
    upright
        Labels are turned by 90 degrees.
    counted
        Places where numbers under the plot have room.
    margin
        Room beside the first and the last visit, as a share of the panel.
    key
        What the labels stand for, where they are numbers.
    scaled
        Distances between visits are distances in time.
    """

    places: dict[str, float]
    labels: tuple[str, ...]
    height: float
    upright: bool
    scaled: bool
    counted: frozenset[float]
    margin: float
    key: str = ""

    @property
    def span(self) -> float:
        """From the first visit to the last."""
        return (max(self.places.values()) - min(self.places.values())) or 1.0

    @property
    def note(self) -> str:
        """What a reader must know where distances are not times."""
        said = [] if self.scaled else ["Visits are drawn at equal distances."]
        said += [] if len(self.counted) == len(self.places) else ["Numbers are left out where they have no room; the rows behind the figure hold all."]
        return " ".join([*said, self.key]).strip()

    def scale(self) -> list[Any]:
        """The x scale."""
        expand = (self.margin, 0.0) if len(self.places) > 1 else (0.0, 1.0)
        turned = [theme(axis_text_x=element_text(rotation=90, va="top", ha="center"))] if self.upright else []
        return [scale_x_continuous(breaks=list(self.places.values()), labels=list(self.labels), expand=expand), *turned]


def visit_axis(visits: pd.DataFrame, panel: float, longest: float) -> VisitAxis:
    """The axis for `visits` (columns visit, time, visit_label, one row each) in a panel `panel` mm wide.

    At their times where labels and numbers (the longest `longest` mm wide) fit there; else at equal
    distances, on several lines; else upright.
    """
    visits = visits.sort_values("time")
    names = [str(name) for name in visits["visit"]]
    labels = [str(label) for label in visits["visit_label"]]
    times = [float(time) for time in visits["time"]]
    equal = [float(at) for at in range(len(names))]
    for places, scaled, broken in ((times, True, False), (times, True, True), (equal, False, False), (equal, False, True)):
        gap = _gap(places, panel)
        shown = [_text.wrapped(label, max(gap - 1.5, 6.0)) for label in labels] if broken else labels
        whole = max(_text.mm(word) for label in labels for word in label.split(" ")) + 1.5 <= gap
        if whole and max(_text.widest(shown) + 1.5, longest + 1.0) <= gap and max(map(_text.lines, shown)) <= 2:
            return _axis(names, places, shown, longest, panel, scaled=scaled)
    scaled = _gap(times, panel) >= longest + 1.0
    places = times if scaled else equal
    shown = [_text.wrapped(label, 26) for label in labels]
    if _gap(places, panel) >= 1.1 * _text.line_mm() * max(map(_text.lines, shown)):
        return _axis(names, places, shown, longest, panel, scaled=scaled, upright=True)
    numbers = [f"{at}" for at in range(1, len(names) + 1)]
    key = "Visits: " + "; ".join(f"{number} {label}" for number, label in zip(numbers, labels, strict=True)) + "."
    room = thinned(places, _text.widest(numbers), panel)
    return _axis(names, places, [number if at in room else "" for number, at in zip(numbers, places, strict=True)], longest, panel, scaled=scaled, key=key)


def _axis(
    names: list[str], places: list[float], labels: list[str], longest: float, panel: float, *, scaled: bool, upright: bool = False, key: str = ""
) -> VisitAxis:
    height = _text.widest(labels) + 3 if upright else max(map(_text.lines, labels)) * _text.line_mm() + 2
    return VisitAxis(
        dict(zip(names, places, strict=True)),
        tuple(labels),
        height,
        upright,
        scaled,
        frozenset(thinned(places, longest, panel)),
        max(0.06, (longest / 2 + 1.5) / panel),
        key,
    )


def _gap(places: list[float], panel: float) -> float:
    """Smallest distance between neighbours, in mm; the whole panel for one visit."""
    if len(places) < 2:
        return panel
    return min(b - a for a, b in pairwise(places)) / (places[-1] - places[0] or 1.0) * panel / 1.12
