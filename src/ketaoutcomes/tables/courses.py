"""Courses within sessions. Mean (SD); people; mean change from the last reading before the dose (SD)."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis

NEEDS = ("descriptive",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each measurement and session, a line for each minute."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"), subgroup="minute")
    arms = arm_columns(labels, rows, together=True)
    lines: list[Row] = []
    for parameter in dict.fromkeys(rows["parameter"]):
        for visit in dict.fromkeys(match(rows, parameter=parameter)["visit"]):
            of = match(rows, parameter=parameter, visit=visit)
            lines.append(Row(f"{labels.text('parameter', parameter)} ({labels.text('unit', parameter)}), {visit}", heading=True))
            for minute in sorted(set(of["level"]), key=float):
                at = match(of, level=minute)
                lines.append(Row(f"{minute} min", tuple(_cell(match(at, arm=arm)) for arm in arms)))
    return Table("Courses within sessions", "", tuple(arms.values()), tuple(lines), footnotes(__doc__), nothing="The data hold no readings within sessions.")


def _cell(rows: pd.DataFrame) -> str:
    if not len(rows):
        return NOTHING
    shares = rows[rows["term"] != ""]
    if len(shares):
        terms = dict.fromkeys(shares["term"])
        return "; ".join(f"{term}: {value_of(match(shares, term=term), 'n_events')} ({value_of(match(shares, term=term), 'percent')})" for term in terms)
    mean = f"{value_of(rows, 'mean')} ({value_of(rows, 'sd')}); {value_of(rows, 'n')}"
    changed = (rows["statistic"] == "mean_change").any()
    return mean + (f"; {value_of(rows, 'mean_change')} ({value_of(rows, 'sd_change')})" if changed else "")
