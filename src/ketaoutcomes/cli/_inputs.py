"""A study's files as they were when a run began: copied once by their content, and only the copy is read."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ketaoutcomes import digests, files
from ketaoutcomes.cli import _project
from ketaoutcomes.domain.findings import Finding, Findings, KetaoutcomesError, Refused
from ketaoutcomes.domain.study import Study

_TRIES = 3
#: Room that a run may need, in sizes of its input.
_ROOM = 5


class InputChanged(KetaoutcomesError):
    """A study's files change while they are read."""


def snapshot(study: Study, root: Path) -> Path:
    """Copy a study's files to `restricted/input/<digest>/`, private, under the names they have from `root`; older copies go.

    Parameters
    ----------
    study
        The study.
    root
        Folder that the files' paths start from.

    Returns
    -------
    Path
        The folder that the same paths start from in the copy.

    Raises
    ------
    InputChanged
        They differed each time they were copied.
    """
    for _ in range(_TRIES):
        digest = digests.data(study, root)
        folder = kept(study.study, digest)
        if digests.data(study, folder) != digest:
            _copy(study, root, folder)
        if digests.data(study, folder) == digest == digests.data(study, root):
            _remove_others(folder)
            return folder
    raise InputChanged(f"{study.study}: its files change while they are read; run again when they are complete")


def kept(study: str, digest: str) -> Path:
    """Where the copy with a digest lies."""
    return _project.restricted(study) / "input" / digest


@contextmanager
def reading(study: Study, digest: str | None, *, blinded: bool) -> Generator[Path]:
    """The folder to read a study's files from; findings name them as the study file does.

    That is the copy with this digest, made now where there is none. A blinded run keeps no copy, because
    it would hold the arms: it reads the files themselves, and refuses if they were others before or after.

    Raises
    ------
    InputChanged
        The files are no longer those with this digest.
    """
    digest = digest or digests.data(study, _project.ROOT)
    there = not blinded and digests.data(study, kept(study.study, digest)) == digest
    if not there:
        _require(study, digest)
    root = kept(study.study, digest) if there else _project.ROOT if blinded else snapshot(study, _project.ROOT)
    try:
        yield root
    except Refused as refused:
        raise Refused(as_named(refused.found, root)) from None
    if blinded:
        _require(study, digest)


def as_named(findings: Findings, root: Path) -> Findings:
    """Findings with files as the study file names them, not as the copy lies."""
    return findings.mapped(lambda finding: replace(finding, file=finding.file.removeprefix(f"{root}/")))


def _require(study: Study, digest: str) -> None:
    if digests.data(study, _project.ROOT) != digest:
        raise InputChanged(f"{study.study}: its files changed after this run began; run again")


def require_room(studies: list[Study]) -> None:
    """Refuse to start on a disk without room for what a run may write.

    Raises
    ------
    KetaoutcomesError
        With the room there is and the room it may take.
    """
    size = sum(path.stat().st_size for study in studies for path in {digests.source(table, _project.ROOT) for table in study.tables.values()})
    free = shutil.disk_usage(_project.ROOT / "results").free
    if free < _ROOM * size:
        raise KetaoutcomesError(f"results/ may need {_ROOM * size / 1e6:.1f} MB, {_ROOM} times the input, and its disk has {free / 1e6:.1f} MB left")


def _copy(study: Study, root: Path, folder: Path) -> None:
    for table in study.tables.values():
        path = digests.source(table, root)
        with files.replacing(folder / _inside(Path(table.file), study).with_name(path.name)) as temporary:
            shutil.copyfile(path, temporary)


def _inside(path: Path, study: Study) -> Path:
    """A path that stays in the folder it starts from: others have no place in a copy."""
    if path.is_absolute() or ".." in path.parts:
        text = "a table's file must lie in the project's folder; a link there will do"
        raise Refused([Finding(str(_project.study_path(study.study)), 0, "tables", "E-STUDY-REF", text)])
    return path


def _remove_others(folder: Path) -> None:
    for path in folder.parent.iterdir():
        if path.name != folder.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
