"""Bind the ARDs of a study, compare published numbers, apply disclosure control (a pipeline step)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ketaoutcomes.domain.study import Study


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    from ketaoutcomes.cli import _project

    parser.add_argument("study")
    _project.takes_audience(parser)


def main(args: argparse.Namespace) -> int:
    """The ARDs of a study to one for the audience."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _plan, _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.release import release

    study, blinded = _project.load(args.study), args.audience == "blinded"
    restricted = _project.restricted(study.study, blinded=blinded)
    ledger, facts = Ledger(study.study, blinded), restricted / "cohort" / "ingest.json"
    paths = [restricted / "ard" / f"{name}.csv" for name in study.analyses]
    ledger.require(facts, *paths)
    ingested, lock = files.read_json(facts), _plan.read(study.study)
    frames, seed = [files.read_ard(path) for path in paths], ingested["blinded_seed"]
    found = release(study, frames, left_out=ingested["notes"], unread=ingested["unread"], lock=lock, blinded_seed=seed)
    folder = _project.audience(study.study, args.audience)
    frame = found.release if args.audience == "release" or found.internal is None else found.internal
    sheet = found.disclosure if args.audience == "release" else {"profile": _EXACT[args.audience]}
    run = {**_run(study, ingested, found.verdicts), "plan_lock": _plan.facts(lock, study.study)}
    files.write_ard(folder / "ard.csv", frame)
    files.write_json(folder / "disclosure.json", sheet)
    files.write_json(folder / "run.json", run)
    ledger.record(f"release_{args.audience}", [folder / name for name in ("ard.csv", "disclosure.json", "run.json")])
    return 0


_EXACT = {"internal": "none: exact, for the study team", "blinded": "none: exact, with permuted arms, for the study team"}


def _run(study: Study, ingested: dict[str, Any], verdicts: dict[str, Any]) -> dict[str, Any]:
    """What was run on what: checksums of cohort, study (canonical, comments apart) and lock; versions; verdicts. No times, no paths."""
    from importlib.metadata import version

    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.domain.plan import digest, plan

    packages = ("ketaoutcomes", "numpy", "scipy", "pandas", "statsmodels", "greenwood", "plotnine")
    seed = ingested["blinded_seed"]
    return {
        "study": study.study,
        "cohort_sha256": ingested["cohort"],
        "study_sha256": digest(plan(study)),
        "lock_sha256": files.sha256(_project.LOCK) if _project.LOCK.is_file() else None,
        "versions": {name: version(name) for name in packages},
        "verdicts": verdicts,
        "blinded": None if seed is None else {"seed": seed, "within": study.design.strata},
    }
