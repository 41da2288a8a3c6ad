"""Draw the tables of a study from its ARD (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    _project.takes_audience(parser)
    words = "files of a table besides HTML, with commas: csv, docx, tex, rtf (default: csv,docx,tex)"
    parser.add_argument("--formats", type=lambda said: [name for name in said.split(",") if name], help=words)


def main(args: argparse.Namespace) -> int:
    """ARD to tables; only what changed is drawn anew."""
    from ketaoutcomes.cli import _displays, _table_formats

    _displays.make("tables", args.study, args.audience, formats=_table_formats.require(args.formats))
    return 0
