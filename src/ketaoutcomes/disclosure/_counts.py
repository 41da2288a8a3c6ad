"""Which counts are small, and which rows share a key."""

from __future__ import annotations

import pandas as pd

SMALL = 7
BASE = 5


def small(values: pd.Series) -> pd.Series:
    """Which values are counts of 1 to 7."""
    return values.between(1, SMALL).fillna(False).astype(bool)


def like(rows: pd.DataFrame, lost: pd.DataFrame, key: list[str]) -> pd.Series:
    """Which rows share a key with a lost one?"""
    pairs = pd.MultiIndex.from_frame(rows[key].astype(object).fillna(""))
    return pd.Series(pairs.isin(pd.MultiIndex.from_frame(lost[key].astype(object).fillna("").drop_duplicates())), index=rows.index)
