"""Endpoints, items and windows that a study file may not ask for are refused at their key, before any data are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study_file import read_study

PLAN = """
study: toy
title: Toy
drug: none
source: simulated
obtain: nowhere
status: open
tables:
  people:
    file: people.csv
    provides: participants
    columns:
      participant: {from: id}
      arm: {from: arm, kind: category, recode: {P: placebo, K: ketamine}}
      arm2: {from: arm2, kind: category, recode: {P: placebo, K: ketamine}}
      age: {from: age, kind: number}
  scores:
    file: scores.csv
    provides: assessments
    columns:
      participant: {from: id}
      period: {from: period}
      day: {from: day, kind: integer}
      cgi: {from: cgi, kind: integer, instrument: cgi_s}
    items:
      - {instrument: qids_sr16, from: ["q{}"]}
      - {instrument: brief, from: [b1, b2, b3]}
instruments:
  brief:
    name: Brief
    label: Brief scale
    measures: mood
    kind: continuous
    minimum: 0
    maximum: 6
    unit: points
    better: lower
    rater: self
    source: here
    items: {number: 3, ranges: [[0, 2, [1, 2, 3]]], score: sum, missing_source: here, source: here}
    cutoffs:
      low: {rule: at_most, value: 1, source: here}
    changes:
      means: {rule: reduction, value: 2, compares: groups, population: between arms, source: here}
  brief_first:
    name: Brief, first
    label: Brief scale, first item
    measures: mood
    kind: ordinal
    minimum: 0
    maximum: 2
    unit: points
    better: lower
    rater: self
    source: here
    part_of: brief
    takes: [1]
    cutoffs:
      none: {rule: at_most, value: 0, source: here}
      half: {rule: percent_reduction, value: 50, source: here}
design: {kind: crossover, arms: {placebo: {label: P}, ketamine: {label: K}}, reference: placebo, randomised: true}
periods:
  - {id: one, label: One, arm: arm, baseline: {period: one, visit: start}}
  - {id: two, label: Two, arm: arm2, baseline: {period: one, visit: start}}
visits:
  - {id: screening, period: one, label: S, time: -7, window: [-14, -5]}
  - {id: start, period: one, label: B, time: 0, window: [-1, 0]}
  - {id: day7, period: one, label: D7, time: 7, window: [5, 9]}
  - {id: day14, period: one, label: D14, time: 14, window: [12, 16], take: best}
  - {id: day28, period: one, label: D28, time: 28}
  - {id: day56, period: two, label: D56, time: 56}
populations: {all: {label: All}}
endpoints:
  score: {kind: value, parameter: brief}
  change: {kind: change, parameter: qids_sr16}
  ranked: {kind: value, parameter: qids_suicide}
  low: {kind: cutoff, parameter: brief, cutoff: low, missing: observed}
  onset: {kind: onset, parameter: brief, cutoff: low, missing: nonresponse}
  none: {kind: cutoff, parameter: brief_first, cutoff: none, missing: observed}
  kept: {kind: sustained, parameter: brief, cutoff: low, visits: [day7, day14, day28], excursions: 1, always: [day28], missing: nonresponse, source: here}
  area: {kind: area, parameter: brief, of: value, visits: [start, day14, day28], per_time: true, missing: observed}
  reliable: {kind: reliable_change, parameter: brief, direction: improved, sd: baseline, reliability: 0.9, missing: observed, source: here}
analyses:
  low: {model: proportions, title: L, endpoint: low, population: all, period: one, visits: [day7], primary: true}
  kept: {model: proportions, title: K, endpoint: kept, population: all, period: one, visits: [day28]}
  area: {model: ancova, title: A, endpoint: area, population: all, period: one, visit: day28}
  mmrm: {model: mmrm, title: M, endpoint: change, population: all, period: one, visit: day28}
  lmm: {model: lmm, title: L, endpoint: change, population: all, period: one, time: categorical}
  ancova: {model: ancova, title: A, endpoint: score, population: all, period: one, visit: day28}
  paired: {model: paired, title: P, endpoint: score, population: all, visit: day28}
"""
Refuse = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Key and message of each finding in the plan with one place changed."""

    def refused(old: str, new: str) -> list[tuple[str, str]]:
        assert PLAN.count(old) == 1
        path = tmp_path / "toy.yaml"
        path.write_text(PLAN.replace(old, new), encoding="utf-8")
        with pytest.raises(Refused) as error:
            read_study(path)
        lines = path.read_text(encoding="utf-8").count("\n")
        assert all(1 <= finding.line <= lines for finding in error.value.findings)
        return [(finding.column, finding.message) for finding in error.value.findings]

    return refused


