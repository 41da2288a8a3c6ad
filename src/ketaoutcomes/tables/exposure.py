"""Scores by cumulative exposure. Mean (SD); people; mean change from baseline (SD). A person stands once in each band they reached, with
their last score there. The bands are not comparable groups: who received more did well enough, or badly enough, to go on."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analyses, titled

NEEDS = ("exposure",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis, a line for each band."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "exposure")
    rows = ard[ard["analysis"].isin(analyses) & (ard["term"] != "") & (ard["statistic"] != "verdict")]
    arms = arm_columns(labels, rows, together=True)
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        bands = {str(band): match(of, term=str(band)) for band in dict.fromkeys(of["term"])}
        lines += [Row(band.capitalize(), tuple(_cell(match(inside, arm=arm)) for arm in arms)) for band, inside in bands.items()]
    return Table("Scores by cumulative exposure", "", tuple(arms.values()), tuple(lines), footnotes(__doc__))


def _cell(rows: pd.DataFrame) -> str:
    mean = f"{value_of(rows, 'mean')} ({value_of(rows, 'sd')})"
    change = f"{value_of(rows, 'mean_change')} ({value_of(rows, 'sd_change')})"
    return f"{mean}; {value_of(rows, 'n')}; {change}"
