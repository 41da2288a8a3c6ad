"""Mean change from baseline by cumulative exposure, as observed. Below: people. The bands are not comparable groups: who received more
did well enough, or badly enough, to go on."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._over_visits import arms_or_all, count, placed, plate
from ketaoutcomes.figures._theme import arm_names
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("exposure",)


def draw(ard: pd.DataFrame) -> Figure:
    """Bands of the first analysis of exposure, from least to most."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "exposure")
    title = labels.text("analysis", analysis)
    rows = match(ard, analysis=analysis)
    bands = [str(band) for band in dict.fromkeys(rows["term"]) if band]
    means = arms_or_all(match(rows[rows["term"] != ""], statistic="mean_change"))
    if not means["value"].notna().any():
        return nothing(title, "Every mean by exposure is withheld or not estimable.")
    means = placed(means, labels).assign(part=title)
    order = {band: float(at) for at, band in enumerate(bands)}
    arms = {name: at for at, name in enumerate(arm_names(labels).values())}
    means = means.assign(visit=means["term"], visit_label=means["term"].str.capitalize(), time=means["term"].map(order), place=means["label"].map(arms))
    means = means.sort_values(["place", "time"], kind="stable", ignore_index=True)
    means["n_text"] = [count(n) for n in means["n"].astype("float64")]
    parameter = str(means["parameter"].iloc[0])
    measure = f"Mean change of {labels.text('parameter', parameter)} ({labels.text('unit', parameter)}; {labels.text('better', parameter)} is better)"
    alt = "; ".join(f"{row.visit_label}, {row.label}: {rounded(float(str(row.value)), 1)}" for row in means.dropna(subset="value").itertuples())
    reading = "Numbers: people." + (" Dash or gap: withheld." if means["value"].isna().any() else "")
    make = partial(plate, means, labels, [title], {"n_text": "n"}, measure=measure, reading=reading, digits=_tick)
    return Figure(title, f"{measure}. {alt}.", means[["label", "visit_label", "value", "n", "status"]], make)


def _tick(value: float) -> str:
    return rounded(value, 0 if float(value).is_integer() else 1)
