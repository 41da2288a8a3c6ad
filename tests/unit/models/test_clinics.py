"""Clinics from CSV to results: what enters, what stands behind a number, codes of sites, words; numbers against loops and closed forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes import lmm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import _intensity, _weights, analyse
from ketaoutcomes.models._clock import Clock
from ketaoutcomes.models._gee import Equations, NoEquations, solve
from ketaoutcomes.schema.ard import match
from tests.unit.models.test_binary_models import prepared, value

Data = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def clinics(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Data]:
    return prepared("ketamine_clinics", tmp_path_factory.mktemp("clinics"))


@pytest.fixture(scope="module")
def two_arms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Data]:
    return prepared("ketamine_or_ect", tmp_path_factory.mktemp("two_arms"))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Data]:
    return prepared("esketamine_trial", tmp_path_factory.mktemp("trial"))


def changed(study: Study, name: str, **keys: Any) -> Study:
    return study.model_copy(update={"analyses": {**study.analyses, name: study.analyses[name].model_copy(update=keys)}})


def raw(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The clinics' own files, read here once more: people with their clinic, and scores with their day since the first infusion."""
    folder = next(root.glob("data/*"))
    people = pd.read_csv(folder / "patients.csv", parse_dates=["first_infusion"]).sort_values("patient_id", ignore_index=True)
    scores = pd.read_csv(folder / "questionnaires.csv", parse_dates=["date"]).merge(people, on="patient_id")
    return people, scores.assign(day=(scores["date"] - scores["first_infusion"]).dt.days)


def test_every_score_enters_a_course_over_days(tmp_path: Path) -> None:
    """Scores between the visits' windows too; the first day's is the baseline."""
    study, data = prepared("ketamine_clinics", tmp_path)
    _, scores = raw(tmp_path)
    base = scores[scores["day"].between(-14, 0)].sort_values("day").groupby("patient_id")["phq9"].last()
    rows = scores[scores["day"] > 0].assign(base=lambda found: found["patient_id"].map(base))
    rows = rows[rows["base"].notna()].assign(chg=lambda found: found["phq9"] - found["base"], time=lambda found: found["day"].astype(float))
    found = analyse(study, "course", data)
    assert value(found, "n_rows", term="fit") == len(rows)
    clock = Clock((3.0, 8.0, 18.0, 40.0, 120.0))
    terms = [("base",), *((name,) for name in clock.names)]
    fit = lmm(clock.on(rows), response="chg", fixed=terms, subject="patient_id", site="clinic")
    for day in (7.0, 84.0):
        mean = fit.ls_means([], at=clock.at(day))[0]
        assert value(found, "estimate", term="ls_mean", day=day) == pytest.approx(mean.estimate, rel=1e-9)
        assert value(found, "conf_low", term="ls_mean", day=day) == pytest.approx(mean.lower, rel=1e-8)
        behind = match(found, term="ls_mean", day=day, statistic="estimate")["n"].iloc[0]
        assert behind == rows.loc[rows["day"] >= day, "patient_id"].nunique()
    # sites stand under codes; the codes are ranks of their effects
    effects = fit.random_effects()["site"].assign(n=lambda sites: sites["site"].map(rows.groupby("clinic")["patient_id"].nunique()))
    alone = effects[effects["n"] >= 8].sort_values("estimate")
    shown = match(found, term="site effect", statistic="estimate")
    assert list(shown["level"][:-1]) == [f"site {at:02d}" for at in range(1, len(alone) + 1)]
    np.testing.assert_allclose(shown["value"][:-1].astype(float), alone["estimate"], rtol=1e-8)
    assert set(shown["n"][:-1]) == {alone["n"].min()}
    few = effects[effects["n"] < 8]
    assert shown["value"].iloc[-1] == pytest.approx(np.average(few["estimate"], weights=few["n"]), rel=1e-8)
    assert value(found, "n_sites", term="site effect") == len(few)
    assert not found.astype(str).apply(lambda column: column.str.contains("Clinic ")).to_numpy().any()


