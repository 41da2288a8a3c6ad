"""Scores by model. n: people who entered with a value at the visit. Means are least-squares means. p values are two-sided
and not adjusted for several visits or analyses, and for several arms only where the analysis declares it."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import ADJUSTED, match, shown_first
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, ci, interval
from ketaoutcomes.tables._table import Cell, Row, Spanner, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, levels, model_analyses, n_of, p_of, titled, visit_label

NEEDS = ("mmrm|lmm|ancova|paired|gee|weighted",)


def build(ard: pd.DataFrame) -> Table:
    """A group of lines for each analysis, a line for each visit: the arms side by side, then the differences."""
    labels = Labels.of(ard)
    of_risks = set(ard.loc[ard["term"].str.startswith("contrast: ") | ard["day"].notna(), "analysis"])
    analyses = [name for name in model_analyses(labels, *NEEDS[0].split("|")) if name not in of_risks]
    rows = ard[ard["analysis"].isin(analyses) & ard["method"].isin(["", *ADJUSTED])]
    arms = arm_columns(labels, rows[rows["term"] == "ls_mean"]) or {"": "All"}
    pairs = _pairs(rows, labels)
    said = f" ({ci(rows)})"
    notes = footnotes(__doc__, levels(rows, labels))
    if len(pairs) > 1:
        columns = ("n", f"Mean{said}", f"Difference{said}", "p")
        over = (Spanner(f"Against {' or '.join(dict.fromkeys(arms[reference] for _, reference in pairs))}", 2, 2),)
        return Table("Scores by model", "", columns, tuple(_long(ard, rows, analyses, arms, dict(pairs))), notes, spanners=over)
    named = [*arms.values(), *(f"{arms[arm]} minus {arms[reference]}" for arm, reference in pairs)]
    columns = [*("n", f"Mean{said}") * len(arms), *(f"Difference{said}", "p") * len(pairs)]
    over = tuple(Spanner(name, 2 * at, 2) for at, name in enumerate(named))
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        found = [_line(match(of, visit=visit), visit, labels, list(arms), pairs) for visit in dict.fromkeys(of[of["term"].isin(_TERMS)]["visit"])]
        lines += found or [Row("not estimable", ("",) * len(columns))]
    return Table("Scores by model", "", tuple(columns), tuple(lines), notes, spanners=over)


def _long(ard: pd.DataFrame, rows: pd.DataFrame, analyses: list[str], arms: dict[str, str], pairs: dict[str, str]) -> list[Row]:
    """With several comparisons: a group for each analysis and visit, a line for each arm."""
    lines, labels = list[Row](), Labels.of(ard)
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        visits = dict.fromkeys(of[of["term"].isin(_TERMS)]["visit"])
        for visit in visits:
            at = match(of, visit=visit)
            lines.append(Row(titled(ard, analysis, f": {visit_label(labels, visit, at).lower()}" if len(visits) > 1 else ""), heading=True))
            for arm, name in arms.items():
                same = shown_first(match(at, term="contrast", arm=arm, comparator=pairs.get(arm, "")))
                compared = (interval(same), p_of(same)) if len(same) else ("", "")
                lines.append(Row(name, (*_mean(match(at, term="ls_mean", arm=arm)), *compared)))
        if not visits:
            lines += [Row(titled(ard, analysis), heading=True), Row("not estimable", ("", "", "", ""))]
    return lines


_TERMS = ("ls_mean", "contrast")


def _pairs(rows: pd.DataFrame, labels: Labels) -> list[tuple[str, str]]:
    found = rows[(rows["term"] == "contrast") & (rows["comparator"] != "")]
    order = list(labels.of_kind("arm"))
    pairs = set(zip(found["arm"], found["comparator"], strict=True))
    return sorted(pairs, key=lambda pair: order.index(pair[0]))


def _line(rows: pd.DataFrame, visit: str, labels: Labels, arms: list[str], pairs: list[tuple[str, str]]) -> Row:
    cells: list[str | Cell] = [cell for arm in arms for cell in _mean(match(rows, term="ls_mean", arm=arm))]
    for arm, reference in pairs:
        same = shown_first(match(rows, term="contrast", arm=arm, comparator=reference))
        cells += [interval(same), p_of(same)]
    return Row(visit_label(labels, visit, rows) or "All visits", tuple(cells))


def _mean(rows: pd.DataFrame) -> tuple[str, str]:
    return (n_of(rows), interval(rows)) if len(rows) else (NOTHING, NOTHING)
