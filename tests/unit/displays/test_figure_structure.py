"""What figures are made of: layers, the ARD rows in them, colours that stay with their arm, words on the axes."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes import tables
from ketaoutcomes.figures import drawn
from ketaoutcomes.figures._figure import NARROW, WIDE
from ketaoutcomes.plugins import displays
from ketaoutcomes.report import headline
from ketaoutcomes.schema.ard import GONE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import interval, value_of
from tests.unit.displays.conftest import exact
from tests.unit.displays.ugly import SHAPES, make

#: The layers that carry a figure's message, in drawing order.
LAYERS = {
    "trajectory": ["geom_hline", "geom_line", "geom_line", "geom_linerange", "geom_point", "geom_rect", "geom_text", "geom_blank"],
    "relapse_curve": ["geom_ribbon", "geom_step", "geom_rect", "geom_text", "geom_text", "geom_blank"],
    "over_visits": ["geom_line", "geom_point", "geom_rect", "geom_text", "geom_blank"],
    "model_checks": ["geom_hline", "geom_abline", "geom_linerange", "geom_point"],
    "site_sizes": ["geom_vline", "geom_line", "geom_point"],
}


def plot(name: str, ard: pd.DataFrame, width: float = WIDE) -> Any:
    """The plotnine plot of a figure."""
    figure = drawn(name, ard)
    assert figure.plate is not None
    return figure.plate(width).plot


@pytest.mark.parametrize("name", LAYERS)
def test_a_figure_has_its_layers(name: str) -> None:
    found = [type(layer.geom).__name__ for layer in plot(name, make(SHAPES["usual"])).layers]
    assert found == LAYERS[name]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_points_and_bars_of_the_trajectory_are_the_rows_of_the_primary_model(width: float) -> None:
    ard = exact("esketamine_trial")
    data = plot("trajectory", ard, width).data
    for statistic in ("estimate", "conf_low", "conf_high"):
        rows = match(ard, analysis="main", term="ls_mean", statistic=statistic).set_index(["arm", "visit"])["value"]
        assert data.set_index(["arm", "visit"])[statistic].to_dict() == rows.to_dict()
    labels = Labels.of(ard)
    words = plot("trajectory", ard, width).labels
    assert words.subtitle.replace("\n", " ") == f"{labels.text('parameter', 'madrs_change')} (points; lower is better)"
    assert "95 % confidence intervals" in words.caption.replace("\n", " ")


def test_the_steps_of_the_curve_and_the_counts_under_it_are_rows() -> None:
    ard = exact("esketamine_withdrawal")
    curve = plot("relapse_curve", ard)
    rows = match(ard, analysis="relapse_curve", term="curve", statistic="survival")
    assert sorted(curve.data["survival"]) == sorted(rows["value"])
    counts = match(ard, analysis="relapse_curve", term="at risk")
    texts = [text for layer in curve.layers if type(layer.geom).__name__ == "geom_text" for text in layer._data.get("text", [])]
    for statistic in ("n_at_risk", "n_censored", "n_events"):
        wanted = sorted(f"{value:.0f}" for value in match(counts, statistic=statistic)["value"])
        assert all(texts.count(text) >= wanted.count(text) for text in set(wanted))


def test_the_forest_prints_each_contrast_of_the_plan_once_in_its_group() -> None:
    ard = exact("esketamine_trial")
    rows = drawn("forest", ard).rows
    main = match(ard, analysis="main", term="contrast", visit="day28")
    assert rows[rows["role"] == "Primary analysis"]["numbers"].tolist() == [interval(main[main["method"].isin(["", "model"])])]
    titles = rows[rows["role"] == "Sensitivity analyses"]["label"].tolist()
    assert [title.split(",")[0] for title in titles] == ["MADRS with a baseline mean shared by the arms", "Change of MADRS"]


def test_subgroups_stand_with_their_test_of_interaction() -> None:
    ard = make(SHAPES["usual"])
    rows = drawn("forest", ard).rows
    p = value_of(match(ard, analysis="groups", term="interaction"), "p_value")
    groups = rows[rows["role"] == f"Subgroups: Sex (interaction p = {p})"]
    assert groups["label"].tolist() == ["female", "male", "other"]


@pytest.mark.parametrize(
    "name", ["trajectory", "relapse_curve", "over_visits", "missing_scores", "dropout", "session_courses", "cumulative_incidence", "doses"]
)
def test_an_arm_has_the_same_colour_in_every_figure(name: str) -> None:
    ard = make(SHAPES["five_arms"])
    scale = next(scale for scale in plot(name, ard).scales if "color" in scale.aesthetics)
    colours = scale.map(list(scale.limits))
    assert dict(zip(scale.limits, colours, strict=True)) == {
        "Placebo": "#6b6b6b", "Esketamine": "#0072B2", "Ketamine": "#D55E00", "Midazolam": "#009E73", "Lanicemine": "#CC79A7",
    }  # fmt: skip


def _lightness(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_arms_can_be_told_apart_without_colour() -> None:
    ard = make(SHAPES["five_arms"])
    scales = {aesthetic: scale for scale in plot("over_visits", ard).scales for aesthetic in scale.aesthetics}
    marks = [tuple(map(str, pair)) for pair in zip(*(scales[name].map(list(scales[name].limits)) for name in ("shape", "linetype")), strict=True)]
    assert len(set(marks)) == 5
    two = scales["color"].map(["Placebo", "Esketamine"])
    assert all(_lightness(colour) < 0.35 for colour in two)


def test_people_whose_scores_ended_are_those_with_none_later() -> None:
    ard = make(SHAPES["usual"])
    rows = match(ard, analysis="description", term=GONE, statistic="percent")
    shown = drawn("dropout", ard).rows
    assert sorted(shown["value"]) == sorted(match(rows[rows["arm"] != ""])["value"])


def test_one_changed_value_changes_the_figures_that_show_it_and_no_other() -> None:
    ard = make(SHAPES["usual"])
    changed = ard.copy()
    changed.loc[
        (changed["analysis"] == "response") & (changed["visit"] == "v3") & (changed["arm"] == "arm1") & (changed["statistic"] == "percent"), "value"
    ] = 77.7
    names = ["flow", "trajectory", "forest", "relapse_curve", "over_visits", "missing_scores", "session_courses", "site_means", "model_checks", "agreement"]
    differ = [name for name in names if not drawn(name, ard).rows.equals(drawn(name, changed).rows)]
    assert differ == ["over_visits"]


def relabelled(ard: pd.DataFrame, kind: str, term: str, text: str) -> pd.DataFrame:
    """The ARD with one word of its labels changed."""
    changed = ard.copy()
    changed.loc[(changed["statistic"] == "label") & (changed["parameter"] == kind) & (changed["term"] == term), "text"] = text
    return changed


def at_days(ard: pd.DataFrame) -> pd.DataFrame:
    """The last visit's results of the main analysis moved to three declared times, each a point apart."""
    main = (ard["analysis"] == "main") & ard["term"].isin(["ls_mean", "contrast"])
    last = ard[main & (ard["visit"] == "v5")]
    moved = [last.assign(visit="", day=float(day), value=last["value"] + at) for at, day in enumerate((14, 28, 56))]
    timed = pd.concat([ard[~main], *moved], ignore_index=True)
    for kind, term in (("primary", "visit"), ("main visit", "main")):
        timed = relabelled(timed, kind, term, "")
    return relabelled(timed, "model", "main", "lmm")


