"""One self-contained page per study: no script, no network, for phone and paper."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ketaoutcomes.report.headline import design_sentence, headline, missing_sentence, seen_sentence
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import STUDY, Labels
from ketaoutcomes.schema.numbers import shown

#: Section heading to the displays it shows, in reading order.
_SECTIONS = (
    ("Who was studied", ("flow", "baseline")),
    ("What happened", ("trajectory", "forest", "outcome", "over_time", "response", "risks", "weighting", "ranks", "categories", "testing")),
    ("Does it last", ("relapse_curve", "relapse", "answers", "incidence", "landmark")),
    ("Sessions and safety", ("sessions", "courses", "adverse_events", "exposure", "associations")),
    ("How sure are we", ("missing", "seen", "sites", "models")),
    ("Published numbers", ("published",)),
)


#: Displays that are left out, not explained, where a study has nothing for them.
_WHERE_THERE_ARE = {"testing", "categories", "courses", "over_time", "sites", "answers"}


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
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    folder = files("ketaoutcomes.report")
    template = environment.from_string(folder.joinpath("page.html.jinja").read_text(encoding="utf-8"))
    labels = Labels.of(ard)
    return template.render(
        style=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        labels=labels,
        headline=headline(ard),
        missing=missing_sentence(ard),
        seen=seen_sentence(ard),
        design=design_sentence(ard),
        rounded=bool(labels.text("study", "profile")) and not internal and not labels.text("study", "blinded"),
        blinded=labels.text("study", "blinded"),
        changes=_changes(labels),
        provenance=_provenance(labels),
        sections=_sections(figures, tables),
        methods=_methods(ard, labels),
        disclosure=disclosure,
        run=run,
        left_out={str(row["term"]): shown(row) for _, row in match(ard, analysis=STUDY, parameter="left out").iterrows()},
        internal=internal,
    )


def _changes(labels: Labels) -> list[tuple[str, str, str, str]]:
    """Keys of the study file that changed since the lock: key, then, now, reason."""
    now, why = labels.of_kind("changed"), labels.of_kind("why changed")
    return [(key, then, now[key], why[key]) for key, then in labels.of_kind("locked").items()]


def _provenance(labels: Labels) -> str:
    source = labels.text("study", "source")
    words = "Simulated data: no participant of this study exists." if source == "simulated" else "Real data."
    return f"{words} Treatment: {labels.text('study', 'drug')}."


def _sections(figures: list[Made], tables: list[Made]) -> list[dict[str, Any]]:
    ready = {made.name: _figure(made) for made in figures} | {made.name: _table(made) for made in tables}
    ready = {name: display for name, display in ready.items() if not (display["nothing"] and name in _WHERE_THERE_ARE)}
    placed = [(heading, [ready[name] for name in names if name in ready]) for heading, names in _SECTIONS]
    others = [display for name, display in ready.items() if not any(name in names for _, names in _SECTIONS)]
    found = [{"heading": heading, "displays": displays} for heading, displays in placed if any(not d["nothing"] for d in displays)]
    return found + ([{"heading": "Further displays", "displays": others}] if others else [])


def _figure(made: Made) -> dict[str, Any]:
    svg = made.files.get(f"{made.name}.svg", b"")
    source = "data:image/svg+xml;base64," + base64.b64encode(svg).decode() if svg else ""
    return {"kind": "figure", "name": made.name, "source": source, **{key: made.facts[key] for key in ("title", "alt", "caption", "nothing")}}


def _table(made: Made) -> dict[str, Any]:
    html = Markup(made.files.get(f"{made.name}.html", b"").decode())  # noqa: S704 - our own renderer escaped it
    return {"kind": "table", "name": made.name, "html": html, "title": made.facts["title"], "nothing": made.facts["nothing"]}


def _methods(ard: pd.DataFrame, labels: Labels) -> list[str]:
    """The methods paragraph: one sentence group per analysis, the primary first."""
    rows = match(ard, statistic="method")
    primary = labels.text("primary", "analysis")
    order = sorted(range(len(rows)), key=lambda at: rows["analysis"].iloc[at] != primary)
    return [str(rows["text"].iloc[at]) for at in order]
