"""Binary mixed models from CSV to results: what enters, what is left out, what is refused; the numbers are those of the engine's own tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes import glmm
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.models.hazard import person_intervals
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import SIMULATED

STUDIES = Path(__file__).resolve().parents[3] / "config" / "studies"


def prepared(name: str, root: Path, edit: Callable[[str], str] = lambda text: text) -> tuple[Study, dict[str, pd.DataFrame]]:
    folder = root / "data" / name
    folder.mkdir(parents=True)
    for file, text in SIMULATED[name](None).items():
        (folder / file).write_text(text, encoding="utf-8")
    (root / f"{name}.yaml").write_text(edit((STUDIES / f"{name}.yaml").read_text(encoding="utf-8")), encoding="utf-8")
    study = read_study(root / f"{name}.yaml")
    return study, derive(study, ingest(study, root).tables)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, pd.DataFrame]]:
    return prepared("esketamine_trial", tmp_path_factory.mktemp("trial"))


@pytest.fixture(scope="module")
def withdrawal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, pd.DataFrame]]:
    return prepared("esketamine_withdrawal", tmp_path_factory.mktemp("withdrawal"))


def value(found: pd.DataFrame, statistic: str, **key: str | float) -> float:
    rows = match(found, statistic=statistic, **key)
    assert len(rows) == 1, f"{len(rows)} rows for {statistic} {key}"
    return float(rows["value"].iloc[0])


def test_states_are_the_answers_of_the_analysis_data(trial: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """The same rows put together by hand, from the analysis data, give the same fit and counts."""
    study, data = trial
    found = analyse(study, "response_states", data)
    scores, people = data["adqs"], data["adsl"]
    base = scores[(scores["paramcd"] == "madrs") & scores["base"].notna()].drop_duplicates("participant").set_index("participant")["base"]
    answers = scores[(scores["paramcd"] == "madrs_response") & (scores["anl"] == "yes") & scores["aval"].notna()]
    who = people[people["pop_fas"] == "yes"].set_index("participant")
    rows = answers[answers["participant"].isin(who.index)].rename(columns={"trtp": "arm", "avisit": "visit"}).drop(columns="base")
    rows = rows.assign(base=rows["participant"].map(base), ad_class=rows["participant"].map(who["ad_class"]))
    visits = ["day2", "day8", "day15", "day22", "day28"]
    levels = {"arm": ["placebo", "esketamine"], "visit": visits, "ad_class": ["SNRI", "SSRI"]}
    fit = glmm(rows, "aval ~ arm * visit + base + ad_class", levels=levels, subject="participant")
    assert value(found, "loglik", term="fit") == pytest.approx(fit.loglik, rel=1e-10)
    assert value(found, "estimate", term="arm[esketamine]:visit[day28]") == pytest.approx(fit.params["arm[esketamine]:visit[day28]"], rel=1e-7)
    counted = rows.groupby(["arm", "visit"])["aval"].agg(["sum", "size"])
    for arm, visit in counted.index:
        assert value(found, "n_events", term="", arm=arm, visit=visit) == counted.loc[(arm, visit), "sum"]
        assert value(found, "n", term="", arm=arm, visit=visit) == counted.loc[(arm, visit), "size"]
    risks = fit.population(("arm", "visit"))
    by_cell = {(one.cell["arm"], one.cell["visit"]): one for one in risks.risks}
    assert value(found, "risk", term="risk", arm="esketamine", visit="day8") == pytest.approx(100 * by_cell["esketamine", "day8"].estimate, rel=1e-8)
    difference = next(one for one in risks.compare("arm", "placebo") if one.cell["visit"] == "day28")
    assert value(found, "conf_low", term="contrast: risk difference", visit="day28") == pytest.approx(100 * difference.lower, rel=1e-7)
    assert value(found, "p_value", term="contrast: risk difference", visit="day28") == pytest.approx(difference.p, rel=1e-7)


def test_intervals_by_hand() -> None:
    """Events on an interval's end belong to it; a person censored within an interval does not count in it."""
    people = pd.DataFrame({"participant": [1, 2, 3, 4, 5, 6], "time": [0.0, 14.0, 15.0, 20.0, 28.0, 60.0], "event": [True, True, True, False, False, True]})
    found = person_intervals(people, [14.0, 28.0, 42.0])
    told = {(int(who), interval): int(happened) for who, interval, happened in found[["participant", "interval", "happened"]].itertuples(index=False)}
    assert told == {
        (1, "14"): 1, (2, "14"): 1, (3, "14"): 0, (4, "14"): 0, (5, "14"): 0, (6, "14"): 0,
        (3, "28"): 1, (5, "28"): 0, (6, "28"): 0,
        (6, "42"): 0,
    }  # fmt: skip


