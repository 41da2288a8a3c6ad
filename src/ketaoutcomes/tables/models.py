"""Models and their proof. Everything a model of this study estimated beside its main results; the gradient norm is zero
at the optimum."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import BESIDE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, shown, value_of
from ketaoutcomes.tables._table import Row, Table
from ketaoutcomes.tables._words import footnotes, model_analyses, visit_label

NEEDS = ("mmrm|lmm|ancova|cox|glmm|gee|hazard|weighted|association",)


def build(ard: pd.DataFrame) -> Table:
    """A group for each model: people, likelihood, verdict, coefficients."""
    labels = Labels.of(ard)
    lines: list[Row] = []
    for analysis in model_analyses(labels, *NEEDS[0].split("|")):
        rows = match(ard, analysis=analysis)
        lines.append(Row(f"{labels.text('analysis', analysis)} ({labels.text('model', analysis).replace('_', ' ')})", heading=True))
        lines += _fit(rows)
        lines += _coefficients(match(rows, method=""))
        lines += _beside(rows, labels)
    return Table("Models and their proof", "", ("Estimate", "SE", "df", "p"), tuple(lines), footnotes(__doc__))


_VARIANCES = {
    "variance": "Variance",
    "median_ratio": "Median ratio of two",
    "icc": "Intraclass correlation",
    "correlation": "Correlation",
    "slope_variance": "Variance",
    "slope_covariance": "Covariance",
}


def _fit(rows: pd.DataFrame) -> list[Row]:
    verdict = match(rows, statistic="verdict").iloc[0]
    fit = match(rows, term="fit")
    values = {"Participants": value_of(fit, "n"), "Values": value_of(fit, "n_rows"), "Log-likelihood": value_of(fit, "loglik")}
    lines = [Row(name, (text, "", "", "")) for name, text in values.items() if text != NOTHING]
    lines += [
        Row(f"{_VARIANCES[str(row.statistic)]}, {row.visit or row.term}", (value_of(rows[rows.index == row.Index], str(row.statistic)), "", "", ""))
        for row in rows[rows["statistic"].isin(_VARIANCES)].itertuples()
    ]
    left = rows[rows["term"].str.startswith("left out") & (rows["value"] != 0)]
    lines += [Row(str(row["term"]).capitalize(), (shown(row), "", "", "")) for _, row in left.iterrows()]
    return [Row(f"Verdict: {verdict['text'].replace('_', ' ')}; {verdict['note']}", ("", "", "", "")), *lines]


#: Results that other tables show.
_RESULTS = {"ls_mean", "contrast", "contrast: risk difference", "risk", "restricted mean difference", "site effect", "site deviation"}


def _coefficients(rows: pd.DataFrame) -> list[Row]:
    found = match(rows, statistic="std_error")
    lines: list[Row] = []
    for term in dict.fromkeys(found["term"]):
        if term not in _RESULTS and not term.startswith("association: "):
            same = match(rows, term=term)
            lines.append(Row(term, tuple(value_of(same, statistic) for statistic in ("estimate", "std_error", "df", "p_value"))))
    return lines


_NAMES = {"model": "errors from the model", "cr2": "sandwich errors CR2", "crude": "as seen, without weights"}


def _beside(rows: pd.DataFrame, labels: Labels) -> list[Row]:
    """Contrasts with the errors that were not declared, where the covariance is simpler than unstructured, or without weights."""
    found = rows[rows["method"].isin(BESIDE) & (rows["statistic"] == "std_error")]
    arms = labels.of_kind("arm")
    lines: list[Row] = []
    for row in found.itertuples():
        same = match(rows, term=str(row.term), arm=str(row.arm), comparator=str(row.comparator), visit=str(row.visit), method=str(row.method))
        name = f"{arms[str(row.arm)]} minus {arms[str(row.comparator)]}, {visit_label(labels, str(row.visit), same)}, {_NAMES[str(row.method)]}"
        lines.append(Row(name, tuple(value_of(same, statistic) for statistic in ("estimate", "std_error", "df", "p_value"))))
    return lines
