"""`check` says what of the data will not count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ketaoutcomes.cli._checking import Checked, noted, summary
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
    found = ingest(study, root)
    lines = noted(Checked(study, derive(study, found.tables), found.findings))
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


@pytest.fixture
def trial(tmp_path: Path) -> Callable[[Callable[[Files], None]], Checked]:
    """The simulated trial with edited files, checked."""

    def read(edit: Callable[[Files], None]) -> Checked:
        files = dict(SIMULATED["esketamine_trial"](None))
        edit(files)
        folder = tmp_path / "data" / "esketamine_trial"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        study = read_study(REPOSITORY / "config" / "studies" / "esketamine_trial.yaml")
        found = ingest(study, tmp_path)
        return Checked(study, derive(study, found.tables), found.findings)

    return read


def no_day_28_under_placebo(files: Files) -> None:
    arms = {row.split(",")[0]: row for row in files["participants.csv"].splitlines()}
    kept = [row for row in files["madrs.csv"].splitlines() if ",Day 28," not in row or ",Placebo," not in arms[row.split(",")[0]]]
    files["madrs.csv"] = "\n".join(kept) + "\n"


def one_arm(files: Files) -> None:
    files["participants.csv"] = files["participants.csv"].replace(",Placebo,", ",Esketamine,")


def test_people_are_counted_by_arm_and_visit(trial: Callable[[Callable[[Files], None]], Checked]) -> None:
    files = SIMULATED["esketamine_trial"](None)
    arms = {row.split(",")[0]: row.split(",")[2] for row in files["participants.csv"].splitlines()[1:]}
    head, *rows = [row.split(",") for row in files["madrs.csv"].splitlines()]
    at = [head.index(name) for name in ("SUBJID", "VISIT", "MADRS_TOTAL")]
    lines = summary(trial(untouched)).splitlines()
    for arm in set(arms.values()):
        seen = [r for r in rows if arms[r[at[0]]] == arm and r[at[2]]]
        words = next(line for line in lines if line.startswith(f"    {arm} ")).split()
        assert [words[1], words[2], words[-1]] == [str(sum(r[at[1]] == visit for r in seen)) for visit in ("Baseline", "Day 2", "Day 28")]


@pytest.mark.parametrize(
    ("edit", "names", "reason"),
    [
        (untouched, set(), ""),
        (no_day_28_under_placebo, {"main", "shared_baseline", "structured", "response", "response_states", "remission"}, "Placebo have a value at Day 28"),
        (one_arm, {"main", "day2", "response", "remission"}, "all of its people have one arm, Esketamine"),
    ],
    ids=["as it is", "no day 28", "one arm"],
)
def test_what_cannot_be_estimated_is_said_before_a_fit(
    trial: Callable[[Callable[[Files], None]], Checked], edit: Callable[[Files], None], names: set[str], reason: str
) -> None:
    lines = summary(trial(edit)).splitlines()
    said = {line.split(":")[1].split("(")[0].strip(): line for line in lines if "cannot be estimated" in line}
    assert names <= set(said)
    assert names or not said
    assert all(reason in said[name] for name in names)
