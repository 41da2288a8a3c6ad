"""Propose a study file for files nobody has described yet; every guess is marked for you to confirm."""

from __future__ import annotations

import argparse
import re
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("file", nargs="+", help="CSV files of one study: .csv, .tsv or .txt, each also .gz")
    parser.add_argument("--study", help="name of the study; made from the first file's folder or name when not given")


def main(args: argparse.Namespace) -> int:
    """Files to a proposed study file."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.domain.findings import Finding, Refused
    from ketaoutcomes.ingest.propose import profile, proposal

    paths = [_inside(Path(name)) for name in args.file]
    lost = [Finding(str(path), 0, "", "E-DATA-FILE", "there is no such file") for path in paths if not path.is_file()]
    far = "copy the file into the project's folder (data/STUDY/), or link it there: a study file names its files from there"
    lost += [Finding(str(path), 0, "", "E-DATA-FILE", far) for path in paths if path.is_absolute() or ".." in path.parts]
    if lost:
        raise Refused(lost)
    study = args.study or _name(paths[0])
    path = _project.study_path(study)
    if path.exists():
        raise Refused([Finding(str(path), 0, "", "E-STUDY-FILE", "this study file is there already; name another with --study")])
    text = proposal(path.stem, [(str(file).removesuffix(".gz"), profile(file)) for file in paths])
    files.write_text(path, text)
    n = text.count("confirm")
    print(f"{path}: a proposal with {n} guesses. Look at each line that says confirm, mend it, take the word away; then: ketaoutcomes check {path.stem}")
    return 0


def _inside(path: Path) -> Path:
    """The path from the current folder, where the file lies in it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _name(path: Path) -> str:
    """The folder below data/, else the file's name."""
    folder = path.parent.name if path.parent.name not in {"", "data", ".", ".."} else path.name.split(".")[0]
    name = re.sub(r"[^a-z0-9]+", "_", folder.casefold()).strip("_")[:48]
    return name if name[:1].isalpha() else f"study_{name}"
