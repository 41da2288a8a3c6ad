"""Write results/index.html: the released studies with their main result and links to their reports."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""


def main(args: argparse.Namespace) -> int:  # noqa: ARG001 - every command is given its arguments
    """Released ARDs to one page; `ketaoutcomes run` does it at its end."""
    write()
    print("results/index.html")
    return 0


def write() -> None:
    """One row for each study of config/studies that has a release."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.report import entry, index

    results = _project.ROOT / "results"
    names = sorted(path.stem for path in (_project.ROOT / "config" / "studies").glob("*.yaml"))
    released = [name for name in names if all((results / name / "release" / file).is_file() for file in ("ard.csv", "report.html"))]
    entries = [entry(files.read_ard(results / name / "release" / "ard.csv"), f"{name}/release") for name in released]
    files.write_text(results / "index.html", index(entries))
