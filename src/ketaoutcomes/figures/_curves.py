"""Step curves over time and the counts under them, from ARD rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ketaoutcomes.figures._theme import arm_names
from ketaoutcomes.figures._under import above
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING


def curve(rows: pd.DataFrame, labels: Labels, *keys: str) -> pd.DataFrame:
    """One row for each arm, `keys` and day, statistics side by side, arms in the study's order."""
    wide = rows.pivot(index=["arm", *keys, "day"], columns="statistic", values="value").reset_index()
    names = arm_names(labels)
    wide = wide.assign(label=wide["arm"].map(names), place=wide["arm"].map({arm: at for at, arm in enumerate(names)}), panel=above(0))
    level = rows["conf_level"].max()
    return wide.sort_values(["place", *keys, "day"], ignore_index=True).drop(columns="place").assign(conf_level=level)


def steps(curve: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """The corners of a band that follows the steps: each value holds until the next; where a limit does not exist the band ends."""
    parts: list[pd.DataFrame] = []
    for _, part in curve.dropna(subset=["conf_low", "conf_high"]).groupby(["label", *keys], sort=False):
        held = part.iloc[:-1].assign(day=part["day"].to_numpy()[1:])
        parts.append(pd.concat([part.assign(turn=1), held.assign(turn=0)]).sort_values(["day", "turn"], kind="stable"))
    return pd.concat(parts, ignore_index=True) if parts else curve.iloc[:0]


def counts(rows: pd.DataFrame, labels: Labels, statistics: Sequence[str]) -> pd.DataFrame:
    """One row for each arm and day (x, label), each statistic as text."""
    rows = rows[rows["statistic"].isin(list(statistics))]
    texts = rows.assign(shown=[NOTHING if pd.isna(value) else f"{value:.0f}" for value in rows["value"]])
    wide = texts.pivot(index=["arm", "day"], columns="statistic", values="shown").reset_index().fillna(NOTHING)
    return wide.assign(label=wide["arm"].map(arm_names(labels)), x=wide["day"])


def withheld(counts: pd.DataFrame) -> bool:
    """Is any count not shown?"""
    return bool((counts == NOTHING).any(axis=None))
