"""Figures of data that are hard to draw: no word runs into another or out of the figure, at both widths."""

from __future__ import annotations

import io
import os
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib import rc_context
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from plotnine import theme

from ketaoutcomes.figures import drawn
from ketaoutcomes.figures._figure import NARROW, WIDE, Plate
from ketaoutcomes.plugins import displays
from ketaoutcomes.schema.labels import Labels
from tests.unit.displays.ugly import SHAPES, make

ARDS = {name: make(shape) for name, shape in SHAPES.items()}
CASES = [(name, plugin.name) for name, ard in ARDS.items() for plugin in displays("figures", set(Labels.of(ard).of_kind("model").values()))]
#: Where to put the figures for a look; nowhere when not set.
LOOK = os.environ.get("KETAOUTCOMES_LOOK")


def words(plate: Plate, width: float, name: str = "") -> tuple[list[tuple[str, Bbox]], Bbox]:
    """Every visible word of a plate with its place, and the figure's own."""
    with rc_context({"text.parse_math": False}):
        figure = (plate.plot + theme(figure_size=(width / 25.4, plate.height / 25.4), dpi=120)).draw()
        figure.savefig(Path(LOOK) / f"{name}_{width:g}.png" if LOOK else io.BytesIO(), dpi="figure")
        shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        places = [(text.get_text(), text.get_window_extent()) for text in shown]
        whole = figure.bbox.frozen()
        plt.close(figure)
    return places, whole


def overlaps(places: list[tuple[str, Bbox]]) -> list[tuple[str, str]]:
    """Pairs of words that touch by more than a hair."""
    small = [(text, box.padded(-0.8)) for text, box in places]
    return [(a, b) for (a, first), (b, second) in combinations(small, 2) if first.width > 0 and first.height > 0 and first.overlaps(second)]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(("shape", "name"), CASES)
def test_no_words_run_into_each_other_or_out_of_the_figure(shape: str, name: str, width: float) -> None:
    figure = drawn(name, ARDS[shape])
    assert figure.plate is not None or figure.nothing
    if figure.plate is None:
        return
    places, whole = words(figure.plate(width), width, f"{name}_{shape}")
    assert len(places) > 3
    assert overlaps(places) == []
    assert [text for text, box in places if box.x0 < -1 or box.x1 > whole.x1 + 1 or box.y0 < -1 or box.y1 > whole.y1 + 1] == []


def test_the_check_sees_words_that_touch() -> None:
    box = Bbox([[0, 0], [10, 10]])
    assert overlaps([("a", box), ("b", box.translated(5, 0)), ("c", box.translated(30, 0))]) == [("a", "b")]
