"""Files are atomic, private and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketaoutcomes import files
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written cohort."""
    root = tmp_path_factory.mktemp("cohort")
    folder = root / "data" / "esketamine_trial"
    folder.mkdir(parents=True)
    for name, text in SIMULATED["esketamine_trial"](None).items():
        (folder / name).write_text(text, encoding="utf-8")
    study = read_study(REPOSITORY / "config" / "studies" / "esketamine_trial.yaml")
    files.write_cohort(root / "cohort", ingest(study, root).tables)
    return root / "cohort"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "old")

    def fail() -> None:
        with files.replacing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"a.txt": "old"}


def test_a_flipped_bit_in_the_data_is_noticed(cohort: Path, tmp_path: Path) -> None:
    original = (cohort / "assessments.parquet").read_bytes()
    whole = files.read_cohort(cohort)["assessments"]
    silent = 0
    for at in range(100, len(original) - 100, len(original) // 40):
        for name in cohort.glob("*.parquet"):
            (tmp_path / name.name).write_bytes(name.read_bytes())
        damaged = bytearray(original)
        damaged[at] ^= 16
        (tmp_path / "assessments.parquet").write_bytes(bytes(damaged))
        try:
            back = files.read_cohort(tmp_path)["assessments"]
        except Exception:  # noqa: BLE001 - any refusal will do here
            continue
        silent += not back.equals(whole)
    assert silent == 0


def test_a_truncated_table_is_refused_by_name(cohort: Path, tmp_path: Path) -> None:
    for name in cohort.glob("*.parquet"):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    (tmp_path / "events.parquet").write_bytes(b"PAR1")
    with pytest.raises(files.DamagedFile, match=r"events\.parquet"):
        files.read_cohort(tmp_path)
