"""A study file is a Study or a screen of findings with file, line, key and remedy; never anything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ketaoutcomes.domain import references
from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.schema import ard

STUDIES = sorted((Path(__file__).parents[3] / "config" / "studies").glob("*.yaml"))
TRIAL = next(path for path in STUDIES if path.stem == "esketamine_trial").read_text(encoding="utf-8")
CLINICS = next(path for path in STUDIES if path.stem == "ketamine_clinics").read_text(encoding="utf-8")
SPLINE = """    time: spline
    knots: [3, 8, 18, 40, 120]
    days: all
    at: [7, 14, 28, 42, 84, 168]
    site_intercept: true
"""
#: With a line for each person in place of the spline.
LINES = CLINICS.replace(SPLINE, "    time: continuous\n    days: actual\n    random: [intercept, slope]\n    site_intercept: true\n")
assert LINES != CLINICS
WITHDRAWAL = next(path for path in STUDIES if path.stem == "esketamine_withdrawal").read_text(encoding="utf-8")
Refuse = Callable[..., Refused]


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Read a text that must be refused."""

    def refused(text: str | bytes, name: str = "esketamine_trial") -> Refused:
        path = tmp_path / f"{name}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(Refused) as error:
            read_study(path)
        assert str(path) in str(error.value)
        return error.value

    return refused


def swap(old: str, new: str, text: str = TRIAL) -> str:
    """The text with one place changed, which must be there."""
    assert old in text
    return text.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """Number of the first line that holds `part`."""
    return next(at for at, line in enumerate(text.splitlines(), start=1) if part in line)


def test_the_committed_examples_are_studies_of_six_designs() -> None:
    studies = [read_study(path) for path in STUDIES]
    assert {study.design.kind for study in studies} == {"parallel", "withdrawal", "crossover", "single_arm", "observational"}
    # the sixth is relational: several tables provide the participants
    assert any(sum(table.provides == "participants" for table in study.tables.values()) > 1 for study in studies)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", 0),
        (b"# nothing\n", 0),
        (b"study: a\n#" + b"x" * 1_000_001, 0),
        (b"study: a\ntitle: \xe9\n", 2),
        ("study: a\n".encode("utf-16"), 1),
        (b"study: a\ntitle: a\0b\n", 2),
        (b"study: \xed\xa0\x80\n", 1),
        (b'study: a\ntitle: "\\ud800"\n', 2),
        (b'study: a\ntitle: "\\e[31mred"\n', 2),
        (b'study: a\ntitle: "a\\u202eb"\n', 2),
        (b"a: " + b"[" * 5000 + b"]" * 5000, 1),
        (b"a: " + b"{b: " * 3000 + b"}" * 3000, 1),
        (b"study: a\nstudy: b\n", 2),
        (b"study: &x a\ntitle: *x\n", 2),
        (b"study: !!python/object/apply:os.system [id]\n", 1),
        (b"study: a\n? [b, c]\n: d\n", 2),
        (b"study: a\n---\nstudy: b\n", 2),
        (b'study: a\ntitle: "no end\n', 2),
        (b"study: a\n\tb: c\n", 2),
        (b"- a\n", 1),
        (b"hello", 1),
        (b"study: " + b"9" * 6000, 1),
    ],
)
def test_what_is_not_a_study_file_is_refused_at_its_line(refuse: Refuse, text: bytes, line: int) -> None:
    assert refuse(text).findings[0].line == line


