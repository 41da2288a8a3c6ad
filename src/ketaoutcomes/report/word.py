"""The report as a Word document: real headings, figures with words for those who do not see them, the tables' own documents joined."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ketaoutcomes.report.headline import design_sentence, headline, missing_sentence, seen_sentence
from ketaoutcomes.report.page import Made, displays, methods, provenance, word_lists
from ketaoutcomes.report.sections import DEVIATIONS, METHODS, PUBLISHED, SECTIONS, WITHHELD
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.word_file import packed, template

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
#: A figure at the width of the text, in millimetres.
_WIDTH = 170.0


def word(ard: pd.DataFrame, *, figures: list[Made], tables: list[Made], internal: bool) -> bytes:
    """The report of a study as a document.

    Parameters
    ----------
    ard
        The ARD of the audience.
    figures, tables
        Displays, already made from that ARD; a table stands in the document where it was made as one.
    internal
        Say on every page that it is not for release.
    """
    labels = Labels.of(ard)
    document = template()
    document.core_properties.title = labels.text("study", "title")
    _running_heads(document, labels, internal=internal)
    _opening(document, ard, labels)
    contents = document.add_paragraph()
    files = {f"figures/{made.name}": made for made in figures} | {f"tables/{made.name}": made for made in tables}
    shown = displays(figures, tables)
    for section in SECTIONS:
        ready = [name for name in section.displays if name in shown]
        if ready or section.absent:
            document.add_heading(section.heading, 1)
            _displays(document, ready, shown, files)
        if not ready and section.absent:
            document.add_paragraph(section.absent)
    _closing(document, ard, labels, [name for name in PUBLISHED if name in shown], shown, files)
    _contents(contents, [paragraph for paragraph in document.paragraphs if paragraph.style.name == "Heading 1"])
    return packed(document)


def _running_heads(document: Any, labels: Labels, *, internal: bool) -> None:  # noqa: ANN401 - python-docx carries no types
    said = "Internal: exact results for the study team. Not for release." if internal else ""
    said = "BLINDED: arms are permuted. Not for release." if labels.stamp else said
    document.sections[0].header.paragraphs[0].text = said
    footer = document.sections[0].footer.paragraphs[0]
    footer.text = f"{labels.text('study', 'name')}, page "
    _field(footer, "PAGE")


def _opening(document: Any, ard: pd.DataFrame, labels: Labels) -> None:  # noqa: ANN401 - as above
    document.add_heading(labels.text("study", "title"), 0)
    document.add_paragraph(provenance(labels))
    main = headline(ard)
    if main.status not in {"ok", "flagged"}:
        document.add_paragraph(f"The primary analysis has no result: {main.status.replace('_', ' ')}. {main.note}").runs[0].bold = True
    document.add_paragraph(f"{main.sentence}.").runs[0].bold = True
    more = [design_sentence(ard), seen_sentence(ard), missing_sentence(ard), f"Verdict on the fit: {main.status.replace('_', ' ')}."]
    document.add_paragraph(" ".join(text for text in more if text))


def _displays(document: Any, names: Iterable[str], shown: dict[str, dict[str, Any]], files: dict[str, Made]) -> None:  # noqa: ANN401 - as above
    for name in names:
        display, made = shown[name], files[name]
        if display["nothing"]:
            document.add_paragraph(f"{display['title']}: {display['nothing']}")
        elif display["kind"] == "figure":
            _figure(document, display, made)
        elif f"{made.name}.docx" in made.files:
            _table(document, made.files[f"{made.name}.docx"])
        else:
            document.add_paragraph(f"{display['number']}. {display['title']}: see tables/{made.name}.html; `table_formats` has no docx.")


def _figure(document: Any, display: dict[str, Any], made: Made) -> None:  # noqa: ANN401 - as above
    from docx.shared import Mm

    document.add_picture(io.BytesIO(made.files[f"{made.name}.png"]), width=Mm(_WIDTH))
    picture = document.inline_shapes[-1]
    if picture.height > Mm(225):
        picture.width, picture.height = round(picture.width * Mm(225) / picture.height), Mm(225)
    picture._inline.docPr.set("descr", display["alt"])
    document.paragraphs[-1].paragraph_format.keep_with_next = True
    caption = document.add_paragraph("Figure ", style="Caption")
    caption.paragraph_format.keep_with_next = False
    _field(caption, "SEQ Figure \\* ARABIC", display["number"].removeprefix("Figure "))
    caption.add_run(f". {display['title']}. ")
    caption.add_run(display["caption"]).bold = False


def _table(document: Any, data: bytes) -> None:  # noqa: ANN401 - as above
    """The body of a table's own document, on a page of its own where that lies on its side."""
    from copy import deepcopy

    from docx import Document

    own: Any = Document(io.BytesIO(data))
    section = own.sections[0]
    sideways = section.page_width > section.page_height
    if sideways:
        _turn(document)
    for element in own.element.body.iterchildren():
        if not element.tag.endswith("}sectPr"):
            document.element.body.sectPr.addprevious(deepcopy(element))
    document.add_paragraph()
    if sideways:
        _turn(document)