def test_differences_at_declared_times_stand_with_their_own_limits_and_day() -> None:
    ard = at_days(make(SHAPES["usual"]))
    rows = drawn("forest", ard).rows
    main = rows[rows["role"] == "Primary analysis"]
    assert [label.replace("\N{NO-BREAK SPACE}", " ") for label in main["label"]] == [f"Change from baseline, day {day}" for day in (14, 28, 56)]
    contrasts = match(ard, analysis="main", term="contrast")
    wanted = [interval(match(contrasts, day=float(day))) for day in (14, 28, 56)]
    assert len(set(wanted)) == 3
    assert main["numbers"].tolist() == wanted
    assert (main["low"] < main["value"]).all()
    assert (main["value"] < main["high"]).all()
    said = headline(ard).sentence
    assert all(f"at day {day}: {text.split(' ')[0]} points" in said for day, text in zip((14, 28, 56), wanted, strict=True))


def sides(plot: Any) -> list[str]:
    """What the sides of a forest's axes mean, as drawn."""
    texts = [text for layer in plot.layers if type(layer.geom).__name__ == "geom_text" for text in layer._data["label"]]
    return [text.strip("\N{LEFTWARDS ARROW}\N{RIGHTWARDS ARROW} ") for text in texts if "\N{LEFTWARDS ARROW}" in text or "\N{RIGHTWARDS ARROW}" in text]


