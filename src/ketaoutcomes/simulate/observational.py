"""Ketamine infusions or electroconvulsive therapy in routine care, chosen by how ill people are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketaoutcomes.simulate._files import Files, to_csv, within


@dataclass(frozen=True, slots=True)
class KetamineOrEct:
    """Two treatments that nobody randomised; what decides on the treatment also decides on the outcome."""

    seed: int = 11
    n: int = 420
    """People treated (assumed)."""
    hospitals: int = 6
    """Assumed."""
    baseline_mean: float = 33.0
    baseline_sd: float = 6.0
    """MADRS before treatment (assumed; the entry range of trials in treatment-resistant depression)."""
    confounding: float = 1.0
    """How strongly illness decides on the treatment; 0: a coin does."""
    effect: float = -1.0
    """Points of MADRS at week 4, ketamine minus electroconvulsive therapy (assumed)."""
    change: float = -15.0
    noise_sd: float = 8.0
    """Change to week 4 of a person of average illness under electroconvulsive therapy, and its spread (assumed)."""
    missing: float = 0.12
    """Share without a score at a visit (assumed)."""


def ketamine_or_ect(truth: KetamineOrEct | None = None) -> Files:
    """Patients and MADRS scores of routine care; inpatients with more failed drugs, older and more ill, come to electroconvulsive therapy."""
    truth = truth or KetamineOrEct()
    rng = np.random.default_rng(truth.seed)
    people: list[tuple[object, ...]] = []
    scores: list[tuple[object, ...]] = []
    for i in range(truth.n):
        name = f"P{i + 1:05d}"
        age, female = int(within(rng.normal(47, 14), 18, 80)), rng.random() < 0.58
        failed = int(2 + rng.poisson(1.5))
        inpatient = rng.random() < 0.25 + 0.06 * (failed - 3)
        base = within(round(rng.normal(truth.baseline_mean, truth.baseline_sd)), 20, 60)
        illness = 0.5 * (age - 47) / 14 + 0.9 * (inpatient - 0.3) + 0.35 * (failed - 3.5) + 0.5 * (base - 33) / 6
        ketamine = rng.random() < 1 / (1 + np.exp(truth.confounding * illness))
        people.append(
            (name, f"H{rng.integers(truth.hospitals) + 1}", "KET" if ketamine else "ECT", age, "female" if female else "male", _flag(inpatient), failed)
        )
        last = truth.change + truth.effect * ketamine + 2.5 * illness + rng.normal(0, truth.noise_sd)
        scores.append((name, -int(rng.integers(0, 8)), int(base)))
        for week, share in ((2, 0.6), (4, 1.0)):
            score = int(within(round(base + share * last + rng.normal(0, 2.5)), 0, 60))
            if rng.random() >= truth.missing:
                scores.append((name, 7 * week + int(rng.integers(-3, 4)), score))
    return {
        "patients.csv": to_csv(("patient", "hospital", "treatment", "age", "sex", "inpatient", "failed_drugs"), people),
        "madrs.csv": to_csv(("patient", "day", "madrs"), scores),
    }


def _flag(value: bool) -> str:
    return "yes" if value else "no"
