"""Each analysis' comparison with the reference arm at its main visit (at every visit where it names none): estimate and
confidence interval; risk differences with Newcombe limits, or stratified or standardised as declared. The square is the primary
analysis, diamonds are subgroups. An arrow: the interval goes on beyond the axis. The line of no effect is 0 for differences and 1
for ratios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from ketaoutcomes.figures import _forest
from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._forest import PRIMARY, Line, Panel
from ketaoutcomes.schema.ard import SIMULTANEOUS, match, shown_first
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of

NEEDS = ("mmrm|lmm|ancova|paired|proportions|glmm|gee|weighted|hazard|cox",)
_DRAWABLE = (*NEEDS[0].split("|"), "subgroups")


@dataclass(frozen=True, slots=True)
class _Kind:
    statistic: str
    heading: str
    none: float
    low: str
    high: str


_KINDS = (
    _Kind("estimate", "Difference", 0.0, "", ""),
    _Kind("risk_difference", "Risk difference, percentage points", 0.0, "less often", "more often"),
    _Kind("hazard_ratio", "Hazard ratio", 1.0, "less often", "more often"),
)


def draw(ard: pd.DataFrame) -> Figure:
    """A panel for each kind of effect and each score, a line for each contrast."""
    labels = Labels.of(ard)
    models = labels.of_kind("model")
    rows = ard[ard["analysis"].isin([name for name, model in models.items() if model in _DRAWABLE])]
    found = [line for kind in _KINDS for line in _lines(rows, labels, kind)]
    if not found:
        return nothing("Comparisons", "This study compares no arms, or every comparison is withheld or not estimable.")
    pairs = dict.fromkeys(line["arms"] for line in found)
    frame = pd.DataFrame(found).drop(columns=["kind", "arms", "analysis"])
    alt = "Comparisons: " + "; ".join(f"{line['heading']}, {line['label']}, {line['pair']}: {line['numbers']}" for line in found) + "."
    panels = [_panel(found, heading, len(pairs) == 1) for heading in dict.fromkeys(line["heading"] for line in found)]
    notes = [f"{_FLAGGED} Flagged: the table of models says why."] if any(_FLAGGED in line["numbers"] for line in found) else []
    joint = dict.fromkeys((labels.text("analysis", line["analysis"]), SIMULTANEOUS[line["method"]]) for line in found if line["method"] in SIMULTANEOUS)
    notes += [f"Simultaneous intervals ({name}): {title}." for title, name in joint]
    return Figure("Comparisons with the reference arm", alt, frame, partial(_forest.plate, panels, " ".join(notes)))


def _panel(found: list[dict[str, Any]], heading: str, one_pair: bool) -> Panel:
    rows = [line for line in found if line["heading"] == heading]
    kind = rows[0]["kind"]
    levels = sorted({row["conf_level"] for row in rows}, reverse=True)
    several = len(levels) > 1
    lines = [
        Line(
            row["role"],
            row["label"] + (f", {100 * row['conf_level']:g} % CI" if several else "") + ("" if one_pair else f"\n{row['pair']}"),
            row["numbers"],
            row["value"],
            row["low"],
            row["high"],
        )
        for row in sorted(rows, key=lambda row: _ROLES.index(row["role"].split(":")[0]))
    ]
    title = f"{heading}: {rows[0]['pair']}" if one_pair else heading
    better = rows[0]["better"]
    low, high = (kind.low, kind.high) if kind.low else _SIDES.get(better, ("lower", "higher"))
    named = f"Estimate ({' or '.join(f'{100 * level:g}' for level in levels)} % CI)"
    return Panel(title, named, tuple(lines), kind.none, low, high)


#: What the sides of no difference mean, by which scores are better; of a score that is neither, only which is lower.
_SIDES = {"lower": ("better", "worse"), "higher": ("worse", "better")}
_FLAGGED = "\N{DAGGER}"
#: The key columns that one contrast's estimate and limits share, besides the day.
_SAME = ("analysis", "population", "parameter", "term", "arm", "comparator", "visit", "method", "subgroup", "level", "period")
_ROLES = (PRIMARY, "Sensitivity analyses", "Other analyses", "Subgroups")


def _lines(ard: pd.DataFrame, labels: Labels, kind: _Kind) -> list[dict[str, Any]]:
    found = ard[ard["term"].str.startswith("contrast") & (ard["statistic"] == kind.statistic) & ard["value"].notna()]
    found = pd.concat([found[:0], *(shown_first(rows) for _, rows in found.groupby("analysis", sort=False))])
    lines: list[dict[str, Any]] = []
    for _, row in found.iterrows():
        analysis = str(row["analysis"])
        main = labels.text("main visit", analysis)
        if main and row["visit"] not in (main, ""):
            continue
        same = match(ard, **{key: str(row[key]) for key in _SAME})
        same = same[same["day"].isna() if pd.isna(row["day"]) else same["day"] == row["day"]]
        lines.append({"kind": kind, **_line(row, same, ard, labels, kind)})
    return lines


def _line(row: pd.Series, same: pd.DataFrame, ard: pd.DataFrame, labels: Labels, kind: _Kind) -> dict[str, Any]:
    analysis, arms = str(row["analysis"]), labels.of_kind("arm")
    visit = labels.at_visit(str(row["visit"]), str(row["period"])).replace(" ", "\N{NO-BREAK SPACE}") if row["visit"] else ""
    limits = dict(zip(same["statistic"], same["value"], strict=True))
    parameter = str(row["parameter"])
    joined = "minus" if kind.none == 0 else "against"
    when = visit or ("" if pd.isna(row["day"]) else f"{labels.text('study', 'time_unit').removesuffix('s')}\N{NO-BREAK SPACE}{row['day']:g}")
    title = str(row["level"]) if row["subgroup"] else labels.text("analysis", analysis) + (f", {when}" if when else "")
    return {
        "heading": f"Difference in {_score(labels, parameter)}" if kind.statistic == "estimate" else kind.heading,
        "role": _role(row, ard, labels),
        "analysis": analysis,
        "method": str(row["method"]),
        "label": title,
        "arms": (row["arm"], row["comparator"]),
        "pair": f"{arms[str(row['arm'])]} {joined} {arms[str(row['comparator'])]}",
        "numbers": interval(same, kind.statistic) + (_FLAGGED if row["status"] == "flagged" else ""),
        "value": float(row["value"]),
        "low": limits.get("conf_low"),
        "high": limits.get("conf_high"),
        "better": labels.text("better", parameter),
        "conf_level": float(same["conf_level"].max()),
    }


def _role(row: pd.Series, ard: pd.DataFrame, labels: Labels) -> str:
    analysis = str(row["analysis"])
    if row["subgroup"]:
        tests = match(ard, analysis=analysis, subgroup=str(row["subgroup"]), term="interaction", arm=str(row["arm"]))
        p = f" (interaction p = {value_of(tests, 'p_value')})" if len(tests) else ""
        return f"Subgroups: {labels.text('variable', str(row['subgroup'])) or row['subgroup']}{p}"
    primary = labels.text("primary", "analysis")
    if analysis == primary:
        return PRIMARY
    return "Sensitivity analyses" if labels.text("sensitivity", analysis) == primary else "Other analyses"


def _score(labels: Labels, parameter: str) -> str:
    """The score a difference is in, with its unit: scores of one instrument share a panel."""
    of = labels.text("of", parameter) or parameter
    unit = labels.text("unit", of) or labels.text("unit", parameter)
    return labels.text("parameter", of) + (f", {unit}" if unit else "")
