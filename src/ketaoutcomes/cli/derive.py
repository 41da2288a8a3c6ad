"""Make analysis data from the cohort (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")


def main(args: argparse.Namespace) -> int:
    """Cohort to analysis data."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.derive import derive

    study = _project.load(args.study)
    folder = _project.restricted(study.study)
    files.write_analysis_data(folder / "analysis_data", derive(study, files.read_cohort(folder / "cohort")))
    return 0
