"""Yes-or-no outcomes with dropout and a known conditional effect: intervals hold their level where there are events enough.

Asserted is what theory says of many events: 200 people of whom 40 % have the event, with few trials. How far small trials and
rare events fall short is measured, not asserted: `full_run.md`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from binary_trials import EFFECT, Found, Setting, Summary, analysed, difference, many, summary, trial
from recovered import assert_level

SEED = 7
PEOPLE, SMALL, SITES = Setting("states", 200, 0, 0.4), Setting("states", 40, 0, 0.4), Setting("hazards", 200, 60, 0.4)


def assert_coefficient(got: Summary) -> None:
    """No bias beside the Monte Carlo error, and errors as large as the spread of the estimates."""
    print(f"refused {got.refused}, flagged {got.flagged}, bias {got.bias:.2f} SE, SE / SD {got.se / got.sd:.2f}, covered {got.covered} of {got.trials}")
    fits = got.trials - sum(got.refused.values())
    assert abs(got.estimate - EFFECT) < 3.5 * got.sd / math.sqrt(fits)
    assert abs(math.log(got.se / got.sd)) < 3.5 / math.sqrt(2 * (fits - 1))


@pytest.mark.parametrize(("setting", "trials"), [(PEOPLE, 300), (SITES, 250)], ids=["states of participants", "hazards in sites"])
def test_with_many_events_every_interval_holds_its_level(setting: Setting, trials: int) -> None:
    got = summary(setting, many(setting, trials, SEED))
    assert_coefficient(got)
    for name in ("t", "normal", "risk difference"):
        assert_level(got.covered[name], trials)


def test_with_forty_people_the_t_interval_of_the_odds_ratio_holds_its_level() -> None:
    got = summary(SMALL, many(SMALL, 300, SEED))
    assert_coefficient(got)
    assert_level(got.covered["t"], 300)


@pytest.mark.parametrize("setting", [PEOPLE, SITES, Setting("states in sites", 200, 8, 0.08), Setting("hazards", 200, 8, 0.08)], ids=str)
def test_the_true_difference_and_rate_are_those_of_two_hundred_thousand_people(setting: Setting) -> None:
    """Counted where nobody leaves; a rate has an error of 0.2 % with four answers of each person, or 20,000 sites, at most."""
    large = replace(setting, people=200_000, sites=20_000 if setting.sites else 0)
    data = trial(np.random.default_rng(SEED), large, leaves=(0, 0))
    last = data.groupby("id")[["arm", "y"]].last()  # of hazards the event, if any, is the last row
    shares, answers = last.groupby("arm")["y"].mean(), last["y"] if setting.hazards else data["y"]
    assert abs(shares["ketamine"] - shares["placebo"] - difference(setting)) < 3.5 / math.sqrt(200_000)
    assert abs(answers.mean() - setting.rate) < 3.5 * 0.002


def test_a_small_variance_of_sites_is_no_reason_to_refuse() -> None:
    """The optimiser once kept a Hessian from where sites differed more, and stopped after 100 steps."""
    setting, rng = Setting("states in sites", 200, 8, 0.08), np.random.default_rng([1, 200, 8, 80, 15])
    for _ in range(19):
        trial(rng, setting)
    assert isinstance(analysed(trial(rng, setting), setting), Found)
