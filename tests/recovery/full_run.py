"""Coverage of 95 % intervals in many simulated trials of known truth: normal scores, and yes-or-no outcomes.

``make recovery`` writes `full_run.md` beside this file, about an hour and a half on one core. With names of sections only these
are made again.
"""

from __future__ import annotations

import math
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from binary_trials import Setting, difference, many, summary
from trials import covered

HERE = Path(__file__).resolve().parent
SEED = 20261122
SIZES = {20: 10_000, 60: 4_000, 200: 4_000}
METHODS = ("kenward-roger", "satterthwaite", "z")
#: Trials of each setting: a fit of people within sites takes about a second.
SETTINGS = {
    Setting(model, people, sites, rate): trials
    for model, people, sites, each in (
        ("states", 40, 0, (2_000, 2_000)),
        ("states", 200, 0, (2_000, 2_000)),
        ("hazards", 200, 60, (1_000, 1_000)),
        ("hazards", 200, 8, (1_000, 1_000)),
        ("states in sites", 200, 60, (200, 100)),
        ("states in sites", 200, 8, (100, 100)),
    )
    for rate, trials in zip((0.08, 0.4), each, strict=True)
}
NORMAL = """# Coverage of 95 % intervals, last visit's contrast

Two arms, 4 visits, dropout that depends on the score seen last (`trials.py`), unstructured covariance. A trial the
engine refuses counts as one that does not cover. z uses the errors of Satterthwaite, which are the model's.
"""
BINARY = """# Yes-or-no outcomes: bias and coverage of 95 % intervals

Two arms, 4 visits or intervals, a conditional effect of -0.7 on the scale of the linear predictor (`binary_trials.py`). States:
an answer at each visit, logit, a random intercept of participants (SD 1.2), perhaps of sites beside it (SD 0.5); after a visit
with the event 20 % leave, after one without 5 %. Hazards: relapse within intervals, complementary log-log, a random intercept of
sites (SD 0.5); 20 % of the harder stratum and 5 % of the other leave after each interval. Events: share of visits, or of people by
the last interval. Fitted as the pipeline does, with `separation="log-f"`.

Bias is that of the conditional coefficient of the arm in its mean standard errors, SE / SD its mean standard error over the
standard deviation of the estimates. t and normal are its intervals with between-within degrees of freedom and without; risk
difference is that of the population at the last visit or by the last interval, truth by numerical integration. A trial the engine
refuses counts as one that does not cover; a standard deviation at 0 (boundary) counts as 0 in its mean.

What it says: the coefficient of the arm is biased by at most a sixth of a standard error, mostly away from 0, as maximum likelihood
is in small samples. Its t interval holds its level, and more than that where events are so few that a quarter of the fits are
penalised; the normal one differs at 40 people only. The interval of the risk difference is symmetric, with the error at the estimate:
it covers in 92 % with about 10 events (40 people, 8 %), in 93 to 94 % with about 50 events or 40 people; elsewhere it holds its level.
Standard deviations of random effects are too small with few sites, few people or rare events, as maximum likelihood makes them, and
often 0. The arms are compared within sites, so that this moves their coefficient little. Participants within sites take long: 100 or
200 trials tell a coverage to 1.5 or 2.2 points only. Refusals: `DegenerateResponse` (nobody's answers change) of 40 people, and
`NotConverged` (an optimum that could not be proved) of one trial in 60 sites.
"""


def normal() -> Iterator[str]:
    """Rows of the table of normal scores."""
    yield "| people | trials | refused | " + " | ".join(METHODS) + " | binomial SE |"
    yield "|---" * (4 + len(METHODS)) + "|"
    for people, trials in SIZES.items():
        rng = np.random.default_rng([SEED, people])
        found = [covered(rng, people) for _ in range(trials)]
        shares = [sum(t is not None and t[name] for t in found) / trials for name in METHODS]
        cells = [f"{100 * share:.2f} %" for share in shares]
        yield f"| {people} | {trials} | {sum(t is None for t in found)} | {' | '.join(cells)} | {binomial_se(trials)} |"


COLUMNS = (
    "model", "people", "sites", "events", "trials", "refused", "penalised", "boundary", "bias / SE", "SE / SD", "t", "normal", "risk difference",
    "its bias, points", "SD of random effects: truth, mean", "binomial SE",
)  # fmt: skip


def binary() -> Iterator[str]:
    """Rows of the table of yes-or-no outcomes."""
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|---" * len(COLUMNS) + "|"
    for setting, trials in SETTINGS.items():
        began = time.perf_counter()
        got = summary(setting, many(setting, trials, SEED))
        cells = [setting.model, str(setting.people), str(setting.sites or ""), f"{100 * setting.rate:.0f} %", str(trials), str(sum(got.refused.values()))]
        cells += [str(got.flagged.get(flag, 0)) for flag in ("penalised", "boundary")]
        cells += [f"{got.bias:.2f}", f"{got.se / got.sd:.2f}", *(f"{100 * got.covered[name] / trials:.1f} %" for name in ("t", "normal", "risk difference"))]
        cells += [f"{100 * (got.difference - difference(setting)):.2f}"]
        cells += ["; ".join(f"{name} {truth:g}, {got.sds[name]:.2f}" for name, truth in setting.sds.items()), binomial_se(trials)]
        print(f"{time.perf_counter() - began:.0f} s", got, flush=True)
        yield "| " + " | ".join(cells) + " |"


def binomial_se(trials: int) -> str:
    """Of a share that is 95 %."""
    return f"{100 * math.sqrt(0.95 * 0.05 / trials):.2f} %"


SECTIONS = {"normal": (NORMAL, normal), "binary": (BINARY, binary)}


def main() -> None:
    """Write the tables; a section that is not made again stays as it is."""
    file = HERE / "full_run.md"
    before = ["# " + text for text in ("\n" + file.read_text(encoding="utf-8")).split("\n# ")[1:]] if file.exists() else []
    made_by = f"Seed {SEED}; NumPy {version('numpy')}, SciPy {version('scipy')}, Python {platform.python_version()}. Made by `make recovery`."
    parts: list[str] = []
    for name, (head, rows) in SECTIONS.items():
        old = [text for text in before if text.startswith(head.splitlines()[0] + "\n")]
        if sys.argv[1:] and name not in sys.argv[1:]:
            parts += old
            continue
        lines: list[str] = []
        for row in rows():
            print(row, flush=True)
            lines.append(row)
        parts.append("\n".join([head, *lines, "", made_by, ""]))
    file.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
