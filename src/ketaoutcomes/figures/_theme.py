"""One look for all figures: colours that survive colour-blindness and grey, quiet grid, intervals named."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from plotnine import element_blank, element_line, element_rect, element_text, theme, theme_minimal

from ketaoutcomes.schema.labels import Labels

#: Okabe & Ito (2008), ordered so that neighbours differ in lightness too; the reference arm is grey.
_REFERENCE = "#6b6b6b"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, FAINT = "#222222", "#dcdcdc"
#: Heights far above any score: rows of numbers that stand under a plot as a second panel.
ROWS = 1e6


def arm_colours(labels: Labels) -> dict[str, str]:
    """Arm label to colour, the same in every figure of a study."""
    arms = labels.of_kind("arm")
    reference = labels.text("study", "reference")
    others = [arm for arm in arms if arm != reference]
    colours = {arms[arm]: _COLOURS[at % len(_COLOURS)] for at, arm in enumerate(others)}
    return {**({arms[reference]: _REFERENCE} if reference in arms else {}), **colours}


def row_name(kind: str, label: str) -> str:
    """Name of a row of numbers under a plot, short enough to leave room for the plot."""
    return f"{kind}  {textwrap.shorten(label, 26, placeholder='...')}"


def wrapped(labels: Sequence[str]) -> list[str]:
    """Legend labels on several lines where they are long."""
    return [textwrap.fill(label, 34) for label in labels]


def look() -> Any:  # noqa: ANN401 - plotnine has no useful public type for a sum of themes
    """The theme."""
    return theme_minimal(base_size=9) + theme(
        text=element_text(color=INK),
        panel_grid_minor=element_blank(),
        panel_grid_major=element_line(color=FAINT, size=0.35),
        axis_title=element_text(size=8.5),
        axis_text=element_text(size=8, color=INK),
        legend_position="top",
        legend_title=element_blank(),
        legend_text=element_text(size=8.5),
        strip_text=element_blank(),
        plot_background=element_rect(fill="white", color="white"),
    )


def breaks_with_rows(names: Sequence[str]) -> Callable[[tuple[float, float]], list[float]]:
    """Axis breaks for a plot over rows of numbers named `names`, first on top."""
    from mizani.breaks import breaks_extended

    extended = breaks_extended(n=6)

    def breaks(limits: tuple[float, float]) -> list[float]:
        if limits[0] > ROWS / 2:
            return [ROWS - at for at in range(len(names))]
        return [float(value) for value in extended(limits)]

    return breaks


def labels_with_rows(names: Sequence[str], show: Callable[[float], str]) -> Any:  # noqa: ANN401 - plotnine's type for labels is private
    """Labels of those breaks: the name of a row, else the number."""

    def labels(breaks: Sequence[float]) -> list[str]:
        return [names[round(ROWS - value)] if value > ROWS / 2 else show(value) for value in breaks]

    return labels