def test_the_plan_as_it_stands_is_a_study(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(PLAN, encoding="utf-8")
    study = read_study(path)
    # C-SSRS aside, every item table also gives its parts
    assert set(study.parameters) == {"cgi", "qids_sr16", "qids_suicide", "brief", "brief_first"}


KEPT = "visits: [day7, day14, day28], excursions: 1, always: [day28]"
AREA = "of: value, visits: [start, day14, day28]"
LOW = "low: {kind: cutoff, parameter: brief, cutoff: low, missing: observed}"


X = "{from: x, kind: integer"


@pytest.mark.parametrize(
    ("old", "new", "column", "words"),
    [
        # an ordinal score is counted, not averaged or subtracted
        ("title: M, endpoint: change", "title: M, endpoint: ranked", "analyses.mmrm.endpoint", "a model of its mean has no meaning"),
        ("title: L, endpoint: change", "title: L, endpoint: ranked", "analyses.lmm.endpoint", "a model of its mean has no meaning"),
        ("{model: ancova, title: A, endpoint: score", "{model: ancova, title: A, endpoint: ranked", "analyses.ancova.endpoint", "has no meaning"),
        ("title: P, endpoint: score", "title: P, endpoint: ranked", "analyses.paired.endpoint", "a model of its mean has no meaning"),
        ("ranked: {kind: value", "ranked: {kind: change", "endpoints.ranked.kind", "not subtracted or averaged"),
        ("ranked: {kind: value", "ranked: {kind: percent_change", "endpoints.ranked.kind", "not subtracted or averaged"),
        ("area: {kind: area, parameter: brief,", "area: {kind: area, parameter: cgi,", "endpoints.area.kind", "not subtracted or averaged"),
        ("{kind: reliable_change, parameter: brief,", "{kind: reliable_change, parameter: brief_first,", "endpoints.reliable.kind", "ordinal"),
        ("parameter: brief_first, cutoff: none", "parameter: brief_first, cutoff: half", "endpoints.none.cutoff", "it has no percent"),
        # cut-offs
        (LOW, LOW.replace("cutoff: low", "cutoff: lowest"), "endpoints.low.cutoff", "there is no cut-off of Brief called 'lowest'; known: low"),
        (LOW, LOW.replace("cutoff: low", "cutoff: means"), "endpoints.low.cutoff", "there is no cut-off of Brief called 'means'; known: low"),
        (LOW, LOW.replace("parameter: brief", "parameter: madrs"), "endpoints.low.parameter", "there is no parameter called 'madrs'"),
        ("onset: {kind: onset, parameter: brief, cutoff: low", "onset: {kind: onset, parameter: brief, cutoff: no", "endpoints.onset.cutoff", "'no'"),
        ("kept: {kind: sustained, parameter: brief, cutoff: low", "kept: {kind: sustained, parameter: brief, cutoff: no", "endpoints.kept.cutoff", "'no'"),
        (LOW, LOW.replace("  low:", "  brief:").replace("low: {kind", "brief: {kind"), "endpoints.brief", "may not have the name of a parameter"),
        # visits of an endpoint
        (KEPT, KEPT.replace("day7, day14", "day14, day7"), "endpoints.kept.visits", "in order of time"),
        (KEPT, KEPT.replace("day7, day14", "day14, day14"), "endpoints.kept.visits", "each once"),
        (KEPT, KEPT.replace("day7, day14", "day7, day56"), "endpoints.kept.visits", "no period has all of these visits"),
        (KEPT, KEPT.replace("day7, day14", "day7, day99"), "endpoints.kept.visits", "no period has all of these visits"),
        (KEPT, KEPT.replace("day7, day14", "start, day14"), "endpoints.kept.visits.0", "this is the baseline visit"),
        (KEPT, KEPT.replace("day7, day14", "screening, day14"), "endpoints.kept.visits.0", "lies before the baseline"),
        (KEPT, KEPT.replace("always: [day28]", "always: [start]"), "endpoints.kept.always.0", "no visit of this endpoint called 'start'"),
        (KEPT, KEPT.replace("excursions: 1", "excursions: 3"), "endpoints.kept.excursions", "everybody would meet it"),
        (KEPT, KEPT.replace("excursions: 1", "excursions: -1"), "endpoints.kept.excursions", "greater than or equal to 0"),
        (KEPT, KEPT.replace("day7, day14, ", ""), "endpoints.kept.visits", "at least 2"),
        (AREA, AREA.replace("day14, day28", "day28, day14"), "endpoints.area.visits", "in order of time"),
        (AREA, AREA.replace("start, day14", "screening, start"), "endpoints.area.visits.1", "this is the baseline visit"),
        (AREA, AREA.replace("start, day14", "screening, day14"), "endpoints.area.visits.0", "lies before the baseline"),
        ("always: [day28], missing: nonresponse", "always: [day28]", "endpoints.kept.missing", "required"),
        ("cutoff: low, missing: nonresponse", "cutoff: low, missing: observed", "endpoints.onset.missing", "'nonresponse'"),
        ("cutoff: low, missing: nonresponse", "cutoff: low", "endpoints.onset.missing", "required"),
        ("sd: baseline", "sd: -5", "endpoints.reliable.sd", "greater than 0"),
        ("reliability: 0.9", "reliability: 1", "endpoints.reliable.reliability", "less than 1"),
        # an analysis of the wrong kind of endpoint
        ("title: K, endpoint: kept", "title: K, endpoint: area", "analyses.kept.endpoint", "a yes-or-no endpoint"),
        ("title: A, endpoint: area", "title: A, endpoint: kept", "analyses.area.endpoint", "a numeric endpoint"),
        ("title: M, endpoint: change", "title: M, endpoint: area", "analyses.mmrm.endpoint", "a score endpoint"),
        # which score of a window counts
        ("time: 28}", "time: 28, take: last}", "visits.4.take", "without one there is nothing to choose"),
        ("time: 28}", "time: 28, tie: later}", "visits.4.take", "without one there is nothing to choose"),
        ("window: [5, 9]", "window: [5, 9], take: mean", "visits.2.take", "is never averaged"),
        ("window: [5, 9]", "window: [5, 9], take: median", "visits.2.take", "'nearest', 'first', 'last', 'best', 'worst' or 'mean'"),
        ("window: [5, 9]", "window: [8, 9]", "visits.2.window", "does not hold the visit's time"),
        ("window: [5, 9]", "window: [0, 9]", "visits.2.window", "days in common with that of start"),
        ("arm: arm2, baseline: {period: one,", "arm: arm2, baseline: {otherwise: [day56], period: one,", "periods.1.baseline.visit", "'day56'"),
        # instruments of the study's own
        ("  brief_first:\n", "  phq9:\n", "instruments.phq9", "the catalogue has an instrument of this name"),
        ("takes: [1]", "takes: [4]", "instruments.brief_first", "must name an instrument with these items"),
        ("takes: [1]", "takes: [1, 2]", "instruments.brief_first", "do not give this range"),
        ("part_of: brief\n", "part_of: moca\n", "instruments.brief_first", "must name an instrument with these items"),
        ("takes: [1]", "lowest_of: [brief, brief_first]", "instruments.brief_first", "names parts of the same instrument"),
        # items
        ("from: [b1, b2, b3]", "from: [b1, b2]", "tables.scores.items.1.from", "Brief has 3 items"),
        ("from: [b1, b2, b3]", "from: [b1, b2, b3, b4]", "tables.scores.items.1.from", "Brief has 3 items"),
        ("from: [b1, b2, b3]", "from: [b1, b2, b2]", "tables.scores.items.1.from", "each of their headers once"),
        ("from: [b1, b2, b3]", 'from: ["b{}", more]', "tables.scores.items.1.from", "or one header with {}"),
        ("{instrument: brief, from", "{instrument: brief_first, from", "tables.scores.items.1.instrument", "name brief, of which it is a part"),
        ("{instrument: brief, from", "{instrument: moca, from", "tables.scores.items.1.instrument", "MoCA has no items"),
        ("{instrument: brief, from", "{instrument: nothing, from", "tables.scores.items.1.instrument", "there is no instrument called 'nothing'"),
        ("instrument: cgi_s", "instrument: nothing", "tables.scores.columns.cgi.instrument", "there is no instrument called 'nothing'"),
        ("cgi_s}", f"cgi_s}}\n      brief_first: {X}, instrument: brief_first}}", "tables.scores.columns.brief_first", "items of this table give this"),
        ("cgi_s}", f"cgi_s}}\n      brief: {X}, instrument: phq9}}", "tables.scores.items.1", "another instrument elsewhere"),
        ("kind: number}", 'kind: number}\n    items: [{instrument: phq9, from: ["p{}"]}]', "tables.people.items", "only a table of assessments"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_at_its_key(refuse: Refuse, old: str, new: str, column: str, words: str) -> None:
    found = refuse(old, new)
    assert any(key.startswith(column) and words in message for key, message in found), found


def test_a_mean_is_taken_where_no_score_is_ranked(tmp_path: Path) -> None:
    # without the ordinal CGI-S and the items that give single ranks
    text = PLAN.replace("window: [5, 9]", "window: [5, 9], take: mean").replace("      cgi: {from: cgi, kind: integer, instrument: cgi_s}\n", "")
    text = text.replace("kind: ordinal", "kind: continuous").replace('      - {instrument: qids_sr16, from: ["q{}"]}\n', "")
    text = text.replace("endpoint: change", "endpoint: score").replace("  change: {kind: change, parameter: qids_sr16}\n", "")
    path = tmp_path / "toy.yaml"
    path.write_text(text.replace("  ranked: {kind: value, parameter: qids_suicide}\n", ""), encoding="utf-8")
    assert next(visit.take for visit in read_study(path).visits if visit.id == "day7") == "mean"
