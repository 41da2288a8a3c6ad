"""Check studies, then bring their results up to date and print the headline of each."""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="*", help="studies to run; the list in config/config.yaml when none is named")
    parser.add_argument("-c", "--cores", type=int, default=os.cpu_count() or 1, help="jobs at a time (default: all cores)")


def main(args: argparse.Namespace) -> int:
    """Check, drive snakemake, print one line per study."""
    from ketaoutcomes.cli import _checking, _project
    from ketaoutcomes.domain.findings import DataMissing, KetaoutcomesError

    if not (_project.ROOT / "Snakefile").is_file():
        raise DataMissing("there is no Snakefile here: run this in the project's folder")
    names = [Path(name).stem if name.endswith(".yaml") else name for name in args.study] or _default_studies(_project.ROOT)
    try:
        notes = [line for study, data in _checking.checked(names) for line in _checking.summary(study, data).splitlines() if "note:" in line]
    except KetaoutcomesError:
        _name_older(names)
        raise
    started = time.time()
    print("\n".join(notes), end="\n" if notes else "")
    print(f"checked {len(names)} {'studies' if len(names) > 1 else 'study'}: {', '.join(names)}", flush=True)
    failed = _snakemake(names, args.cores)
    _record(names, args.cores, started)
    if failed:
        return _failed(names, started)
    return max(_headline(name) for name in names)


def _default_studies(root: Path) -> list[str]:
    import yaml

    config: dict[str, Any] = yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))
    return [str(name) for name in config["studies"]]


def _name_older(names: list[str]) -> None:
    from ketaoutcomes.cli import _project

    for name in names:
        if (_project.audience(name, "release") / "report.html").is_file():
            print(f"note: results/{name}/release/ is unchanged and belongs to an earlier input", file=sys.stderr)


def _damaged(names: list[str]) -> list[str]:
    """Indexes of displays of which a file is missing or was altered: they are made again."""
    from ketaoutcomes.cli import _displays, _project

    indexes = [index for name in names for index in sorted((_project.ROOT / "results" / name).glob("*/*/index.json"))]
    return [str(index) for index in indexes if not all(_displays.intact(index.parent, entry) for entry in _displays.last(index).values())]


def _snakemake(names: list[str], cores: int) -> int:
    """Drive snakemake, showing its progress; a working directory's profiles are code and are not read."""
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--profile", "none", "--workflow-profile", "none",
               "--rerun-incomplete", "--keep-going", "--nocolor", "--config", f"studies=[{','.join(names)}]"]  # fmt: skip
    damaged = _damaged(names)
    command += ["--forcerun", *damaged] if damaged else []
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "KETAOUTCOMES_JOB": "1"}
    heard: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            heard.append(line)
            _progress(line)
    if process.returncode and not any("Error in rule" in line for line in heard):
        print("".join(heard[-15:]), file=sys.stderr)
    return process.returncode


def _record(names: list[str], cores: int, started: float) -> None:
    """Where and when: on the restricted side only, so that a release depends on neither."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project

    facts = {"started": started, "seconds": time.time() - started, "cores": cores, "host": platform.node(), "folder": str(Path.cwd()), "python": sys.version}
    for name in names:
        files.write_json(_project.restricted(name) / "run.json", facts)


def _progress(line: str) -> None:
    found = re.match(r"(\d+) of (\d+) steps", line.strip())
    if found is None:
        return
    done, total = int(found[1]), int(found[2])
    if sys.stdout.isatty():
        print(f"\r  {done} of {total} jobs", end="\n" if done == total else "", flush=True)
    elif 10 * done // total > 10 * (done - 1) // total:
        print(f"  {done} of {total} jobs", flush=True)


def _failed(names: list[str], started: float) -> int:
    """Say which job failed and why, from its log; 2 when its input was refused, else 1."""
    from ketaoutcomes.cli import _project

    codes: list[int] = []
    for name in names:
        for log in sorted((_project.restricted(name) / "logs").glob("*.log")):
            text = log.read_text(encoding="utf-8") if log.stat().st_mtime >= started - 1 else ""
            found = re.search(r"ketaoutcomes exit (\d+)", text)
            if found and found[1] != "0":
                print(f"{name}, {log.stem}:\n{text.replace(found[0], '').rstrip()}", file=sys.stderr)
                codes.append(int(found[1]))
    return 2 if codes and set(codes) == {2} else 1


def _headline(name: str) -> int:
    """Print a study's headline; 3 when its primary analysis is not estimable."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.report import headline

    folder = _project.audience(name, "release")
    found = headline(files.read_ard(folder / "ard.csv"))
    print(f"{name}: {found.sentence} [{found.status}] {folder / 'report.html'}")
    return 0 if found.status in {"ok", "flagged", "withheld"} else 3
