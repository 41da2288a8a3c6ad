"""A plan that was locked, and the dry run that permutes the arms."""

from __future__ import annotations

import csv
import json
import stat
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes import blinding, files
from ketaoutcomes.domain.study_file import read_study
from tests.workflow.conftest import STUDIES, Project

OPEN, CONFIDENTIAL = STUDIES
FILE = f"config/studies/{OPEN}.yaml"


def report(project: Project, where: str = "release") -> str:
    return (project.root / "results" / OPEN / where / "report.html").read_text(encoding="utf-8")


def changes(project: Project) -> list[list[str]]:
    """The lines of the table of changes that have cells."""
    path = project.root / "results" / OPEN / "release" / "tables" / "deviations.csv"
    return [row for row in csv.reader(path.open(encoding="utf-8")) if len(row) == 4 and row[1]] if path.exists() else []


def test_an_unlocked_study_says_so(finished: Project) -> None:
    assert "Plan: not pre-specified: the study file was not locked before the analysis." in report(finished)
    assert json.loads(finished.released(OPEN)["run.json"])["plan_lock"] is None


def test_a_lock_then_a_changed_cut_off_gives_one_row(project: Project) -> None:
    done = project.run("lock", OPEN, "--date", "2026-11-02")
    assert "locked on 2026-11-02" in done.stdout
    assert project.would_run(OPEN) == {"release": 1, "figures": 1, "tables": 1, "report": 1}
    again = project.run("lock", OPEN, ok=False)
    assert (again.returncode, "belongs under `deviations:`" in again.stderr) == (2, True)
    project.run("run", OPEN)
    page = report(project)
    assert "Plan: analysed as locked on 2026-11-02; results already existed when it was locked." in page
    assert changes(project) == []
    before = files.read_ard(project.root / "results" / OPEN / "release" / "ard.csv")

    project.replace(FILE, "at_risk_every: 56", "at_risk_every: 84")
    reason = "fewer <b>numbers</b>, so that they can be read"
    path = project.root / FILE
    path.write_text(f'{path.read_text(encoding="utf-8")}\ndeviations:\n  - {{key: analyses.relapse_curve, reason: "{reason}"}}\n', encoding="utf-8")
    project.run("run", OPEN)
    page = report(project)
    assert "Plan: locked on 2026-11-02; 1 key changed since, listed under Deviations from the plan" in page
    assert changes(project) == [["Key", "Then", "Now", "Reason"], ["analyses.relapse_curve.at_risk_every", "56", "84", reason]]
    assert "<b>" not in page
    after = files.read_ard(project.root / "results" / OPEN / "release" / "ard.csv")
    other = [frame[~frame["analysis"].isin(["study", "relapse_curve"])].reset_index(drop=True) for frame in (before, after)]
    pd.testing.assert_frame_equal(*other)


def test_an_edited_lock_is_refused(project: Project) -> None:
    project.run("lock", OPEN)
    before = project.released(OPEN)
    path = project.root / "config" / "studies" / f"{OPEN}.lock"
    for text in (path.read_text(encoding="utf-8").replace('"at_risk_every": 56', '"at_risk_every": 84'), path.read_text(encoding="utf-8")[:-9], "{}"):
        path.write_text(text, encoding="utf-8")
        done = project.run("run", OPEN, ok=False)
        assert done.returncode == 2
        assert "damaged or edited" in done.stderr
    assert project.released(OPEN) == before


# blinded