def test_sites_where_more_people_respond_do_not_stand_on_the_worse_side() -> None:
    ard = make(SHAPES["usual"])
    assert sorted(sides(plot("site_means", ard))) == ["better", "worse"]
    assert sorted(sides(plot("site_means", relabelled(ard, "model", "sites", "glmm")))) == ["less often", "more often"]


def test_a_score_without_a_better_side_is_not_given_one() -> None:
    ard = make(SHAPES["usual"])
    for name in ("madrs", "change"):
        ard = relabelled(ard, "better", name, "")
    assert set(sides(plot("forest", ard))[:2]) <= {"lower", "higher", "less often", "more often"}
    assert not {"better", "worse"} & set(sides(plot("forest", ard)))


def test_an_interval_beyond_the_axis_leaves_an_arrow_there() -> None:
    ard = make(SHAPES["usual"])
    other = (ard["analysis"] == "groups") & (ard["level"] == "other")
    for statistic, value in (("estimate", 500.0), ("conf_low", 100.0), ("conf_high", 900.0)):
        ard.loc[other & (ard["statistic"] == statistic), "value"] = value
    heads = [layer for layer in plot("forest", ard).layers if type(layer.geom).__name__ == "geom_segment" and layer.geom.params["arrow"] is not None]
    assert [len(layer._data) for layer in heads] == [1]


def test_medians_that_are_withheld_are_not_said_to_be_not_reached() -> None:
    ard = make(SHAPES["usual"])
    medians = (ard["analysis"] == "curve") & (ard["term"] == "median")
    ard.loc[medians, "value"] = None
    assert "Placebo not reached; Esketamine not reached" in drawn("relapse_curve", ard).alt
    ard.loc[medians & (ard["arm"] == "arm1"), "status"] = "withheld"
    assert "Placebo not reached; Esketamine [withheld]" in drawn("relapse_curve", ard).alt


def test_observed_means_are_those_of_everybody_described() -> None:
    ard = make(SHAPES["usual"])
    before = drawn("trajectory", ard).rows["observed"]
    means = match(ard, analysis="description", statistic="mean_change")
    other = pd.concat([means.assign(analysis="exposure", term="2 sessions", value=99.0), means.assign(subgroup="sex", level="female", value=-99.0)])
    assert drawn("trajectory", pd.concat([other, ard], ignore_index=True)).rows["observed"].equals(before)


def test_definitions_without_room_are_said_to_be_left_out() -> None:
    ard = make(SHAPES["usual"])
    rows = ard[(ard["analysis"] == "response") | ((ard["analysis"] == "study") & (ard["term"] == "response") & ard["parameter"].isin(["analysis", "model"]))]
    more = [
        rows.assign(**{column: rows[column].replace({"response": f"r{at}", "Response": f"R{at}"}) for column in ("analysis", "term", "text")})
        for at in range(7)
    ]
    words = plot("over_visits", pd.concat([ard, *more], ignore_index=True)).labels.caption.replace("\n", " ")
    assert "The first 6 of 8 definitions" in words
    assert "The first" not in plot("over_visits", ard).labels.caption


