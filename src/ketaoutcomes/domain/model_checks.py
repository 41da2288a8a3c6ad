"""What a study file may say of its mixed models: keys that go together."""

from __future__ import annotations

from collections.abc import Iterator

from ketaoutcomes.domain.analyses import Cox, Glmm, Hazard, Lmm, Mmrm
from ketaoutcomes.domain.endpoints import ScoreEndpoint
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.table_rules import Key, Problem, unless

#: Terms an analysis may name that are not participants' columns.
TERMS = {"base", "arm", "visit", "time", "period", "site"}


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
    for visit in analysis.times:
        yield from unless(visit, {v.id for v in study.visits}, (*key, "times", visit), "visit")
    if analysis.random[0] != "intercept" or len(set(analysis.random)) < len(analysis.random):
        yield (*key, "random"), "write `[intercept]` or `[intercept, slope]`"
    if analysis.time == "categorical" and ("slope" in analysis.random or analysis.days == "actual"):
        yield (*key, "random" if "slope" in analysis.random else "days"), "a slope and actual days need `time: continuous`"
    if analysis.days == "actual" and study.time_unit != "days":
        yield (*key, "days"), "actual days need `time_unit: days`"
    if analysis.days == "actual" and analysis.times:
        yield (*key, "times"), "`times` renames scheduled times; leave it out with `days: actual`"
    if analysis.site_intercept and study.design.site is None:
        yield (*key, "site_intercept"), "a random site intercept needs `design.site`"
    if analysis.site_intercept and analysis.errors != "model":
        yield (*key, "errors"), "sandwich errors take participants as independent; with a random site intercept use errors from the model"
