"""The structure of CSV files, against published edge cases and Python's own reader."""

from __future__ import annotations

import csv
import io
import json
from itertools import chain
from pathlib import Path

import pytest

from ketaoutcomes.domain.findings import Findings, Refused
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest import reader, source, structure
from ketaoutcomes.ingest.reader import Field, read

#: In this file of the collection the answer shows another telephone number than the file.
KNOWN = {"2095257564": "1234567890"}


def cells(path: Path, *, breaks: bool = True, **keys: object) -> list[dict[str, str]]:
    """Every cell of a file, by header."""
    header = next(csv.reader([path.read_text(encoding="utf-8").splitlines()[0]]))
    columns = {f"c{at}": {"from": name} for at, name in enumerate(header)}
    table = Table.model_validate({"file": path.name, "provides": "events", "columns": columns, "line_breaks": header if breaks else [], **keys})
    fields = {name: Field(name, lambda cell: cell, numeric=False) for name in header}
    found = read(table, path, fields, {}, Findings()).frame
    return [{name: str(row[name]) if isinstance(row[name], str) else "" for name in header} for _, row in found.iterrows()]


def test_the_spectrum_reads_right(shared: Path) -> None:
    folder = shared / "data" / "messy_csv" / "csv-spectrum"
    names = sorted(path.stem for path in (folder / "csvs").glob("*.csv"))
    assert len(names) == 12
    for name in names:
        truth = json.loads((folder / "json" / f"{name}.json").read_text(encoding="utf-8"))
        rows = [truth] if isinstance(truth, dict) else truth
        # a line break in a cell is one line feed here, and we take spaces at the ends of cells away
        expected = [{key: value.replace("\r\n", "\n").strip() for key, value in row.items()} for row in rows]
        assert [{key: KNOWN.get(value, value) for key, value in row.items()} for row in cells(folder / "csvs" / f"{name}.csv")] == expected, name


@pytest.mark.parametrize("quoted", [(), (3,), (399, 400), tuple(range(1, 1000, 7))])
@pytest.mark.parametrize("size", [64, 1000, 1 << 22])
def test_blocks_with_and_without_quotes_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quoted: tuple[int, ...], size: int) -> None:
    monkeypatch.setattr(structure, "_BLOCK", size)
    rows = [[f"P{at}", "a b" if at % 5 else "", f'x"{at}', "two\nlines" if at in quoted else "one"] for at in range(1000)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL).writerows([["id", "b", "c", "d"], *rows])
    (tmp_path / "f.csv").write_text(text.getvalue(), encoding="utf-8")
    table = Table.model_validate({"file": "f.csv", "provides": "events", "columns": {"participant": {"from": "id"}}, "line_breaks": ["d"]})
    found = read(table, tmp_path / "f.csv", {name: Field(name, lambda cell: cell, numeric=False) for name in ("id", "b", "c", "d")}, {}, Findings()).frame
    assert found["id"].tolist() == [row[0] for row in rows]
    assert found["d"].tolist() == [row[3] for row in rows]
    ends = list(chain.from_iterable([at] * (1 + row[3].count("\n")) for at, row in enumerate(rows)))
    assert found["_line"].tolist() == [2 + ends.index(at) for at in range(1000)]


def test_more_rows_than_can_be_held_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_ROWS", 9)
    (tmp_path / "f.csv").write_text("id\n" + "x\n" * 10, encoding="utf-8")
    with pytest.raises(Refused, match="E-DATA-SIZE"):
        cells(tmp_path / "f.csv")


def test_a_thousand_findings_are_shown_as_fifty_and_a_count(tmp_path: Path) -> None:
    table = Table.model_validate({"file": "f.csv", "provides": "events", "columns": {"participant": {"from": "id"}}})
    (tmp_path / "f.csv").write_text("id\n" + "x\n" * 1000, encoding="utf-8")

    def refuse(cell: str) -> str:
        raise reader.BadCell(f"not {len(cell)}")

    findings = Findings()
    read(table, tmp_path / "f.csv", {"id": Field("id", refuse, numeric=False)}, {}, findings)
    assert findings.counts() == {"error": 1000}
    assert len(findings.listed()) == len(list(findings)) == 50  # no more are kept, however many there are
    assert findings.screen().splitlines()[-1] == f"... and 950 more findings in {tmp_path / 'f.csv'}"


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bad", [b"\xff", b"\x00"])
def test_a_bad_byte_is_found_at_its_place_wherever_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, end: str, bad: bytes) -> None:
    monkeypatch.setattr(source, "BLOCK", block)
    rows = ["id,name,notes", *(f"P{at},ü,x" for at in range(6))]
    data = end.join(rows).encode() + end.encode()
    (tmp_path / "f.csv").write_bytes(data.replace(b"P4,\xc3\xbc", b"P4,\xc3\xbc" + bad))
    with pytest.raises(Refused) as error:
        read_raw(tmp_path / "f.csv")
    assert [(finding.line, finding.column) for finding in error.value.findings] == [(6, "name")]


def read_raw(path: Path) -> None:
    table = Table.model_validate({"file": path.name, "provides": "events", "columns": {"participant": {"from": "id"}}})
    read(table, path, {"id": Field("id", lambda cell: cell, numeric=False)}, {}, Findings())
