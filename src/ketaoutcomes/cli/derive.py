"""Make analysis data from the cohort (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    _project.takes_blinded(parser)


def main(args: argparse.Namespace) -> int:
    """Cohort to analysis data."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.derive import derive

    study = _project.load(args.study)
    ledger = Ledger(study.study, args.blinded)
    folder = _project.restricted(study.study, blinded=args.blinded)
    ledger.require(*_project.cohort(folder))
    files.write_analysis_data(folder / "analysis_data", derive(study, files.read_cohort(folder / "cohort")))
    ledger.record("derive", _project.analysis_data(folder))
    return 0
