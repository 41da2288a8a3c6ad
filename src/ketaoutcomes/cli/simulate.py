"""Write a simulated study's CSV files, as a site would export them, into data/STUDY/."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="+", help="esketamine_trial, esketamine_withdrawal, esketamine_doses or ketamine_clinics")
    parser.add_argument("--seed", type=int, help="another seed than the study's own")


def main(args: argparse.Namespace) -> int:
    """Known truth to CSV."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.domain.findings import DataMissing
    from ketaoutcomes.simulate import SIMULATED

    for name in args.study:
        if name not in SIMULATED:
            raise DataMissing(f"{name}: not a simulated study; these are: {', '.join(SIMULATED)}")
        for file, text in SIMULATED[name](args.seed).items():
            files.write_text(_project.ROOT / "data" / name / file, text)
        print(f"{name}: simulated data are in data/{name}/")
    return 0
