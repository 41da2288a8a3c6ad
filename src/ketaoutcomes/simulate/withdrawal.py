"""A randomised withdrawal study with relapse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.simulate._files import Files, to_csv, within


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Open-label optimisation, then randomised withdrawal; the true hazard ratio of relapse is `hazard_ratio`."""

    seed: int = 2
    n: int = 320
    """Enter optimisation (assumed)."""
    sites: int = 12
    """Assumed."""
    site_sd: float = 0.0
    """Standard deviation of the sites' effects on the logarithm of the hazard of relapse; none in the committed study."""
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
    other_treatment: float = 0.5
    """Share of those who leave who begin another treatment, after which relapse under this one can no longer be seen (assumed)."""
    weeks: int = 60
    """Longest follow-up after randomisation (assumed)."""


def esketamine_withdrawal(truth: Withdrawal | None = None) -> Files:
    """Participants, MADRS, events and disposition of a randomised withdrawal study."""
    truth = truth or Withdrawal()
    rng = np.random.default_rng(truth.seed)
    n = truth.n
    ids = [f"W{at:04d}" for at in rng.permutation(np.arange(1, n + 1))]
    site = rng.integers(1, truth.sites + 1, n)
    frailty = np.exp(_apart(truth.seed, 1).normal(0, truth.site_sd, truth.sites + 1))
    treated = _apart(truth.seed, 2).random(n) < truth.other_treatment
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
        hazard = _hazard(truth, str(arm[i]), bool(remitter[i])) * float(frailty[site[i]])
        leaving = "other treatment" if treated[i] else "withdrew"
        _maintenance(rng, truth, name, hazard, leaving, course[-1][1], scores, events, ends)
    return {
        "participants.csv": to_csv(("ID", "CENTRE", "AGE", "SEX", "STABLE", "TREATMENT", "RANDDAY"), people),
        "madrs.csv": to_csv(("ID", "DAY", "MADRS"), sorted(scores, key=lambda row: (str(row[0]), row[1]))),
        "events.csv": to_csv(("ID", "DAY", "EVENT"), events),
        "disposition.csv": to_csv(("ID", "PHASE", "STATUS", "REASON", "DAY"), ends),
    }


def _apart(seed: int, stream: int) -> np.random.Generator:
    """A stream of its own, so that what is drawn from it leaves all else as it was."""
    return np.random.default_rng([seed, stream])


def _hazard(truth: Withdrawal, arm: str, remitter: bool) -> float:
    """Of relapse in a day, at a site whose effect is 0."""
    return float(np.log(2)) / truth.median_days * ((truth.hazard_ratio if arm == "esketamine" else 1.0) * (1.0 if remitter else truth.responder_hazard))


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
    return [(day, int(within(round(base + (target - base) * share[day] + rng.normal(0, 2.5)), 0, 60))) for day in days]


def _maintenance(
    rng: np.random.Generator, truth: Withdrawal, name: str, hazard: float, leaving: str, score: int,
    scores: list[tuple[object, ...]], events: list[tuple[object, ...]], ends: list[tuple[object, ...]],
) -> None:  # fmt: skip
    relapse = 1 + int(rng.exponential(1 / hazard))
    leave = 1 + int(rng.exponential(365.25 / truth.withdrawn_per_year))
    last = min(relapse, leave, truth.weeks * 7)
    for day in range(14, last + 1, 14):
        rise = 16 * np.exp(-(relapse - day) / 20)
        scores.append((name, 112 + day, int(within(round(score + rise + rng.normal(0, 3)), 0, 60))))
    if last == relapse:
        events.append((name, 112 + last, "relapse"))
    reason = "relapse" if last == relapse else leaving if last == leave else ""
    if reason == "other treatment":
        events.append((name, 112 + last, "other_treatment"))
    ends.append((name, "maintenance", "completed" if reason == "" else "discontinued", reason, 112 + last))
