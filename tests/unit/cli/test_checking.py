"""`check` says what of the data will not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ketaoutcomes.cli._checking import summary
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]
Files = dict[str, str]


def notes(root: Path, edit: Callable[[Files], None]) -> list[str]:
    """The notes of `check` on the withdrawal study with edited files."""
    files = dict(SIMULATED["esketamine_withdrawal"](None))
    edit(files)
    folder = root / "data" / "esketamine_withdrawal"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    study = read_study(REPOSITORY / "config" / "studies" / "esketamine_withdrawal.yaml")
    lines = summary(study, derive(study, ingest(study, root).tables)).splitlines()
    return [line.strip() for line in lines if "note:" in line]


def untouched(files: Files) -> None:
    """Nothing."""


def one_event_too_late(files: Files) -> None:
    person = next(row.split(",")[0] for row in files["disposition.csv"].splitlines() if ",maintenance,completed," in row)
    files["events.csv"] += f"{person},2000,relapse\n"


def no_end_for_one(files: Files) -> None:
    rows = files["disposition.csv"].splitlines()
    gone = next(row for row in rows if ",maintenance,completed," in row)
    files["disposition.csv"] = "\n".join(row for row in rows if row != gone) + "\n"


def another_word(files: Files) -> None:
    files["events.csv"] = files["events.csv"].replace("relapse", "Relapse")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (untouched, []),
        (one_event_too_late, ["note: rule relapse: events after the person's end of follow-up do not count: 1"]),
        (no_end_for_one, ["note: rule relapse: 1 of 199 people have no time and cannot enter"]),
        (another_word, [f"note: rule {rule}: the events table holds no event called 'relapse'" for rule in ("relapse", "sustain_1")]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_will_not_count_is_said(tmp_path: Path, edit: Callable[[Files], None], said: list[str]) -> None:
    assert notes(tmp_path, edit) == said
