"""Adverse events. People with the event (% of the arm); how often it happened; people per 100 person-years until their first,
with exact 95 % limits. A person counts once in each line."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import ANY_EVENT, ANY_OF_CLASS, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analyses, titled

NEEDS = ("adverse_events",)


def build(ard: pd.DataFrame) -> Table:
    """Any event, then a group for each class with a line for each term."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "adverse_events")
    rows = match(ard[ard["analysis"].isin(analyses)], parameter="adverse event")
    arms = arm_columns(labels, rows)
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        lines.append(Row("People", tuple(value_of(match(of, arm=arm, term=""), "n") for arm in arms)))
        lines += [_line(match(of, level="", term=term), term.capitalize() + " adverse event", list(arms)) for term in (ANY_EVENT, "any serious")]
        for group in sorted(set(of["level"]) - {""}):
            inside = match(of, level=group)
            lines.append(Row(group, heading=True))
            terms = sorted(set(inside["term"]), key=lambda term: (term != ANY_OF_CLASS, term))
            lines += [_line(match(inside, term=term), "Any of them" if term == ANY_OF_CLASS else term, list(arms)) for term in terms]
    return Table("Adverse events", "", tuple(arms.values()), tuple(lines), footnotes(__doc__))


def _line(rows: pd.DataFrame, stub: str, arms: list[str]) -> Row:
    return Row(stub, tuple(_cell(match(rows, arm=arm)) for arm in arms))


def _cell(rows: pd.DataFrame) -> str:
    if not len(rows):
        return "0"
    return f"{value_of(rows, 'n_events')} ({value_of(rows, 'percent')}); {value_of(rows, 'n_records')}; {interval(match(rows, method='exact'), 'rate')}"
