"""The example data are opened only when they are the pinned ones."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes import examples
from ketaoutcomes.domain.findings import DataMissing


def test_another_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "HSAUR" / "BtheB.pkl.compress"
    bomb.parent.mkdir()
    bomb.write_bytes(b"not the pinned pickle")
    monkeypatch.setattr(examples, "_folder", lambda: tmp_path)
    monkeypatch.setattr(pd, "read_pickle", lambda *_a, **_k: pytest.fail("it was opened"))
    with pytest.raises(examples.ChecksumMismatch):
        examples.example("beat_the_blues")


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DataMissing, match=r"ketaoutcomes\[examples\]"):
        examples.example("smoking_relapse")


@pytest.mark.parametrize(("study", "folder", "file"), [("beat_the_blues", "btheb", "BtheB.csv"), ("smoking_relapse", "pharmacosmoking", "pharmacoSmoking.csv")])
def test_the_csv_holds_the_published_table(shared: Path, study: str, folder: str, file: str) -> None:
    (text,) = examples.example(study).values()
    published = (shared / "data" / folder / file).read_text(encoding="utf-8")
    ours = [line.split(",") for line in text.splitlines()]
    theirs = [line.split(",") for line in published.splitlines()]
    assert [row[-3:] for row in ours] == [row[-3:] for row in theirs]
