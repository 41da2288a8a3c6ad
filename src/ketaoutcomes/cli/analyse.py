"""Run one analysis of a study (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    parser.add_argument("analysis")
    _project.takes_blinded(parser)


def main(args: argparse.Namespace) -> int:
    """Analysis data to the ARD of one analysis."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.models import analyse

    study = _project.load(args.study)
    ledger = Ledger(study.study, args.blinded)
    folder = _project.restricted(study.study, blinded=args.blinded)
    ledger.require(*_project.analysis_data(folder))
    found = analyse(study, args.analysis, files.read_analysis_data(folder / "analysis_data"))
    path = folder / "ard" / f"{args.analysis}.csv"
    files.write_ard(path, found)
    ledger.record(f"analyse_{args.analysis}", [path])
    return 0
