"""Only what changed runs again."""

from __future__ import annotations

import os

from tests.workflow.conftest import STUDIES, Project

OPEN, CONFIDENTIAL = STUDIES


def test_nothing_to_do_after_a_run(project: Project) -> None:
    assert project.would_run() == {}


def test_touching_data_and_code_runs_nothing(project: Project) -> None:
    for path in [*project.root.glob("data/*/*.csv"), *project.root.rglob("src/**/*.py"), *project.root.glob("config/studies/*.yaml")]:
        os.utime(path)
    assert project.would_run() == {}


def test_a_comment_in_the_study_file_runs_nothing(project: Project) -> None:
    project.replace(f"config/studies/{OPEN}.yaml", "status: open", "status: open  # a comment")
    assert project.would_run() == {}


def test_an_input_replaced_by_an_older_file_runs_everything_below(project: Project) -> None:
    path = project.root / "data" / OPEN / "madrs.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    os.utime(path, (1, 1))
    jobs = project.would_run()
    assert jobs == {"ingest": 1, "derive": 1, "analyse": 3, "release": 1, "figures": 1, "tables": 1, "report": 1}


def test_editing_one_analysis_runs_it_and_what_shows_it(project: Project) -> None:
    before = project.times(OPEN)
    project.replace(f"config/studies/{OPEN}.yaml", "at_risk_every: 56", "at_risk_every: 84")
    jobs = project.would_run()
    assert jobs == {"analyse": 1, "release": 1, "figures": 1, "tables": 1, "report": 1}
    project.run("run", OPEN)
    after = project.times(OPEN)
    changed = {name for name in before if before[name] != after[name]}
    assert "figures/relapse_curve.svg" in changed
    assert not {"figures/flow.svg", "tables/baseline.html"} & changed
    assert project.would_run() == {}


def test_editing_one_figure_redraws_it_in_each_study_and_their_reports(project: Project) -> None:
    before = {study: project.times(study) for study in STUDIES}
    project.replace("src/ketaoutcomes/figures/flow.py", "color=SOFT, size=0.35", "color=SOFT, size=0.36")
    assert project.would_run() == {"figures": 3, "report": 3}
    project.run("run", *STUDIES)
    for study in STUDIES:
        after = project.times(study)
        changed = {name for name in before[study] if before[study][name] != after[name]}
        drawn = {f"figures/flow{ending}" for ending in (".svg", ".png", ".csv", "_85mm.svg", "_85mm.png")}
        made = {"report.html", "report.docx", "checklist.html", "sentences.json", "manifest.json"}
        assert changed == {*drawn, "figures/index.json", *made}


def test_editing_a_display_leaves_studies_without_it_alone(project: Project) -> None:
    project.replace("src/ketaoutcomes/tables/ranks.py", "p of the rank test", "p of the test of ranks")
    assert project.would_run() == {}


def test_other_formats_of_tables_run_the_tables_and_reports_only(project: Project) -> None:
    before = project.released(OPEN)
    project.replace("config/config.yaml", "table_formats: [csv, docx, tex]", "table_formats: [csv]")
    assert project.would_run() == {"tables": 3, "report": 3}
    project.run("run", OPEN)
    after = project.released(OPEN)
    assert (
        {name for name in before if name not in after} == {name for name in before if name.startswith("tables/") and name.endswith((".docx", ".tex"))} != set()
    )
    assert all(before[name] == data for name, data in after.items() if name.startswith("tables/") and not name.endswith("index.json"))


def test_editing_one_model_runs_its_analyses_only(project: Project) -> None:
    project.replace("src/ketaoutcomes/models/cox.py", "Efron's method for ties", "Efron's method for tied times")
    assert project.would_run() == {"analyse": 1, "release": 1, "figures": 1, "tables": 1, "report": 1}


def test_a_changed_lock_runs_everything(project: Project) -> None:
    path = project.root / "requirements" / "run.txt"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    jobs = project.would_run()
    assert jobs == {"ingest": 2, "derive": 2, "analyse": 9, "release": 3, "figures": 3, "tables": 3, "report": 3}


def test_a_deleted_figure_comes_back(project: Project) -> None:
    (project.root / "results" / OPEN / "release" / "figures" / "flow.svg").unlink()
    done = project.run("run", OPEN)
    assert "damaged" not in done.stderr
    assert (project.root / "results" / OPEN / "release" / "figures" / "flow.svg").is_file()
