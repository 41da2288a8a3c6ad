"""Disclosure control of an ARD.

Profile ``opensafely``, basic form (OpenSAFELY documentation: redact 1 to 7, then round to 5): every
count of 1 to 7 and everything computed on that few people is withheld; so is whatever would give a
withheld count back by subtraction; other counts are rounded to the nearest 5, shares are computed
from rounded counts, other numbers keep the decimals that displays show.

What rounding alone guarantees: a difference of two rounded counts leaves at least two values open, a
difference of three need not (52 - 43 - 8 shows as 50 - 45 - 10, which only 1 explains). So in every
sum that holds a withheld count at least two members are withheld.

A curve over time (relapse, incidence) steps down or up with each event, on that person's day. Here it
steps only where more than 7 events have gathered since the level shown before (as the accumulating
Kaplan-Meier of ACRO does with its threshold), and ends with the last such step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.disclosure._counts import BASE, SMALL, like, small
from ketaoutcomes.disclosure._curves import GATHERED, curves, gathered, incidence
from ketaoutcomes.schema.ard import (
    ANY_EVENT,
    ANY_OF_CLASS,
    AT_BASELINE,
    AT_RISK,
    CHANGE,
    CURVE,
    GONE,
    INTERACTION,
    KEY,
    LEVEL,
    OTHER_CHOICE,
    PEOPLE,
    RELATIONS,
    SHIFT,
    STATISTICS,
    Relation,
)

#: Tests over all arms.
_TESTS = ("log-rank", "Gray's test")
_CELL = ["period", "arm", "visit"]
_LINE = ["analysis", "arm", "level", "term"]
_Sum = tuple[pd.Index, pd.Index]
#: Models' terms that are results, not coefficients.
_RESULTS = (
    "",
    "ls_mean",
    "contrast",
    "median",
    CURVE,
    AT_RISK,
    "log-rank",
    "proportional hazards",
    "fit",
    "covariance",
    "participant",
    "residual",
    OTHER_CHOICE,
)


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
    exact = exact.reset_index(drop=True)
    why = _withheld(exact)
    exact = gathered(exact, why)
    frame = _rounded(exact, _kinds(exact))
    hidden = why != ""
    frame.loc[hidden, ["value", "n", "events"]] = np.nan
    frame.loc[hidden, "text"] = ""
    frame.loc[hidden, "status"] = "withheld"
    frame.loc[hidden, "note"] = "withheld: " + why[hidden]
    _blank_known(frame, exact, why)
    # the engine says why it refused, and with how many people
    refused = frame["status"].isin(["not_estimable", "failed"]) & frame["note"].str.contains("[0-9]", regex=True)
    frame.loc[refused, "note"] = "the reason names counts; it stands in the internal results"
    counts = why[hidden].value_counts().sort_index()
    # a withheld step of a curve still has its day: somebody's event
    curve = exact["term"] == CURVE
    frame.loc[curve & ~hidden, "note"] = GATHERED
    steps = hidden & curve & (exact["day"] > 0)
    sheet = {
        "profile": profile,
        "small": f"1 to {SMALL}",
        "rounded_to": BASE,
        "rows": len(exact),
        "withheld": {str(reason): int(n) for reason, n in counts.items()},
        "withheld_by_analysis": {str(k): int(v) for k, v in exact["analysis"][hidden].value_counts().sort_index().items()},
        "rounded": int((_kinds(exact).isin(["count", "size", "share"]) & ~hidden).sum()),
    }
    return Controlled(frame[~steps].reset_index(drop=True), sheet)


def _kinds(frame: pd.DataFrame) -> pd.Series:
    return frame["statistic"].map({name: statistic.kind for name, statistic in STATISTICS.items()})


def _withheld(exact: pd.DataFrame) -> pd.Series:
    """The reason each row is withheld for; empty when it is not."""
    kinds = _kinds(exact)
    why = pd.Series("", index=exact.index)
    curve = exact["term"] == CURVE
    few = small(exact["n"]) | (small(exact["events"]) & ~curve) | ((kinds == "count") & small(exact["value"]))
    # 95 of 100 says as much as 5 of 100
    few |= small(exact["n"] - exact["events"]) & (kinds != "text")
    few |= (kinds == "size") & (exact["value"] <= SMALL) & ~_of_test(exact)
    why[few] = f"{SMALL} people or fewer behind it"
    why[(why == "") & (kinds == "exact")] = "would give a count away"
    why[(why == "") & _of_one_level(exact, kinds)] = "how many people stand behind one level is not known"
    # the limits of a rate over the rate depend on the count alone (Garwood), which is rounded elsewhere
    limits = exact["statistic"].isin(["conf_low", "conf_high"])
    why[(why == "") & limits & like(exact, exact[exact["statistic"] == "rate"], [*_LINE, "method"])] = "would give a count away"
    _other_choices(exact, why)
    cells = _cells(exact)
    sums = _sums(exact, kinds == "count")
    settled = -1
    while settled != int((why != "").sum()):
        settled = int((why != "").sum())
        for total, parts in sums:
            _complement(exact, why, total, parts)
        _analysed(exact, why)
        _followed(exact, why)
        _same_number(exact, why, kinds == "count", cells)
        _totals(exact, why)
        _shares(exact, why, kinds)
        _averages(exact, why, kinds)
        _comparisons(exact, why, kinds)
        _at_baseline(exact, why)
        _levels(exact, why)
        incidence(exact, why)
        curves(exact, why)
    return why


def _cells(exact: pd.DataFrame) -> pd.DataFrame:
    """Period, arm and visit; where there is one arm it is everybody."""
    cells = exact[_CELL].copy()
    if len(set(cells["arm"]) - {""}) == 1:
        cells["arm"] = ""
    return cells


def _of_one_level(exact: pd.DataFrame, kinds: pd.Series) -> pd.Series:
    """Coefficients of one level of a factor, such as ``visit[week24]``: `n` is the model's, not the level's."""
    return kinds.isin(["number", "size"]) & exact["term"].str.contains("[", regex=False)


def _sums(exact: pd.DataFrame, counts: pd.Series) -> list[_Sum]:
    """Every sum that holds between counts: what `schema.ard` states, records of adverse events, shifts between levels."""
    found = [one for relation in RELATIONS for one in _related(exact, counts, relation)]
    records = exact[exact["statistic"] == "n_records"]
    for _, arm in records.groupby(["analysis", "arm"], sort=False):
        classes = arm["term"] == ANY_OF_CLASS
        found.append((arm.index[arm["term"] == ANY_EVENT], arm.index[classes]))
        found += [(lines.index[classes[lines.index]], lines.index[~classes[lines.index]]) for _, lines in arm[arm["level"] != ""].groupby("level")]
    ranks = exact[(exact["statistic"] == "n_events") & exact["level"].isin([LEVEL, SHIFT, CHANGE]) & (exact["term"] != "")]
    for _, arm in ranks.groupby(["analysis", "arm"], sort=False):
        found += _shifts(arm)
    return found


def _related(exact: pd.DataFrame, counts: pd.Series, relation: Relation) -> list[_Sum]:
    others = [column for column in KEY if column != relation.column]
    wanted = counts.copy()
    if relation.parts is not None:
        wanted &= exact["statistic"].isin([relation.total, *relation.parts])
    groups = [group[relation.column] == relation.total for _, group in exact[wanted].groupby(others, dropna=False, sort=False)]
    return [(total.index[total], total.index[~total]) for total in groups if total.any() and not total.all()]


def _shifts(arm: pd.DataFrame) -> list[_Sum]:
    """People of a level are the shifts to it; those who changed, the shifts up or down between scores (within a band some change without a shift)."""
    shifts = arm[arm["level"] == SHIFT]
    ends = shifts["term"].str.rsplit(" to ", n=1, expand=True).reindex(columns=[0, 1])
    found: list[_Sum] = [(arm.index[(arm["level"] == LEVEL) & (arm["term"] == to)], shifts.index[ends[1] == to]) for to in ends[1].unique()]
    scores = ends.apply(pd.to_numeric, errors="coerce").dropna()
    direction = np.sign(scores[1] - scores[0])
    for sign in (-1, 0, 1):
        parts = scores.index[direction == sign]
        found.append((arm.index[(arm["level"] == CHANGE) & (arm["value"] == arm["value"][parts].sum())], parts))
    return [(total, parts) for total, parts in found if len(total) and len(parts)]


def _complement(exact: pd.DataFrame, why: pd.Series, total: pd.Index, parts: pd.Index) -> None:
    """Where one member alone of a sum is withheld, withhold another: its smallest part, else the total."""
    if int((why[total.union(parts)] != "").sum()) != 1:
        return
    shown = exact["value"][parts[why[parts] == ""]]
    nonzero = shown[shown > 0].sort_values(kind="stable")
    why.loc[nonzero.index[:1] if len(nonzero) else total[:1]] = _SUBTRACTION


_SUBTRACTION = "would give a withheld count back by subtraction"


def _analysed(exact: pd.DataFrame, why: pd.Series) -> None:
    """Analysed and left out add up to a population that other analyses show: one alone is not withheld."""
    left_out = exact["term"].str.startswith("left out")
    member = (exact["statistic"] == "n") & (left_out | (exact["term"] == "fit") | ((exact["term"] == "") & (exact["arm"] != "")))
    member &= exact["analysis"].isin(exact["analysis"][left_out])
    for _, group in exact[member].groupby("analysis", sort=False):
        hidden = why[group.index] != ""
        others = group[~hidden & (group["value"] > 0)]
        if int(hidden.sum()) == 1:
            why.loc[others.sort_values("value", kind="stable").index[:1]] = _SUBTRACTION


def _followed(exact: pd.DataFrame, why: pd.Series) -> None:
    """At risk, with an event and censored add up to the arm on each day: events and censored go together."""
    table = (exact["term"] == AT_RISK) & exact["statistic"].isin(["n_events", "n_censored"])
    lost = exact[table & (why != "")]
    why[table & (why == "") & like(exact, lost, ["analysis", "arm", "day"])] = _SUBTRACTION


def _totals(exact: pd.DataFrame, why: pd.Series) -> None:
    """What another analysis, or a model's fit, counts over all arms or visits of which one is withheld."""
    key = ["population", "parameter", "period"]
    events = (exact["statistic"] == "n_events") & exact["term"].isin(["", "fit"]) & (exact["visit"] == "")
    lost = exact[events & (exact["arm"] != "") & (why != "")]
    why[events & (exact["arm"] == "") & (why == "") & like(exact, lost, key)] = _SUBTRACTION
    of_visit = (exact["statistic"] == "n") & (exact["term"] == "") & (exact["visit"] != "")
    cells = exact[((exact["term"] == "ls_mean") | of_visit) & (why != "")]
    why[(exact["statistic"] == "n_rows") & (why == "") & exact["analysis"].isin(cells["analysis"])] = _SUBTRACTION


