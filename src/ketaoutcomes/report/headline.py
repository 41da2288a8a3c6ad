"""The main result of a study in one sentence, and what could overturn it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ketaoutcomes.schema.ard import SIMULTANEOUS, match, shown_first
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, WITHHELD, ci, interval, rounded, shown


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
    results = main_results(ard)
    if status not in {"ok", "flagged"} or not results:
        return Headline(f"{title}: not estimable", status if status not in {"ok", "flagged"} else "not_estimable", note)
    if not any(rows["value"].notna().any() for rows in results):
        hidden = any((rows["status"] == "withheld").any() for rows in results)
        words = "withheld by disclosure control" if hidden else "not reached" if (results[0]["term"] == "median").any() else "not estimable"
        return Headline(f"{title}: {words}", "withheld" if hidden else status, note)
    return Headline(f"{title}: {'; '.join(_words(rows, labels) for rows in results)}", status, note if status == "flagged" else "")


def main_results(ard: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each main contrast of the primary analysis, or of its main means where there is no comparator.

    Only the declared visit counts: no other may stand in for it. A course at declared times has a result at each.
    """
    labels = Labels.of(ard)
    rows = match(ard, analysis=labels.text("primary", "analysis"))
    visit = labels.text("primary", "visit")
    for term in ("contrast", "contrast: risk difference", "ls_mean", "median"):
        found = match(rows, term=term)
        found = found[found["visit"].isin([visit, ""]) | (visit == "")]
        found = shown_first(found)
        if len(found):
            first = match(found, visit=str(found["visit"].iloc[0]))
            return [rows for _, rows in first.groupby(["arm", "comparator", "day"], sort=False, dropna=False)]
    return []


def _words(rows: pd.DataFrame, labels: Labels) -> str:
    first = rows.iloc[0]
    arms = labels.of_kind("arm")
    statistic = next(s for s in ("hazard_ratio", "risk_difference", "estimate", "median") if (rows["statistic"] == s).any())
    named = "simultaneous " if first["method"] in SIMULTANEOUS else ""
    text = interval(rows, statistic).replace(" (", f" ({named}{ci(rows)} ", 1)
    unit = labels.text("unit", str(first["parameter"])) if statistic == "estimate" else ""
    unit = labels.text("study", "time_unit") if statistic == "median" else unit
    text = text.replace(" (", f" {unit} (", 1) if unit else text
    name = {"hazard_ratio": "hazard ratio ", "risk_difference": "risk difference, percentage points, ", "median": "median "}.get(statistic, "")
    visit = labels.at_visit(str(first["visit"]), str(first["period"])) if first["visit"] else ""
    when = f" at {visit}" if visit else ""
    when = when or ("" if pd.isna(first["day"]) else f" at {labels.text('study', 'time_unit').removesuffix('s')} {first['day']:g}")
    if first["comparator"]:
        return f"{arms[first['arm']]} against {arms[first['comparator']]}{when}: {name}{text}"
    who = f"{arms[first['arm']]}, " if len(arms) > 1 and first["arm"] else ""
    return f"{who}{name or f'mean{when}: '}{text}"


_DESIGNS = {
    "single_arm": (
        "One arm, no comparator: a change here holds regression to the mean, expectation, other care and the passing of time "
        "as well as whatever the treatment did."
    ),
    "observational": "Nobody was randomised: differences may come from who was given which treatment.",
}


def design_sentence(ard: pd.DataFrame) -> str:
    """What the design cannot tell; empty for a randomised one."""
    return _DESIGNS.get(Labels.of(ard).text("study", "design"), "")


def seen_sentence(ard: pd.DataFrame) -> str:
    """How many of the analysis set have a score at the main visit; empty where there is none."""
    labels = Labels.of(ard)
    rows = match(ard, analysis=labels.text("primary", "analysis"), term="ls_mean", visit=labels.text("primary", "visit"))
    arms = labels.of_kind("arm")
    said: list[str] = []
    for _, row in match(rows, statistic="n_expected").iterrows():
        n = match(rows, arm=str(row["arm"]), statistic="estimate")["n"]
        expected = shown(row)
        if len(n) and pd.notna(n.iloc[0]) and expected not in (WITHHELD, NOTHING):
            said.append(f"{arms.get(str(row['arm']), 'all')} {n.iloc[0]} of {expected}")
    return f"With a score there: {', '.join(said)} in the analysis set." if said else ""


def missing_sentence(ard: pd.DataFrame) -> str:
    """That no analysis under missing not at random was run, and by how much the unseen would have to differ."""
    labels = Labels.of(ard)
    if labels.text("model", labels.text("primary", "analysis")) in {"cox", "hazard", "kaplan_meier"}:
        return "No sensitivity analysis was run for follow-up that ended for reasons connected with the event."
    said = "No sensitivity analysis for scores missing not at random was run."
    shifts = [words for rows in main_results(ard) if (words := _shift(rows, labels))]
    more = " That moves the estimate, not the p value, and is approximate under covariates." if shifts else ""
    return " ".join([said, *shifts]) + more


def _shift(rows: pd.DataFrame, labels: Labels) -> str:
    delta = match(rows, statistic="delta_to_zero")
    if not len(delta) or pd.isna(delta["value"].iloc[0]):
        return ""
    arm = labels.of_kind("arm")[str(delta["arm"].iloc[0])]
    fraction = match(rows, statistic="fraction_missing")["value"]
    share = f" ({rounded(100 * float(fraction.iloc[0]), 0)} % of its analysis set)" if fraction.notna().any() else ""
    value = rounded(float(delta["value"].iloc[0]), 1)
    return f"Adding {value} points to each unobserved value of {arm} at that visit{share} would bring the estimate to zero."
