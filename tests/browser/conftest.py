"""A browser and the pages it opens: reports made in this process from simulated studies, and one of data that are hard to show."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, sync_playwright

from ketaoutcomes import figures, tables
from ketaoutcomes.plugins import displays
from ketaoutcomes.report import Made, checklist, entry, index, page
from ketaoutcomes.schema.labels import Labels
from tests.unit.displays.conftest import exact
from tests.unit.displays.ugly import SHAPES, make

#: What keeps a browser from asking the network for its own sake.
_QUIET = [
    f"--{flag}"
    for flag in ("no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
]


def missing(what: str) -> None:
    """Skip, saying why; where everything is installed a skip is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium that is on this machine."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (path := shutil.which(name))), None)
    if found is None:
        missing("no Chromium or Chrome on this machine: pages are not looked at")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=_QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The rules of accessibility (axe-core), as script."""
    path = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        missing("axe-core is not installed (`make test` installs it where npm is): accessibility is not checked")
    return path.read_text(encoding="utf-8")


RUN = {"versions": {"ketaoutcomes": "0.1.0", "python": "3.11"}, "cohort_sha256": {"participants": "0" * 64}, "study_sha256": "1" * 64}


def report(ard: pd.DataFrame, *, internal: bool = False) -> str:
    """The report of an ARD with all its displays."""
    models = set(Labels.of(ard).of_kind("model").values())
    made: dict[str, list[Made]] = {"figures": [], "tables": []}
    for stage, module in (("figures", figures), ("tables", tables)):
        for plugin in displays(stage, models):
            one: Any = module.make(plugin.name, ard)
            made[stage].append(Made(plugin.name, {"caption": plugin.doc, **one.facts}, one.files))
    return page(ard, figures=made["figures"], tables=made["tables"], disclosure={"profile": "none: the study is open"}, run=RUN, internal=internal)


def blinded(ard: pd.DataFrame) -> pd.DataFrame:
    """An ARD that says its arms are permuted."""
    word = ard[(ard["parameter"] == "study") & (ard["term"] == "name")].assign(term="blinded", text="7")
    return pd.concat([ard, word], ignore_index=True)


PAGES = {
    "trial": lambda: report(exact("esketamine_trial")),
    "clinics": lambda: report(exact("ketamine_clinics"), internal=True),
    "ugly_blinded": lambda: report(blinded(make(SHAPES["five_long_arms_fourteen_visits"]))),
}


@pytest.fixture(scope="session", params=PAGES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a report on disk."""
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    path.write_text(PAGES[request.param](), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two studies, their checklists and the page over them."""
    root = tmp_path_factory.mktemp("site")
    entries = []
    for study in ("esketamine_trial", "ketamine_clinics"):
        folder = root / study / "release"
        folder.mkdir(parents=True)
        (folder / "report.html").write_text(
            page(exact(study), figures=[], tables=[], disclosure={"profile": "none"}, run=RUN, internal=False), encoding="utf-8"
        )
        (folder / "checklist.html").write_text(checklist(exact(study)), encoding="utf-8")
        entries.append(entry(exact(study), f"{study}/release"))
    (root / "index.html").write_text(index(entries), encoding="utf-8")
    return root
