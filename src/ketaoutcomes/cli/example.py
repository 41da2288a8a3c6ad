"""Write a public example study's CSV into data/STUDY/ (needs the extra `examples`)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="+", help="beat_the_blues or smoking_relapse")


def main(args: argparse.Namespace) -> int:
    """Package data to CSV."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.domain.findings import DataMissing
    from ketaoutcomes.examples import EXAMPLES, example

    for name in args.study:
        if name not in EXAMPLES:
            raise DataMissing(f"{name}: not an example study; these are: {', '.join(EXAMPLES)}")
        for file, text in example(name).items():
            files.write_text(_project.ROOT / "data" / name / file, text)
        print(f"{name}: example data are in data/{name}/")
    return 0
