"""Standard errors by the delta method against a parametric bootstrap: data simulated from the fit itself, and fitted again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from ketaoutcomes import glmm
from ketaoutcomes.mixed import BinaryFit, Risk

STATES = pd.read_csv(Path(__file__).resolve().parents[1] / "reference" / "binary" / "states.csv")
REPLICATES = 200


def fitted(rows: pd.DataFrame) -> BinaryFit:
    return glmm(rows, "abstinent ~ base + arm * time", levels={"arm": sorted(rows["arm"].unique(), reverse=True)}, subject="id", nodes=7)


def effects(fit: BinaryFit) -> dict[str, Risk]:
    """Risk of each arm at time 2, and their difference and log ratio, of the population."""
    risks = fit.population(("arm",), {"time": 2.0})
    reference = risks.risks[0].cell["arm"]
    found = {f"risk of {one.cell['arm']}": one for one in risks.risks}
    return {**found, **{measure: risks.compare("arm", reference, measure)[0] for measure in ("difference", "ratio")}}


def test_errors_of_the_population_are_those_of_a_bootstrap() -> None:
    """The standard deviation of 200 replicates has an error of 1 / sqrt(398); the log ratio's error is read off its limits."""
    fit = fitted(STATES)
    x = np.column_stack([np.ones(len(STATES)), STATES["base"], STATES["arm"] != sorted(STATES["arm"].unique())[-1], STATES["time"]]).astype(float)
    x = np.column_stack([x, x[:, 2] * x[:, 3]])
    by_label = dict(zip(fit.terms, (fit.coefficient(term).estimate for term in fit.terms), strict=True))
    arm = next(label for label in fit.terms if label.startswith("arm[") and ":" not in label)
    cross = next(label for label in fit.terms if ":" in label)
    eta = x @ np.array([by_label[label] for label in ("(Intercept)", "base", arm, "time", cross)])
    spread = float(np.sqrt(fit.covariances["subject"].to_numpy()[0, 0]))
    rng = np.random.default_rng(20261122)
    people, member = np.unique(STATES["id"], return_inverse=True)
    replicates: dict[str, list[float]] = {name: [] for name in effects(fit)}
    for _ in range(REPLICATES):
        p = 1 / (1 + np.exp(-(eta + spread * rng.normal(size=len(people))[member])))
        for name, one in effects(fitted(STATES.assign(abstinent=(rng.random(len(p)) < p).astype(float)))).items():
            replicates[name].append(float(np.log(one.estimate)) if name == "ratio" else one.estimate)
    for name, one in effects(fit).items():
        error = (np.log(one.upper) - np.log(one.lower)) / (2 * t.ppf(0.975, one.df)) if name == "ratio" else one.se
        ratio = np.log(error / np.std(replicates[name], ddof=1))
        print(f"{name}: delta {error:.4f}, bootstrap {np.std(replicates[name], ddof=1):.4f}")
        assert abs(ratio) < 3.5 / np.sqrt(2 * (REPLICATES - 1))
