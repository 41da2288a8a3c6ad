"""Where a project keeps its studies, data and results, seen from the current folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from ketaoutcomes.domain.findings import DataMissing, Finding, Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study

ROOT = Path()
LOCK = ROOT / "requirements" / "run.txt"
AUDIENCES = ("release", "internal", "blinded")


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


def results(study: str) -> Path:
    """Everything that runs leave of a study."""
    return ROOT / "results" / study


def restricted(study: str, *, blinded: bool = False) -> Path:
    """Participant-level results of a study; those of its blinded dry run lie apart."""
    return results(study) / ("blinded/restricted" if blinded else "restricted")


def audience(study: str, name: str) -> Path:
    """Results of a study for an audience, ``release``, ``internal`` or ``blinded``."""
    return results(study) / name


def audiences(study: Study, *, blinded: bool) -> list[str]:
    """Who gets a report of a study: one exact audience of a blinded dry run, else the public and, of a confidential study, its team."""
    return ["blinded"] if blinded else ["release", "internal"] if study.profile else ["release"]


def outputs(study: Study, *, blinded: bool) -> Iterator[Path]:
    """Every file that a job of the study declares, in the order they are made."""
    inside = restricted(study.study, blinded=blinded)
    yield from [*cohort(inside), *analysis_data(inside)]
    yield from (inside / "ard" / f"{name}.csv" for name in study.analyses)
    for folder in (audience(study.study, name) for name in audiences(study, blinded=blinded)):
        yield from (folder / name for name in ("ard.csv", "disclosure.json", "run.json", "figures/index.json", "tables/index.json"))
        yield from (folder / name for name in ("report.html", "manifest.json"))


def cohort(inside: Path) -> list[Path]:
    """What `ingest` writes into a restricted folder."""
    from ketaoutcomes.schema.cohort import COHORT

    return [inside / "cohort" / name for name in (*(f"{table}.parquet" for table in COHORT), "ingest.json", "ids.csv")]


def analysis_data(inside: Path) -> list[Path]:
    """What `derive` writes into a restricted folder."""
    from ketaoutcomes.schema.analysis_data import ANALYSIS_DATA

    return [inside / "analysis_data" / f"{table}.parquet" for table in ANALYSIS_DATA]


def takes_blinded(parser: argparse.ArgumentParser) -> None:
    """The option of the steps that know of the blinded dry run."""
    parser.add_argument("--blinded", action="store_true", help="work on the blinded dry run, in results/STUDY/blinded/")


def takes_audience(parser: argparse.ArgumentParser) -> None:
    """The option of the steps that work for one audience."""
    parser.add_argument("--audience", choices=AUDIENCES, required=True)
