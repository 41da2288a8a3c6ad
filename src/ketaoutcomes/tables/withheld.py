"""What disclosure control left out. Results of each analysis: all, shown, withheld; then the reasons, each with its number of results."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.labels import STUDY, Labels
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes

NEEDS = ()
_WORDS = ("method", "verdict", "label")


def build(ard: pd.DataFrame) -> Table:
    """A line for each analysis of a confidential study, a line for each reason."""
    labels = Labels.of(ard)
    results = ard[(ard["analysis"] != STUDY) & ~ard["statistic"].isin(_WORDS)]
    hidden = results[results["status"] == "withheld"]
    lines: list[Row] = []
    for analysis in dict.fromkeys(results["analysis"]) if len(hidden) else ():
        everything, withheld = (int((rows["analysis"] == analysis).sum()) for rows in (results, hidden))
        title = labels.text("analysis", str(analysis)) or str(analysis).capitalize()
        lines.append(Row(title, (f"{everything}", f"{everything - withheld}", f"{withheld}")))
    reasons = hidden.groupby("note", sort=True).size()
    lines += [Row("Reasons", heading=True)] if len(reasons) else []
    lines += [Row(str(reason) or "withheld", ("", "", f"{n}")) for reason, n in reasons.items()]
    nothing = "Nothing is withheld here: the study is open, or this is its exact report."
    return Table("What disclosure control left out", "", ("Results", "Shown", "Withheld"), tuple(lines), footnotes(__doc__), nothing=nothing)
