"""Associations with what belongs to a session. Difference in the next score per unit: between people, by their mean over the sessions; within a
person, by each session's deviation from it, at the same number of the session. Neither is an effect: people who experience or receive more differ
in other ways, and doses follow the response to earlier ones."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, ci, interval
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, levels, model_analyses, n_of, p_of, titled

NEEDS = ("association",)
_PREFIX = "association: "


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis: between people, within a person."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "association")
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        terms = [str(term) for term in dict.fromkeys(rows["term"]) if str(term).startswith(_PREFIX)]
        for term in terms:
            own = match(rows, term=term)
            lines.append(Row(term.removeprefix(_PREFIX).capitalize(), (n_of(own), interval(own), p_of(own))))
        lines += [] if terms else [Row("not estimable", ("", NOTHING, ""))]
    every = ard[ard["analysis"].isin(analyses)]
    columns = ("People", f"Per unit ({ci(every)})", "p")
    return Table("Associations with what belongs to a session", "", columns, tuple(lines), footnotes(__doc__, levels(every, labels)))
