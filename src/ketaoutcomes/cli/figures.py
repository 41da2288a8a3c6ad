"""Draw the figures of a study from its ARD (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")
    parser.add_argument("--audience", choices=("release", "internal"), required=True)


def main(args: argparse.Namespace) -> int:
    """ARD to figures; only what changed is drawn anew."""
    from ketaoutcomes.cli import _displays

    _displays.make("figures", args.study, args.audience)
    return 0
