"""One look for all figures: colours that survive colour-blindness and grey, quiet grid, words that fit their width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plotnine import element_blank, element_line, element_rect, element_text, guide_legend, guides, labs, theme, theme_minimal

from ketaoutcomes.figures import _text
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import MINUS

#: Okabe & Ito (2008), ordered so that neighbours differ in lightness too; the reference arm is grey.
_REFERENCE = "#6b6b6b"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LINES = ("solid", "dashed", "dotted", "dashdot", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 1)))
_SHAPES = ("o", "s", "^", "D", "v", "P", "X")
INK, SOFT, FAINT, ACCENT = "#222222", "#5f6670", "#dcdcdc", "#0072B2"
#: What `everybody` is called where nobody is compared.
ALL = "All"


def arm_names(labels: Labels) -> dict[str, str]:
    """Arm to label, in the study's order; the empty arm is everybody, or the only arm there is."""
    arms = labels.of_kind("arm")
    return {**arms, "": next(iter(arms.values())) if len(arms) == 1 else ALL}


def arm_colours(labels: Labels) -> dict[str, str]:
    """Arm label to colour, the same in every figure of a study."""
    arms, reference = labels.of_kind("arm"), labels.text("study", "reference")
    others = [arm for arm in arms if arm != reference]
    colours = {arms[arm]: _COLOURS[at % len(_COLOURS)] for at, arm in enumerate(others)}
    return {**({arms[reference]: _REFERENCE} if reference in arms else {}), **colours, ALL: _COLOURS[0]}


def arm_fills(labels: Labels) -> dict[str, str]:
    """Arm label to the colour inside its points: those of the reference arm are hollow, which grey print shows too."""
    return {name: "white" if colour == _REFERENCE else colour for name, colour in arm_colours(labels).items()}


def arm_marks(labels: Labels) -> dict[str, str]:
    """Arm label to the shape of its points, the same in every figure of a study."""
    return _counted(labels, _SHAPES)


def arm_lines(labels: Labels) -> dict[str, Any]:
    """Arm label to the dashes of its line, the same in every figure of a study."""
    return _counted(labels, _LINES)


def _counted(labels: Labels, looks: Sequence[Any]) -> dict[str, Any]:
    return {**{name: looks[at % len(looks)] for at, name in enumerate(arm_colours(labels))}, ALL: looks[0]}


def ticks(values: Any) -> list[str]:  # noqa: ANN401 - plotnine's type for labels is private
    """Numbers at an axis, with a true minus sign."""
    return [f"{value:.3g}".replace("-", MINUS) for value in values]


def look() -> Any:  # noqa: ANN401 - plotnine has no useful public type for a sum of themes
    """The theme."""
    return theme_minimal(base_size=8) + theme(
        text=element_text(color=INK),
        panel_grid_minor=element_blank(),
        panel_grid_major=element_line(color=FAINT, size=0.3),
        axis_title=element_text(size=_text.BODY),
        axis_text=element_text(size=_text.BODY, color=INK),
        legend_position="top",
        legend_justification_top="left",
        legend_title=element_blank(),
        legend_text=element_text(size=_text.BODY, ha="left"),
        legend_key_width=22,
        strip_text=element_text(size=_text.BODY, ha="left", weight="bold"),
        plot_subtitle=element_text(size=_text.BODY, ha="left", color=INK, linespacing=1.25, margin={"b": 3, "t": 2, "unit": "pt"}),
        plot_caption=element_text(size=_text.SMALL, ha="left", color=SOFT, linespacing=1.3, margin={"t": 4, "b": 2, "unit": "pt"}),
        plot_background=element_rect(fill="white", color="white"),
    )


def words(width: float, *, above: str = "", below: str = "", x: str = "") -> tuple[Any, float]:
    """What stands above a panel `width` mm wide (its measure), under it (how to read it), on the x axis; and the height of all in mm."""
    above, below = (_text.wrapped(text, 0.97 * width, size) if text else "" for text, size in ((above, _text.BODY), (below, _text.SMALL)))
    height = (_text.lines(above) * _text.line_mm() + 2) * bool(above) + (_text.lines(below) * _text.line_mm(_text.SMALL) + 2.5) * bool(below)
    return labs(subtitle=above or None, caption=below or None, x=x, y=""), height + (_text.line_mm() + 1.5) * bool(x)


def legend(names: Sequence[str], panel: float, *scales: str) -> tuple[Any, list[str], float]:
    """The legend for `scales` above a panel `panel` mm wide, in one line or one below the other; labels as shown; height in mm."""
    key = 11.0
    beside = sum(key + _text.mm(name) for name in names) <= panel - 2
    shown = list(names) if beside else [_text.wrapped(name, panel - key - 4) for name in names]
    if len(names) == 1:
        none: dict[str, Any] = dict.fromkeys(scales, "none")
        return guides(**none), shown, 0.0
    guide: dict[str, Any] = {scale: guide_legend(nrow=1) if beside else guide_legend(ncol=1) for scale in scales}
    high = _text.line_mm() + 3
    return guides(**guide), shown, high if beside else sum(_text.lines(name) * _text.line_mm() + 1.8 for name in shown) + 2
