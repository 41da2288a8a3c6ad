"""Draw the tables of a study from its ARD (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    _project.takes_audience(parser)


def main(args: argparse.Namespace) -> int:
    """ARD to tables; only what changed is drawn anew."""
    from ketaoutcomes.cli import _displays

    _displays.make("tables", args.study, args.audience)
    return 0
