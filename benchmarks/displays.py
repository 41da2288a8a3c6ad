"""CPU time of all displays of a study: the pipeline's two jobs against drawing them in one process (`python benchmarks/displays.py [study]`).

The study must have been run. The jobs are run as the pipeline runs them, from an index that knows nothing, in a copy of its release.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

STUDY = sys.argv[1] if len(sys.argv) > 1 else "esketamine_trial"


def jobs() -> float:
    """Seconds of CPU of `ketaoutcomes figures` and `ketaoutcomes tables`, each its own process."""
    with TemporaryDirectory() as root:
        for name in ("config", "requirements", "Snakefile"):
            source = Path(name)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(root, name))
        target = Path(root, "results", STUDY)
        shutil.copytree(Path("results", STUDY), target, ignore=shutil.ignore_patterns("figures", "tables"))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for stage in ("figures", "tables"):
            subprocess.run([Path(sys.executable).with_name("ketaoutcomes"), stage, STUDY, "--audience", "release"], cwd=root, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_process() -> float:
    """Seconds of CPU of drawing every display once, imports included."""
    code = f"""
from pathlib import Path
from ketaoutcomes import figures, files, tables
from ketaoutcomes.plugins import displays
from ketaoutcomes.schema.labels import Labels
ard = files.read_ard(Path("results/{STUDY}/release/ard.csv"))
models = set(Labels.of(ard).of_kind("model").values())
for stage, module in (("figures", figures), ("tables", tables)):
    for plugin in displays(stage, models):
        module.make(plugin.name, ard, **({{"formats": ("csv", "docx", "tex")}} if stage == "tables" else {{}}))
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "SOURCE_DATE_EPOCH": "0"}
    started = time.strftime("%Y-%m-%d")
    for _ in range(3):
        ours, alone = jobs(), one_process()
        print(f"{started} {STUDY}: jobs {ours:.1f} s, one process {alone:.1f} s, ratio {ours / alone:.2f}")
