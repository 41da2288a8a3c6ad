"""A parallel trial with dropout that depends on the scores seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.simulate._files import Files, Floats, to_csv, within


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
        "participants.csv": to_csv(("SUBJID", "SITEID", "ARM", "AGE", "SEX", "ADCLASS"), people),
        "madrs.csv": to_csv(("SUBJID", "VISIT", "STUDYDAY", "MADRS_TOTAL"), sorted(scores)),
        "sessions.csv": to_csv(("SUBJID", "SESSION", "STUDYDAY", "DOSE_MG", "CADSS_PEAK", "SBP_PRE", "SBP_PEAK"), _sessions(rng, truth, ids, arm, last)),
        "disposition.csv": to_csv(("SUBJID", "STATUS", "REASON", "STUDYDAY"), ends),
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
            before = int(within(rng.normal(124, 11), 90, 175))
            peak = int(within(before + rng.normal(truth.sbp_rise[given], 7), 85, 230))
            dose = 0 if arm[i] == 0 else 56 if session == 1 else 84
            rows.append((name, session, day, dose, cadss, before, peak))
    return rows
