"""Balance of covariates between the arms: standardised differences before and after weighting. Beyond 0.1 in either direction a
difference is often called notable (Austin, Stat Med 2009;28:3083); that is a habit, not a test."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from plotnine import aes, geom_point, geom_segment, geom_vline, ggplot, scale_fill_manual, scale_shape_manual, scale_x_continuous, scale_y_continuous

from ketaoutcomes.figures import _text
from ketaoutcomes.figures._figure import Figure, Plate, nothing
from ketaoutcomes.figures._theme import ACCENT, FAINT, INK, legend, look, ticks, words
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import rounded

NEEDS = ("weighted",)
_TITLE = "Balance of covariates"
_WHEN = {"before": "Before weighting", "after": "After weighting"}


def draw(ard: pd.DataFrame) -> Figure:
    """A line for each covariate of the first weighted analysis."""
    labels = Labels.of(ard)
    analysis = next(name for name, model in labels.of_kind("model").items() if model == "weighted")
    rows = match(ard, analysis=analysis, statistic="std_difference")
    wide = rows.pivot(index="term", columns="method", values="value").reindex(list(dict.fromkeys(rows["term"])))
    if not len(wide) or not wide.notna().any(axis=None):
        return nothing(_TITLE, "Every standardised difference is withheld or not estimable.")
    wide["covariate"] = [_covariate(str(term), labels) for term in wide.index]
    wide = wide.assign(size=wide["before"].abs()).sort_values("size", ascending=False, kind="stable").reset_index(drop=True)
    said = "; ".join(f"{row.covariate} {_shown(row.before)} before, {_shown(row.after)} after" for row in wide.itertuples())
    return Figure(_TITLE, f"Standardised differences: {said}.", wide[["covariate", "before", "after"]], partial(_plate, wide))


def _covariate(term: str, labels: Labels) -> str:
    name, _, level = term.removeprefix("balance: ").partition(": ")
    return (labels.text("variable", name) or {"base": "Score at baseline"}.get(name, name)) + (f": {level}" if level else "")


def _shown(value: Any) -> str:  # noqa: ANN401 - a cell of a named tuple
    return "withheld" if pd.isna(value) else rounded(float(value), 2)


def _plate(wide: pd.DataFrame, width: float) -> Plate:
    room = 0.42 * width
    names = [_text.wrapped(str(name), room) for name in wide["covariate"]]
    tall = [max(_text.lines(name) * _text.line_mm() + 1.6, 5.2) for name in names]
    places = [-sum(tall[:at]) - tall[at] / 2 for at in range(len(tall))]
    wide = wide.assign(y=places)
    long = wide.melt(id_vars=["covariate", "y"], value_vars=["before", "after"], var_name="when", value_name="value").dropna(subset="value")
    long["when"] = pd.Categorical(long["when"].map(_WHEN), list(_WHEN.values()))
    panel = width - min(room, _text.widest(names)) - 6
    guide, shown, high = legend(list(_WHEN.values()), panel, "shape", "fill")
    said, more = words(panel, above="Standardised difference between the arms", below="Grey lines: \N{PLUS-MINUS SIGN}0.1.")
    plot = (
        ggplot(long, aes("value", "y"))
        + geom_vline(xintercept=[-0.1, 0.1], color=FAINT, size=0.8)
        + geom_vline(xintercept=0, color=INK, size=0.4)
        + geom_segment(aes(x="before", xend="after", yend="y"), data=wide.dropna(subset=["before", "after"]), color=FAINT, size=0.6)
        + geom_point(aes(shape="when", fill="when"), size=2.4, color=INK, stroke=0.4)
        + scale_shape_manual(values=["o", "s"], labels=shown)
        + scale_fill_manual(values=["white", ACCENT], labels=shown)
        + scale_x_continuous(labels=ticks)
        + scale_y_continuous(breaks=places, labels=names, expand=(0, tall[-1] / 2, 0, tall[0] / 2))
        + said
        + look()
        + guide
    )
    return Plate(plot, sum(tall) + high + more + 12)
