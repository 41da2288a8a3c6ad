"""Differences between sites. Sites stand under codes, in the order of their differences from the mean as the model predicts them, drawn towards it
the fewer people they have; the deviation is the same before that. Sites of 7 people or fewer stand together. Limits from the errors given the
model; on the scale of the model: points of the score, log odds, or log hazard."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, ci, interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, levels, model_analyses, titled

NEEDS = ("lmm|glmm|hazard",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis with random sites: their standard deviation, then a line for each site."""
    labels = Labels.of(ard)
    rows = ard[ard["term"].isin(["site", "site effect", "site deviation"])]
    lines: list[Row] = []
    for analysis in [name for name in model_analyses(labels, *NEEDS[0].split("|")) if (rows["statistic"][rows["analysis"] == name] == "sd_between").any()]:
        of = match(rows, analysis=analysis)
        whole = match(of, term="site")
        lines.append(Row(titled(ard, analysis), heading=True))
        lines.append(Row(f"Standard deviation between {value_of(whole, 'n_sites')} sites", (value_of(whole, "sd_between"), "")))
        for level in dict.fromkeys(match(of, term="site effect")["level"]):
            own, before = match(of, term="site effect", level=level), match(of, term="site deviation", level=level)
            together = match(own, statistic="n_sites")
            name = f"{value_of(own, 'n_sites')} {level}" if len(together) else str(level).capitalize()
            deviation = f"{value_of(before, 'estimate')} (SE {value_of(before, 'std_error')})" if len(before) else NOTHING
            lines.append(Row(name, (interval(own), deviation)))
    nothing = "No analysis has a random effect of sites."
    columns = (f"Predicted ({ci(rows)})", "Deviation")
    return Table("Differences between sites", "", columns, tuple(lines), footnotes(__doc__, levels(rows, labels)), nothing=nothing)
