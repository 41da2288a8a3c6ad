"""Where a project keeps its studies, data and results, seen from the current folder."""

from __future__ import annotations

from pathlib import Path

from ketaoutcomes.domain.findings import DataMissing, Finding, Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study

ROOT = Path()
LOCK = ROOT / "requirements" / "run.txt"


def study_path(name: str) -> Path:
    """The study file called `name`; a path to one is taken as it is."""
    path = Path(name)
    return path if path.suffix in {".yaml", ".yml"} else ROOT / "config" / "studies" / f"{name}.yaml"


def load(name: str) -> Study:
    """Read a study file by name or path."""
    path = study_path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in (ROOT / "config" / "studies").glob("*.yaml")))
        raise Refused([Finding(str(path), 0, "", "E-STUDY-FILE", f"there is no such study; known: {known or 'none in this folder'}")])
    return read_study(path)


def require_data(study: Study) -> None:
    """Refuse, with the way to get them, when files of a study are missing.

    Raises
    ------
    DataMissing
        Naming the files and the study's `obtain`.
    """
    missing = [table.file for table in study.tables.values() if not any((ROOT / f"{table.file}{suffix}").is_file() for suffix in ("", ".gz"))]
    if missing:
        raise DataMissing(f"{study.study}: no {', '.join(sorted(set(missing)))}\n    to get the data: {study.obtain}")


def restricted(study: str) -> Path:
    """Participant-level results of a study."""
    return ROOT / "results" / study / "restricted"


def audience(study: str, name: str) -> Path:
    """Results of a study for an audience, ``release`` or ``internal``."""
    return ROOT / "results" / study / name
