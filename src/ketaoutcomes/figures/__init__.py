"""Figures from an ARD. One file is one figure; its docstring is the caption.

A figure file states ``NEEDS``, the models it needs, and offers ``draw(ard) -> Figure``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import pandas as pd

from ketaoutcomes.figures._figure import Figure, render
from ketaoutcomes.schema.labels import Labels


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


def make(name: str, ard: pd.DataFrame) -> Made:
    """Draw the figure called `name`: SVG, PNG and the rows behind it as CSV; in words when there is nothing to draw."""
    figure = cast("Drawn", import_module(f"{__name__}.{name}")).draw(ard)
    facts = {"title": figure.title, "alt": figure.alt, "nothing": figure.nothing}
    files = {f"{name}.csv": figure.rows.to_csv(index=False, lineterminator="\n").encode()}
    if figure.plot is not None:
        files |= {f"{name}.{kind}": data for kind, data in render(figure, Labels.of(ard).stamp).items()}
    return Made(files, facts)