def test_deviation_of_a_site_is_that_of_its_own_people() -> None:
    """In a balanced one-way layout the deviation before shrinkage is the site's mean minus the overall one, its error sigma / sqrt(n)."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        [(f"{s}-{i}", s, y) for s, mean in enumerate(rng.normal(0, 2, 12)) for i, y in enumerate(mean + rng.normal(0, 3, 10))], columns=["id", "site", "y"]
    )
    twice = pd.concat([rows.assign(t=0.0), rows.assign(t=1.0)], ignore_index=True)
    twice["y"] += np.random.default_rng(6).normal(0, 1, len(twice))
    fit = lmm(twice, response="y", fixed=[("t",)], subject="id", site="site")
    from ketaoutcomes.models import _sites
    from ketaoutcomes.models._results import Results

    results = Results({})
    _sites.of_scores(results, fit, twice.rename(columns={"id": "participant"}), None, 0.95)
    frame = pd.DataFrame(results.rows)
    deviations = frame[(frame["term"] == "site deviation") & (frame["statistic"] == "estimate")]["value"].to_numpy(float)
    means = twice.groupby("site")["y"].mean() - twice["y"].mean()
    np.testing.assert_allclose(np.sort(deviations), np.sort(means), rtol=1e-6)
    person, residual = (fit.covariances[name].to_numpy()[0, 0] for name in ("subject", "residual"))
    errors = frame[(frame["term"] == "site deviation") & (frame["statistic"] == "std_error")]["value"].to_numpy(float)
    np.testing.assert_allclose(errors, np.sqrt((person + residual / 2) / 10), rtol=1e-6)


def test_limits_for_a_new_site(clinics: tuple[Study, Data]) -> None:
    study, data = clinics
    found = analyse(study, "main", data)
    mean, error = (value(found, statistic, term="ls_mean", visit="week6") for statistic in ("estimate", "std_error"))
    spread, sites = value(found, "sd_between", term="site"), value(found, "n_sites", term="site")
    from scipy.stats import t

    half = t.ppf(0.975, sites - 2) * np.hypot(error, spread)
    assert value(found, "predicted_low", term="new site", visit="week6") == pytest.approx(mean - half, rel=1e-12)
    assert value(found, "predicted_high", term="new site", visit="week6") == pytest.approx(mean + half, rel=1e-12)


def test_how_people_came_to_be_seen_by_loops(tmp_path: Path) -> None:
    study, data = prepared("ketamine_clinics", tmp_path)
    people, scores = raw(tmp_path)
    found = analyse(study, "visits", data)
    own = {who: part.sort_values("day") for who, part in scores.groupby("patient_id")}
    counts, gaps, gone, rate = [], [], {28.0: [0, 0]}, [0, 0.0]
    for who in people["patient_id"]:
        days = [(int(day), int(score)) for day, score in zip(own[who]["day"], own[who]["phq9"], strict=True)]
        base = [score for day, score in days if -14 <= day <= 0][-1]
        later = [(day, score) for day, score in days if 0 < day <= 182]
        counts.append(len(later))
        at = [0, *(day for day, _ in later)]
        gaps += list(np.diff(at))
        last = [score for day, score in [(0, base), *later] if day <= 28][-1]
        if last > 14:
            gone[28.0][0] += 1
            gone[28.0][1] += not any(day > 28 for day, _ in later)
        # days at risk with a last score above 14 between day 28 and day 84, one by one
        for day in range(29, 85):
            if [score for seen, score in [(0, base), *later] if seen < day][-1] > 14:
                rate[1] += 1
                rate[0] += any(seen == day for seen, _ in later)
    for term, values in (("scores per person", counts), ("days between two scores", gaps)):
        for statistic, share in (("q25", 0.25), ("q50", 0.5), ("q75", 0.75)):
            assert value(found, statistic, term=term) == np.quantile(values, share)
    assert value(found, "n_events", term="never seen again") == counts.count(0)
    where = {"level": "not seen after", "day": 28.0, "term": "above 14"}
    assert (value(found, "n", **where), value(found, "n_events", **where)) == tuple(gone[28.0])
    assert value(found, "per_month", level="days 28 to 84", term="above 14") == pytest.approx(30 * rate[0] / rate[1], rel=1e-12)


def test_the_intensity_of_a_poisson_process_that_follows_the_score() -> None:
    """People come each day with hazard exp(a + 0.1 score): the model finds 0.1; where nobody's score matters, 0. Eight cohorts each."""
    for slope in (0.0, 0.1):
        found = [_intensity.intensity(_simulated(seed, slope), 0.95) for seed in range(8)]
        estimates = np.array([fit.coefficient[0] for fit in found])
        assert abs(estimates.mean() - slope) < 3.5 * estimates.std(ddof=1) / np.sqrt(8)
        # of 8 cohorts: the mean error and the standard deviation agree within 3.5 sqrt(1 / (2 * 7))
        assert abs(np.log(np.mean([fit.std_error[0] for fit in found]) / estimates.std(ddof=1))) < 3.5 / np.sqrt(14)


