"""Small trials with dropout and a known effect: Kenward-Roger intervals hold their level, z intervals do not.

A seeded run of 400 trials of 20 people and 4 visits; a share p of N trials has the binomial standard error
sqrt(p (1 - p) / N), here 1.1 %. A trial the engine refuses counts as one that does not cover. The full run of 10,000
trials is `full_run.py`, its output `full_run.md`.
"""

from __future__ import annotations

import math

import numpy as np
from trials import covered

TRIALS, PEOPLE = 400, 20


def test_kenward_roger_covers_as_it_says_and_z_fewer_of_the_same_trials() -> None:
    rng = np.random.default_rng(20261122)
    found = [covered(rng, PEOPLE) for _ in range(TRIALS)]
    shares = {name: sum(trial is not None and trial[name] for trial in found) / TRIALS for name in ("kenward-roger", "satterthwaite", "z")}
    assert abs(shares["kenward-roger"] - 0.95) < 3 * math.sqrt(0.95 * 0.05 / TRIALS)
    assert shares["z"] < min(shares["kenward-roger"], shares["satterthwaite"])
