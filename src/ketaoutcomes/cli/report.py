"""Write the report of a study from its displays, as page and as Word document, its checklist and its sentences; and the checksums of all (a pipeline step)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ketaoutcomes.report import Made

_WRITTEN = ("report.html", "report.docx", "checklist.html", "sentences.json")
_READ = ("ard.csv", "disclosure.json", "run.json", "figures/index.json", "tables/index.json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    _project.takes_audience(parser)


def main(args: argparse.Namespace) -> int:
    """Displays and ARD to one page."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.report import checklist, page, sentences, word

    folder = _project.audience(args.study, args.audience)
    ledger = Ledger(args.study, args.audience == "blinded")
    ledger.require(*(folder / name for name in _READ))
    made = {stage: _made(folder / stage) for stage in ("figures", "tables")}
    ard, internal = files.read_ard(folder / "ard.csv"), args.audience == "internal"
    facts = {name: files.read_json(folder / f"{name}.json") for name in ("disclosure", "run")}
    files.write_text(folder / "report.html", page(ard, **made, disclosure=facts["disclosure"], run=facts["run"], internal=internal))
    files.write_text(folder / "checklist.html", checklist(ard))
    files.write_json(folder / "sentences.json", sentences(ard))
    with files.replacing(folder / "report.docx") as temporary:
        temporary.write_bytes(word(ard, **made, internal=internal))
    shown = [f"{stage}/{name}" for stage, displays in made.items() for display in displays for name in display.files]
    files.write_json(folder / "manifest.json", {name: files.sha256(folder / name) for name in (*_READ, *_WRITTEN, *shown)})
    ledger.record(f"report_{args.audience}", [folder / name for name in (*_WRITTEN, "manifest.json")])
    return 0


def _made(folder: Path) -> list[Made]:
    """The displays of a stage, each file as its index says.

    Raises
    ------
    DamagedFile
        A file is missing or altered.
    """
    from ketaoutcomes import files
    from ketaoutcomes.cli._ledger import intact
    from ketaoutcomes.report import Made

    index = files.read_json(folder / "index.json")
    if not all(intact(folder, entry) for entry in index.values()):
        raise files.DamagedFile(f"{folder}: a display is not as it was drawn; `ketaoutcomes run` draws it anew")
    return [Made(name, entry, {file: (folder / file).read_bytes() for file in entry["files"]}) for name, entry in index.items()]