PUBLISHED = "published:\n  - {{id: a, key: {{analysis: main, statistic: estimate{more}}}, value: {value}, printed_in: x}}\n"


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("primary: true", 'primary: true\n    formula: "y ~ x"', "analyses.main.formula"),
        ("visit: day28", "visit: day28\n    covariates: [\"I(__import__('os').system('touch PWNED'))\"]", "analyses.main.covariates.0"),
        ("randomised: true", "randomised: yes", "design.randomised"),
        ("randomised: true", "randomised: 1", "design.randomised"),
        ("time: 2}", "time: 12:30:00}", "visits.1.time"),
        ("time: 2}", "time: true}", "visits.1.time"),
        ("time: 2}", "time: 1_000}", "visits.1.time"),
        ("time: 2}", "time: 1e400}", "visits.1.time"),
        ("time: 2}", "time: 8}", "visits.2.time"),
        ("title: ", "title: 3 # ", "title"),
        ("reference: placebo", "reference: sham", "design.reference"),
        ("model: descriptive", "model: bayes", "analyses.description"),
        ("model: ancova", "model: ancova\n    primary: true", "analyses"),
        ("  day2:\n", "  con:\n", "analyses.con"),
        ("  day2:\n", "  study:\n", "analyses.study"),
        ("  day2:\n", "  ../x:\n", "analyses.../x"),
        ("participants.csv", "participants.xlsx", "tables.participants.file"),
        ("kind: integer, instrument: madrs", "instrument: madrs", "tables.madrs.columns.madrs"),
        ("participant: {from: SUBJID}", "participant: {from: SUBJID, kind: integer}", "tables.participants.columns.participant"),
        ("recode: {F: female, M: male}", "recode: {F: female, M: man}", "tables.participants.columns.sex"),
        ("status: open", "status: open\nprivacy: {profile: opensafely}", "privacy.profile"),
        ("status: open", "status: confidential", "status"),
        ("Everybody randomised}", "Everybody randomised, where: {age: ['45']}}", "populations.randomised.where.age"),
        ("Everybody randomised}", "Everybody randomised, where: {sex: [woman]}}", "populations.randomised.where.sex"),
        ("testing:", PUBLISHED.format(more="", value="nan") + "testing:", "published.0.value"),
        ("testing:", PUBLISHED.format(more="", value='"1_0"') + "testing:", "published.0.value"),
        ("testing:", PUBLISHED.format(more=", armm: placebo", value='"1.0"') + "testing:", "published.0.key.armm"),
        ("testing:", PUBLISHED.format(more=", day: two", value='"1.0"') + "testing:", "published.0.key.day"),
    ],
)
def test_a_mistake_is_refused_at_its_key(refuse: Refuse, tmp_path: Path, old: str, new: str, column: str) -> None:
    text = swap(old, new)
    findings = refuse(text).findings
    assert column in [finding.column for finding in findings]
    assert all(1 <= finding.line <= text.count("\n") and finding.message for finding in findings)
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("name", ["../x", "CON", "con", "lpt9", "-rf", "Trial", "a b", "a/b", ".", "", "a\nb"])
def test_bad_names_of_studies_are_refused(tmp_path: Path, name: str) -> None:
    safe = tmp_path / "con.yaml"
    safe.write_text(swap("study: esketamine_trial", f"study: {name!r}".replace("'", '"')))
    with pytest.raises(Refused) as error:
        read_study(safe)
    assert error.value.findings[0].column == "study"


def test_an_unknown_profile_is_refused(refuse: Refuse) -> None:
    found = refuse(swap("profile: opensafely", "profile: acro", CLINICS), "ketamine_clinics").findings
    assert [(f.line, f.column) for f in found] == [(line_of(CLINICS, "profile"), "privacy.profile")]


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("kind: date, since: first_infusion}\n      phq9", "kind: date}\n      phq9", "tables.questionnaires.columns.day"),
        ("window: [8, 21]", "window: [8, 22]", "visits.2.window"),
        ("baseline: [age, sex, clinic]", "baseline: [age, first_infusion]", "analyses.description.baseline.1"),
        ("covariates: [base]", "covariates: [base, first_infusion]", "analyses.main.covariates.1"),
    ],
)
def test_dates_and_windows_that_would_count_wrongly_are_refused(refuse: Refuse, old: str, new: str, column: str) -> None:
    assert [finding.column for finding in refuse(swap(old, new, CLINICS), "ketamine_clinics").findings] == [column]


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("    start: randomised_on\n", "", "tables.madrs.columns"),
        ("      period: {from: PHASE}\n", "", "tables.disposition.columns"),
        ("start: randomised_on", "start: stable", "periods.1.start"),
        ("  - id: maintenance", "  - id: all", "periods.1.id"),
        ("label: Randomised withdrawal", "label: Randomised withdrawal\n    eligibility: had_baseline", "periods.1.eligibility"),
    ],
)
def test_a_period_that_cannot_be_told_is_refused(refuse: Refuse, old: str, new: str, column: str) -> None:
    text = swap("populations:\n", "populations:\n  had_baseline: {label: x, baseline_of: madrs}\n", WITHDRAWAL)
    assert column in [finding.column for finding in refuse(swap(old, new, text), "esketamine_withdrawal").findings]


