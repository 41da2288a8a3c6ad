"""The report as a Word document, its sentences and its checklist, read back."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from typing import Any

import pandas as pd
import pytest
from docx import Document
from docx.oxml.ns import qn

from ketaoutcomes import figures, tables
from ketaoutcomes.figures._figure import WIDE
from ketaoutcomes.plugins import displays
from ketaoutcomes.report import Made, checklist, entry, index, sentences, word
from ketaoutcomes.report.checklist import checklists
from ketaoutcomes.report.headline import missing_sentence
from ketaoutcomes.report.sections import LAST, PLACES, SECTIONS
from ketaoutcomes.schema.labels import Labels
from tests.unit.displays.conftest import exact


@cache
def made(study: str, *, drawn: bool = True) -> dict[str, list[Made]]:
    """All displays of a simulated study; its tables only where nothing is to be drawn."""
    ard = exact(study)
    models = set(Labels.of(ard).of_kind("model").values())
    found: dict[str, list[Made]] = {"figures": [], "tables": []}
    for plugin in displays("figures", models) if drawn else []:
        one: Any = figures.make(plugin.name, ard, widths=(WIDE,))
        found["figures"].append(Made(plugin.name, {"caption": plugin.doc, **one.facts}, one.files))
    for plugin in displays("tables", models):
        one = tables.make(plugin.name, ard, formats=("csv", "docx"))
        found["tables"].append(Made(plugin.name, {"caption": plugin.doc, **one.facts}, one.files))
    return found


def test_every_table_and_figure_stands_in_the_document_as_it_was_made() -> None:
    study = "esketamine_trial"
    document: Any = Document(io.BytesIO(word(exact(study), **made(study), internal=False)))
    own = [Document(io.BytesIO(one.files[f"{one.name}.docx"])).tables[0] for one in made(study)["tables"] if one.files]
    cells = [[[cell.text for cell in row.cells] for row in table.rows] for table in own]
    assert sorted(cells) == sorted([[cell.text for cell in row.cells] for row in table.rows] for table in document.tables)
    drawn = [one for one in made(study)["figures"] if not one.facts["nothing"]]
    assert sorted(shape._inline.docPr.get("descr") for shape in document.inline_shapes) == sorted(one.facts["alt"] for one in drawn)
    headings = [paragraph.text for paragraph in document.paragraphs if paragraph.style.name == "Heading 1"]
    assert headings == [*(section.heading for section in SECTIONS), "How it was done", "Published numbers", "Deviations from the plan", "Disclosure"]
    links = document.element.body.findall(".//" + qn("w:hyperlink"))
    assert [text_of(link) for link in links] == headings
    marks = {mark.get(qn("w:name")): mark.getparent() for mark in document.element.body.iter(qn("w:bookmarkStart"))}
    assert [text_of(marks[link.get(qn("w:anchor"))]) for link in links] == headings
    kinds = [mark.get(qn("w:fldCharType")) for mark in document.element.body.iter(qn("w:fldChar"))]
    assert kinds == ["begin", "separate", "end"]
    captions = [paragraph for paragraph in document.paragraphs if paragraph.style.name == "Caption"]
    assert len(captions) == len(drawn) + len(own)
    assert all("SEQ " in caption._p.xml for caption in captions)


def text_of(element: Any) -> str:
    return "".join(part.text for part in element.iter(qn("w:t")))


def test_the_document_is_the_same_twice_and_says_when_it_must_not_leave() -> None:
    study = "esketamine_trial"
    ard = exact(study)
    assert word(ard, **made(study), internal=True) == word(ard, **made(study), internal=True)
    heads = [Document(io.BytesIO(word(ard, **made(study), internal=internal))).sections[0].header.paragraphs[0].text for internal in (True, False)]
    assert heads == ["Internal: exact results for the study team. Not for release.", ""]


def test_a_wide_table_gets_a_page_on_its_side_and_the_text_after_it_does_not() -> None:
    study = "esketamine_doses"
    wide = [one.name for one in made(study, drawn=False)["tables"] if one.files and _sideways(one.files[f"{one.name}.docx"])]
    document: Any = Document(io.BytesIO(word(exact(study), **made(study, drawn=False), internal=False)))
    turned = [section for section in document.sections if section.page_width > section.page_height]
    assert len(turned) == len(wide)
    assert document.sections[-1].page_width < document.sections[-1].page_height


def _sideways(data: bytes) -> bool:
    section: Any = Document(io.BytesIO(data)).sections[0]
    return section.page_width > section.page_height


@pytest.mark.parametrize("study", ["esketamine_trial", "esketamine_withdrawal", "ketamine_clinics", "esketamine_doses"])
def test_sentences_hold_the_strings_of_the_tables(study: str) -> None:
    said = sentences(exact(study))
    assert {"methods", "participants", "main result"} <= {each["section"] for each in said}
    text = " ".join(each["text"] for each in said)
    cells = {
        cell
        for one in made(study, drawn=False)["tables"]
        if one.files
        for row in csv.reader(io.StringIO(one.files[f"{one.name}.csv"].decode()))
        for cell in row
    }
    shared = [cell for cell in cells if " to " in cell and "(" in cell and cell in text]
    assert shared or study in {"ketamine_clinics", "esketamine_doses"}
    assert not re.search(r"\bnan\b", text)
    assert "  " not in text
    if study == "esketamine_withdrawal":
        assert "by 336 days (95 % CI): Placebo " in text
        (line,) = [row for row in csv.reader(io.StringIO(table(study, "incidence"))) if row[:1] == ["Incidence at 336 days"]]
        assert all(cell in text for cell in line[1:])
        assert "Esketamine not reached" in text


def table(study: str, name: str) -> str:
    """A table as CSV."""
    return next(one.files[f"{name}.csv"].decode() for one in made(study, drawn=False)["tables"] if one.name == name)


def test_one_changed_value_changes_the_sentences_that_say_it() -> None:
    ard = exact("esketamine_trial")
    chosen = (ard["analysis"] == "response") & (ard["visit"] == "day28") & (ard["arm"] == "esketamine") & (ard["statistic"] == "percent") & (ard["term"] == "")
    changed = ard.copy()
    changed.loc[chosen, "value"] = 12.3
    before, after = sentences(ard), sentences(changed)
    differ = [b["analysis"] for a, b in zip(before, after, strict=True) if a != b]
    assert differ == ["response"]
    assert any("(12.3 %)" in each["text"] for each in after)


def test_checklists_name_sections_that_exist_and_leave_no_item_open() -> None:
    for chosen in checklists().values():
        for item in chosen["items"]:
            assert item.get("place", "result") in PLACES
            assert item.get("place") or item.get("author"), item
    trial, clinics = checklist(exact("esketamine_trial")), checklist(exact("ketamine_clinics"))
    assert "CONSORT 2025" in trial
    assert "STROBE with RECORD" in clinics


def test_displays_have_one_place() -> None:
    names = [name for section in SECTIONS for name in section.displays] + list(LAST)
    assert len(names) == len(set(names))


def test_the_page_over_all_studies_escapes_and_links() -> None:
    ard = exact("esketamine_trial").copy()
    ard.loc[(ard["parameter"] == "study") & (ard["term"] == "title"), "text"] = "<script>alert(1)</script>"
    page = index([entry(ard, "esketamine_trial/release")])
    assert "<script" not in page
    assert 'href="esketamine_trial/release/report.html"' in page


def test_a_failed_primary_is_said_first() -> None:
    ard = exact("esketamine_trial").copy()
    main = ard["analysis"] == "main"
    ard.loc[main & ~ard["statistic"].isin(["method", "verdict"]), ["value", "status"]] = [float("nan"), "failed"]
    ard.loc[main & (ard["statistic"] == "verdict"), ["text", "status", "note"]] = ["failed", "failed", "did not converge"]
    document: Any = Document(io.BytesIO(word(ard, figures=[], tables=[], internal=False)))
    assert any(text.text.startswith("The primary analysis has no result: failed. did not converge") for text in document.paragraphs)
    result = next(each["text"] for each in sentences(ard) if each["section"] == "main result")
    assert not re.search(r"\d\.\d", result)


def test_a_shift_is_said_without_the_share_that_is_withheld() -> None:
    ard = exact("esketamine_trial").copy()
    assert "% of its analysis set" in missing_sentence(ard)
    ard.loc[ard["statistic"] == "fraction_missing", ["value", "status"]] = [float("nan"), "withheld"]
    assert "would bring the estimate to zero" in missing_sentence(ard)
    assert "analysis set" not in missing_sentence(ard)


def test_each_sentence_of_permuted_arms_says_so() -> None:
    ard = exact("esketamine_trial")
    stamp = ard[(ard["parameter"] == "study") & (ard["term"] == "name")].assign(term="blinded", text="7")
    said = sentences(pd.concat([ard, stamp], ignore_index=True))
    assert all(each["text"].startswith("BLINDED, arms are permuted: ") for each in said)
    assert not any("BLINDED" in each["text"] for each in sentences(ard))
