"""Run one analysis of a study (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")
    parser.add_argument("analysis")


def main(args: argparse.Namespace) -> int:
    """Analysis data to the ARD of one analysis."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.models import analyse

    study = _project.load(args.study)
    folder = _project.restricted(study.study)
    found = analyse(study, args.analysis, files.read_analysis_data(folder / "analysis_data"))
    files.write_ard(folder / "ard" / f"{args.analysis}.csv", found)
    return 0
