"""Time the mixed-model engine beside its peers: ratios in one run, one thread, nothing else on the machine.

``make bench`` prints the tables. From a data frame with text ids to estimates, standard errors and df of all
coefficients. R's times start from the same frame with its factors made. Peers that are not installed are named.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from ketaoutcomes import glmm, lmm, mmrm, moments

VISITS = 6
LEVELS = {"arm": ["placebo", "active"], "visit": [f"V{k + 1}" for k in range(VISITS)]}
MMRM = "chg ~ base * visit + arm * visit"
# R mmrm 0.3.18 is not in Debian. Its polished fits (optimizer nlminb, Satterthwaite) took these seconds on a 2-core Debian 12
# machine of the same kind, 2026-11-22, for trials of this design; medians of 5, 3 and 1 runs.
POLISHED_MMRM = {200: 0.542, 2000: 6.549, 20000: 56.9}
LMER = """
suppressMessages({library(lme4); library(lmerTest)})
d <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE)
d$arm <- relevel(d$arm, ref = "placebo")
once <- function(f) { t <- proc.time()[3]; f(); unname(proc.time()[3] - t) }
for (time in c("time", "days")) {
  form <- as.formula(paste0("chg ~ base + arm * ", time, " + (", time, " | id)"))
  alone <- median(replicate(REPEATS, once(function() lme4::lmer(form, d))))
  both <- median(replicate(REPEATS, once(function() summary(lmerTest::lmer(form, d)))))
  cat(time, alone, both, "\\n")
}
"""


# mixedlm 1.3.0 is not among our packages. Its times for such data on the same kind of machine, 2026-11-22, by participants and nodes.
MIXEDLM = {(200, 1): 0.23, (200, 7): 0.26, (2000, 1): 0.50, (2000, 7): 1.26, (20000, 1): 4.0}
GLMER = """
suppressMessages(library(lme4))
d <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE)
d$arm <- relevel(d$arm, ref = "placebo")
once <- function(f) { t <- proc.time()[3]; f(); unname(proc.time()[3] - t) }
fit <- function(nodes) summary(glmer(y ~ base + arm * t + (1 | id), d, family = binomial, nAGQ = nodes))
for (nodes in c(1, 7)) cat(nodes, median(replicate(REPEATS, once(function() fit(nodes)))), "\\n")
"""


def trial(n: int, seed: int = 1) -> pd.DataFrame:
    """Two arms, six visits, about 15 % dropout and 5 % missing between; visit times as scheduled and as they happened."""
    rng = np.random.default_rng(seed)
    arm, base, sd = np.arange(n) % 2, rng.normal(30, 5, n), np.linspace(5, 9, VISITS)
    root = np.linalg.cholesky(np.outer(sd, sd) * 0.7 ** np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS))))
    y = -0.3 * (base - 30)[:, None] - np.outer(1 + arm, np.arange(VISITS)) + rng.normal(size=(n, VISITS)) @ root.T
    last = np.where(rng.random(n) < 0.15, rng.integers(1, VISITS, n), VISITS)
    seen = (np.arange(VISITS) < last[:, None]) & (rng.random((n, VISITS)) > 0.05)
    seen[:, 0] = True
    i, t = np.nonzero(seen)
    ids, arms, visits = (np.array(names, dtype=object) for names in ([f"SUBJ-{k:07d}" for k in range(n)], LEVELS["arm"], LEVELS["visit"]))
    frame = {"id": ids[i], "arm": arms[arm[i]], "visit": visits[t], "base": base[i], "time": t * 1.0, "days": t + rng.uniform(-0.3, 0.3, len(t))}
    return pd.DataFrame({**frame, "chg": y[i, t]})


def median_time(work: Callable[[], object], repeats: int) -> float:
    """Median seconds after one run that is not counted."""
    work()
    times: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def marginal() -> None:
    """MMRM against R's mmrm."""
    print(f"MMRM, unstructured, {VISITS} visits, 18 coefficients, Satterthwaite and Kenward-Roger\n")
    print("| participants | Satterthwaite, s | Kenward-Roger, s | R mmrm, polished, s | ratio |\n|---|---|---|---|---|")
    for n, theirs in POLISHED_MMRM.items():
        data = trial(n)
        said = {"levels": LEVELS, "subject": "id", "visit": "visit"}
        fits = [median_time(lambda df=df: mmrm(data, MMRM, df=df, **said), 7) for df in ("satterthwaite", "kenward-roger")]  # noqa: B023 - called at once
        print(f"| {n:,} | {fits[0]:.4f} | {fits[1]:.4f} | {theirs:.3g} | {theirs / fits[0]:.0f}x |")


