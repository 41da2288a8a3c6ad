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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from replicates import declared_choice, replicates, result, study_with

from ketaoutcomes.models import analyse
from ketaoutcomes.simulate import Clinics, DoseFinding, Trial, Withdrawal, esketamine_doses, esketamine_trial, esketamine_withdrawal, ketamine_clinics

HERE = Path(__file__).resolve().parent
SEED, PEOPLE = 20261122, 200_000
TRIAL, WITHDRAWAL = replace(Trial(), n=PEOPLE), replace(Withdrawal(), n=PEOPLE)
#: Ten people in a clinic, so that the clinics' own differences average out.
CLINICS = replace(Clinics(), n=PEOPLE, clinics=PEOPLE // 10)


@dataclass(frozen=True, slots=True)
class Large:
    """A very large simulated study, the analysis of it, and the statistics sought, each with its key in the results."""

    study: str
    analysis: str
    simulate: Any
    truth: Any
    sought: dict[str, tuple[str, dict[str, str | float]]]


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
    Large("ketamine_clinics", "main", ketamine_clinics, CLINICS, {"clinics: change": ("estimate", {"term": "ls_mean", "visit": "week6"})}),
)  # fmt: skip


def main() -> None:
    """Simulate each study once, analyse it, and write what was found."""
    file = HERE / "truth.json"
    found: dict[str, dict[str, float]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for large in [large for large in LARGE if not sys.argv[1:] or large.study in sys.argv[1:]]:
        began = time.perf_counter()
        plan = study_with(large.study, [large.analysis])
        (data,) = replicates(plan, large.simulate, large.truth, [SEED])
        ard = analyse(plan, large.analysis, declared_choice(data))
        for name, (statistic, key) in large.sought.items():
            one = result(ard, statistic, **key)
            found[name] = {"value": round(one.estimate, 5), "monte_carlo_error": round(one.std_error, 5), "people": PEOPLE, "seed": SEED}
            print(name, found[name], f"{time.perf_counter() - began:.0f} s", flush=True)
    file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
