"""Least-squares means with their confidence intervals at each visit (points and bars); observed means as thin dotted
lines. Below: people with a value at the visit. Model and adjustment: see the methods."""

from __future__ import annotations

from typing import Any

import pandas as pd
from plotnine import (
    aes,
    facet_grid,
    geom_blank,
    geom_hline,
    geom_line,
    geom_linerange,
    geom_point,
    geom_text,
    ggplot,
    labs,
    position_dodge,
    scale_color_manual,
    scale_shape_manual,
    scale_x_continuous,
    scale_y_continuous,
)

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._theme import INK, ROWS, arm_colours, breaks_with_rows, labels_with_rows, look, row_name, wrapped
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("mmrm|lmm",)
_SHAPES = ("o", "s", "^", "D", "v", "P")


def draw(ard: pd.DataFrame) -> Figure:
    """LS means over the visits of the first mixed model that has them, the primary analysis first."""
    labels = Labels.of(ard)
    analysis = _analysis(ard, labels)
    if analysis is None:
        return nothing("Course of the score", "No mixed model of this study gives means by visit, or all of them are withheld.")
    means = _wide(match(ard, analysis=analysis, term="ls_mean"), labels)
    observed = _observed(ard, means, labels)
    counts = _counts(means)
    names = list(dict.fromkeys(means["label"]))
    colours = arm_colours(labels)
    row_names = [row_name("n", name) for name in names]
    parameter = str(means["parameter"].iloc[0])
    level = f"{100 * float(means['conf_level'].iloc[0]):g} % confidence intervals"
    dodge = position_dodge(width=0.018 * float(means["time"].max() - means["time"].min() or 1) * (len(names) > 1))
    plot = (
        ggplot(means, aes("time", "estimate", color="label"))
        + _zero(labels, parameter)
        + geom_line(aes(y="observed"), data=observed, linetype="dotted", size=0.5, na_rm=True)
        + geom_line(aes(group="label"), position=dodge, size=0.7)
        + geom_linerange(aes(ymin="conf_low", ymax="conf_high"), position=dodge, size=0.8)
        + geom_point(aes(shape="label"), position=dodge, size=2.2)
        + geom_text(aes(y="row", label="n_text"), data=counts, size=7.5, show_legend=False)
        + geom_blank(aes(y="row"), data=_padding(counts, len(names)))
        + facet_grid(rows="panel", scales="free_y", space={"x": [1], "y": [8, 0.6 + 0.55 * len(names)]})
        + scale_color_manual(values=colours, limits=names, labels=wrapped(names))
        + scale_shape_manual(values=list(_SHAPES[: len(names)]), limits=names, labels=wrapped(names))
        + scale_x_continuous(breaks=sorted(set(means["time"])), labels=_visit_labels(means))
        + scale_y_continuous(breaks=breaks_with_rows(row_names), labels=labels_with_rows(row_names, lambda v: rounded(v, 0)))
        + labs(x="", y=f"{labels.text('parameter', parameter)} ({labels.text('unit', parameter)}; {labels.text('better', parameter)} is better)")
        + look()
    )
    title = f"{labels.text('analysis', analysis)}: course over time"
    return Figure(plot, title, _alt(means, labels, parameter, level), means.drop(columns="panel"), height=105)


def _analysis(ard: pd.DataFrame, labels: Labels) -> str | None:
    mixed = [name for name, model in labels.of_kind("model").items() if model in {"mmrm", "lmm"}]
    primary = labels.text("primary", "analysis")
    for name in sorted(mixed, key=lambda name: name != primary):
        rows = match(ard, analysis=name, term="ls_mean", statistic="estimate")
        if (rows["visit"] != "").any() and rows["value"].notna().any():
            return name
    return None


def _wide(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    rows = rows[rows["visit"] != ""]
    key = ["parameter", "period", "arm", "visit"]
    wide = rows.pivot(index=key, columns="statistic", values="value").reset_index()
    first = rows[rows["statistic"] == "estimate"][[*key, "n"]]
    wide = wide.merge(first, on=key).assign(conf_level=rows["conf_level"].max(), panel="1")
    arms = labels.of_kind("arm")
    only = next(iter(arms.values())) if len(arms) == 1 else "All"
    visits = labels.rows[labels.rows["parameter"] == "visit"].drop_duplicates(["visit"]).set_index("visit")
    wide["label"] = wide["arm"].replace({**arms, "": only})
    wide["time"] = wide["visit"].map(visits["day"]).astype(float)
    wide["visit_label"] = wide["visit"].map(visits["text"])
    order = {name: at for at, name in enumerate(arms.values())}
    wide["place"] = wide["label"].map(order).fillna(0)
    return wide.sort_values(["place", "time"], ignore_index=True)


def _observed(ard: pd.DataFrame, means: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Observed means of the same score, where a descriptive analysis has them."""
    parameter = str(means["parameter"].iloc[0])
    statistic = "mean_change" if labels.text("parameter", parameter).startswith("Change") else "mean"
    rows = match(ard, parameter=labels.text("of", parameter), statistic=statistic).rename(columns={"value": "observed"})
    rows = rows.drop_duplicates(["period", "arm", "visit"])
    key = ["visit"] if (rows["arm"] == "").all() and len(set(means["arm"])) == 1 else ["arm", "visit"]
    merged = means[["arm", "visit", "time", "label", "panel"]].merge(rows[[*key, "observed"]].drop_duplicates(key), on=key, how="left")
    return merged.assign(estimate=merged["observed"])


def _counts(means: pd.DataFrame) -> pd.DataFrame:
    names = list(dict.fromkeys(means["label"]))
    row = means["label"].map({name: ROWS - at for at, name in enumerate(names)})
    text = means["n"].map(lambda n: "\N{EN DASH}" if pd.isna(n) else str(int(n)))
    return means.assign(panel="2", row=row.astype(float), n_text=text, estimate=row.astype(float))


def _padding(counts: pd.DataFrame, rows: int) -> pd.DataFrame:
    ends = counts.head(2).copy()
    ends["row"] = [ROWS + 0.6, ROWS - rows + 0.4]
    return ends


def _zero(labels: Labels, parameter: str) -> Any:  # noqa: ANN401 - a layer, or none
    change = labels.text("parameter", parameter).startswith("Change")
    return [geom_hline(aes(yintercept="zero"), data=pd.DataFrame({"zero": [0.0], "panel": ["1"]}), color=INK, size=0.4)] if change else []


def _visit_labels(means: pd.DataFrame) -> list[str]:
    found = means.drop_duplicates("time").sort_values("time")
    return [str(label) for label in found["visit_label"]]


def _alt(means: pd.DataFrame, labels: Labels, parameter: str, level: str) -> str:
    last = match(means, time=float(means["time"].max()))
    ends = "; ".join(f"{label} {rounded(value, 1)}" for label, value in zip(last["label"], last["estimate"], strict=True) if pd.notna(value))
    visit = str(last["visit_label"].iloc[0])
    return f"{labels.text('parameter', parameter)} by visit with {level}. At {visit}: {ends or 'withheld'}."