@pytest.fixture(scope="module")
def dry(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """The finished project after a blinded run; read only."""
    import shutil

    root = tmp_path_factory.mktemp("dry") / "project"
    shutil.copytree(finished.root, root)
    return Project(root), Project(root).run("run", "--blinded", OPEN)


def test_a_blinded_run_writes_to_its_own_folder_only(dry: tuple[Project, object], finished: Project) -> None:
    project, _ = dry
    top = project.root / "results" / OPEN
    blinded = top / "blinded"
    assert stat.S_IMODE(blinded.stat().st_mode) == 0o700
    made = {str(path.relative_to(blinded)) for path in blinded.iterdir()}
    pages = {"report.html", "report.docx", "checklist.html", "sentences.json"}
    assert made == {"ard.csv", "disclosure.json", "figures", "manifest.json", "restricted", "run.json", "tables", *pages}
    old = finished.root / "results" / OPEN
    kept = {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file() and blinded not in path.parents}
    assert kept == {path.relative_to(old): path.read_bytes() for path in old.rglob("*") if path.is_file()}


def test_a_blinded_report_is_stamped_and_is_no_release(dry: tuple[Project, subprocess.CompletedProcess[str]]) -> None:
    project, done = dry
    page = report(project, "blinded")
    seed = blinding.seed_of(read_study(project.root / FILE))
    assert '<body class="blinded">' in page
    assert "<title>BLINDED: " in page
    assert f"arms are permuted (seed {seed})" in page
    assert 'body.blinded::after { content: "BLINDED"; position: fixed;' in page
    assert "Plan: not pre-specified" in page
    tables, figures = (project.root / "results" / OPEN / "blinded" / name for name in ("tables", "figures"))
    assert all("BLINDED" in path.read_text(encoding="utf-8") for path in tables.glob("*.html"))
    assert all(len(path.read_bytes()) != len((figures.parents[1] / "release" / "figures" / path.name).read_bytes()) for path in figures.glob("*.svg"))
    run = json.loads((project.root / "results" / OPEN / "blinded" / "run.json").read_text(encoding="utf-8"))
    assert run["blinded"] == {"seed": seed, "within": ["stable"]}
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"{OPEN}: "))
    assert line.startswith(f"{OPEN}: BLINDED, arms permuted: ")
    assert line.endswith(f"results/{OPEN}/blinded/report.html")
    headline = line.split("permuted: ")[1].split(" [")[0]
    assert headline not in report(project)


def test_arms_move_within_strata_among_those_who_have_one(dry: tuple[Project, object]) -> None:
    project, _ = dry
    people = [pd.read_parquet(project.root / "results" / OPEN / folder / "cohort" / "participants.parquet") for folder in ("restricted", "blinded/restricted")]
    true, permuted = people
    assert (true["arm"].fillna("none") != permuted["arm"].fillna("none")).sum() > 20
    pd.testing.assert_frame_equal(true.drop(columns="arm"), permuted.drop(columns="arm"))
    assert (true["arm"].isna() == permuted["arm"].isna()).all()
    by = [frame.groupby(["stable", "arm"]).size().to_dict() for frame in people]
    assert by[0] == by[1]


def test_nothing_of_the_blinded_folder_holds_an_input(dry: tuple[Project, object], finished: Project) -> None:
    project, _ = dry
    top = project.root / "results" / OPEN / "blinded"
    assert not (top / "restricted" / "input").exists()
    head = (project.root / "data" / OPEN / "participants.csv").read_bytes().splitlines()[1]
    assert not [path for path in top.rglob("*") if path.is_file() and head in path.read_bytes()]


def test_a_single_arm_is_refused(project: Project) -> None:
    before = project.times(CONFIDENTIAL, ".")
    done = project.run("run", "--blinded", CONFIDENTIAL, ok=False)
    assert done.returncode == 2
    assert "this study has only one" in done.stderr
    assert project.times(CONFIDENTIAL, ".") == before


def test_a_crossover_permutes_sequences() -> None:
    study = read_study(Path(__file__).resolve().parents[2] / "config" / "studies" / "nimh_ketamine.yaml")
    people = pd.DataFrame({"participant": range(1, 41), "arm1": ["ketamine", "placebo"] * 20, "arm2": ["placebo", "ketamine"] * 20})
    people.loc[[3, 8], "arm2"] = None
    permuted = blinding.blinded(study, people.astype({"arm1": "string", "arm2": "string"}), 5)
    sequences = [frame["arm1"].astype(str) + frame["arm2"].fillna("none").astype(str) for frame in (people, permuted)]
    assert sorted(sequences[0]) == sorted(sequences[1])
    assert (sequences[0] != sequences[1]).sum() > 10
    assert permuted.index[permuted["arm2"].isna()].tolist() == [3, 8]
    assert not blinding.blinded(study, people, 6).equals(blinding.blinded(study, people, 5))
