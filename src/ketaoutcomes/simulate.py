"""Seeded synthetic studies with known truth, written as the CSVs a site would export.

Every parameter is a field of a frozen dataclass; its default comes from a published number (given
beside it) or says that it is assumed. One seed gives the same bytes everywhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

Files = dict[str, str]
Floats = NDArray[np.float64]
_FIRST_DAY = date(2024, 1, 8)


@dataclass(frozen=True, slots=True)
class Trial:
    """Parallel trial of esketamine against placebo nasal spray; the true effect at day 28 is `effect`."""

    seed: int = 1
    n: int = 223
    """Randomised, 1:1 (TRANSFORM-2: 114 + 109)."""
    sites: int = 8
    """Assumed."""
    days: tuple[int, ...] = (2, 8, 15, 22, 28)
    """Scheduled days after the first dose (TRANSFORM-2)."""
    baseline_mean: float = 37.3
    baseline_sd: float = 5.4
    """MADRS at baseline (PMC8921149 table 4: 37.7 (5.49) women, 36.9 (5.02) men)."""
    placebo_change: tuple[float, ...] = (-7.0, -9.5, -12.0, -14.0, -15.8)
    """Mean MADRS change on placebo; day 28 from PMC8921149 table 4, the course before it assumed."""
    effect: tuple[float, ...] = (-2.5, -2.5, -3.0, -3.5, -4.0)
    """True difference by day; day 28 is TRANSFORM-2's -4.0, the course before it assumed."""
    change_sd: tuple[float, ...] = (8.0, 9.5, 11.0, 12.5, 13.5)
    """SD of change; day 28 from PMC8921149 table 4 (13.19 to 14.67), earlier assumed."""
    correlation: float = 0.75
    """Correlation of adjacent visits (assumed), first-order."""
    dropout: float = 0.05
    """Base hazard of leaving between visits (assumed); it doubles for each SD the last seen score lies above the mean."""
    missed: float = 0.02
    """Chance that a visit is missed (assumed)."""
    cadss_mean: tuple[float, float] = (1.0, 7.7)
    """Peak dissociation per session, placebo and esketamine (pubmed 29045915: 7.7; placebo assumed)."""
    sbp_rise: tuple[float, float] = (1.0, 8.0)
    """Rise of systolic pressure in mmHg at 40 minutes, placebo and esketamine (assumed)."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Open-label optimisation, then randomised withdrawal; the true hazard ratio of relapse is `hazard_ratio`."""

    seed: int = 2
    n: int = 320
    """Enter optimisation (assumed)."""
    stable: float = 0.6
    """Share who reach stable remission or response and are randomised (297 of 455 optimised in SUSTAIN-1)."""
    remitters: float = 0.59
    """Share of the randomised in stable remission (176 of 297 in SUSTAIN-1)."""
    median_days: float = 273.0
    """Median time to relapse on placebo, remitters (SUSTAIN-1)."""
    hazard_ratio: float = 0.49
    """Esketamine against placebo (SUSTAIN-1, stable remitters)."""
    responder_hazard: float = 1.6
    """Hazard of stable responders relative to stable remitters (assumed)."""
    withdrawn_per_year: float = 0.25
    """Rate of leaving without relapse (assumed)."""
    weeks: int = 60
    """Longest follow-up after randomisation (assumed)."""


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


