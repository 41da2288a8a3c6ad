"""Does the answer depend on the model? The same event by each model of it. Hazard ratios of the models differ for reasons other than chance: Cox
regression takes the days of the event and compares people of one stratum; the model of intervals takes what was known at the visits and
compares people of the same site and covariates, which moves a ratio away from 1 though the benefit is the same. Differences in risk and in mean time
are of the population in both, and should agree: by Cox's analysis without adjustment (product-limit), by the model of intervals standardised."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, rounded
from ketaoutcomes.tables._table import Cell, Row, Table
from ketaoutcomes.tables._words import footnotes, levels, model_analyses, p_of, titled

NEEDS = ("cox", "hazard")
_MODELS = {"cox": "Cox regression", "hazard": "model of intervals"}


def build(ard: pd.DataFrame) -> Table:
    """A group for each event and comparison, a line for each analysis of it."""
    labels = Labels.of(ard)
    analyses = model_analyses(labels, *_MODELS)
    rows = ard[ard["analysis"].isin(analyses)]
    ratios = match(rows, term="contrast", statistic="hazard_ratio")
    unit, arms = labels.text("study", "time_unit"), labels.of_kind("arm")
    lines: list[Row] = []
    for (parameter, population, arm), group in ratios.groupby(["parameter", "population", "arm"], sort=False):
        models = {labels.text("model", str(name)) for name in group["analysis"]}
        if len(models) < len(_MODELS):
            continue
        comparator = str(group["comparator"].iloc[0])
        lines.append(Row(f"{labels.text('parameter', str(parameter))}: {arms[str(arm)]} against {arms[comparator]}", heading=True))
        for name in [name for name in analyses if name in set(group["analysis"])]:
            own = match(rows, analysis=name, population=str(population), arm=str(arm))
            lines.append(Row(titled(ard, name, f" ({_MODELS[labels.text('model', name)]})"), _cells(own, unit)))
    columns = ("Hazard ratio", "p", "Risk, percentage points", f"Mean {unit} without")
    nothing = "No event has both a Cox regression and a model of intervals."
    return Table("Does the answer depend on the model?", "", columns, tuple(lines), footnotes(__doc__, levels(rows, labels, named=False)), nothing=nothing)


def _cells(own: pd.DataFrame, unit: str) -> tuple[str | Cell, ...]:
    ratio = match(own, term="contrast")
    mean = match(own, term="restricted mean difference")
    longer = interval(mean, "restricted_mean") + (f" to {mean['day'].iloc[0]:g} {unit}" if len(mean) else "")
    return interval(ratio, "hazard_ratio"), p_of(ratio), _risk(own), longer


def _risk(own: pd.DataFrame) -> str:
    """The risk difference: of Cox's analysis minus the difference in the shares without the event, at its last landmark."""
    risk, shares = match(own, term="contrast: risk difference"), match(own, term="landmark difference")
    if len(risk):
        return f"{interval(risk, 'risk_difference')} at {risk['day'].iloc[0]:g}"
    if not len(shares):
        return ""
    last = match(shares, day=float(shares["day"].max()))
    known = last[last["status"].isin(["ok", "flagged"])].set_index("statistic")["value"].dropna().astype(float).to_dict()
    if not {"risk_difference", "conf_low", "conf_high"} <= set(known):
        return interval(last, "risk_difference")
    point, low, high = (rounded(-known[name], 1) for name in ("risk_difference", "conf_high", "conf_low"))
    return f"{point} ({low} to {high}) at {last['day'].iloc[0]:g}"
