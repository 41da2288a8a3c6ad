"""Read a study's files into a validated cohort (a pipeline step)."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    parser.add_argument("--input", metavar="DIGEST", help="refuse files with another digest than the run began with")
    _project.takes_blinded(parser)
    parser.add_argument("--seed", type=int, help="of a blinded run's permutation")


def main(args: argparse.Namespace) -> int:
    """CSV to cohort."""
    from ketaoutcomes import blinding, digests, files
    from ketaoutcomes.cli import _inputs, _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.ingest import ingest
    from ketaoutcomes.schema.cohort import COHORT

    study = _project.load(args.study)
    _project.require_data(study)
    with _inputs.reading(study, args.input, blinded=args.blinded) as root:
        found = ingest(study, root)
        findings = _inputs.as_named(found.findings, root)
        inputs = {table.file: files.sha256(digests.source(table, root)) for table in study.tables.values()}
    tables, seed = found.tables, None
    if args.blinded:
        blinding.require_arms(study)
        seed = blinding.seed_of(study) if args.seed is None else args.seed
        tables = {**tables, "participants": blinding.blinded(study, COHORT["participants"].conform(tables["participants"]), seed)}
    folder = _project.restricted(study.study, blinded=args.blinded) / "cohort"
    files.write_cohort(folder, tables)
    files.write_text(folder / "ids.csv", files.inert_csv(found.ids))
    facts = {
        "cohort": {name: files.sha256(folder / f"{name}.parquet") for name in COHORT},
        "rows": {name: len(table) for name, table in tables.items()},
        "inputs": inputs,
        "notes": found.notes,
        "unread": found.unread,
        "findings": findings.listed(),
        "blinded_seed": seed,
    }
    files.write_json(folder / "ingest.json", facts)
    (folder.parent / "refused.json").unlink(missing_ok=True)
    Ledger(study.study, args.blinded).record("ingest", _project.cohort(folder.parent))
    return 0