def _same_number(exact: pd.DataFrame, why: pd.Series, counts: pd.Series, cells: pd.DataFrame) -> None:
    """A count withheld in a cell (period, arm, visit) is withheld wherever that cell shows it again, alone or as a share."""
    pairs = cells.assign(value=exact["value"])
    lost = pairs[counts & (why != "")]
    again = counts & like(pairs, lost, [*_CELL, "value"])
    again |= (exact["term"] == GONE) & like(cells.assign(value=exact["events"].astype("float64")), lost, [*_CELL, "value"])
    why[again & (why == "")] = "the same count is withheld elsewhere"


def _shares(exact: pd.DataFrame, why: pd.Series, kinds: pd.Series) -> None:
    """A percentage, or a rate, goes with its count."""
    key = [column for column in KEY if column not in {"statistic", "method", "conf_level"}]
    lost = exact[(kinds == "count") & (why != "") & ~exact["statistic"].isin(["n_expected", "n_at_risk"])]
    why[((kinds == "share") | (exact["statistic"] == "rate")) & (why == "") & like(exact, lost, key)] = "its count is withheld"


def _averages(exact: pd.DataFrame, why: pd.Series, kinds: pd.Series) -> None:
    """A mean, SD or share over all arms goes when one of an arm is withheld: the others would give it back."""
    key = [column for column in KEY if column not in {"arm", "statistic"}]
    numbers = kinds.isin(["number", "share"]) & (exact["comparator"] == "")
    lost = exact[numbers & (why != "") & (exact["arm"] != "")]
    why[numbers & (exact["arm"] == "") & (why == "") & like(exact, lost, key)] = "an average over arms of which one is withheld"


