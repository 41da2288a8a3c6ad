"""Drive snakemake: what it is told, what of it is shown, what is said when a job fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ketaoutcomes.cli import _disk, _project, _run_lock
from ketaoutcomes.domain.findings import KetaoutcomesError
from ketaoutcomes.files import UNFINISHED

#: Folders from which snakemake takes options, some of which it evaluates as Python.
_PROFILES = ("profiles", "workflow/profiles/default")
#: A file of a job's writing needs less.
_FULL = 1_000_000


class SnakemakeBusy(KetaoutcomesError):
    """Snakemake's own lock is there, and none of our runs left it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a run asks of snakemake.

    Attributes
    ----------
    studies
        Their names.
    inputs
        Study to digest of its files as they were when the run began.
    cores
        Jobs at a time.
    blinded
        Work on the blinded dry run.
    seed
        Of its permutation; the study's own when None.
    remade
        Files that are not as they were written: their jobs run again.
    """

    studies: list[str]
    inputs: dict[str, str]
    cores: int
    blinded: bool
    seed: int | None
    remade: list[Path]

    @property
    def config(self) -> list[str]:
        """Settings for the Snakefile: JSON, and `True` as snakemake writes it."""
        said = [f"studies={json.dumps(self.studies)}", f"inputs={json.dumps(self.inputs)}"]
        said += ["blinded=True"] if self.blinded else []
        return said + ([] if self.seed is None else [f"seed={self.seed}"])


def refuse_profiles(root: Path) -> None:
    """Refuse a folder, or an environment, that brings snakemake options of its own.

    Raises
    ------
    KetaoutcomesError
        Naming them. A profile is code: snakemake evaluates parts of it.
    """
    found = [name for name in _PROFILES if (root / name).exists()]
    found += ["SNAKEMAKE_PROFILE (in the environment)"] if os.environ.get("SNAKEMAKE_PROFILE") else []
    if found:
        raise KetaoutcomesError(f"{' and '.join(found)}: a profile of snakemake is code, and a run uses none; take it away, or call snakemake yourself")


def sweep(studies: Iterable[str]) -> None:
    """Remove what killed jobs had not finished writing."""
    for study in studies:
        for path in _project.results(study).rglob(f"{UNFINISHED}*"):
            path.unlink(missing_ok=True)


def unlock(*, after_a_kill: bool) -> None:
    """Remove snakemake's lock if a killed run of ours left it.

    Raises
    ------
    SnakemakeBusy
        Somebody else's snakemake is, or was, at work here.
    """
    locks = _project.ROOT / ".snakemake" / "locks"
    if not locks.is_dir() or not any(locks.iterdir()):
        return
    if not after_a_kill:
        raise SnakemakeBusy("snakemake, called directly, is at work here or was killed; wait for it, or say `snakemake --unlock` if there is none")
    shutil.rmtree(locks)


def drive(order: Order, lock: _run_lock.Held) -> tuple[int, list[str]]:
    """Run snakemake, showing its progress.

    Returns
    -------
    tuple
        Its exit code, and everything it said.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, _run_lock.JOB: lock.token}
    heard: list[str] = []
    with subprocess.Popen(  # noqa: S603
        list(command(order)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
        pass_fds=[lock.handle], preexec_fn=_run_lock.dies_with(os.getpid()),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            heard.append(line)
            _progress(line)
    return process.returncode, heard


def command(order: Order) -> Iterator[str]:
    """The command line for snakemake. A working directory's profiles are code and are not read, even if they appear after we looked."""
    yield from (sys.executable, "-m", "snakemake", "--cores", str(order.cores), "--profile", "none", "--workflow-profile", "none")
    yield from ("--rerun-incomplete", "--keep-going", "--nocolor", "--config", *order.config)
    if order.remade:
        yield from ("--forcerun", *(str(path) for path in order.remade))


def _progress(line: str) -> None:
    found = re.match(r"(\d+) of (\d+) steps", line.strip())
    if found is None:
        return
    done, total = int(found[1]), int(found[2])
    if sys.stdout.isatty():
        print(f"\r  {done} of {total} jobs", end="\n" if done == total else "", flush=True)
    elif 10 * done // total > 10 * (done - 1) // total:
        print(f"  {done} of {total} jobs", flush=True)


def failed(order: Order, heard: list[str], started: float) -> int:
    """Say which job failed and why, from its log; 2 when its input or the disk was at fault, else 1."""
    found = [entry for name in order.studies for entry in _failures(_project.restricted(name, blinded=order.blinded) / "logs", name, started)]
    for _, words in found:
        print(words, file=sys.stderr)
    if found:
        return 2 if {code for code, _ in found} == {2} else 1
    words = _disk.heard(heard)
    if words is None and shutil.disk_usage(_project.ROOT / "results").free < _FULL:
        words = _disk.full()
    print(words or "".join(heard[-15:]), file=sys.stderr)
    return 2 if words else 1


def _failures(logs: Path, study: str, started: float) -> Iterator[tuple[int, str]]:
    for log in sorted(logs.glob("*.log")):
        text = log.read_text(encoding="utf-8") if log.stat().st_mtime >= started - 1 else ""
        found = re.search(r"ketaoutcomes exit (\d+)", text)
        if found and found[1] != "0":
            yield int(found[1]), f"{study}, {log.stem}:\n{text.replace(found[0], '').rstrip()}"
