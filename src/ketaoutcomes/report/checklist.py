"""A reporting checklist: where the report answers each item, and what only its authors can supply."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TypedDict

import pandas as pd
import yaml

from ketaoutcomes.report._html import render
from ketaoutcomes.report.sections import PLACES
from ketaoutcomes.schema.labels import Labels


class Item(TypedDict, total=False):
    """One item: its number, what it asks, the section that answers it, what the author must supply."""

    item: str
    topic: str
    place: str
    author: str


class Checklist(TypedDict):
    """A published checklist."""

    name: str
    source: str
    items: list[Item]


@cache
def checklists() -> dict[str, Checklist]:
    """The checklists by name, as the file beside this module gives them."""
    return yaml.safe_load(files("ketaoutcomes.report").joinpath("checklists.yaml").read_text(encoding="utf-8"))


def checklist(ard: pd.DataFrame) -> str:
    """The checklist for a study as a page beside ``report.html``: CONSORT for randomised studies, else STROBE with RECORD."""
    labels = Labels.of(ard)
    chosen = checklists()["consort" if labels.text("study", "randomised") == "yes" else "strobe"]
    return render("checklist.html.jinja", labels=labels, chosen=chosen, places=PLACES)
