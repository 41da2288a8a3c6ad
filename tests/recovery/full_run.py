"""Coverage of the 95 % interval of the last visit's contrast: 10,000 trials of 20 people, 4,000 of 60 and of 200.

``make recovery`` writes `full_run.md` beside this file; it takes some minutes on one core.
"""

from __future__ import annotations

import math
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from trials import covered

HERE = Path(__file__).resolve().parent
SEED = 20261122
SIZES = {20: 10_000, 60: 4_000, 200: 4_000}
METHODS = ("kenward-roger", "satterthwaite", "z")


def main() -> None:
    """Write the table."""
    lines = [
        "# Coverage of 95 % intervals, last visit's contrast",
        "",
        "Two arms, 4 visits, dropout that depends on the score seen last (`trials.py`), unstructured covariance. A trial the",
        "engine refuses counts as one that does not cover. z uses the errors of Satterthwaite, which are the model's.",
        "",
        "| people | trials | refused | " + " | ".join(METHODS) + " | binomial SE |",
        "|---" * (4 + len(METHODS)) + "|",
    ]
    for people, trials in SIZES.items():
        rng = np.random.default_rng([SEED, people])
        found = [covered(rng, people) for _ in range(trials)]
        shares = [sum(t is not None and t[name] for t in found) / trials for name in METHODS]
        cells = [f"{100 * share:.2f} %" for share in shares]
        lines.append(f"| {people} | {trials} | {sum(t is None for t in found)} | {' | '.join(cells)} | {100 * math.sqrt(0.95 * 0.05 / trials):.2f} % |")
        print(lines[-1], flush=True)
    lines += ["", f"Seed {SEED}; NumPy {version('numpy')}, SciPy {version('scipy')}, Python {platform.python_version()}. Made by `make recovery`.", ""]
    (HERE / "full_run.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
