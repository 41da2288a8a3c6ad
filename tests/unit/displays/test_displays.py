"""Displays are pure functions of an ARD: each number they show is one of its rows, as text."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest

from ketaoutcomes import figures, tables
from ketaoutcomes.figures._figure import NARROW
from ketaoutcomes.plugins import displays
from ketaoutcomes.report import headline, page
from ketaoutcomes.report.page import Made
from ketaoutcomes.schema.ard import match
from ketaoutcomes.schema.labels import Labels
from tests.unit.displays.conftest import exact

STUDIES = ("esketamine_trial", "esketamine_withdrawal", "esketamine_doses", "ketamine_clinics")


def names(stage: str) -> list[tuple[str, str]]:
    """Every display of every simulated study."""
    return [(study, plugin.name) for study in STUDIES for plugin in displays(stage, set(Labels.of(exact(study)).of_kind("model").values()))]


@pytest.mark.parametrize(("study", "name"), names("figures"))
def test_a_figure_is_the_same_twice_and_has_words(study: str, name: str) -> None:
    first, again = (figures.make(name, exact(study), widths=(NARROW,)) for _ in range(2))
    assert first.files == again.files
    assert first.facts["alt"]
    assert first.facts["title"]


def test_the_acro_profile_lets_out_no_svg() -> None:
    ard = exact("esketamine_trial").copy()
    ard.loc[(ard["parameter"] == "study") & (ard["term"] == "profile"), "text"] = "acro"
    assert set(figures.make("flow", ard).files) == {"flow.csv", "flow.png", "flow_85mm.png"}


def test_words_and_data_of_a_blinded_figure_say_so() -> None:
    ard = exact("esketamine_trial")
    stamp = ard[(ard["parameter"] == "study") & (ard["term"] == "name")].assign(term="blinded", text="7")
    made = figures.make("flow", pd.concat([ard, stamp], ignore_index=True), widths=())
    assert made.facts["alt"].startswith("BLINDED, arms are permuted: ")
    assert set(pd.read_csv(io.BytesIO(made.files["flow.csv"]))["arms"]) == {"BLINDED: permuted"}
    plain = figures.make("flow", ard, widths=())
    assert "BLINDED" not in plain.facts["alt"] + plain.files["flow.csv"].decode()


def test_the_trajectory_draws_the_rows_of_the_primary_model() -> None:
    ard = exact("esketamine_trial")
    drawn = pd.read_csv(io.BytesIO(figures.make("trajectory", ard).files["trajectory.csv"]))
    rows = match(ard, analysis="main", term="ls_mean", statistic="estimate")
    assert sorted(drawn["estimate"]) == pytest.approx(sorted(rows["value"]), abs=0)
    assert sorted(drawn["n"]) == sorted(rows["n"])


def test_changing_one_number_changes_every_place_that_shows_it_and_nothing_else() -> None:
    ard = exact("esketamine_trial")
    changed = ard.copy()
    chosen = changed.index[
        (changed["analysis"] == "main") & (changed["term"] == "contrast") & (changed["visit"] == "day28") & (changed["statistic"] == "estimate")
    ]
    changed.loc[chosen, "value"] = -87.65
    for name in ("outcome", "response", "baseline", "missing", "sessions"):
        before, after = tables.make(name, ard).files, tables.make(name, changed).files
        assert (before != after) == (name == "outcome")
    before, after = (tables.make("outcome", frame).files["outcome.csv"].decode().splitlines() for frame in (ard, changed))
    assert [line for line in before if line not in after] != []
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert "−87.65" in figures.make("forest", changed).facts["alt"]
    assert "−87.65" in headline(changed).sentence


def test_a_curve_that_is_withheld_says_so_in_words() -> None:
    ard = exact("esketamine_withdrawal").copy()
    curve = (ard["analysis"] == "relapse_curve") & (ard["term"] == "curve")
    ard.loc[curve, ["value", "status"]] = [float("nan"), "withheld"]
    made = figures.make("relapse_curve", ard)
    assert "withheld" in made.facts["nothing"]
    assert set(made.files) == {"relapse_curve.csv"}


HOSTILE = '<script>alert(1)</script> $broken{$ & "quoted" \''


def hostile(study: str) -> pd.DataFrame:
    """An ARD whose labels attack HTML and mathtext."""
    ard = exact(study).copy()
    words = (
        (ard["analysis"] == "study")
        & ard["parameter"].isin(["title", "arm", "analysis", "population", "variable", "study"])
        & ~ard["term"].isin(["reference", "name", "status", "source", "design", "time_unit", "randomised", "profile"])
    )
    ard.loc[words, "text"] = ard.loc[words, "text"] + HOSTILE
    return ard


def test_hostile_labels_are_text_everywhere() -> None:
    ard = hostile("esketamine_trial")
    models = set(Labels.of(ard).of_kind("model").values())
    made = {stage: [] for stage in ("figures", "tables")}
    for stage, module in (("figures", figures), ("tables", tables)):
        for plugin in displays(stage, models):
            one = module.make(plugin.name, ard)
            made[stage].append(Made(plugin.name, {"caption": plugin.doc, **one.facts}, one.files))
    run = {"versions": {}, "cohort_sha256": {}, "study_sha256": "0"}
    text = page(ard, figures=made["figures"], tables=made["tables"], disclosure={"profile": "none"}, run=run, internal=False)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("status", ["not_estimable", "failed"])
def test_no_other_analysis_takes_the_place_of_a_failed_primary(status: str) -> None:
    ard = exact("esketamine_trial").copy()
    main = ard["analysis"] == "main"
    ard.loc[main & ~ard["statistic"].isin(["method", "verdict"]), ["value", "status"]] = [float("nan"), status]
    ard.loc[main & (ard["statistic"] == "verdict"), ["text", "status", "note"]] = [status, status, "why"]
    found = headline(ard)
    assert found.status == status
    assert not re.search(r"\d\.\d", found.sentence)
    text = page(ard, figures=[], tables=[], disclosure={"profile": "none"}, run={"versions": {}, "cohort_sha256": {}, "study_sha256": "0"}, internal=False)
    assert "The primary analysis has no result" in text
    assert "why" in text


def test_a_median_in_the_headline_has_its_arm_and_unit() -> None:
    ard = exact("esketamine_withdrawal").copy()
    primary = (ard["analysis"] == "study") & (ard["parameter"] == "primary") & (ard["term"] == "analysis")
    ard.loc[primary, "text"] = "relapse_curve"
    median = match(ard, analysis="relapse_curve", term="median", arm="placebo", statistic="median")["value"].iloc[0]
    assert f"Placebo, median {median:.0f} days (95 % CI" in headline(ard).sentence


def test_the_page_says_how_many_had_a_score_at_the_main_visit_and_what_was_left_out() -> None:
    ard = exact("ketamine_clinics").copy()
    note = ard.iloc[[0]].assign(parameter="left out", term="scores on no visit", statistic="n_rows", value=17.0, text="")
    text = page(
        pd.concat([ard, note], ignore_index=True), figures=[], tables=[], disclosure={"profile": "none"},
        run={"versions": {}, "cohort_sha256": {}, "study_sha256": "0"}, internal=True,
    )  # fmt: skip
    rows = match(ard, analysis="main", term="ls_mean", visit="week6").set_index("statistic")
    assert f"Ketamine {rows.loc['estimate', 'n']} of {rows.loc['n_expected', 'value']:.0f} in the analysis set" in text
    assert "<dt>scores on no visit</dt><dd>17</dd>" in text
    assert "36 to 49 of the period" in tables.make("definitions", ard).files["definitions.html"].decode()


def test_a_visit_is_called_as_its_own_period_calls_it() -> None:
    ard = exact("esketamine_withdrawal")
    wanted = ["Randomisation", "4 weeks", "8 weeks", "16 weeks"]
    assert list(dict.fromkeys(figures.drawn("missing_scores", ard).rows["visit_label"])) == wanted
    text = tables.make("missing", ard).files["missing.csv"].decode()
    assert all(f"\n{visit}," in text for visit in wanted)
