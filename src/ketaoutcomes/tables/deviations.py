"""Deviations from the plan. Every key of the study file that is not as it was locked: then, now and the reason the authors give; and
deviations they declare that no key shows."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes

NEEDS = ()


def build(ard: pd.DataFrame) -> Table:
    """A line for each key that changed since the lock, then one for each declared deviation."""
    labels = Labels.of(ard)
    now, why, declared = (labels.of_kind(kind) for kind in ("changed", "why changed", "deviation"))
    changed = [Row(key, (then, now[key], why[key])) for key, then in labels.of_kind("locked").items()]
    said = [Row(term, ("", "", text)) for term, text in declared.items() if text not in why.values()]
    lines = [
        *([Row("Changed since the plan was locked", heading=True), *changed] if changed else []),
        *([Row("Declared by the authors", heading=True), *said] if said else []),
    ]
    nothing = "None is declared, and no key of the study file differs from a locked plan."
    return Table("Deviations from the plan", "Key", ("Then", "Now", "Reason"), tuple(lines), footnotes(__doc__), nothing=nothing, words=True)
