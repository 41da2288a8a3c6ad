"""A figure as a value, and the one place where it becomes bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

_INCH = 25.4
#: Millimetres: a journal's double column and its single one, which is also what a telephone shows.
WIDE, NARROW = 180.0, 85.0
_DPI = 200


@dataclass(frozen=True, slots=True)
class Plate:
    """A plot laid out for one width: the plotnine plot and its height in millimetres."""

    plot: Any
    height: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes
    ----------
    title
        Heading.
    alt
        What the figure shows, for those who do not see it.
    rows
        The ARD rows (or their reshaped form) that are drawn.
    plate
        Lays the plot out for a width in millimetres; None when there is nothing to draw.
    nothing
        In words, why there is no plot.
    """

    title: str
    alt: str
    rows: pd.DataFrame
    plate: Callable[[float], Plate] | None
    nothing: str = ""


def nothing(title: str, why: str) -> Figure:
    """A figure that says in words why it is not there."""
    return Figure(title, why, pd.DataFrame({"reason": [why]}), None, nothing=why)


def render(plate: Plate, width: float, stamp: str = "") -> dict[str, bytes]:
    """SVG and PNG of a plate, with a word stamped across; the same rows give the same bytes."""
    import matplotlib.pyplot as plt
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType] - its stubs leave a key open
    from plotnine import theme

    settings: dict[Any, Any] = {"svg.hashsalt": "ketaoutcomes", "text.parse_math": False, "axes.unicode_minus": True}
    with rc_context(settings):
        drawn = (plate.plot + theme(figure_size=(width / _INCH, plate.height / _INCH), dpi=_DPI)).draw()
        if stamp:
            drawn.text(0.5, 0.5, stamp, size=width / 3, weight="bold", alpha=0.1, rotation=24, ha="center", va="center", zorder=100)
        svg, png = io.BytesIO(), io.BytesIO()
        drawn.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        drawn.savefig(png, format="png", dpi=_DPI, metadata={"Software": None})
        plt.close(drawn)
    return {"svg": svg.getvalue(), "png": png.getvalue()}