def _comparisons(exact: pd.DataFrame, why: pd.Series, kinds: pd.Series) -> None:
    """A comparison goes with what it compares: with the other arm's result it would give the withheld one back.

    So do the test and the coefficients of a model of which one arm's count or mean is withheld.
    """
    numbers = kinds.isin(["number", "size"]) & (why == "")
    lost = exact[(why != "") & (exact["comparator"] == "") & (exact["arm"] != "") & exact["term"].isin(["", "ls_mean"])]
    lost = lost[lost["statistic"].isin(["n", "n_events", "percent", "estimate"])]
    for side in ("arm", "comparator"):
        compared = exact.assign(arm=exact[side])
        why[numbers & (exact["comparator"] != "") & like(compared, lost, ["analysis", "visit", "arm"])] = "compares with something withheld"
    general = (exact["arm"] == "") & (exact["term"].isin(_TESTS) | ~exact["term"].isin(_RESULTS))
    cells = exact[(why != "") & (exact["comparator"] == "") & exact["term"].isin(["", "ls_mean"])]
    models = exact["analysis"].isin(exact["analysis"][exact["term"].isin([*_TESTS, "fit"])])
    why[numbers & general & models & exact["analysis"].isin(cells["analysis"])] = "computed from a mean or count that is withheld"
    visits = exact[(why != "") & (exact["term"] == "ls_mean")]
    why[numbers & (exact["term"] == "covariance") & like(exact, visits, ["analysis", "visit"])] = "computed from a mean or count that is withheld"


