"""The page over all studies."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ketaoutcomes.report._html import render
from ketaoutcomes.report.headline import headline
from ketaoutcomes.schema.labels import Labels

_DESIGNS = {
    "parallel": "parallel trial",
    "withdrawal": "randomised withdrawal",
    "crossover": "crossover",
    "single_arm": "one arm",
    "observational": "observational",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A study as the page shows it."""

    name: str
    title: str
    source: str
    design: str
    sentence: str
    status: str
    folder: str


def entry(ard: pd.DataFrame, folder: str) -> Entry:
    """A study from its ARD; `folder` holds its report, as the page links to it."""
    labels = Labels.of(ard)
    main = headline(ard)
    design = labels.text("study", "design")
    return Entry(
        labels.text("study", "name"),
        labels.text("study", "title"),
        labels.text("study", "source"),
        _DESIGNS.get(design, design.replace("_", " ")),
        main.sentence,
        main.status.replace("_", " "),
        folder,
    )


def index(entries: list[Entry]) -> str:
    """One page with a row for each study."""
    return render("index.html.jinja", entries=entries)
