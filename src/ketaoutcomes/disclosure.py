"""Disclosure control of an ARD.

Profile ``opensafely``, basic form (OpenSAFELY documentation: redact 1 to 7, then round to 5): every
count of 1 to 7 and everything computed on that few people is withheld; so is whatever would give a
withheld count back by subtraction; other counts are rounded to the nearest 5, shares are computed
from rounded counts, other numbers keep the decimals that displays show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.schema.ard import KEY, RELATIONS, STATISTICS, Relation

SMALL = 7
BASE = 5
_CELL = ["period", "arm", "visit"]


@dataclass(frozen=True, slots=True)
class Controlled:
    """An ARD fit for release and the sheet that says what was done to it."""

    frame: pd.DataFrame
    sheet: dict[str, Any]


def apply(profile: str, exact: pd.DataFrame) -> Controlled:
    """`exact` under a profile.

    Raises
    ------
    ValueError
        The profile is unknown; the study file refuses such a name before it comes here.
    """
    if profile != "opensafely":
        raise ValueError(f"unknown disclosure profile {profile!r}")
    why = _withheld(exact)
    frame = _rounded(exact, _kinds(exact))
    hidden = why != ""
    frame.loc[hidden, ["value", "n", "events"]] = np.nan
    frame.loc[hidden, "text"] = ""
    frame.loc[hidden, "status"] = "withheld"
    frame.loc[hidden, "note"] = "withheld: " + why[hidden]
    _blank_known(frame, exact, why)
    counts = why[hidden].value_counts().sort_index()
    sheet = {
        "profile": profile,
        "small": f"1 to {SMALL}",
        "rounded_to": BASE,
        "rows": len(frame),
        "withheld": {str(reason): int(n) for reason, n in counts.items()},
        "withheld_by_analysis": {str(k): int(v) for k, v in exact["analysis"][hidden].value_counts().sort_index().items()},
        "rounded": int((_kinds(exact).isin(["count", "size", "share"]) & ~hidden).sum()),
    }
    return Controlled(frame, sheet)


def _kinds(frame: pd.DataFrame) -> pd.Series:
    return frame["statistic"].map({name: statistic.kind for name, statistic in STATISTICS.items()})


def small(values: pd.Series) -> pd.Series:
    """Which values are counts of 1 to 7."""
    return values.between(1, SMALL).fillna(False).astype(bool)


def _withheld(exact: pd.DataFrame) -> pd.Series:
    """The reason each row is withheld for; empty when it is not."""
    kinds = _kinds(exact)
    why = pd.Series("", index=exact.index)
    few = small(exact["n"]) | small(exact["events"]) | ((kinds == "count") & small(exact["value"]))
    # 95 of 100 says as much as 5 of 100
    few |= small(exact["n"] - exact["events"]) & (kinds != "text")
    why[few] = f"{SMALL} people or fewer behind it"
    why[(why == "") & (kinds == "exact")] = "would give a count away"
    settled = -1
    while settled != int((why != "").sum()):
        settled = int((why != "").sum())
        for relation in RELATIONS:
            _complement(exact, why, kinds == "count", relation)
        _same_number(exact, why, kinds == "count")
        _shares(exact, why, kinds)
        _averages(exact, why, kinds)
    return why


def _complement(exact: pd.DataFrame, why: pd.Series, counts: pd.Series, relation: Relation) -> None:
    """Where one member alone of a sum is withheld, withhold another: its smallest part, else the total."""
    others = [column for column in KEY if column != relation.column]
    wanted = counts.copy()
    if relation.parts is not None:
        wanted &= exact["statistic"].isin([relation.total, *relation.parts])
    for _, group in exact[wanted].groupby(others, dropna=False, sort=False):
        is_total = group[relation.column] == relation.total
        if not is_total.any() or is_total.all():
            continue
        hidden = why[group.index] != ""
        if int(hidden.sum()) != 1:
            continue
        parts = group[~is_total & ~hidden]
        nonzero = parts[parts["value"] > 0]
        chosen = nonzero.sort_values("value", kind="stable").index[:1] if len(nonzero) else group.index[is_total][:1]
        why.loc[chosen] = "would give a withheld count back by subtraction"


def _same_number(exact: pd.DataFrame, why: pd.Series, counts: pd.Series) -> None:
    """A count withheld in a cell (period, arm, visit) is withheld wherever that cell shows it again."""
    known = exact[counts & (why != "")][[*_CELL, "value"]].drop_duplicates()
    again = pd.MultiIndex.from_frame(exact[[*_CELL, "value"]]).isin(pd.MultiIndex.from_frame(known))
    why[counts & again & (why == "")] = "the same count is withheld elsewhere"


def _shares(exact: pd.DataFrame, why: pd.Series, kinds: pd.Series) -> None:
    """A percentage goes with its count."""
    key = [column for column in KEY if column not in {"statistic", "method", "conf_level"}]
    lost = exact[(kinds == "count") & (why != "")].drop_duplicates(key)
    lost = lost[~lost["statistic"].isin(["n_expected", "n_at_risk"])]
    with_lost = pd.MultiIndex.from_frame(exact[key].astype(object).fillna("")).isin(pd.MultiIndex.from_frame(lost[key].astype(object).fillna("")))
    why[(kinds == "share") & with_lost & (why == "")] = "its count is withheld"


def _averages(exact: pd.DataFrame, why: pd.Series, kinds: pd.Series) -> None:
    """An average over all arms goes when an arm's is withheld: the others would give it back."""
    key = [column for column in KEY if column != "arm"]
    numbers = kinds.isin(["number", "share"]) & (exact["comparator"] == "")
    lost = exact[numbers & (why != "") & (exact["arm"] != "")][key].drop_duplicates()
    total = numbers & (exact["arm"] == "") & (why == "")
    with_lost = pd.MultiIndex.from_frame(exact[key].astype(object).fillna("")).isin(pd.MultiIndex.from_frame(lost.astype(object).fillna("")))
    why[total & with_lost] = "an average over arms of which one is withheld"


def _round5(values: pd.Series) -> pd.Series:
    return np.floor(values / BASE + 0.5) * BASE


def _rounded(exact: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    frame = exact.copy()
    for column in ("n", "events"):
        frame[column] = _round5(frame[column].astype("float64")).astype("Int64")
    whole = kinds.isin(["count", "size"])
    frame.loc[whole, "value"] = _round5(frame.loc[whole, "value"])
    share = kinds == "share"
    n = frame.loc[share, "n"].astype("float64")
    frame.loc[share, "value"] = 100 * frame.loc[share, "events"].astype("float64") / n.where(n > 0)
    digits = frame["statistic"].map({name: statistic.digits for name, statistic in STATISTICS.items()})
    for places in sorted(set(digits[kinds == "number"])):
        chosen = (kinds == "number") & (digits == places) & (frame["analysis"] != "study")
        frame.loc[chosen, "value"] = frame.loc[chosen, "value"].round(int(places))
    return frame


def _blank_known(frame: pd.DataFrame, exact: pd.DataFrame, why: pd.Series) -> None:
    """Blank `n` and `events` beside a shown number where that count itself is withheld in the cell."""
    lost = exact[(_kinds(exact) == "count") & (why != "")]
    known = pd.MultiIndex.from_frame(lost[[*_CELL, "value"]].drop_duplicates())
    for column in ("n", "events"):
        pairs = exact[[*_CELL, column]].astype({column: "float64"})
        frame.loc[pd.MultiIndex.from_frame(pairs).isin(known), column] = pd.NA
