"""Subgroups. People of the subgroup in each arm; the comparison of the arms within it, by the model of the whole. The p value on a column's own line
is of the interaction: do the estimates of its subgroups differ from each other? It is not adjusted for the number of columns. A subgroup's interval is
wider than that of the whole, and one that leaves out no effect beside one that does not is no evidence that they differ."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import INTERACTION, NO_VALUE, PEOPLE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import ci, interval, value_of
from ketaoutcomes.tables._table import END, Cell, Row, Spanner, Table, noted
from ketaoutcomes.tables._words import arm_columns, footnotes, levels, model_analyses, p_of, titled, visit_label

NEEDS = ("subgroups",)
_NAMES = {"estimate": "Difference", "risk_difference": "Risk difference, points", "hazard_ratio": "Hazard ratio"}
_METHODS = {"standardised": "standardised over the covariates", "mantel_haenszel": "Mantel-Haenszel"}


def build(ard: pd.DataFrame) -> Table:
    """For each analysis a line for each column, with the test, then a line for each of its subgroups."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "subgroups")
    rows = ard[ard["analysis"].isin(analyses)]
    arms = arm_columns(labels, match(rows, term=PEOPLE))
    compared = [arm for arm in arms if (rows["term"].str.startswith("contrast") & (rows["arm"] == arm)).any()]
    columns = (*(f"{name}, n" for name in arms.values()), *(f"Estimate ({ci(rows)})", "Interaction p") * len(compared))
    reference = arms.get(labels.text("study", "reference"), "")
    over = tuple(Spanner(f"{arms[arm]} against {reference}", len(arms) + 2 * at, 2) for at, arm in enumerate(compared))
    lines: list[Row] = []
    for analysis in analyses:
        of = match(rows, analysis=analysis)
        lines.append(Row(titled(ard, analysis, _what(of, labels)), heading=True))
        for column in [str(name) for name in dict.fromkeys(of["subgroup"]) if name]:
            lines += _column(match(of, subgroup=column), labels.text("variable", column) or column, list(arms), compared)
        lines.append(END)
    return Table("Subgroups", "", columns, tuple(lines[:-1]), footnotes(__doc__, levels(rows, labels)), spanners=over)


def _what(rows: pd.DataFrame, labels: Labels) -> str:
    """What the estimates are, and at which visit."""
    found = rows[rows["term"].str.startswith("contrast") & rows["statistic"].isin(_NAMES)]
    if not len(found):
        return ""
    name = _NAMES[str(found["statistic"].iloc[0])]
    unit = labels.text("unit", str(found["parameter"].iloc[0])) if name == "Difference" else ""
    said = [name.lower() + (f" ({unit})" if unit else "")]
    said += [_METHODS[method] for method in dict.fromkeys(found["method"]) if method in _METHODS]
    said += [visit_label(labels, visit, found).lower() for visit in dict.fromkeys(found["visit"]) if visit]
    return f": {', '.join(said)}"


def _column(rows: pd.DataFrame, name: str, arms: list[str], compared: list[str]) -> list[Row]:
    """The test on the column's line, then its subgroups; people without a value where there are any."""
    tests: list[str | Cell] = []
    for arm in compared:
        test = match(rows, term=INTERACTION, arm=arm)
        tests += ["", p_of(match(test, statistic="p_value"), *_told(test))]
    lines = [Row(name, (*[""] * len(arms), *tests))]
    for level in [str(level) for level in dict.fromkeys(rows["level"]) if level]:
        own = match(rows, level=level)
        people = [value_of(match(own, term=PEOPLE, arm=arm), "n") for arm in arms]
        if level == NO_VALUE:
            unknown = match(own, term=PEOPLE, arm="")
            if len(unknown) and unknown["value"].iloc[0] != 0:
                lines.append(Row(_INDENT + "No value: left out", (*people, *["", ""] * len(compared))))
            continue
        cells = [cell for arm in compared for cell in (_estimate(own[own["term"].str.startswith("contrast") & (own["arm"] == arm)]), "")]
        lines.append(Row(_INDENT + level[:1].upper() + level[1:], (*people, *cells)))
    return lines


_INDENT = "\N{NO-BREAK SPACE}" * 3


def _estimate(rows: pd.DataFrame) -> str | Cell:
    """Estimate and interval; a dash with its reason where there is none."""
    statistic = next((name for name in _NAMES if (rows["statistic"] == name).any()), "estimate")
    return noted(interval(rows, statistic), *_told(rows[rows["status"] != "ok"]))


def _told(rows: pd.DataFrame) -> list[str]:
    """What the results say of themselves; what is withheld says so in its place."""
    notes = dict.fromkeys(str(note) for note in rows["note"][rows["status"] != "withheld"] if note and not pd.isna(note))
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]