def test_hazards_are_those_of_the_intervals(withdrawal: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    study, data = withdrawal
    found = analyse(study, "relapse_intervals", data)
    times = data["adtte"][data["adtte"]["paramcd"] == "relapse"].set_index("participant")
    people = data["adsl"][(data["adsl"]["period"] == "maintenance") & (data["adsl"]["pop_randomised"] == "yes")]
    rows: list[dict[str, object]] = []
    for person in people.itertuples():
        time, event = float(times.loc[person.participant, "aval"]), times.loc[person.participant, "cnsr"] == 0
        start = -1.0
        for end in (56.0, 112.0, 168.0, 224.0, 280.0, 336.0):
            if time > start and ((event and time <= end) or time >= end):
                rows.append({"arm": person.trtp, "stable": person.stable, "site": person.site, "interval": f"{end:g}", "y": int(event and time <= end)})
            start = end
    levels = {
        "arm": ["placebo", "esketamine"],
        "stable": list(study.participant_columns["stable"].levels),
        "interval": ["56", "112", "168", "224", "280", "336"],
    }
    fit = glmm(pd.DataFrame(rows), "y ~ interval + arm + stable", levels=levels, subject="site", link="cloglog")
    assert value(found, "hazard_ratio", term="contrast") == pytest.approx(float(np.exp(fit.params["arm[esketamine]"])), rel=1e-8)
    risks, durations = fit.survival(("arm",), "interval", [56.0] * 6)
    last = risks.risks[-1]
    assert last.cell["arm"] == "esketamine"
    assert value(found, "risk", term="risk", arm="esketamine", day=336.0) == pytest.approx(100 * last.estimate, rel=1e-8)
    assert value(found, "restricted_mean", term="restricted mean difference") == pytest.approx(durations.compare("arm", "placebo")[0].estimate, rel=1e-8)


def test_an_arm_without_events_is_flagged_and_finite(tmp_path: Path) -> None:
    study, data = prepared("esketamine_withdrawal", tmp_path)
    times = data["adtte"]
    arm = data["adsl"][data["adsl"]["period"] == "maintenance"].set_index("participant")["trtp"]
    none = (times["paramcd"] == "relapse") & (times["participant"].map(arm) == "esketamine")
    found = analyse(study, "relapse_intervals", {**data, "adtte": times.assign(cnsr=times["cnsr"].mask(none, 1))})
    verdict = match(found, statistic="verdict").iloc[0]
    assert verdict["text"] == "flagged"
    assert "separation" in verdict["note"]
    assert "arm[esketamine]" in verdict["note"]
    assert 0 < value(found, "p_value", term="contrast") < 0.05
    assert value(found, "std_error", term="arm[esketamine]") < 5


@pytest.mark.parametrize(
    ("study", "old", "new", "said"),
    [
        ("esketamine_withdrawal", "intervals: [56, 112, 168, 224, 280, 336]", "intervals: [112, 56]", "ascending order"),
        ("esketamine_withdrawal", "intervals: [56, 112, 168, 224, 280, 336]", "intervals: [0, 56]", "above 0"),
        ("esketamine_withdrawal", "covariates: [stable]\n    intervals", "covariates: [site]\n    intervals", "random effect"),
        ("esketamine_withdrawal", "covariates: [stable]\n    intervals", "covariates: [base]\n    intervals", "no baseline"),
        ("esketamine_withdrawal", "  site: site\n", "", "needs `design.site`"),
        ("esketamine_trial", "visits: [day2, day8, day15, day22, day28]\n    visit: day28", "visits: [day2, day8]\n    visit: day28", "one of `visits`"),
        ("esketamine_trial", "    covariates: [base, ad_class]", "    random: [intercept, slope]", "needs `time: continuous`"),
        ("esketamine_trial", "    covariates: [base, ad_class]", "    random: [slope]", "write `.intercept.`"),
        ("esketamine_trial", "visit\n    endpoint: madrs_response", "visit\n    endpoint: madrs_change", "yes-or-no"),
    ],
)  # fmt: skip
def test_a_study_file_says_things_that_go_together(study: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    text = (STUDIES / f"{study}.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / f"{study}.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(Refused, match=said):
        read_study(path)


def test_sites_beside_participants(tmp_path: Path) -> None:
    """The engine's fit of the same rows, with the variance of sites among the results."""
    study, data = prepared(
        "esketamine_trial", tmp_path, lambda text: text.replace("    covariates: [base, ad_class]", "    site_intercept: true\n    nodes: 1")
    )
    found = analyse(study, "response_states", data)
    scores, people = data["adqs"], data["adsl"]
    who = people[people["pop_fas"] == "yes"].set_index("participant")
    answers = scores[(scores["paramcd"] == "madrs_response") & (scores["anl"] == "yes") & scores["aval"].notna() & scores["participant"].isin(who.index)]
    rows = answers.rename(columns={"trtp": "arm", "avisit": "visit"}).assign(site=answers["participant"].map(who["site"]))
    levels = {"arm": ["placebo", "esketamine"], "visit": ["day2", "day8", "day15", "day22", "day28"]}
    fit = glmm(rows, "aval ~ arm * visit", levels=levels, subject="participant", site="site", nodes=1)
    for term, name in (("participant", "subject"), ("site", "site")):
        assert value(found, "variance", term=term) == pytest.approx(fit.covariances[name].iloc[0, 0], rel=1e-7)
        assert value(found, "icc", term=term) == pytest.approx(fit.heterogeneity()[name]["icc"], rel=1e-7)
    assert value(found, "loglik", term="fit") == pytest.approx(fit.loglik, rel=1e-10)


def test_a_spline_with_a_knot_at_each_interval_is_a_hazard_for_each(withdrawal: tuple[Study, dict[str, pd.DataFrame]]) -> None:
    """A natural spline with as many knots as points passes through any values at them: the same model in other columns."""
    study, data = withdrawal
    categories = study.analyses["relapse_intervals"]
    ends = getattr(categories, "intervals")
    spline = categories.model_copy(update={"time": "spline", "knots": list(ends)})
    found = analyse(study.model_copy(update={"analyses": {"relapse_intervals": spline}}), "relapse_intervals", data)
    expected = analyse(study, "relapse_intervals", data)
    keys = [
        ("hazard_ratio", {"term": "contrast"}), ("conf_low", {"term": "contrast"}), ("loglik", {"term": "fit"}),
        ("risk_difference", {"term": "contrast: risk difference"}), ("conf_high", {"term": "contrast: risk difference"}),
        ("restricted_mean", {"term": "restricted mean difference"}), ("std_error", {"term": "restricted mean difference"}),
        ("risk", {"term": "risk", "arm": "placebo", "day": ends[2]}), ("variance", {"term": "site"}),
    ]  # fmt: skip
    for statistic, key in keys:
        assert value(found, statistic, **key) == pytest.approx(value(expected, statistic, **key), rel=2e-6, abs=1e-7), (statistic, key)
    fewer = spline.model_copy(update={"knots": [ends[0], ends[2], ends[-1]]})
    smooth = analyse(study.model_copy(update={"analyses": {"relapse_intervals": fewer}}), "relapse_intervals", data)
    assert value(smooth, "loglik", term="fit") < value(expected, "loglik", term="fit")
    assert "spline over time" in str(match(smooth, statistic="method")["text"].iloc[0])
