"""How sites differ: their standard deviation, a new site, and the rows of caterpillar and funnel, under codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from ketaoutcomes.disclosure import SMALL
from ketaoutcomes.mixed import BinaryFit, Fit
from ketaoutcomes.models._results import Results

#: Sites with fewer people stand together in one row.
FEWEST = SMALL + 1


def of_scores(rows: Results, fit: Fit, data: pd.DataFrame, visit: str | None, conf_level: float) -> None:
    """Of a linear mixed model: also the mean of a new site, at the main visit or at each declared time."""
    variance = float(fit.covariances["site"].to_numpy()[0, 0])
    sizes = data.groupby("site")["participant"].nunique()
    means = [row for row in rows.rows if row.get("term") == "ls_mean" and row["statistic"] in {"estimate", "std_error"} and row.get("visit", visit) == visit]
    _between(rows, math.sqrt(variance), sizes)
    if variance > 0:
        _new_site(rows, means, variance, len(sizes), conf_level)
        _caterpillar(rows, fit.random_effects()["site"], sizes, variance, conf_level)


def of_events(rows: Results, fit: BinaryFit, sizes: pd.Series, name: str, conf_level: float) -> None:
    """Of a binary mixed model, on the scale of log odds or log hazards. `name` is what the engine calls the sites."""
    variance = float(fit.covariances[name].to_numpy()[0, 0])
    _between(rows, math.sqrt(variance), sizes)
    if variance > 0:
        _caterpillar(rows, fit.random_effects()[name].rename(columns={name: "site"}), sizes, variance, conf_level)


def _between(rows: Results, spread: float, sizes: pd.Series) -> None:
    people = int(sizes.sum())
    rows.add("sd_between", spread, n=people, term="site")
    rows.add("n_sites", len(sizes), n=people, term="site")


def _new_site(rows: Results, means: list[dict[str, Any]], variance: float, sites: int, conf_level: float) -> None:
    """Where the mean of a site that was not seen lies: mean +- t(k - 2) sqrt(SE^2 + variance between the k sites).

    Higgins, Thompson & Spiegelhalter (2009), J R Stat Soc A 172:137, section 3.3; not estimable with fewer than 3 sites.
    """
    errors = {(row.get("visit"), row.get("day"), row.get("arm")): row["value"] for row in means if row["statistic"] == "std_error"}
    for row in [row for row in means if row["statistic"] == "estimate" and row["value"] is not None]:
        place = {name: row[name] for name in ("visit", "day", "arm") if name in row}
        error = errors[row.get("visit"), row.get("day"), row.get("arm")]
        half = float(stdtrit(sites - 2, (1 + conf_level) / 2)) * math.sqrt(error**2 + variance) if sites > 2 else math.nan
        for statistic, value in (("predicted_low", row["value"] - half), ("predicted_high", row["value"] + half)):
            rows.add(statistic, value, n=row["n"], term="new site", conf_level=conf_level, **place)


def _caterpillar(rows: Results, effects: pd.DataFrame, sizes: pd.Series, variance: float, conf_level: float) -> None:
    """Each site's predicted effect, and its deviation before shrinkage; the code is the rank of the effect.

    Every row carries the size of the smallest site that stands alone: its own would name a site that is known to be large.
    The deviation is the effect over its reliability 1 - PEV / variance, with the error sqrt(PEV) / reliability^(1/2): what the
    site's own people say (Garrick, Taylor & Fernando 2009, Genet Sel Evol 41:55).
    """
    found = effects.assign(n=effects["site"].map(sizes))
    alone = found[found["n"] >= FEWEST].sort_values("estimate", kind="stable", ignore_index=True)
    few = found[found["n"] < FEWEST]
    least = int(alone["n"].min()) if len(alone) else 0
    z = float(ndtri((1 + conf_level) / 2))
    for at, (estimate, error) in enumerate(zip(alone["estimate"], alone["conditional_sd"], strict=True), start=1):
        where: dict[str, Any] = {"n": least, "level": f"site {at:0{len(str(len(alone)))}d}"}
        _effect(rows, float(estimate), float(error), z, conf_level, {**where, "term": "site effect"})
        reliability = 1 - error**2 / variance
        rows.add("estimate", estimate / reliability, **where, term="site deviation")
        rows.add("std_error", error / math.sqrt(reliability), **where, term="site deviation")
    if len(few):
        weights = few["n"].to_numpy(float) / few["n"].sum()
        estimate, error = float(weights @ few["estimate"]), float(np.sqrt(weights**2 @ few["conditional_sd"] ** 2))
        where = {"n": int(few["n"].sum()), "level": f"sites with fewer than {FEWEST} people", "term": "site effect"}
        rows.add("n_sites", len(few), **where)
        _effect(rows, estimate, error, z, conf_level, where)


def _effect(rows: Results, estimate: float, error: float, z: float, conf_level: float, where: dict[str, Any]) -> None:
    rows.add("estimate", estimate, **where)
    rows.add("std_error", error, **where)
    rows.add("conf_low", estimate - z * error, conf_level=conf_level, **where)
    rows.add("conf_high", estimate + z * error, conf_level=conf_level, **where)
