"""A figure as a value, and the one place where it becomes bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pandas as pd

_INCH = 25.4
#: Journals' double column.
WIDTH = 180.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes
    ----------
    plot
        A plotnine plot; None when there is nothing to draw.
    title
        Heading.
    alt
        What the figure shows, for those who do not see it.
    rows
        The ARD rows (or their reshaped form) that were drawn.
    height
        Millimetres; the width is a journal's double column.
    nothing
        In words, why there is no plot.
    """

    plot: Any
    title: str
    alt: str
    rows: pd.DataFrame
    height: float = 110.0
    nothing: str = ""


def nothing(title: str, why: str) -> Figure:
    """A figure that says in words why it is not there."""
    return Figure(None, title, why, pd.DataFrame({"reason": [why]}), nothing=why)


def render(figure: Figure, stamp: str = "") -> dict[str, bytes]:
    """SVG and PNG of a figure, with a word stamped across; the same rows give the same bytes."""
    import matplotlib.pyplot as plt
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType] - its stubs leave a key open
    from plotnine import theme

    settings: dict[Any, Any] = {"svg.hashsalt": "ketaoutcomes", "text.parse_math": False, "axes.unicode_minus": True}
    with rc_context(settings):
        drawn = (figure.plot + theme(figure_size=(WIDTH / _INCH, figure.height / _INCH), dpi=200)).draw()
        if stamp:
            drawn.text(0.5, 0.5, stamp, size=60, weight="bold", alpha=0.1, rotation=24, ha="center", va="center", zorder=100)
        svg, png = io.BytesIO(), io.BytesIO()
        drawn.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        drawn.savefig(png, format="png", dpi=200, metadata={"Software": None})
        plt.close(drawn)
    return {"svg": svg.getvalue(), "png": png.getvalue()}
