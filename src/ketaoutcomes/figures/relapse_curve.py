"""Share of people without the event over time (product-limit estimate) with its pointwise confidence band. Below: people
at risk, censored and with the event so far."""

from __future__ import annotations

from functools import partial

import pandas as pd
from plotnine import (
    aes,
    geom_ribbon,
    geom_step,
    ggplot,
    scale_color_manual,
    scale_fill_manual,
    scale_linetype_manual,
    scale_x_continuous,
)

from ketaoutcomes.figures import _curves
from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._text import widest
from ketaoutcomes.figures._theme import arm_colours, arm_lines, legend, look, words
from ketaoutcomes.figures._under import Stack, left, thinned, under
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
    rows = match(ard, analysis=analysis, term="curve")
    if not rows["value"].notna().any():
        return nothing(title, "The curve is withheld: a step of it stands on few people or events, and what follows would tell that step.")
    curve = _curves.curve(rows, labels)
    counts = _curves.counts(match(ard, analysis=analysis, term="at risk"), labels, tuple(_KINDS))
    return Figure(title, _alt(ard, analysis, labels), curve.drop(columns="panel"), partial(_plate, curve, counts, labels))


def _plate(curve: pd.DataFrame, counts: pd.DataFrame, labels: Labels, width: float) -> Plate:
    names = [name for name in arm_colours(labels) if name in set(curve["label"])]
    kinds = {column: kind for column, kind in _KINDS.items() if column in counts}
    rows = under(counts, kinds, names, width)
    panel = width - left([rows], ["100 %"]) - 4
    longest = widest([f"{counts['x'].max():g}", *(text for kind in kinds for text in counts[kind])])
    kept = thinned(counts["x"], longest, panel)
    margin = max(0.03, (longest / 2 + 1) / panel)
    rows = under(counts[counts["x"].isin(kept)], kinds, names, width)
    unit = labels.text("study", "time_unit")
    guide, shown, tall = legend(names, panel, "color", "linetype", "fill")
    said, more = words(panel, above="People without the event", below=_reading(curve, counts), x=f"{unit.capitalize()} from the start")
    stack = Stack((rows,), 70.0 if width > 100 else 56.0)
    plot = (
        ggplot(curve, aes("day", "survival", color="label"))
        + geom_ribbon(aes(ymin="conf_low", ymax="conf_high", fill="label"), data=_curves.steps(curve), alpha=0.15, color="none")
        + geom_step(aes(linetype="label"), data=curve.dropna(subset="survival"), size=0.8)
        + scale_color_manual(values=arm_colours(labels), limits=names, labels=shown)
        + scale_fill_manual(values=arm_colours(labels), limits=names, labels=shown)
        + scale_linetype_manual(values=[arm_lines(labels)[name] for name in names], limits=names, labels=shown)
        + scale_x_continuous(breaks=sorted(kept), expand=(margin, 0))
        + said
        + look()
        + stack.layers(hold=[(0, 0.0), (0, 1.0)], fixed=[0.0, 0.25, 0.5, 0.75, 1.0], digits=_percent)
        + guide
    )
    return Plate(plot, stack.height + 6 + tall + more + 4)


def _reading(curve: pd.DataFrame, counts: pd.DataFrame) -> str:
    said = [f"Band: pointwise {100 * float(curve['conf_level'].max()):g} % confidence interval. Censored and events: so far."]
    for name, part in curve.groupby("label", sort=False):
        end = float(part["day"].max())
        if ((counts["label"] == name) & (counts["x"] > end) & (counts["n_at_risk"] != "0")).any():
            said.append(f"{name}: drawn to day {end:g}; the next step stands on few, so it and what follows are withheld.")
    return " ".join([*said, *(["Dash: withheld."] if _curves.withheld(counts) else [])])


def _percent(share: float) -> str:
    return f"{rounded(100 * share, 0)} %"


def _median(row: pd.Series) -> str:
    if row["status"] == "withheld":
        return WITHHELD
    return "not reached" if pd.isna(row["value"]) else rounded(float(row["value"]), 0)


def _alt(ard: pd.DataFrame, analysis: str, labels: Labels) -> str:
    medians = match(ard, analysis=analysis, term="median", statistic="median")
    arms = labels.of_kind("arm")
    said = [f"{arms.get(str(row['arm']), 'all')} {_median(row)}" for _, row in medians.iterrows()]
    return f"Curves of the share without the event. Median time in {labels.text('study', 'time_unit')}: {'; '.join(said)}."
