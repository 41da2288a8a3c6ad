"""What several tables share: columns for the arms, the analyses of a model, footnotes from a docstring."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.schema.labels import Labels


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


def visit_label(labels: Labels, visit: str) -> str:
    """A visit's label."""
    found = labels.rows[(labels.rows["parameter"] == "visit") & (labels.rows["visit"] == visit)]
    return str(found["text"].iloc[0]) if len(found) else visit


def footnotes(doc: str | None, *more: str) -> tuple[str, ...]:
    """A docstring without its first sentence, and further notes."""
    _, _, rest = " ".join((doc or "").split()).partition(". ")
    return tuple(note for note in (rest, *more) if note)


def flag_note(rows: pd.DataFrame, labels: Labels) -> str:
    """A sentence for flagged or missing results, each with its analysis; empty when all is well."""
    found = rows[(rows["statistic"] == "verdict") & (rows["text"] != "ok")]
    said = [
        f"{labels.text('analysis', str(analysis))} is {text.replace('_', ' ')} ({note})"
        for analysis, text, note in zip(found["analysis"], found["text"], found["note"], strict=True)
    ]
    return "Verdict: " + "; ".join(said) + "." if said else ""
