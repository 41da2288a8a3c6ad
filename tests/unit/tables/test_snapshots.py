"""Whoever changes a word, a digit or a column of a table sees it in a diff."""

from __future__ import annotations

import pytest

from tests.unit.tables.snapshots import HERE, KEPT, path, strings


@pytest.mark.parametrize(("study", "name"), KEPT)
def test_the_strings_of_a_table_are_those_that_were_read_and_committed(study: str, name: str) -> None:
    assert strings(study, name) == path(study, name).read_text(encoding="utf-8"), "read it, then: python -m tests.unit.tables.snapshots"


def test_no_snapshot_is_left_over() -> None:
    assert {file.name for file in HERE.iterdir()} == {path(study, name).name for study, name in KEPT}
