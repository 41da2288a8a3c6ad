"""A dose-finding trial with item scores, readings within sessions and adverse events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketaoutcomes.simulate._files import Files, to_csv, within

ARMS = ("Placebo", "28 mg", "56 mg", "84 mg")
_HOURS = {"2 hours": 2, "24 hours": 24, "Day 8": 192}
_MINUTES = (0, 40, 90, 120)
_DISORDERS = {
    "Dissociation": "Psychiatric disorders",
    "Anxiety": "Psychiatric disorders",
    "Dizziness": "Nervous system disorders",
    "Headache": "Nervous system disorders",
    "Nausea": "Gastrointestinal disorders",
    "Vomiting": "Gastrointestinal disorders",
}


@dataclass(frozen=True, slots=True)
class DoseFinding:
    """Placebo and three doses of esketamine, two sessions in a week; the true difference from placebo at day 8 is `change[2]` of two arms."""

    seed: int = 4
    n: tuple[int, ...] = (33, 11, 11, 12)
    """Randomised to placebo, 28, 56 and 84 mg (SYNAPSE period 1, PMC5838571 table 1)."""
    baseline_mean: float = 34.0
    baseline_sd: float = 5.0
    """MADRS before the first dose (PMC5838571 table 1: 31.3 to 35.0, SD 3.80 to 6.26)."""
    change: tuple[tuple[float, ...], ...] = ((-9.7, -16.4, -14.3, -17.6), (-5.7, -14.8, -15.7, -16.4), (-4.9, -9.8, -12.4, -15.3))
    """Mean MADRS change by visit (2 hours, 24 hours, day 8) and arm (PMC5838571 table 1, least-squares means)."""
    change_sd: float = 9.5
    """SD of change given the baseline (from the printed SE of 1.74 to 2.80 with n 33 to 11: 8.7 to 10.2)."""
    correlation: float = 0.6
    """Of the changes of one person (assumed)."""
    leaves: float = 0.04
    """Chance of leaving after the first session (assumed)."""
    cadss_peak: tuple[float, ...] = (1.0, 5.0, 7.0, 9.0)
    """Mean dissociation 40 minutes after the dose by arm (assumed; pubmed 29045915 has 7.7 over its doses); gone by 120 minutes."""
    sbp_rise: tuple[float, ...] = (1.0, 6.0, 8.0, 10.0)
    """Mean rise of systolic pressure at 40 minutes by arm, mmHg (assumed)."""
    events: tuple[tuple[str, tuple[float, ...]], ...] = (
        ("Dissociation", (0.03, 0.15, 0.2, 0.25)), ("Anxiety", (0.05, 0.05, 0.05, 0.08)), ("Dizziness", (0.06, 0.25, 0.3, 0.35)),
        ("Headache", (0.1, 0.15, 0.2, 0.2)), ("Nausea", (0.03, 0.1, 0.15, 0.2)), ("Vomiting", (0.01, 0.03, 0.05, 0.08)),
    )  # fmt: skip
    """Chance of each event after a session by arm (assumed)."""
    serious: float = 0.01
    """Chance that an event is serious (assumed)."""


def esketamine_doses(truth: DoseFinding | None = None) -> Files:
    """Participants, MADRS items, suicidality, sessions, readings within them, adverse events and disposition.

    Returns
    -------
    dict
        File name to CSV text.
    """
    truth = truth or DoseFinding()
    rng = np.random.default_rng(truth.seed)
    n = sum(truth.n)
    arm = [int(group) for group in rng.permutation(np.repeat(np.arange(len(truth.n)), truth.n))]
    ids = [f"D{at:03d}" for at in rng.permutation(np.arange(1, n + 1))]
    stays = [bool(chance >= truth.leaves) for chance in rng.random(n)]
    sex, age = np.where(rng.random(n) < 0.57, "F", "M"), np.clip(rng.normal(44.7, 10, n).round(), 20, 64).astype(int)
    people: list[tuple[object, ...]] = [(ids[i], ARMS[arm[i]], int(age[i]), str(sex[i])) for i in range(n)]
    ends = [(ids[i], "Completed" if stays[i] else "Discontinued", "" if stays[i] else "Withdrew consent", 8 if stays[i] else 2) for i in range(n)]
    items = tuple(f"M{item}" for item in range(1, 11))
    return {
        "participants.csv": to_csv(("SUBJID", "ARM", "AGE", "SEX"), people),
        "madrs_items.csv": to_csv(("SUBJID", "VISIT", *items, "CSSRS_SI"), _scores(rng, truth, ids, arm, stays)),
        "sessions.csv": to_csv(("SUBJID", "SESSION", "STUDYDAY", "DOSE_MG"), _sessions(ids, arm, stays)),
        "readings.csv": to_csv(("SUBJID", "SESSION", "MINUTE", "CADSS", "SBP", "DBP"), _readings(rng, truth, ids, arm, stays)),
        "events.csv": to_csv(("SUBJID", "STUDYDAY", "SOC", "TERM", "SERIOUS"), _events(rng, truth, ids, arm, stays)),
        "disposition.csv": to_csv(("SUBJID", "STATUS", "REASON", "STUDYDAY"), ends),
    }


def _scores(rng: np.random.Generator, truth: DoseFinding, ids: Sequence[str], arm: Sequence[int], stays: Sequence[bool]) -> list[tuple[object, ...]]:
    """Item scores that add up to the total, and ideation, which follows the tenth."""
    n, visits = len(ids), len(_HOURS)
    base = np.clip(rng.normal(truth.baseline_mean, truth.baseline_sd, n).round(), 28, 50)
    person = rng.standard_normal((n, 1)) * np.sqrt(truth.correlation)
    noise = truth.change_sd * (person + rng.standard_normal((n, visits)) * np.sqrt(1 - truth.correlation))
    totals = np.clip((base[:, None] + np.asarray(truth.change).T[arm] + noise).round(), 0, 60)
    rows: list[tuple[object, ...]] = []
    for i, name in enumerate(ids):
        seen = [("Baseline", base[i]), *((visit, totals[i, at]) for at, visit in enumerate(_HOURS) if stays[i] or _HOURS[visit] <= 24)]
        for visit, total in seen:
            items = _items(rng, int(total))
            rows.append((name, visit, *items, min(int(items[9] * rng.random() * 1.5), 5)))
    return rows


def _items(rng: np.random.Generator, total: int) -> list[int]:
    """Ten items of 0 to 6 with this sum; suicidal thoughts, the last, are the last to rise."""
    place = rng.random((10, 6))
    place[9] += 0.6
    taken = np.argsort(place, axis=None)[:total] // 6
    return [int(score) for score in np.bincount(taken, minlength=10)]


def _days(stays: bool) -> tuple[int, ...]:
    return (0, 3) if stays else (0,)


def _sessions(ids: Sequence[str], arm: Sequence[int], stays: Sequence[bool]) -> list[tuple[object, ...]]:
    return [(ids[i], session, day, 28 * arm[i]) for i in range(len(ids)) for session, day in enumerate(_days(stays[i]), start=1)]


def _readings(rng: np.random.Generator, truth: DoseFinding, ids: Sequence[str], arm: Sequence[int], stays: Sequence[bool]) -> list[tuple[object, ...]]:
    """Dissociation and blood pressure rise to 40 minutes and are nearly gone at 120."""
    share = {0: 0.0, 40: 1.0, 90: 0.35, 120: 0.05}
    rows: list[tuple[object, ...]] = []
    for i, name in enumerate(ids):
        for session in range(1, len(_days(stays[i])) + 1):
            peak, rise = rng.gamma(0.7, truth.cadss_peak[arm[i]] / 0.7), rng.normal(truth.sbp_rise[arm[i]], 6)
            before = rng.normal(122, 10)
            for minute in _MINUTES:
                sbp = within(before + share[minute] * rise + rng.normal(0, 3), 85, 220)
                rows.append((name, session, minute, min(round(peak * share[minute]), 92), round(sbp), round(0.62 * sbp + rng.normal(0, 3))))
    return rows


def _events(rng: np.random.Generator, truth: DoseFinding, ids: Sequence[str], arm: Sequence[int], stays: Sequence[bool]) -> list[tuple[object, ...]]:
    return [
        (name, day, _DISORDERS[term], term, "Y" if rng.random() < truth.serious else "N")
        for i, name in enumerate(ids)
        for day in _days(stays[i])
        for term, chance in truth.events
        if rng.random() < chance[arm[i]]
    ]
