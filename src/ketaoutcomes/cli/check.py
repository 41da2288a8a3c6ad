"""Check a study: its file, its data and what can be analysed; changes nothing."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="+", help="a study's name, or the path of its file")


def main(args: argparse.Namespace) -> int:
    """Findings, or who would be analysed, how, and what a run would do."""
    from ketaoutcomes.cli import _checking, _redo

    for found in _checking.checked(args.study):
        print(_checking.summary(found))
        print(f"  run would redo: {_redo.jobs(found.study)}", flush=True)
    return 0
