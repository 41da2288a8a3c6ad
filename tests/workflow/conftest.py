"""A project in a folder of its own, with its own copy of the package, run once and copied for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[2]
#: One open study with time to event, one confidential one: every rule runs, for both audiences.
STUDIES = ("esketamine_withdrawal", "ketamine_clinics")
#: Of them only these analyses, so that runs are short: what the others find is the demo's and other tests' to see.
KEPT = {
    "esketamine_withdrawal": ("description", "relapse_hazard", "relapse_curve"),
    "ketamine_clinics": ("description", "main", "response", "exposure", "durability", "landmark"),
}


@dataclass(frozen=True)
class Project:
    """A working folder with Snakefile, studies, data, and the package's source on the path."""

    root: Path

    def run(self, *command: str, ok: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``ketaoutcomes`` (or python -m for `snakemake`) in this project."""
        program = ["-m", "snakemake"] if command[0] == "snakemake" else ["-c", "import sys; from ketaoutcomes.cli import main; sys.exit(main())"]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        settings = {**os.environ, "PATH": path, "PYTHONPATH": str(self.root / "src"), **environment}
        arguments = command[1:] if command[0] == "snakemake" else command
        done = subprocess.run([sys.executable, *program, *arguments], cwd=self.root, env=settings, capture_output=True, text=True, check=False)
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done

    def would_run(self, *studies: str) -> dict[str, int]:
        """Rule to number of jobs that a run would do now."""
        chosen = f"studies=[{','.join(studies or STUDIES)}]"
        done = self.run("snakemake", "-n", "--cores", "1", "--config", chosen)
        lines = done.stdout.splitlines()
        if not any(line.startswith("job ") for line in lines):
            return {}
        start = next(at for at, line in enumerate(lines) if line.startswith("job "))
        counts: dict[str, int] = {}
        for line in lines[start + 2 :]:
            words = line.split()
            if len(words) != 2 or not words[1].isdigit():
                break
            counts[words[0]] = int(words[1])
        return {rule: n for rule, n in counts.items() if rule not in {"all", "total"}}

    def released(self, study: str) -> dict[str, bytes]:
        """Every released file of a study, by name."""
        folder = self.root / "results" / study / "release"
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

    def times(self, study: str, audience: str = "release") -> dict[str, int]:
        """When each file of an audience was written."""
        folder = self.root / "results" / study / audience
        return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file of the project."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def make_project(root: Path, studies: tuple[str, ...] = STUDIES) -> Project:
    """A project with simulated data, not yet run."""
    shutil.copytree(REPOSITORY / "src" / "ketaoutcomes", root / "src" / "ketaoutcomes", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "Snakefile", root / "Snakefile")
    for folder in ("workflow", "config", "requirements"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    for study, kept in KEPT.items():
        path = root / "config" / "studies" / f"{study}.yaml"
        plan = yaml.safe_load(path.read_text(encoding="utf-8"))
        plan["analyses"] = {name: plan["analyses"][name] for name in kept}
        path.write_text(yaml.safe_dump(plan, sort_keys=False, allow_unicode=True), encoding="utf-8")
    for study in studies:
        for name, text in SIMULATED[study](None).items():
            path = root / "data" / study / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return Project(root)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first run; read only."""
    project = make_project(tmp_path_factory.mktemp("finished") / "project")
    done = project.run("run", *STUDIES)
    (project.root / "screen.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, to change."""
    shutil.copytree(finished.root, tmp_path / "project")
    return Project(tmp_path / "project")
