"""{title}: the analysis "{of}" was repeated in {population} within each level of {columns}: {number} subgroups, declared in the plan. The column
itself was left out of the model where everybody of a subgroup has the same value. Whether the {effects} vary over the levels of a column was
tested by comparing these independent estimates: the difference of two over its standard error (Altman and Bland, BMJ 2003;326:219), Cochran's Q for
more; normal distribution. Nothing is adjusted for the number of subgroups. Intervals within a subgroup are wider than in the whole, since fewer
people stand behind them; that one subgroup has a small p value and another has not is no evidence of a difference between them, and no p values are
given within subgroups. People without a value of a column are left out of its levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ketaoutcomes.domain.analyses import Ancova, Cox, Mmrm, Proportions, Subgroups
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.subgroup_checks import levels_of
from ketaoutcomes.models import analyse as run
from ketaoutcomes.models._bands import bands_of
from ketaoutcomes.models._interaction import heterogeneity
from ketaoutcomes.models._results import Results, results
from ketaoutcomes.models._scores import arms_of, people_of
from ketaoutcomes.models._words import population_words
from ketaoutcomes.schema.ard import INTERACTION, NO_VALUE, PEOPLE, match, shown_first

Repeated = Mmrm | Ancova | Proportions | Cox


@dataclass(frozen=True, slots=True)
class _Effect:
    """A comparison within one level, on the scale on which levels are compared."""

    estimate: float
    error: float
    n: int
    events: int | None
    flagged: bool


def analyse(study: Study, name: str, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """People, the comparison within each level and the test between levels, for each column and arm."""
    analysis = study.analyses[name]
    assert isinstance(analysis, Subgroups)
    of = study.analyses[analysis.of]
    assert isinstance(of, Repeated)
    people = people_of(of, data)
    rows = results(study, name, parameter=of.endpoint, period=of.period)
    reference, *others = arms_of(study, people)
    for column in analysis.by:
        names, own = _levels(study, analysis, people, column)
        _people(rows, people, own, column, names)
        effects: dict[str, list[_Effect]] = {arm: [] for arm in others}
        for level in names:
            inside = people[own == level]
            found = _within(study, analysis, data, column, inside) if len(inside) else pd.DataFrame()
            for arm in others:
                effect = _compared(rows, study, analysis, found, inside, (arm, reference), {"subgroup": column, "level": level})
                effects[arm] += [effect] if effect else []
        for arm in others:
            _interaction(rows, effects[arm], len(names), subgroup=column, arm=arm, comparator=reference, visit=_visit(analysis, of))
    _conclude(rows, study, analysis, of)
    return rows.frame()


def _visit(analysis: Subgroups, of: Repeated) -> str:
    if isinstance(of, Proportions):
        return analysis.visit or of.visits[-1]
    return "" if isinstance(of, Cox) else of.visit


def _levels(study: Study, analysis: Subgroups, people: pd.DataFrame, column: str) -> tuple[list[str], pd.Series]:
    """Names of a column's levels, and the level of each person; none without a value."""
    spec = study.participant_columns[column]
    if not spec.is_number:
        return levels_of(spec), people[column]
    names = bands_of(analysis.cuts[column])
    values = people[column].astype(float)
    place = np.searchsorted(analysis.cuts[column], values.to_numpy(), side="left")
    return names, pd.Series([names[at] if known else None for at, known in zip(place, values.notna(), strict=True)], index=people.index, dtype="object")


def _people(rows: Results, people: pd.DataFrame, own: pd.Series, column: str, names: list[str]) -> None:
    """People by level and arm; the levels, and those without a value, add up to the arm, the arms to everybody."""
    arms = sorted(people["arm"].unique())
    for arm in ["", *arms]:
        inside = people["participant"].where(people["arm"] == arm).dropna() if arm else people["participant"]
        of = own[inside.index]
        for level, n in [("", len(inside)), *((level, int((of == level).sum())) for level in names), (NO_VALUE, int(of.isna().sum()))]:
            rows.add("n", n, n=n, term=PEOPLE, subgroup=column, level=level, arm=arm)


def _within(study: Study, analysis: Subgroups, data: dict[str, pd.DataFrame], column: str, inside: pd.DataFrame) -> pd.DataFrame:
    """The results of the repeated analysis in the people of one level, with its comparisons not adjusted for each other."""
    of = study.analyses[analysis.of]
    assert isinstance(of, Repeated)
    dropped = {column} if len(set(inside[column])) <= 1 else set[str]()
    changed: dict[str, Any] = {"covariates": [one for one in of.covariates if one not in dropped], "conf_level": analysis.conf_level}
    changed |= {"adjust": None} if isinstance(of, Mmrm | Ancova) else {}
    design = study.design.model_copy(update={"strata": [one for one in study.design.strata if one not in dropped]})
    restricted = study.model_copy(update={"analyses": {**study.analyses, analysis.of: of.model_copy(update=changed)}, "design": design})
    adsl = data["adsl"]
    return run(restricted, analysis.of, {**data, "adsl": adsl[adsl["participant"].isin(inside["participant"])]})


_TERMS = {"proportions": ("contrast: risk difference", "risk_difference"), "cox": ("contrast", "hazard_ratio")}


