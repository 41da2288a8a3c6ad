"""The main job from CSV to released report: what it leaves, what it refuses, what it keeps private."""

from __future__ import annotations

import json
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ketaoutcomes.simulate import SIMULATED
from tests.workflow.conftest import STUDIES, Project, make_project

OPEN, CONFIDENTIAL = STUDIES


def test_a_line_per_study_names_result_verdict_and_report(finished: Project) -> None:
    lines = (finished.root / "screen.txt").read_text(encoding="utf-8").splitlines()
    for study in STUDIES:
        line = next(line for line in lines if line.startswith(f"{study}: "))
        assert "% CI" in line
        assert "[ok]" in line
        assert (finished.root / line.rsplit(" ", 1)[1]).is_file()


def test_reports_are_made_for_each_audience(finished: Project) -> None:
    made = {str(path.relative_to(finished.root / "results")) for path in finished.root.glob("results/*/*/report.html")}
    assert made == {f"{OPEN}/release/report.html", f"{CONFIDENTIAL}/release/report.html", f"{CONFIDENTIAL}/internal/report.html"}
    assert "Internal: exact results" in (finished.root / "results" / CONFIDENTIAL / "internal" / "report.html").read_text(encoding="utf-8")


def test_snakemake_alone_works_too(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", (OPEN,))
    project.run("snakemake", "-c2", "--config", f"studies=[{OPEN}]")
    assert (project.root / "results" / OPEN / "release" / "report.html").is_file()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" or any(name.startswith("on") for name in given):
            self.problems.append(f"script in {tag}")
        if tag == "img" and not given.get("alt"):
            self.problems.append("img without alt")
        for name in ("src", "href"):
            if not (given.get(name) or "#").startswith(("#", "data:image/")):
                self.problems.append(f"{name} leaves the page")


@pytest.mark.parametrize("study", STUDIES)
def test_the_page_has_no_script_and_asks_nobody(finished: Project, study: str) -> None:
    page = _Page()
    page.feed(finished.released(study)["report.html"].decode())
    assert page.problems == []


def test_the_report_says_what_was_simulated(finished: Project) -> None:
    assert b"Simulated data: no participant of this study exists." in finished.released(OPEN)["report.html"]


# privacy


@pytest.mark.parametrize("study", STUDIES)
def test_no_id_and_no_site_leaves(finished: Project, study: str) -> None:
    people = SIMULATED[study](None)["participants.csv" if study == OPEN else "patients.csv"].splitlines()[1:]
    names = {row.split(",")[0] for row in people} | {row.split(",")[1] for row in people}
    shown = [("screen", (finished.root / "screen.txt").read_bytes())]
    shown += [(name, data) for name, data in finished.released(study).items() if not name.endswith(".png")]
    shown += [(str(path), path.read_bytes()) for path in finished.root.glob(f"results/{study}/restricted/logs/*")]
    shown += [(str(path), path.read_bytes()) for path in (finished.root / ".snakemake").rglob("*") if path.is_file()]
    leaks = {(where, name) for where, data in shown for name in names if name.encode() in data}
    assert leaks == set()


def test_everything_is_for_the_owner_only(finished: Project) -> None:
    # nothing below a folder that only its owner may enter can be reached; snakemake sets modes of its own there
    assert stat.S_IMODE((finished.root / ".snakemake").stat().st_mode) == 0o700
    private = [*finished.root.glob("results/*/restricted"), *finished.root.glob("results/*/internal")]
    assert len(private) == 3
    for top in private:
        assert stat.S_IMODE(top.stat().st_mode) == 0o700
        for path in [top, *top.rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_small_counts_are_withheld_in_release_and_exact_inside(finished: Project) -> None:
    sheet = json.loads(finished.released(CONFIDENTIAL)["disclosure.json"])
    assert sheet["profile"] == "opensafely"
    assert sum(sheet["withheld"].values()) > 0
    assert b"[withheld]" in finished.released(CONFIDENTIAL)["report.html"]
    inside = (finished.root / "results" / CONFIDENTIAL / "internal" / "report.html").read_text(encoding="utf-8")
    assert "[withheld]" not in inside


# mistakes


def _mistake(project: Project) -> None:
    before = {study: project.released(study) for study in STUDIES}
    for command in ("run", "check"):
        done = project.run(command, *STUDIES, ok=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) < 60
        assert ":" in done.stderr
    assert {study: project.released(study) for study in STUDIES} == before


def test_a_wrong_score_is_refused_and_release_is_untouched(project: Project) -> None:
    path = project.root / "data" / OPEN / "madrs.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = lines[4].rsplit(",", 1)[0] + ",61"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _mistake(project)
    done = project.run("run", *STUDIES, ok=False)
    assert "madrs.csv:5:MADRS" in done.stderr
    assert "belongs to an earlier input" in done.stderr


def test_a_wrong_key_in_a_study_file_is_refused(project: Project) -> None:
    project.replace(f"config/studies/{CONFIDENTIAL}.yaml", "population: followed", "populaton: followed")
    _mistake(project)


def test_missing_data_say_how_to_get_them(project: Project) -> None:
    (project.root / "data" / OPEN / "madrs.csv").unlink()
    done = project.run("run", OPEN, ok=False)
    assert done.returncode == 2
    assert f"ketaoutcomes simulate {OPEN}" in done.stderr


def test_a_primary_analysis_without_a_result_ends_with_3_under_a_banner(project: Project) -> None:
    path = project.root / "data" / OPEN / "events.csv"
    people = (project.root / "data" / OPEN / "participants.csv").read_text(encoding="utf-8").splitlines()
    placebo = {row.split(",")[0] for row in people if ",placebo," in row}
    kept = [row for row in path.read_text(encoding="utf-8").splitlines() if row.split(",")[0] not in placebo]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    done = project.run("run", OPEN, ok=False)
    assert done.returncode == 3
    assert "not estimable" in done.stdout
    report = project.released(OPEN)["report.html"].decode()
    assert "The primary analysis has no result" in report
    assert "no events in Placebo" in report


# determinism


@pytest.mark.parametrize("study", STUDIES)
def test_other_folder_core_count_row_order_and_line_ends_give_the_same_bytes(finished: Project, tmp_path: Path, study: str) -> None:
    project = make_project(tmp_path / "elsewhere", (study,))
    for path in (project.root / "data" / study).glob("*.csv"):
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([head, *reversed(rows)]).encode() + b"\r\n")
    project.run("run", study, "--cores", "1")
    ours, theirs = project.released(study), finished.released(study)
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
