"""Flow of participants, in the order of the CONSORT 2025 diagram: who was enrolled, who entered the period and which arm, how it
ended, who was analysed. Counts follow the disposition the data hold; reasons add up to the arm. Who was screened before the data
begin is for the author to add."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from plotnine import aes, arrow, coord_cartesian, geom_rect, geom_segment, geom_text, ggplot, theme, theme_void

from ketaoutcomes.figures import _boxes, _text
from ketaoutcomes.figures._boxes import Box
from ketaoutcomes.figures._figure import Figure, Plate
from ketaoutcomes.figures._theme import INK, SOFT
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import WITHHELD, shown

NEEDS = ("descriptive",)
#: Arm of the boxes of a study with one arm: they stand in a column as those of an arm do.
_ONLY = "only"


def draw(ard: pd.DataFrame) -> Figure:
    """Boxes from enrolment to analysis, a column for each arm; one below the other where columns would be too narrow."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "descriptive")
    rows = match(ard, analysis=analysis)
    arms = {arm: name for arm, name in labels.of_kind("arm").items() if len(match(rows, parameter="people", arm=arm))} or {"": "Entered the period"}
    boxes = _contents(rows, labels, arms)
    said = ["; ".join(text for text, _ in box.texts) for box in boxes]
    frame = pd.DataFrame([{"stage": box.stage, "arm": arms.get(box.arm, ""), "text": text} for box, text in zip(boxes, said, strict=True)])
    return Figure("Flow of participants", f"Flow: {'. '.join(said)}.", frame, partial(_plate, boxes, [arm or _ONLY for arm in arms]))


def _contents(rows: pd.DataFrame, labels: Labels, arms: dict[str, str]) -> list[Box]:
    randomised = labels.text("study", "randomised") == "yes" and len(arms) > 1
    boxes = [Box("Enrolment", "", f"Enrolled{_n(rows, parameter='enrolment', term='')}")]
    outside = match(rows, parameter="enrolment", term="did not enter")
    if len(outside) and not (outside["value"] == 0).any():
        boxes.append(Box("Enrolment", "", "Excluded", (f"Not in this period or population{_n(outside)}",), aside=True))
    if len(arms) > 1:
        boxes.append(Box("Enrolment", "", f"{'Randomised' if randomised else 'Entered'}{_n(rows, parameter='people', arm='')}"))
    given = "Allocated" if randomised else "In this arm" if len(arms) > 1 else "People"
    for arm, name in arms.items():
        column = arm or _ONLY
        boxes.append(Box("Allocation" if randomised else "Treatment", column, name, (f"{given}{_n(rows, parameter='people', arm=arm)}",)))
        followed = [line for parameter in ("disposition", "analysis set", "intercurrent event") for line in _terms(rows, parameter, arm)]
        boxes.append(Box("Follow-up", column, "Follow-up", tuple(followed) or ("No disposition recorded",)))
        boxes.append(Box("Analysis", column, "Analysed in", tuple(_terms(rows, "population", arm)) or ("No population holds anybody",)))
    return boxes


def _n(rows: pd.DataFrame, **key: str) -> str:
    found = match(rows, statistic="n", **key)
    n = shown(found.iloc[0]) if len(found) else ""
    return (" (n withheld)" if n == WITHHELD else f" (n = {n})") if n else ""


def _terms(rows: pd.DataFrame, parameter: str, arm: str) -> list[str]:
    found = match(rows, parameter=parameter, arm=arm, statistic="n")
    found = found[(found["term"] != "") & (found["value"] != 0)]
    return [f"{str(term)[0].upper()}{str(term)[1:]}{_n(found, term=str(term))}" for term in found["term"]]


def _plate(boxes: list[Box], arms: list[str], width: float) -> Plate:
    placed, columns = _boxes.place(boxes, arms, width)
    frame = pd.DataFrame([{"left": box.left, "right": box.right, "top": box.top, "bottom": box.bottom} for box in placed])
    lines, heads = _boxes.arrows(placed, columns)
    texts = _boxes.texts(placed)
    strip = _boxes.strip(placed) if columns else pd.DataFrame()
    height = 1.0 - min(frame["bottom"].min(), strip["bottom"].min() if columns else 0.0)
    ends = aes(x="x", xend="xend", y="y", yend="yend")
    corners = aes(xmin="left", xmax="right", ymin="bottom", ymax="top")
    canvas: Any = ggplot()
    plot = (
        canvas
        + ([geom_rect(corners, data=strip, fill="#dbe7f3", color="none")] if columns else [])
        + ([geom_text(aes("x", "y", label="text"), data=strip, size=_text.SMALL, angle=90, color=INK)] if columns else [])
        + ([geom_segment(ends, data=lines, color=SOFT, size=0.4)] if len(lines) else [])
        + geom_segment(ends, data=heads, color=SOFT, size=0.4, arrow=arrow(length=0.04, type="closed", angle=22))
        + geom_rect(corners, data=frame, fill="#f7f9fb", color=SOFT, size=0.35)
        + [_lines(texts[texts["bold"] == bold], weight) for bold, weight in ((True, "bold"), (False, "normal")) if (texts["bold"] == bold).any()]
        + coord_cartesian(xlim=(0, width), ylim=(-height, 0), expand=False)
        + theme_void()
        + theme(plot_margin=0)
    )
    return Plate(plot, height)


def _lines(texts: pd.DataFrame, weight: str) -> geom_text:
    return geom_text(aes("x", "y", label="label"), data=texts, size=_text.BODY, ha="left", va="top", color=INK, fontweight=weight, lineheight=_text.LEADING)
