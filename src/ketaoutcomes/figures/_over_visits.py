"""Courses over visits or sessions: one plot for each of several measures, arms as lines, numbers under each plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from plotnine import aes, geom_line, geom_point, ggplot, scale_color_manual, scale_fill_manual, scale_linetype_manual, scale_shape_manual

from ketaoutcomes.figures._figure import Plate
from ketaoutcomes.figures._text import line_mm, lines, mm, wrapped
from ketaoutcomes.figures._theme import arm_colours, arm_fills, arm_lines, arm_marks, arm_names, legend, look, words
from ketaoutcomes.figures._under import Stack, above, left, under
from ketaoutcomes.figures._visits import visit_axis
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, rounded


def placed(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """ARD rows with the arm's label, the visit's time and label, in the order of arms and times."""
    arms = arm_names(labels)
    visits = labels.visit_rows(set(rows["period"])).set_index("visit")
    order = {arm: at for at, arm in enumerate(arms)}
    found = rows.assign(
        label=rows["arm"].map(arms),
        time=rows["visit"].map(visits["day"]).astype(float),
        visit_label=rows["visit"].map(visits["text"]),
        place=rows["arm"].map(order),
    )
    return found.sort_values(["place", "time", "day"], kind="stable", ignore_index=True).drop(columns="place")


def arms_or_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by arm where there are any, else those of everybody together."""
    by_arm = rows[rows["arm"] != ""]
    return by_arm if len(by_arm) else rows


def count(value: float) -> str:
    """A number of people as text; a dash where it is not shown."""
    return NOTHING if math.isnan(value) else f"{value:.0f}"


def percent(value: float) -> str:
    """A tick in per cent."""
    return f"{rounded(value, 0)} %"


def plate(
    rows: pd.DataFrame, labels: Labels, parts: Sequence[str], kinds: dict[str, str], width: float,
    *, measure: str, reading: str, floor: Sequence[float] = (), digits: Callable[[float], str] = percent,
) -> Plate:  # fmt: skip
    """The plate of `rows` (columns part, label, visit, time, visit_label, value and a text for each of `kinds`)."""
    names = list(dict.fromkeys(rows["label"]))
    texts = [text for kind in kinds for text in rows[kind]]
    blank = [under(part.assign(x=0.0), kinds, names, width) for _, part in rows.groupby("part", sort=False)]
    panel = width - left(blank, ["100.5 %"]) - 4
    axis = visit_axis(rows.drop_duplicates("visit"), panel, max(mm(text) for text in texts))
    number = {part: k for k, part in enumerate(parts)}
    rows = rows.assign(x=rows["visit"].map(axis.places).astype(float), panel=[above(number[part]) for part in rows["part"]])
    drawn = [under(rows[(rows["part"] == part) & rows["x"].isin(axis.counted)], kinds, names, width) for part in parts]
    stack = Stack(tuple(drawn), (46.0 if len(parts) > 1 else 62.0) if width > 100 else 46.0)
    guide, shown, tall = legend(names, panel, "color", "fill", "shape", "linetype")
    said, more = words(panel, above=measure, below=" ".join([reading, axis.note]).strip())
    titles = [wrapped(part, 0.86 * panel, bold=True) for part in parts] if len(parts) > 1 else []
    seen: Any = rows.dropna(subset="value")
    plot = (
        ggplot(rows, aes("x", "value", color="label"))
        + geom_line(aes(linetype="label", group="label"), size=0.7, na_rm=True)
        + geom_point(aes(shape="label", fill="label"), data=seen, size=1.9, stroke=0.7)
        + scale_color_manual(values=arm_colours(labels), limits=names, labels=shown)
        + scale_fill_manual(values=arm_fills(labels), limits=names, labels=shown)
        + scale_shape_manual(values=arm_marks(labels), limits=names, labels=shown)
        + scale_linetype_manual(values=[arm_lines(labels)[name] for name in names], limits=names, labels=shown)
        + said
        + look()
        + axis.scale()
        + stack.layers(titles=titles, hold=_room(rows, parts, floor, max(map(lines, titles), default=0) * line_mm() / stack.plot), digits=digits)
        + guide
    )
    return Plate(plot, stack.height + axis.height + tall + more + 4)


def _room(rows: pd.DataFrame, parts: Sequence[str], floor: Sequence[float], title: float) -> list[tuple[int, float]]:
    """Values the axes must hold: those asked for, and space above the highest point for a title (a share `title` of the height)."""
    held: list[tuple[int, float]] = []
    for k, part in enumerate(parts):
        values = [float(value) for value in rows.loc[rows["part"] == part, "value"].dropna()] + [float(value) for value in floor]
        low, high = min(values, default=0.0), max(values, default=1.0)
        held += [(k, low), (k, high + (high - low or 1.0) * 1.25 * title / (1 - 1.25 * title))]
    return held
