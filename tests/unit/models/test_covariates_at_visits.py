"""A score at the same visit as a covariate of a mixed model: rows joined by hand, and statsmodels on them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import statsmodels.formula.api as smf

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.analyses import Lmm
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]
Prepared = tuple[Study, dict[str, pd.DataFrame]]


@pytest.fixture(scope="module")
def clinics(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The simulated clinics, where every tenth questionnaire has no GAD-7."""
    root = tmp_path_factory.mktemp("clinics")
    (root / "data" / "ketamine_clinics").mkdir(parents=True)
    for name, text in SIMULATED["ketamine_clinics"](None).items():
        (root / "data" / "ketamine_clinics" / name).write_text(text, encoding="utf-8")
    study = read_study(REPOSITORY / "config" / "studies" / "ketamine_clinics.yaml")
    main = study.analyses["main"]
    assert isinstance(main, Lmm)
    beside = main.model_copy(update={"primary": False, "site_intercept": False, "time_varying": ["gad7"], "interactions": [["visit", "gad7"]]})
    study = study.model_copy(update={"analyses": {**study.analyses, "beside": beside}})
    return study, derive(study, ingest(study, root).tables)


@pytest.fixture(scope="module")
def by_hand(clinics: Prepared) -> pd.DataFrame:
    """Changes of PHQ-9 after baseline in the population, with the GAD-7 of the same visit."""
    people = clinics[1]["adsl"].query("pop_followed == 'yes'")["participant"]
    scores = clinics[1]["adqs"].set_index(["paramcd", "participant", "avisit"])
    rows = scores.loc["phq9"].query("ablfl == 'no' and chg.notna()")[["base", "chg"]].assign(gad7=scores.loc["gad7"]["aval"]).reset_index()
    return rows[rows["participant"].isin(people)].astype({"avisit": str})


def test_coefficients_are_those_of_statsmodels(clinics: Prepared, by_hand: pd.DataFrame) -> None:
    found = analyse(clinics[0], "beside", clinics[1])
    rows = by_hand.dropna(subset=["gad7"])
    order = "C(avisit, levels=['week2', 'week4', 'week6', 'week12', 'week24'])"
    fit = smf.mixedlm(f"chg ~ base + {order} * gad7", rows, groups="participant").fit(reml=True)
    for term, theirs in (("gad7", "gad7"), ("base", "base"), ("visit[week24]:gad7", f"{order}[T.week24]:gad7")):
        ours = match(found, term=term, statistic="estimate")["value"].iloc[0]
        assert ours == pytest.approx(fit.params[theirs], abs=2e-5)
    assert match(found, term="fit", statistic="loglik")["value"].iloc[0] == pytest.approx(fit.llf, abs=1e-4)


def test_visits_without_the_covariate_are_left_out_and_counted(clinics: Prepared, by_hand: pd.DataFrame) -> None:
    found = analyse(clinics[0], "beside", clinics[1])
    without = by_hand[by_hand["gad7"].isna()]
    assert len(without) > 20
    told = match(found, term="left out: values without GAD-7 at their visit").iloc[0]
    assert (told["statistic"], told["value"], told["n"]) == ("n_rows", len(without), without["participant"].nunique())
    assert match(found, term="fit", statistic="n_rows")["value"].iloc[0] == len(by_hand) - len(without)


def test_the_method_says_association(clinics: Prepared) -> None:
    said = {name: match(analyse(clinics[0], name, clinics[1]), statistic="method")["text"].iloc[0] for name in ("main", "beside")}
    assert "GAD-7 at the same visit is a covariate, between and within people: its coefficient is an association, not an effect." in said["beside"]
    assert "association" not in said["main"]
