"""Landmark analyses. People still followed at the landmark without the event, by what they had received up to then; what came later moves
nobody. The groups are not randomised."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import ci, interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, levels, model_analyses, titled

NEEDS = ("landmark",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis, a line for each band, then the test."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "landmark")
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis, level="after the landmark")
        test = match(ard, analysis=analysis, term="log-rank")
        lines.append(Row(titled(ard, analysis), heading=True))
        for band in [str(term) for term in dict.fromkeys(rows["term"]) if term]:
            own = match(rows, term=band)
            days = sorted(set(own["day"].dropna()))
            shares = "; ".join(f"day {day:g}: {interval(match(own, day=float(day)), 'survival')}" for day in days)
            whole = own[own["day"].isna()]
            lines.append(Row(band.capitalize(), (f"{value_of(whole, 'n_events')} / {value_of(whole, 'n')}", shares, value_of(whole, "median"))))
        lines.append(Row("Log-rank test", ("", f"p {value_of(test, 'p_value')}" if len(test) else "none", "")))
    every = ard[ard["analysis"].isin(analyses)]
    columns = ("Events / people", f"Without the event, days after the landmark ({ci(every)})", "Median, days")
    return Table("Landmark analyses", "", columns, tuple(lines), footnotes(__doc__, levels(every, labels)))
