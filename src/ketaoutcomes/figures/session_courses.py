"""What was measured at treatment sessions (blood pressure, dissociation and other scales): mean by session of the worst reading after
the dose, as observed. Below: people measured. Who comes to a later session did not stop before it."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._over_visits import arms_or_all, count, placed, plate
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("descriptive",)
_TITLE = "Measures at treatment sessions"


def draw(ard: pd.DataFrame) -> Figure:
    """A plot for each measure with a scale."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "descriptive")
    rows = match(ard, analysis=analysis, subgroup="")
    rows = rows[rows["visit"].str.fullmatch(r"session \d+")]
    scales = [name for name in dict.fromkeys(rows["parameter"]) if labels.text("better", str(name))]
    means = placed(arms_or_all(match(rows[rows["parameter"].isin(scales)], statistic="mean", term="")), labels)
    if not means["value"].notna().any():
        return nothing(_TITLE, "The data hold no measures at sessions, or every mean is withheld.")
    means = means.assign(time=means["day"], visit_label=means["visit"].str.capitalize())
    means["n_text"] = [count(n) for n in means["n"].astype("float64")]
    means["part"] = [_measure(str(name), labels) for name in means["parameter"]]
    parts = list(dict.fromkeys(means["part"]))
    first = means.dropna(subset="value").drop_duplicates(["part", "label"])
    alt = "; ".join(f"{row.part}, {row.label}, {row.visit_label}: {rounded(float(str(row.value)), 1)}" for row in first.itertuples())
    reading = "Numbers: people measured." + (" Dash or gap: withheld." if means["value"].isna().any() else "")
    make = partial(plate, means, labels, parts, {"n_text": "n"}, measure="Mean by session", reading=reading, digits=_tick)
    return Figure(_TITLE, f"Means by session. {alt}.", means[["part", "label", "visit_label", "value", "n", "status"]], make)


def _measure(name: str, labels: Labels) -> str:
    when = " before the session" if name.endswith("_pre") else ""
    return f"{labels.text('parameter', name)}{when} ({labels.text('unit', name)}; {labels.text('better', name)} is better)"


def _tick(value: float) -> str:
    return rounded(value, 0 if float(value).is_integer() else 1)
