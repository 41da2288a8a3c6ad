"""Which bytes each job left: recorded when it ends, compared before anybody uses them.

Every job writes `restricted/sums/<job>.json`, the sha256 of each of its files. A truncated, emptied,
bit-flipped or hand-edited file differs from it, and so does one that a killed job had not recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketaoutcomes import files
from ketaoutcomes.cli import _project
from ketaoutcomes.domain.study import Study


@dataclass(frozen=True, slots=True)
class Ledger:
    """The records of one study's jobs.

    Parameters
    ----------
    study
        Its name.
    blinded
        Those of its blinded dry run.
    """

    study: str
    blinded: bool = False

    @property
    def folder(self) -> Path:
        """Where the records are."""
        return _project.restricted(self.study, blinded=self.blinded) / "sums"

    def record(self, job: str, paths: Iterable[Path]) -> None:
        """Note what a job wrote."""
        files.write_json(self.folder / f"{job}.json", {str(self._within(path)): files.sha256(path) for path in paths})

    def known(self) -> dict[str, str]:
        """Recorded file, from the study's results, to sha256. A record that cannot be read records nothing."""
        found: dict[str, str] = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                found |= {str(name): str(known) for name, known in files.read_json(path).items()}
            except (files.DamagedFile, AttributeError):
                continue
        return found

    def require(self, *paths: Path) -> None:
        """Refuse files that are not as their job left them.

        Raises
        ------
        DamagedFile
            Naming the first.
        """
        known = self.known()
        for path in paths:
            if not self._same(path, known):
                raise files.DamagedFile(f"{path}: not as it was written; `ketaoutcomes run {self.study}` makes it anew")

    def damaged(self, study: Study) -> list[Path]:
        """Files that are there and not as they were written, and indexes of displays that are not."""
        known = self.known()
        return [path for path in _project.outputs(study, blinded=self.blinded) if path.is_file() and not self._whole(path, known)]

    def index(self, path: Path) -> dict[str, Any]:
        """The index of an earlier job's displays; empty when there is none that can be trusted."""
        return files.read_json(path) if path.is_file() and self._same(path, self.known()) else {}

    def _whole(self, path: Path, known: dict[str, str]) -> bool:
        if not self._same(path, known):
            return False
        return path.name != "index.json" or all(intact(path.parent, entry) for entry in files.read_json(path).values())

    def _same(self, path: Path, known: dict[str, str]) -> bool:
        return path.is_file() and known.get(str(self._within(path))) == files.sha256(path)

    def _within(self, path: Path) -> Path:
        return path.relative_to(_project.results(self.study))


def intact(folder: Path, entry: dict[str, Any]) -> bool:
    """Are a display's files there, as they were written?"""
    return all((folder / name).is_file() and files.sha256(folder / name) == known for name, known in entry["files"].items())
