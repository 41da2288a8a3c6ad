"""People who met each definition at each visit, as observed, in per cent of those counted. Below: met / counted. What a missing score
means is part of each definition."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._over_visits import arms_or_all, count, placed, plate
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("proportions",)
_TITLE = "Response and remission over time"
_MOST = 6


def draw(ard: pd.DataFrame) -> Figure:
    """A plot for each definition that is counted at more than one visit."""
    labels = Labels.of(ard)
    rows = match(ard[ard["analysis"].isin([name for name, model in labels.of_kind("model").items() if model == "proportions"])], term="")
    shares = placed(arms_or_all(match(rows, statistic="percent")), labels)
    shares = shares[shares.groupby("analysis")["visit"].transform("nunique") > 1]
    if not shares["value"].notna().any():
        return nothing(_TITLE, "No definition is counted at more than one visit, or every share is withheld.")
    for statistic in ("n_events", "n"):
        found = match(rows, statistic=statistic)
        values = {tuple(map(str, key)): value for *key, value in found[["analysis", "arm", "visit", "value"]].itertuples(index=False)}
        shares[statistic] = [count(values.get(tuple(map(str, key)), float("nan"))) for key in shares[["analysis", "arm", "visit"]].itertuples(index=False)]
    shares["counted"] = shares["n_events"] + "/" + shares["n"]
    shares["part"] = [labels.text("analysis", str(name)) for name in shares["analysis"]]
    every = list(dict.fromkeys(shares["part"]))
    parts = every[:_MOST]
    shares = shares[shares["part"].isin(parts)]
    last = shares.dropna(subset="value").drop_duplicates(["part", "label"], keep="last")
    alt = "; ".join(f"{row.part}, {row.label}, {row.visit_label}: {rounded(float(str(row.value)), 1)} % of {row.n}" for row in last.itertuples())
    reading = "Numbers: met / counted." + (" Dash or gap: withheld." if shares["value"].isna().any() else "")
    reading += f" The first {_MOST} of {len(every)} definitions; the table of response has all." if len(every) > _MOST else ""
    make = partial(plate, shares, labels, parts, {"counted": "n"}, measure="People who met the definition, %", reading=reading, floor=[0.0, 50.0])
    return Figure(_TITLE, f"Shares over time. {alt}.", shares[["part", "label", "visit_label", "time", "value", "n_events", "n", "status"]], make)
