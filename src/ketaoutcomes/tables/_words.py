"""What several tables share: columns for the arms, the analyses of a model, footnotes from a docstring, notes of a place."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.ard import NOMINAL, SIMULTANEOUS, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, value_of
from ketaoutcomes.tables._table import Cell, noted

_NOMINAL = "Nominal: a step before it in the declared order was not passed, so it does not decide."


def model_analysis(labels: Labels, *models: str) -> str:
    """The first analysis with one of these models."""
    return next(name for name, model in labels.of_kind("model").items() if model in models)


def model_analyses(labels: Labels, *models: str) -> list[str]:
    """All analyses with one of these models, the primary one first."""
    found = [name for name, model in labels.of_kind("model").items() if model in models]
    primary = labels.text("primary", "analysis")
    return sorted(found, key=lambda name: name != primary)


def arm_columns(labels: Labels, rows: pd.DataFrame, *, together: bool = False) -> dict[str, str]:
    """Arm to heading, for the arms that have rows; with `together` also everybody, under the empty name."""
    present = set(rows["arm"])
    arms = {arm: label for arm, label in labels.of_kind("arm").items() if arm in present}
    everybody = {"": "All"} if "" in present and (together or not arms) else {}
    return {**arms, **everybody}


def visit_label(labels: Labels, visit: str, rows: pd.DataFrame) -> str:
    """The label of the visit that these rows are of, as their period names it."""
    return labels.at_visit(visit, str(rows["period"].iloc[0])) or visit if len(rows) else visit


def footnotes(doc: str | None, *more: str) -> tuple[str, ...]:
    """A docstring without its first sentence, and further notes."""
    _, _, rest = " ".join((doc or "").split()).partition(". ")
    return tuple(note for note in (rest, *more) if note)


def levels(rows: pd.DataFrame, labels: Labels, *, named: bool = True) -> str:
    """A footnote with the confidence levels of these rows, by analysis; empty where there is one and a column's name has it (`named`)."""
    found = {float(level): rows["analysis"][rows["conf_level"] == level] for level in sorted(rows["conf_level"].dropna().unique())}
    if len(found) > 1:
        said = [f"{100 * level:g} % in {', '.join(labels.text('analysis', str(name)) for name in names.unique())}" for level, names in found.items()]
        return f"Confidence intervals: {'; '.join(said)}."
    return "".join(f"Intervals: {100 * level:g} % confidence intervals." for level in found if not named)


def titled(ard: pd.DataFrame, analysis: str, more: str = "", *notes: str) -> str | Cell:
    """An analysis by its title, and `more`, with notes: its own, of simultaneous intervals and, unless all is well, its verdict with the reason."""
    labels = Labels.of(ard)
    said = match(ard, analysis=analysis, statistic="verdict")
    found = said[said["text"] != "ok"]
    verdicts = [
        f"{str(text).replace('_', ' ').capitalize()}{f': {note}' if note else ''}."
        for text, note in dict.fromkeys(zip(found["text"], found["note"], strict=True))
    ]
    methods = dict.fromkeys(match(ard, analysis=analysis)["method"])
    joint = [f"Intervals of the differences are simultaneous ({SIMULTANEOUS[method]})." for method in methods if method in SIMULTANEOUS]
    return noted(labels.text("analysis", analysis) + more, *notes, *joint, *verdicts)


def p_of(rows: pd.DataFrame, *notes: str) -> str | Cell:
    """The p value of one result, with a note where it no longer decides; a dash when there is none."""
    nominal = (match(rows, statistic="p_value")["text"] == NOMINAL).any()
    return noted(value_of(rows, "p_value").removesuffix(f" ({NOMINAL})"), *notes, _NOMINAL if nominal else "")


def n_of(rows: pd.DataFrame, statistic: str = "estimate") -> str:
    """The people behind one result; a dash where that is not known."""
    n = match(rows, statistic=statistic)["n"]
    return NOTHING if not len(n) or pd.isna(n.iloc[0]) else f"{n.iloc[0]}"


def against(rows: pd.DataFrame, labels: Labels) -> str:
    """``Against`` the arm that all contrasts in these rows have as comparator; empty when they have several."""
    found = {str(arm) for arm in rows["comparator"]} - {""}
    return f"Against {labels.text('arm', *found)}" if len(found) == 1 else "Contrast"
