"""Share of people without the event over time (product-limit estimate) with its pointwise confidence band. Below: people
at risk, censored and with the event so far."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.figures._curves import Curves
from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import WITHHELD, rounded

NEEDS = ("kaplan_meier",)
_KINDS = {"n_at_risk": "At risk", "n_censored": "Censored", "n_events": "Events"}


def draw(ard: pd.DataFrame) -> Figure:
    """The curve of the first Kaplan-Meier analysis."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "kaplan_meier")
    title = labels.text("analysis", analysis)
    curves = Curves.of(ard, analysis, "survival", _KINDS)
    if curves is None:
        return nothing(title, "The curve is withheld: no step of it stands on enough people and events.")

    def plate(width: float) -> Plate:
        reading = f"{curves.reading()} Censored and events: so far."
        return curves.plate(width, title="People without the event", reading=reading, ticks=(0.0, 0.25, 0.5, 0.75, 1.0))

    return Figure(title, _alt(ard, analysis, labels), curves.data, plate)


def _median(row: pd.Series) -> str:
    if row["status"] == "withheld":
        return WITHHELD
    return "not reached" if pd.isna(row["value"]) else rounded(float(row["value"]), 0)


def _alt(ard: pd.DataFrame, analysis: str, labels: Labels) -> str:
    medians = match(ard, analysis=analysis, term="median", statistic="median")
    arms = labels.of_kind("arm")
    said = [f"{arms.get(str(row['arm']), 'all')} {_median(row)}" for _, row in medians.iterrows()]
    return f"Curves of the share without the event. Median time in {labels.text('study', 'time_unit')}: {'; '.join(said)}."
