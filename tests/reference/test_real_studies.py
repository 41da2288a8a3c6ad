"""Public data sets through a study file of each: the numbers their authors or trusted software give. The data are not kept here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match

HERE = Path(__file__).parent / "studies"
Prepared = tuple[Study, dict[str, pd.DataFrame]]


def derived(name: str, root: Path, files: dict[str, str]) -> Prepared:
    """A study file of this folder with its analysis data, from the text of its files."""
    folder = root / "data" / name
    folder.mkdir(parents=True)
    for target, text in files.items():
        (folder / target).write_text(text, encoding="utf-8")
    study = read_study(HERE / f"{name}.yaml")
    return study, derive(study, ingest(study, root).tables)


def checks(shared: Path, name: str, part: str = "") -> dict[str, Any]:
    """The expected values of a data set by id."""
    expected = json.loads((shared / "data" / name / "expected.json").read_text(encoding="utf-8"))
    entries = (expected[part] if part else expected)["checks"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="module")
def adolescents(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The authors' file is ISO-8859-1, which our reader refuses: saved as UTF-8, as the study file says."""
    text = (shared / "data" / "esketamine_adolescents" / "Dataset.csv").read_text(encoding="latin-1")
    return derived("esketamine_adolescents", tmp_path_factory.mktemp("adolescents"), {"Dataset.csv": text})


def test_ten_adolescents_before_and_after(adolescents: Prepared, shared: Path, number: Callable[..., float]) -> None:
    expected = checks(shared, "esketamine_adolescents")
    found = analyse(adolescents[0], "description", adolescents[1])
    for visit, key in (("baseline", "madrs_baseline_mean"), ("day1", "madrs_24h_mean")):
        entry = expected[key]
        rows = match(found, parameter="madrs", visit=visit, arm="")
        assert float(match(rows, statistic="mean")["value"].iloc[0]) == pytest.approx(entry["value"], abs=entry["abs_tol"])
        assert float(match(rows, statistic="sd")["value"].iloc[0]) == pytest.approx(entry["sd"], abs=1e-6)
    entry = expected["madrs_mean_difference"]
    change = analyse(adolescents[0], "change", adolescents[1])
    ours = [
        number(change, statistic, term="ls_mean", arm="esketamine", visit="day1") for statistic in ("estimate", "conf_low", "conf_high", "t", "df", "p_value")
    ]
    # the authors subtract the other way round
    assert ours == pytest.approx([-entry["value"], -entry["ci"][1], -entry["ci"][0], -entry["t"], entry["df"], entry["p"]], rel=1e-5)
    response = analyse(adolescents[0], "response", adolescents[1])
    assert number(response, "n_events", arm="esketamine", visit="day1") == expected["madrs_responders_50pct"]["value"]
    dissociated = match(found, parameter="dissociated", term="yes", statistic="n", arm="")
    assert float(dissociated["value"].iloc[0]) == expected["dissociation_n"]["value"]


def test_the_rising_suicide_item_is_visible_and_not_averaged(adolescents: Prepared, number: Callable[..., float]) -> None:
    """Printed in the data's notes: one person's item 10 rose from 3 to 6."""
    shifts = analyse(adolescents[0], "suicidality", adolescents[1])
    assert number(shifts, "n_events", term="worse", level="change", arm="esketamine", visit="day1") == 1
    assert number(shifts, "n_events", term="3 to 6", level="shift", arm="esketamine", visit="day1") == 1
    described = match(analyse(adolescents[0], "description", adolescents[1]), parameter="item10")
    assert "mean" not in set(described["statistic"])


def test_random_slopes_of_ten_people_seen_once_are_refused(adolescents: Prepared) -> None:
    rows = match(analyse(adolescents[0], "slopes", adolescents[1]), statistic="verdict")
    assert rows["status"].iloc[0] in {"not_estimable", "failed"}
    assert rows["note"].iloc[0]


