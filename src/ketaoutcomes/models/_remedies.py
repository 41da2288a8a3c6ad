"""What stands beside a hazard ratio because hazards may not be proportional: mean times without the event, shares at landmarks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ketaoutcomes.domain.analyses import Cox
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models._results import Results
from ketaoutcomes.models._scores import arms_of
from ketaoutcomes.models._survival import at_time, greenwood_variance, product_limit, restricted_means


def beside_hazards(rows: Results, study: Study, analysis: Cox, found: pd.DataFrame) -> None:
    """Difference in restricted mean time without the event, and in the shares without it at each landmark, by arm, without adjustment."""
    reference, *others = arms_of(study, found)
    for arm in others:
        pair = found[found["arm"].isin([arm, reference])]
        _restricted(rows, analysis, pair, (arm, reference))
        for landmark in analysis.landmarks:
            _landmark(rows, analysis, pair, (arm, reference), landmark)


def _behind(pair: pd.DataFrame) -> dict[str, int]:
    groups = pair.groupby("arm")["event"]
    return {"n": int(groups.size().min()), "events": int(groups.sum().min())}


def _restricted(rows: Results, analysis: Cox, pair: pd.DataFrame, arms: tuple[str, str]) -> None:
    """Up to the declared time, or the earlier of the arms' last times; never beyond it."""
    common = float(pair.groupby("arm")["time"].max().min())
    until = min(analysis.until or common, common)
    group = ["1" if arm == arms[0] else "0" for arm in pair["arm"]]
    means = restricted_means(pair["time"].to_numpy(float), pair["event"].to_numpy(bool), group, until, analysis.conf_level)
    key: dict[str, Any] = {"term": "restricted mean", "day": until, **_behind(pair)}
    for arm, against, name in ((*arms, "mean1"), (*arms[::-1], "mean0")):
        rows.add("restricted_mean", means[name], arm=arm, level=against, **key)
    difference: dict[str, Any] = {**key, "term": "restricted mean difference", "arm": arms[0], "comparator": arms[1]}
    rows.add("restricted_mean", means["difference"], **difference)
    rows.add("std_error", means["std_error"], **difference)
    rows.add("conf_low", means["lower"], conf_level=analysis.conf_level, **difference)
    rows.add("conf_high", means["upper"], conf_level=analysis.conf_level, **difference)
    rows.add("p_value", means["p"], **difference)


def _landmark(rows: Results, analysis: Cox, pair: pd.DataFrame, arms: tuple[str, str], landmark: float) -> None:
    """Shares without the event at one time, their difference with Greenwood's errors."""
    key: dict[str, Any] = {"day": landmark, **_behind(pair)}
    values: list[float] = []
    variance = 0.0
    for arm, against in (arms, arms[::-1]):
        part = pair[pair["arm"] == arm]
        curve = product_limit(part["time"].to_numpy(float), part["event"].to_numpy(bool), analysis.conf_level)
        values.append(at_time(curve, landmark)[0])
        variance += greenwood_variance(curve, landmark)
        rows.add("survival", values[-1], term="landmark", arm=arm, level=against, **key)
    difference, error = values[0] - values[1], math.sqrt(variance)
    half = float(ndtri(0.5 + analysis.conf_level / 2)) * error
    where: dict[str, Any] = {**key, "term": "landmark difference", "arm": arms[0], "comparator": arms[1]}
    known = error > 0
    rows.add("risk_difference", 100 * difference, **where)
    rows.add("conf_low", 100 * (difference - half) if known else np.nan, conf_level=analysis.conf_level, **where)
    rows.add("conf_high", 100 * (difference + half) if known else np.nan, conf_level=analysis.conf_level, **where)
    rows.add("p_value", float(2 * ndtr(-abs(difference) / error)) if known else np.nan, **where)
