"""Sites by their precision: each site's deviation from the mean before the model draws it in, against its standard error. Between the
lines 95 % of the sites would lie if sites did not differ. Sites of 7 people or fewer stand together."""

from __future__ import annotations

from functools import partial

import pandas as pd
from plotnine import aes, geom_line, geom_point, geom_vline, ggplot, scale_x_continuous, scale_y_reverse

from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._theme import ACCENT, INK, SOFT, look, ticks, words
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels

NEEDS = ("lmm|glmm|hazard",)
_TITLE = "Sites by their precision"
_Z = 1.959964


def draw(ard: pd.DataFrame) -> Figure:
    """A funnel for the first analysis with random sites."""
    labels = Labels.of(ard)
    rows = ard[ard["term"] == "site deviation"]
    primary = labels.text("primary", "analysis")
    analysis = min(dict.fromkeys(rows["analysis"]), key=lambda name: name != primary, default="")
    wide = match(rows, analysis=analysis).pivot(index="level", columns="statistic", values="value").reindex(columns=["estimate", "std_error"]).dropna()
    if len(wide) < 3:
        return nothing(_TITLE, "Fewer than three sites have a deviation that may be shown: a funnel would tell nothing.")
    outside = int((wide["estimate"].abs() > _Z * wide["std_error"]).sum())
    parameter = str(match(rows, analysis=analysis)["parameter"].iloc[0])
    unit = f", {labels.text('unit', parameter)}" if labels.text("model", analysis) == "lmm" else " on the scale of the model"
    alt = f"Funnel of {len(wide)} sites; {outside} lie outside the lines of 95 %."
    return Figure(_TITLE, alt, wide.reset_index(names="site"), partial(_plate, wide, unit))


def _plate(wide: pd.DataFrame, unit: str, width: float) -> Plate:
    deepest = 1.08 * float(wide["std_error"].max())
    ends = pd.DataFrame([(side * _Z * error, error, side) for side in (-1, 1) for error in (0.0, deepest)], columns=["estimate", "std_error", "side"])
    below = "Down: standard error of the site's deviation (larger: fewer people). Lines: \N{PLUS-MINUS SIGN}1.96 standard errors."
    said, more = words(width - 14, above=f"Deviation of a site from the mean{unit}", below=below)
    plot = (
        ggplot(wide, aes("estimate", "std_error"))
        + geom_vline(xintercept=0, color=INK, size=0.4)
        + geom_line(aes(group="side"), data=ends, color=SOFT, linetype="dashed", size=0.4)
        + geom_point(size=2.4, fill=ACCENT, color=INK, stroke=0.4)
        + scale_x_continuous(labels=ticks)
        + scale_y_reverse(labels=ticks)
        + said
        + look()
    )
    return Plate(plot, (75.0 if width > 100 else 60.0) + more + 10)
