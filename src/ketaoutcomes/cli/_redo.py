"""What a run would do now, without doing it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from ketaoutcomes import digests
from ketaoutcomes.cli import _project, _workflow
from ketaoutcomes.cli._ledger import Ledger
from ketaoutcomes.domain.study import Study


def jobs(study: Study) -> str:
    """The steps that a run of a study would do, with their numbers of jobs, in words."""
    if not (_project.ROOT / "Snakefile").is_file():
        return "unknown: there is no Snakefile here"
    order = _workflow.Order(
        studies=[study.study], inputs={study.study: digests.data(study, _project.ROOT)}, cores=1, blinded=False, seed=None,
        remade=[*Ledger(study.study, blinded=False).damaged(study)],
    )  # fmt: skip
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
    done = subprocess.run([*_workflow.command(order), "--dry-run"], capture_output=True, text=True, errors="replace", env=environment, check=False)  # noqa: S603
    if done.returncode:
        return "unknown: another run is at work, or was killed"
    return ", ".join(_counted(done.stdout)) or "nothing"


def _counted(said: str) -> list[str]:
    """Steps of snakemake's first table of jobs."""
    table = said.partition("total")[0]
    found = re.findall(r"^(ingest|derive|analyse|release|figures|tables|report)\s+(\d+)$", table, flags=re.MULTILINE)
    order = ("ingest", "derive", "analyse", "release", "figures", "tables", "report")
    return [f"{step} {n}" for step, n in sorted(found, key=lambda pair: order.index(pair[0]))]
