"""Cumulative incidence of the event where another event competes with it (Aalen-Johansen) with its pointwise confidence band.
Below: people at risk, with the event and with the competing one so far."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.figures._curves import Curves
from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._theme import arm_names
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import WITHHELD, rounded

NEEDS = ("cumulative_incidence",)
_KINDS = {"n_at_risk": "At risk", "n_events": "Events", "n_competing": "Competing"}


def draw(ard: pd.DataFrame) -> Figure:
    """The curve of the first analysis with competing events."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "cumulative_incidence")
    title = labels.text("analysis", analysis)
    curves = Curves.of(ard, analysis, "incidence", _KINDS)
    if curves is None:
        return nothing(title, "The curve is withheld: no step of it stands on enough people and events.")

    def plate(width: float) -> Plate:
        reading = f"{curves.reading()} Events and competing events: so far."
        return curves.plate(width, title="Cumulative incidence of the event", reading=reading)

    return Figure(title, _alt(ard, analysis, labels), curves.data, plate)


def _alt(ard: pd.DataFrame, analysis: str, labels: Labels) -> str:
    rows = match(ard, analysis=analysis, term="incidence", statistic="incidence")
    last = rows[rows["value"].notna() | (rows["status"] == "withheld")].drop_duplicates("arm", keep="last")
    unit, names = labels.text("study", "time_unit"), arm_names(labels)
    said = [f"{names[str(row['arm'])]}, {row['day']:g} {unit}: {_share(row)}" for _, row in last.iterrows()]
    return f"Curves of the cumulative incidence. {'; '.join(said)}."


def _share(row: pd.Series) -> str:
    return WITHHELD if row["status"] == "withheld" else f"{rounded(100 * float(row['value']), 1)} %"
