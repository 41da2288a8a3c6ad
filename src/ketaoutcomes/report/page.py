"""One self-contained page per study: no script, no network, for phone and paper."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from ketaoutcomes.report._html import render
from ketaoutcomes.report.headline import design_sentence, headline, missing_sentence, seen_sentence
from ketaoutcomes.report.sections import DEVIATIONS, LAST, METHODS, PUBLISHED, SECTIONS, WHERE_THERE_ARE, WITHHELD
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import STUDY, Labels
from ketaoutcomes.schema.numbers import shown


@dataclass(frozen=True, slots=True)
class Made:
    """A display as its stage left it: name, index entry, files."""

    name: str
    facts: dict[str, Any]
    files: dict[str, bytes]


def page(ard: pd.DataFrame, *, figures: list[Made], tables: list[Made], disclosure: dict[str, Any], run: dict[str, Any], internal: bool) -> str:
    """The report of a study as one HTML page.

    Parameters
    ----------
    ard
        The ARD of the audience.
    figures, tables
        Displays, already made from that ARD.
    disclosure
        What was withheld or rounded.
    run
        Checksums, versions and verdicts.
    internal
        Watermark the page as exact results for the study team.
    """
    labels = Labels.of(ard)
    shown_displays = displays(figures, tables)
    sections = [(section, _ready(shown_displays, section.displays)) for section in SECTIONS]
    placed = {name for section in SECTIONS for name in section.displays} | set(LAST)
    return render(
        "page.html.jinja",
        labels=labels,
        headline=headline(ard),
        missing=missing_sentence(ard),
        seen=seen_sentence(ard),
        design=design_sentence(ard),
        rounded=bool(labels.text("study", "profile")) and not internal and not labels.text("study", "blinded"),
        blinded=labels.text("study", "blinded"),
        deviations=_ready(shown_displays, DEVIATIONS),
        withheld=_ready(shown_displays, WITHHELD),
        provenance=provenance(labels),
        sections=sections,
        published=_ready(shown_displays, PUBLISHED),
        others=[display for name, display in shown_displays.items() if name not in placed],
        flags=_flags(ard, labels),
        methods=methods(ard, labels),
        word_lists=word_lists(labels),
        defined=_ready(shown_displays, METHODS),
        disclosure=disclosure,
        run=run,
        left_out={str(row["term"]): shown(row) for _, row in match(ard, analysis=STUDY, parameter="left out").iterrows()},
        internal=internal,
    )


def provenance(labels: Labels) -> str:
    """Whether the data are real, and what was given."""
    source = labels.text("study", "source")
    words = "Simulated data: no participant of this study exists." if source == "simulated" else "Real data."
    return f"{words} Treatment: {labels.text('study', 'drug')}."


def displays(figures: list[Made], tables: list[Made]) -> dict[str, dict[str, Any]]:
    """Stage/name to what a page needs to show a display, in the order of a report, figures and tables numbered in it."""
    made = {f"figures/{one.name}": one for one in figures} | {f"tables/{one.name}": one for one in tables}
    kept = {name: one for name, one in made.items() if not (one.facts["nothing"] and name in WHERE_THERE_ARE)}
    order = [name for section in SECTIONS for name in section.displays] + list(LAST)
    names = [name for name in order if name in kept] + [name for name in kept if name not in order]
    counts = {"figures": 0, "tables": 0}
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        stage, one = name.split("/")[0], kept[name]
        counts[stage] += not one.facts["nothing"]
        number = f"{'Figure' if stage == 'figures' else 'Table'} {counts[stage]}" if not one.facts["nothing"] else ""
        found[name] = {"id": name.replace("/", "-"), "number": number, "name": one.name, **(_figure(one) if stage == "figures" else _table(one))}
    return found


def _ready(found: dict[str, dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [found[name] for name in names if name in found]


def _figure(made: Made) -> dict[str, Any]:
    return {
        "kind": "figure",
        "wide": _picture(made, made.name),
        "narrow": _picture(made, f"{made.name}_85mm"),
        **{key: made.facts[key] for key in ("title", "alt", "caption", "nothing")},
    }


def _picture(made: Made, name: str) -> str:
    """The drawing as a data URI: SVG, or PNG where the profile lets out no SVG; empty where there is none."""
    for ending, kind in (("svg", "svg+xml"), ("png", "png")):
        if f"{name}.{ending}" in made.files:
            return f"data:image/{kind};base64," + base64.b64encode(made.files[f"{name}.{ending}"]).decode()
    return ""


def _table(made: Made) -> dict[str, Any]:
    html = Markup(made.files.get(f"{made.name}.html", b"").decode())  # noqa: S704 - our own renderer escaped it
    return {"kind": "table", "html": html, "title": made.facts["title"], "nothing": made.facts["nothing"]}


def _flags(ard: pd.DataFrame, labels: Labels) -> list[tuple[str, str, str]]:
    """Analyses whose verdict is not ok: title, verdict, reason."""
    rows = match(ard, statistic="verdict")
    return [
        (labels.text("analysis", str(row["analysis"])), str(row["text"] or row["status"]).replace("_", " "), str(row["note"]))
        for _, row in rows.iterrows()
        if (row["text"] or row["status"]) != "ok"
    ]


#: Words of the study that are lists, in order; definitions are a table.
_KINDS = {
    "intercurrent": "Intercurrent events",
    "assumption": "Assumptions",
    "identifier": "Columns allowed by the screen for identifiers",
    "not read": "Columns of the files that were not read",
}


def word_lists(labels: Labels) -> list[tuple[str, dict[str, str]]]:
    """Heading and its entries, by name."""
    found = ((heading, labels.of_kind(kind)) for kind, heading in _KINDS.items())
    return [(heading, {labels.text("parameter", term) or term: text for term, text in entries.items()}) for heading, entries in found if entries]


def methods(ard: pd.DataFrame, labels: Labels) -> list[str]:
    """The methods paragraph: one sentence group per analysis, the primary first."""
    rows = match(ard, statistic="method")
    primary = labels.text("primary", "analysis")
    order = sorted(range(len(rows)), key=lambda at: rows["analysis"].iloc[at] != primary)
    return [str(rows["text"].iloc[at]) for at in order]
