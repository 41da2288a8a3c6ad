"""Competing events. Cumulative incidence of the event (Aalen-Johansen) with its confidence interval; people with the event, with a
competing one, and all."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, levels, model_analyses, titled

NEEDS = ("cumulative_incidence",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis, a line for each time."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "cumulative_incidence")
    arms = arm_columns(labels, ard[ard["analysis"].isin(analyses)]) or {"": "All"}
    unit = labels.text("study", "time_unit")
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        lines.append(Row("Event / competing / people", tuple(_people(match(rows, arm=arm)) for arm in arms)))
        for day in dict.fromkeys(match(rows, term="incidence")["day"]):
            at = match(rows, term="incidence", day=day)
            lines.append(Row(f"Incidence at {day:g} {unit}", tuple(interval(match(at, arm=arm), "incidence") for arm in arms)))
        test = match(rows, term="Gray's test")
        if len(test):
            text = f"chi-square {value_of(test, 'chisq')}, p {value_of(test, 'p_value')}"
            lines.append(Row("Gray's test", (text, *("",) * (len(arms) - 1))))
    said = levels(ard[ard["analysis"].isin(analyses)], labels, named=False)
    return Table("Cumulative incidence", "", tuple(arms.values()), tuple(lines), footnotes(__doc__, said))


def _people(rows: pd.DataFrame) -> str:
    plain = match(rows, term="")
    return f"{value_of(plain, 'n_events')} / {value_of(match(rows, term='competing'), 'n_events')} / {value_of(plain, 'n')}"