def _simulated(seed: int, slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows, bases = [], {}
    for who in range(50):
        last = bases[who] = float(rng.normal(12, 4))
        day = rng.exponential(1 / (0.1 * np.exp(slope * (last - 12))))
        while day < 100:
            last = float(rng.normal(12, 4))
            rows.append((who, day, last))
            day += rng.exponential(1 / (0.1 * np.exp(slope * (last - 12))))
    people = pd.DataFrame({"participant": list(bases), "last_day": np.nan})
    return _intensity.intervals(people, pd.DataFrame(rows, columns=["participant", "ady", "aval"]), pd.Series(bases), 100.0)


def test_weights_bring_back_the_mean_of_those_who_come_rarely() -> None:
    """A stable score of 9 on average; who is worse comes oftener, so the observed mean is too high and the weighted one is not."""
    rng = np.random.default_rng(7)
    rows, bases = [], {}
    for who in range(400):
        own = rng.normal(9, 3)
        last = bases[who] = own + rng.normal(0, 2)
        day = 0.0
        while (day := day + rng.exponential(1 / (0.08 * np.exp(0.12 * (last - 9))))) < 100:
            last = own + rng.normal(0, 2)
            rows.append((who, day, last, own))
    scores = pd.DataFrame(rows, columns=["participant", "ady", "aval", "own"])
    found = _intensity.intervals(pd.DataFrame({"participant": list(bases), "last_day": np.nan}), scores, pd.Series(bases), 100.0)
    before = found[found["event"]].rename(columns={"time": "ady"})
    seen = scores.merge(before[["participant", "ady", "last"]], on=["participant", "ady"])
    weights = np.exp(-_intensity.intensity(found, 0.95).coefficient[0] * seen["last"])
    error = 3.6 / np.sqrt(400)
    assert seen["aval"].mean() > 9 + 3.5 * error
    assert abs(np.average(seen["aval"], weights=weights) - 9) < 3.5 * error


def test_estimating_equations_of_scores_are_those_of_least_squares(trial: tuple[Study, Data]) -> None:
    """With independence the coefficients are those of least squares, whatever the errors; the contrast is that of the cells' means."""
    study, data = trial
    plan = study.model_copy(update={"analyses": {"gee": gee_of(study, endpoint="madrs_change", working="independence", covariates=[])}})
    found = analyse(plan, "gee", data)
    people = data["adsl"][data["adsl"]["pop_fas"] == "yes"]["participant"]
    rows = data["adqs"][(data["adqs"]["paramcd"] == "madrs") & (data["adqs"]["anl"] == "yes") & data["adqs"]["participant"].isin(people)]
    at = rows[(rows["avisit"] == "day28") & rows["chg"].notna()].groupby("trtp")["chg"].mean()
    assert value(found, "estimate", term="contrast", visit="day28") == pytest.approx(at["esketamine"] - at["placebo"], rel=1e-9)
    assert "missing completely at random" in str(match(found, statistic="method")["text"].iloc[0])


def gee_of(study: Study, **keys: Any) -> Any:
    from ketaoutcomes.domain.analyses import Gee

    given = {"model": "gee", "title": "t", "population": "fas", "period": "double_blind", "visit": "day28", "covariates": ["base"]}
    period = next(visit.period for visit in study.visits if visit.id == "day28")
    return Gee.model_validate({**given, "period": period, **keys})


def test_estimating_equations_of_answers(trial: tuple[Study, Data]) -> None:
    """Risks without covariates are the shares that were seen, when every visit has its own."""
    study, data = trial
    plan = study.model_copy(update={"analyses": {"gee": gee_of(study, endpoint="madrs_response", working="independence", covariates=[])}})
    found = analyse(plan, "gee", data)
    for arm in ("placebo", "esketamine"):
        shown = value(found, "percent", arm=arm, visit="day28")
        assert value(found, "risk", arm=arm, visit="day28", term="risk") == pytest.approx(shown, rel=1e-8)


def test_nobody_with_the_outcome_in_an_arm_is_refused(trial: tuple[Study, Data]) -> None:
    """Where statsmodels reports p = 0."""
    study, data = trial
    scores = data["adqs"].copy()
    scores.loc[(scores["paramcd"] == "madrs_response") & (scores["trtp"] == "placebo") & scores["aval"].notna(), "aval"] = 0.0
    plan = study.model_copy(update={"analyses": {"gee": gee_of(study, endpoint="madrs_response")}})
    found = analyse(plan, "gee", {**data, "adqs": scores})
    verdict = match(found, statistic="verdict").iloc[0]
    assert verdict["text"] == "not_estimable"
    assert "infinite" in verdict["note"]
    assert not (found["statistic"] == "p_value").any()


def test_one_person_who_decides_a_coefficient_is_refused() -> None:
    x = np.column_stack([np.ones(8), [0, 0, 0, 0, 0, 0, 1, 1]]).astype(float)
    equations = Equations(np.arange(8.0), x, np.array([0, 2, 4, 6]), np.arange(8.0), binary=False)
    for errors in ("mancl-derouen", "kauermann-carroll"):
        with pytest.raises(NoEquations, match="one person alone"):
            solve(equations, "independence", errors)


def test_an_association_within_people_by_hand(clinics: tuple[Study, Data]) -> None:
    """Every session with the next score one to fourteen days after it; a score follows one session only."""
    study, data = clinics
    found = analyse(study, "dissociation", data)
    scores = data["adqd"][data["adqd"]["paramcd"] == "phq9"]
    rows = []
    for who, part in data["adex"].groupby("participant"):
        own = scores[scores["participant"] == who].sort_values("ady")
        pairs: dict[float, tuple[int, float, float, float]] = {}
        for session, day, felt in zip(part["session"], part["ady"], part["cadss"], strict=True):
            later = own[(own["ady"] >= day + 1) & (own["ady"] <= day + 14)]
            if len(later):
                first = later.iloc[0]
                pairs[first["ady"]] = (int(session), float(felt), float(first["chg"]), float(first["base"]))
        rows += [(who, *pair) for pair in pairs.values()]
    frame = pd.DataFrame(rows, columns=["who", "session", "felt", "chg", "base"]).dropna()
    frame["between"] = frame.groupby("who")["felt"].transform("mean")
    frame["within"] = frame["felt"] - frame["between"]
    counts = frame["session"].value_counts()
    last = max(counts.index[counts >= 20])
    frame["number"] = frame["session"].clip(upper=last).astype(str)
    levels = {"number": sorted(frame["number"].unique(), key=int)}
    fit = lmm(frame, response="chg", fixed=[("between",), ("within",), ("number",), ("base",)], levels=levels, subject="who")
    assert value(found, "n_rows", term="fit") == len(frame)
    for term, name in (("between people", "between"), ("within a person", "within")):
        own = fit.coefficient(name)
        assert value(found, "estimate", term=f"association: {term}") == pytest.approx(own.estimate, rel=1e-8)
        assert value(found, "std_error", term=f"association: {term}") == pytest.approx(own.se, rel=1e-8)
    assert "associations" in str(match(found, statistic="method")["text"].iloc[0])


def test_e_values_reach_the_bound() -> None:
    """Confounders of the E-value's strength just explain the ratio away: the bounding factor of Ding & VanderWeele (2016) is the ratio."""
    for ratio, low, high in ((3.9, 1.8, 8.7), (0.6, 0.4, 0.9), (1.2, 0.8, 1.8)):
        estimate, limit = _weights.e_values(ratio, low, high)
        for e, of in ((estimate, ratio), (limit, 1.0 if low < 1 < high else low if ratio > 1 else high)):
            assert e * e / (2 * e - 1) == pytest.approx(max(of, 1 / of), rel=1e-12)


def test_causal_words_only_where_assumptions_are_declared(two_arms: tuple[Study, Data]) -> None:
    study, data = two_arms
    plain = str(match(analyse(study, "weighted_change", data), statistic="method")["text"].iloc[0])
    assert "declares no assumptions" in plain
    assert "Read as an effect" not in plain
    declared = changed(study, "weighted_change", assumptions=["nothing unmeasured decides on both", "everybody could have had either"])
    said = str(match(analyse(declared, "weighted_change", data), statistic="method")["text"].iloc[0])
    assert "Read as an effect of treatment under these declared assumptions: nothing unmeasured decides on both" in said


def test_a_treatment_that_the_confounders_decide_is_refused(two_arms: tuple[Study, Data]) -> None:
    study, data = two_arms
    people = data["adsl"].assign(inpatient=data["adsl"]["trtp"].map({"ect": "yes", "ketamine": "no"}).astype("string"))
    found = analyse(study, "weighted_change", {**data, "adsl": people})
    verdict = match(found, statistic="verdict").iloc[0]
    assert verdict["text"] == "not_estimable"
    assert "propensity" in verdict["note"]


def test_no_response_in_an_arm_has_no_p_value(two_arms: tuple[Study, Data]) -> None:
    study, data = two_arms
    scores = data["adqs"].copy()
    scores.loc[(scores["paramcd"] == "madrs_response") & (scores["trtp"] == "ketamine") & scores["aval"].notna(), "aval"] = 0.0
    found = analyse(study, "weighted_response", {**data, "adqs": scores})
    assert not (match(found, statistic="p_value")["value"] == 0).any()
    assert not (found["statistic"] == "risk_ratio").any()


def course_of(sessions: list[float], gap: float) -> tuple[float, float]:
    """Last session of the first course and the re-treatment, one session after the other."""
    last = sessions[0]
    for day in sessions[1:]:
        if day - last > gap:
            return last, day
        last = day
    return last, np.inf


def test_durability_after_the_last_infusion_by_loops(clinics: tuple[Study, Data]) -> None:
    """Responders at the last score until the course ends; time to the first score that is no response; censored at a re-treatment, or not."""
    _, data = clinics
    scores = data["adqd"][data["adqd"]["paramcd"] == "phq9"]
    found: dict[str, dict[int, tuple[float, int]]] = {"after_last_infusion": {}, "after_last_infusion|retreatment counts on": {}}
    for who, part in data["adex"].groupby("participant"):
        origin, again = course_of(sorted(part["ady"]), 21)
        own = scores[scores["participant"] == who].sort_values("ady")
        before, after = own[own["ady"] <= origin], own[own["ady"] > origin]
        if not len(before) or not before["pchg"].iloc[-1] <= -50:
            continue
        for name, until in zip(found, (again, np.inf), strict=True):
            looks = after[after["ady"] <= until]
            lost = looks[looks["pchg"] > -50]
            last = looks["ady"].max() if len(looks) else origin
            found[name][int(who)] = (float(lost["ady"].iloc[0] - origin), 0) if len(lost) else (float(last - origin), 1)
    for name, expected in found.items():
        rows = data["adtte"][data["adtte"]["paramcd"] == name]
        assert dict(zip(rows["participant"], zip(rows["aval"], rows["cnsr"], strict=True), strict=True)) == expected
    assert found["after_last_infusion"] != found["after_last_infusion|retreatment counts on"]
    assert "treated again" in set(data["adtte"]["evntdesc"][data["adtte"]["paramcd"] == "after_last_infusion"])


@pytest.mark.parametrize(("gap", "time"), [(9.0, 20.0), (10.0, 10.0), (11.0, 10.0)])
def test_a_course_ends_only_where_the_gap_is_longer(clinics: tuple[Study, Data], gap: float, time: float) -> None:
    """Sessions on days 0, 5 and 15: with a gap of 9 days the course ends on day 5, with 10 it goes on to day 15. The look of day 25 loses the response."""
    from ketaoutcomes.derive.judge import judge
    from ketaoutcomes.derive.looks import Look, Person
    from ketaoutcomes.domain.rules import RunRule

    rule = clinics[0].rules["after_last_infusion"]
    assert isinstance(rule, RunRule)
    counting_on = RunRule.model_validate(
        {**rule.model_dump(), "origin": {"course_gap": gap, "cutoff": "response_50"}, "retreatment": "counts_on", "chosen": {}}
    )
    person = Person(1, looks=[Look(4.0, False, True), Look(14.0, False, True), Look(25.0, True, False)], sessions=(0.0, 5.0, 15.0))
    verdict = judge(counting_on, person)
    assert verdict is not None
    assert (verdict.time, verdict.status) == (time, 0)
    ending = judge(counting_on.model_copy(update={"retreatment": "censored"}), person)
    assert ending is not None
    assert (ending.time, ending.status) == ((9.0, 1) if gap == 9.0 else (10.0, 0))


def test_both_estimands_of_durability_stand_in_the_results(clinics: tuple[Study, Data]) -> None:
    study, data = clinics
    found = analyse(study, "after_course", data)
    assert value(found, "n", term="other choice", level="retreatment counts on") == value(found, "n", term="", arm="ketamine")
    words = str(match(found, statistic="method")["text"].iloc[0])
    assert "counted from the last session before 21 days without one" in words
    assert "censored when treated again" in words


def test_a_landmark_counts_sessions_up_to_it_only(clinics: tuple[Study, Data]) -> None:
    study, data = clinics
    found = analyse(study, "landmark", data)
    times = data["adtte"][data["adtte"]["paramcd"] == "first_remission"].set_index("participant")
    counts, events = {"up to 4": 0, "above 4": 0}, {"up to 4": 0, "above 4": 0}
    for who, row in times.iterrows():
        if row["aval"] > 21:
            own = data["adex"][data["adex"]["participant"] == who]
            band = "up to 4" if (own["ady"] <= 21).sum() <= 4 else "above 4"
            counts[band] += 1
            events[band] += row["cnsr"] == 0
    for band in counts:
        assert value(found, "n", level="after the landmark", term=band) == counts[band]
        where = match(found, level="after the landmark", term=band, statistic="n_events")
        assert where["value"].iloc[0] == events[band]
    # sessions after the landmark move nobody
    later = data["adex"][data["adex"]["ady"] <= 21]
    pd.testing.assert_frame_equal(found, analyse(study, "landmark", {**data, "adex": later}))


def test_a_report_of_one_arm_says_what_it_cannot_tell() -> None:
    from ketaoutcomes.report.headline import design_sentence
    from ketaoutcomes.schema.ard import ARD

    blank = {name: "" for name, kind in ARD.columns.items() if kind == "string"}
    ard = pd.DataFrame([{**blank, "analysis": "study", "parameter": "study", "term": "design", "statistic": "label", "text": "single_arm", "value": 0.0}])
    sentence = design_sentence(ard)
    assert "regression to the mean" in sentence
    assert "no comparator" in sentence
    assert "effect" not in sentence


def verdict_of(found: pd.DataFrame) -> tuple[str, str]:
    row = match(found, statistic="verdict").iloc[0]
    return str(row["text"]), str(row["note"])


def test_a_dose_that_nobody_changes_has_no_association_within_people(clinics: tuple[Study, Data]) -> None:
    """The mean of three times 0.7 is not 0.7: rounding must not pass for a change, nor for people behind a number."""
    study, data = clinics
    fixed = data["adex"].assign(dose=0.1 * (1 + data["adex"]["participant"].astype(int) % 7))
    assert verdict_of(analyse(study, "dose", {**data, "adex": fixed}))[0] == "not_estimable"
    three = fixed["participant"].isin(sorted(fixed["participant"].unique())[:3])
    some = fixed.assign(dose=fixed["dose"].where(~three, 0.5 + 0.1 * (fixed["session"].astype(float) % 3)))
    found = analyse(study, "dose", {**data, "adex": some})
    assert match(found, term="association: within a person", statistic="estimate")["n"].iloc[0] <= 3


def test_an_unknown_dose_is_not_none(clinics: tuple[Study, Data]) -> None:
    study, data = clinics
    by_dose = changed(study, "landmark", by="dose", cuts=[2.5])
    half = data["adex"]["participant"].astype(int) % 2 == 0
    whole = analyse(by_dose, "landmark", data)
    cut = analyse(by_dose, "landmark", {**data, "adex": data["adex"].assign(dose=data["adex"]["dose"].where(~half))})
    left = "left out: with a session of unknown day or amount"
    assert value(whole, "n", term=left) == 0
    assert value(cut, "n", term=left) + value(cut, "n", term="fit") == value(whole, "n", term="fit")
    assert value(cut, "n", term=left) > 100
    undated = analyse(study, "landmark", {**data, "adex": data["adex"].assign(ady=np.nan)})
    assert verdict_of(undated)[0] == "not_estimable"


@pytest.mark.parametrize("ketamine", [-7.3, -12.1])
def test_one_value_in_each_arm_is_refused(two_arms: tuple[Study, Data], ketamine: float) -> None:
    study, data = two_arms
    scores = data["adqs"].assign(chg=np.where(data["adqs"]["trtp"] == "ketamine", ketamine, -7.3))
    status, reason = verdict_of(analyse(study, "weighted_change", {**data, "adqs": scores}))
    assert status == "not_estimable"
    assert "the same value" in reason


def test_visits_on_fixed_days_have_no_rate_to_model(clinics: tuple[Study, Data]) -> None:
    study, data = clinics
    scores = data["adqd"].drop_duplicates(["participant", "paramcd"]).assign(ady=28.0)
    found = analyse(study, "visits", {**data, "adqd": scores})
    assert verdict_of(found)[0] == "ok"
    assert match(found, statistic="rate_ratio")["value"].isna().all()
    assert not (found["statistic"] == "p_value").any()
    few = data["adsl"][data["adsl"]["participant"].isin(sorted(data["adsl"]["participant"])[:3])]
    assert not (analyse(study, "visits", {**data, "adsl": few})["statistic"] == "p_value").any()


def test_nothing_is_estimated_where_nobody_was_seen(clinics: tuple[Study, Data]) -> None:
    study, data = clinics
    for name, keys in (("course", {"at": [7.0, 5000.0]}), ("course_weighted", {"at": [7.0, 5000.0], "until": 5000.0})):
        found = analyse(changed(study, name, **keys), name, data)
        beyond = found[found["day"] == 5000.0]
        assert set(beyond["status"]) == {"not_estimable"}
        assert match(found, day=7.0, term="ls_mean", statistic="estimate")["status"].iloc[0] == "ok"


def test_a_visit_that_was_missed_stays_between_the_others() -> None:
    """Autoregressive correlation over gaps: the equations of R's definition, solved here by brute force."""
    from scipy.optimize import root

    rng = np.random.default_rng(3)
    place, first, y, x = [], [], [], []
    for _ in range(80):
        kept = np.sort(rng.choice(5, rng.integers(2, 6), replace=False))
        noise = rng.normal(0, 1, 5).cumsum()
        first.append(len(y))
        arm = float(rng.random() < 0.5)
        y += list((0.4 * arm + 0.3 * np.arange(5) + noise)[kept])
        x += [[1.0, arm, float(t)] for t in kept]
        place += list(kept.astype(float))
    equations = Equations(np.array(y), np.array(x), np.array(first), np.array(place), binary=False)
    found = solve(equations, "ar1", "robust")
    ends = [*first[1:], len(y)]

    def score(beta: np.ndarray) -> np.ndarray:
        total = np.zeros(3)
        for low, high in zip(first, ends, strict=True):
            lag = np.abs(np.subtract.outer(place[low:high], place[low:high]))
            total += np.array(x[low:high]).T @ np.linalg.solve(found.correlation**lag, np.array(y[low:high]) - np.array(x[low:high]) @ beta)
        return total

    np.testing.assert_allclose(found.coefficients, root(score, np.zeros(3), tol=1e-12).x, rtol=1e-8)


@pytest.mark.parametrize("name", ["weighted_change", "weighted_response"])
def test_the_crude_difference_never_stands_for_the_weighted_one(two_arms: tuple[Study, Data], name: str) -> None:
    """Headline and forest show one number of an analysis."""
    from ketaoutcomes.schema.ard import shown_first

    study, data = two_arms
    found = analyse(study, name, data)
    term = "contrast" if name == "weighted_change" else "contrast: risk difference"
    rows = match(found, term=term)
    assert "crude" in set(rows["method"])
    assert set(shown_first(rows)["method"]) == {"" if name == "weighted_change" else "standardised"}
    assert not shown_first(rows)["statistic"].duplicated().any()
