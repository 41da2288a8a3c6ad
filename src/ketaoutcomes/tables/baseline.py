"""Participants at baseline. Mean (SD) for numbers, n (%) for categories; percentages of those with a value."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import value_of
from ketaoutcomes.tables._table import END, Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analysis

NEEDS = ("descriptive",)
_NOT_BASELINE = {"people", "enrolment", "disposition", "analysis set", "population", "intercurrent event", "adverse event"}


def build(ard: pd.DataFrame) -> Table:
    """One line for each number, a group of lines for each category."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=model_analysis(labels, "descriptive"))
    arms = arm_columns(labels, rows, together=True)
    if labels.text("study", "design") == "crossover":
        arms = {"": "All"}
    lines = [Row("Participants", tuple(value_of(match(rows, parameter="people", arm=arm), "n") for arm in arms))]
    variables = rows[(rows["visit"] == "") & ~rows["parameter"].isin([*_NOT_BASELINE, ""])]["parameter"]
    lines += _scores(rows, labels, list(arms))
    for variable in dict.fromkeys(variables):
        lines += _variable(match(rows, parameter=variable, visit=""), labels.text("variable", variable) or variable.capitalize(), list(arms))
    return Table("Participants at baseline", "", tuple(arms.values()), tuple(lines), footnotes(__doc__))


def _variable(rows: pd.DataFrame, label: str, arms: list[str]) -> list[Row]:
    if (rows["statistic"] == "n_sites").any():
        return [Row("Sites", tuple(value_of(match(rows, arm=arm), "n_sites") for arm in arms))]
    if (rows["statistic"] == "mean").any():
        return [Row(f"{label}, mean (SD)", tuple(_mean(match(rows, arm=arm)) for arm in arms))]
    terms = [term for term in dict.fromkeys(rows["term"]) if term]
    levels = [Row(term, tuple(_share(match(rows, arm=arm, term=term)) for arm in arms)) for term in terms]
    return [Row(f"{label}, n (%)", heading=True), *levels, END]


def _mean(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'mean')} ({value_of(rows, 'sd')})"


def _share(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'n')} ({value_of(rows, 'percent')})"


def _scores(rows: pd.DataFrame, labels: Labels, arms: list[str]) -> list[Row]:
    """Scores at the visits that have no change yet: the baselines."""
    changed = set(rows[rows["statistic"] == "mean_change"]["visit"])
    found = rows[(rows["statistic"] == "mean") & ~rows["visit"].isin([*changed, ""]) & ~rows["visit"].str.startswith("session")]
    return [
        Row(f"{labels.text('parameter', parameter)}, mean (SD)", tuple(_mean(match(rows, parameter=parameter, visit=visit, arm=arm)) for arm in arms))
        for parameter, visit in dict.fromkeys(zip(found["parameter"], found["visit"], strict=True))
    ]
