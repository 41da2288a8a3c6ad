"""The main result of a study in one sentence, and what could overturn it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, rounded


@dataclass(frozen=True, slots=True)
class Headline:
    """The primary result in words, its status, and the reason when there is no number."""

    sentence: str
    status: str
    note: str


def headline(ard: pd.DataFrame) -> Headline:
    """The primary analysis' main result. No other analysis may take its place."""
    labels = Labels.of(ard)
    name = labels.text("primary", "analysis")
    rows = match(ard, analysis=name)
    verdict = match(rows, statistic="verdict").iloc[0]
    status, note = str(verdict["text"] or verdict["status"]), str(verdict["note"])
    title = labels.text("analysis", name)
    results = main_rows(ard)
    if status not in {"ok", "flagged"} or not len(results):
        return Headline(f"{title}: not estimable", status if status != "ok" else "not_estimable", note)
    if (results["status"] == "withheld").any() and not results["value"].notna().any():
        return Headline(f"{title}: withheld by disclosure control", "withheld", note)
    return Headline(f"{title}: {_words(results, labels)}", status, note if status == "flagged" else "")


def main_rows(ard: pd.DataFrame) -> pd.DataFrame:
    """The rows of the primary analysis' main contrast, or main LS mean where there is no comparator."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=labels.text("primary", "analysis"))
    visit = labels.text("primary", "visit")
    for term in ("contrast", "contrast: risk difference", "ls_mean", "median"):
        found = match(rows, term=term)
        found = match(found, visit=visit) if visit and (found["visit"] == visit).any() else found
        if len(found):
            first = found.iloc[0]
            return match(found, arm=first["arm"], comparator=first["comparator"], visit=first["visit"], method=first["method"])
    return rows[:0]


def _words(rows: pd.DataFrame, labels: Labels) -> str:
    first = rows.iloc[0]
    arms = labels.of_kind("arm")
    statistic = next(s for s in ("hazard_ratio", "risk_difference", "estimate", "median") if (rows["statistic"] == s).any())
    level = rows["conf_level"].max()
    text = interval(rows, statistic).replace(" (", f" ({100 * level:g} % CI ", 1)
    unit = labels.text("unit", str(first["parameter"])) if statistic == "estimate" else ""
    text = text.replace(" (", f" {unit} (", 1) if unit else text
    name = {"hazard_ratio": "hazard ratio ", "risk_difference": "risk difference, percentage points, ", "median": "median "}.get(statistic, "")
    visits = match(labels.rows, parameter="visit", visit=str(first["visit"]))
    when = f" at {visits['text'].iloc[0]}" if len(visits) and first["visit"] else ""
    if first["comparator"]:
        return f"{arms[first['arm']]} against {arms[first['comparator']]}{when}: {name}{text}"
    return f"mean{when}: {name}{text}"


def missing_sentence(ard: pd.DataFrame) -> str:
    """That no analysis under missing not at random was run, and by how much the unseen would have to differ."""
    labels = Labels.of(ard)
    if labels.text("model", labels.text("primary", "analysis")) in {"cox", "kaplan_meier"}:
        return "No sensitivity analysis was run for follow-up that ended for reasons connected with the event."
    said = "No sensitivity analysis for scores missing not at random was run."
    rows = main_rows(ard)
    delta = match(rows, statistic="delta_to_zero")
    if not len(delta) or pd.isna(delta["value"].iloc[0]):
        return said
    arm = labels.of_kind("arm")[str(delta["arm"].iloc[0])]
    fraction = float(match(rows, statistic="fraction_missing")["value"].iloc[0])
    value = rounded(float(delta["value"].iloc[0]), 1)
    return (
        f"{said} Adding {value} points to each unobserved value of {arm} at that visit ({rounded(100 * fraction, 0)} % of its analysis set) "
        "would move the estimate to zero; it says nothing of the p value and is approximate under covariates."
    )
