"""Treatment sessions. Mean (SD) of dose and of measurements at each session, then the people they come from; n (%) of categories
and of sessions beyond a safety cut-off. Of several readings within a session the worst after the dose counts."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, shown, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis

NEEDS = ("descriptive",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each measurement, a line for each session."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"))
    rows = rows[rows["visit"].str.startswith("session") & (rows["subgroup"] == "")]
    arms = arm_columns(labels, rows)
    lines: list[Row] = []
    for parameter in dict.fromkeys(rows["parameter"]):
        of = match(rows, parameter=parameter)
        name = labels.text("parameter", parameter) or parameter.replace("_", " ").capitalize()
        unit = labels.text("unit", parameter)
        name += " before the session" if parameter.endswith("_pre") else ""
        lines.append(Row(f"{name}{f' ({unit})' if unit else ''}", heading=True))
        for visit in dict.fromkeys(of["visit"]):
            at = match(of, visit=visit)
            lines.append(Row(visit.capitalize(), tuple(_cell(match(at, arm=arm), scale=bool(labels.text("parameter", parameter))) for arm in arms)))
    return Table("Treatment sessions", "", tuple(arms.values()), tuple(lines), footnotes(__doc__), nothing="The data hold no sessions.")


def _cell(rows: pd.DataFrame, *, scale: bool) -> str:
    plain = match(rows, term="")
    numeric = (plain["statistic"] == "mean").any()
    parts = [_mean(plain, scale=scale)] if numeric else []
    for term in dict.fromkeys(rows["term"]):
        if term:
            cut = match(rows, term=term)
            words = term.replace("_", " ")
            parts.append(f"{words}: {value_of(cut, 'n_events')} ({value_of(cut, 'percent')})")
    return "; ".join(parts) or NOTHING


def _mean(rows: pd.DataFrame, *, scale: bool) -> str:
    """Mean (SD); n. Doses below 1, such as mg per kg, have a decimal more than scores."""
    mean, sd = (match(rows, statistic=name) for name in ("mean", "sd"))
    small = not scale and len(mean) and mean["status"].iloc[0] == "ok" and 0 < float(mean["value"].iloc[0]) < 1
    digits = "std_error" if small else ""  # two decimals instead of one
    n = value_of(rows, "n")
    spread = shown(sd.iloc[0], digits) if len(sd) else NOTHING
    return f"{shown(mean.iloc[0], digits)} ({spread}); {n}" if len(mean) else NOTHING
