"""Checks of the primary mixed model. Left: residuals in tenths of the people by fitted value (mean, and one standard deviation either
side; 0 and 1 are expected). Right: their quantiles against the normal ones (the line is expected). Residuals are in standard
deviations of the model."""

from __future__ import annotations

from functools import partial

import pandas as pd
from plotnine import aes, facet_wrap, geom_abline, geom_hline, geom_linerange, geom_point, ggplot, scale_x_continuous, scale_y_continuous, theme

from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._theme import ACCENT, INK, SOFT, look, ticks, words
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("mmrm|lmm",)
_BINS, _QUANTILES = "Residual against mean fitted value", "Quantile of residuals against normal quantile"


def draw(ard: pd.DataFrame) -> Figure:
    """Two panels for the first mixed model that has checks, the primary analysis first."""
    labels = Labels.of(ard)
    mixed = [name for name, model in labels.of_kind("model").items() if model in {"mmrm", "lmm"}]
    primary = labels.text("primary", "analysis")
    found = [name for name in sorted(mixed, key=lambda name: name != primary) if len(match(ard, analysis=name, term="check: residuals"))]
    if not found:
        return nothing("Model checks", "No mixed model of this study has checks of its residuals.")
    rows = match(ard, analysis=found[0])
    frame = pd.concat([_bins(match(rows, term="check: residuals")), _quantiles(match(rows, term="check: quantiles"))], ignore_index=True)
    title = f"{labels.text('analysis', found[0])}: checks of the model"
    if not frame["y"].notna().any():
        return nothing(title, "The checks stand on few people and are withheld.")
    bins = frame[frame["panel"] == _BINS]
    alt = f"Mean residuals by fitted value lie between {rounded(float(bins['y'].min()), 2)} and {rounded(float(bins['y'].max()), 2)} standard deviations."
    return Figure(title, alt if bins["y"].notna().any() else "Quantiles of residuals.", frame, partial(_plate, frame))


def _bins(rows: pd.DataFrame) -> pd.DataFrame:
    wide = rows.pivot(index="level", columns="statistic", values="value").reindex(columns=["fitted", "mean_residual", "sd_residual"])
    low, high = wide["mean_residual"] - wide["sd_residual"], wide["mean_residual"] + wide["sd_residual"]
    return pd.DataFrame({"panel": _BINS, "x": wide["fitted"], "y": wide["mean_residual"], "low": low, "high": high}).reset_index(drop=True)


def _quantiles(rows: pd.DataFrame) -> pd.DataFrame:
    wide = rows.pivot(index="level", columns="statistic", values="value").reindex(columns=["normal_quantile", "residual_quantile"])
    return pd.DataFrame({"panel": _QUANTILES, "x": wide["normal_quantile"], "y": wide["residual_quantile"]}).reset_index(drop=True)


def _plate(frame: pd.DataFrame, width: float) -> Plate:
    columns = 2 if width > 100 else 1
    frame = frame.assign(panel=pd.Categorical(frame["panel"], [_BINS, _QUANTILES]))
    lines = pd.DataFrame({"panel": pd.Categorical([_BINS] * 3, [_BINS, _QUANTILES]), "at": [-1.0, 0.0, 1.0]})
    slope = pd.DataFrame({"panel": pd.Categorical([_QUANTILES], [_BINS, _QUANTILES]), "slope": [1.0], "intercept": [0.0]})
    said, more = words(width - 14, below="In standard deviations of the model. Bars: one standard deviation of the residuals either side.")
    plot = (
        ggplot(frame.dropna(subset=["x", "y"]), aes("x", "y"))
        + geom_hline(aes(yintercept="at"), data=lines, color=SOFT, linetype="dotted", size=0.4)
        + geom_abline(aes(slope="slope", intercept="intercept"), data=slope, color=SOFT, size=0.4)
        + geom_linerange(aes(ymin="low", ymax="high"), data=frame.dropna(subset=["low", "high"]), color=INK, size=0.6)
        + geom_point(size=2.0, fill=ACCENT, color=INK, stroke=0.4)
        + facet_wrap("panel", scales="free", ncol=columns)
        + scale_x_continuous(labels=ticks)
        + scale_y_continuous(labels=ticks)
        + said
        + look()
        + theme(panel_spacing=0.06)
    )
    return Plate(plot, 62.0 * (3 - columns) + more + 14)
