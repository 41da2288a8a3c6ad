"""Truths that are no parameter of a simulation: the result of one very large simulated study each, with the same definitions.

The response and the change of a trial are seen on a scale with ends, a relapse by the rule of SUSTAIN-1 at looks every
two weeks, and the mean of the clinics at days that nobody chose; so none of them is the number the simulation was given.
What a mixed model estimates under data missing at random is what everybody's scores would show: its truth is a trial in
which nobody leaves and no visit is missed. `make recovery` writes `truth.json` beside this file; some minutes on one core.
With names of studies only these are made again.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from relapse_in_sites import ENDS, IN_SITES, relapse_plan
from replicates import declared_choice, replicates, result, study_with

from ketaoutcomes.domain.study import Study
from ketaoutcomes.models import analyse
from ketaoutcomes.simulate import Clinics, DoseFinding, Trial, Withdrawal, esketamine_doses, esketamine_trial, esketamine_withdrawal, ketamine_clinics

HERE = Path(__file__).resolve().parent
SEED, PEOPLE = 20261122, 200_000
TRIAL, WITHDRAWAL = replace(Trial(), n=PEOPLE), replace(Withdrawal(), n=PEOPLE)
#: Ten people in a clinic, so that the clinics' own differences average out.
CLINICS = replace(Clinics(), n=PEOPLE, clinics=PEOPLE // 10)
SITES = replace(IN_SITES, n=PEOPLE, sites=PEOPLE // 10)
#: A standard deviation has no limits among the results: its error is that of the mean of this many simulations.
PARTS = 10
NOBODY = 1e-6


@dataclass(frozen=True, slots=True)
class Large:
    """A very large simulated study, the analysis of it, and the statistics sought, each with its key in the results; `sds` are variances there."""

    study: str
    analysis: str
    simulate: Any
    truth: Any
    sought: dict[str, tuple[str, dict[str, str | float]]]
    sds: dict[str, str] = field(default_factory=dict[str, str])
    plan: Callable[[], Study] | None = None


LARGE = (
    Large(
        "esketamine_trial", "main", esketamine_trial, replace(TRIAL, dropout=0.0, missed=0.0),
        {"trial: change": ("estimate", {"term": "contrast", "visit": "day28"})},
    ),
    Large(
        "esketamine_trial", "response_all", esketamine_trial, TRIAL,
        {"trial: response": ("risk_difference", {"method": "newcombe", "visit": "day28"})},
    ),
    Large(
        "esketamine_withdrawal", "relapse_published", esketamine_withdrawal, WITHDRAWAL,
        {
            "withdrawal: hazard ratio by the rule": ("estimate", {"term": "arm[esketamine]"}),
            "withdrawal: landmark by the rule": ("risk_difference", {"term": "landmark difference", "day": 224.0}),
        },
    ),
    Large(
        "esketamine_doses", "day8", esketamine_doses, replace(DoseFinding(), n=(PEOPLE // 4,) * 4, leaves=0.0),
        {"doses: 84 mg at day 8": ("estimate", {"term": "contrast", "visit": "day8", "arm": "mg84", "method": ""})},
    ),
    Large(
        "ketamine_clinics", "main", ketamine_clinics, CLINICS, {"clinics: change": ("estimate", {"term": "ls_mean", "visit": "week6"})},
        {"clinics: SD of clinics": "site", "clinics: SD of participants": "participant"},
    ),
    Large(
        "relapse_in_sites", "relapse_hazard", esketamine_withdrawal, SITES,
        {"sites: hazard ratio of Cox": ("estimate", {"term": "arm[esketamine]"})}, plan=relapse_plan,
    ),
    # what a model of sites is to find, without one: everybody is seen to the end, and sites are strata
    Large(
        "relapse_in_sites", "relapse_hazard", esketamine_withdrawal, replace(SITES, withdrawn_per_year=NOBODY),
        {"sites: landmark": ("risk_difference", {"term": "landmark difference", "day": ENDS[-1]})}, plan=relapse_plan,
    ),
    Large(
        "relapse_in_sites", "relapse_hazard", esketamine_withdrawal, replace(SITES, n=PEOPLE // 4, sites=PEOPLE // 40),
        {"sites: hazard ratio given the site": ("estimate", {"term": "arm[esketamine]"})}, plan=partial(relapse_plan, ["site"]),
    ),
)  # fmt: skip


def main() -> None:
    """Simulate each study once, analyse it, and write what was found."""
    file = HERE / "truth.json"
    found: dict[str, dict[str, float]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for large in [large for large in LARGE if not sys.argv[1:] or large.study in sys.argv[1:]]:
        began = time.perf_counter()
        plan = large.plan() if large.plan else study_with(large.study, [large.analysis])
        (data,) = replicates(plan, large.simulate, large.truth, [SEED])
        ard = analyse(plan, large.analysis, declared_choice(data))
        for name, (statistic, key) in large.sought.items():
            one = result(ard, statistic, **key)
            found[name] = {"value": round(one.estimate, 5), "monte_carlo_error": round(one.std_error, 5), "people": int(np.sum(large.truth.n)), "seed": SEED}
            print(name, found[name], f"{time.perf_counter() - began:.0f} s", flush=True)
        for name, (value, error) in _sds(plan, large).items() if large.sds else ():
            found[name] = {"value": round(value, 5), "monte_carlo_error": round(error, 5), "people": int(np.sum(large.truth.n)), "seed": SEED}
            print(name, found[name], f"{time.perf_counter() - began:.0f} s", flush=True)
    file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _sds(plan: Study, large: Large) -> dict[str, tuple[float, float]]:
    """Each standard deviation, the root of the mean variance of the parts, and its error."""
    part = replace(large.truth, n=PEOPLE // PARTS, clinics=large.truth.clinics // PARTS)
    ards = [analyse(plan, large.analysis, data) for data in replicates(plan, large.simulate, part, range(SEED, SEED + PARTS))]
    found: dict[str, tuple[float, float]] = {}
    for name, term in large.sds.items():
        variances = [variance(ard, term) for ard in ards]
        sd = float(np.sqrt(np.mean(variances)))
        found[name] = (sd, float(np.std(variances, ddof=1) / np.sqrt(PARTS) / (2 * sd)))
    return found


def variance(ard: pd.DataFrame, term: str) -> float:
    """Of a random effect, among the results."""
    (found,) = ard.loc[(ard["statistic"] == "variance") & (ard["term"] == term), "value"]
    return float(found)


if __name__ == "__main__":
    main()
