"""Lock a study's plan: write its canonical file, the code version and the day beside the study file."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="the day of the lock (default: today)")


def main(args: argparse.Namespace) -> int:
    """The study file to a lock, once."""
    from importlib.metadata import version

    from ketaoutcomes import digests, files
    from ketaoutcomes.cli import _plan, _project
    from ketaoutcomes.domain.findings import Finding, Refused
    from ketaoutcomes.domain.plan import PlanLock, digest, plan

    study = _project.load(args.study)
    path = _plan.path(args.study)
    if path.exists():
        text = "the plan is locked already; what changes now belongs under `deviations:` of the study file, with its reason"
        raise Refused([Finding(str(path), 0, "", "E-LOCK", text)])
    then = plan(study)
    lock = PlanLock(
        study=study.study,
        study_sha256=digest(then),
        version=version("ketaoutcomes"),
        code=digests.package(),
        locked_on=_day(args.date),
        analysed_before=any((_project.audience(study.study, name) / "report.html").is_file() for name in ("release", "internal")),
        plan=then,
    )
    files.write_json(path, lock.model_dump(mode="json"))
    print(f"{study.study}: locked on {lock.locked_on} in {path}; keep it under version control")
    return 0


def _day(given: str | None) -> str:
    from datetime import date, datetime

    from ketaoutcomes.domain.findings import KetaoutcomesError

    try:
        return (date.fromisoformat(given) if given else datetime.now().astimezone().date()).isoformat()
    except ValueError:
        raise KetaoutcomesError("--date is written YYYY-MM-DD") from None
