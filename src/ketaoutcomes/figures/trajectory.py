"""Least-squares means at each visit with their confidence intervals; observed means as a lighter, dotted layer. Below: people
with a value at the visit. Model and adjustment: see the methods."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from plotnine import (
    aes,
    geom_hline,
    geom_line,
    geom_linerange,
    geom_point,
    ggplot,
    scale_color_manual,
    scale_fill_manual,
    scale_shape_manual,
)

from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._text import mm
from ketaoutcomes.figures._theme import INK, arm_colours, arm_fills, arm_marks, arm_names, legend, look, words
from ketaoutcomes.figures._under import Stack, above, left, under
from ketaoutcomes.figures._visits import visit_axis
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, rounded

NEEDS = ("mmrm|lmm",)


def draw(ard: pd.DataFrame) -> Figure:
    """LS means over the visits of the first mixed model that has them, the primary analysis first."""
    labels = Labels.of(ard)
    analysis = _analysis(ard, labels)
    if analysis is None:
        return nothing("Course of the score", "No mixed model of this study gives means by visit, or all of them are withheld.")
    means = _means(match(ard, analysis=analysis, term="ls_mean"), labels)
    means["observed"] = _observed(ard, means, labels)
    title = f"{labels.text('analysis', analysis)}: course over time"
    return Figure(title, _alt(means, labels), means.drop(columns=["panel", "n_text"]), partial(_plate, means, labels))


def _plate(means: pd.DataFrame, labels: Labels, width: float) -> Plate:
    names = list(dict.fromkeys(means["label"]))
    parameter = str(means["parameter"].iloc[0])
    rows = under(means.assign(x=0.0), {"n_text": "n"}, names, width)
    panel = width - left([rows], ["\N{MINUS SIGN}88.8"]) - 4
    axis = visit_axis(means.drop_duplicates("visit"), panel, max(mm(text) for text in means["n_text"]))
    means = _cut(means.assign(x=means["visit"].map(axis.places)))
    rows = under(means[means["x"].isin(axis.counted)], {"n_text": "n"}, names, width)
    guide, shown, tall = legend(names, panel, "color", "fill", "shape")
    said, more = words(panel, above=_measure(labels, parameter), below=" ".join([_reading(means), axis.note]).strip())
    stack = Stack((rows,), 70.0 if width > 100 else 58.0)
    apart = means["label"].map({name: at - (len(names) - 1) / 2 for at, name in enumerate(names)})
    means = means.assign(beside=means["x"] + 0.011 * axis.span * apart)
    plot = (
        ggplot(means, aes("beside", "estimate", color="label"))
        + _zero(labels, parameter)
        + geom_line(aes("x", "observed"), data=means.dropna(subset="observed"), linetype="dotted", size=0.5, alpha=0.8)
        + geom_line(size=0.7, na_rm=True)
        + geom_linerange(aes(ymin="low", ymax="high"), size=0.8, na_rm=True)
        + geom_point(aes(shape="label", fill="label"), size=2.0, stroke=0.7, na_rm=True)
        + scale_color_manual(values=arm_colours(labels), limits=names, labels=shown)
        + scale_fill_manual(values=arm_fills(labels), limits=names, labels=shown)
        + scale_shape_manual(values=arm_marks(labels), limits=names, labels=shown)
        + said
        + look()
        + axis.scale()
        + stack.layers(digits=_tick)
        + guide
    )
    return Plate(plot, stack.height + axis.height + tall + more + 4)


def _analysis(ard: pd.DataFrame, labels: Labels) -> str | None:
    mixed = [name for name, model in labels.of_kind("model").items() if model in {"mmrm", "lmm"}]
    primary = labels.text("primary", "analysis")
    for name in sorted(mixed, key=lambda name: name != primary):
        rows = match(ard, analysis=name, term="ls_mean", statistic="estimate")
        if (rows["visit"] != "").any() and rows["value"].notna().any():
            return name
    return None


def _means(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """One row for each arm and visit, in the order of arms and times."""
    rows = rows[rows["visit"] != ""]
    key = ["parameter", "period", "arm", "visit"]
    wide = rows.pivot(index=key, columns="statistic", values="value").reset_index()
    first = rows[rows["statistic"] == "estimate"][[*key, "n", "status"]]
    wide = wide.merge(first, on=key).assign(conf_level=rows["conf_level"].max(), panel=above(0))
    arms = arm_names(labels)
    visits = labels.visit_rows(set(rows["period"])).set_index("visit")
    wide["label"] = wide["arm"].map(arms)
    wide["time"] = wide["visit"].map(visits["day"]).astype(float)
    wide["visit_label"] = wide["visit"].map(visits["text"])
    wide["n_text"] = wide["n"].map(lambda n: NOTHING if pd.isna(n) else str(int(n)))
    wide["place"] = wide["arm"].map({arm: at for at, arm in enumerate(arms)})
    return wide.sort_values(["place", "time"], ignore_index=True).drop(columns="place")


def _observed(ard: pd.DataFrame, means: pd.DataFrame, labels: Labels) -> pd.Series:
    """Observed means of the same score, where a descriptive analysis has them."""
    parameter = str(means["parameter"].iloc[0])
    statistic = "mean_change" if _is_change(labels, parameter) else "mean"
    described = [name for name, model in labels.of_kind("model").items() if model == "descriptive"]
    rows = match(ard[ard["analysis"].isin(described)], parameter=labels.text("of", parameter), statistic=statistic, subgroup="", term="")
    rows = rows.drop_duplicates(["arm", "visit"])
    together = (rows["arm"] == "").all() and len(set(means["arm"])) == 1
    found = {("" if together else arm, visit): value for arm, visit, value in zip(rows["arm"], rows["visit"], rows["value"], strict=True)}
    return pd.Series(
        [found.get(("" if together else arm, visit), float("nan")) for arm, visit in zip(means["arm"], means["visit"], strict=True)],
        index=means.index,
        dtype=float,
    )


def _cut(means: pd.DataFrame) -> pd.DataFrame:
    """Limits as drawn: those of the hugest intervals, over four times the median width, end with the others."""
    widths = means["conf_high"] - means["conf_low"]
    usual = means[~(widths > 4 * widths.median())]
    low, high = usual[["conf_low", "observed", "estimate"]].min().min(), usual[["conf_high", "observed", "estimate"]].max().max()
    room = 0.04 * (high - low)
    return means.assign(low=means["conf_low"].clip(lower=low - room), high=means["conf_high"].clip(upper=high + room))


def _is_change(labels: Labels, parameter: str) -> bool:
    return labels.text("parameter", parameter).startswith("Change")


def _measure(labels: Labels, parameter: str) -> str:
    return f"{labels.text('parameter', parameter)} ({labels.text('unit', parameter)}; {labels.text('better', parameter)} is better)"


def _reading(means: pd.DataFrame) -> str:
    said = f"Points and bars: least-squares means with {100 * float(means['conf_level'].iloc[0]):g} % confidence intervals."
    dotted = " Dotted: observed means." if means["observed"].notna().any() else ""
    withheld = " A gap or a dash: withheld." if (means["status"] == "withheld").any() else ""
    beyond = (means["low"] > means["conf_low"]) | (means["high"] < means["conf_high"])
    cut = f" Intervals that go on beyond the plot: {', '.join(dict.fromkeys(means.loc[beyond, 'visit_label']))}." if beyond.any() else ""
    return said + dotted + withheld + cut


def _zero(labels: Labels, parameter: str) -> list[Any]:
    zero = pd.DataFrame({"zero": [0.0], "panel": [above(0)]})
    return [geom_hline(aes(yintercept="zero"), data=zero, color=INK, size=0.4)] if _is_change(labels, parameter) else []


def _tick(value: float) -> str:
    return rounded(value, 0 if float(value).is_integer() else 1)


def _alt(means: pd.DataFrame, labels: Labels) -> str:
    last = match(means, time=float(means["time"].max()))
    ends = "; ".join(f"{label} {rounded(value, 1)}" for label, value in zip(last["label"], last["estimate"], strict=True) if pd.notna(value))
    parameter = str(means["parameter"].iloc[0])
    level = f"{100 * float(means['conf_level'].iloc[0]):g} % confidence intervals"
    return f"{labels.text('parameter', parameter)} by visit with {level}. At {last['visit_label'].iloc[0]}: {ends or 'withheld'}."
