"""The lock of a study's plan, beside its study file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ketaoutcomes.cli import _project
from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.plan import PlanLock


def path(study: str) -> Path:
    """Where a study's lock is."""
    return _project.study_path(study).with_suffix(".lock")


def read(study: str) -> PlanLock | None:
    """The lock of a study; None when it was never locked.

    Raises
    ------
    Refused
        Not a lock, one of another study, or edited since.
    """
    if not path(study).is_file():
        return None
    try:
        lock = PlanLock.model_validate_json(path(study).read_bytes())
    except ValidationError:
        raise _refused(study) from None
    if not lock.whole or lock.study != study:
        raise _refused(study)
    return lock


def _refused(study: str) -> Refused:
    text = "damaged or edited: its plan is not the one that was locked; restore the file"
    return Refused([Finding(str(path(study)), 0, "", "E-LOCK", text)])


def facts(lock: PlanLock | None, study: str) -> dict[str, Any] | None:
    """What run.json says of the lock."""
    from importlib.metadata import version

    from ketaoutcomes import digests, files

    if lock is None:
        return None
    return {
        "sha256": files.sha256(path(study)),
        "locked_on": lock.locked_on,
        "same_code": lock.code == digests.package(),
        "version_then": lock.version,
        "version_now": version("ketaoutcomes"),
    }
