"""Flow of participants: who was enrolled, who entered the period, how it ended, and who had a baseline and a later score.
Counts follow the disposition the data hold; reasons add up to the arm."""

from __future__ import annotations

import textwrap
from itertools import pairwise

import pandas as pd
from plotnine import aes, coord_cartesian, geom_rect, geom_segment, geom_text, ggplot, theme_void

from ketaoutcomes.figures._figure import Figure
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import shown

NEEDS = ("descriptive",)
_LINE = 1.0


def draw(ard: pd.DataFrame) -> Figure:
    """Boxes from enrolment down to the populations and the people with intercurrent events, a column for each arm."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "descriptive")
    rows = match(ard, analysis=analysis)
    arms = [arm for arm in labels.of_kind("arm") if len(match(rows, parameter="people", arm=arm))] or [""]
    boxes = _boxes(rows, labels, arms)
    frame = pd.DataFrame(boxes)
    arrows = _arrows(frame)
    plot = (
        ggplot(frame)
        + geom_rect(aes(xmin="left", xmax="right", ymin="bottom", ymax="top"), fill="#f5f7fa", color="#555555", size=0.4)
        + geom_text(aes(x="x", y="y", label="text"), size=7.5, ha="center", va="center", lineheight=1.35)
        + geom_segment(aes(x="x", xend="xend", y="y", yend="yend"), data=arrows, color="#555555", size=0.5)
        + coord_cartesian(xlim=(0, 1), ylim=(frame["bottom"].min(), frame["top"].max()))
        + theme_void()
    )
    alt = "Flow: " + "; ".join(text.replace("\n", ", ") for text in frame["text"]) + "."
    return Figure(plot, "Flow of participants", alt, frame[["arm", "text"]], height=float(14 + 5.2 * (frame["top"].max() - frame["bottom"].min())))


def _n(rows: pd.DataFrame, **key: str) -> str:
    found = match(rows, statistic="n", **key)
    return shown(found.iloc[0]) if len(found) else ""


def _boxes(rows: pd.DataFrame, labels: Labels, arms: list[str]) -> list[dict[str, object]]:
    names = labels.of_kind("arm")
    outside = _n(rows, parameter="enrolment", term="did not enter")
    top = [f"Enrolled: {_n(rows, parameter='enrolment', term='')}"]
    if outside != "0":
        top.append(f"not in this period or population: {outside}")
    levels: list[dict[str, list[str]]] = [{"": top}, {}, {}, {}, {}]
    for arm in arms:
        levels[1][arm] = [names.get(arm, "Everybody") if arm else "Entered", f"n = {_n(rows, parameter='people', arm=arm)}"]
        levels[2][arm] = _terms(rows, "disposition", arm)
        levels[3][arm] = _terms(rows, "analysis set", arm)
        levels[4][arm] = [*_terms(rows, "population", arm), *_terms(rows, "intercurrent event", arm)]
    return _placed([level for level in levels if any(level.values())], arms)


def _terms(rows: pd.DataFrame, parameter: str, arm: str) -> list[str]:
    found = match(rows, parameter=parameter, arm=arm, statistic="n")
    found = found[(found["term"] != "") & (found["value"] != 0)]
    return [f"{term}: {shown(row)}" for term, (_, row) in zip(found["term"], found.iterrows(), strict=True)]


def _placed(levels: list[dict[str, list[str]]], arms: list[str]) -> list[dict[str, object]]:
    boxes: list[dict[str, object]] = []
    y = 0.0
    width = 1 / len(arms)
    for level in levels:
        wrapped = {arm: _wrapped(lines, max(96 // len(level), 22)) for arm, lines in level.items()}
        height = (max(text.count("\n") + 1 for text in wrapped.values()) + 1.0) * _LINE
        for arm, text in wrapped.items():
            x = 0.5 if arm not in arms or len(level) == 1 else (arms.index(arm) + 0.5) * width
            half = 0.22 if len(level) == 1 else 0.46 * width
            boxes.append({"arm": arm, "text": text, "x": x, "y": y - height / 2, "left": x - half, "right": x + half, "top": y, "bottom": y - height})
        y -= height + 1.6 * _LINE
    return boxes


def _wrapped(lines: list[str], width: int) -> str:
    return "\n".join(textwrap.fill(line, width) for line in lines)


def _arrows(boxes: pd.DataFrame) -> pd.DataFrame:
    """Lines from each box to those of the level below it."""
    lines: list[dict[str, float]] = []
    tops: list[float] = sorted({float(top) for top in boxes["top"]}, reverse=True)
    for above, below in pairwise(tops):
        for _, box in boxes[boxes["top"] == float(below)].iterrows():
            row = match(boxes, top=above)
            same = match(row, arm=str(box["arm"]))
            start = (same if len(same) else row).iloc[0]
            middle = box["top"] + 0.8 * _LINE
            lines.append({"x": start["x"], "xend": start["x"], "y": start["bottom"], "yend": middle})
            lines.append({"x": start["x"], "xend": box["x"], "y": middle, "yend": middle})
            lines.append({"x": box["x"], "xend": box["x"], "y": middle, "yend": box["top"]})
    return pd.DataFrame(lines)
