"""Rules and tallies that have no meaning in a study are refused at their key, before any data are read: a bad study for each problem."""

from __future__ import annotations

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
time_unit: days
tables:
  people:
    file: people.csv
    provides: participants
    columns:
      participant: {from: id}
      sex: {from: sex, kind: category, recode: {f: female, m: male}}
      until: {from: until, kind: number}
      time: {from: time, kind: number}
      gone: {from: gone, kind: flag}
  scores:
    file: scores.csv
    provides: assessments
    columns:
      participant: {from: id}
      period: {from: period}
      day: {from: day, kind: integer}
      madrs: {from: madrs, kind: integer, instrument: madrs}
      drinks: {from: drinks, kind: integer, instrument: drinks}
      screen: {from: screen, kind: integer, instrument: urine_screen}
  events:
    file: events.csv
    provides: events
    columns:
      participant: {from: id}
      event: {from: event, kind: category, recode: {H: hospital, D: death, U: use}}
      day: {from: day, kind: integer}
  left:
    file: left.csv
    provides: disposition
    columns:
      participant: {from: id}
      period: {from: period}
      status: {from: status}
      day: {from: day, kind: integer}
design: {kind: single_arm, arms: {all: {label: All}}, randomised: false}
periods:
  - {id: main, label: Main, baseline: {period: main, visit: start}}
  - {id: free, label: Without visits, baseline: {period: main, visit: start}}
visits:
  - {id: start, period: main, label: B, time: 0, window: [0, 0]}
  - {id: day28, period: main, label: D28, time: 28, window: [21, 35]}
populations: {all: {label: All}}
rules:
  recorded: {kind: recorded, period: main, time: time, event: gone, censored_as: end, source: here}
  first: {kind: first_event, period: main, types: [hospital], source: here}
  run:
    {kind: run, period: main, parameter: madrs, cutoff: relapse_22, when: met, looks: records, met: 2, of: 2, gap: [5, 15], missing: skipped,
     dated: first, origin: {cutoff: remission_10, visit: day28, otherwise: event}, grace: 0, follow_up: until, events: [hospital], competing: [death],
     same_day: [events, looks, competing], dropout: {statuses: [lost], dated: disposition, plus: 0}, censored_at: last_look, source: here,
     chosen: {dated: {other: confirming, reason: open}}}
  days:
    {kind: days, period: main, types: {use: 1}, at_least: 7, window: 7, missing: not_met, dated: confirming, origin: period_start, grace: 0.0,
     follow_up: schedule, events: [], competing: [], same_day: [events, looks, competing], dropout: null, censored_at: follow_up, source: here}
  both:
    kind: first_of
    source: here
    of:
      - {kind: days, period: main, types: {use: 2}, at_least: 7, window: 7, missing: not_met, dated: first, origin: period_start, grace: 1,
         follow_up: disposition, events: [], competing: [], same_day: [events, looks, competing], dropout: null, censored_at: follow_up, source: here}
      - {kind: run, period: main, parameter: screen, cutoff: positive, when: missing, looks: visits, met: 1, of: 2, gap: null, missing: met, dated: first,
         origin: period_start, grace: 2, follow_up: last_look, events: [], competing: [], same_day: [events, looks, competing], dropout: null,
         censored_at: last_start, source: here}
  shipped: {kind: shipped, rule: sustain_1, period: main, parameter: madrs, follow_up: disposition, events: [hospital], competing: []}
  escape: {kind: shipped, rule: escape_trd, period: main, parameter: madrs, follow_up: schedule, events: [], competing: [], dropouts: [lost], visit: day28}
  xbot: {kind: shipped, rule: x_bot, period: main, parameter: screen, follow_up: schedule, events: [], competing: [], types: {use: 1}}
endpoints:
  relapse: {kind: time_to_event, rule: run}
  dry: {kind: tally, parameter: drinks, period: main, cutoff: any_1, when: not_met, looks: days, first: 1, last: 28, follow_up: until, measure: percent,
        missing: skipped, at: day28, source: here}
  heavy: {kind: published, tally: heavy_drinking_days, parameter: drinks, period: main, first: 2, last: 28, follow_up: schedule, at: day28, by: sex}
analyses:
  curve: {model: kaplan_meier, title: K, endpoint: relapse, population: all, period: main, at_risk_every: 7, primary: true}