def esketamine_trial(truth: Trial | None = None) -> Files:
    """Participants, MADRS, sessions, events and disposition of a parallel trial.

    Returns
    -------
    dict
        File name to CSV text.
    """
    truth = truth or Trial()
    rng = np.random.default_rng(truth.seed)
    n = truth.n
    ids = [f"ESK-{1001 + at}" for at in range(n)]
    site = rng.integers(0, truth.sites, n)
    arm = rng.permutation(np.arange(n) % 2)
    drug_class = rng.integers(0, 2, n)
    age = np.clip(rng.normal(45.7, 11.9, n).round(), 18, 64).astype(int)
    base = np.clip(rng.normal(truth.baseline_mean, truth.baseline_sd, n).round(), 28, 58)
    change = _changes(rng, truth, arm, base)
    seen, last, reason = _follow_up(rng, truth, change)
    sex = np.where(rng.random(n) < 0.62, "F", "M")
    people: list[tuple[object, ...]] = [
        (ids[i], f"Site {site[i] + 1}", ("Placebo", "Esketamine")[arm[i]], age[i], sex[i], ("SNRI", "SSRI")[drug_class[i]]) for i in range(n)
    ]
    scores = [(ids[i], "Baseline", 0, int(base[i])) for i in range(n)]
    for at, day in enumerate(truth.days):
        value = np.clip((base + change[:, at]).round(), 0, 60)
        scores += [(ids[i], f"Day {day}", day, int(value[i])) for i in range(n) if seen[i, at]]
    ends = [(ids[i], "Completed" if reason[i] == "" else "Discontinued", reason[i], int(last[i])) for i in range(n)]
    return {
        "participants.csv": _csv(("SUBJID", "SITEID", "ARM", "AGE", "SEX", "ADCLASS"), people),
        "madrs.csv": _csv(("SUBJID", "VISIT", "STUDYDAY", "MADRS_TOTAL"), sorted(scores)),
        "sessions.csv": _csv(("SUBJID", "SESSION", "STUDYDAY", "DOSE_MG", "CADSS_PEAK", "SBP_PRE", "SBP_PEAK"), _sessions(rng, truth, ids, arm, last)),
        "disposition.csv": _csv(("SUBJID", "STATUS", "REASON", "STUDYDAY"), ends),
    }


def _changes(rng: np.random.Generator, truth: Trial, arm: NDArray[np.int64], base: Floats) -> Floats:
    visits = len(truth.days)
    lags = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    covariance = np.outer(truth.change_sd, truth.change_sd) * truth.correlation**lags
    noise = rng.standard_normal((len(arm), visits)) @ np.linalg.cholesky(covariance).T
    mean = np.asarray(truth.placebo_change) + np.outer(arm, truth.effect)
    return mean - 0.35 * (base - truth.baseline_mean)[:, None] + noise


def _follow_up(rng: np.random.Generator, truth: Trial, change: Floats) -> tuple[NDArray[np.bool_], NDArray[np.int64], list[str]]:
    """Which visits were seen, the last day, and why somebody left: leaving depends on scores already seen."""
    n, visits = change.shape
    seen = rng.random((n, visits)) >= truth.missed
    last = np.full(n, truth.days[-1], dtype=np.int64)
    reason = [""] * n
    here = [True] * n
    reasons = ("Lack of efficacy", "Adverse event", "Withdrew consent", "Lost to follow-up")
    for at in range(1, visits):
        standing: Floats = (change[:, at - 1] - change[:, at - 1].mean()) / truth.change_sd[at - 1]
        hazard: Floats = np.minimum(truth.dropout * np.exp2(standing), 0.8)
        drawn = [float(rng.random()) for _ in range(n)]
        for i in [i for i in range(n) if here[i] and drawn[i] < hazard[i]]:
            here[i] = False
            seen[i, at:] = False
            reason[i] = reasons[int(rng.choice(4, p=(0.4, 0.2, 0.25, 0.15)))]
            last[i] = int(rng.integers(truth.days[at - 1] + 1, truth.days[at] + 1))
    return seen, last, reason