@pytest.fixture(scope="module")
def dia(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """One file holds people and scores as changes: split into the two tables, the baseline a row of its own."""
    rows = pd.read_csv(shared / "data" / "hamd17_dia" / "HAMD17.csv", dtype={"PATIENT": str, "TRT": str, "POOLINV": str})
    people = rows.drop_duplicates("PATIENT")[["PATIENT", "TRT", "POOLINV", "basval"]]
    first = people.assign(week=0, hamd17=people["basval"])
    later = rows.assign(week=rows["week"].astype(int), hamd17=rows["basval"] + rows["change"])
    scores = pd.concat([first, later])[["PATIENT", "week", "hamd17"]]
    files = {"people.csv": people.to_csv(index=False), "scores.csv": scores.to_csv(index=False)}
    return derived("hamd17_dia", tmp_path_factory.mktemp("dia"), files)


ARMS = {"1": "placebo", "2": "drug"}


def test_dia_trial_at_week_8(dia: Prepared, shared: Path, number: Callable[..., float]) -> None:
    expected = checks(shared, "hamd17_dia")
    found = analyse(dia[0], "week8", dia[1])
    for arm, value in expected["ancova_lsmean_wk8"]["value"].items():
        ours = number(found, "estimate", term="ls_mean", arm=ARMS[arm], visit="week8")
        assert ours == pytest.approx(value, abs=expected["ancova_lsmean_wk8"]["abs_tol"])
    entry = expected["ancova_1_minus_2"]
    key = {"term": "contrast", "arm": "drug", "comparator": "placebo", "visit": "week8"}
    assert -number(found, "estimate", **key) == pytest.approx(entry["value"], abs=entry["abs_tol"])
    assert number(found, "p_value", **key) == pytest.approx(entry["p"], abs=5e-5)
    described = analyse(dia[0], "description", dia[1])
    for statistic, name in (("mean_change", "value"), ("sd_change", "sd")):
        for arm, value in expected["change_mean_wk8"][name].items():
            ours = number(described, statistic, parameter="hamd17", arm=ARMS[arm], visit="week8")
            assert ours == pytest.approx(value, abs=expected["change_mean_wk8"]["abs_tol"])
    for arm, n in expected["n_wk8"]["value"].items():
        assert number(described, "n_observed", parameter="hamd17", arm=ARMS[arm], visit="week8") == n


def test_dia_trial_over_eight_weeks(dia: Prepared, shared: Path, number: Callable[..., float]) -> None:
    expected = checks(shared, "hamd17_dia")
    found = analyse(dia[0], "main", dia[1])
    for week in (1, 2, 4, 6, 8):
        entry = expected[f"mmrm_2_minus_1_wk{week}"]
        key = {"term": "contrast", "arm": "drug", "comparator": "placebo", "visit": f"week{week}"}
        assert number(found, "estimate", **key) == pytest.approx(entry["value"], abs=entry["abs_tol"])
        assert number(found, "std_error", **key) == pytest.approx(entry["se"], abs=0.002)
    last = expected["mmrm_2_minus_1_wk8"]
    assert number(found, "df", **key) == pytest.approx(last["df"], abs=0.5)
    assert number(found, "p_value", **key) == pytest.approx(last["p"], abs=5e-4)
    entry = expected["mmrm_reml_loglik"]
    assert number(found, "loglik", term="fit") == pytest.approx(entry["value"], abs=entry["abs_tol"])


@pytest.mark.parametrize("name", ["alcohol_relapse", "cocaine_relapse_1"])
def test_relapse_curves(name: str, shared: Path, tmp_path: Path, number: Callable[..., float]) -> None:
    expected = checks(shared, "alda", name)
    text = (shared / "data" / "alda" / f"{name}.csv").read_text(encoding="utf-8")
    study, data = derived(name, tmp_path, {f"{name}.csv": text})
    found = analyse(study, "curve", data)
    assert number(found, "n", arm="treated") == expected["n"]["value"]
    assert number(found, "n_events", arm="treated") == expected["events"]["value"]
    entry = expected["km_median_weeks"]
    assert number(found, "median", term="median", arm="treated") == pytest.approx(entry["value"], abs=entry["abs_tol"])
    for at, limit in zip(("conf_low", "conf_high"), entry.get("ci", []), strict=False):
        assert number(found, at, term="median", arm="treated") == pytest.approx(limit, abs=entry["abs_tol"])
    curve = match(found, term="curve", statistic="survival").sort_values("day")
    for week, value in expected.get("km_S_at_weeks", {"value": {"12": expected.get("S_12", {}).get("value")}})["value"].items():
        ours = curve[curve["day"] <= float(week)]["value"].iloc[-1]
        assert float(ours) == pytest.approx(value, abs=6e-4)
    if "life_table_events" in expected:
        table = expected["life_table_events"]
        counted = match(found, term="at risk").pivot(index="day", columns="statistic", values="value").sort_index()
        assert list(counted["n_at_risk"][1:]) == table["n_risk"]
        assert list(counted["n_events"].diff()[1:]) == table["value"]


def test_mood_over_a_week(shared: Path, tmp_path: Path, number: Callable[..., float]) -> None:
    """Singer and Willett 2003, table 5.10, model A, as lme4 gives it."""
    expected = checks(shared, "alda", "antidepressants")
    source = shared / "data" / "alda" / "antidepressants.csv"
    people = pd.read_csv(source, dtype=str).drop_duplicates("id")[["id", "treatment"]].to_csv(index=False)
    study, data = derived("antidepressants", tmp_path, {"antidepressants.csv": source.read_text(encoding="utf-8"), "people.csv": people})
    found = analyse(study, "slopes", data)
    terms = {"A_Intercept": "(Intercept)", "A_treatment": "arm[pills]", "A_time": "time", "A_treatment:time": "arm[pills]:time"}
    for name, term in terms.items():
        entry = expected[name]
        assert number(found, "estimate", term=term) == pytest.approx(entry["value"], abs=entry["abs_tol"])
        assert number(found, "std_error", term=term) == pytest.approx(entry["se"], abs=0.002)
    variances = {"A_var_resid": ("variance", "residual"), "A_var_int": ("variance", "participant"), "A_var_time": ("slope_variance", "participant, slope")}
    for name, (statistic, term) in variances.items():
        assert number(found, statistic, term=term) == pytest.approx(expected[name]["value"], abs=expected[name]["abs_tol"])
    assert -2 * number(found, "loglik", term="fit") == pytest.approx(expected["A_deviance"]["value"], abs=expected["A_deviance"]["abs_tol"])


#: Days of the months that Singer and Willett count in.
MONTH = 365.25 / 12
UNEMPLOYMENT = {
    "A": ("time_alone", {"Intercept": "(Intercept)", "months": "time"}),
    "B": ("with_unemployment", {"Intercept": "(Intercept)", "months": "time", "unemployed": "unemployed"}),
    "C": ("changing_association", {"Intercept": "(Intercept)", "months": "time", "unemployed": "unemployed", "months:unemployed": "time:unemployed"}),
}


@pytest.fixture(scope="module")
def unemployment(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """One file holds people and interviews, in months: a table of the people beside it, and the day of each interview."""
    rows = pd.read_csv(shared / "data" / "alda" / "depression_unemployment.csv")
    rows["day"] = rows["months"] * MONTH
    files = {"people.csv": rows[["id"]].drop_duplicates().to_csv(index=False), "interviews.csv": rows.to_csv(index=False)}
    return derived("depression_unemployment", tmp_path_factory.mktemp("unemployment"), files)


@pytest.mark.parametrize("model", list(UNEMPLOYMENT))
def test_depression_and_unemployment(model: str, unemployment: Prepared, shared: Path, number: Callable[..., float]) -> None:
    """Singer and Willett 2003, table 5.7, as lme4 gives it; a slope per day is one per month over its days."""
    expected = checks(shared, "alda", "depression_unemployment")
    name, terms = UNEMPLOYMENT[model]
    found = analyse(unemployment[0], name, unemployment[1])
    assert number(found, "n", term="fit") == 254
    assert number(found, "n_rows", term="fit") == 674
    for key, term in terms.items():
        entry, unit = expected[f"{model}_{key}"], MONTH if "months" in key else 1
        assert unit * number(found, "estimate", term=term) == pytest.approx(entry["value"], abs=entry["abs_tol"])
        assert unit * number(found, "std_error", term=term) == pytest.approx(entry["se"], abs=0.002)
    deviance = expected["deviance"]
    assert -2 * number(found, "loglik", term="fit") == pytest.approx(deviance["value"][model], abs=deviance["abs_tol"])
