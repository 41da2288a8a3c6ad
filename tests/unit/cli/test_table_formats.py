"""Which files tables are written as: what config.yaml may say, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ketaoutcomes import cli
from ketaoutcomes.cli import _project, _table_formats
from ketaoutcomes.domain.findings import KetaoutcomesError


def test_the_default_is_without_rtf_whatever_is_installed() -> None:
    assert _table_formats.require(None) == ("csv", "docx", "tex")


def test_formats_come_once_and_in_one_order() -> None:
    assert _table_formats.require(["tex", "csv", "tex"]) == ("csv", "tex")
    assert _table_formats.require([]) == ()


@pytest.mark.parametrize("said", [["html"], ["pdf", "csv"], "csv", {"csv": True}, 3])
def test_something_else_is_refused(said: object) -> None:
    with pytest.raises(KetaoutcomesError, match="csv, docx, tex, rtf"):
        _table_formats.require(said)


def test_rtf_without_its_package_is_refused_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_project, "ROOT", tmp_path)
    monkeypatch.setattr(_table_formats, "find_spec", lambda name: None)
    (tmp_path / "Snakefile").touch()
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(yaml.safe_dump({"studies": ["s"], "table_formats": ["csv", "rtf"]}))
    assert cli.main(["run"]) == 2
    assert 'pip install "ketaoutcomes[rtf]"' in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
