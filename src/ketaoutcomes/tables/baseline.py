"""Participants at baseline. Mean (SD) for numbers, n (%) for categories; percentages of those with a value."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ketaoutcomes.schema.ard import AT_BASELINE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, WITHHELD, shown, value_of
from ketaoutcomes.tables._table import END, Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis

NEEDS = ("descriptive",)
_NOT_BASELINE = {"people", "enrolment", "disposition", "analysis set", "population", "intercurrent event", "adverse event"}


_DISTANCE = (
    "Standardised difference: of means, {which} over the root of the mean of the two variances; of a category one distance over all of its levels, without a "
    "sign, on its first line.{largest} It says how far apart the arms are whatever their size; p values would not (Austin, Stat Med 2009;28:3083)."
)


def build(ard: pd.DataFrame) -> Table:
    """One line for each number, a group of lines for each category; how far apart the arms are, where arms are compared."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"))
    distances = rows[rows["term"] == AT_BASELINE]
    rows = rows[rows["term"] != AT_BASELINE]
    arms = arm_columns(labels, rows, together=True)
    if labels.text("study", "design") == "crossover":
        arms = {"": "All"}
    variables = rows[(rows["visit"] == "") & ~rows["parameter"].isin([*_NOT_BASELINE, ""])]["parameter"]
    lines = [(Row("Participants", tuple(value_of(match(rows, parameter="people", arm=arm), "n") for arm in arms)), "")]
    lines += _scores(rows, distances, labels, list(arms))
    for variable in dict.fromkeys(variables):
        apart = _apart(match(distances, parameter=variable, visit=""))
        lines += _variable(match(rows, parameter=variable, visit=""), labels.text("variable", variable) or variable.capitalize(), list(arms), apart)
    if not len(distances):
        return Table("Participants at baseline", "", tuple(arms.values()), tuple(row for row, _ in lines), footnotes(__doc__))
    several = len(set(distances["arm"])) > 1
    which = f"arm minus {labels.text('arm', str(distances['comparator'].iloc[0])).lower()}"
    largest = " Of several arms the largest is shown, without its sign." if several else ""
    columns = (*arms.values(), "Largest standardised difference" if several else "Standardised difference")
    filled = tuple(row if row.heading else replace(row, cells=(*row.cells, apart)) for row, apart in lines)
    return Table("Participants at baseline", "", columns, filled, footnotes(__doc__, _DISTANCE.format(which=which, largest=largest)))


def _apart(rows: pd.DataFrame) -> str:
    """The standardised difference of two arms, or the largest of several; a word where one of them is withheld."""
    if not len(rows):
        return ""
    if len(rows) == 1:
        return shown(rows.iloc[0])
    if (rows["status"] == "withheld").any():
        return WITHHELD
    known = rows[rows["value"].notna()].assign(value=rows["value"].abs()).sort_values("value", kind="stable")
    return shown(known.iloc[-1]) if len(known) else NOTHING


def _variable(rows: pd.DataFrame, label: str, arms: list[str], apart: str) -> list[tuple[Row, str]]:
    """Lines of a variable, and what stands at their end."""
    if (rows["statistic"] == "n_sites").any():
        return [(Row("Sites", tuple(value_of(match(rows, arm=arm), "n_sites") for arm in arms)), "")]
    if (rows["statistic"] == "mean").any():
        return [(Row(f"{label}, mean (SD)", tuple(_mean(match(rows, arm=arm)) for arm in arms)), apart)]
    terms = [term for term in dict.fromkeys(rows["term"]) if term]
    levels = [Row(term, tuple(_share(match(rows, arm=arm, term=term)) for arm in arms)) for term in terms]
    return [(Row(f"{label}, n (%)", heading=True), ""), *zip(levels, [apart, *[""] * len(levels)], strict=False), (END, "")]


def _mean(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'mean')} ({value_of(rows, 'sd')})"


def _share(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'n')} ({value_of(rows, 'percent')})"


def _scores(rows: pd.DataFrame, distances: pd.DataFrame, labels: Labels, arms: list[str]) -> list[tuple[Row, str]]:
    """Scores at the visits that have no change yet: the baselines."""
    changed = set(rows[rows["statistic"] == "mean_change"]["visit"])
    found = rows[(rows["statistic"] == "mean") & ~rows["visit"].isin([*changed, ""]) & ~rows["visit"].str.startswith("session")]
    return [
        (
            Row(f"{labels.text('parameter', parameter)}, mean (SD)", tuple(_mean(match(rows, parameter=parameter, visit=visit, arm=arm)) for arm in arms)),
            _apart(match(distances, parameter=parameter, visit=visit)),
        )
        for parameter, visit in dict.fromkeys(zip(found["parameter"], found["visit"], strict=True))
    ]
