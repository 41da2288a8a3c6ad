"""Missing scores. People with a value / people expected at the visit (% missing). Everybody of the population is
expected at every visit, also after leaving."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis, visit_label

NEEDS = ("descriptive",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each score, a line for each visit."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"))
    found = match(rows, statistic="n_expected")
    arms = arm_columns(labels, found, together=True)
    lines: list[Row] = []
    for parameter in dict.fromkeys(found["parameter"]):
        lines.append(Row(labels.text("parameter", parameter), heading=True))
        for visit in dict.fromkeys(match(found, parameter=parameter)["visit"]):
            cells = tuple(_seen(match(rows, parameter=parameter, visit=visit, arm=arm)) for arm in arms)
            lines.append(Row(visit_label(labels, visit), cells))
    return Table("Missing scores", "", tuple(arms.values()), tuple(lines), footnotes(__doc__), nothing="No scores are described.")


def _seen(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'n_observed')} / {value_of(rows, 'n_expected')} ({value_of(rows, 'percent_missing')} missing)"
