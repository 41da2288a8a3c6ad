"""Scores by model. Least-squares mean (interval); people who entered with a value at
the visit. Differences from the reference arm
(interval). p values are two-sided and not adjusted for several visits or analyses, and for
several arms only where the analysis declares it."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import ADJUSTED, match, shown_first
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, flag_note, footnotes, model_analyses, visit_label

NEEDS = ("mmrm|lmm|ancova|paired|gee|weighted",)


def build(ard: pd.DataFrame) -> Table:
    """A group of lines for each analysis, a line for each visit: the arms side by side, then the differences."""
    labels = Labels.of(ard)
    of_risks = set(ard.loc[ard["term"].str.startswith("contrast: ") | ard["day"].notna(), "analysis"])
    analyses = [name for name in model_analyses(labels, *NEEDS[0].split("|")) if name not in of_risks]
    rows = ard[ard["analysis"].isin(analyses) & ard["method"].isin(["", *ADJUSTED])]
    arms = arm_columns(labels, rows[rows["term"] == "ls_mean"]) or {"": "All"}
    pairs = _pairs(rows, labels)
    level = rows["conf_level"].max()
    notes = footnotes(__doc__, f"Intervals: {100 * level:g} % confidence." if pd.notna(level) else "", flag_note(rows, labels))
    if len(pairs) > 1:
        columns = ("Mean", f"Difference from {' or '.join(dict.fromkeys(arms[reference] for _, reference in pairs))}", "p")
        return Table("Scores by model", "", columns, tuple(_long(rows, labels, analyses, arms, dict(pairs))), notes)
    named = [f"{arms[arm]} minus {arms[reference]}" for arm, reference in pairs]
    columns = [*arms.values(), *(heading for name in named for heading in (name, "p"))]
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        lines.append(Row(labels.text("analysis", analysis), heading=True))
        found = [_line(match(of, visit=visit), visit, labels, list(arms), pairs) for visit in dict.fromkeys(of[of["term"].isin(_TERMS)]["visit"])]
        lines += found or [Row("not estimable", ("",) * len(columns))]
    return Table("Scores by model", "", tuple(columns), tuple(lines), notes)


def _long(rows: pd.DataFrame, labels: Labels, analyses: list[str], arms: dict[str, str], pairs: dict[str, str]) -> list[Row]:
    """With several comparisons: a group for each analysis and visit, a line for each arm."""
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        visits = dict.fromkeys(of[of["term"].isin(_TERMS)]["visit"])
        for visit in visits:
            at = match(of, visit=visit)
            title = labels.text("analysis", analysis)
            lines.append(Row(f"{title}: {visit_label(labels, visit).lower()}" if len(visits) > 1 else title, heading=True))
            for arm, name in arms.items():
                same = shown_first(match(at, term="contrast", arm=arm, comparator=pairs.get(arm, "")))
                compared = (interval(same), value_of(same, "p_value")) if len(same) else ("", "")
                lines.append(Row(name, (_mean(match(at, term="ls_mean", arm=arm)), *compared)))
        if not visits:
            lines += [Row(labels.text("analysis", analysis), heading=True), Row("not estimable", ("", "", ""))]
    return lines


_TERMS = ("ls_mean", "contrast")


def _pairs(rows: pd.DataFrame, labels: Labels) -> list[tuple[str, str]]:
    found = rows[(rows["term"] == "contrast") & (rows["comparator"] != "")]
    order = list(labels.of_kind("arm"))
    pairs = set(zip(found["arm"], found["comparator"], strict=True))
    return sorted(pairs, key=lambda pair: order.index(pair[0]))


def _line(rows: pd.DataFrame, visit: str, labels: Labels, arms: list[str], pairs: list[tuple[str, str]]) -> Row:
    cells = [_mean(match(rows, term="ls_mean", arm=arm)) for arm in arms]
    for arm, reference in pairs:
        same = shown_first(match(rows, term="contrast", arm=arm, comparator=reference))
        cells += [interval(same), value_of(same, "p_value")]
    return Row(visit_label(labels, visit) or "All visits", tuple(cells))


def _mean(rows: pd.DataFrame) -> str:
    if not len(rows):
        return NOTHING
    n = match(rows, statistic="estimate")["n"].iloc[0]
    return f"{interval(rows)}" + ("" if pd.isna(n) else f"; {n}")
