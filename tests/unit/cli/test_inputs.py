"""The copy that a run reads: made once, whole, private; never of files that change meanwhile."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ketaoutcomes import digests, files
from ketaoutcomes.cli import _inputs
from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study

STUDY = Path(__file__).resolve().parents[3] / "config" / "studies" / "esketamine_trial.yaml"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study whose files are short."""
    monkeypatch.chdir(tmp_path)
    found = read_study(STUDY)
    for table in found.tables.values():
        files.write_text(tmp_path / table.file, table.file)
    return found


def test_the_copy_has_the_same_names_and_bytes_and_is_made_once(study: Study) -> None:
    folder = _inputs.snapshot(study, Path())
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {table.file for table in study.tables.values()}
    assert folder.name == digests.data(study, Path()) == digests.data(study, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert _inputs.snapshot(study, Path()) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_spoilt_copy_is_made_anew(study: Study) -> None:
    folder = _inputs.snapshot(study, Path())
    path = folder / next(iter(study.tables.values())).file
    path.write_text("edited", encoding="utf-8")
    assert _inputs.snapshot(study, Path()) == folder
    assert path.read_text(encoding="utf-8") != "edited"


def test_files_that_never_stand_still_are_refused(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first, copy = Path(next(iter(study.tables.values())).file), _inputs._copy

    def changing(*given: object) -> None:
        copy(*given)
        first.write_text(first.read_text(encoding="utf-8") + "more", encoding="utf-8")

    monkeypatch.setattr(_inputs, "_copy", changing)
    with pytest.raises(_inputs.InputChanged, match="change while they are read"):
        _inputs.snapshot(study, Path())


def test_a_compressed_file_is_copied_as_it_is(study: Study) -> None:
    path = Path(next(iter(study.tables.values())).file)
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    folder = _inputs.snapshot(study, Path())
    assert (folder / packed).read_bytes() == packed.read_bytes()
    assert not (folder / path).exists()


def test_a_job_reads_the_copy_it_was_told_of_though_the_files_changed(study: Study) -> None:
    folder = _inputs.snapshot(study, Path())
    Path(next(iter(study.tables.values())).file).write_text("later", encoding="utf-8")
    with _inputs.reading(study, folder.name, blinded=False) as root:
        assert root == folder


def test_findings_name_the_file_as_the_study_does(study: Study) -> None:
    file = next(iter(study.tables.values())).file
    with pytest.raises(Refused) as refused, _inputs.reading(study, None, blinded=False) as root:
        raise Refused([Finding(str(root / file), 1, "", "E-X", "x")])
    assert refused.value.findings[0].file == file


def test_a_blinded_job_reads_the_files_themselves_and_notices_a_change(study: Study) -> None:
    first = Path(next(iter(study.tables.values())).file)
    with _inputs.reading(study, None, blinded=True) as root:
        assert root == Path()
    with pytest.raises(_inputs.InputChanged, match="changed after this run began"), _inputs.reading(study, None, blinded=True):
        first.write_text("later", encoding="utf-8")
    assert not Path("results").exists()


def test_a_file_outside_the_project_has_no_copy(study: Study) -> None:
    name, table = next(iter(study.tables.items()))
    outside = study.model_copy(update={"tables": {**study.tables, name: table.model_copy(update={"file": "../outside.csv"})}})
    (Path("..") / "outside.csv").write_text("x", encoding="utf-8")
    with pytest.raises(Refused, match="must lie in the project's folder"):
        _inputs.snapshot(outside, Path())
