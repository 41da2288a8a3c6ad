"""What each job depends on besides its input files, as hashes: code, lock, data, parts of the study file.

Snakemake re-runs a job when its params change; these are its params. Hashes only: values of params
are stored and printed in clear.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ketaoutcomes.domain.analyses import Analysis, Subgroups
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.plugins import Plugin, displays, plugins

_HERE = Path(__file__).parent
#: Code a stage's command may import; the import contract in pyproject.toml says the same.
_CODE = {
    "ingest": ("cli/ingest.py", "cli/_inputs.py", "blinding.py", "ingest"),
    "derive": ("cli/derive.py", "derive"),
    "analyse": ("cli/analyse.py", "models/__init__.py", "models/_*.py", "mixed"),
    "release": ("cli/release.py", "cli/_plan.py", "release.py", "disclosure", "confirmatory.py"),
    "figures": ("cli/figures.py", "cli/_displays.py", "figures/__init__.py", "figures/_*.py"),
    "tables": ("cli/tables.py", "cli/_displays.py", "cli/_table_formats.py", "word_file.py", "tables/__init__.py", "tables/_*.py"),
    "report": ("cli/report.py", "word_file.py", "report"),
}
_EVERY = ("files.py", "schema", "domain")
#: Parts of the study file that a stage reads.
_PARTS = {
    "ingest": ("study", "tables", "instruments", "design", "periods", "visits", "privacy", "said_endpoints", "rules"),
    "derive": ("said_endpoints", "rules", "populations", "intercurrent", "time_unit"),
}


def code(stage: str, lock: Path, study: Study, analysis: str = "") -> str:
    """Digest of a job's code: the stage's, the model or displays that this job of the study runs, and the lock."""
    chosen: list[Plugin] = []
    if stage == "analyse":
        chosen = [plugins("models")[entry.model] for entry in _entries(study, analysis)]
    elif stage in {"figures", "tables"}:
        chosen = displays(stage, {entry.model for entry in study.analyses.values()})
    return _hash([lock, *_shared(stage), *(plugin.path for plugin in chosen)])


def package() -> str:
    """Digest of everything this package is made of."""
    return _hash(sorted(_files(_HERE)))


def locked(path: Path) -> str:
    """Digest of a study's lock and of the code it is compared with; empty where the plan was not locked."""
    return f"{_hash([path])} {package()}" if path.is_file() else ""


def plugin(stage: str, of: Plugin) -> str:
    """Digest of one display: its file and what it shares with the others of its stage."""
    return _hash([*_shared(stage), of.path])


def _shared(stage: str) -> list[Path]:
    return sorted({file for pattern in (*_CODE[stage], *_EVERY) for path in _HERE.glob(pattern) for file in _files(path)})


def data(study: Study, root: Path) -> str:
    """Digest of a study's input files, whatever their dates; a missing file counts as such."""
    return _hash(source(table, root) for table in study.tables.values())


def source(table: Table, root: Path) -> Path:
    """The file of a table: as the study file names it, or compressed (`.gz`) where only that is there."""
    path = root / table.file
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.is_file() and not path.is_file() else path


def part(study: Study, stage: str, analysis: str = "") -> str:
    """Digest of what a stage reads of the study file."""
    if analysis:
        text = "".join(entry.model_dump_json() for entry in _entries(study, analysis)) + study.design.model_dump_json()
    else:
        text = study.model_dump_json(include=set(_PARTS[stage]) if stage in _PARTS else None)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _entries(study: Study, analysis: str) -> list[Analysis]:
    """An analysis, and the one that it repeats."""
    entry = study.analyses[analysis]
    return [entry, study.analyses[entry.of]] if isinstance(entry, Subgroups) else [entry]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts]


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"absent")
    return digest.hexdigest()[:16]
