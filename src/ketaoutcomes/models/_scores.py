"""The rows that enter a model of scores: population, period, visits, covariates, factor levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ketaoutcomes.domain.analyses import Analysis
from ketaoutcomes.domain.endpoints import Numeric, ScoreEndpoint
from ketaoutcomes.domain.study import Study

#: Terms that a crossover has besides the participants' columns.
CROSSOVER = ("base_within", "base_between", "sequence")
_VALUE = {"value": "aval", "change": "chg", "percent_change": "pchg", "area": "aval", "tally": "aval"}


@dataclass(frozen=True, slots=True)
class Scores:
    """Rows for a model.

    Attributes
    ----------
    rows
        One row per participant, period and visit with a value: ``participant, period, arm, visit,
        time, base, response`` and the covariates.
    people
        One row per participant and period of the analysis set, seen or not.
    levels
        Factor levels present, the reference first.
    excluded
        Participants left out, by reason.
    incomplete
        Rows without a covariate that varies, and the participants they are of.
    """

    rows: pd.DataFrame
    people: pd.DataFrame
    levels: dict[str, list[str]]
    excluded: dict[str, int]
    incomplete: dict[str, tuple[int, int]]


def people_of(analysis: Analysis, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Participants (by period) whom the analysis' population and period hold."""
    adsl = data["adsl"]
    inside = adsl[f"pop_{analysis.population}"] == "yes"
    period = getattr(analysis, "period", "all")
    inside &= (adsl["trtp"] != "") if period == "all" else (adsl["period"] == period)
    # the study's own arm column is what trtp was made from
    arm = "trta" if analysis.arms == "actual" else "trtp"
    return adsl[inside].drop(columns="arm", errors="ignore").rename(columns={arm: "arm"}).reset_index(drop=True)


def arms_of(study: Study, people: pd.DataFrame) -> list[str]:
    """Arms that hold people (all arms when nobody is there), the reference first, the others in the study file's order."""
    present = set(people["arm"].dropna())
    arms = sorted(study.design.arms, key=lambda arm: arm != study.design.reference)
    return [arm for arm in arms if arm in present] or sorted(present) or arms


def scores(
    study: Study, analysis: Analysis, data: dict[str, pd.DataFrame], covariates: list[str], visit: str | None = None, varying: Sequence[str] = ()
) -> Scores:
    """Rows for a model of a score endpoint; `visit` restricts to one visit, `varying` are parameters whose score at the same visit is a covariate.

    The baseline row is never a response. Rows that intercurrent events take out, without a value,
    without baseline (when it is needed) or without a covariate do not enter; people who thereby
    have no row at all are counted in `excluded`, rows without a covariate that varies in `incomplete`.
    """
    endpoint = study.endpoints[getattr(analysis, "endpoint")]
    assert isinstance(endpoint, Numeric)
    people = people_of(analysis, data)
    adqs = data["adqs"]
    taken = _taken(analysis, endpoint, data)
    if visit is not None:
        taken = taken[taken["avisit"] == visit]
    names = [name for name in covariates if name not in {"base", "period", "site", *CROSSOVER}]
    site = [study.design.site] if "site" in covariates and study.design.site else []
    rows = taken.drop(columns="trtp").merge(people[["participant", "period", "arm", *names, *site]], on=["participant", "period"])
    rows = rows.assign(visit=rows["avisit"], time=rows["avisitn"], response=rows[_VALUE[endpoint.kind]])
    if site:
        rows = rows.rename(columns={site[0]: "site"})
    if set(covariates) & set(CROSSOVER):
        rows = _within_and_between(rows, adqs[adqs["paramcd"] == endpoint.parameter], data["adsl"], study)
    seen = rows[rows["aval"].notna()]
    for name in varying:
        same = adqs[adqs["paramcd"] == name].rename(columns={"aval": name})
        seen = seen.merge(same[["participant", "period", "avisit", name]], on=["participant", "period", "avisit"], how="left")
    incomplete = {name: seen[seen[name].isna()] for name in varying}
    needed = [
        "response",
        *(["base"] if "base" in covariates else []),
        *names,
        *(["site"] if site else []),
        *(name for name in CROSSOVER if name in covariates),
        *varying,
    ]
    complete = seen[seen[needed].notna().all(axis=1)].reset_index(drop=True)
    excluded = {
        "without a value after baseline": _lost(people, seen),
        "without baseline or a covariate": _lost(seen, complete),
    }
    left_out = {name: (len(part), part["participant"].nunique()) for name, part in incomplete.items()}
    return Scores(complete, people, _levels(study, complete, people, covariates), excluded, left_out)


