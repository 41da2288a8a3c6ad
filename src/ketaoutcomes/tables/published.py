"""Published numbers and ours. Compared on exact values at the printed precision: PASS when ours, rounded as printed, is
the printed number. Beside simulated data published numbers are context: they show after what the data were shaped."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.numbers import NOTHING, WITHHELD
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes

NEEDS = ()


def build(ard: pd.DataFrame) -> Table:
    """One line for each target."""
    rows = match(ard, analysis="published")
    lines = [_line(match(rows, term=term)) for term in dict.fromkeys(rows["term"])]
    columns = ("Published", "Ours", "Difference", "Agreement")
    return Table("Published numbers and ours", "Target", columns, tuple(lines), footnotes(__doc__), nothing="The study file names no published numbers.")


def _line(rows: pd.DataFrame) -> Row:
    cells = tuple(_text(rows, statistic) for statistic in ("published", "reproduced", "difference", "agreement"))
    term, source = str(rows["term"].iloc[0]), str(match(rows, statistic="published")["note"].iloc[0])
    return Row(f"{term.replace('_', ' ')} ({source})", cells)


def _text(rows: pd.DataFrame, statistic: str) -> str:
    found = match(rows, statistic=statistic)
    if not len(found):
        return NOTHING
    row = found.iloc[0]
    return WITHHELD if row["status"] == "withheld" else str(row["text"]).replace("-", "\N{MINUS SIGN}", 1) if statistic != "agreement" else str(row["text"])
