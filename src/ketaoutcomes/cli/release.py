"""Bind the ARDs of a study, compare published numbers, apply disclosure control (a pipeline step)."""

from __future__ import annotations

import argparse
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ketaoutcomes.domain.study import Study


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")
    parser.add_argument("--audience", choices=("release", "internal"), required=True)


def main(args: argparse.Namespace) -> int:
    """The ARDs of a study to one for the audience."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.release import release

    study = _project.load(args.study)
    restricted = _project.restricted(study.study)
    ingested = files.read_json(restricted / "cohort" / "ingest.json")
    found = release(study, [files.read_ard(restricted / "ard" / f"{name}.csv") for name in study.analyses], ingested["notes"])
    folder = _project.audience(study.study, args.audience)
    frame = found.release if args.audience == "release" else found.internal
    assert frame is not None  # the Snakefile asks for internal results of confidential studies only
    files.write_ard(folder / "ard.csv", frame)
    files.write_json(folder / "disclosure.json", found.disclosure if args.audience == "release" else {"profile": "none: exact, for the study team"})
    files.write_json(folder / "run.json", _run(study, ingested, found.verdicts))
    return 0


def _run(study: Study, ingested: dict[str, Any], verdicts: dict[str, Any]) -> dict[str, Any]:
    """What was run on what: checksums of cohort, study (as read, comments apart) and lock; versions; verdicts. No times, no paths."""
    from importlib.metadata import version

    from ketaoutcomes import files
    from ketaoutcomes.cli import _project

    packages = ("ketaoutcomes", "numpy", "scipy", "pandas", "statsmodels", "greenwood", "plotnine")
    return {
        "study": study.study,
        "cohort_sha256": ingested["cohort"],
        "study_sha256": hashlib.sha256(study.model_dump_json().encode()).hexdigest(),
        "lock_sha256": files.sha256(_project.LOCK) if _project.LOCK.is_file() else None,
        "versions": {name: version(name) for name in packages},
        "verdicts": verdicts,
    }
