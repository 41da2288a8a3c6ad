"""Adverse events. People with the event (% of the arm), and how often it happened; a person counts once in each line. Of any event also people per
100 person-years until their first, with exact limits, so that arms followed for different times can be compared."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import ANY_EVENT, ANY_OF_CLASS, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, WITHHELD, ci, value_of
from ketaoutcomes.tables._table import Row, Spanner, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analyses, titled

NEEDS = ("adverse_events",)
_COLUMNS = ("People (%)", "Events")


def build(ard: pd.DataFrame) -> Table:
    """Any event with its rate, then a group for each class with a line for each term."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "adverse_events")
    rows = match(ard[ard["analysis"].isin(analyses)], parameter="adverse event")
    arms = arm_columns(labels, rows)
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        lines.append(Row("People in the arm", tuple(cell for arm in arms for cell in (value_of(match(of, arm=arm, term=""), "n"), ""))))
        for term in (ANY_EVENT, "any serious"):
            own = match(of, level="", term=term)
            name = f"{term.capitalize()} adverse event"
            lines.append(_line(own, name, list(arms)))
            rates = [match(own, arm=arm, method="exact") for arm in arms]
            lines.append(Row("People per 100 person-years until their first", tuple(cell for rate in rates for cell in (value_of(rate, "rate"), ""))))
            lines.append(Row(f"{ci(rows)} of this rate", tuple(cell for rate in rates for cell in (_limits(rate), ""))))
        for group in sorted(set(of["level"]) - {""}):
            inside = match(of, level=group)
            lines.append(Row(group, heading=True))
            terms = sorted(set(inside["term"]), key=lambda term: (term != ANY_OF_CLASS, term))
            lines += [_line(match(inside, term=term), "Any of them" if term == ANY_OF_CLASS else term, list(arms)) for term in terms]
    over = tuple(Spanner(name, 2 * at, 2) for at, name in enumerate(arms.values()))
    return Table("Adverse events", "", _COLUMNS * len(arms), tuple(lines), footnotes(__doc__), spanners=over)


def _limits(rows: pd.DataFrame) -> str:
    """The interval of a rate alone; one word where it is withheld."""
    low, high = value_of(rows, "conf_low", "rate"), value_of(rows, "conf_high", "rate")
    return low if low in (NOTHING, WITHHELD) else f"{low} to {high}"


def _line(rows: pd.DataFrame, stub: str, arms: list[str]) -> Row:
    return Row(stub, tuple(cell for arm in arms for cell in _cells(match(rows, arm=arm))))


def _cells(rows: pd.DataFrame) -> tuple[str, str]:
    """An event that nobody of the arm had has no rows."""
    if not len(rows):
        return "0", "0"
    return f"{value_of(rows, 'n_events')} ({value_of(rows, 'percent')})", value_of(rows, "n_records")
