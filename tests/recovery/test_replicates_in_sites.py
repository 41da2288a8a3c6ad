"""Relapse in eight sites, two hundred replicates; and forty clinics with three thousand people, twenty replicates.

What no bias and a level held mean is said in `recovered.py`, what is simulated in `relapse_in_sites.py`. A proportional-hazards
regression that knows nothing of sites estimates the hazard ratio of the population, which is nearer to 1 than that given the
site; its truth comes from one very large simulation with 20,000 sites. The other truths are a parameter and an integral; the
same very large simulation finds them too, with sites as strata, and with everybody seen to the end.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from recovered import SEEDS, Truth, assert_level, assert_recovered, bias, large
from relapse_in_sites import IN_SITES, relapse_plan, risk_difference
from replicates import Data, Result, replicates, result, study_with
from truth import variance

from ketaoutcomes.models import analyse
from ketaoutcomes.simulate import Clinics, esketamine_withdrawal, ketamine_clinics


def test_the_large_simulation_finds_the_parameter_and_the_integral() -> None:
    for name, truth in (("sites: hazard ratio given the site", math.log(IN_SITES.hazard_ratio)), ("sites: landmark", -risk_difference(IN_SITES))):
        assert abs(large(name).value - truth) < 3.5 * large(name).monte_carlo_error, name
    # and tells the population's hazard ratio from that given the site
    assert large("sites: hazard ratio of Cox").value - math.log(IN_SITES.hazard_ratio) > 3 * large("sites: hazard ratio of Cox").monte_carlo_error


def test_cox_in_eight_sites_recovers_the_hazard_ratio_of_the_population() -> None:
    plan = relapse_plan()
    ards = [analyse(plan, "relapse_hazard", data) for data in replicates(plan, esketamine_withdrawal, IN_SITES, SEEDS)]
    assert_recovered([result(ard, "estimate", term="arm[esketamine]") for ard in ards], large("sites: hazard ratio of Cox"))


def test_hazards_in_eight_sites_recover_the_ratio_given_the_site_and_the_risk_difference() -> None:
    """Who is censored within an interval does not count in it, which moves the difference by 0.3 of a point, a 20th of its error."""
    plan = relapse_plan()
    ards = [analyse(plan, "relapse_intervals", data) for data in replicates(plan, esketamine_withdrawal, IN_SITES, SEEDS)]
    assert_recovered([result(ard, "estimate", term="arm[esketamine]") for ard in ards], Truth(math.log(IN_SITES.hazard_ratio)))
    assert_recovered([result(ard, "risk_difference", term="contrast: risk difference") for ard in ards], Truth(risk_difference(IN_SITES)))


MANY = replace(Clinics(), n=3000)
RESIDUAL_SD = 2.56
"""Of the model, for the errors of the others' standard deviations only."""


def sd_errors(data: Data, clinics: float, people: float) -> tuple[float, float]:
    """Standard errors of both standard deviations by the Fisher information of a variance.

    A mean of independent values, of variance v + s / m, holds the information 1 / (2 (v + s / m)^2) of v.
    """
    scores = data["adqs"][(data["adqs"]["anl"] == "yes") & (data["adqs"]["ablfl"] != "yes") & data["adqs"]["chg"].notna()]
    followed = data["adsl"][data["adsl"]["pop_followed"].astype(str) == "yes"].set_index("participant")["clinic"]
    values = scores.groupby("participant").size().reindex(followed.index, fill_value=0)
    own = people**2 + RESIDUAL_SD**2 / values[values > 0]
    between = clinics**2 + 1 / (1 / own).groupby(followed[values > 0]).sum()
    return tuple(1 / math.sqrt((1 / of**2).sum() / 2) / (2 * sd) for of, sd in ((between, clinics), (own, people)))  # type: ignore[return-value]


def test_forty_clinics_with_three_thousand_people_recover_the_change_and_both_standard_deviations() -> None:
    """Each estimate lies in the 95 % interval of its truth as often as 20 do, and their mean does not lie beside it."""
    plan = study_with("ketamine_clinics", ["main"])
    names = ("clinics: SD of clinics", "clinics: SD of participants")
    change: list[Result] = []
    sds: dict[str, list[Result]] = {name: [] for name in names}
    for data in replicates(plan, ketamine_clinics, MANY, SEEDS[:20]):
        ard = analyse(plan, "main", data)
        change.append(result(ard, "estimate", term="ls_mean", visit="week6"))
        errors = sd_errors(data, *(large(name).value for name in names))
        for name, term, error in zip(names, ("site", "participant"), errors, strict=True):
            estimate = math.sqrt(variance(ard, term))
            sds[name].append(Result(estimate, estimate - 1.96 * error, estimate + 1.96 * error))
    assert_recovered(change, large("clinics: change"))
    for name in names:
        print(name, large(name), bias(sds[name], large(name)), np.mean([one.estimate for one in sds[name]]))
        assert_recovered(sds[name], large(name))


def test_a_level_can_fail() -> None:
    assert_level(190, 200)
    for covered in (178, 199):
        with pytest.raises(AssertionError, match=f"{covered} of 200"):
            assert_level(covered, 200)
