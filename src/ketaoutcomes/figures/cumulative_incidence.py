"""Cumulative incidence of the event where another event competes with it (Aalen-Johansen), at the declared times with its intervals.
Below: people without either event are not counted here; the table of competing events has the numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from plotnine import (
    aes,
    geom_line,
    geom_linerange,
    geom_point,
    ggplot,
    scale_color_manual,
    scale_linetype_manual,
    scale_shape_manual,
    scale_x_continuous,
    scale_y_continuous,
)

from ketaoutcomes.figures import _curves
from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._theme import arm_colours, arm_lines, arm_marks, legend, look, words
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("cumulative_incidence",)


def draw(ard: pd.DataFrame) -> Figure:
    """Points and intervals of the first analysis with competing events."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "cumulative_incidence")
    title = labels.text("analysis", analysis)
    rows = match(ard, analysis=analysis, term="incidence")
    if not rows["value"].notna().any():
        return nothing(title, "Every incidence is withheld or not estimable.")
    curve = _curves.curve(rows, labels)
    last = curve.dropna(subset="incidence").drop_duplicates("label", keep="last")
    unit = labels.text("study", "time_unit")
    alt = "; ".join(f"{row.label}, {row.day:g} {unit}: {rounded(100 * float(str(row.incidence)), 1)} %" for row in last.itertuples())
    return Figure(title, f"Cumulative incidence. {alt}.", curve.drop(columns="panel"), partial(_plate, curve, labels))


def _percents(values: Any) -> list[str]:  # noqa: ANN401 - plotnine's type for labels is private
    return [f"{rounded(100 * value, 0)} %" for value in values]


def _plate(curve: pd.DataFrame, labels: Labels, width: float) -> Plate:
    names = list(dict.fromkeys(curve["label"]))
    unit = labels.text("study", "time_unit")
    apart = curve["label"].map({name: at - (len(names) - 1) / 2 for at, name in enumerate(names)})
    seen = curve.assign(beside=curve["day"] + 0.012 * float(curve["day"].max()) * apart).dropna(subset="incidence")
    guide, shown, tall = legend(names, width - 14, "color", "shape", "linetype")
    lacking = " No point: withheld, or nobody is seen so long." if len(seen) < len(curve) else ""
    reading = f"Bars: {100 * float(curve['conf_level'].max()):g} % confidence intervals. Points are joined for the eye.{lacking}"
    said, more = words(width - 14, above="Cumulative incidence of the event", below=reading, x=f"{unit.capitalize()} from the start")
    start = pd.DataFrame({"beside": 0.0, "incidence": 0.0, "label": names})
    plot = (
        ggplot(seen, aes("beside", "incidence", color="label"))
        + geom_line(aes(linetype="label", group="label"), data=pd.concat([start, seen]), size=0.5)
        + geom_linerange(aes(ymin="conf_low", ymax="conf_high"), size=0.8)
        + geom_point(aes(shape="label"), size=2.0)
        + scale_color_manual(values=arm_colours(labels), limits=names, labels=shown)
        + scale_shape_manual(values=arm_marks(labels), limits=names, labels=shown)
        + scale_linetype_manual(values=[arm_lines(labels)[name] for name in names], limits=names, labels=shown)
        + scale_x_continuous(breaks=[0.0, *sorted(set(curve["day"]))])
        + scale_y_continuous(labels=_percents)
        + said
        + look()
        + guide
    )
    return Plate(plot, 70.0 + tall + more + 8)
