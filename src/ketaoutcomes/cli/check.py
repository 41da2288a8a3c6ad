"""Check a study: its file, its data and what can be analysed; changes nothing."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="+", help="a study's name, or the path of its file")


def main(args: argparse.Namespace) -> int:
    """Findings, or who would be analysed."""
    from ketaoutcomes.cli import _checking

    studies = _checking.checked(args.study)
    for study, data in studies:
        print(_checking.summary(study, data))
    return 0
