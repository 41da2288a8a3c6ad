"""Share of people without the event over time (product-limit estimate) with its pointwise confidence band. Below: people
at risk at the start of each interval, and events so far."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from plotnine import (
    aes,
    facet_grid,
    geom_blank,
    geom_ribbon,
    geom_step,
    geom_text,
    ggplot,
    labs,
    scale_color_manual,
    scale_fill_manual,
    scale_linetype_manual,
    scale_x_continuous,
    scale_y_continuous,
)

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._theme import ROWS, arm_colours, breaks_with_rows, labels_with_rows, look, row_name, wrapped
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("kaplan_meier",)
_LINES = ("solid", "dashed", "dotted", "dashdot")


def draw(ard: pd.DataFrame) -> Figure:
    """The curve of the first Kaplan-Meier analysis."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "kaplan_meier")
    title = labels.text("analysis", analysis)
    rows = match(ard, analysis=analysis, term="curve")
    if not rows["value"].notna().any():
        return nothing(title, "The curve is withheld: a step of it stands on few people or events, and what follows would tell that step.")
    curve = _curve(rows, labels)
    names = [name for name in labels.of_kind("arm").values() if name in set(curve["label"])] or ["All"]
    counts = _counts(match(ard, analysis=analysis, term="at risk"), labels, names)
    row_names = [row_name(kind, name) for name in names for kind in ("at risk", "events")]
    colours = arm_colours(labels)
    unit = labels.text("study", "time_unit")
    plot = (
        ggplot(curve, aes("day", "survival", color="label"))
        + geom_ribbon(aes(ymin="conf_low", ymax="conf_high", fill="label"), data=_steps(curve), alpha=0.15, color="none", show_legend=False)
        + geom_step(aes(linetype="label"), size=0.8)
        + geom_text(aes(y="row", label="count"), data=counts, size=7.5, show_legend=False)
        + geom_blank(aes(y="row"), data=_padding(counts, len(row_names)))
        + facet_grid(rows="panel", scales="free_y", space={"x": [1], "y": [8, 0.6 + 0.55 * len(row_names)]})
        + scale_color_manual(values=colours, limits=names, labels=wrapped(names))
        + scale_fill_manual(values=colours, limits=names, labels=wrapped(names))
        + scale_linetype_manual(values=list(_LINES[: len(names)]), limits=names, labels=wrapped(names))
        + scale_x_continuous(breaks=sorted(set(counts["day"])))
        + scale_y_continuous(breaks=_breaks(row_names), labels=labels_with_rows(row_names, _percent))
        + labs(x=f"{unit.capitalize()} from the start", y="Without the event")
        + look()
    )
    return Figure(plot, title, _alt(ard, analysis, labels, unit), curve.drop(columns="panel"), height=90 + 7 * len(row_names))


def _curve(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    arms = labels.of_kind("arm")
    wide = rows.pivot(index=["arm", "day"], columns="statistic", values="value").reset_index()
    wide["label"] = wide["arm"].replace(arms).replace({"": "All"})
    # where a limit does not exist (no one left at risk) the band ends
    return wide.assign(panel="1").sort_values(["label", "day"], ignore_index=True)


def _steps(curve: pd.DataFrame) -> pd.DataFrame:
    """The band follows the steps: each value holds until the next."""
    parts: list[pd.DataFrame] = []
    for _, part in curve.dropna(subset=["conf_low", "conf_high"]).groupby("label", sort=False):
        held = part.iloc[:-1].assign(day=part["day"].to_numpy()[1:])
        parts.append(pd.concat([part.assign(turn=1), held.assign(turn=0)]).sort_values(["day", "turn"], kind="stable"))
    return pd.concat(parts, ignore_index=True)


def _counts(rows: pd.DataFrame, labels: Labels, names: list[str]) -> pd.DataFrame:
    arms = labels.of_kind("arm")
    rows = rows[rows["statistic"].isin(["n_at_risk", "n_events"])].copy()
    rows["label"] = rows["arm"].replace(arms).replace({"": "All"})
    at = rows["label"].map(names.index) * 2 + (rows["statistic"] == "n_events").astype("int64")
    text = rows["value"].map(lambda value: "\N{EN DASH}" if pd.isna(value) else str(int(value)))
    return rows.assign(panel="2", row=ROWS - at.astype(float), count=text, survival=ROWS - at.astype(float))


def _padding(counts: pd.DataFrame, rows: int) -> pd.DataFrame:
    ends = counts.head(2).copy()
    ends["row"] = [ROWS + 0.6, ROWS - rows + 0.4]
    floor = counts.head(2).assign(panel="1", row=[0.0, 1.0])
    return pd.concat([ends, floor])


def _breaks(names: list[str]) -> Callable[[tuple[float, float]], list[float]]:
    rows = breaks_with_rows(names)

    def breaks(limits: tuple[float, float]) -> list[float]:
        return rows(limits) if limits[0] > ROWS / 2 else [0.0, 0.25, 0.5, 0.75, 1.0]

    return breaks


def _percent(share: float) -> str:
    return f"{rounded(100 * share, 0)} %"


def _alt(ard: pd.DataFrame, analysis: str, labels: Labels, unit: str) -> str:
    medians = match(ard, analysis=analysis, term="median", statistic="median")
    arms = labels.of_kind("arm")
    said = [
        f"{arms.get(arm, 'all')} {'not reached' if pd.isna(value) else rounded(value, 0)}" for arm, value in zip(medians["arm"], medians["value"], strict=True)
    ]
    return f"Curves of the share without the event. Median time in {unit}: {'; '.join(said)}."