@pytest.mark.parametrize(
    ("study", "old", "new", "column"),
    [
        (TRIAL, "    baseline: shared", "    baseline: shared\n    covariance: [sp_exp]", "analyses.shared_baseline.covariance"),
        (TRIAL, "    baseline: shared", "    baseline: shared\n    covariance_by_arm: true", "analyses.shared_baseline.covariance_by_arm"),
        (TRIAL, "    endpoint: madrs_score", "    endpoint: madrs_change", "analyses.shared_baseline.baseline"),
        (TRIAL, "randomised: true", "randomised: false", "analyses.shared_baseline.baseline"),
        (TRIAL, "covariance: [toeph, ar1h]", "covariance: [toeph, toeph]", "analyses.structured.covariance"),
        (TRIAL, "covariance: [toeph, ar1h]", "covariance: [unstructured]", "analyses.structured.covariance.0"),
        (TRIAL, "covariance: [toeph, ar1h]", "errors: cr2\n    df: kenward-roger", "analyses.structured.df"),
        (LINES, "days: actual", "days: actual\n    times: {week6: 6}", "analyses.course.times"),
        (LINES, "time: continuous\n    days: actual", "time: categorical", "analyses.course.random"),
        (LINES, "random: [intercept, slope]", "random: [slope]", "analyses.course.random"),
        (CLINICS, "  site: clinic\n", "", "analyses.course.site_intercept"),
        (LINES, "random: [intercept, slope]", "errors: cr2", "analyses.course.errors"),
        (LINES, "random: [intercept, slope]", "df: kenward-roger-mmrm", "analyses.course.df"),
        (LINES, "days: actual", "days: actual\n    time_varying: [clinic]", "analyses.course.time_varying.0"),
        (LINES, "days: actual", "days: actual\n    time_varying: [phq9]", "analyses.course.time_varying.0"),
        (LINES, "days: actual", "days: actual\n    time_varying: [gad7, gad7]", "analyses.course.time_varying.1"),
        (LINES, "days: actual", "days: actual\n    interactions: [[time, gad7]]", "analyses.course.interactions.0"),
        (TRIAL, "model: ancova\n", "model: lmm\n    time: continuous\n    time_varying: [madrs]\n", "analyses.day2.time_varying"),
    ],
)
def test_keys_of_mixed_models_that_do_not_go_together(refuse: Refuse, study: str, old: str, new: str, column: str) -> None:
    name = "esketamine_trial" if study is TRIAL else "ketamine_clinics"
    assert column in [finding.column for finding in refuse(swap(old, new, study), name).findings]


KNOTS = "knots: [3, 8, 18, 40, 120]"
ECT = next(path for path in STUDIES if path.stem == "ketamine_or_ect").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "old", "new", "column", "words"),
    [
        (CLINICS, f"    {KNOTS}\n    days: all", "    days: all", "analyses.course.knots", "a spline needs"),
        (CLINICS, KNOTS, "knots: [8, 3, 18]", "analyses.course.knots", "ascending"),
        (CLINICS, KNOTS, "knots: [3, 8]", "analyses.course.knots", "at least 3"),
        (CLINICS, "    at: [7, 14, 28, 42, 84, 168]\n    site", "    site", "analyses.course.at", "at which days"),
        (
            CLINICS,
            "    time: categorical\n    visit: week6\n    site_intercept: true\n  course",
            "    time: categorical\n    at: [7]\n    visit: week6\n  course",
            "analyses.main.at",
            "needs",
        ),
        (CLINICS, "working: independence", "working: exchangeable", "analyses.course_weighted.weights", "independence"),
        (CLINICS, "working: independence", "working: ar1", "analyses.course_weighted.working", "counts visits"),
        (CLINICS, "    until: 182\n  visits", "  visits", "analyses.course_weighted.until", "go together"),
        (CLINICS, "until: 182\n  visits", "until: 100\n  visits", "analyses.course_weighted.at", "after `until`"),
        (CLINICS, "cuts: [4, 9, 14]", "cuts: [9, 4]", "analyses.visits.cuts", "ascending"),
        (CLINICS, "days: [28, 84, 168]", "days: [28, 300]", "analyses.visits.days", "not after `until`"),
        (CLINICS, "parameter: phq9\n    until", "parameter: phq8\n    until", "analyses.visits.parameter", "phq8"),
        (CLINICS, "exposure: cadss", "exposure: route", "analyses.dissociation.exposure", "route"),
        (CLINICS, "exposure: cadss", "exposure: phq9", "analyses.dissociation.exposure", "response"),
        (CLINICS, "within: [1, 14]", "within: [14, 1]", "analyses.dissociation.within", "fewest and the most"),
        (CLINICS, "endpoint: first_remission", "endpoint: loss_of_response", "analyses.landmark.endpoint", "period_start"),
        (CLINICS, "by: sessions", "by: day", "analyses.landmark.by", "day"),
        (CLINICS, "    retreatment: censored\n", "", "rules.after_last_infusion.run", "go together"),
        (CLINICS, "origin: {course_gap: 21, cutoff: response_50}", "origin: {course_gap: 21, cutoff: halved}", "rules.after_last_infusion.cutoff", "halved"),
        (CLINICS, "population: treated", "population: followed", "analyses", "completers look well"),
        (ECT, "kind: observational", "kind: parallel", "analyses.weighted_change.model", "observational design"),
        (ECT, "confounders: [age, sex, inpatient, failed_drugs, base]", "confounders: [height]", "analyses.weighted_change.confounders.0", "height"),
    ],
)
def test_keys_of_clinics_that_do_not_go_together(refuse: Refuse, text: str, old: str, new: str, column: str, words: str) -> None:
    assert old in text
    found = refuse(text.replace(old, new), "ketamine_clinics" if text is CLINICS else "ketamine_or_ect").findings
    assert any(finding.column == column and words in finding.message for finding in found), [(finding.column, finding.message) for finding in found]


