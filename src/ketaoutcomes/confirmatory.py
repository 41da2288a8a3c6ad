"""The declared order of confirmatory tests, carried out: a step is tested only when every step before it was rejected.

Hypotheses of one step share the level by Holm's procedure (1979, Scand J Stat 6:65). After the first
hypothesis that is not rejected, p values are nominal and say so wherever they are printed.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from ketaoutcomes.domain.study import Hypothesis, Study
from ketaoutcomes.schema.ard import KEY, NOMINAL, TESTING, shown_first

REJECTED, KEPT = "rejected", "not rejected"


def carried_out(study: Study, results: pd.DataFrame) -> pd.DataFrame:
    """`results` with a row for each hypothesis (term ``testing``: p adjusted within its step, text the decision), nominal p values marked.

    A hypothesis without a p value cannot be rejected.
    """
    if study.testing is None:
        return results
    marked = results.copy()
    rows: list[dict[str, Any]] = []
    open_ = True
    for number, step in enumerate(study.testing.steps, start=1):
        found = [index for hypothesis in step for index in _p_values(study, marked, hypothesis)]
        indices = [index for index in found if index is not None]
        known = marked.loc[indices]
        values = {int(str(index)): float(value) for index, value in known["value"].dropna().items()}
        adjusted = _holm(values, len(found))
        decided = {index: REJECTED if adjusted.get(index, 2.0) <= study.testing.alpha else KEPT for index in indices}
        for index in indices:
            decision = decided[index] if open_ else NOMINAL
            rows.append(_row(marked.loc[[index]].iloc[0], adjusted.get(index), decision, number))
        if not open_:
            marked.loc[indices, "text"] = NOMINAL
        complete = len(indices) == len(found) and len(found) > 0
        open_ = open_ and complete and all(decision == REJECTED for decision in decided.values())
    return pd.concat([marked, pd.DataFrame(rows, columns=list(results.columns))], ignore_index=True)


def _p_values(study: Study, results: pd.DataFrame, hypothesis: Hypothesis) -> list[int | None]:
    """Rows of the p values that a hypothesis names: one for each comparison with the reference; None where there is none."""
    analysis = study.analyses[hypothesis.analysis]
    visit = hypothesis.visit or getattr(analysis, "visit", None)
    rows = results[(results["analysis"] == hypothesis.analysis) & (results["statistic"] == "p_value")]
    compared = rows[rows["term"].isin(["contrast", "contrast: test"])]
    rows = compared if len(compared) else rows[rows["term"].isin(["log-rank", "Gray's test"])]
    rows = rows[rows["arm"] == hypothesis.arm] if hypothesis.arm else rows
    rows = rows[rows["visit"] == visit] if visit else rows
    found = [int(shown_first(part).index[0]) for _, part in rows.groupby(["arm", "visit"], sort=False)]
    return list(found) or [None]


def _holm(p: dict[int, float], number: int) -> dict[int, float]:
    """Adjusted p values by row; hypotheses without a p value are among the `number` that share the level."""
    adjusted: dict[int, float] = {}
    highest = 0.0
    for at, (index, value) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (number - at) * value))
        adjusted[index] = highest
    return adjusted


def _row(raw: pd.Series, adjusted: float | None, decision: str, step: int) -> dict[str, Any]:
    key = {column: raw[column] for column in KEY}
    status = raw["status"] if adjusted is not None else "not_estimable"
    behind = {"n": raw["n"], "events": raw["events"], "status": status, "note": f"step {step}"}
    return {**key, "term": TESTING, "value": adjusted, "text": decision, **behind}
