"""What figures are made of: layers, the ARD rows in them, colours that stay with their arm, words on the axes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.figures import drawn
from ketaoutcomes.figures._figure import NARROW, WIDE
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