@pytest.mark.parametrize(("instrument", "column"), [("cssrs_ideation", "analyses.course.time_varying.0"), ("audit_c", "analyses.main.visit")])
def test_a_score_that_varies_with_time_has_a_slope(refuse: Refuse, instrument: str, column: str) -> None:
    """An ordinal score has none; a continuous one is refused for another mistake only, put there so that the file is read to its end."""
    text = swap("      gad7: {from: gad7, kind: integer, instrument: gad7}", f"      gad7: {{from: gad7, kind: integer, instrument: {instrument}}}", LINES)
    text = swap("days: actual", "days: actual\n    time_varying: [gad7]", text)
    text = text.replace("endpoint: gad7_change", "endpoint: phq9_change")
    text = swap("visit: week6", "visit: week7", text)
    found = [finding.column for finding in refuse(text, "ketamine_clinics").findings]
    assert column in found
    assert ("analyses.course.time_varying.0" in found) == (instrument == "cssrs_ideation")


def test_a_recorded_event_must_be_a_flag(refuse: Refuse) -> None:
    text = next(path for path in STUDIES if path.stem == "smoking_relapse").read_text(encoding="utf-8")
    found = refuse(swap("relapsed: {from: relapse, kind: flag}", "relapsed: {from: relapse}", text), "smoking_relapse").findings
    assert [finding.column for finding in found] == ["rules.relapse.event"]


def test_targets_name_columns_of_results() -> None:
    assert set(references.RESULT_KEY) == set(ard.KEY) - {"study"}


JUNK = [
    "",
    "no",
    "true",
    "null",
    "1e999",
    "-1",
    "[",
    "}",
    "{a: b}",
    "- x",
    ": ",
    "&a x",
    "*a",
    "!t x",
    "? y",
    "%",
    "\t",
    "'",
    '"',
    "\u2028x",
    "\x85",
    "é",
    "x: y",
    "|",
    ">",
]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str]:
    """A good study file with some of its lines deleted, swapped, doubled or spoilt."""
    path = draw(st.sampled_from(STUDIES))
    lines = path.read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at, other = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        junk = draw(st.sampled_from(JUNK))
        kind = draw(st.integers(0, 5))
        head, mark, _ = lines[at].partition(": ")
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines[at] = head + mark + lines[other].partition(": ")[2]
        elif kind == 2:
            lines.insert(at, lines[other])
        elif kind == 3:
            lines[at] = head + mark + junk
        elif kind == 4:
            cut = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:cut] + junk + lines[at][cut:]
        else:
            lines[at] = "  " + lines[at]
    return path.stem, "\n".join(lines) + draw(st.sampled_from(["\n", ""]))


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated())
def test_any_spoilt_study_file_is_a_study_or_refused(tmp_path: Path, spoilt: tuple[str, str]) -> None:
    name, text = spoilt
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        assert isinstance(read_study(path), Study)
    except Refused as refused:
        last = len(text.splitlines())
        for finding in refused.findings:
            assert 1 <= finding.line <= last
            assert finding.message


@pytest.mark.parametrize(
    ("study", "old", "new", "column", "words"),
    [
        ("nimh_ketamine", "[[arm, visit]]", "[[arm, time]]", "analyses.main.interactions", "there is no 'time'"),
        ("beat_the_blues", "method: ml", "method: ml\n    df: kenward-roger", "analyses.book.df", "REML"),
        ("nimh_ketamine", "id: before", "id: none", "periods.0.id", "choose another"),
        ("esketamine_trial", "label: Placebo", "label: ' '", "design.arms.placebo.label", "no label"),
        ("esketamine_trial", "label: Placebo", "label: Esketamine ", "design.arms.esketamine.label", "another arm has this label"),
        ("ketamine_or_ect", "covariates: [age, sex, inpatient, failed_drugs, base]", "covariates: [age, sex]", "analyses.adjusted", "failed_drugs, inpatient"),
    ],
)
def test_what_the_model_cannot_hold_is_refused_before_it_runs(refuse: Refuse, study: str, old: str, new: str, column: str, words: str) -> None:
    text = next(path for path in STUDIES if path.stem == study).read_text(encoding="utf-8")
    found = refuse(swap(old, new, text), study).findings
    assert any(finding.column.startswith(column) and words in finding.message for finding in found)
