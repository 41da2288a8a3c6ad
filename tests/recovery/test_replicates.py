"""Two hundred replicates of each simulated study at its committed size: no bias, and intervals that hold their level.

What that means is said in `recovered.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from recovered import SEEDS, Truth, assert_recovered, large
from replicates import Result, declared_choice, replicates, result, study_with

from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse
from ketaoutcomes.simulate import Clinics, DoseFinding, Trial, Withdrawal, esketamine_doses, esketamine_trial, esketamine_withdrawal, ketamine_clinics


def test_a_replicate_read_with_others_is_the_same_as_one_read_alone() -> None:
    plan, truth = study_with("esketamine_withdrawal", ["relapse_published"]), replace(Withdrawal(), n=120)
    for seed, data in zip((7, 8), list(replicates(plan, esketamine_withdrawal, truth, [7, 8])), strict=True):
        (alone,) = replicates(plan, esketamine_withdrawal, truth, [seed])
        assert analyse(plan, "relapse_published", data).equals(analyse(plan, "relapse_published", alone))


def test_a_trial_recovers_change_and_response() -> None:
    plan = study_with("esketamine_trial", ["main", "response_all"])
    change: list[Result] = []
    response: list[Result] = []
    for data in replicates(plan, esketamine_trial, Trial(), SEEDS):
        change.append(result(analyse(plan, "main", data), "estimate", term="contrast", visit="day28"))
        response.append(result(analyse(plan, "response_all", data), "risk_difference", method="newcombe", visit="day28"))
    assert_recovered(change, large("trial: change"))
    assert_recovered(response, large("trial: response"))


UNTIL, LANDMARK = 364, 224


def with_times(plan: Study) -> Study:
    """The committed analysis of the hazard, with a fixed end of the restricted mean and a landmark, whose truths have a closed form."""
    analysis = plan.analyses["relapse_hazard"].model_copy(update={"until": float(UNTIL), "landmarks": [float(LANDMARK)]})
    return plan.model_copy(update={"analyses": {**plan.analyses, "relapse_hazard": analysis}})


def without_relapse(truth: Withdrawal, esketamine: bool, day: int) -> float:
    """Share without a relapse after a day: two exponential distributions, days rounded up."""
    hazard = math.log(2) / truth.median_days * (truth.hazard_ratio if esketamine else 1.0)
    return truth.remitters * math.exp(-hazard * day) + (1 - truth.remitters) * math.exp(-hazard * truth.responder_hazard * day)


def test_a_withdrawal_study_recovers_hazard_ratio_landmark_and_restricted_mean() -> None:
    """Relapse as it was adjudicated, with truths in closed form, and by the rule of SUSTAIN-1 at looks every two weeks."""
    plan, truth = with_times(study_with("esketamine_withdrawal", ["relapse_hazard", "relapse_published"])), Withdrawal()
    found: dict[str, list[Result]] = {name: [] for name in ("hazard", "landmark", "restricted mean", "hazard by the rule", "landmark by the rule")}
    for data in replicates(plan, esketamine_withdrawal, truth, SEEDS):
        recorded, ruled = (analyse(plan, name, declared_choice(data)) for name in ("relapse_hazard", "relapse_published"))
        for ard, rule in ((recorded, ""), (ruled, " by the rule")):
            found[f"hazard{rule}"].append(result(ard, "estimate", term="arm[esketamine]"))
            found[f"landmark{rule}"].append(result(ard, "risk_difference", term="landmark difference", day=float(LANDMARK)))
        found["restricted mean"].append(result(recorded, "restricted_mean", term="restricted mean difference", day=float(UNTIL)))
    gained = [without_relapse(truth, True, day) - without_relapse(truth, False, day) for day in range(UNTIL)]
    assert_recovered(found["hazard"], Truth(math.log(truth.hazard_ratio)))
    assert_recovered(found["landmark"], Truth(100 * (without_relapse(truth, True, LANDMARK) - without_relapse(truth, False, LANDMARK))))
    assert_recovered(found["restricted mean"], Truth(sum(gained)))
    assert_recovered(found["hazard by the rule"], large("withdrawal: hazard ratio by the rule"))
    assert_recovered(found["landmark by the rule"], large("withdrawal: landmark by the rule"))


def test_a_dose_finding_study_recovers_the_highest_dose() -> None:
    """Before the adjustment for three comparisons, which takes a second each."""
    plan = study_with("esketamine_doses", ["day8"])
    plan = plan.model_copy(update={"analyses": {"day8": plan.analyses["day8"].model_copy(update={"adjust": None})}})
    key = {"term": "contrast", "visit": "day8", "arm": "mg84", "method": ""}
    found = [result(analyse(plan, "day8", data), "estimate", **key) for data in replicates(plan, esketamine_doses, DoseFinding(), SEEDS)]
    assert_recovered(found, large("doses: 84 mg at day 8"))


def test_clinics_recover_the_mean_change_over_clinics() -> None:
    plan = study_with("ketamine_clinics", ["main"])
    found = [result(analyse(plan, "main", data), "estimate", term="ls_mean", visit="week6") for data in replicates(plan, ketamine_clinics, Clinics(), SEEDS)]
    assert_recovered(found, large("clinics: change"))


@pytest.mark.parametrize(("shift", "narrower"), [(0.5, 1.0), (0.0, 0.8), (0.0, 1.3)], ids=["bias", "too narrow", "too wide"])
def test_the_check_can_fail(shift: float, narrower: float) -> None:
    rng = np.random.default_rng(5)
    centres = rng.standard_normal(200)
    assert_recovered([Result(x, x - 1.96, x + 1.96) for x in centres], Truth(0.0))
    wrong = [Result(x + shift, x + shift - narrower * 1.96, x + shift + narrower * 1.96) for x in centres]
    with pytest.raises(AssertionError):
        assert_recovered(wrong, Truth(0.0))
