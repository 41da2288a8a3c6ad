"""Input that attacks or identifies: text stays text, nothing of who somebody is leaves `restricted/`, and how a file is written changes nothing."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.corpus.cases import GOOD, plan
from tests.workflow.conftest import Project, make_project
from tests.workflow.test_run import _Page

#: Somebody who must not be found anywhere outside `restricted/`.
CANARIES = ("CanaryId", "CanarySurname", "canary@example.org", "1961-05-17", "CanaryClinic", "2024-05-07")
#: A header that breaks out of patsy's Q() and runs a command (traps of formulas).
HEADER = 'x") + I(__import__("os").system("touch PWNED") or 0) + Q("x'
HOSTILE = (
    "<script>alert(1)</script>",
    "$broken{$",
    "=cmd|'/c calc'!A1",
    "{{ cycler.__init__.__globals__.os.popen('touch PWNED') }}",
    "<img src=x onerror=alert(1)>",
)


def toy_files() -> dict[str, str]:
    """The small trial with canaries in its ids, its sites and its unread columns, and hostile headers and labels."""
    files: dict[str, str] = {}
    for name, text in GOOD.items():
        head, *rows = [line.split(",") for line in text.splitlines()]
        rows = [[f"CanaryId{row[0]}", *row[1:]] for row in rows]
        if name == "people.csv":
            head = [HEADER if cell == "age" else cell for cell in head] + ["surname", "e-mail", "dob", HOSTILE[0], "history"]
            rows = [
                [row[0], f"CanaryClinic {row[1]}", *row[2:], "CanarySurname", "canary@example.org", "1961-05-17", "x", HOSTILE[at % 5]]
                for at, row in enumerate(rows)
            ]
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([head, *rows])
        files[name] = lines.getvalue()
    return files


def toy_plan() -> str:
    """Its study file: a model with the hostile header's column as a covariate, hostile labels as levels."""
    study = plan()
    study |= {"title": f"Toy {HOSTILE[3]} {HOSTILE[1]}", "drug": HOSTILE[0]}
    for table in study["tables"].values():
        table["file"] = f"data/toy/{table['file']}"
    columns = study["tables"]["people"]["columns"]
    columns["age"] |= {"from": HEADER, "label": HOSTILE[4]}
    columns["history"] = {"from": "history", "kind": "category", "levels": list(HOSTILE)}
    study["analyses"]["description"] |= {"parameters": ["madrs"], "baseline": ["age", "history", "site"], "primary": False}
    common = {"endpoint": "change", "population": "all", "period": "main", "visit": "day7", "primary": True}
    study["analyses"]["day7"] = {"model": "ancova", "title": HOSTILE[1], "covariates": ["age"], **common}
    return yaml.safe_dump(study, allow_unicode=True, sort_keys=False)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after its run."""
    project = make_project(tmp_path_factory.mktemp("attacked") / "project", ())
    (project.root / "data" / "toy").mkdir(parents=True)
    for name, text in toy_files().items():
        (project.root / "data" / "toy" / name).write_text(text, encoding="utf-8")
    (project.root / "config" / "studies" / "toy.yaml").write_text(toy_plan(), encoding="utf-8")
    check, done = project.run("check", "toy"), project.run("run", "toy")
    (project.root / "screen.txt").write_text(check.stdout + check.stderr + done.stdout + done.stderr, encoding="utf-8")
    return project


def test_nobody_is_found_outside_restricted(attacked: Project) -> None:
    restricted = attacked.root / "results" / "toy" / "restricted"
    mine = [attacked.root / "data", attacked.root / "src", restricted]
    looked = [path for path in attacked.root.rglob("*") if path.is_file() and not any(path.is_relative_to(folder) for folder in mine)]
    assert len(looked) > 30
    found = {(str(path.relative_to(attacked.root)), canary) for path in looked for canary in CANARIES if canary.encode() in path.read_bytes()}
    assert found == set()
    inside = b"".join(path.read_bytes() for path in restricted.rglob("*") if path.is_file())
    assert b"CanaryId0007" in inside  # the map of ids stays with the site
    assert b"CanarySurname" not in b"".join(path.read_bytes() for path in (restricted / "cohort").iterdir())


def test_no_code_ran(attacked: Project) -> None:
    assert list(attacked.root.rglob("PWNED")) == []


def test_the_page_holds_hostile_text_as_text(attacked: Project) -> None:
    text = attacked.released("toy")["report.html"].decode()
    page = _Page()
    page.feed(text)
    assert page.problems == []
    assert "&lt;script&gt;" in text
    assert "{{ cycler" in text
    assert 'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;' in text or "default-src 'none'" in text


def test_figures_hold_no_script_and_no_address(attacked: Project) -> None:
    drawn = {name: data for name, data in attacked.released("toy").items() if name.endswith(".svg")}
    assert drawn
    for name, data in drawn.items():
        for element in ET.fromstring(data).iter():
            assert not str(element.tag).endswith("script"), name
            links = [value for key, value in element.attrib.items() if key.endswith("href")]
            assert all(link.startswith(("#", "data:image/")) for link in links), name
            assert not [key for key in element.attrib if key.startswith("on")], name


def test_no_released_cell_starts_a_formula(attacked: Project) -> None:
    tables = {name: data for name, data in attacked.released("toy").items() if name.endswith(".csv")}
    assert len(tables) > 3
    for name, data in tables.items():
        for row in csv.reader(io.StringIO(data.decode())):
            for cell in row:
                number = cell.replace(",", "").replace(".", "").replace("e-", "").lstrip("-").isdigit()
                assert cell[:1] not in {"=", "+", "@", "\t", "\r"}, (name, cell)
                assert cell[:1] != "-" or number, (name, cell)


def test_columns_that_were_not_read_are_listed(attacked: Project) -> None:
    text = attacked.released("toy")["report.html"].decode()
    assert "4 columns: &lt;script&gt;alert(1)&lt;/script&gt;, dob, e-mail, surname" in text


WAYS: dict[str, Callable[[str], bytes]] = {
    "BOM, CRLF": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "shuffled rows": lambda text: "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]).encode() + b"\n",
    "permuted columns, quoted, gz": lambda text: gzip.compress(_permuted(text).encode()),
}


def _permuted(text: str) -> str:
    lines = io.StringIO()
    csv.writer(lines, quoting=csv.QUOTE_ALL).writerows(list(reversed(row)) for row in csv.reader(io.StringIO(text)))
    return lines.getvalue()


@pytest.mark.parametrize("way", list(WAYS))
def test_how_a_file_is_written_changes_no_byte_of_the_release(attacked: Project, tmp_path: Path, way: str) -> None:
    shutil.copytree(attacked.root, tmp_path / "project", ignore=shutil.ignore_patterns("results", ".snakemake"))
    project = Project(tmp_path / "project")
    for path in (project.root / "data" / "toy").glob("*.csv"):
        data = WAYS[way](path.read_text(encoding="utf-8"))
        path.unlink()
        (path.with_name(f"{path.name}.gz") if "gz" in way else path).write_bytes(data)
    project.run("run", "toy")
    ours, theirs = project.released("toy"), attacked.released("toy")
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
