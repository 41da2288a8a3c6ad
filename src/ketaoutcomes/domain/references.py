"""Does everything a study file names exist in it?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ketaoutcomes.domain.analyses import Cox, Descriptive, KaplanMeier, Lmm, Mmrm, Paired, Proportions
from ketaoutcomes.domain.endpoints import CutoffEndpoint, RecordedRule, ScoreEndpoint, TimeEndpoint
from ketaoutcomes.domain.instruments import instruments
from ketaoutcomes.domain.study import Study

Problem = tuple[tuple[str | int, ...], str]

_REQUIRED = {
    "participants": {"participant"},
    "assessments": {"participant"},
    "sessions": {"participant", "session"},
    "events": {"participant", "day", "event"},
    "disposition": {"participant", "status", "day"},
}
#: Names our own tables use; a participants' column may not take them.
_RESERVED = {"period", "trtp", "trta", "start", "status", "reason", "last_day", "visit", "base", "response", "aval", "cnsr"}
#: Terms an analysis may name that are not participants' columns.
_TERMS = {"base", "arm", "visit", "time", "period", "site"}


def unresolved(study: Study) -> Iterator[Problem]:
    """Each reference that leads nowhere and each combination that has no meaning.

    Yields
    ------
    tuple
        The key in the study file, and what is wrong with it.
    """
    yield from _tables(study)
    yield from _design(study)
    yield from _periods(study)
    yield from _populations(study)
    yield from _endpoints(study)
    yield from _analyses(study)
    yield from _rest(study)


def _unless(name: str | None, known: Collection[str], key: tuple[str | int, ...], what: str) -> Iterator[Problem]:
    if name is not None and name not in known:
        choices = ", ".join(sorted(known)) or "none are declared"
        yield key, f"there is no {what} called {name!r}; known: {choices}"


def _tables(study: Study) -> Iterator[Problem]:
    if not any(table.provides == "participants" for table in study.tables.values()):
        yield ("tables",), "no table provides participants"
    periods = {period.id for period in study.periods}
    for name, table in study.tables.items():
        key = ("tables", name)
        for column in sorted(_REQUIRED[table.provides] - set(table.columns)):
            yield (*key, "columns"), f"a table of {table.provides} needs the column {column!r}"
        for our, column in table.columns.items():
            yield from _unless(column.instrument, instruments(), (*key, "columns", our, "instrument"), "instrument")
            dates = {n for n, c in study.participant_columns.items() if c.kind == "date" and not c.since}
            yield from _unless(column.since, dates, (*key, "columns", our, "since"), "participants' date column")
            if table.provides == "participants" and (our in _RESERVED or our.startswith("pop_")):
                yield (*key, "columns", our), "this name has a meaning of its own here; choose another"
            if column.drop_unlisted and not column.recode:
                yield (*key, "columns", our, "drop_unlisted"), "needs a recode that lists what is kept"
        if table.wide and table.provides != "assessments":
            yield (*key, "wide"), "only a table of assessments may be wide"
        for at, wide in enumerate(table.wide):
            where = (*key, "wide", at)
            yield from _unless(wide.instrument, instruments(), (*where, "instrument"), "instrument")
            yield from _unless(wide.period, periods, (*where, "period"), "period")
            visits = {visit.id for visit in study.visits if visit.period == wide.period}
            yield from _unless(wide.visit, visits, (*where, "visit"), "visit of that period")


def _design(study: Study) -> Iterator[Problem]:
    design, columns = study.design, study.participant_columns
    yield from _unless(design.reference, design.arms, ("design", "reference"), "arm")
    if len(design.arms) > 1 and design.reference is None:
        yield ("design",), "more than one arm needs a reference"
    if design.kind in {"observational", "single_arm"} and design.randomised:
        yield ("design", "randomised"), f"a {design.kind} design is not randomised"
    for field, names in (("strata", design.strata), ("confounders", design.confounders)):
        for at, name in enumerate(names):
            yield from _unless(name, columns, ("design", field, at), "participants' column")
    yield from _unless(design.site, columns, ("design", "site"), "participants' column")
    if study.status == "confidential" and study.privacy is None:
        yield ("status",), "a confidential study needs `privacy: {profile: ...}`; there is no default"


def _periods(study: Study) -> Iterator[Problem]:
    columns, periods = study.participant_columns, {period.id for period in study.periods}
    if len(periods) < len(study.periods):
        yield ("periods",), "two periods have the same id"
    for at, period in enumerate(study.periods):
        for field, name in (("start", period.start), ("arm", period.arm), ("actual_arm", period.actual_arm)):
            yield from _unless(name, columns, ("periods", at, field), "participants' column")
        yield from _unless(period.eligibility, study.populations, ("periods", at, "eligibility"), "population")
        where = ("periods", at, "baseline")
        yield from _unless(period.baseline.period, periods, (*where, "period"), "period")
        visits = {visit.id for visit in study.visits if visit.period == period.baseline.period}
        if study.visits:
            yield from _unless(period.baseline.visit, visits, (*where, "visit"), "visit of that period")
    seen: set[tuple[str, str]] = set()
    for at, visit in enumerate(study.visits):
        yield from _unless(visit.period, periods, ("visits", at, "period"), "period")
        if (visit.period, visit.id) in seen:
            yield ("visits", at, "id"), "this visit is declared twice in its period"
        seen.add((visit.period, visit.id))
        if visit.window and study.time_unit != "days":
            yield ("visits", at, "window"), "windows are in days; this study's time_unit is not"
        if visit.window and not visit.window[0] <= visit.time <= visit.window[1]:
            yield ("visits", at, "window"), "the window does not hold the visit's time"


def _populations(study: Study) -> Iterator[Problem]:
    for name, population in study.populations.items():
        for column in population.where:
            yield from _unless(column, study.participant_columns, ("populations", name, "where", column), "participants' column")
        for field in ("baseline_of", "post_baseline_of"):
            yield from _unless(getattr(population, field), study.parameters, ("populations", name, field), "parameter")


def _endpoints(study: Study) -> Iterator[Problem]:
    for name, endpoint in study.endpoints.items():
        key = ("endpoints", name)
        if isinstance(endpoint, TimeEndpoint):
            yield from _unless(endpoint.rule, study.rules, (*key, "rule"), "rule")
            continue
        yield from _unless(endpoint.parameter, study.parameters, (*key, "parameter"), "parameter")
        if name in study.parameters:
            yield key, "an endpoint may not have the name of a parameter"
        if isinstance(endpoint, CutoffEndpoint) and endpoint.parameter in study.parameters:
            instrument = instruments()[study.parameters[endpoint.parameter]]
            yield from _unless(endpoint.cutoff, instrument.cutoffs, (*key, "cutoff"), f"cut-off of {instrument.name}")
    periods = {period.id for period in study.periods}
    for name, rule in study.rules.items():
        yield from _unless(rule.period, periods, ("rules", name, "period"), "period")
        if isinstance(rule, RecordedRule):
            for field, column in (("time", rule.time), ("event", rule.event)):
                yield from _unless(column, study.participant_columns, ("rules", name, field), "participants' column")
        else:
            provided = {table.provides for table in study.tables.values()}
            for needed in sorted({"events", "disposition"} - provided):
                yield ("rules", name), f"no table provides {needed}, which a first_event rule needs"


def _analyses(study: Study) -> Iterator[Problem]:
    primary = [name for name, analysis in study.analyses.items() if analysis.primary]
    if len(primary) != 1:
        yield ("analyses",), f"exactly one analysis must say `primary: true`; here {len(primary)} do"
    periods = {period.id for period in study.periods}
    for name, analysis in study.analyses.items():
        key = ("analyses", name)
        yield from _unless(analysis.population, study.populations, (*key, "population"), "population")
        period = None if isinstance(analysis, Paired) else analysis.period
        crossed = isinstance(analysis, Descriptive | Lmm | Proportions) and study.design.kind == "crossover"
        if not (crossed and period == "all"):
            yield from _unless(period, periods, (*key, "period"), "period")
        if isinstance(analysis, Descriptive):
            yield from _described(study, analysis, key)
        else:
            yield from _compared(study, analysis, key)


def _described(study: Study, analysis: Descriptive, key: tuple[str | int, ...]) -> Iterator[Problem]:
    for at, name in enumerate(analysis.parameters):
        yield from _unless(name, study.parameters, (*key, "parameters", at), "parameter")
    for at, name in enumerate(analysis.baseline):
        yield from _unless(name, study.participant_columns, (*key, "baseline", at), "participants' column")


def _compared(study: Study, analysis: Mmrm | Lmm | Paired | Proportions | KaplanMeier | Cox | object, key: tuple[str | int, ...]) -> Iterator[Problem]:
    endpoint = getattr(analysis, "endpoint", "")
    yield from _unless(endpoint, study.endpoints, (*key, "endpoint"), "endpoint")
    yield from _right_kind(study, analysis, key)
    for field in ("covariates", "strata"):
        terms = {"base", "period", "site"} if field == "covariates" else set[str]()
        for at, name in enumerate(getattr(analysis, field, [])):
            known = (set(study.participant_columns) | terms) - {"participant", "arm", "time", "event"}
            yield from _unless(name, known, (*key, field, at), "participants' column")
    if isinstance(analysis, Cox):
        yield from _unless(analysis.cluster, study.participant_columns, (*key, "cluster"), "participants' column")
    if isinstance(analysis, Lmm):
        for at, pair in enumerate(analysis.interactions):
            for term in pair:
                yield from _unless(term, _TERMS | set(analysis.covariates), (*key, "interactions", at), "term of this analysis")
    if isinstance(analysis, Lmm):
        for visit in analysis.times:
            yield from _unless(visit, {v.id for v in study.visits}, (*key, "times", visit), "visit")
    wanted = [getattr(analysis, "visit", None), *getattr(analysis, "visits", [])]
    period = getattr(analysis, "period", None)
    known = {visit.id for visit in study.visits if period in (None, "all", visit.period)}
    for visit in wanted:
        yield from _unless(visit, known, (*key, "visits" if hasattr(analysis, "visits") else "visit"), "visit of that period")


def _right_kind(study: Study, analysis: object, key: tuple[str | int, ...]) -> Iterator[Problem]:
    endpoint = study.endpoints.get(getattr(analysis, "endpoint", ""))
    wanted: type
    if isinstance(analysis, Proportions):
        wanted, what = CutoffEndpoint, "a cut-off endpoint"
    elif isinstance(analysis, KaplanMeier | Cox):
        wanted, what = TimeEndpoint, "a time-to-event endpoint"
    else:
        wanted, what = ScoreEndpoint, "a score endpoint"
    if endpoint is not None and not isinstance(endpoint, wanted):
        yield (*key, "endpoint"), f"this model needs {what}"
    if isinstance(analysis, Paired) and study.design.kind != "crossover":
        yield (*key, "model"), "a within-person difference needs a crossover design"


def _rest(study: Study) -> Iterator[Problem]:
    for at, entry in enumerate(study.intercurrent):
        if not any(table.provides == "events" for table in study.tables.values()):
            yield ("intercurrent", at), "no table provides events"
        cutoffs = any(isinstance(endpoint, CutoffEndpoint) for endpoint in study.endpoints.values())
        if entry.strategy == "composite" and not cutoffs:
            yield ("intercurrent", at, "strategy"), "composite has a meaning for cut-off endpoints only"
    for at, name in enumerate(study.testing.order if study.testing else []):
        yield from _unless(name, study.analyses, ("testing", "order", at), "analysis")
    for at, target in enumerate(study.published):
        yield from _unless(target.key.get("analysis"), study.analyses, ("published", at, "key", "analysis"), "analysis")
        for column in sorted({"analysis", "statistic"} - set(target.key)):
            yield ("published", at, "key"), f"needs {column!r}"
        try:
            float(target.value.replace("−", "-"))
        except ValueError:
            yield ("published", at, "value"), "not a number"
