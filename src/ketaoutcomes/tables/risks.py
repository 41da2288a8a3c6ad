"""Risks by model. Seen: people with the outcome among those with an answer. Risks are those of the population: random effects
integrated out, everybody's covariates kept; limits by the delta method. They are not the risks of one typical person, and an odds
or hazard ratio between two people of the same participant effects or site differs from their ratio. Differences in percentage points."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, ci, interval, value_of
from ketaoutcomes.tables._table import Cell, Row, Spanner, Table
from ketaoutcomes.tables._words import against, arm_columns, footnotes, levels, model_analyses, p_of, titled, visit_label

NEEDS = ("glmm|hazard|gee",)
_EFFECTS = ("risk_difference", "risk_ratio", "odds_ratio")


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis and visit, or end of an interval; a line for each arm."""
    labels = Labels.of(ard)
    of_scores = set(ard.loc[ard["term"] == "ls_mean", "analysis"])
    analyses = [name for name in model_analyses(labels, *NEEDS[0].split("|")) if name not in of_scores]
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        found = match(rows, term="risk", statistic="risk")
        lines += [Row(titled(ard, analysis), heading=True), *_hazard_ratios(rows, labels)] if _is_hazard(labels, analysis) else []
        for row in found.drop_duplicates(["visit", "day"]).itertuples():
            at = match(rows, visit=str(row.visit)) if row.visit else match(rows, day=float(str(row.day)))
            when = visit_label(labels, str(row.visit), at).lower() if row.visit else f"by {row.day:g} {labels.text('study', 'time_unit')}"
            lines += [Row(titled(ard, analysis, f": {when}"), heading=True)] if row.visit else []
            for arm, name in arm_columns(labels, match(at, term="risk")).items():
                lines.append(Row(name if row.visit else f"{name}, {when}", _cells(at, arm)))
        if not len(found):
            lines += [Row(titled(ard, analysis), heading=True), Row("not estimable", ("", NOTHING, "", "", "", ""))]
    contrasts = ard[ard["analysis"].isin(analyses) & ard["term"].str.startswith("contrast")]
    over = (Spanner(against(contrasts, labels), 2, 4),)
    every = ard[ard["analysis"].isin(analyses)]
    columns = ("Seen", f"Risk, % ({ci(every)})", "Difference", "Ratio", "Odds ratio", "p")
    return Table("Risks by model", "", columns, tuple(lines), footnotes(__doc__, levels(every, labels)), spanners=over).compact()


def _cells(at: pd.DataFrame, arm: str) -> tuple[str | Cell, ...]:
    own = match(at, arm=arm)
    seen = match(own, term="")
    text = f"{value_of(seen, 'n_events')} / {value_of(seen, 'n')}" if len(seen) else ""
    compared = [match(own, term=f"contrast: {effect.replace('_', ' ')}") for effect in _EFFECTS]
    effects = tuple(interval(rows, effect) if len(rows) else "" for rows, effect in zip(compared, _EFFECTS, strict=True))
    return text, interval(match(own, term="risk"), "risk"), *effects, p_of(compared[0]) if len(compared[0]) else ""


def _is_hazard(labels: Labels, analysis: str) -> bool:
    return labels.text("model", analysis) == "hazard"


def _hazard_ratios(rows: pd.DataFrame, labels: Labels) -> list[Row]:
    """Of a model of hazards, and the mean time without the event."""
    arms, unit = labels.of_kind("arm"), labels.text("study", "time_unit")
    lines: list[Row] = []
    for row in match(rows, term="contrast", statistic="hazard_ratio").itertuples():
        same = match(rows, term="contrast", arm=str(row.arm))
        name = f"Hazard ratio: {arms[str(row.arm)]} against {arms[str(row.comparator)]}"
        lines.append(Row(name, ("", "", "", interval(same, "hazard_ratio"), "", p_of(same))))
    for row in match(rows, term="restricted mean difference", statistic="restricted_mean").itertuples():
        same = match(rows, term="restricted mean difference", arm=str(row.arm))
        name = f"Mean {unit} without the event up to {row.day:g}, {arms[str(row.arm)]} minus {arms[str(row.comparator)]}"
        lines.append(Row(name, ("", "", interval(same, "restricted_mean"), "", "", p_of(same))))
    return lines
