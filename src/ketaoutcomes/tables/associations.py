"""Associations with what belongs to a session. Difference in the next score per unit: between people, by their mean over the sessions; within a
person, by each session's deviation from it, at the same number of the session. Neither is an effect: people who experience or receive more differ
in other ways, and doses follow the response to earlier ones."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import flag_note, footnotes, model_analyses

NEEDS = ("association",)
_PREFIX = "association: "


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis: between people, within a person."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "association")
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(labels.text("analysis", analysis), heading=True))
        terms = [str(term) for term in dict.fromkeys(rows["term"]) if str(term).startswith(_PREFIX)]
        for term in terms:
            own = match(rows, term=term)
            n = match(own, statistic="estimate")["n"].iloc[0]
            lines.append(Row(term.removeprefix(_PREFIX).capitalize(), (NOTHING if pd.isna(n) else f"{n}", interval(own), value_of(own, "p_value"))))
        lines += [] if terms else [Row("not estimable", ("", NOTHING, ""))]
    note = flag_note(ard[ard["analysis"].isin(analyses)], labels)
    return Table("Associations with what belongs to a session", "", ("People", "Per unit (95 % CI)", "p"), tuple(lines), footnotes(__doc__, note))
