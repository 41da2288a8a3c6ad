"""Response and remission. Counted: by the definition; risk difference in percentage points with Newcombe limits, stratified
(Mantel-Haenszel) or standardised where the analysis says so; risk ratio with log-Wald limits; number needed to treat (NNT; negative: to
harm) with limits only where those of the difference do not hold 0. p of the score test, of the stratified or standardised one, or
of Fisher's exact test where an expected count is below 5. What a missing score means is part of each definition."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from ketaoutcomes.tables._table import Cell, Row, Spanner, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, levels, model_analyses, p_of, titled, visit_label

NEEDS = ("proportions",)
#: Heading, part of the term, statistic of the rows.
_EFFECTS = (
    ("Risk difference", "risk difference", "risk_difference"),
    ("Risk ratio", "risk ratio", "risk_ratio"),
    ("NNT", "number needed to treat", "number_needed"),
)
_HEADINGS = (*(heading for heading, _, _ in _EFFECTS), "p")
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
    if compared and len(others) > 1:
        return _long(ard, labels, analyses, arms)
    tests = others if compared else []
    columns = [*arms.values(), *(heading for _ in tests for heading in _HEADINGS)]
    lines: list[Row] = []
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(_title(ard, labels, analysis), heading=True))
        for visit in dict.fromkeys(match(rows, statistic="n")["visit"]):
            at = match(rows, visit=visit)
            cells = [_share(match(at, arm=arm, term="")) for arm in arms]
            lines.append(Row(visit_label(labels, visit, at), (*cells, *(cell for arm in tests for cell in _compared(at, arm)))))
    met = (Spanner("Met / counted (%)", 0, len(arms)),) if arms else ()
    over = tuple(Spanner(f"{arms[arm]} against {arms[reference]}", len(arms) + at * len(_HEADINGS), len(_HEADINGS)) for at, arm in enumerate(tests))
    return Table(
        "Response and remission",
        "",
        tuple(columns),
        tuple(lines),
        footnotes(__doc__, levels(ard[ard["analysis"].isin(analyses)], labels, named=False)),
        spanners=(*met, *over),
    )


def _long(ard: pd.DataFrame, labels: Labels, analyses: list[str], arms: dict[str, str]) -> Table:
    """With several comparisons: a group for each definition and visit, a line for each arm."""
    lines: list[Row] = []
    columns = ("Met / counted (%)", *_HEADINGS)
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        for visit in dict.fromkeys(match(rows, statistic="n")["visit"]):
            at = match(rows, visit=visit)
            lines.append(Row(_title(ard, labels, analysis, f": {visit_label(labels, visit, at).lower()}"), heading=True))
            for arm, name in arms.items():
                compared = (at["term"].str.startswith("contrast") & (at["arm"] == arm)).any()
                lines.append(Row(name, (_share(match(at, arm=arm, term="")), *(_compared(at, arm) if compared else ("",) * len(_HEADINGS)))))
    over = (Spanner(f"Against {arms[labels.text('study', 'reference')]}", 1, len(_HEADINGS)),)
    return Table(
        "Response and remission", "", columns, tuple(lines), footnotes(__doc__, levels(ard[ard["analysis"].isin(analyses)], labels, named=False)), spanners=over
    )


def _compared(at: pd.DataFrame, arm: str) -> tuple[str | Cell, ...]:
    """Difference, ratio, number needed and p of one arm against the reference."""
    effects = (interval(_first(match(at, arm=arm, term=f"contrast: {term}")), statistic) for _, term, statistic in _EFFECTS)
    return (*effects, _p(match(at, arm=arm, term="contrast: test")))


def _title(ard: pd.DataFrame, labels: Labels, analysis: str, more: str = "") -> str | Cell:
    """The analysis, with what its outcome means as a note."""
    words = labels.text("definition", str(match(ard, analysis=analysis)["parameter"].iloc[0]))
    return titled(ard, analysis, more, f"{words}." if words else "")


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    return next((match(rows, method=method) for method in _METHODS if (rows["method"] == method).any()), rows)


def _p(rows: pd.DataFrame) -> str | Cell:
    """p of the adjusted, stratified or score test; marked where it is Fisher's."""
    first = _first(rows)
    return p_of(first, "Fisher's exact test." if (first["method"] == "fisher").any() else "")


def _share(rows: pd.DataFrame) -> str:
    return f"{value_of(rows, 'n_events')} / {value_of(rows, 'n')} ({value_of(rows, 'percent')})"
