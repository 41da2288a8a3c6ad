"""Does everything a study file names exist in it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType

from ketaoutcomes.domain.analyses import (
    AdverseEvents,
    Ancova,
    Cox,
    CumulativeIncidence,
    Descriptive,
    Exposure,
    Gee,
    Glmm,
    Hazard,
    KaplanMeier,
    Landmark,
    Lmm,
    Mmrm,
    Ordinal,
    Paired,
    Proportions,
    Subgroups,
    VisitProcess,
    Weighted,
)
from ketaoutcomes.domain.endpoint_checks import endpoint_problems
from ketaoutcomes.domain.endpoints import (
    Numeric,
    ScoreEndpoint,
    TimeEndpoint,
    YesNo,
)
from ketaoutcomes.domain.instruments import contradictions, instruments
from ketaoutcomes.domain.model_checks import (
    model_problems,
    visit_problems,
)
from ketaoutcomes.domain.rule_checks import event_problems, rule_problems
from ketaoutcomes.domain.study import Hypothesis, Study
from ketaoutcomes.domain.subgroup_checks import subgroup_problems
from ketaoutcomes.domain.table_rules import WORDS, Key, Problem, table_problems, unless
from ketaoutcomes.domain.tables import Column

#: File names that Windows gives to devices.
_DEVICES = {"con", "nul", "aux", "prn", *(f"{port}{at}" for port in ("com", "lpt") for at in range(10))}
#: Analyses' names that the results already use: the study's words and the published targets.
_TAKEN = {"study", "published"}
#: Columns that make a result the only one (`schema.ard.KEY` but for the study; a test holds them in step).
RESULT_KEY = (
    "analysis", "population", "parameter", "subgroup", "level", "period", "arm",
    "comparator", "visit", "day", "term", "method", "conf_level", "statistic",
)  # fmt: skip
_PRINTED = re.compile(r"[-+−]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\Z")


def unresolved(study: Study) -> Iterator[Problem]:
    """Each reference that leads nowhere and each combination that has no meaning.

    Yields
    ------
    tuple
        The key in the study file, and what is wrong with it.
    """
    yield from _names(study)
    yield from table_problems(study)
    yield from _design(study)
    yield from _periods(study)
    yield from _populations(study)
    yield from endpoint_problems(study)
    yield from rule_problems(study)
    yield from _analyses(study)
    yield from _rest(study)


def _names(study: Study) -> Iterator[Problem]:
    if study.study in _DEVICES:
        yield ("study",), "Windows keeps this name for a device; choose another"
    for name in study.analyses:
        if name in _DEVICES | _TAKEN:
            yield ("analyses", name), "this name has a meaning of its own; choose another"
    for name in study.instruments:
        if name in instruments():
            yield ("instruments", name), "the catalogue has an instrument of this name; choose another"
    for name, problem in contradictions(study.scales).items():
        yield ("instruments", name), problem
    for at, period in enumerate(study.periods):
        if period.id in {"all", "none"}:
            yield ("periods", at, "id"), "this name means every period, or none; choose another"


def _design(study: Study) -> Iterator[Problem]:
    design, columns = study.design, study.participant_columns
    yield from unless(design.reference, design.arms, ("design", "reference"), "arm")
    if len(design.arms) > 1 and design.reference is None:
        yield ("design",), "more than one arm needs a reference"
    if design.kind in {"observational", "single_arm"} and design.randomised:
        yield ("design", "randomised"), f"a {design.kind} design is not randomised"
    for field, names in (("strata", design.strata), ("confounders", design.confounders)):
        for at, name in enumerate(names):
            yield from unless(name, columns, ("design", field, at), "participants' column")
    yield from unless(design.site, columns, ("design", "site"), "participants' column")
    if design.site in columns and columns[design.site].kind not in WORDS:
        yield ("design", "site"), "a site is a text or a category"
    printed = [" ".join(arm.label.split()) for arm in design.arms.values()]
    for at, name in enumerate(design.arms):
        if not printed[at]:
            yield ("design", "arms", name, "label"), "this arm has no label: displays would not name it"
        elif printed[at] in printed[:at]:
            yield ("design", "arms", name, "label"), "another arm has this label: displays could not tell them apart"
    if design.kind == "single_arm" and len(design.arms) > 1:
        yield ("design", "arms"), "a single_arm design has one arm"
    if len(design.arms) > 1 and not any(period.arm for period in study.periods):
        yield ("periods",), "with more than one arm at least one period must name its `arm` column"
    if study.status == "open" and study.profile:
        yield ("privacy", "profile"), "an open study is released exactly: remove the profile, or say `status: confidential`"
    if study.status == "confidential" and not study.profile:
        yield ("status",), "a confidential study needs `privacy: {profile: ...}`; there is no default"


def _periods(study: Study) -> Iterator[Problem]:
    columns, periods = study.participant_columns, {period.id for period in study.periods}
    if len(periods) < len(study.periods):
        yield ("periods",), "two periods have the same id"
    for at, period in enumerate(study.periods):
        for field, name in (("start", period.start), ("arm", period.arm), ("actual_arm", period.actual_arm)):
            yield from unless(name, columns, ("periods", at, field), "participants' column")
            if field != "start" and name in columns and columns[name].kind not in WORDS:
                yield ("periods", at, field), "an arm is a text or a category"
        if period.start in columns and not columns[period.start].is_number:
            yield ("periods", at, "start"), "a period starts on a study day: a number, or a date with `since`"
        yield from unless(period.eligibility, study.populations, ("periods", at, "eligibility"), "population")
        chosen = study.populations.get(period.eligibility or "")
        if chosen and (chosen.baseline_of or chosen.post_baseline_of):
            yield ("periods", at, "eligibility"), "scores cannot decide who enters a period; use a population that only has `where`"
        where = ("periods", at, "baseline")
        yield from unless(period.baseline.period, periods, (*where, "period"), "period")
        visits = {visit.id for visit in study.visits if visit.period == period.baseline.period}
        if study.visits:
            for visit in (period.baseline.visit, *period.baseline.otherwise):
                yield from unless(visit, visits, (*where, "visit"), "visit of that period")
    seen: set[tuple[str, str]] = set()
    for at, visit in enumerate(study.visits):
        yield from unless(visit.period, periods, ("visits", at, "period"), "period")
        if (visit.period, visit.id) in seen:
            yield ("visits", at, "id"), "this visit is declared twice in its period"
        seen.add((visit.period, visit.id))
        if visit.window and study.time_unit != "days":
            yield ("visits", at, "window"), "windows are in days; this study's time_unit is not"
        if not visit.window and (visit.take != "nearest" or visit.tie != "earlier"):
            yield ("visits", at, "take"), "`take` and `tie` choose within a `window`; without one there is nothing to choose"
        ranks = [study.scales[name].name for name in study.parameters.values() if name in study.scales and not study.scales[name].averaged]
        if visit.take == "mean" and ranks:
            yield ("visits", at, "take"), f"{ranks[0]} is never averaged: take another score of the window"
        if visit.window and not visit.window[0] <= visit.time <= visit.window[1]:
            yield ("visits", at, "window"), "the window does not hold the visit's time"
    yield from _crowded(study)


def _crowded(study: Study) -> Iterator[Problem]:
    """Two visits of a period at one time, or with days in common: a record would count twice."""
    for at, visit in enumerate(study.visits):
        for earlier in study.visits[:at]:
            if earlier.period != visit.period:
                continue
            if earlier.time == visit.time:
                yield ("visits", at, "time"), f"the visit {earlier.id} has the same time"
            if visit.window and earlier.window and visit.window[0] <= earlier.window[1] and earlier.window[0] <= visit.window[1]:
                yield ("visits", at, "window"), f"this window has days in common with that of {earlier.id}"


def _populations(study: Study) -> Iterator[Problem]:
    for name, population in study.populations.items():
        for column, allowed in population.where.items():
            key = ("populations", name, "where", column)
            yield from unless(column, study.participant_columns, key, "participants' column")
            if column in study.participant_columns:
                yield from _allowed(study.participant_columns[column], allowed, key)
        for field in ("baseline_of", "post_baseline_of"):
            yield from unless(getattr(population, field), study.parameters, ("populations", name, field), "parameter")


def _allowed(column: Column, allowed: list[str], key: Key) -> Iterator[Problem]:
    """Values that the column cannot have would choose nobody, in silence."""
    if column.kind not in {"text", "category", "flag"}:
        yield key, "a population chooses by texts, categories and flags, not by numbers or dates"
        return
    known = {"yes", "no"} if column.kind == "flag" else {*column.levels, *column.recode.values()} - {""}
    for value in allowed:
        if known:
            yield from unless(value, known, key, "value of this column")


def _analyses(study: Study) -> Iterator[Problem]:
    primary = [name for name, analysis in study.analyses.items() if analysis.primary]
    if len(primary) != 1:
        yield ("analyses",), f"exactly one analysis must say `primary: true`; here {len(primary)} do"
    for name, analysis in study.analyses.items():
        if analysis.sensitivity_of is not None and analysis.sensitivity_of not in set(study.analyses) - {name}:
            yield ("analyses", name, "sensitivity_of"), f"no other analysis is called {analysis.sensitivity_of!r}"
    if study.design.kind == "single_arm":
        yield from _completers_only(study)
    periods = {period.id for period in study.periods}
    for name, analysis in study.analyses.items():
        key = ("analyses", name)
        yield from unless(analysis.population, study.populations, (*key, "population"), "population")
        period = None if isinstance(analysis, Paired | Subgroups) else analysis.period
        crossed = isinstance(analysis, Descriptive | Lmm | Proportions) and study.design.kind == "crossover"
        if not (crossed and period == "all"):
            yield from unless(period, periods, (*key, "period"), "period")
        if isinstance(analysis, Descriptive):
            yield from _described(study, analysis, key)
        elif isinstance(analysis, Exposure):
            yield from _exposure(study, analysis, key)
        elif isinstance(analysis, VisitProcess):
            yield from visit_problems(study, analysis, key)
        elif isinstance(analysis, Subgroups):
            yield from subgroup_problems(study, analysis, key)
        elif isinstance(analysis, AdverseEvents):
            if not any(table.provides == "events" and "class" in table.columns for table in study.tables.values()):
                yield (*key, "model"), "no table of events has the column 'class', which tells adverse events from others"
        else:
            yield from _compared(study, analysis, key)


def _completers_only(study: Study) -> Iterator[Problem]:
    """Of one arm, those who came back are not the only people that a model may be of."""
    used = {analysis.population for analysis in study.analyses.values() if not isinstance(analysis, Descriptive)} & set(study.populations)
    if used and all(study.populations[name].post_baseline_of or study.populations[name].where for name in used):
        yield ("analyses",), "every model is of a selection (people with later scores, or `where`): completers look well; let one be of everybody treated"


def _described(study: Study, analysis: Descriptive, key: tuple[str | int, ...]) -> Iterator[Problem]:
    for at, name in enumerate(analysis.parameters):
        yield from unless(name, study.parameters, (*key, "parameters", at), "parameter")
    for at, name in enumerate(analysis.baseline):
        yield from unless(name, study.participant_columns, (*key, "baseline", at), "participants' column")
        yield from _no_date(study, name, (*key, "baseline", at))


def _exposure(study: Study, analysis: Exposure, key: Key) -> Iterator[Problem]:
    yield from unless(analysis.parameter, study.parameters, (*key, "parameter"), "parameter")
    if analysis.parameter in study.parameters and not study.scale(analysis.parameter).averaged:
        yield (*key, "parameter"), f"{study.scale(analysis.parameter).name} is {study.scale(analysis.parameter).kind}: it has no mean"
    given = {name for table in study.tables.values() if table.provides == "sessions" for name, column in table.columns.items() if column.is_number}
    yield from unless(analysis.by, (given | {"sessions"}) - {"session", "day"}, (*key, "by"), "sessions' column that is a number (or `sessions`)")
    if not any(table.provides == "sessions" and "day" in table.columns for table in study.tables.values()):
        yield (*key, "by"), "no table of sessions has a day, which tells what came before a score"
    if sorted(set(analysis.cuts)) != analysis.cuts:
        yield (*key, "cuts"), "write the ends of the bands in ascending order, each once"
    if study.time_unit != "days":
        yield key, "sessions have days: a study in another `time_unit` cannot place scores among them"


def _no_date(study: Study, name: str, key: Key) -> Iterator[Problem]:
    column = study.participant_columns.get(name)
    if column is not None and column.kind == "date":
        yield key, "a date does not leave ingest and cannot enter an analysis"


def _compared(study: Study, analysis: Mmrm | Lmm | Paired | Proportions | KaplanMeier | Cox | object, key: tuple[str | int, ...]) -> Iterator[Problem]:
    endpoint = getattr(analysis, "endpoint", "")
    yield from unless(endpoint, study.endpoints, (*key, "endpoint"), "endpoint")
    yield from _right_kind(study, analysis, key)
    for field in ("covariates", "strata", "confounders"):
        terms = {"base", "period", "site"} if field == "covariates" else {"base"} if field == "confounders" else set[str]()
        if field == "covariates" and study.design.kind == "crossover" and isinstance(analysis, Lmm):
            terms |= {"base_within", "base_between", "sequence"}
        for at, name in enumerate(getattr(analysis, field, [])):
            known = (set(study.participant_columns) | terms) - {"participant", "arm", "time", "event"}
            yield from unless(name, known, (*key, field, at), "participants' column")
            yield from _no_date(study, name, (*key, field, at))
            own = {(period.baseline.period, period.baseline.visit) for period in study.periods}
            if name in {"base_within", "base_between"} and field == "covariates" and len(own) < 2:
                yield (*key, field, at), "the periods share one baseline: nothing varies within a person; use `base`"
            if name == "site" and field == "covariates" and study.design.site is None:
                yield (*key, field, at), "`site` needs `design.site`"
    adjusted = (analysis.confounders or study.design.confounders) if isinstance(analysis, Weighted) else getattr(analysis, "covariates", [])
    unadjusted = sorted(set(study.design.confounders) - set(adjusted))
    if study.design.kind == "observational" and getattr(analysis, "primary", False) and unadjusted:
        yield key, f"the primary comparison of an observational study must adjust for its confounders; missing: {', '.join(unadjusted)}"
    yield from model_problems(study, analysis, key)
    wanted = [getattr(analysis, "visit", None), *getattr(analysis, "visits", [])]
    period = getattr(analysis, "period", None)
    known = {visit.id for visit in study.visits if period in (None, "all", visit.period)}
    for visit in wanted:
        yield from unless(visit, known, (*key, "visits" if hasattr(analysis, "visits") else "visit"), "visit of that period")


def _right_kind(study: Study, analysis: object, key: tuple[str | int, ...]) -> Iterator[Problem]:
    endpoint = study.endpoints.get(getattr(analysis, "endpoint", ""))
    wanted: UnionType | type
    if isinstance(analysis, Proportions | Glmm):
        wanted, what = YesNo, "a yes-or-no endpoint"
    elif isinstance(analysis, KaplanMeier | CumulativeIncidence | Cox | Hazard | Landmark):
        wanted, what = TimeEndpoint, "a time-to-event endpoint"
    elif isinstance(analysis, Gee | Weighted):
        wanted, what = ScoreEndpoint | YesNo, "a score or a yes-or-no endpoint"
    elif isinstance(analysis, Ancova):
        wanted, what = Numeric, "a numeric endpoint"
    else:
        wanted, what = ScoreEndpoint, "a score endpoint"
    if endpoint is not None and not isinstance(endpoint, wanted):
        yield (*key, "endpoint"), f"this model needs {what}"
    scale = study.scales.get(study.parameters.get(getattr(endpoint, "parameter", ""), ""))
    if isinstance(endpoint, ScoreEndpoint) and scale is not None and not scale.averaged and not isinstance(analysis, Ordinal):
        yield (*key, "endpoint"), f"{scale.name} is {scale.kind}: a model of its mean has no meaning; use `ordinal`, or count a cut-off of it"
    if isinstance(analysis, Paired) and analysis.against == "baseline" and isinstance(endpoint, ScoreEndpoint) and endpoint.kind != "change":
        yield (*key, "endpoint"), "against the baseline the endpoint is the change: use one of kind `change`"
    if isinstance(analysis, Paired) and analysis.against == "reference" and study.design.kind != "crossover":
        yield (*key, "model"), "a within-person difference between arms needs a crossover design; `against: baseline` does not"


def _hypothesis(study: Study, hypothesis: Hypothesis, key: Key) -> Iterator[Problem]:
    yield from unless(hypothesis.analysis, study.analyses, key, "analysis")
    if hypothesis.analysis not in study.analyses:
        return
    analysis = study.analyses[hypothesis.analysis]
    yield from unless(hypothesis.arm, set(study.design.arms) - {study.design.reference}, (*key, "arm"), "arm that is compared")
    visits = getattr(analysis, "visits", [])
    if isinstance(analysis, Descriptive):
        yield key, "a description tests nothing"
    if isinstance(analysis, Subgroups):
        yield key, "subgroups confirm nothing: their tests are not part of the order"
    if len(visits) > 1 and hypothesis.visit is None:
        yield key, "this analysis is of several visits: name the `visit` of the hypothesis"
    if hypothesis.visit is not None and hypothesis.visit not in (*visits, getattr(analysis, "visit", None)):
        yield (*key, "visit"), "this analysis does not test this visit"


def _rest(study: Study) -> Iterator[Problem]:
    for at, entry in enumerate(study.intercurrent):
        if not any(table.provides == "events" for table in study.tables.values()):
            yield ("intercurrent", at), "no table provides events"
        yield from event_problems(study, entry.event, ("intercurrent", at, "event"))
        if entry.strategy != "treatment_policy" and study.time_unit != "days":
            yield ("intercurrent", at, "strategy"), "events have days; without `time_unit: days` no visit can be placed before or after them"
        answers = any(isinstance(endpoint, YesNo) for endpoint in study.endpoints.values())
        if entry.strategy == "composite" and not answers:
            yield ("intercurrent", at, "strategy"), "composite has a meaning for yes-or-no endpoints only"
    for at, step in enumerate(study.testing.steps if study.testing else []):
        for hypothesis in step:
            yield from _hypothesis(study, hypothesis, ("testing", "order", at))
    for at, target in enumerate(study.published):
        yield from unless(target.key.get("analysis"), study.analyses, ("published", at, "key", "analysis"), "analysis")
        for column in sorted({"analysis", "statistic"} - set(target.key)):
            yield ("published", at, "key"), f"needs {column!r}"
        for column, text in target.key.items():
            yield from unless(column, RESULT_KEY, ("published", at, "key", column), "column of a result")
            if column in {"day", "conf_level"} and not _PRINTED.match(text):
                yield ("published", at, "key", column), "not a number"
        if not _PRINTED.match(target.value):
            yield ("published", at, "value"), "not a number as it is printed: digits, a point, a sign"
    for at, target in enumerate(study.published):
        if target.id in {earlier.id for earlier in study.published[:at]}:
            yield ("published", at, "id"), "this target is named twice"
