"""Sentences for a manuscript, each number the string that the displays print."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from ketaoutcomes.report.headline import design_sentence, headline, missing_sentence, seen_sentence
from ketaoutcomes.schema.ard import ANY_EVENT, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, ci, interval, value_of

#: Methods of a risk difference in the order displays choose them.
_METHODS = ("standardised", "mantel_haenszel", "newcombe")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: where in a paper it belongs, the analysis it is of (empty: the study), its words."""

    section: str
    analysis: str
    text: str


def sentences(ard: pd.DataFrame) -> list[dict[str, Any]]:
    """Sentences for methods and results, in the order of a paper; nothing is said that the ARD does not hold."""
    labels = Labels.of(ard)
    primary = labels.text("primary", "analysis")
    main = headline(ard)
    found = [
        *(Sentence("methods", str(row["analysis"]), str(row["text"])) for _, row in match(ard, statistic="method").iterrows()),
        Sentence("participants", "", _participants(ard, labels)),
        *_baseline(ard, labels),
        Sentence("main result", primary, f"{main.sentence}.{_because(main.note)}"),
        Sentence("main result", primary, seen_sentence(ard)),
        *_shares(ard, labels),
        *_times(ard, labels),
        *_events(ard, labels),
        Sentence("limits", "", design_sentence(ard)),
        Sentence("limits", primary, missing_sentence(ard)),
    ]
    stamp = f"{labels.stamp}, arms are permuted: " if labels.stamp else ""
    return [asdict(replace(sentence, text=f"{stamp}{sentence.text}")) for sentence in found if sentence.text]


def _because(note: str) -> str:
    return f" ({note})" if note else ""


def _analyses(labels: Labels, *models: str) -> list[str]:
    return [name for name, model in labels.of_kind("model").items() if model in models]


def _participants(ard: pd.DataFrame, labels: Labels) -> str:
    analysis = next(iter(_analyses(labels, "descriptive")), "")
    rows = match(ard, analysis=analysis)
    if not len(rows):
        return ""
    everybody = value_of(match(rows, parameter="enrolment", term=""), "n")
    entered = value_of(match(rows, parameter="people", arm=""), "n")
    arms = [f"{name} {value_of(of, 'n')}" for arm, name in labels.of_kind("arm").items() if len(of := match(rows, parameter="people", arm=arm))]
    verb = "were randomised" if labels.text("study", "randomised") == "yes" and len(arms) > 1 else "entered"
    return f"Of {everybody} people enrolled, {entered} {verb}{': ' + ', '.join(arms) if arms else ''}."


def _baseline(ard: pd.DataFrame, labels: Labels) -> list[Sentence]:
    analysis = next(iter(_analyses(labels, "descriptive")), "")
    rows = match(ard, analysis=analysis, arm="")
    variables = [name for name in labels.of_kind("variable") if len(match(rows, parameter=name, statistic="mean", visit=""))]
    said = [
        f"{labels.text('variable', name)} {value_of(of, 'mean')} (SD {value_of(of, 'sd')})"
        for name in variables
        for of in [match(rows, parameter=name, visit="")]
    ]
    return [Sentence("participants", analysis, f"At baseline, means: {'; '.join(said)}.")] if said else []


def _shares(ard: pd.DataFrame, labels: Labels) -> list[Sentence]:
    """Each definition at its last visit."""
    found: list[Sentence] = []
    for analysis in _analyses(labels, "proportions"):
        rows = match(ard, analysis=analysis)
        visits = list(dict.fromkeys(match(rows, statistic="n")["visit"]))
        if visits:
            at = match(rows, visit=visits[-1])
            found.append(Sentence("response", analysis, _share(at, labels.text("analysis", analysis), labels)))
    return found


def _share(at: pd.DataFrame, title: str, labels: Labels) -> str:
    visit = labels.at_visit(str(at["visit"].iloc[0]), str(at["period"].iloc[0]))
    when = f" at {visit}" if visit else ""
    names = {**labels.of_kind("arm"), "": "all"}
    met = [
        f"{names[arm]} {value_of(of, 'n_events')} of {value_of(of, 'n')} ({value_of(of, 'percent')} %)"
        for arm in dict.fromkeys(at["arm"])
        if len(of := match(at, arm=arm, term=""))
    ]
    differences = match(at, term="contrast: risk difference")
    method = next((method for method in _METHODS if (differences["method"] == method).any()), "")
    compared = [
        f"{names[arm]} against {names[str(of['comparator'].iloc[0])]}, risk difference ({ci(of)}) {interval(of, 'risk_difference')} percentage points"
        for arm in dict.fromkeys(differences["arm"])
        if len(of := match(differences, arm=arm, method=method))
    ]
    return f"{title}{when}: {'; '.join([*met, *compared])}."


def _times(ard: pd.DataFrame, labels: Labels) -> list[Sentence]:
    names = {**labels.of_kind("arm"), "": "all"}
    unit = labels.text("study", "time_unit")
    found: list[Sentence] = []
    for analysis in _analyses(labels, "cox", "hazard"):
        for _, row in match(ard, analysis=analysis, term="contrast", statistic="hazard_ratio").iterrows():
            of = match(ard, analysis=analysis, term="contrast", arm=str(row["arm"]), method=str(row["method"]))
            pair = f"{names[str(row['arm'])]} against {names[str(row['comparator'])]}"
            text = f"{labels.text('analysis', analysis)}: {pair}, hazard ratio ({ci(of)}) {interval(of, 'hazard_ratio')}, p {value_of(of, 'p_value')}."
            found.append(Sentence("durability", analysis, text))
    for analysis in _analyses(labels, "kaplan_meier"):
        rows = match(ard, analysis=analysis, term="median")
        said = [f"{names[arm]} {interval(match(rows, arm=arm), 'median').replace(NOTHING, 'not reached')}" for arm in dict.fromkeys(rows["arm"])]
        if said:
            found.append(Sentence("durability", analysis, f"{labels.text('analysis', analysis)}, median in {unit} ({ci(rows)}): {'; '.join(said)}."))
    for analysis in _analyses(labels, "cumulative_incidence"):
        rows = match(ard, analysis=analysis, term="incidence")
        for day in sorted(set(rows["day"]))[-1:]:
            at = match(rows, day=float(day))
            said = [f"{names[arm]} {interval(match(at, arm=arm), 'incidence')}" for arm in dict.fromkeys(at["arm"])]
            text = f"{labels.text('analysis', analysis)}, cumulative incidence by {day:g} {unit} ({ci(at)}): {'; '.join(said)}."
            found.append(Sentence("durability", analysis, text))
    return found


def _events(ard: pd.DataFrame, labels: Labels) -> list[Sentence]:
    names = {**labels.of_kind("arm"), "": "all"}
    found: list[Sentence] = []
    for analysis in _analyses(labels, "adverse_events"):
        rows = match(ard, analysis=analysis, term=ANY_EVENT)
        said = [
            f"{names[arm]} {value_of(of, 'n_events')} ({value_of(of, 'percent')} %)" for arm in dict.fromkeys(rows["arm"]) if len(of := match(rows, arm=arm))
        ]
        if said:
            found.append(Sentence("safety", analysis, f"People with an adverse event: {'; '.join(said)}."))
    return found
