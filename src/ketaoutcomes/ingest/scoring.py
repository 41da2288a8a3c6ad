"""Items to scores, by the rules of their instrument."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.domain.findings import Findings
from ketaoutcomes.domain.instruments import Items, parts
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import ItemColumns, Table
from ketaoutcomes.ingest.columns import item_name
from ketaoutcomes.ingest.places import at_rows

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one instrument, one per row of the file.

    Attributes
    ----------
    scores
        Of the instrument and of each of its parts, by id.
    notes
        How many scores were filled, and how many could not be made.
    """

    scores: dict[str, pd.Series]
    notes: dict[str, int]


def scored(study: Study, table: Table, entry: ItemColumns, frame: pd.DataFrame, findings: Findings) -> Scored:
    """Score the items of one instrument in every row of a file.

    A score whose items are missing beyond the
    instrument's rule is missing.
    """
    scale = study.scales[entry.instrument]
    assert scale.items is not None
    values = frame[[item_name(entry, item) for item in range(1, scale.items.number + 1)]].to_numpy(dtype=float)
    values = _not_asked(scale.items, values)
    score, missing = _score(scale.items, values, None)
    found = {entry.instrument: pd.Series(score)}
    measures = parts(study.scales, entry.instrument)
    found |= {name: pd.Series(_score(scale.items, values, part.takes)[0]) for name, part in measures.items() if part.takes}
    found |= {name: pd.DataFrame([found[of] for of in part.lowest_of]).min(skipna=False) for name, part in measures.items() if part.lowest_of}
    none = np.isnan(values).sum(axis=1) == values.shape[1]
    _compare(study, table, entry, frame, score, none, findings)
    notes = {
        f"{scale.name} filled for missing items": int(((missing > 0) & ~np.isnan(score)).sum()) if scale.items.may_miss else 0,
        f"{scale.name} not scored, too many items missing": int((np.isnan(score) & ~none).sum()),
    }
    return Scored(found, {what: n for what, n in notes.items() if n})


def _not_asked(items: Items, values: Array) -> Array:
    """Items that were skipped because the item before them was not met count as 0."""
    values = values.copy()
    for asked, others in items.asked_if:
        at = np.array(others) - 1
        values[:, at] = np.where((values[:, [asked - 1]] == 0) & np.isnan(values[:, at]), 0.0, values[:, at])
    return values


def _score(items: Items, values: Array, takes: list[int] | None) -> tuple[Array, Array]:
    """Scores and the number of missing items (groups that count as their highest are one item).

    ``sum`` and ``mean``: missing items, `may_miss` at most, enter as the mean of the others; a part
    (`takes`) needs all of its own. ``highest`` and ``any``: missing where a missing item could
    have changed the answer.
    """
    if items.score in {"highest", "any"}:
        return _endorsed(items, values, takes or list(range(1, items.number + 1)))
    groups = [group for group in items.groups if takes is None or set(group) & set(takes)]
    entering = np.column_stack([_group(items, values, group) for group in groups])
    missing = np.isnan(entering).sum(axis=1)
    allowed = items.may_miss if takes is None else 0
    enough = missing <= min(allowed, len(groups) - 1)
    mean = np.nansum(entering, axis=1) / np.maximum(len(groups) - missing, 1)
    score = np.where(enough, mean if items.score == "mean" else mean * len(groups), np.nan)
    if items.score == "sum":
        # whole numbers stay whole: a mean times its number need not
        score = np.where(missing == 0, entering.sum(axis=1), score)
    return score, missing


def _group(items: Items, values: Array, group: list[int]) -> Array:
    """The highest of a group; missing when one of its items is, but for those of which only one is answered."""
    columns: list[Array] = []
    for item in group:
        pair = next((pair for pair in items.either if item in pair), [item])
        if item == pair[0]:
            columns.append(np.fmax.reduce(values[:, np.array(pair) - 1], axis=1))
    return np.column_stack(columns).max(axis=1)


def _endorsed(items: Items, values: Array, takes: list[int]) -> tuple[Array, Array]:
    numbers = np.array(takes if items.score == "highest" else [1] * len(takes))
    values = values[:, np.array(takes) - 1]
    missing = np.isnan(values)
    surely = np.max(np.where(missing, 0.0, values) * numbers, axis=1)
    possibly = np.max(np.where(missing, 1.0, values) * numbers, axis=1)
    return np.where(surely == possibly, surely, np.nan), missing.sum(axis=1)


def _compare(study: Study, table: Table, entry: ItemColumns, frame: pd.DataFrame, score: Array, none: NDArray[np.bool_], findings: Findings) -> None:
    """A total that stands beside its items must be theirs."""
    column = table.columns.get(entry.instrument)
    if column is None:
        return
    name = study.scales[entry.instrument].name
    total = frame[entry.instrument].to_numpy(dtype=float)
    given = pd.Series(~np.isnan(total) & ~none, index=frame.index)
    lonely = f"a total stands here although items of {name} are missing; remove the total, or give the items"
    findings += at_rows(frame[given & pd.Series(np.isnan(score), index=frame.index)], "E-DATA-TOTAL", lonely, column.source)
    findings += at_rows(
        frame[given & pd.Series(np.abs(total - score) > 0.005, index=frame.index)],
        "E-DATA-TOTAL",
        f"not the total that the items of {name} give",
        column.source,
    )
