"""Differences between sites: each site's difference from the mean as the model predicts it, with its interval given the model; drawn
towards the mean the fewer people a site has. Sites stand under codes; those of 7 people or fewer stand together."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ketaoutcomes.figures import _forest
from ketaoutcomes.figures._figure import Figure, nothing
from ketaoutcomes.figures._forest import Line, Panel
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of

NEEDS = ("lmm|glmm|hazard",)
_TITLE = "Differences between sites"


def draw(ard: pd.DataFrame) -> Figure:
    """A line for each site of the first analysis with random sites."""
    labels = Labels.of(ard)
    found = ard[ard["term"] == "site effect"]
    if not found["value"].notna().any():
        return nothing(_TITLE, "No analysis has a random effect of sites, or every one is withheld.")
    primary = labels.text("primary", "analysis")
    analysis = min(dict.fromkeys(found["analysis"]), key=lambda name: name != primary)
    rows = match(found, analysis=analysis)
    lines = [_line(match(rows, level=level), str(level)) for level in dict.fromkeys(rows["level"])]
    shown = [line for line in lines if line is not None]
    spread = match(ard, analysis=analysis, term="site")
    parameter = str(rows["parameter"].iloc[0])
    scale = f", {labels.text('unit', parameter)}" if labels.text("model", analysis) == "lmm" else " on the scale of the model"
    heading = f"Difference from the mean of sites{scale}: {labels.text('analysis', analysis)}"
    level = rows["conf_level"].max()
    panel = Panel(heading, f"Predicted ({100 * level:g} % CI)" if pd.notna(level) else "Predicted", tuple(shown), 0.0, *_sides(labels, analysis, parameter))
    note = f"Standard deviation between {value_of(spread, 'n_sites')} sites: {value_of(spread, 'sd_between')}."
    alt = f"{heading}. {note} " + "; ".join(f"{line.label} {line.numbers}" for line in shown) + "."
    frame = pd.DataFrame([{"site": line.label, "numbers": line.numbers, "value": line.value, "low": line.low, "high": line.high} for line in shown])
    return Figure(_TITLE, alt, frame, partial(_forest.plate, [panel], note))


def _line(rows: pd.DataFrame, level: str) -> Line | None:
    values = dict(zip(rows["statistic"], rows["value"], strict=True))
    if pd.isna(values.get("estimate")):
        return None
    together = match(rows, statistic="n_sites")
    name = f"{value_of(rows, 'n_sites')} {level}" if len(together) else level.capitalize()
    return Line("Other analyses", name, interval(rows), float(values["estimate"]), values.get("conf_low"), values.get("conf_high"))


def _sides(labels: Labels, analysis: str, parameter: str) -> tuple[str, str]:
    """What the sides mean: of a score, better and worse; of an event or a response, how often, whichever direction of the score is better."""
    if labels.text("model", analysis) != "lmm":
        return "less often", "more often"
    better = labels.text("better", parameter)
    return ("better", "worse") if better == "lower" else ("worse", "better") if better == "higher" else ("lower", "higher")
