"""Confirmatory tests in their declared order. p values are adjusted by Holm's procedure within a step; a step is tested only
when every hypothesis before it was rejected, and p values after that are nominal."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import TESTING, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, p_of, visit_label

NEEDS = ()


def build(ard: pd.DataFrame) -> Table:
    """A line for each hypothesis."""
    labels = Labels.of(ard)
    rows = match(ard, term=TESTING)
    lines = [Row(_hypothesis(row, labels), (str(row["note"]), p_of(rows.loc[[index]]), str(row["text"]))) for index, row in rows.iterrows()]
    order = f"Two-sided level and order: {labels.text('testing', 'order')}."
    nothing = "The study declares no confirmatory tests."
    return Table("Confirmatory tests", "", ("Step", "p", "Decision"), tuple(lines), footnotes(__doc__, order), nothing=nothing)


def _hypothesis(row: pd.Series, labels: Labels) -> str:
    arms = labels.of_kind("arm")
    compared = f", {arms.get(str(row['arm']), 'all arms')}" if row["arm"] else ""
    visit = f", {visit_label(labels, str(row['visit']), row.to_frame().T).lower()}" if row["visit"] else ""
    return f"{labels.text('analysis', str(row['analysis']))}{compared}{visit}"
