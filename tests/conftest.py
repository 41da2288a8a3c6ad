"""Fixtures for every kind of test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
