"""Weighted comparisons. The difference as it was seen and by the weights; how alike the arms were in what was measured, as standardised
differences before and after weighting (beyond 0.1 is commonly called imbalance); people within the range of propensities of the other arm; the
weights. The E-value is context: how strongly, as a risk ratio, something unmeasured would have to go along with both the arm and the outcome to
explain the difference away. It does not say that nothing does."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import ci, interval, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import arm_columns, footnotes, model_analyses, p_of, titled

NEEDS = ("weighted",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each analysis: differences, E-values, balance, overlap, weights."""
    labels = Labels.of(ard)
    lines: list[Row] = []
    analyses = model_analyses(labels, "weighted")
    for analysis in analyses:
        rows = match(ard, analysis=analysis)
        lines.append(Row(titled(ard, analysis), heading=True))
        lines += _differences(rows)
        lines += _balance(rows)
        lines += _weights(rows, labels)
    return Table("Weighted comparisons", "", ("Before or unweighted", "After or weighted"), tuple(lines), footnotes(__doc__))


def _differences(rows: pd.DataFrame) -> Iterator[Row]:
    risks = match(rows, term="contrast: risk difference")
    found, statistic, name = (
        (risks, "risk_difference", "Risk difference, percentage points") if len(risks) else (match(rows, term="contrast"), "estimate", "Difference")
    )
    crude = found["method"] == "crude"
    if (found["statistic"] == statistic).any():
        yield Row(f"{name} ({ci(found)})", (interval(found[crude], statistic), interval(found[~crude], statistic)))
        yield Row("p", (p_of(found[crude]), p_of(found[~crude])))
    for term in ("E-value: estimate", "E-value: limit nearer to no difference"):
        own = match(rows, term=term)
        if len(own):
            yield Row(term, ("", value_of(own, "e_value")))


def _balance(rows: pd.DataFrame) -> Iterator[Row]:
    for term in dict.fromkeys(match(rows, statistic="std_difference")["term"]):
        own = match(rows, term=str(term))
        before, after = (value_of(match(own, method=method), "std_difference") for method in ("before", "after"))
        yield Row(f"Standardised difference, {str(term).removeprefix('balance: ').replace('_', ' ')}", (before, after))


def _weights(rows: pd.DataFrame, labels: Labels) -> Iterator[Row]:
    for arm, name in arm_columns(labels, match(rows, term="weights")).items():
        overlap, own = match(rows, term="overlap", arm=arm), match(rows, term="weights", arm=arm)
        yield Row(f"{name}: within the others' propensities", (f"{value_of(overlap, 'n_events')} ({value_of(overlap, 'percent')} %)", ""))
        extremes = f"{value_of(own, 'minimum')} to {value_of(own, 'maximum')}"
        yield Row(f"{name}: weights, mean (SD), range", ("", f"{value_of(own, 'mean')} ({value_of(own, 'sd')}), {extremes}"))
        yield Row(f"{name}: effective sample size", (_people(own), value_of(own, "effective_n")))
    trimmed = match(rows, term="weights set to a quantile")
    if len(trimmed):
        yield Row("Weights set to a quantile", ("", value_of(trimmed, "n_events")))


def _people(rows: pd.DataFrame) -> str:
    n = match(rows, statistic="mean")["n"]
    return "" if not len(n) or pd.isna(n.iloc[0]) else f"{n.iloc[0]}"
