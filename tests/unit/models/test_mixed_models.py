"""What a study file says of a mixed model reaches the engine: the same numbers as the engine's functions on rows made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.mixed import Estimate, Fit, TooFewParticipants, clda, lmm, mmrm
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]
Data = dict[str, pd.DataFrame]
VISITS = ["day2", "day8", "day15", "day22", "day28"]
LEVELS = {"arm": ["placebo", "esketamine"], "visit": VISITS, "ad_class": ["SNRI", "SSRI"]}
FIXED = [("base",), ("arm",), ("visit",), ("base", "visit"), ("arm", "visit"), ("ad_class",)]


def prepared(name: str, root: Path) -> tuple[Study, Data]:
    folder = root / "data" / name
    folder.mkdir(parents=True)
    for file, text in SIMULATED[name](None).items():
        (folder / file).write_text(text, encoding="utf-8")
    study = read_study(REPOSITORY / "config" / "studies" / f"{name}.yaml")
    return study, derive(study, ingest(study, root).tables)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Data]:
    return prepared("esketamine_trial", tmp_path_factory.mktemp("trial"))


def changed(study: Study, name: str, **keys: Any) -> Study:
    return study.model_copy(update={"analyses": {**study.analyses, name: study.analyses[name].model_copy(update=keys)}})


def by_hand(data: Data, population: str) -> pd.DataFrame:
    adsl = data["adsl"][data["adsl"][f"pop_{population}"] == "yes"]
    rows = data["adqs"].query("paramcd == 'madrs' and aval.notna() and base.notna()").drop(columns="trtp")
    return rows.merge(adsl[["participant", "trtp", "ad_class"]], on="participant").rename(columns={"trtp": "arm", "avisit": "visit"})


def day28(rows: pd.DataFrame, **key: str) -> dict[str, float]:
    found = match(rows, term="contrast", visit="day28", **{"method": "", **key}).set_index("statistic")["value"]
    return {"estimate": found["estimate"], "se": found["std_error"], "df": found["df"]}


def expected(contrast: Estimate) -> dict[str, Any]:
    return pytest.approx({"estimate": contrast.estimate, "se": contrast.se, "df": contrast.df}, rel=1e-8)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, {}),
        ({"df": "satterthwaite", "method": "ml"}, {"df": "satterthwaite", "reml": False}),
        ({"covariance_by_arm": True}, {"group": "arm"}),
        ({"covariance": ["ar1h"]}, {"covariance": "ar1h"}),
        ({"errors": "cr2"}, {"errors": "cr2"}),
        ({"df": "between-within"}, {"df": "between-within"}),
    ],
    ids=["default", "ml", "by arm", "ar1h", "cr2", "between-within"],
)
def test_keys_of_the_mmrm(trial: tuple[Study, Data], keys: dict[str, Any], said: dict[str, Any]) -> None:
    study, data = trial
    rows = by_hand(data, "fas").query("visit != 'baseline'")
    fit = mmrm(rows, response="chg", fixed=FIXED, levels=LEVELS, subject="participant", visit="visit", **said)
    found = analyse(changed(study, "main", **keys), "main", data)
    assert day28(found) == expected(fit.ls_means(["arm", "visit"]).against("arm")[-1])
    assert match(found, statistic="verdict")["text"].iloc[0] == fit.status
    assert len(match(found, statistic="variance")) == sum(len(sigma) for sigma in fit.covariances.values())


def test_a_structured_covariance_is_flagged_and_shows_cr2_beside(trial: tuple[Study, Data]) -> None:
    study, data = trial
    found = analyse(study, "structured", data)
    rows = by_hand(data, "fas").query("visit != 'baseline'")
    fit = mmrm(rows, response="chg", fixed=FIXED, levels=LEVELS, subject="participant", visit="visit", covariance="toeph")
    assert day28(found) == expected(fit.ls_means(["arm", "visit"]).against("arm")[-1])
    robust = fit.with_inference("satterthwaite", "cr2")
    assert day28(found, method="cr2") == expected(robust.ls_means(["arm", "visit"]).against("arm")[-1])
    verdict = match(found, statistic="verdict").iloc[0]
    assert verdict["text"] == "flagged"
    assert "structured covariance (toeph)" in verdict["note"]
    turned = analyse(changed(study, "structured", errors="cr2"), "structured", data)
    assert day28(turned) == day28(found, method="cr2")
    assert day28(turned, method="model")["estimate"] == day28(found)["estimate"]


def test_the_chain_is_taken_only_where_a_structure_cannot_be_estimated(trial: tuple[Study, Data]) -> None:
    study, data = trial
    chain = changed(study, "main", covariance=["us", "ar1"])
    assert match(analyse(chain, "main", data), statistic="verdict")["text"].iloc[0] == "ok"
    # nobody seen at both day 8 and day 15: their covariance has no data
    adqs = data["adqs"]
    gone = adqs["avisit"] == (adqs["participant"] % 2).map({0: "day8", 1: "day15"})
    cut = {**data, "adqs": adqs.assign(aval=adqs["aval"].mask(gone), chg=adqs["chg"].mask(gone))}
    verdict = match(analyse(chain, "main", cut), statistic="verdict").iloc[0]
    assert verdict["text"] == "flagged"
    assert "us not fitted: No participant was observed at both visits of (day8, day15)" in verdict["note"]
    assert "covariance ar1" in verdict["note"]
    alone = match(analyse(study, "main", cut), statistic="verdict").iloc[0]
    assert alone["text"] == "not_estimable"


def test_a_shared_baseline_mean(trial: tuple[Study, Data]) -> None:
    study, data = trial
    found = analyse(study, "shared_baseline", data)
    rows = by_hand(data, "randomised")
    levels = {**LEVELS, "visit": ["baseline", *VISITS]}
    fit = clda(rows, response="aval", arm="arm", visit="visit", levels=levels, subject="participant", randomised=True, covariates=["ad_class"])
    means = fit.ls_means(["arm", "visit"])
    assert means[0].estimate == pytest.approx(means[6].estimate, rel=1e-12)  # one mean at baseline
    assert day28(found) == expected(means.against("arm")[-1])
    assert match(found, term="fit", statistic="n")["value"].iloc[0] == data["adsl"]["participant"].nunique()


def test_people_at_their_own_days_within_sites(tmp_path: Path) -> None:
    study, data = prepared("ketamine_clinics", tmp_path)
    line = {"time": "continuous", "knots": [], "days": "actual", "at": [], "random": ["intercept", "slope"], "population": "followed"}
    study = study.model_copy(update={"analyses": {"course": study.analyses["course"].model_copy(update=line)}})
    found = analyse(study, "course", data)
    adsl = data["adsl"][data["adsl"]["pop_followed"] == "yes"]
    rows = data["adqs"].query("paramcd == 'phq9' and aval.notna() and base.notna() and ablfl == 'no'")
    rows = rows.merge(adsl[["participant", study.design.site]], on="participant")
    fit = lmm(rows, response="chg", fixed=[("base",), ("ady",)], subject="participant", random=("1", "ady"), site=study.design.site)
    time = match(found, term="time").set_index("statistic")["value"]
    assert {"estimate": time["estimate"], "se": time["std_error"], "df": time["df"]} == expected(fit.coefficient("ady"))
    for term, name in (("participant", "subject"), ("site", "site"), ("residual", "residual")):
        assert match(found, term=term, statistic="variance")["value"].iloc[0] == pytest.approx(fit.covariances[name].to_numpy()[0, 0], rel=1e-8)
    week6 = match(found, term="ls_mean", visit="week6", statistic="estimate")["value"].iloc[0]
    assert week6 == pytest.approx(fit.ls_means([], at={"ady": 42.0})[0].estimate, rel=1e-8)


def test_checks_of_a_fit_stand_for_ten_people_or_more(trial: tuple[Study, Data]) -> None:
    study, data = trial
    checks = analyse(study, "main", data)
    checks = checks[checks["term"].str.startswith("check: ")]
    assert set(checks["term"]) == {"check: residuals", "check: quantiles", "check: patterns"}
    assert (checks["n"] >= 10).all()


@pytest.mark.parametrize("asked", ["contrast", "with_inference"])
def test_a_number_that_the_engine_refuses_after_the_fit_is_a_reason(trial: tuple[Study, Data], asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The main contrast takes the analysis with it; the errors shown beside it only themselves."""
    study, data = trial

    def refuse(*_: object) -> None:
        raise TooFewParticipants("too few people behind it")

    monkeypatch.setattr(Fit, asked, refuse)
    found = analyse(study, "structured", data)
    verdict = match(found, statistic="verdict")
    assert len(verdict) == len(match(found, statistic="method")) == 1
    beside = match(found, term="contrast", method="cr2")
    if asked == "contrast":
        assert verdict["text"].iloc[0] == "not_estimable"
        assert "too few people" in verdict["note"].iloc[0]
        assert found["value"].isna().all()
    else:
        assert verdict["text"].iloc[0] == "flagged"
        assert list(beside["status"]) == ["not_estimable"]
        assert list(beside["text"]) == ["too few people behind it"]
