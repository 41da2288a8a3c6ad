"""Time the demo: the whole run, each stage, and what snakemake adds over the same work in one process.

Run it with nothing else on the machine: ``make bench``. It prints a table; nothing is asserted.
"""

from __future__ import annotations

import csv
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ("esketamine_trial", "esketamine_withdrawal", "esketamine_doses", "ketamine_clinics", "beat_the_blues", "smoking_relapse")


def main() -> None:
    """Print the timings."""
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder))
        os.chdir(project)
        cores = os.cpu_count() or 1
        first = _timed(_command("run"))
        again = _timed(_command("run"))
        stages = _stages(project)
        inside = _in_one_process()
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, snakemake {version('snakemake')}\n")
    print(f"ketaoutcomes run, seven studies, nothing done before: {first:6.1f} s")
    print(f"ketaoutcomes run, nothing to do:                     {again:6.1f} s")
    print(f"the same work in one process, one core:              {inside:6.1f} s")
    print(f"sum of job times:                                    {sum(sum(t) for t in stages.values()):6.1f} s")
    print(f"overhead: sum of job times / one process:            {sum(sum(t) for t in stages.values()) / inside:6.1f} x\n")
    print(f"{'stage':<10}{'jobs':>6}{'median s':>10}{'sum s':>8}")
    for stage, times in stages.items():
        print(f"{stage:<10}{len(times):>6}{sorted(times)[len(times) // 2]:>10.2f}{sum(times):>8.1f}")


def _project(root: Path) -> Path:
    shutil.copy(ROOT / "Snakefile", root)
    for name in ("workflow", "config", "requirements"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copytree(ROOT / "data", root / "data")
    return root


def _command(*words: str) -> list[str]:
    return [str(Path(sys.executable).parent / "ketaoutcomes"), *words]


def _timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _stages(project: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for path in sorted(project.glob("results/*/restricted/benchmarks/*.tsv")):
        with path.open() as stream:
            found[path.stem.split("_")[0]].append(float(next(csv.DictReader(stream, delimiter="\t"))["s"]))
    order = ("ingest", "derive", "analyse", "release", "figures", "tables", "report")
    return {stage: found[stage] for stage in order}


def _in_one_process() -> float:
    """Every stage of every study, called one after the other in this process, imports included."""
    shutil.rmtree("results")
    start = time.perf_counter()
    from ketaoutcomes.cli import main as command
    from ketaoutcomes.cli._project import load

    for name in STUDIES:
        study = load(name)
        steps = [["ingest", name], ["derive", name], *(["analyse", name, analysis] for analysis in study.analyses)]
        for audience in ("release", *(["internal"] if study.privacy else [])):
            steps += [[step, name, "--audience", audience] for step in ("release", "figures", "tables", "report")]
        for step in steps:
            assert command(step) == 0, step
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