def random_slopes() -> None:
    """LMM against lmerTest and mixedlm-rs."""
    print("\nLMM, random intercept and slope, 5 coefficients, Satterthwaite\n")
    print("| participants | times | ours, s | lmer + summary, s | ratio | lmer alone, s | mixedlm-rs, s | ratio |\n|---|---|---|---|---|---|---|---|")
    for n, repeats in ((2000, 5), (20000, 1)):
        data = trial(n)
        in_r = _lmer(data, repeats)
        for column, name in (("time", "scheduled"), ("days", "irregular")):
            formula = f"chg ~ base + arm * {column}"
            fit = {"levels": {"arm": LEVELS["arm"]}, "subject": "id", "random": ("1", column), "df": "satterthwaite"}
            ours = median_time(lambda: lmm(data, formula, **fit), 7)  # noqa: B023 - called at once
            alone, both = in_r.get(column, (np.nan, np.nan))
            rust = _mixedlm_rs(data, formula, column)
            print(f"| {n:,} | {name} | {ours:.4f} | {both:.2f} | {both / ours:.0f}x | {alone:.2f} | {rust:.3f} | {rust / ours:.1f}x |")


def relapse(n: int, seed: int = 1) -> pd.DataFrame:
    """Relapse at six visits, a continuous covariate, about 15 % dropout and 5 % missing between: no two people are alike."""
    rng = np.random.default_rng(seed)
    arm, base, own = np.arange(n) % 2, rng.normal(size=n), rng.normal(0, 1.2, n)
    last = np.where(rng.random(n) < 0.15, rng.integers(1, VISITS, n), VISITS)
    seen = (np.arange(VISITS) < last[:, None]) & (rng.random((n, VISITS)) > 0.05)
    seen[:, 0] = True
    i, t = np.nonzero(seen)
    eta = -1 - 0.4 * arm[i] + 0.1 * t - 0.08 * arm[i] * t + 0.4 * base[i] + own[i]
    ids, arms = np.array([f"SUBJ-{k:07d}" for k in range(n)], dtype=object), np.array(LEVELS["arm"], dtype=object)
    return pd.DataFrame({"id": ids[i], "arm": arms[arm[i]], "t": t / 5, "base": base[i], "y": rng.binomial(1, 1 / (1 + np.exp(-eta)))})


def binary() -> None:
    """GLMM against lme4's glmer and mixedlm: Laplace and 7 nodes; where people are alike they are counted, not repeated."""
    print("\nLogistic model, random intercept, 5 coefficients\n")
    print("| participants | nodes | ours, s | glmer + summary, s | ratio | mixedlm, earlier, s | ratio |\n|---|---|---|---|---|---|---|")
    for n, repeats in ((200, 3), (2000, 1), (20000, 1)):
        data = relapse(n)
        in_r = {int(nodes): float(seconds) for nodes, seconds in _in_r(GLMER, data, repeats)}
        for nodes in (1, 7, 25):
            fit = {"levels": {"arm": LEVELS["arm"]}, "subject": "id", "nodes": nodes}
            ours = median_time(lambda: glmm(data, "y ~ base + arm * t", **fit), 5 if n < 20000 else 2)  # noqa: B023 - called at once
            theirs, other = in_r.get(nodes, np.nan), MIXEDLM.get((n, nodes), np.nan)
            print(f"| {n:,} | {nodes} | {ours:.3f} | {theirs:.2f} | {theirs / ours:.0f}x | {other:.2f} | {other / ours:.1f}x |")
    data = relapse(20000).assign(base=0.0)
    alike = median_time(lambda: glmm(data, "y ~ arm * t", levels={"arm": LEVELS["arm"]}, subject="id"), 2)
    print(f"\nWithout the covariate, 20,000 participants, 25 nodes: {alike:.3f} s.")


