"""A newcomer's own study from a CSV, following only the README."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tests.workflow.conftest import REPOSITORY, make_project


def blocks(kind: str) -> list[str]:
    """Code blocks of the README."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)


def table(header: str) -> str:
    """Forty invented patients under the README's header; one never seen again, one never scored."""
    rng = np.random.default_rng(7)
    rows = [header]
    for at in range(40):
        base = int(rng.integers(25, 45))
        later = [str(int(np.clip(base - rng.normal(12 if at % 2 else 5, 6), 0, 60))) for _ in range(3)]
        seen = [score if rng.random() > 0.1 else ("NA" if rng.random() < 0.5 else "") for score in later]
        rows.append(",".join([f"A-{at + 1:02d}", "KM"[at % 2 == 0], str(int(rng.integers(20, 70))), str(base), *seen]))
    return "\n".join(rows) + "\n"


def test_the_readmes_study_runs(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", ())
    (csv,), (study,) = blocks("csv"), blocks("yaml")
    (project.root / "data" / "my_trial").mkdir(parents=True)
    (project.root / "data" / "my_trial" / "scores.csv").write_text(table(csv.splitlines()[0]), encoding="utf-8")
    (project.root / "config" / "studies" / "my_trial.yaml").write_text(study, encoding="utf-8")
    assert "in order" in project.run("check", "my_trial").stdout
    done = project.run("run", "my_trial")
    assert "Ketamine against Midazolam at Day 1" in done.stdout
    assert (project.root / "results" / "my_trial" / "release" / "report.html").is_file()


def test_the_first_line_says_what_is_needed() -> None:
    first = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert all(word in first for word in ("git", "make", "3.11", "3.13", "venv"))
