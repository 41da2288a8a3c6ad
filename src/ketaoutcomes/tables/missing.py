"""Missing scores. Seen: people with a value / people expected at the visit; everybody of the population is expected at every visit, also after
leaving. Missing: without a value at the visit, % of those expected. Ended: with no value at the visit or any later one of the period, % of those
expected; the others who are missing came back."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import GONE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import value_of
from ketaoutcomes.tables._table import Row, Spanner, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis, visit_label

NEEDS = ("descriptive",)
_COLUMNS = ("Seen", "Missing, %", "Ended, %")
_NOTHING = "No scores are described."
#: Groups of people that stand side by side; more stand below each other.
_BESIDE = 3


def build(ard: pd.DataFrame) -> Table:
    """A group for each score, a line for each visit, the arms side by side; with many arms a group for each of them."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"), subgroup="")
    found = match(rows, statistic="n_expected")
    arms = arm_columns(labels, found, together=True)
    lines: list[Row] = []
    beside = [list(arms)] if len(arms) <= _BESIDE else [[arm] for arm in arms]
    for parameter in dict.fromkeys(found["parameter"]):
        for group in beside:
            which = f", {arms[group[0]]}" if len(beside) > 1 else ""
            lines.append(Row(labels.text("parameter", parameter) + which, heading=True))
            for visit in dict.fromkeys(match(found, parameter=parameter)["visit"]):
                at = match(rows, parameter=parameter, visit=visit)
                lines.append(Row(visit_label(labels, visit, at), tuple(cell for arm in group for cell in _cells(match(at, arm=arm)))))
    over = tuple(Spanner(name, 3 * at, 3) for at, name in enumerate(arms.values())) if len(beside) == 1 and len(arms) > 1 else ()
    columns = _COLUMNS * (len(arms) if len(beside) == 1 else 1)
    return Table("Missing scores", "", columns, tuple(lines), footnotes(__doc__), nothing=_NOTHING, spanners=over)


def _cells(rows: pd.DataFrame) -> tuple[str, str, str]:
    plain = match(rows, term="")
    seen = f"{value_of(plain, 'n_observed')} / {value_of(plain, 'n_expected')}"
    return seen, value_of(plain, "percent_missing"), value_of(match(rows, term=GONE), "percent")
