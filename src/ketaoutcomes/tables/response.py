"""Response and remission. Met / people counted (%); risk difference in percentage points with Newcombe limits, stratified
(Mantel-Haenszel) or standardised where the analysis says so; risk ratio with log-Wald limits; number needed to treat (NNT; negative: to
harm) with limits only where those of the difference do not hold 0. p of the score test, of the stratified or standardised one, or
of Fisher's exact test where an expected count is below 5. What a missing score means is part of each definition."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analyses, visit_label

NEEDS = ("proportions",)
#: Heading, part of the term, statistic of the rows.
_EFFECTS = (
    ("Risk difference", "risk difference", "risk_difference"),
    ("Risk ratio", "risk ratio", "risk_ratio"),
    ("NNT", "number needed to treat", "number_needed"),
)
#: Where a comparison has several methods the first of these is shown.
_METHODS = ("standardised", "mantel_haenszel", "newcombe", "log_wald", "miettinen_nurminen", "fisher")


def build(ard: pd.DataFrame) -> Table:
    """A group for each definition, a line for each visit."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, "proportions")
    arms = arm_columns(labels, ard[ard["analysis"].isin(analyses)])
    reference = labels.text("study", "reference")
    others = [arm for arm in arms if arm != reference and reference in arms]
    compared = len(match(ard[ard["analysis"].isin(analyses)], statistic="risk_difference")) > 0
    effects = [(arm, effect) for arm in others for effect in _EFFECTS] if compared else []
    columns = [*arms.values(), *(effect[0] + (f", {arms[arm]}" if len(others) > 1 else "") for arm, effect in effects)]
    tests = others if compared else []
    columns += [f"p, {arms[arm]}" if len(others) > 1 else "p" for arm in tests]
    lines: list[Row] = []
    notes: list[str] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(labels.text("analysis", analysis), heading=True))
        notes.append(labels.text("definition", str(rows["parameter"].iloc[0])))
        for visit in dict.fromkeys(match(rows, statistic="n")["visit"]):
            at = match(rows, visit=visit)
            cells = [_share(match(at, arm=arm, term="")) for arm in arms]
            cells += [interval(_first(match(at, arm=arm, term=f"contrast: {e[1]}")), e[2]) for arm, e in effects]
            cells += [_p(match(at, arm=arm, term="contrast: test")) for arm in tests]
            lines.append(Row(visit_label(labels, visit), tuple(cells)))
    definitions = "Definitions: " + "; ".join(dict.fromkeys(notes)) + "."
    return Table("Response and remission", "", tuple(columns), tuple(lines), footnotes(__doc__, definitions))


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    return next((match(rows, method=method) for method in _METHODS if (rows["method"] == method).any()), rows)


def _p(rows: pd.DataFrame) -> str:
    """p of the adjusted, stratified or score test; marked where it is Fisher's."""
    first = _first(rows)
    return value_of(first, "p_value") + (" (Fisher)" if (first["method"] == "fisher").any() else "")


def _share(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'n_events')} / {value_of(rows, 'n')} ({value_of(rows, 'percent')})"
