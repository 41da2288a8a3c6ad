"""What a study file may say of its endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from ketaoutcomes.domain.endpoints import (
    AreaEndpoint,
    CutoffEndpoint,
    Numeric,
    OnsetEndpoint,
    PublishedTally,
    ScoreEndpoint,
    SustainedEndpoint,
    TallyEndpoint,
    TallyReachedEndpoint,
    TimeEndpoint,
    YesNo,
    published_tallies,
)
from ketaoutcomes.domain.rule_checks import tally_problems
from ketaoutcomes.domain.study import Period, Study, Visit
from ketaoutcomes.domain.table_rules import Key, Problem, unless


def endpoint_problems(study: Study) -> Iterator[Problem]:
    """Each name of an endpoint that leads nowhere, and each definition that its instrument cannot answer.

    Yields
    ------
    tuple
        The key in the study file, and what is wrong with it.
    """
    for name, said in study.said_endpoints.items():
        if isinstance(said, PublishedTally):
            yield from unless(said.tally, published_tallies(), ("endpoints", name, "tally"), "published tally")
            wanted = published_tallies()[said.tally].instrument if said.tally in published_tallies() else None
            if wanted and said.parameter in study.parameters and study.parameters[said.parameter] != wanted:
                yield ("endpoints", name, "parameter"), f"this tally is one of {study.scales[wanted].name}: another scale needs a tally of its own"
    for name, endpoint in study.endpoints.items():
        key = ("endpoints", name)
        if isinstance(endpoint, TimeEndpoint):
            yield from unless(endpoint.rule, study.rules, (*key, "rule"), "rule")
            continue
        yield from unless(endpoint.parameter, study.parameters, (*key, "parameter"), "parameter")
        if name in study.parameters:
            yield key, "an endpoint may not have the name of a parameter"
        if study.parameters.get(endpoint.parameter) in study.scales:
            yield from _definition(study, endpoint, key)


def _definition(study: Study, endpoint: YesNo | Numeric, key: Key) -> Iterator[Problem]:
    """Does an endpoint ask of its instrument what the instrument can answer?"""
    if isinstance(endpoint, TallyEndpoint | TallyReachedEndpoint):
        yield from tally_problems(study, endpoint, key)
        return
    scale = study.scale(endpoint.parameter)
    if isinstance(endpoint, CutoffEndpoint | OnsetEndpoint | SustainedEndpoint):
        yield from unless(endpoint.cutoff, scale.criteria, (*key, "cutoff"), f"cut-off of {scale.name}")
        if not scale.averaged and endpoint.cutoff in scale.criteria and scale.asks_change(endpoint.cutoff):
            yield (*key, "cutoff"), f"{scale.name} is {scale.kind}: it has no percent, and its scores are not subtracted; use a cut-off of the score itself"
    elif not scale.averaged and not (isinstance(endpoint, ScoreEndpoint) and endpoint.kind == "value"):
        yield (*key, "kind"), f"{scale.name} is {scale.kind}: its scores are not subtracted or averaged; analyse the value, or a cut-off"
    if isinstance(endpoint, SustainedEndpoint | AreaEndpoint):
        yield from _in_order(study, endpoint, key)
    if isinstance(endpoint, SustainedEndpoint):
        for at, visit in enumerate(endpoint.always):
            yield from unless(visit, endpoint.visits, (*key, "always", at), "visit of this endpoint")
        if endpoint.excursions >= len(endpoint.visits):
            yield (*key, "excursions"), "as many excursions as visits: everybody would meet it"


def _in_order(study: Study, endpoint: SustainedEndpoint | AreaEndpoint, key: Key) -> Iterator[Problem]:
    """The visits of one endpoint stand in one period, in order of time."""
    orders = [[visit.id for visit in study.visits_of(period.id)] for period in study.periods]
    holding = [order for order in orders if set(endpoint.visits) <= set(order)]
    if not holding:
        yield (*key, "visits"), "no period has all of these visits"
    elif not any([visit for visit in order if visit in endpoint.visits] == endpoint.visits for order in holding):
        yield (*key, "visits"), "name the visits in order of time, each once"
    baseline = {period.baseline.visit for period in study.periods if period.baseline.period == period.id}
    first = {(period.id, visit.time) for period in study.periods for visit in study.visits_of(period.id) if _baseline_of(period, visit)}
    before = {visit.id for visit in study.visits for period, time in first if visit.period == period and visit.time < time}
    for at, visit in enumerate(endpoint.visits):
        if visit in before:
            yield (*key, "visits", at), "this visit lies before the baseline"
        if visit in baseline and (isinstance(endpoint, SustainedEndpoint) or at > 0):
            yield (*key, "visits", at), "this is the baseline visit"


def _baseline_of(period: Period, visit: Visit) -> bool:
    return (visit.period, visit.id) == (period.baseline.period, period.baseline.visit)
