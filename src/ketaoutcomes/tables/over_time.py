"""Courses over time. Estimated mean at declared times; people with a value then or later. A new site: where the mean of a site
that was not seen would lie, by the same model. Estimates late in the course lean on the few who were still seen."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, shown
from ketaoutcomes.tables._table import Cell, Row, Spanner, Table
from ketaoutcomes.tables._words import against, arm_columns, footnotes, levels, model_analyses, n_of, p_of, titled

NEEDS = ("lmm|gee",)
_COLUMNS = ("People", "Mean", "Difference", "p", "New site")


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis, a line for each time and arm."""
    labels = Labels.of(ard)
    rows = ard[ard["day"].notna() & ard["term"].isin(["ls_mean", "contrast", "new site"])]
    analyses = [name for name in model_analyses(labels, *NEEDS[0].split("|")) if (rows["analysis"] == name).any()]
    unit, lines = labels.text("study", "time_unit"), list[Row]()
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        arms = arm_columns(labels, of)
        lines.append(Row(titled(ard, analysis, f" ({labels.text('unit', str(of['parameter'].iloc[0]))})"), heading=True))
        for day in sorted(set(of["day"])):
            at = match(of, day=float(day))
            when = f"{unit.removesuffix('s').capitalize()} {day:g}"
            lines += [Row(f"{when}, {name}" if len(arms) > 1 else when, _cells(match(at, arm=arm))) for arm, name in arms.items()]
    nothing = "No analysis gives a course at declared times."
    over = (Spanner(against(match(rows, term="contrast"), labels), 2, 2),)
    return Table(
        "Courses over time", "", _COLUMNS, tuple(lines), footnotes(__doc__, levels(rows, labels, named=False)), nothing=nothing, spanners=over
    ).compact()


def _cells(rows: pd.DataFrame) -> tuple[str | Cell, ...]:
    mean, compared, new = (match(rows, term=term) for term in ("ls_mean", "contrast", "new site"))
    difference = (interval(compared), p_of(compared)) if len(compared) else ("", "")
    limits = [shown(row) for statistic in ("predicted_low", "predicted_high") for _, row in match(new, statistic=statistic).iterrows()]
    return n_of(mean), interval(mean), *difference, " to ".join(limits)
