"""Scores that were expected at a visit and are not there, in per cent of the people expected. Below: missing / expected."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._over_visits import arms_or_all, count, placed, plate
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("descriptive",)
_TITLE = "Missing scores by arm and visit"


def draw(ard: pd.DataFrame) -> Figure:
    """A plot for each score."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "descriptive")
    rows = match(ard, analysis=analysis, subgroup="", term="")
    shares = placed(arms_or_all(match(rows, statistic="percent_missing")), labels)
    if not shares["value"].notna().any():
        return nothing(_TITLE, "No visit expects scores, or every share is withheld.")
    for statistic in ("n_missing", "n_expected"):
        found = match(rows, statistic=statistic)
        values = {tuple(map(str, key)): value for *key, value in found[["parameter", "arm", "visit", "value"]].itertuples(index=False)}
        shares[statistic] = [count(values.get(tuple(map(str, key)), float("nan"))) for key in shares[["parameter", "arm", "visit"]].itertuples(index=False)]
    shares["counted"] = shares["n_missing"] + "/" + shares["n_expected"]
    shares["part"] = [labels.text("parameter", str(name)) for name in shares["parameter"]]
    parts = list(dict.fromkeys(shares["part"]))
    worst = shares.sort_values("value", ascending=False, kind="stable").iloc[0]
    most = "at most" if shares["value"].notna().all() else "among those shown at most"
    alt = f"Missing scores by visit; {most} {rounded(float(worst['value']), 1)} % ({worst['part']}, {worst['label']}, {worst['visit_label']})."
    reading = "Numbers: missing / expected." + (" Dash or gap: withheld." if shares["value"].isna().any() else "")
    make = partial(plate, shares, labels, parts, {"counted": "n"}, measure="Expected scores that are missing, %", reading=reading, floor=[0.0, 20.0])
    return Figure(_TITLE, alt, shares[["part", "label", "visit_label", "time", "value", "n_missing", "n_expected", "status"]], make)
