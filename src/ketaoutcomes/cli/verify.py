"""Compare a study's release with the checksums recorded when it was made."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="+")


def main(args: argparse.Namespace) -> int:
    """Say of each study what is altered, missing or unexpected; 2 when anything is."""
    found = {study: _problems(study) for study in args.study}
    for study, problems in found.items():
        print("\n".join([f"{study}: release/ is {'not ' if problems else ''}as it was written", *(f"  {problem}" for problem in problems)]))
    return 2 if any(found.values()) else 0


def _problems(study: str) -> list[str]:
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.domain.findings import DataMissing

    folder = _project.audience(study, "release")
    if not folder.is_dir():
        raise DataMissing(f"{study}: there is no {folder}; `ketaoutcomes run {study}` makes it")
    there = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if not path.is_dir()}
    manifest = there.pop("manifest.json", None)
    if manifest is None:
        return ["manifest.json: missing"]
    own = Ledger(study).known().get("release/manifest.json")
    problems = [] if own in {None, files.sha256(manifest)} else ["manifest.json: altered"]
    try:
        return problems + _differences(files.read_json(manifest), there)
    except (files.DamagedFile, AttributeError):
        return ["manifest.json: altered"]


def _differences(known: dict[str, Any], there: dict[str, Path]) -> list[str]:
    from ketaoutcomes import files
    from ketaoutcomes.domain.findings import printable

    words = dict.fromkeys(known.keys() - there, "missing") | dict.fromkeys(there.keys() - known, "unexpected")
    words |= {name: "altered" for name in known.keys() & there if files.sha256(there[name]) != known[name]}
    return [printable(f"{name}: {word}") for name, word in sorted(words.items())]
