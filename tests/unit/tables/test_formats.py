"""A table shows the same strings in every format: each is read back by a reader of its own and compared cell by cell with the table."""

from __future__ import annotations

import re
import time
from itertools import zip_longest

import pandas as pd
import pytest

from ketaoutcomes import tables
from ketaoutcomes.cli._table_formats import FORMATS
from ketaoutcomes.plugins import displays
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.tables._sheet import lay_out
from ketaoutcomes.tables._table import END, Cell, Row, Spanner, Table, as_cell
from tests.unit.displays.conftest import exact
from tests.unit.tables import readers
from tests.unit.tables.readers import Shown, Text

STUDIES = ("esketamine_trial", "esketamine_withdrawal", "esketamine_doses", "ketamine_clinics", "ketamine_or_ect")
LONG = "An arm whose label is the sixty characters that are allowed."
SPECIAL = "a_b & 50 % # {x} \\y ~ ^ $z$ <b> \"q\" 's' `t` [u] *v"
UGLY = Table(
    f"Ugly {SPECIAL}",
    "Stub <&>",
    (LONG, Cell("Same", ("Of a column.",)), "Same", "p <"),
    (
        Row("before any group", ("1", "", "[withheld]", "")),
        Row(Cell("Repeated", ("Flagged: $why_.",)), heading=True),
        Row(SPECIAL, ("−1.20 (−2.00 to −0.10)", "≥ 3; ≤ 4", Cell("=1+1", ("Last.", "Of a column.")), "<0.001")),
        Row("[b]", ("–", "--", "{", "}")),
        Row(Cell("*", ("Flagged: $why_.",)), ("\\", "&", "", "%")),
        END,
        Row("t7", ("t1", "t2", "c0", "tnone")),
        Row("Repeated", heading=True),
        Row("-x", ("é µ ° × ± ² β", "a\N{NO-BREAK SPACE}b", "@x", "+1")),
        Row("Repeated", heading=True),
        Row("without lines", heading=True),
    ),
    (f"General: {SPECIAL} −", "Second"),
    spanners=(Spanner(Cell(f"Over {SPECIAL}", ("Of the spanner.",)), 1, 2),),
)
WIDE = Table(
    "Wide",
    "",
    tuple(f"Column {at} of fourteen" for at in range(14)),
    tuple(Row(f"line {line}", tuple(f"{at}.{line} (−{at} to {line})" for at in range(14))) for line in range(90)),
    spanners=(Spanner("First", 0, 1), Spanner("Some", 1, 4), Spanner("Others", 7, 3), Spanner("Last", 10, 4)),
)
PLAIN = Table("Plain", "", ("One",), (Row("", ("",)), Row("x", (Cell("1", tuple(f"note {at}" for at in range(30))),))))
UNICODE = Table("Kanji 漢 and \N{GRINNING FACE}", "", ("One",), (Row("漢", ("\N{GRINNING FACE}",)),))
MADE = {"ugly": UGLY, "wide": WIDE, "plain": PLAIN, "unicode": UNICODE}
NAMES = [(study, plugin.name) for study in STUDIES for plugin in displays("tables", set(Labels.of(exact(study)).of_kind("model").values()))]


