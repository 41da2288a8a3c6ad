"""Definitions used. Scales with their range and direction, endpoints, populations, baselines and windows of visits, as the plan has them; the source is
where the range of a scale, or the definition of an endpoint, was published."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes

NEEDS = ()
_KINDS = {"scale": "Scales", "definition": "Endpoints", "who": "Populations", "baseline": "Baselines", "window": "Windows of visits"}


def build(ard: pd.DataFrame) -> Table:
    """A group for each kind of definition, a line for each of it."""
    labels = Labels.of(ard)
    sources = labels.rows[labels.rows["parameter"] == "source"]
    lines: list[Row] = []
    for kind, heading in _KINDS.items():
        found = labels.of_kind(kind)
        lines += [Row(heading, heading=True)] if found else []
        for term, text in found.items():
            own = [str(source) for source in sources["text"][sources["term"] == term]] if kind in {"scale", "definition"} else []
            said = "; ".join(own) or (NOTHING if kind == "definition" else "")
            line = Row(_name(labels, kind, term), (_sentence(_without(text, own)), said))
            lines += [line] if line not in lines else []
    return Table("Definitions used", "", ("Definition", "Source"), tuple(lines), footnotes(__doc__), nothing="The plan defines nothing.", words=True).compact()


def _name(labels: Labels, kind: str, term: str) -> str:
    """The label of a scale or of an event; an endpoint of a scale is named after both."""
    of = labels.text("of", term)
    if kind == "definition" and of:
        return f"{labels.text('parameter', of)}: {term.removeprefix(f'{of}_').replace('_', ' ')}"
    return (labels.text("parameter", term) or term) if kind in {"scale", "definition"} else term


def _without(text: str, sources: list[str]) -> str:
    """A definition without the sources that stand in its words."""
    for source in sources:
        for written in (f" (range: {source})", f" ({source})", f"{source}; ", f"; {source}"):
            if written in text:
                text = text.replace(written, "", 1)
                break
    return text


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