def _turn(document: Any) -> None:  # noqa: ANN401 - as above
    """From here on the paper lies the other way."""
    section = document.add_section()
    section.page_width, section.page_height = section.page_height, section.page_width
    section.orientation = int(section.page_width > section.page_height)


def _closing(
    document: Any,  # noqa: ANN401 - as above
    ard: pd.DataFrame,
    labels: Labels,
    published: list[str],
    shown: dict[str, dict[str, Any]],
    files: dict[str, Made],
) -> None:
    document.add_heading("How it was done", 1)
    for sentence in methods(ard, labels):
        document.add_paragraph(sentence)
    _displays(document, [name for name in METHODS if name in shown], shown, files)
    for heading, entries in word_lists(labels):
        document.add_heading(heading, 2)
        for term, text in entries.items():
            paragraph = document.add_paragraph()
            paragraph.add_run(f"{term}: ").bold = True
            paragraph.add_run(text)
    document.add_heading("Published numbers", 1)
    _displays(document, published, shown, files)
    document.add_heading("Deviations from the plan", 1)
    document.add_paragraph(f"Plan: {labels.text('lock', 'plan') or 'not locked'}.")
    _displays(document, [name for name in DEVIATIONS if name in shown], shown, files)
    document.add_heading("Disclosure", 1)
    _displays(document, [name for name in WITHHELD if name in shown], shown, files)


def _contents(place: Any, headings: list[Any]) -> None:  # noqa: ANN401 - as above
    """A table of contents that is right as it stands: links without page numbers, which only a word processor knows."""
    field = (
        '<w:fldChar w:fldCharType="begin"/>',
        '<w:instrText xml:space="preserve"> TOC \\o "1-1" \\h \\n </w:instrText>',
        '<w:fldChar w:fldCharType="separate"/>',
    )
    for at, heading in enumerate(headings):
        line, name = place.insert_paragraph_before(), f"_Toc{at + 1:06d}"
        line.paragraph_format.space_after = 0
        for inside in () if at else field:
            line._p.append(_element("r", "", inside))
        link = _element("hyperlink", f'w:anchor="{name}" w:history="1"')
        link.append(line.add_run(heading.text)._r)
        line._p.append(link)
        heading._p.insert(1, _element("bookmarkStart", f'w:id="{at + 1}" w:name="{name}"'))
        heading._p.append(_element("bookmarkEnd", f'w:id="{at + 1}"'))
    place._p.append(_element("r", "", '<w:fldChar w:fldCharType="end"/>'))


def _element(tag: str, attributes: str, inside: str = "") -> Any:  # noqa: ANN401 - as above
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    return parse_xml(f"<w:{tag} {nsdecls('w')} {attributes}>{inside}</w:{tag}>")


def _field(paragraph: Any, code: str, shown: str = "1") -> None:  # noqa: ANN401 - as above
    """A field that Word keeps up to date: a page, a number of a sequence."""
    field = _element("fldSimple", "")
    field.set(f"{{{_W}}}instr", f" {code} ")
    run = paragraph.add_run(shown)
    field.append(run._r)
    paragraph._p.append(field)
