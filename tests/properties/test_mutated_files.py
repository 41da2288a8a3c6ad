"""A good file, spoilt at random, is refused or read as a plain reader of CSV reads it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus.cases import GOOD, Case, plan, write

from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest

NASTY = ",;\t\"'\n\r\0 .-0179eEN\u00a0\u200b\ufeff½−<ü|#"
Edit = tuple[str, int, str]
VISITS = {"Baseline": "baseline", "Day 1": "day1", "Day 7": "day7"}

edits = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "replace", "line twice", "line away", "swap"]), st.integers(0, 10_000), st.sampled_from(NASTY)),
    min_size=1,
    max_size=3,
)


def edited(text: str, edit: Edit) -> str:
    """The text with one mishap."""
    what, at, char = edit
    here = at % max(len(text), 1)
    lines = text.split("\n")
    row = at % len(lines)
    if what == "line twice":
        return "\n".join([*lines[:row], lines[row], *lines[row:]])
    if what == "line away":
        return "\n".join([*lines[:row], *lines[row + 1 :]])
    if what == "swap":
        cells = lines[row].split(",")
        return "\n".join([*lines[:row], ",".join(reversed(cells)), *lines[row + 1 :]])
    return text[:here] + {"insert": char, "delete": "", "replace": char}[what] + text[here + (what != "insert") :]


def plainly(text: str) -> list[tuple[str, str, float]]:
    """Participant, visit and score of each row with a score, as csv reads them."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))]
    head, *rest = [row for row in rows if row]
    at = [head.index(name) for name in ("id", "visit", "madrs")]
    return sorted((row[at[0]], VISITS[row[at[1]]], float(row[at[2]])) for row in rest if any(row) and row[at[2]])


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits)
def test_a_spoilt_file_is_refused_or_read_as_it_stands(mishaps: list[Edit]) -> None:
    text = GOOD["scores.csv"]
    for mishap in mishaps:
        text = edited(text, mishap)
    with tempfile.TemporaryDirectory() as folder:
        write(Case("", "", {"scores.csv": text.encode()}, ""), Path(folder))
        try:
            found = ingest(Study.model_validate(plan()), Path(folder))
        except Refused:
            return
    ids = found.ids[found.ids["kind"] == "participant"]
    names = dict(zip(ids["number"].astype(int), ids["original"], strict=True))
    scores = found.tables["assessments"]
    ours = sorted(zip(scores["participant"].map(names), scores["visit"], scores["value"], strict=True))
    assert ours == plainly(text)
