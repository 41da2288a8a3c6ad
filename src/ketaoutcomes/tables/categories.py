"""Scores that are never averaged: ordinal and yes-or-no measures. n (%) of the people with a score at the visit."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import GONE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis, visit_label

NEEDS = ("descriptive",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each measure and visit, a line for each score that somebody has."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"))
    rows = rows[(rows["visit"] != "") & ~rows["visit"].str.startswith("session") & rows["statistic"].isin(["n_events", "percent"]) & (rows["term"] != GONE)]
    arms = arm_columns(labels, rows, together=True)
    lines: list[Row] = []
    for parameter, visit in dict.fromkeys(zip(rows["parameter"], rows["visit"], strict=True)):
        at = match(rows, parameter=str(parameter), visit=str(visit))
        lines.append(Row(f"{labels.text('parameter', str(parameter))}, {visit_label(labels, str(visit), at).lower()}", heading=True))
        terms = [term for term in dict.fromkeys(at["term"]) if term and (match(at, term=term, statistic="n_events")["value"] != 0).any()]
        lines += [Row(f"Score {term}" if term.isdigit() else term.capitalize(), tuple(_share(match(at, term=term, arm=arm)) for arm in arms)) for term in terms]
    nothing = "No ordinal or yes-or-no scores are described."
    return Table("Ordinal and yes-or-no scores", "", tuple(arms.values()), tuple(lines), footnotes(__doc__), nothing=nothing)


def _share(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'n_events')} ({value_of(rows, 'percent')})"