def _sessions(rng: np.random.Generator, truth: Trial, ids: Sequence[str], arm: NDArray[np.int64], last: NDArray[np.int64]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for i, name in enumerate(ids):
        given = int(arm[i])
        days = [day for day in (0, 3, 7, 10, 14, 17, 21, 24) if day <= last[i]]
        for session, day in enumerate(days, start=1):
            fading = float(0.9 ** (session - 1))
            cadss = min(round(rng.gamma(0.7, truth.cadss_mean[given] * fading / 0.7)), 92)
            before = int(_within(rng.normal(124, 11), 90, 175))
            peak = int(_within(before + rng.normal(truth.sbp_rise[given], 7), 85, 230))
            dose = 0 if arm[i] == 0 else 56 if session == 1 else 84
            rows.append((name, session, day, dose, cadss, before, peak))
    return rows


def esketamine_withdrawal(truth: Withdrawal | None = None) -> Files:
    """Participants, MADRS, events and disposition of a randomised withdrawal study."""
    truth = truth or Withdrawal()
    rng = np.random.default_rng(truth.seed)
    n = truth.n
    ids = [f"W{at:04d}" for at in rng.permutation(np.arange(1, n + 1))]
    site = rng.integers(1, 13, n)
    age = np.clip(rng.normal(46, 11, n).round(), 18, 64).astype(int)
    sex = np.where(rng.random(n) < 0.66, "female", "male")
    base = np.clip(rng.normal(37.5, 4.8, n).round(), 28, 56)
    stable = rng.random(n) < truth.stable
    remitter = stable & (rng.random(n) < truth.remitters)
    arm = _alternating(rng, stable, remitter)
    people: list[tuple[object, ...]] = []
    scores: list[tuple[object, ...]] = []
    events: list[tuple[object, ...]] = []
    ends: list[tuple[object, ...]] = []
    for i, name in enumerate(ids):
        group = "remission" if remitter[i] else "response" if stable[i] else ""
        people.append((name, f"Centre {site[i]:02d}", age[i], sex[i], group, arm[i], 112 if stable[i] else ""))
        scores.append((name, 0, int(base[i])))
        course = _optimisation(rng, base[i], stable=bool(stable[i]), remitter=bool(remitter[i]))
        scores += [(name, day, score) for day, score in course]
        if not stable[i]:
            ends.append((name, "optimisation", "discontinued", "no stable response", course[-1][0]))
            continue
        ends.append((name, "optimisation", "completed", "", 112))
        _maintenance(rng, truth, name, str(arm[i]), bool(remitter[i]), course[-1][1], scores, events, ends)
    return {
        "participants.csv": _csv(("ID", "CENTRE", "AGE", "SEX", "STABLE", "TREATMENT", "RANDDAY"), people),
        "madrs.csv": _csv(("ID", "DAY", "MADRS"), sorted(scores, key=lambda row: (str(row[0]), row[1]))),
        "events.csv": _csv(("ID", "DAY", "EVENT"), events),
        "disposition.csv": _csv(("ID", "PHASE", "STATUS", "REASON", "DAY"), ends),
    }


def _alternating(rng: np.random.Generator, stable: NDArray[np.bool_], remitter: NDArray[np.bool_]) -> list[str]:
    arm = np.full(len(stable), "", dtype=object)
    for group in (remitter, stable & ~remitter):
        members = rng.permutation(np.flatnonzero(group))
        arm[members[0::2]], arm[members[1::2]] = "esketamine", "placebo"
    return [str(name) for name in arm]


def _optimisation(rng: np.random.Generator, base: float, *, stable: bool, remitter: bool) -> list[tuple[int, int]]:
    target = 6.0 if remitter else 14.0 if stable else base - 8
    share = {28: 0.5, 56: 0.8, 84: 0.95, 112: 1.0}
    days = list(share) if stable else [day for day in share if day <= 28 or rng.random() < 0.6][:3]
    return [(day, int(_within(round(base + (target - base) * share[day] + rng.normal(0, 2.5)), 0, 60))) for day in days]


def _maintenance(
    rng: np.random.Generator, truth: Withdrawal, name: str, arm: str, remitter: bool, score: int,
    scores: list[tuple[object, ...]], events: list[tuple[object, ...]], ends: list[tuple[object, ...]],
) -> None:  # fmt: skip
    hazard = float(np.log(2)) / truth.median_days
    hazard *= (truth.hazard_ratio if arm == "esketamine" else 1.0) * (1.0 if remitter else truth.responder_hazard)
    relapse = 1 + int(rng.exponential(1 / hazard))
    leave = 1 + int(rng.exponential(365.25 / truth.withdrawn_per_year))
    last = min(relapse, leave, truth.weeks * 7)
    for day in range(14, last + 1, 14):
        rise = 16 * np.exp(-(relapse - day) / 20)
        scores.append((name, 112 + day, int(_within(round(score + rise + rng.normal(0, 3)), 0, 60))))
    if last == relapse:
        events.append((name, 112 + last, "relapse"))
    reason = "relapse" if last == relapse else "withdrew" if last == leave else ""
    ends.append((name, "maintenance", "completed" if reason == "" else "discontinued", reason, 112 + last))


def ketamine_clinics(truth: Clinics | None = None) -> Files:
    """Patients, questionnaires and infusions of a network of clinics, with calendar dates."""
    truth = truth or Clinics()
    rng = np.random.default_rng(truth.seed)
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
        people.append((name, f"Clinic {clinic[i] + 1}", sex, int(_within(rng.normal(42, 13), 18, 85)), start.isoformat()))
        weeks = min(int(rng.geometric(truth.leave_per_week)), 26)
        base = _within(rng.normal(truth.baseline_mean, truth.baseline_sd), 5, 27)
        person = truth.change + shift[clinic[i]] + rng.normal(0, truth.person_sd)
        infusions += _infusions(rng, name, start, weeks)
        for day in _irregular_days(rng, weeks):
            level = base + person * (1 - np.exp(-max(day, 0) / 10)) + rng.normal(0, truth.noise_sd)
            phq9, gad7 = _within(round(level), 0, 27), _within(round(0.72 * level + rng.normal(0, 2)), 0, 21)
            scores.append((name, (start + timedelta(days=day)).isoformat(), int(phq9), "" if rng.random() < 0.1 else int(gad7)))
    return {
        "patients.csv": _csv(("patient_id", "clinic", "sex", "age", "first_infusion"), people),
        "questionnaires.csv": _csv(("patient_id", "date", "phq9", "gad7"), scores),
        "infusions.csv": _csv(("patient_id", "number", "date", "dose_mg_kg", "route"), infusions),
    }


def _irregular_days(rng: np.random.Generator, weeks: int) -> list[int]:
    gaps = 1 + rng.geometric(0.12, size=40)
    days = np.cumsum(gaps)
    first = -int(rng.integers(0, 8))
    return [first, *(int(day) for day in days if day <= 7 * weeks)]


def _infusions(rng: np.random.Generator, name: str, start: date, weeks: int) -> list[tuple[object, ...]]:
    route = str(rng.choice(["IV", "IM"], p=[0.85, 0.15]))
    dose = 0.5
    rows: list[tuple[object, ...]] = []
    for number, day in enumerate((0, 3, 7, 10, 14, 17, 45, 75, 105), start=1):
        if day > 7 * weeks:
            break
        rows.append((name, number, (start + timedelta(days=day)).isoformat(), f"{dose:.2f}", route))
        dose = min(dose + (0.1 if rng.random() < 0.3 else 0.0), 1.0)
    return rows


def _within(value: float, low: float, high: float) -> float:
    """`value`, or the limit it lies beyond; for one number a tenth of the time of NumPy's clip."""
    return min(max(value, low), high)


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _seeded(study: Callable[[Any], Files], truth: Any) -> Callable[[int | None], Files]:  # noqa: ANN401
    return lambda seed: study(truth if seed is None else replace(truth, seed=seed))


#: Study to the function that makes its files from a seed (None: the study's own).
SIMULATED: dict[str, Callable[[int | None], Files]] = {
    "esketamine_trial": _seeded(esketamine_trial, Trial()),
    "esketamine_withdrawal": _seeded(esketamine_withdrawal, Withdrawal()),
    "ketamine_clinics": _seeded(ketamine_clinics, Clinics()),
}
