"""Read a study's files into a validated cohort (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")


def main(args: argparse.Namespace) -> int:
    """CSV to cohort."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.ingest import ingest
    from ketaoutcomes.schema.cohort import COHORT

    study = _project.load(args.study)
    _project.require_data(study)
    found = ingest(study, _project.ROOT)
    folder = _project.restricted(study.study) / "cohort"
    files.write_cohort(folder, found.tables)
    facts = {
        "cohort": {name: files.sha256(folder / f"{name}.parquet") for name in COHORT},
        "rows": {name: len(table) for name, table in found.tables.items()},
        "inputs": {table.file: files.sha256(_project.ROOT / table.file) for table in study.tables.values()},
        "notes": found.notes,
    }
    files.write_json(folder / "ingest.json", facts)
    return 0
