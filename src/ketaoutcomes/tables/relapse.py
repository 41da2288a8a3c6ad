"""Time to event. Events among people, median time and hazard ratios, each with its confidence interval. The check of
proportional hazards is a test: a small p says that the hazard ratio is an average over time of something that changes;
the differences in mean time and in the shares without the event beside it are unadjusted and need no such assumption.
Unconfirmed: the last assessment counted towards the event and none followed it. Where the published definition is silent,
the result under the other choice is given too."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import OTHER_CHOICE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, ci, interval, shown, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, levels, model_analyses, p_of, titled

NEEDS = ("kaplan_meier|cox",)


def build(ard: pd.DataFrame) -> Table:
    """Curves first, then hazard ratios."""
    labels = Labels.of(ard)
    lines: list[Row] = []
    for analysis in model_analyses(labels, "kaplan_meier"):
        rows = match(ard, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        lines += _curves(rows, labels)
    for analysis in model_analyses(labels, "cox"):
        rows = match(ard, analysis=analysis)
        lines.append(Row(titled(ard, analysis, " (hazard ratio)"), heading=True))
        lines += _hazards(rows, labels)
    every = ard[ard["analysis"].isin(model_analyses(labels, "kaplan_meier", "cox"))]
    return Table("Time to event", "", ("Events / people", f"Estimate ({ci(every)})", "p"), tuple(lines), footnotes(__doc__, levels(every, labels)))


def _curves(rows: pd.DataFrame, labels: Labels) -> list[Row]:
    arms, unit = labels.of_kind("arm"), labels.text("study", "time_unit")
    lines: list[Row] = []
    for arm in dict.fromkeys(match(rows, term="median")["arm"]):
        people = match(rows, arm=arm, term="")
        events = f"{value_of(people, 'n_events')} / {value_of(people, 'n')}"
        median = match(rows, arm=arm, term="median")
        text = interval(median, "median").replace(NOTHING, "not reached")
        lines.append(Row(f"{arms.get(arm, 'All')}, median {unit}", (events, text, "")))
    lines += _ends(rows, arms)
    for other in dict.fromkeys(match(rows, term=OTHER_CHOICE)["level"]):
        lines += _other(match(rows, term=OTHER_CHOICE, level=other), arms, str(other), unit)
    left = match(rows, term="left out: without a time", statistic="n")
    if len(left) and left["value"].iloc[0] != 0:
        lines.append(Row("Left out: not at risk, or without a time", (shown(left.iloc[0]), "", "")))
    test = match(rows, term="log-rank")
    if len(test):
        text = f"chi-square {value_of(test, 'chisq')}, {value_of(test, 'df').removesuffix('.0')} df"
        lines.append(Row("Log-rank test", ("", text, p_of(test))))
    return lines


def _ends(rows: pd.DataFrame, arms: dict[str, str]) -> list[Row]:
    """How people without the event ended: those unconfirmed and competing events, which change what a curve says."""
    found = rows[(rows["statistic"] == "n_censored") & rows["term"].str.startswith("ended: ")]
    told = found[found["term"].str.contains("unconfirmed|competing", regex=True)]
    return [
        Row(f"{arms.get(str(row['arm']), 'All')}, {str(row['term']).removeprefix('ended: ').replace('_', ' ')}", (shown(row), "", ""))
        for _, row in told.iterrows()
    ]


def _other(rows: pd.DataFrame, arms: dict[str, str], other: str, unit: str) -> list[Row]:
    """Results under another choice of what the source leaves open."""
    lines: list[Row] = []
    for arm in dict.fromkeys(rows["arm"][rows["statistic"].isin(["median", "hazard_ratio"])]):
        of = match(rows, arm=arm)
        ratio = len(match(of, statistic="hazard_ratio"))
        text = interval(of, "hazard_ratio") if ratio else value_of(of, "median").replace(NOTHING, "not reached")
        events = "" if ratio else f"{value_of(of, 'n_events')} / {value_of(of, 'n')}"
        what = "" if ratio else f", median {unit}"
        lines.append(Row(f"With {other} instead: {arms.get(str(arm), 'All')}{what}", (events, text, "")))
    return lines


def _hazards(rows: pd.DataFrame, labels: Labels) -> list[Row]:
    arms, unit = labels.of_kind("arm"), labels.text("study", "time_unit")
    fit = match(rows, term="fit")
    if not len(fit):
        return [Row("not estimable", ("", NOTHING, ""))]
    events = f"{value_of(fit, 'n_events')} / {value_of(fit, 'n')}"
    lines: list[Row] = []
    for row in match(rows, term="contrast", statistic="hazard_ratio").itertuples():
        same = match(rows, term="contrast", arm=str(row.arm))
        stub = f"{arms[str(row.arm)]} against {arms[str(row.comparator)]}"
        lines.append(Row(stub, (events, interval(same, "hazard_ratio"), p_of(same))))
    for row in match(rows, term="restricted mean difference", statistic="restricted_mean").itertuples():
        same = match(rows, term="restricted mean difference", arm=str(row.arm))
        stub = f"Mean {unit} without the event up to {row.day:g}, difference: {arms[str(row.arm)]} minus {arms[str(row.comparator)]}"
        lines.append(Row(stub, ("", interval(same, "restricted_mean"), p_of(same))))
    for row in match(rows, term="landmark difference", statistic="risk_difference").itertuples():
        same = match(rows, term="landmark difference", arm=str(row.arm), day=float(str(row.day)))
        stub = f"Without the event at {row.day:g} {unit}, percentage points: {arms[str(row.arm)]} minus {arms[str(row.comparator)]}"
        lines.append(Row(stub, ("", interval(same, "risk_difference"), p_of(same))))
    check = match(rows, term="proportional hazards")
    text = f"chi-square {value_of(check, 'chisq')}, {value_of(check, 'df').removesuffix('.0')} df"
    for other in dict.fromkeys(match(rows, term=OTHER_CHOICE)["level"]):
        lines += _other(match(rows, term=OTHER_CHOICE, level=other), arms, str(other), "")
    return [*lines, Row("Check of proportional hazards", ("", text, p_of(check)))]
