"""Figures from an ARD. One file is one figure; its docstring is the caption.

A figure file states ``NEEDS``, the models it needs, and offers ``draw(ard) -> Figure``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import pandas as pd

from ketaoutcomes.figures._figure import NARROW, WIDE, Figure, render
from ketaoutcomes.schema.labels import Labels

#: Kinds of picture a disclosure profile lets out, where it is not both: `acro` blocks `.svg` (ACRO 1.0.1, default.yaml).
_KINDS = {"acro": ("png",)}


class Drawn(Protocol):
    """What every figure file offers."""

    def draw(self, ard: pd.DataFrame) -> Figure:
        """The figure of this ARD."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A figure as files (name to bytes) and what the report needs to know about it."""

    files: dict[str, bytes]
    facts: dict[str, Any]


def drawn(name: str, ard: pd.DataFrame) -> Figure:
    """The figure called `name` of this ARD."""
    return cast("Drawn", import_module(f"{__name__}.{name}")).draw(ard)


def make(name: str, ard: pd.DataFrame, widths: tuple[float, ...] = (WIDE, NARROW)) -> Made:
    """Draw the figure called `name` at each width: SVG, PNG and the rows behind it as CSV; in words when there is nothing to draw."""
    figure = drawn(name, ard)
    labels = Labels.of(ard)
    kinds = _KINDS.get(labels.text("study", "profile"), ("svg", "png"))
    said = f"{labels.stamp}, arms are permuted: " if labels.stamp else ""
    facts = {"title": figure.title, "alt": said + figure.alt, "nothing": figure.nothing}
    rows = figure.rows.assign(arms=f"{labels.stamp}: permuted") if labels.stamp else figure.rows
    files = {f"{name}.csv": rows.to_csv(index=False, lineterminator="\n").encode()}
    for width in widths:
        if figure.plate is None:
            break
        ending = "" if width == WIDE else f"_{width:g}mm"
        made = render(figure.plate(width), width, labels.stamp)
        files |= {f"{name}{ending}.{kind}": data for kind, data in made.items() if kind in kinds}
    return Made(files, facts)
