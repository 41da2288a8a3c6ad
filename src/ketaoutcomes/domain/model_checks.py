"""What a study file may say of its mixed models: keys that go together."""

from __future__ import annotations

from collections.abc import Iterator

from ketaoutcomes.domain.analyses import Association, Cox, Gee, Glmm, Hazard, Landmark, Lmm, Mmrm, VisitProcess, Weighted
from ketaoutcomes.domain.endpoints import ScoreEndpoint, TimeEndpoint, YesNo
from ketaoutcomes.domain.rules import DaysRule, FirstOfRule, RunRule, ShippedRule, shipped_rules
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.table_rules import Key, Problem, unless

#: Terms an analysis may name that are not participants' columns.
TERMS = {"base", "arm", "visit", "time", "period", "site"}


def model_problems(study: Study, analysis: object, key: Key) -> Iterator[Problem]:
    """Keys of a model of an endpoint that do not go together, and names that lead nowhere."""
    if isinstance(analysis, Cox | Lmm):
        yield from varying_problems(study, analysis, key)
    if isinstance(analysis, Cox):
        yield from unless(analysis.cluster, study.participant_columns, (*key, "cluster"), "participants' column")
    if isinstance(analysis, Lmm):
        yield from _interactions(analysis, key)
    if isinstance(analysis, Gee):
        yield from gee_problems(study, analysis, key)
    if isinstance(analysis, Landmark):
        yield from landmark_problems(study, analysis, key)
    if isinstance(analysis, Weighted):
        yield from weighted_problems(study, analysis, key)
    if isinstance(analysis, Association):
        yield from association_problems(study, analysis, key)
    if isinstance(analysis, Glmm | Hazard):
        yield from binary_problems(study, analysis, key)
    if isinstance(analysis, Mmrm | Lmm):
        yield from mixed_problems(study, analysis, key)


def _interactions(analysis: Lmm, key: Key) -> Iterator[Problem]:
    absent = "time" if analysis.time == "categorical" else "visit"
    for at, pair in enumerate(analysis.interactions):
        if absent in pair:
            yield (*key, "interactions", at), f"with `time: {analysis.time}` there is no {absent!r}: use {'visit' if absent == 'time' else 'time'!r}"
        for term in pair:
            yield from unless(term, TERMS | {*analysis.covariates, *analysis.time_varying}, (*key, "interactions", at), "term of this analysis")


def binary_problems(study: Study, analysis: Glmm | Hazard, key: Key) -> Iterator[Problem]:
    """Keys of a binary mixed model that do not go together."""
    if study.design.kind == "crossover":
        yield (*key, "model"), "people stand in both arms of a crossover: use `proportions`, or `lmm` for the score"
    if analysis.site_intercept and study.design.site is None:
        yield (*key, "site_intercept"), "a random site intercept needs `design.site`"
    if analysis.site_intercept and "site" in analysis.covariates:
        yield (*key, "covariates"), "sites are a random effect here; leave `site` out"
    if isinstance(analysis, Hazard):
        if sorted(set(analysis.intervals)) != analysis.intervals or analysis.intervals[0] <= 0:
            yield (*key, "intervals"), "write the ends of the intervals in ascending order, each once, the first above 0"
        yield from _knots(analysis, key)
        if "base" in analysis.covariates:
            yield (*key, "covariates"), "a time to an event has no baseline; name a participants' column"
        return
    if analysis.visit not in analysis.visits:
        yield (*key, "visit"), "the visit of the main comparison is one of `visits`"
    if analysis.random[0] != "intercept" or len(set(analysis.random)) < len(analysis.random):
        yield (*key, "random"), "write `[intercept]` or `[intercept, slope]`"
    if analysis.time == "categorical" and "slope" in analysis.random:
        yield (*key, "random"), "a slope needs `time: continuous`"
    if analysis.site_intercept and "slope" in analysis.random:
        yield (*key, "site_intercept"), "a random site intercept goes beside a random intercept of participants, not beside a slope"


def time_problems(study: Study, analysis: Lmm | Gee, key: Key) -> Iterator[Problem]:
    """Keys of time that do not go together."""
    if analysis.time == "categorical":
        for name in ("knots", "at", "days"):
            if getattr(analysis, name) not in ([], "scheduled"):
                yield (*key, name), f"`{name}` needs `time: continuous` or `time: spline`"
        return
    yield from _knots(analysis, key)
    if sorted(set(analysis.at)) != analysis.at:
        yield (*key, "at"), "write the times in ascending order, each once"
    if analysis.days != "scheduled" and study.time_unit != "days":
        yield (*key, "days"), "actual days need `time_unit: days`"
    if analysis.days == "all" and not analysis.at:
        yield (*key, "at"), "without visits say at which days the course is estimated"
    if analysis.days == "all" and getattr(study.endpoints.get(analysis.endpoint), "derived", False):
        yield (*key, "days"), "this endpoint has values at visits only"


