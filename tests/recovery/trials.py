"""Small trials with dropout and a known effect at the last visit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes.mixed import MixedModelError, mmrm

VISITS, EFFECT = 4, -4.0
Z = 1.959963984540054
FIXED = [("base",), ("arm",), ("visit",), ("arm", "visit")]
LEVELS = {"arm": ["placebo", "ketamine"], "visit": [f"v{k}" for k in range(VISITS)]}


def trial(rng: np.random.Generator, people: int) -> pd.DataFrame:
    """Change from baseline in two arms; leaving depends on the score seen last."""
    sd = np.linspace(6, 9, VISITS)
    covariance = np.outer(sd, sd) * 0.6 ** np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS)))
    noise = rng.standard_normal((people, VISITS)) @ np.linalg.cholesky(covariance).T
    arm = rng.permutation(people) % 2
    base = rng.normal(35, 5, people)
    y = -3 * np.arange(1, VISITS + 1) + np.outer(arm, np.linspace(0, EFFECT, VISITS)) - 0.3 * (base - 35)[:, None] + noise
    seen = np.ones((people, VISITS), dtype=bool)
    for at in range(1, VISITS):
        seen[rng.random(people) < 0.06 * np.exp(noise[:, at - 1] / 10), at:] = False
    i, t = np.nonzero(seen)
    return pd.DataFrame({"id": i, "arm": np.array(["placebo", "ketamine"])[arm[i]], "visit": [f"v{k}" for k in t], "base": base[i], "y": y[i, t]})


def covered(rng: np.random.Generator, people: int) -> dict[str, bool] | None:
    """Whether each method's 95 % interval of the last visit's contrast holds the truth; None where the engine refuses."""
    try:
        fit = mmrm(trial(rng, people), response="y", fixed=FIXED, levels=LEVELS, subject="id", visit="visit", df="satterthwaite")
    except MixedModelError:
        return None
    found: dict[str, bool] = {}
    for df in ("kenward-roger", "satterthwaite"):
        contrast = fit.with_inference(df).ls_means(["arm", "visit"]).against("arm")[VISITS - 1]
        assert contrast.label == f"ketamine - placebo, visit v{VISITS - 1}"
        found[df] = contrast.lower <= EFFECT <= contrast.upper
        found["z"] = abs(contrast.estimate - EFFECT) <= Z * contrast.se
    return found