def expected(table: Table) -> Shown:
    """What a table shows, found by reading it from its top left to its bottom right."""
    letters: dict[str, str] = {}

    def seen(said: str | Cell) -> Text:
        cell = as_cell(said)
        for note in cell.notes:
            if note not in letters:
                place = len(letters)
                letters[note] = chr(97 + place % 26) * (1 + place // 26)
        marks = sorted((letters[note] for note in cell.notes), key=lambda mark: (len(mark), mark))
        return cell.text, ",".join(marks)

    shown = Shown(table.title)
    shown.spans = [(spanner.first + 1, spanner.width, seen(spanner.label)) for spanner in table.spanners]
    shown.head = [seen(said) for said in (table.stub, *table.columns)]
    for row, following in zip_longest(table.rows, table.rows[1:]):
        if row.heading and as_cell(row.stub).text:
            shown.lines.append([seen(row.stub)])
            if following is None or following.heading:
                shown.lines.append([("–", ""), *[("", "")] * len(table.columns)])
        elif not row.heading:
            shown.lines.append([seen(said) for said in (row.stub, *row.cells)])
    shown.notes = [*(("", note) for note in table.footnotes), *((letter, note) for note, letter in letters.items())]
    return shown


def written(table: Table, ending: str) -> bytes:
    return tables.rendered("some_table", table, ending)


def compare(table: Table, ending: str) -> None:
    wanted, data = expected(table), written(table, ending)
    if ending == "csv":
        assert readers.csv_lines(data) == as_csv(wanted)
        return
    found: Shown = getattr(readers, ending)(data)
    assert found.title == wanted.title
    assert found.spans == wanted.spans
    assert found.head == wanted.head
    assert found.lines == wanted.lines
    assert found.notes == wanted.notes


def as_csv(shown: Shown) -> list[list[str]]:
    def plain(text: Text) -> str:
        return f"{text[0]} [{text[1]}]" if text[1] else text[0]

    over = dict.fromkeys(range(len(shown.head)), "")
    over |= {at: f"{plain(text)}: " for first, width, text in shown.spans for at in range(first, first + width)}
    lines = [[over[at] + plain(text) for at, text in enumerate(shown.head)]]
    lines += [[plain(text) for text in line] for line in shown.lines]
    lines += [[f"[{mark}] {note}" if mark else note] for mark, note in shown.notes]
    padded = [[*line, *[""] * (len(shown.head) - len(line))] for line in lines]
    return [[f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in line] for line in padded]


@pytest.mark.parametrize("ending", tables.RENDERERS)
@pytest.mark.parametrize("name", MADE)
def test_hand_made_tables_read_back_as_they_are(name: str, ending: str) -> None:
    compare(MADE[name], ending)


@pytest.mark.parametrize(("study", "name"), NAMES)
def test_every_table_of_every_study_reads_back_as_it_is(study: str, name: str) -> None:
    table = tables.build(name, exact(study))
    for ending in tables.RENDERERS if table.rows else ():
        compare(table, ending)


def test_withheld_cells_say_so_in_every_format() -> None:
    ard = exact("esketamine_trial").copy()
    ard.loc[(ard["analysis"] == "main") & (ard["term"] == "ls_mean"), ["value", "status"]] = [float("nan"), "withheld"]
    table = tables.build("outcome", ard)
    assert any(as_cell(cell).text == "[withheld]" for row in table.rows for cell in row.cells)
    for ending in tables.RENDERERS:
        compare(table, ending)


@pytest.mark.parametrize("ending", tables.RENDERERS)
def test_bytes_depend_on_nothing_but_the_table(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = written(UGLY, ending)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    monkeypatch.setattr(time, "localtime", lambda *_: time.struct_time((2031, 2, 3, 4, 5, 6, 0, 34, 0)))
    monkeypatch.setattr(time, "time", lambda: 1_927_000_000.0)
    assert written(UGLY, ending) == first
    monkeypatch.undo()
    time.tzset()
    time.sleep(1.1)
    assert written(UGLY, ending) == first


def test_ids_of_two_tables_on_one_page_differ() -> None:
    first, second = (set(re.findall(r' id="([^"]*)"', tables.rendered(name, UGLY, "html").decode())) for name in ("one", "two"))
    assert len(first) == len(second) > 10
    assert not first & second


def test_the_command_knows_the_formats_that_there_are() -> None:
    assert {"html", *FORMATS} == set(tables.RENDERERS)


def test_files_are_those_asked_for_and_html() -> None:
    ard = exact("esketamine_trial")
    assert set(tables.make("outcome", ard, ("tex",)).files) == {"outcome.html", "outcome.tex"}


def test_a_table_on_its_side_is_landscape_in_word() -> None:
    from io import BytesIO

    from docx import Document

    for table, wide in ((WIDE, True), (PLAIN, False)):
        section = Document(BytesIO(written(table, "docx"))).sections[0]
        assert (section.page_width > section.page_height) == wide
        assert {round(section.page_width.cm, 1), round(section.page_height.cm, 1)} == {21.0, 29.7}


def test_spanners_that_overlap_or_reach_too_far_are_refused() -> None:
    for spanners in ((Spanner("a", 0, 2), Spanner("b", 1, 1)), (Spanner("a", 1, 2),), (Spanner("a", 0, 0),)):
        with pytest.raises(ValueError, match="span"):
            Table("t", "", ("x", "y"), (), spanners=spanners)


def test_compact_keeps_spanners_over_their_columns() -> None:
    table = Table("t", "", ("a", "b", "c", "d"), (Row("x", ("1", "", "", "4")),), spanners=(Spanner("ab", 0, 2), Spanner("c", 2, 1), Spanner("d", 3, 1)))
    assert table.compact().columns == ("a", "d")
    assert table.compact().spanners == (Spanner("ab", 0, 1), Spanner("d", 1, 1))


def test_a_flag_stands_beside_the_title_of_its_analysis() -> None:
    ard = exact("esketamine_trial").copy()
    verdict = (ard["analysis"] == "main") & (ard["statistic"] == "verdict")
    ard.loc[verdict, ["text", "note"]] = ["flagged", "the reason"]
    sheet = lay_out("outcome", tables.build("outcome", ard))
    (mark,) = [note.mark for note in sheet.notes if note.text == "Flagged: the reason."]
    marked = [group.heading.text for group in sheet.groups if group.heading and mark in group.heading.marks.split(",")]
    assert marked == [Labels.of(ard).text("analysis", "main")]


def test_p_values_that_decide_nothing_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    ard: pd.DataFrame = exact("esketamine_trial").copy()
    chosen = ard.index[(ard["statistic"] == "p_value") & (ard["term"] == "contrast") & (ard["analysis"] == "main")]
    ard.loc[chosen, "text"] = "nominal"
    cells = [as_cell(row.cells[-1]) for row in tables.build("outcome", ard).rows if row.cells]
    nominal = [cell for cell in cells if cell.notes]
    assert len(nominal) == len(chosen)
    assert all("nominal" not in cell.text and cell.notes[0].startswith("Nominal") for cell in nominal)
