"""Each analysis' comparison with the reference arm at its main visit (at every visit where it names none): estimate and
confidence interval; risk differences with Newcombe limits, or stratified
or standardised as declared. The square is the primary analysis. The line of no effect is 0 for differences and 1 for ratios."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import (
    aes,
    element_text,
    facet_wrap,
    geom_point,
    geom_segment,
    geom_vline,
    ggplot,
    labs,
    scale_shape_manual,
    scale_x_continuous,
    scale_y_discrete,
    theme,
)

from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._theme import INK, look
from ketaoutcomes.schema.ard import match, shown_first
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import MINUS, interval

NEEDS = ("mmrm|lmm|ancova|paired|proportions|glmm|gee|weighted|hazard|cox",)


@dataclass(frozen=True, slots=True)
class _Kind:
    statistic: str
    heading: str
    none: float


_KINDS = (
    _Kind("estimate", "Difference in score", 0.0),
    _Kind("risk_difference", "Risk difference, percentage points", 0.0),
    _Kind("hazard_ratio", "Hazard ratio (log scale)", 1.0),
)


def draw(ard: pd.DataFrame) -> Figure:
    """One panel for each kind of effect, one line for each contrast."""
    labels = Labels.of(ard)
    drawable = NEEDS[0].split("|")
    ard = ard[ard["analysis"].isin([name for name, model in labels.of_kind("model").items() if model in drawable])]
    lines = pd.DataFrame([line for kind in _KINDS for line in _lines(ard, labels, kind)])
    if not len(lines):
        return nothing("Comparisons", "This study compares no arms, or every comparison is withheld or not estimable.")
    order = list(dict.fromkeys(lines["line"]))[::-1]
    lines["line"] = pd.Categorical(lines["line"], order)
    lines["heading"] = pd.Categorical(lines["heading"], list(dict.fromkeys(lines["heading"])))
    drawn = lines.assign(**{name: _placed(lines, name) for name in ("value", "low", "high", "none")})
    zero = drawn.drop_duplicates("heading")[["heading", "none"]]
    plot = (
        ggplot(drawn, aes("value", "line"))
        + geom_vline(aes(xintercept="none"), data=zero, color=INK, size=0.4)
        + geom_segment(aes(x="low", xend="high", yend="line"), size=0.8, color=INK)
        + geom_point(aes(shape="primary"), size=2.6, fill="#0072B2", color=INK)
        + facet_wrap("heading", scales="free", ncol=1)
        + scale_shape_manual(values={"yes": "s", "no": "o"}, guide=None)
        + scale_x_continuous(breaks=_breaks, labels=_labels)
        + scale_y_discrete()
        + labs(x="", y="")
        + look()
        + theme(strip_text=element_text(size=9, ha="left", weight="bold"), axis_text_y=element_text(linespacing=1.3, ha="left"))
    )
    height = 14 + 5.5 * sum(1.2 + line.count("\n") for line in order) + 12 * lines["heading"].nunique()
    title = "Comparisons with the reference arm"
    return Figure(plot, title, _alt(lines), lines.astype({"line": str, "heading": str}), height=float(height))


#: Ratios are drawn at their logarithm, moved out here so that the axis of their panel knows itself.
_RATIOS = 1e3
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def _placed(lines: pd.DataFrame, name: str) -> pd.Series:
    ratio = lines["none"] == 1.0
    values = lines[name].astype(float)
    return values.where(~ratio, _RATIOS + np.log(values.where(ratio & (values > 0))))


def _breaks(limits: tuple[float, float]) -> list[float]:
    if limits[0] > _RATIOS / 2:
        ticks = [_RATIOS + math.log(tick) for tick in _TICKS]
        return [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    return [float(value) for value in breaks_extended(n=5)(limits)]


def _labels(breaks: Any) -> list[str]:  # noqa: ANN401 - plotnine's type for labels is private
    values = [math.exp(value - _RATIOS) if value > _RATIOS / 2 else value for value in breaks]
    return [f"{value:.3g}".replace("-", MINUS) for value in values]


def _lines(ard: pd.DataFrame, labels: Labels, kind: _Kind) -> list[dict[str, object]]:
    found = ard[ard["term"].str.startswith("contrast") & (ard["statistic"] == kind.statistic) & ard["value"].notna()]
    found = pd.concat([found[:0], *(shown_first(rows) for _, rows in found.groupby("analysis", sort=False))])
    arms, primary = labels.of_kind("arm"), labels.text("primary", "analysis")
    found_visits = match(labels.rows, parameter="visit")
    visits = dict(zip(found_visits["visit"].astype(str), found_visits["text"].astype(str), strict=True))
    lines: list[dict[str, object]] = []
    for row in found.itertuples():
        same = ard[
            (ard["analysis"] == row.analysis)
            & (ard["term"] == row.term)
            & (ard["arm"] == row.arm)
            & (ard["visit"] == row.visit)
            & (ard["method"] == row.method)
        ]
        main = labels.text("main visit", str(row.analysis))
        if main and row.visit != main:
            continue
        visit = visits.get(str(row.visit), "").replace(" ", "\N{NO-BREAK SPACE}")
        title = labels.text("analysis", str(row.analysis)) + (f", {visit}" if visit else "")
        limits = {str(name): value for name, value in zip(same["statistic"], same["value"], strict=True)}
        pair = f"{arms[str(row.arm)]} against {arms[str(row.comparator)]}"
        numbers = interval(same, kind.statistic)
        lines.append(
            {
                "line": f"{textwrap.fill(title, 44)}\n{textwrap.fill(pair, 44)}\n{numbers}",
                "heading": kind.heading,
                "none": kind.none,
                "primary": "yes" if row.analysis == primary else "no",
                "value": row.value,
                "low": limits.get("conf_low"),
                "high": limits.get("conf_high"),
                "conf_level": same["conf_level"].max(),
            }
        )
    return sorted(lines, key=lambda line: line["primary"] != "yes")


def _alt(lines: pd.DataFrame) -> str:
    return "Comparisons: " + "; ".join(str(line).replace("\n", ", ") for line in lines["line"]) + "."
