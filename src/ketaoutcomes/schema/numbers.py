"""Numbers as text, the same wherever they appear: decimals from the vocabulary, halves away from zero."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from ketaoutcomes.schema.ard import NOMINAL, STATISTICS

MINUS = "\N{MINUS SIGN}"
#: Of these 0 would be another statement than a number near it.
RATIOS = ("hazard_ratio", "risk_ratio", "odds_ratio", "rate_ratio")
WITHHELD, NOTHING = "[withheld]", "\N{EN DASH}"


def rounded(value: float, digits: int) -> str:
    """`value` with `digits` decimals, halves away from zero, a true minus sign, no negative zero."""
    number = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    text = f"{abs(number):,f}" if digits == 0 else f"{abs(number):f}"
    return f"{MINUS}{text}" if number < 0 else text


def p_text(value: float) -> str:
    """A p value: three decimals, or below 0.001."""
    return "<0.001" if value < 0.001 else rounded(value, 3)


def shown(row: pd.Series, like: str = "") -> str:
    """The value of an ARD row as displays print it: a number only when the row is ok or flagged.

    `like` names the statistic whose decimals are used, for limits beside an estimate.
    """
    if row["status"] == "withheld":
        return WITHHELD
    if row["status"] not in {"ok", "flagged"} or pd.isna(row["value"]) or not math.isfinite(row["value"]):
        return NOTHING
    if row["statistic"] == "p_value":
        return p_text(float(row["value"])) + (f" ({NOMINAL})" if row["text"] == NOMINAL else "")
    word, value = like or str(row["statistic"]), float(row["value"])
    if word in RATIOS and 0 < value < 0.005:
        return "<0.01"
    return rounded(value, STATISTICS[word].digits)


def value_of(rows: pd.DataFrame, statistic: str, like: str = "") -> str:
    """The one row with this statistic, as text; a dash when there is none."""
    found = rows[rows["statistic"] == statistic]
    return shown(found.iloc[0], like) if len(found) else NOTHING


def interval(rows: pd.DataFrame, statistic: str = "estimate") -> str:
    """``estimate (low to high)`` of the rows of one result, without limits where it has none; one word where all of it is withheld."""
    low, high = value_of(rows, "conf_low", statistic), value_of(rows, "conf_high", statistic)
    if {value_of(rows, statistic), low, high} == {WITHHELD}:
        return WITHHELD
    none = low == high == NOTHING or (NOTHING in (low, high) and (value_of(rows, statistic) in (WITHHELD, NOTHING) or statistic == "number_needed"))
    limits = "" if none else f" ({low} to {high})"
    return f"{value_of(rows, statistic)}{limits}"


def ci(rows: pd.DataFrame) -> str:
    """``95 % CI`` to name intervals with; only ``CI`` where these rows' intervals have several levels."""
    found = rows["conf_level"].dropna().unique()
    return f"{100 * found[0]:g} % CI" if len(found) == 1 else "CI"
