"""Write the report of a study from its displays (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")
    parser.add_argument("--audience", choices=("release", "internal"), required=True)


def main(args: argparse.Namespace) -> int:
    """Displays and ARD to one page."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.report import Made, page

    folder = _project.audience(args.study, args.audience)
    made: dict[str, list[Made]] = {}
    for stage in ("figures", "tables"):
        index = files.read_json(folder / stage / "index.json")
        made[stage] = [Made(name, entry, {f: (folder / stage / f).read_bytes() for f in entry["files"]}) for name, entry in index.items()]
    text = page(
        files.read_ard(folder / "ard.csv"),
        figures=made["figures"],
        tables=made["tables"],
        disclosure=files.read_json(folder / "disclosure.json"),
        run=files.read_json(folder / "run.json"),
        internal=args.audience == "internal",
    )
    files.write_text(folder / "report.html", text)
    return 0