def _lmer(data: pd.DataFrame, repeats: int) -> dict[str, tuple[float, float]]:
    """Seconds of lmer, and of lmerTest's lmer with summary, by column of time."""
    return {column: (float(alone), float(both)) for column, alone, both in _in_r(LMER, data, repeats)}


def _in_r(text: str, data: pd.DataFrame, repeats: int) -> list[list[str]]:
    """Words of each line that an R script prints; none where R or a package is not here."""
    if shutil.which("Rscript") is None:
        print("(R is not here)")
        return []
    with tempfile.TemporaryDirectory() as folder:
        script, csv = Path(folder) / "peer.R", Path(folder) / "data.csv"
        script.write_text(text.replace("REPEATS", str(repeats)), encoding="utf-8")
        data.to_csv(csv, index=False)
        run = subprocess.run(["Rscript", str(script), str(csv)], capture_output=True, text=True, check=False)
    if run.returncode:
        print(f"(R's packages are not here: {run.stderr.strip().splitlines()[-1]})")
        return []
    return [line.split() for line in run.stdout.splitlines()]


def _mixedlm_rs(data: pd.DataFrame, formula: str, column: str) -> float:
    try:
        import mixedlm_rs
    except ImportError:
        return np.nan
    return median_time(lambda: mixedlm_rs.mixedlm(formula, data, groups="id", re_formula=f"~{column}").fit(), 3)


def after_moments() -> None:
    """The fit does not depend on the number of participants; a million of them from reading to result."""
    print("\nFrom moments: fit and inference, Kenward-Roger\n\n| participants | moments, s | fit and inference, ms |\n|---|---|---|")
    for n in (2_000, 200_000):
        data = trial(n)
        start = time.perf_counter()
        sums = moments(data, MMRM, levels=LEVELS, subject="id", visit="visit")
        read = time.perf_counter() - start
        print(f"| {n:,} | {read:.3f} | {1000 * median_time(lambda: mmrm(sums), 7):.1f} |")  # noqa: B023 - called at once
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.parquet"
        trial(1_000_000).drop(columns=["time", "days"]).to_parquet(path)
        subprocess.run([sys.executable, __file__, str(path)], check=True)


def million(path: str) -> None:
    """One row of the table, in a process of its own for the peak of memory."""
    start = time.perf_counter()
    data = pd.read_parquet(path)
    read = time.perf_counter() - start
    start = time.perf_counter()
    sums = moments(data, MMRM, levels=LEVELS, subject="id", visit="visit")
    added = time.perf_counter() - start
    start = time.perf_counter()
    mmrm(sums)
    first = time.perf_counter() - start
    fitted = median_time(lambda: mmrm(sums), 7)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"| 1,000,000 | {added:.3f} | {1000 * fitted:.1f} |\n")
    total = added + first
    print(f"One million participants, {len(data):,} rows: {total:.2f} s from the frame to the result, peak {peak:.2f} GB.")
    print(f"Reading the same rows from Parquet: {read:.2f} s.")


def main() -> None:
    """Print all tables, or the row of a million participants in the file named."""
    if len(sys.argv) > 1:
        return million(sys.argv[1])
    if os.environ.get("OMP_NUM_THREADS") != "1":
        sys.exit("one thread: run it as OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/mixed.py")
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), platform.machine())
    peers = [_version("mixedlm-rs"), _r_version()]
    print(f"{model}, Python {platform.python_version()}, NumPy {np.__version__}, pandas {pd.__version__}, {', '.join(peers)}\n")
    marginal()
    random_slopes()
    binary()
    return after_moments()


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} is not here"


def _r_version() -> str:
    if shutil.which("Rscript") is None:
        return "R is not here"
    asked = 'cat(R.version$major, ".", R.version$minor, ", lme4 ", format(packageVersion("lme4")), ", lmerTest ", format(packageVersion("lmerTest")), sep = "")'
    return "R " + subprocess.run(["Rscript", "-e", asked], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
