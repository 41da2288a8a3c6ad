"""Ordinal outcomes. People who became worse, stayed the same and became better, and the shifts from baseline, n; the median
difference between a person of one arm and of the other (Hodges-Lehmann) with its confidence interval, and p of the rank test."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, levels, model_analyses, p_of, titled, visit_label

NEEDS = ("ordinal",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis: who changed, from what to what, and the comparison."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "ordinal")
    arms = arm_columns(labels, ard[ard["analysis"].isin(analyses)])
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        people = match(rows, statistic="n")
        visit = visit_label(labels, str(people["visit"].iloc[0]), people) if len(people) else ""
        lines.append(Row(titled(ard, analysis, f", {visit.lower()}" if visit else ""), heading=True))
        lines.append(Row("People with a score", tuple(value_of(match(rows, arm=arm, term="", level=""), "n") for arm in arms)))
        for kind in ("change", "shift"):
            of = match(rows, level=kind)
            lines += [
                Row(str(term).capitalize(), tuple(value_of(match(of, arm=arm, term=term), "n_events") for arm in arms))
                for term in dict.fromkeys(of["term"])
                if term
            ]
        compared = {arm: match(rows, arm=arm, term="contrast") for arm in arms}
        lines.append(Row("Median difference", tuple(interval(found) if len(found) else "" for found in compared.values())))
        lines.append(Row("p of the rank test", tuple(p_of(found) if len(found) else "" for found in compared.values())))
    said = levels(ard[ard["analysis"].isin(analyses)], labels, named=False)
    return Table("Ordinal outcomes", "", tuple(arms.values()), tuple(lines), footnotes(__doc__, said))