def _compared(
    rows: Results, study: Study, analysis: Subgroups, found: pd.DataFrame, inside: pd.DataFrame, pair: tuple[str, str], level: dict[str, str]
) -> _Effect | None:
    """The rows of one comparison within a level, or one that says why there is none."""
    of = study.analyses[analysis.of]
    assert isinstance(of, Repeated)
    term, statistic = _TERMS.get(of.model, ("contrast", "estimate"))
    key: dict[str, Any] = {"term": term, "arm": pair[0], "comparator": pair[1], "visit": _visit(analysis, of)}
    empty = [study.design.arms[arm].label for arm in pair if not (inside["arm"] == arm).any()]
    same = match(found, **key) if len(found) and not empty else pd.DataFrame(columns=["method", "statistic", "value", "status"])
    first = shown_first(same)
    shown = first[first["statistic"].isin([statistic, "conf_low", "conf_high"])]
    if len(shown) < 3 or shown["value"].isna().any():
        fewest = min(int((inside["arm"] == arm).sum()) for arm in pair)
        note = f"nobody in {' and '.join(empty)}" if empty else _reason(found)
        rows.rows.append({**rows.key, **key, **level, "statistic": statistic, "value": None, "n": fewest, "status": "not_estimable", "note": note})
        return None
    own = {column: rows.key[column] for column in ("study", "analysis", "population")}
    rows.rows += [{str(column): value for column, value in record.items()} | own | level for record in shown.to_dict("records")]
    return _effect(shown, same, statistic, analysis.conf_level)


def _reason(found: pd.DataFrame) -> str:
    verdict = match(found, statistic="verdict").iloc[0]
    failed = verdict["status"] in {"not_estimable", "failed"}
    # what follows the colon are numbers of the failed fit, which rounding decides
    return str(verdict["note"]).partition(":")[0] if failed else "the model gives no comparison here: nobody with a value, or nobody with the event, in an arm"


def _effect(shown: pd.DataFrame, same: pd.DataFrame, statistic: str, conf_level: float) -> _Effect | None:
    """The estimate and its error: the model's, or the one that symmetric limits hold; none where these say nothing, as Wald's without events in an arm."""
    limits = match(same, method="wald") if set(shown["method"]) == {"newcombe"} else same[same["method"].isin(shown["method"])]
    value = {str(row.statistic): float(str(row.value)) for row in limits.itertuples()}
    if not all(math.isfinite(value.get(name, math.nan)) for name in (statistic, "conf_low", "conf_high")):
        return None
    scale = math.log if statistic == "hazard_ratio" else float
    half = (scale(value["conf_high"]) - scale(value["conf_low"])) / 2
    error = value.get("std_error", half / float(ndtri((1 + conf_level) / 2)))
    row = shown.iloc[0]
    events = None if pd.isna(row["events"]) else int(row["events"])
    return _Effect(scale(value[statistic]), error, int(row["n"]), events, bool((shown["status"] == "flagged").any())) if error > 0 else None


def _interaction(rows: Results, effects: list[_Effect], levels: int, **key: Any) -> None:  # noqa: ANN401 - passed on to Results.add
    """Whether the levels' effects differ; among how many of them, where some have none."""
    key |= {"term": INTERACTION, "method": "altman_bland" if len(effects) == 2 else "cochran_q"}
    rows.note = f"{len(effects)} of {levels} levels are compared" if len(effects) < levels else ""
    if len(effects) < 2:
        rows.status, rows.note = "not_estimable", "fewer than two levels have an estimate with an error"
        rows.add("p_value", None, **key)
    else:
        rows.status = "flagged" if any(effect.flagged for effect in effects) else "ok"
        q, df, p = heterogeneity([effect.estimate for effect in effects], [effect.error for effect in effects])
        events = [effect.events for effect in effects if effect.events is not None]
        behind: dict[str, Any] = {"n": min(effect.n for effect in effects), "events": min(events) if events else None}
        for statistic, value in (("chisq", q), ("df", float(df)), ("p_value", p)):
            rows.add(statistic, value, **behind, **key)
    rows.status, rows.note = "ok", ""


def _conclude(rows: Results, study: Study, analysis: Subgroups, of: Repeated) -> None:
    found = [row for row in rows.rows if str(row["term"]).startswith("contrast") and row["statistic"] in {"estimate", "risk_difference", "hazard_ratio"}]
    estimated = [row for row in found if row["status"] in {"ok", "flagged"}]
    flagged = len(estimated) < len(found) or any(row["status"] == "flagged" for row in estimated)
    names = [(study.participant_columns[name].label or name.replace("_", " ")).lower() for name in analysis.by]
    rows.method(
        __doc__,
        title=analysis.title,
        of=of.title,
        population=population_words(study, analysis.population),
        columns=f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0],
        number=len({(row["subgroup"], row["level"]) for row in found}),
        effects={"proportions": "risk differences", "cox": "log hazard ratios"}.get(of.model, "differences between the arms"),
    )
    status = "not_estimable" if not estimated else "flagged" if flagged else "ok"
    evidence = f"{len(estimated)} of {len(found)} comparisons within subgroups were estimated"
    rows.verdict(status, evidence + ("; some are flagged" if any(row["status"] == "flagged" for row in estimated) else ""))
