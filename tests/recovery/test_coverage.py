"""Small trials with dropout and a known effect: Kenward-Roger intervals hold their level, z intervals do not.

A seeded run of 400 trials of 20 people and 4 visits; a share p of N trials has the binomial standard error
sqrt(p (1 - p) / N), here 1.1 %. A trial the engine refuses counts as one that does not cover.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ketaoutcomes.mixed import MixedModelError, mmrm

TRIALS, PEOPLE, VISITS, EFFECT = 400, 20, 4, -4.0
Z = 1.959963984540054


def trial(rng: np.random.Generator) -> pd.DataFrame:
    """Change from baseline in two arms; leaving depends on the score seen last."""
    sd = np.linspace(6, 9, VISITS)
    covariance = np.outer(sd, sd) * 0.6 ** np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS)))
    noise = rng.standard_normal((PEOPLE, VISITS)) @ np.linalg.cholesky(covariance).T
    arm = rng.permutation(PEOPLE) % 2
    base = rng.normal(35, 5, PEOPLE)
    y = -3 * np.arange(1, VISITS + 1) + np.outer(arm, np.linspace(0, EFFECT, VISITS)) - 0.3 * (base - 35)[:, None] + noise
    seen = np.ones((PEOPLE, VISITS), dtype=bool)
    for at in range(1, VISITS):
        seen[rng.random(PEOPLE) < 0.06 * np.exp(noise[:, at - 1] / 10), at:] = False
    i, t = np.nonzero(seen)
    return pd.DataFrame({"id": i, "arm": np.array(["placebo", "ketamine"])[arm[i]], "visit": [f"v{k}" for k in t], "base": base[i], "y": y[i, t]})


@pytest.fixture(scope="module")
def covered() -> dict[str, np.ndarray]:
    """For each method, which trials' interval for the last visit's contrast holds the truth."""
    rng = np.random.default_rng(20261122)
    found = {name: np.zeros(TRIALS, dtype=bool) for name in ("kenward-roger", "satterthwaite", "z")}
    fixed = [("base",), ("arm",), ("visit",), ("arm", "visit")]
    levels = {"arm": ["placebo", "ketamine"], "visit": [f"v{k}" for k in range(VISITS)]}
    for at in range(TRIALS):
        data = trial(rng)
        for df in ("kenward-roger", "satterthwaite"):
            try:
                fit = mmrm(data, response="y", fixed=fixed, levels=levels, subject="id", visit="visit", df=df)
            except MixedModelError:
                continue
            placebo, ketamine = (m for m in fit.ls_means(("arm", "visit")) if m.cell["visit"] == f"v{VISITS - 1}")
            contrast = fit.contrast(ketamine.weights - placebo.weights)
            found[df][at] = contrast.lower <= EFFECT <= contrast.upper
            if df == "satterthwaite":
                found["z"][at] = abs(contrast.estimate - EFFECT) <= Z * contrast.se
    return found


def test_kenward_roger_covers_as_it_says(covered: dict[str, np.ndarray]) -> None:
    assert abs(covered["kenward-roger"].mean() - 0.95) < 3 * math.sqrt(0.95 * 0.05 / TRIALS)


def test_z_covers_fewer_of_the_same_trials(covered: dict[str, np.ndarray]) -> None:
    assert covered["z"].sum() < covered["kenward-roger"].sum()
    assert covered["z"].sum() < covered["satterthwaite"].sum()
    assert covered["z"].mean() < 0.94
