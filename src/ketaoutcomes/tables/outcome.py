"""Scores by model: least-squares means and differences. Estimate (confidence interval). n is the people with a value at
the visit; p values are two-sided and not adjusted for several visits or analyses."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import flag_note, footnotes, model_analyses, visit_label

NEEDS = ("mmrm|lmm|ancova|paired",)


def build(ard: pd.DataFrame) -> Table:
    """A group of lines for each analysis: LS means of the arms, then differences, by visit."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "mmrm", "lmm", "ancova", "paired")
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(labels.text("analysis", analysis), heading=True))
        lines += _means(rows, labels)
        lines += _contrasts(rows, labels)
        if not lines[-1].cells:
            lines.append(Row("not estimable", ("", "", "")))
    level = ard[ard["analysis"].isin(analyses)]["conf_level"].max()
    note = flag_note(ard[ard["analysis"].isin(analyses)])
    heading = f"Estimate ({100 * level:g} % CI)" if pd.notna(level) else "Estimate"
    return Table("Scores by model", "", ("n", heading, "p"), tuple(lines), footnotes(__doc__, note))


def _means(rows: pd.DataFrame, labels: Labels) -> list[Row]:
    arms = labels.of_kind("arm")
    found = match(rows, term="ls_mean", statistic="estimate")
    lines: list[Row] = []
    for row in found.itertuples():
        same = match(rows, term="ls_mean", arm=str(row.arm), visit=str(row.visit))
        where = [visit_label(labels, str(row.visit))] if row.visit else []
        stub = ", ".join([*where, f"mean {arms[str(row.arm)]}" if row.arm else "mean"])
        lines.append(Row(stub, (_n(row.n), interval(same), "")))
    return lines


def _contrasts(rows: pd.DataFrame, labels: Labels) -> list[Row]:
    arms = labels.of_kind("arm")
    found = match(rows, term="contrast", statistic="estimate")
    lines: list[Row] = []
    for row in found[found["arm"] != ""].itertuples():
        same = match(rows, term="contrast", arm=str(row.arm), visit=str(row.visit))
        where = [visit_label(labels, str(row.visit))] if row.visit else []
        stub = ", ".join([*where, f"{arms[str(row.arm)]} minus {arms[str(row.comparator)]}"])
        lines.append(Row(stub, ("", interval(same), value_of(same, "p_value"))))
    return lines


def _n(value: object) -> str:
    return "\N{EN DASH}" if pd.isna(value) else str(value)