"""
RUN, DAYS, DRY, HEAVY = "rules.run", "rules.days", "endpoints.dry", "endpoints.heavy"
SECOND = "rules.both.of.1"


def findings(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    path = tmp_path / "toy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as error:
        read_study(path)
    return [(finding.column, finding.message) for finding in error.value.findings]


def test_the_plan_as_it_stands_is_a_study(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(PLAN, encoding="utf-8")
    assert set(read_study(path).rules) == {"recorded", "first", "run", "days", "both", "shipped", "escape", "xbot"}


@pytest.mark.parametrize(
    ("old", "new", "column", "words"),
    [
        # recorded times and first events
        ("event: gone, censored", "event: went, censored", "rules.recorded.event", "no participants' column called 'went'"),
        ("time: time, event", "time: when, event", "rules.recorded.time", "no participants' column called 'when'"),
        ("time: time, event", "time: sex, event", "rules.recorded.time", "a time is a number"),
        ("event: gone, censored", "event: sex, censored", "rules.recorded.event", "an event is a flag"),
        ("{kind: recorded, period: main", "{kind: recorded, period: later", "rules.recorded.period", "no period called 'later'"),
        ("types: [hospital]", "types: [clinic]", "rules.first.types.0", "no event called 'clinic'; known: death, hospital, use"),
        ("types: [hospital]", "types: []", "rules.first.types", "at least 1"),
        # names of a rule that looks for itself
        ("{kind: run, period: main, parameter: madrs", "{kind: run, period: later, parameter: madrs", f"{RUN}.period", "no period called 'later'"),
        ("parameter: madrs, cutoff", "parameter: phq9, cutoff", f"{RUN}.parameter", "no parameter called 'phq9'"),
        ("cutoff: relapse_22", "cutoff: relapse_23", f"{RUN}.cutoff", "no cut-off of MADRS called 'relapse_23'"),
        ("cutoff: remission_10", "cutoff: remission_11", f"{RUN}.cutoff", "no cut-off of MADRS called 'remission_11'"),
        ("visit: day28, otherwise", "visit: day29, otherwise", f"{RUN}.origin.visit", "no visit of that period called 'day29'"),
        ("visit: day28, otherwise", "visit: null, otherwise", f"{RUN}.origin", "an event only at a named visit"),
        ("follow_up: until, events", "follow_up: ending, events", f"{RUN}.follow_up", "participants' column (or schedule, disposition, last_look)"),
        ("follow_up: until, events", "follow_up: sex, events", f"{RUN}.follow_up", "is a number"),
        ("events: [hospital], competing: [death]", "events: [clinic], competing: [death]", f"{RUN}.events", "no event called 'clinic'"),
        ("events: [hospital], competing: [death]", "events: [hospital], competing: [dead]", f"{RUN}.competing", "no event called 'dead'"),
        ("events: [hospital], competing: [death]", "events: [death], competing: [death]", f"{RUN}.competing", "compete with it"),
        ("looks: visits, met: 1", "looks: visits, met: 0", f"{SECOND}.met", "greater than 0"),
        # what a run cannot be
        ("met: 2, of: 2", "met: 3, of: 2", f"{RUN}", "`met` cannot exceed `of`"),
        ("met: 2, of: 2", "met: 2, of: 3", f"{RUN}", "in which `met` equals `of`"),
        ("gap: [5, 15]", "gap: [15, 5]", f"{RUN}", "a `gap` is [fewest, most]"),
        ("gap: [5, 15]", "gap: [5]", f"{RUN}.gap", "at least 2"),
        ("missing: skipped,\n     dated", "missing: met,\n     dated", f"{RUN}", "records are never missing"),
        ("censored_at: last_look, source: here,\n     chosen", "censored_at: last_start, source: here,\n     chosen", f"{RUN}", "after everybody else's time"),
        ("when: missing, looks: visits", "when: missing, looks: records", f"{SECOND}.run", "looks without a score are scheduled visits"),
        ("gap: null, missing: met", "gap: null, missing: skipped", f"{SECOND}.run", "looks without a score are scheduled visits"),
        ("[events, looks, competing], dropout: {", "[events, looks, looks], dropout: {", f"{RUN}", "each once"),
        ("[events, looks, competing], dropout: {", "[events, looks], dropout: {", f"{RUN}", "each once"),
        ("grace: 0, follow_up", "grace: -1, follow_up", f"{RUN}.grace", "greater than or equal to 0"),
        ("chosen: {dated:", "chosen: {source:", f"{RUN}", "`chosen` names keys of the rule"),
        ("chosen: {dated:", "chosen: {daded:", f"{RUN}", "`chosen` names keys of the rule"),
        ("other: confirming", "other: last", f"{RUN}.dated", "'first' or 'confirming'"),
        ("statuses: [lost]", "statuses: []", f"{RUN}.dropout.statuses", "at least 1"),
        # visits that the period does not have
        ("days, period: main, types: {use: 1}", "days, period: free, types: {use: 1}", f"{DAYS}.follow_up", "no visits are scheduled"),
        # days of use
        ("{kind: days, period: main, types: {use: 1}", "{kind: days, period: main, types: {used: 1}", f"{DAYS}.types.used", "no event called 'used'"),
        ("grace: 0.0,\n     follow_up: schedule", "grace: 0.0,\n     follow_up: last_look", f"{DAYS}.follow_up", "days of use are not looks"),
        ("confirming, origin: period_start", "confirming, origin: {cutoff: a, visit: null, otherwise: not_at_risk}", f"{DAYS}.origin", "no score"),
        ("dated: confirming, origin", "dated: last, origin", f"{DAYS}.dated", "'first' or 'confirming'"),
        ("at_least: 7, window: 7, missing: not_met, dated: c", "at_least: 0, window: 7, missing: not_met, dated: c", f"{DAYS}.at_least", "than 0"),
        ("window: 7, missing: not_met, dated: c", "window: 0, missing: not_met, dated: c", f"{DAYS}.window", "greater than 0"),
        # composites: the same problems in their parts
        ("types: {use: 2}", "types: {used: 2}", "rules.both.of.0.types.used", "no event called 'used'"),
        ("parameter: screen, cutoff: positive", "parameter: screen, cutoff: negative", f"{SECOND}.cutoff", "no cut-off of Urine screen called 'negative'"),
        ("{kind: run, period: main, parameter: screen", "{kind: run, period: free, parameter: screen", "rules.both.first_of", "look at one period"),
        # published definitions
        ("rule: sustain_1", "rule: sustain_9", "rules.shipped.rule", "no published definition called 'sustain_9'"),
        ("parameter: madrs, follow_up: disposition", "parameter: phq9, follow_up: disposition", "rules.shipped.parameter", "no parameter called 'phq9'"),
        ("parameter: madrs, follow_up: disposition", "parameter: drinks, follow_up: disposition", "rules.shipped.parameter", "this definition is one of MADRS"),
        ("rule: escape_trd, period: main", "rule: escape_trd, period: later", "rules.escape.period", "no period called 'later'"),
        ("dropouts: [lost], visit: day28", "visit: day28", "rules.escape.dropouts", "this definition needs it"),
        ("dropouts: [lost], visit: day28", "dropouts: [lost]", "rules.escape.visit", "this definition needs it"),
        ("dropouts: [lost], visit: day28", "dropouts: [lost], visit: day29", "rules.escape.visit", "no visit of that period called 'day29'"),
        ("competing: [], types: {use: 1}", "competing: []", "rules.xbot.types", "this definition needs it"),
        ("competing: [], types: {use: 1}", "competing: [], types: {used: 1}", "rules.xbot.types.used", "no event called 'used'"),
        ("events: [hospital], competing: []", "events: [hospital], competing: [], types: {use: 1}", "rules.shipped.types", "no use for it"),
        ("events: [hospital], competing: []", "events: [hospital], competing: [], dropouts: [lost]", "rules.shipped.dropouts", "no use for it"),
        ("events: [hospital], competing: []", "events: [hospital], competing: [], visit: day28", "rules.shipped.visit", "no use for it"),
        ("events: [hospital], competing: []", "events: [clinic], competing: []", "rules.shipped.events", "no event called 'clinic'"),
        ("events: [hospital], competing: []", "events: [], competing: [dead]", "rules.shipped.competing", "no event called 'dead'"),
        # a study in months has no days for rules and tallies
        ("time_unit: days", "time_unit: months", RUN, "rules count in days"),
        ("time_unit: days", "time_unit: weeks", f"{DRY}.looks", "days need `time_unit: days`"),
        ("time_unit: days", "time_unit: months", f"{DRY}.looks", "tallies count days or weeks"),
        # an endpoint's rule
        ("rule: run}", "rule: runs}", "endpoints.relapse.rule", "no rule called 'runs'"),
        # tallies
        ("cutoff: any_1, when", "cutoff: any_2, when", f"{DRY}.cutoff", "no cut-off of Standard drinks called 'any_2'"),
        ("cutoff: any_1, when", "cutoff: {female: any_1, male: heavy_9}, by: sex, when", f"{DRY}.cutoff", "called 'heavy_9'"),
        ("cutoff: any_1, when", "cutoff: any_1, by: sex, when", f"{DRY}.by", "each value has its own cut-off"),
        ("cutoff: any_1, when", "cutoff: {female: any_1, male: heavy_5}, when", f"{DRY}.by", "each value has its own cut-off"),
        ("cutoff: any_1, when", "cutoff: {female: any_1, male: heavy_5}, by: gender, when", f"{DRY}.by", "no participants' column called 'gender'"),
        ("tally, parameter: drinks, period: main", "tally, parameter: drinks, period: later", f"{DRY}.period", "no period called 'later'"),
        ("at: day28, source", "at: day29, source", f"{DRY}.at", "no visit of that period called 'day29'"),
        ("last: 28, follow_up: until", "last: 28, follow_up: last_look", f"{DRY}.follow_up", "does not say how many were expected"),
        ("last: 28, follow_up: until", "last: 28, follow_up: gender", f"{DRY}.follow_up", "no participants' column"),
        ("last: 28, follow_up: until", "last: 0, follow_up: until", f"{DRY}.last", "`last` lies before `first`"),
        ("tally: heavy_drinking_days", "tally: heavy_days", f"{HEAVY}.tally", "no published tally called 'heavy_days'"),
        ("heavy_drinking_days, parameter: drinks", "heavy_drinking_days, parameter: madrs", f"{HEAVY}.parameter", "this tally is one of Standard drinks"),
        ("at: day28, by: sex", "at: day28", f"{HEAVY}.by", "each value has its own cut-off"),
        ("missing: skipped, at", "missing: ignored, at", f"{DRY}.missing", "'non_evaluable'"),
    ],
)  # fmt: skip
def test_a_rule_without_meaning_is_refused(tmp_path: Path, old: str, new: str, column: str, words: str) -> None:
    assert PLAN.count(old) == 1
    found = findings(tmp_path, PLAN.replace(old, new))
    assert [message for at, message in found if at == column and words in message], found


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("events", {"rules.first", "rules.days", "rules.both.of.0", "rules.run", "rules.shipped", "rules.xbot"}),
        ("left", {"rules.first", "rules.run", "rules.both.of.0", "rules.shipped", "rules.escape"}),
    ],
)
def test_what_a_rule_needs_must_be_provided(tmp_path: Path, table: str, columns: set[str]) -> None:
    start = PLAN.index(f"  {table}:\n    file")
    end = PLAN.index("  left:\n") if table == "events" else PLAN.index("design:")
    found = findings(tmp_path, PLAN[:start] + PLAN[end:])
    what = {"events": "no table provides events", "left": "no table provides disposition"}[table]
    assert {at for at, message in found if what in message} == columns


def test_looks_at_visits_need_visits(tmp_path: Path) -> None:
    text = PLAN.replace("{kind: run, period: main, parameter: screen", "{kind: run, period: free, parameter: screen")
    text = text.replace("{kind: days, period: main, types: {use: 2}", "{kind: days, period: free, types: {use: 2}")
    assert (f"{SECOND}.looks", "no visits are scheduled in this period") in findings(tmp_path, text)


def test_events_whose_labels_are_not_listed_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(
        PLAN.replace(", kind: category, recode: {H: hospital, D: death, U: use}", "").replace("types: [hospital]", "types: [clinic]"), encoding="utf-8"
    )
    assert read_study(path).rules["first"].types == ["clinic"]


def test_one_table_with_listed_labels_does_not_tell_those_of_another(tmp_path: Path) -> None:
    columns = "    columns:\n      participant: {from: id}\n      event: {from: what}\n      day: {from: day, kind: integer}\n"
    more = f"  more:\n    file: more.csv\n    provides: events\n{columns}"
    path = tmp_path / "toy.yaml"
    text = PLAN.replace("  left:\n", more + "  left:\n", 1).replace("types: [hospital]", "types: [clinic]")
    path.write_text(text, encoding="utf-8")
    assert read_study(path).rules["first"].types == ["clinic"]
