"""Fixtures for every kind of test."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference values and public data that may not be committed (KETAOUTCOMES_SHARED or ../shared)."""
    folder = Path(os.environ.get("KETAOUTCOMES_SHARED") or REPOSITORY.parent / "shared")
    if not (folder / "reference").is_dir():
        reason = f"no reference values at {folder}; set KETAOUTCOMES_SHARED to the shared folder"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


#: Tests that share what is slow to make, and what in their id tells which: the rest of the id does not matter. They go to one worker.
SHARING = (
    re.compile(r"tests/(workflow)/test_(?:lock_and_blinded|rerun|run|survives)"),
    re.compile(r"tests/workflow/(\w+)"),
    re.compile(r"tests/(browser)/.*\[(trial|clinics|ugly_blinded)"),
    re.compile(r"tests/disclosure/(test_attacker).*\[(\w+-\d+)\]"),
    re.compile(r"tests/disclosure/(test_counted_attacker).*\[(?:\w+-)?(\d+)\]"),
)


class Sharing(LoadScopeScheduling):
    """Scheduling by what tests share (marks of groups are lost between pytest 9.2 and xdist 3.8)."""

    def _split_scope(self, nodeid: str) -> str:
        return next((" ".join(found.groups()) for pattern in SHARING if (found := pattern.search(nodeid))), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """One worker makes what several tests share, once."""
    return Sharing(config, log)
