"""A network of clinics with irregular follow-up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ketaoutcomes.simulate._files import Files, to_csv, within

_FIRST_DAY = date(2024, 1, 8)
#: Share of infusions after the first that do not take place (assumed).
_SKIPPED = 0.15


@dataclass(frozen=True, slots=True)
class Clinics:
    """Single-arm clinics with irregular follow-up; the true mean change at week 6 is about `change`."""

    seed: int = 3
    n: int = 600
    """Patients with a first infusion (assumed)."""
    clinics: int = 40
    """Assumed; sizes are uneven, some clinics have a handful of people."""
    baseline_mean: float = 17.0
    baseline_sd: float = 4.6
    """PHQ-9 at the first infusion (assumed)."""
    change: float = -8.0
    """Mean change of PHQ-9 at the plateau (assumed; about half respond, as in McInnes 2022: 53.6 %)."""
    person_sd: float = 4.0
    clinic_sd: float = 1.2
    noise_sd: float = 2.6
    """Assumed."""
    leave_per_week: float = 0.13
    """Weekly chance of leaving (assumed; heavy, as in every published clinic series)."""
    per_point: float = -1.5
    """Points of CADSS at every infusion that go along with a point more of a person's change; between people only (assumed)."""


def ketamine_clinics(truth: Clinics | None = None) -> Files:
    """Patients, questionnaires and infusions of a network of clinics, with calendar dates."""
    truth = truth or Clinics()
    rng, felt = np.random.default_rng(truth.seed), np.random.default_rng([truth.seed, 1])
    share = rng.dirichlet(np.full(truth.clinics, 0.8))
    clinic = rng.choice(truth.clinics, truth.n, p=share)
    shift = rng.normal(0, truth.clinic_sd, truth.clinics)
    people: list[tuple[object, ...]] = []
    scores: list[tuple[object, ...]] = []
    infusions: list[tuple[object, ...]] = []
    for i in range(truth.n):
        name = f"KC{clinic[i]:02d}-{i + 1:05d}"
        start = _FIRST_DAY + timedelta(days=int(rng.integers(0, 600)))
        sex = "F" if rng.random() < 0.6 else "M"
        people.append((name, f"Clinic {clinic[i] + 1}", sex, int(within(rng.normal(42, 13), 18, 85)), start.isoformat()))
        weeks = min(int(rng.geometric(truth.leave_per_week)), 26)
        base = within(rng.normal(truth.baseline_mean, truth.baseline_sd), 5, 27)
        person = truth.change + shift[clinic[i]] + rng.normal(0, truth.person_sd)
        infusions += _infusions(rng, felt, name, start, weeks, float(truth.per_point * (person - truth.change)))
        for day in _irregular_days(rng, weeks):
            level = base + person * (1 - np.exp(-max(day, 0) / 10)) + rng.normal(0, truth.noise_sd)
            phq9, gad7 = within(round(level), 0, 27), within(round(0.72 * level + rng.normal(0, 2)), 0, 21)
            scores.append((name, (start + timedelta(days=day)).isoformat(), int(phq9), "" if rng.random() < 0.1 else int(gad7)))
    return {
        "patients.csv": to_csv(("patient_id", "clinic", "sex", "age", "first_infusion"), people),
        "questionnaires.csv": to_csv(("patient_id", "date", "phq9", "gad7"), scores),
        "infusions.csv": to_csv(("patient_id", "number", "date", "dose_mg_kg", "route", "cadss"), infusions),
    }


def _irregular_days(rng: np.random.Generator, weeks: int) -> list[int]:
    gaps = 1 + rng.geometric(0.12, size=40)
    days = np.cumsum(gaps)
    first = -int(rng.integers(0, 8))
    return [first, *(int(day) for day in days if day <= 7 * weeks)]


def _infusions(rng: np.random.Generator, felt: np.random.Generator, name: str, start: date, weeks: int, own: float) -> list[tuple[object, ...]]:
    route = str(rng.choice(["IV", "IM"], p=[0.85, 0.15]))
    dose = 0.5
    rows: list[tuple[object, ...]] = []
    for day in (0, 3, 7, 10, 14, 17, 45, 75, 105):
        if day > 7 * weeks:
            break
        raised = rng.random() < 0.3
        if not day or felt.random() >= _SKIPPED:
            cadss = within(round(20 + own + 15 * (dose - 0.5) + felt.normal(0, 8)), 0, 92)
            rows.append((name, len(rows) + 1, (start + timedelta(days=day)).isoformat(), f"{dose:.2f}", route, int(cadss)))
        dose = min(dose + (0.1 if raised else 0.0), 1.0)
    return rows
