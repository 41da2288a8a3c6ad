"""Curves over time and incidences at declared times, whose differences would tell of few events."""

from __future__ import annotations

import pandas as pd

from ketaoutcomes.disclosure._counts import SMALL, like, small
from ketaoutcomes.schema.ard import CURVE

#: Note of each step that a released curve still has.
GATHERED = f"drawn once more than {SMALL} events have gathered since the step before"


def incidence(exact: pd.DataFrame, why: pd.Series) -> None:
    """An incidence goes when it lies a few events beyond the one shown before it: their difference would tell how many.

    Where the number of competing events is withheld all of an arm's go: beside the product-limit curve they would tell it.
    """
    given = exact["term"] == "incidence"
    competing = exact[(exact["statistic"] == "n_events") & (exact["term"] == "competing") & (why != "")]
    why[(given | (exact["term"] == CURVE)) & (why == "") & like(exact, competing, ["analysis", "arm"])] = "would tell how many competing events there are"
    curves = exact[given & (exact["statistic"] == "incidence")].sort_values("day", kind="stable")
    for _, curve in curves.groupby(["analysis", "arm"], sort=False):
        before = 0
        shown = curve[why[curve.index] == ""]
        for at, events in enumerate(shown["events"].tolist()):
            if 0 < events - before <= SMALL:
                of_day = given & like(exact, shown.iloc[[at]], ["analysis", "arm", "day"])
                why[of_day & (why == "")] = "a few events lie between it and the incidence before it"
            else:
                before = events


def curves(exact: pd.DataFrame, why: pd.Series) -> None:
    """A step goes unless more than a few events lie between it and the level shown before, or an incidence declared for a later day.

    A curve ends where few are at risk.
    """
    curve = exact[exact["term"] == CURVE]
    declared = exact[(exact["term"] == "incidence") & (exact["statistic"] == "incidence") & (why == "")]
    for (analysis, arm), rows in curve.groupby(["analysis", "arm"], sort=False):
        others = declared[(declared["analysis"] == analysis) & (declared["arm"] == arm)].set_index("day")["events"].astype("int64")
        total = before = 0
        ended = False
        for day, step in rows.groupby("day", sort=True):
            total += int(step["events"].iloc[0])
            ended = ended or bool(small(step["n"]).any())
            before = max([before, *others[others.index <= day]])
            apart = [total - before, *(others[others.index > day] - total)]
            if (why[step.index] != "").any() or ended or any(1 <= events <= SMALL for events in apart):
                why.loc[step.index[why[step.index] == ""]] = f"few at risk, or {SMALL} events or fewer since the step shown before"
            else:
                before = total


def gathered(exact: pd.DataFrame, why: pd.Series) -> pd.DataFrame:
    """`exact`, where the events of a shown step are those since the step shown before."""
    exact = exact.copy()
    for _, rows in exact[exact["term"] == CURVE].groupby(["analysis", "arm", "statistic"], sort=False):
        so_far = rows.sort_values("day")["events"].cumsum()
        shown = so_far[why[so_far.index] == ""]
        exact.loc[shown.index, "events"] = shown.diff().fillna(shown)
    return exact
