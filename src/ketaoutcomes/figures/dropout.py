"""People with no score at a visit or any later one, in per cent of those expected. Below: how many. A score that is missing between two
others does not count here."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._over_visits import arms_or_all, count, placed, plate
from ketaoutcomes.schema.ard import GONE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("descriptive",)
_TITLE = "People whose scores had ended, by arm and visit"


def draw(ard: pd.DataFrame) -> Figure:
    """A plot for each score."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "descriptive")
    shares = placed(arms_or_all(match(ard, analysis=analysis, term=GONE, statistic="percent")), labels)
    if not shares["value"].notna().any():
        return nothing(_TITLE, "No visit expects scores, or every share is withheld.")
    shares["counted"] = [f"{count(events)}/{count(n)}" for events, n in zip(shares["events"].astype("float64"), shares["n"].astype("float64"), strict=True)]
    shares["part"] = [labels.text("parameter", str(name)) for name in shares["parameter"]]
    parts = list(dict.fromkeys(shares["part"]))
    last = shares.dropna(subset="value").drop_duplicates(["part", "label"], keep="last")
    alt = "; ".join(f"{row.part}, {row.label}, {row.visit_label}: {rounded(float(str(row.value)), 1)} %" for row in last.itertuples())
    reading = "Numbers: with no later score / expected." + (" Dash or gap: withheld." if shares["value"].isna().any() else "")
    make = partial(plate, shares, labels, parts, {"counted": "n"}, measure="People whose scores had ended, %", reading=reading, floor=[0.0, 20.0])
    return Figure(_TITLE, f"{_TITLE}. {alt}.", shares[["part", "label", "visit_label", "time", "value", "events", "n", "status"]], make)