def _knots(analysis: Lmm | Gee | Hazard, key: Key) -> Iterator[Problem]:
    if (analysis.time == "spline") != bool(analysis.knots):
        yield (*key, "knots"), "a spline needs `knots`" if analysis.time == "spline" else "knots belong to `time: spline`"
    if analysis.knots and (len(analysis.knots) < 3 or sorted(set(analysis.knots)) != analysis.knots):
        yield (*key, "knots"), "write at least 3 times in ascending order, each once"


def gee_problems(study: Study, analysis: Gee, key: Key) -> Iterator[Problem]:
    """Keys of estimating equations that do not go together."""
    yield from time_problems(study, analysis, key)
    if study.design.kind == "crossover":
        yield (*key, "model"), "people stand in both arms of a crossover: use `lmm` or `proportions`"
    if isinstance(study.endpoints.get(analysis.endpoint), YesNo) and analysis.days == "all":
        yield (*key, "days"), "a yes-or-no endpoint has values at visits only"
    if analysis.time == "categorical" and analysis.visit is None:
        yield (*key, "visit"), "name the visit of the main comparison"
    if analysis.visits and analysis.visit is not None and analysis.visit not in analysis.visits:
        yield (*key, "visit"), "the visit of the main comparison is one of `visits`"
    if analysis.working == "ar1" and analysis.time != "categorical":
        yield (*key, "working"), "`ar1` counts visits: it needs `time: categorical`"
    if analysis.weights and (analysis.days != "all" or analysis.working != "independence"):
        yield (*key, "weights"), "weights by visit intensity need `days: all` and `working: independence`"
    if (analysis.weights is None) != (analysis.until is None):
        yield (*key, "until"), "`until` and `weights: visit_intensity` go together"
    if analysis.until is not None and analysis.at and analysis.at[-1] > analysis.until:
        yield (*key, "at"), "no score after `until` enters"


def visit_problems(study: Study, analysis: VisitProcess, key: Key) -> Iterator[Problem]:
    """Keys of a description of how people came to be seen."""
    yield from unless(analysis.parameter, study.parameters, (*key, "parameter"), "parameter")
    if study.time_unit != "days":
        yield key, "scores have days: a study in another `time_unit` cannot place them"
    for name in ("cuts", "days"):
        values: list[float] = getattr(analysis, name)
        if sorted(set(values)) != values:
            yield (*key, name), "write them in ascending order, each once"
    if analysis.days[-1] > analysis.until or analysis.days[0] <= 0:
        yield (*key, "days"), "the days lie after 0 and not after `until`"


def landmark_problems(study: Study, analysis: Landmark, key: Key) -> Iterator[Problem]:
    """Keys of a landmark analysis."""
    given = {name for table in study.tables.values() if table.provides == "sessions" for name, column in table.columns.items() if column.is_number}
    yield from unless(analysis.by, (given | {"sessions"}) - {"session", "day"}, (*key, "by"), "sessions' column that is a number (or `sessions`)")
    if not any(table.provides == "sessions" and "day" in table.columns for table in study.tables.values()):
        yield (*key, "by"), "no table of sessions has a day, which tells what came before the landmark"
    for name in ("cuts", "at"):
        if sorted(set(getattr(analysis, name))) != getattr(analysis, name):
            yield (*key, name), "write them in ascending order, each once"
    if study.time_unit != "days":
        yield key, "sessions have days: a study in another `time_unit` cannot place them before the landmark"
    endpoint = study.endpoints.get(analysis.endpoint)
    rule = study.rules.get(endpoint.rule) if isinstance(endpoint, TimeEndpoint) else None
    rule = rule.resolved if isinstance(rule, ShippedRule) and rule.rule in shipped_rules() else rule
    parts = rule.of if isinstance(rule, FirstOfRule) else [rule]
    if any(isinstance(part, RunRule | DaysRule) and part.origin != "period_start" for part in parts):
        yield (*key, "endpoint"), "the landmark counts from the start of the period: the rule's `origin` must be `period_start`"


def weighted_problems(study: Study, analysis: Weighted, key: Key) -> Iterator[Problem]:
    """Keys of a weighted comparison."""
    if study.design.kind != "observational" or len(study.design.arms) != 2:
        yield (*key, "model"), "weights compare two arms of an observational design"
    if not analysis.confounders and not study.design.confounders:
        yield (*key, "confounders"), "name the confounders, here or under `design`"