def test_what_is_withheld_is_not_bridged_by_a_line_nor_counted_as_shown() -> None:
    ard = make(SHAPES["withheld"])
    assert "among those shown at most" in drawn("missing_scores", ard).alt
    assert "among" not in drawn("missing_scores", make(SHAPES["usual"])).alt
    shares = plot("over_visits", ard)
    line = next(layer for layer in shares.layers if type(layer.geom).__name__ == "geom_line")
    assert shares.data["value"].isna().any()
    assert not isinstance(line._data, pd.DataFrame) or line._data["value"].isna().any()
    assert "Each step is drawn once more than 7 events have gathered" in plot("relapse_curve", ard).labels.caption.replace("\n", " ")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_scores_of_millions_are_drawn_above_their_rows_of_numbers(width: float) -> None:
    ard = make(SHAPES["usual"])
    sessions = ard["visit"].str.startswith("session") & (ard["statistic"] == "mean")
    ard.loc[sessions, "value"] *= 1e5
    drawn_plot = plot("session_courses", ard, width)
    drawn_plot.draw()
    assert drawn_plot.data["value"].max() > 1e7


@pytest.mark.parametrize("study", ["esketamine_trial", "esketamine_withdrawal", "esketamine_doses", "ketamine_clinics", "ketamine_or_ect"])
def test_intervals_are_called_by_their_own_level(study: str) -> None:
    ard = exact(study).assign(conf_level=lambda ard: ard["conf_level"].replace(0.95, 0.9))
    models = set(Labels.of(ard).of_kind("model").values())
    said = {plugin.name: written(plugin.name, ard) for plugin in displays("tables", models)}
    for plugin in displays("figures", models):
        found = drawn(plugin.name, ard)
        if found.plate is not None:
            said[plugin.name] = " ".join(words_of(plot(plugin.name, ard)))
    # model by model as the sentences of methods say it; lines of the funnel are what they are
    said = {name: text for name, text in said.items() if name not in {"models", "site_sizes"}}
    assert not {name for name, text in said.items() if re.search(r"95\s?%", text)}
    assert {name for name, text in said.items() if re.search(r"90\s?%", text)} >= ({"trajectory"} if "mmrm" in models else set())


def written(name: str, ard: pd.DataFrame) -> str:
    """A table as CSV; nothing where it is empty."""
    return tables.make(name, ard).files.get(f"{name}.csv", b"").decode()


def words_of(drawing: Any) -> list[str]:
    """Everything that is written in a figure."""
    texts = [(layer, layer.mapping.get("label")) for layer in drawing.layers if type(layer.geom).__name__ == "geom_text"]
    layers = [str(text) for layer, column in texts for text in layer._data.get(column, [])]
    return [*layers, *(str(value) for value in vars(drawing.labels).values() if value)]


def test_several_levels_are_named_line_by_line_and_simultaneous_ones_so_called() -> None:
    ard = exact("esketamine_trial")
    other = next(name for name, of in Labels.of(ard).of_kind("sensitivity").items() if of == "main")
    ard = ard.assign(conf_level=ard["conf_level"].mask((ard["analysis"] == other) & ard["conf_level"].notna(), 0.9))
    text = written("outcome", ard)
    title = Labels.of(ard).text("analysis", other)
    assert f"Confidence intervals: 90 % in {title}; 95 % in " in text
    assert "% CI)" not in text
    forest = " ".join(words_of(plot("forest", ard))).replace("\n", " ")
    assert "Estimate (95 or 90 % CI)" in forest
    assert "90 % CI" in forest.replace("or 90 % CI", "")
    doses = exact("esketamine_doses")
    assert "Intervals of the differences are simultaneous (Dunnett)." in written("outcome", doses)
    assert "Simultaneous intervals (Dunnett)" in " ".join(words_of(plot("forest", doses))).replace("\n", " ")
