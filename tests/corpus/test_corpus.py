"""Every file of the corpus is read as meant, or refused at its place: nothing is read wrongly in silence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import Ingested, ingest
from tests.corpus.cases import Case, cases, study_of, write

CASES = cases()
GOOD = Case("control", "good", {}, "same")


def read(case: Case, folder: Path) -> Ingested:
    write(case, folder)
    return ingest(Study.model_validate(study_of(case)), folder)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    """The cohort of the good files."""
    return read(GOOD, tmp_path_factory.mktemp("good"))


def places(findings: object, severity: str) -> set[tuple[str, int, str]]:
    return {(Path(f.file).name, f.line, f.column) for f in findings if isinstance(f, Finding) and f.severity == severity}  # type: ignore[attr-defined] - iterable


def same(ours: Ingested, theirs: Ingested) -> None:
    for name, table in theirs.tables.items():
        pd.testing.assert_frame_equal(ours.tables[name], table)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.name}"[:60] for case in CASES])
def test_a_file_is_read_as_meant_or_refused_at_its_place(case: Case, good: Ingested, tmp_path: Path) -> None:
    if case.outcome == "refused":
        with pytest.raises(Refused) as error:
            read(case, tmp_path)
        named = places(error.value.findings, "error")
        if case.place[1] == 0 and case.place[0] == "people.csv" and not case.place[2]:
            assert named  # the whole file, or what follows from it in the others
        else:
            assert case.place in named
        return
    found = read(case, tmp_path)
    if case.outcome == "same":
        same(found, good)
        assert not found.findings.of("warning").counts()
    else:
        assert case.place in places(found.findings, {"warned": "warning", "noted": "note"}[case.outcome])


def test_there_are_enough_of_each_class() -> None:
    counts = Counter(case.kind for case in CASES)
    bad = [case for case in CASES if case.outcome in {"refused", "warned"}]
    assert len(bad) >= 150
    assert {kind: n for kind, n in counts.items() if n < 3 and kind not in {"event labels"}} == {}


def test_refusals_name_line_and_column() -> None:
    refusals = [case for case in CASES if case.outcome == "refused" and case.kind not in {"format", "one arm", "one participant"}]
    vague = [case for case in refusals if case.place[1] == 0]
    assert len(vague) <= 0.1 * len(refusals)