def association_problems(study: Study, analysis: Association, key: Key) -> Iterator[Problem]:
    """Keys of an association with what belongs to a session."""
    measured = {
        name for table in study.tables.values() if table.provides in {"sessions", "readings"} for name, column in table.columns.items() if column.is_number
    }
    yield from unless(
        analysis.exposure, (measured | set(study.parameters)) - {"session", "day", "minute"}, (*key, "exposure"), "number of a session, reading or parameter"
    )
    if not any(table.provides == "sessions" and "day" in table.columns for table in study.tables.values()):
        yield (*key, "exposure"), "no table of sessions has a day, which tells which score came next"
    if not 0 <= analysis.within[0] <= analysis.within[1]:
        yield (*key, "within"), "write the fewest and the most days after the session"
    if study.time_unit != "days":
        yield key, "sessions have days: a study in another `time_unit` cannot place scores after them"
    if len(study.design.arms) > 1:
        yield (*key, "model"), "over several arms it would mix people who were given different treatments: use a study or file of one arm"
    if analysis.exposure == getattr(study.endpoints.get(analysis.endpoint), "parameter", None):
        yield (*key, "exposure"), "this score is the response"


def varying_problems(study: Study, analysis: Cox | Lmm, key: Key) -> Iterator[Problem]:
    """Scores that are covariates while they change."""
    for at, name in enumerate(analysis.time_varying):
        where = (*key, "time_varying", at)
        yield from unless(name, study.parameters, where, "parameter")
        scale = study.scales.get(study.parameters.get(name, ""))
        if scale is not None and scale.kind == "ordinal":
            yield where, f"{scale.name} is ordinal: it has no slope"
        if name in study.participant_columns or name in TERMS or name in analysis.time_varying[:at]:
            yield where, "another term of this analysis has this name"
        if isinstance(analysis, Lmm) and name == getattr(study.endpoints.get(analysis.endpoint), "parameter", None):
            yield where, "this score is the response"
    if isinstance(analysis, Lmm) and analysis.time_varying and len(study.design.arms) > 1:
        text = "measured after the arms were assigned, it may carry a part of their effect: a comparison of arms cannot be adjusted for it"
        yield (*key, "time_varying"), text


def mixed_problems(study: Study, analysis: Mmrm | Lmm, key: tuple[str | int, ...]) -> Iterator[Problem]:
    """Keys of a mixed model that do not go together."""
    if analysis.df_method.startswith("kenward-roger") and (analysis.method == "ml" or analysis.errors != "model"):
        yield (*key, "df"), "Kenward-Roger is defined for REML with errors from the model: choose these, or `df: satterthwaite`"
    if isinstance(analysis, Mmrm):
        if len(set(analysis.covariance)) < len(analysis.covariance):
            yield (*key, "covariance"), "a structure is named twice"
        if analysis.baseline == "shared" and "sp_exp" in analysis.covariance:
            yield (*key, "covariance"), "`sp_exp` takes the times of the visits after baseline; use another structure with a shared baseline mean"
        if analysis.baseline == "shared" and analysis.covariance_by_arm:
            yield (*key, "covariance_by_arm"), "arms that share their baseline mean share its variance; use one covariance matrix"
        if analysis.baseline == "shared":
            endpoint = study.endpoints.get(analysis.endpoint)
            if not study.design.randomised or study.design.kind != "parallel":
                yield (*key, "baseline"), "arms share a baseline mean only where they were randomised, in a parallel design; use `baseline: covariate`"
            if isinstance(endpoint, ScoreEndpoint) and endpoint.kind != "value":
                yield (*key, "baseline"), "with a shared baseline mean the response is the score itself: use an endpoint of kind `value`"
        return
    if analysis.df == "kenward-roger-mmrm":
        yield (*key, "df"), "`kenward-roger-mmrm` is a definition of the MMRM; use `kenward-roger`"
    yield from time_problems(study, analysis, key)
    for visit in analysis.times:
        yield from unless(visit, {v.id for v in study.visits}, (*key, "times", visit), "visit")
    if analysis.random[0] != "intercept" or len(set(analysis.random)) < len(analysis.random):
        yield (*key, "random"), "write `[intercept]` or `[intercept, slope]`"
    if analysis.time == "categorical" and "slope" in analysis.random:
        yield (*key, "random"), "a slope needs `time: continuous` or `time: spline`"
    if analysis.days != "scheduled" and analysis.times:
        yield (*key, "times"), f"`times` renames scheduled times; leave it out with `days: {analysis.days}`"
    if analysis.days == "all" and analysis.time_varying:
        yield (*key, "time_varying"), "a score at the same visit needs visits; leave out `days: all`"
    if analysis.site_intercept and study.design.site is None:
        yield (*key, "site_intercept"), "a random site intercept needs `design.site`"
    if analysis.site_intercept and analysis.errors != "model":
        yield (*key, "errors"), "sandwich errors take participants as independent; with a random site intercept use errors from the model"