def _at_baseline(exact: pd.DataFrame, why: pd.Series) -> None:
    """A difference between two arms at baseline goes with any count, share or mean of either, or of both together, that it is made of."""
    key = ["analysis", "parameter", "visit"]
    made_of = exact["statistic"].isin(["n", "percent", "mean", "sd"]) & (exact["term"] != GONE) & (exact["subgroup"] == "")
    lost = exact[made_of & (why != "")]
    why[(exact["term"] == AT_BASELINE) & (why == "") & like(exact, lost, key)] = "compares with something withheld"


def _levels(exact: pd.DataFrame, why: pd.Series) -> None:
    """The whole is an average of a column's subgroups: one that is withheld takes others along until more than a few people stand behind them.

    A subgroup goes with its people's count, and the test between subgroups with any of them.
    """
    compared = exact[(exact["subgroup"] != "") & (exact["level"] != "") & exact["term"].str.startswith("contrast") & (exact["comparator"] != "")]
    people = exact[(exact["term"] == PEOPLE) & (exact["subgroup"] != "") & (why != "")]
    for side in ("arm", "comparator"):
        goes = like(compared.assign(arm=compared[side]), people, ["analysis", "subgroup", "level", "arm"])
        why[goes.index[goes & (why[goes.index] == "")]] = "compares with something withheld"
    for _, pair in compared.groupby(["analysis", "subgroup", "arm", "comparator", "visit"], sort=False):
        hidden = set(pair["level"][why[pair.index] != ""])
        if hidden:
            sizes = pair.groupby("level")["n"].min().fillna(0).sort_values(kind="stable")
            for level in [level for level in sizes.index if level not in hidden]:
                if len(hidden) < 2 or sizes[list(hidden)].sum() <= SMALL:
                    hidden.add(level)
            why[pair.index[pair["level"].isin(hidden) & (why[pair.index] == "")]] = "would give a withheld subgroup back by subtraction"
            test = (exact["term"] == INTERACTION) & like(exact, pair, ["analysis", "subgroup", "arm", "comparator", "visit"])
            why[test & (why == "")] = "compares with something withheld"


def _other_choices(exact: pd.DataFrame, why: pd.Series) -> None:
    """Two definitions that differ by a few people tell who they are: the other choice is withheld."""
    other = exact["term"] == OTHER_CHOICE
    counts = exact[other & exact["statistic"].isin(["n", "n_events"])]
    if not len(counts):
        return
    main = exact[exact["term"].isin(["", "fit"]) & exact["analysis"].isin(counts["analysis"])].set_index(["analysis", "arm", "statistic"])["value"]
    ours = main.reindex(pd.MultiIndex.from_frame(counts[["analysis", "arm", "statistic"]]))
    near = counts[small(pd.Series((counts["value"].to_numpy() - ours.to_numpy()), index=counts.index).abs())]
    why[other & (why == "") & like(exact, near, ["analysis", "level"])] = "differs from the main definition by a few people"


def _round5(values: pd.Series) -> pd.Series:
    return np.floor(values / BASE + 0.5) * BASE


def _rounded(exact: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    frame = exact.copy()
    for column in ("n", "events"):
        frame[column] = _round5(frame[column].astype("float64")).astype("Int64")
    whole = (kinds == "count") | ((kinds == "size") & ~_of_test(exact))
    frame.loc[whole, "value"] = _round5(frame.loc[whole, "value"])
    share = kinds == "share"
    n = frame.loc[share, "n"].astype("float64")
    frame.loc[share, "value"] = 100 * frame.loc[share, "events"].astype("float64") / n.where(n > 0)
    rates = (frame["statistic"] == "rate") & (exact["events"] > 0)
    frame.loc[rates, "value"] *= (frame.loc[rates, "events"] / exact.loc[rates, "events"]).astype("float64")
    digits = frame["statistic"].map({name: statistic.digits for name, statistic in STATISTICS.items()})
    for places in sorted(set(digits[kinds == "number"])):
        chosen = (kinds == "number") & (digits == places) & (frame["analysis"] != "study")
        frame.loc[chosen, "value"] = frame.loc[chosen, "value"].round(int(places))
    return frame


def _of_test(exact: pd.DataFrame) -> pd.Series:
    """Degrees of freedom of a chi-square test count terms, not people."""
    return exact["term"].isin([*_TESTS, "proportional hazards", INTERACTION])


def _blank_known(frame: pd.DataFrame, exact: pd.DataFrame, why: pd.Series) -> None:
    """Blank `n` and `events` beside a shown number where that count itself is withheld in the cell."""
    cells = _cells(exact)
    known = cells.assign(value=exact["value"])[(_kinds(exact) == "count") & (why != "")]
    for column in ("n", "events"):
        pairs = cells.assign(value=exact[column].astype("float64"))
        frame.loc[like(pairs, known, [*_CELL, "value"]), column] = pd.NA