def _taken(analysis: Analysis, endpoint: Numeric, data: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Scores after baseline that intercurrent events leave in: at the visits, or each at its own day under no visit."""
    name = getattr(analysis, "endpoint") if endpoint.derived else endpoint.parameter
    if getattr(analysis, "days", "") == "all":
        rows = data["adqd"][(data["adqd"]["paramcd"] == name) & (data["adqd"]["anl"] == "yes")]
        return rows.assign(avisit="", avisitn=rows["ady"])
    adqs = data["adqs"]
    return adqs[(adqs["paramcd"] == name) & (adqs["ablfl"] == "no") & (adqs["anl"] == "yes")]


def _within_and_between(rows: pd.DataFrame, scores: pd.DataFrame, people: pd.DataFrame, study: Study) -> pd.DataFrame:
    """A person's mean baseline over the periods of a crossover, each period's deviation from it, and the order of their arms."""
    bases = scores.dropna(subset=["base"]).drop_duplicates(["participant", "period"])
    mean = rows["participant"].map(bases.groupby("participant")["base"].mean())
    order = {period.id: at for at, period in enumerate(study.periods)}
    entered = people[people["period"].isin(list(order)) & (people["trtp"] != "")]
    entered = entered.assign(at=entered["period"].map(order)).sort_values(["participant", "at"], kind="stable")
    sequence = entered.groupby("participant")["trtp"].agg(" then ".join)
    return rows.assign(base_between=mean, base_within=rows["base"] - mean, sequence=rows["participant"].map(sequence))


def with_baseline(study: Study, analysis: Analysis, data: dict[str, pd.DataFrame], found: Scores, covariates: list[str]) -> tuple[pd.DataFrame, str]:
    """The rows with the baseline score of everybody in the set as one row more, also of people never seen again, and the name of its visit."""
    endpoint = study.endpoints[getattr(analysis, "endpoint")]
    assert isinstance(endpoint, ScoreEndpoint)
    visit = next(p for p in study.periods if p.id == getattr(analysis, "period")).baseline.visit
    adqs = data["adqs"]
    first = adqs[(adqs["paramcd"] == endpoint.parameter) & adqs["base"].notna()].drop_duplicates(["participant", "period"])
    people = found.people.merge(first[["participant", "period", "base"]], on=["participant", "period"])
    if study.design.site and "site" in covariates:
        people = people.rename(columns={study.design.site: "site"})
    people = people[people[covariates].notna().all(axis=1)] if covariates else people
    baseline = people[["participant", "period", "arm", *covariates]].assign(visit=visit, response=people["base"])
    return pd.concat([found.rows, baseline], ignore_index=True), visit


def _lost(before: pd.DataFrame, after: pd.DataFrame) -> int:
    return before["participant"].nunique() - after["participant"].nunique()


def _levels(study: Study, rows: pd.DataFrame, people: pd.DataFrame, covariates: list[str]) -> dict[str, list[str]]:
    order = {visit.id: visit.time for visit in study.visits}
    levels = {"visit": sorted((visit for visit in rows["visit"].unique() if visit in order), key=lambda visit: order[visit])}
    levels["arm"] = arms_of(study, people)
    columns = study.participant_columns
    for name in covariates:
        if name == "period":
            levels[name] = [p.id for p in study.periods if p.id in set(rows["period"])]
        elif name == "site":
            levels[name] = sorted(rows["site"].unique())
        elif name == "sequence":
            levels[name] = sorted(rows["sequence"].dropna().unique())
        elif name not in {"base", "base_within", "base_between"} and not columns[name].is_number:
            present = set(rows[name].dropna())
            levels[name] = [level for level in columns[name].levels or sorted(present) if level in present]
    return levels


def n_by(rows: pd.DataFrame, arm: str | None = None, visit: str | None = None) -> int:
    """Participants with a value, in an arm, at a visit."""
    inside = pd.Series(True, index=rows.index)
    if arm is not None:
        inside &= rows["arm"] == arm
    if visit is not None:
        inside &= rows["visit"] == visit
    return int(rows["participant"][inside].nunique())
