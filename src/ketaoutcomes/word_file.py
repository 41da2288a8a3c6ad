"""The file around a table in Word: styles by name, paper, language, and bytes that no day changes. Behind it is python-docx."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

#: Dates of a document: none of them depends on the day it is made.
_DATE = datetime(2000, 1, 1)  # noqa: DTZ001 - core properties carry no zone
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = ("stylesWithEffects", "thumbnail", "customXml")
#: Paragraph styles of tables: name, points, bold, alignment (0 left, 1 centred, 2 right), indent in points, kept with the next.
_STYLES = (
    ("Table Text", 8.0, False, 0, 0.0, False),
    ("Table Line", 8.0, False, 0, 7.0, False),
    ("Table Number", 8.0, False, 2, 0.0, False),
    ("Table Head", 8.0, True, 2, 0.0, True),
    ("Table Spanner", 8.0, True, 1, 0.0, True),
    ("Table Stubhead", 8.0, True, 0, 0.0, True),
    ("Table Group", 8.0, True, 0, 0.0, True),
    ("Table Note", 7.5, False, 0, 0.0, False),
)


def document(blocks: Sequence[str], *, title: str, sideways: bool) -> bytes:
    """A document of these paragraphs and tables, each as WordprocessingML, on A4.

    Parameters
    ----------
    blocks
        Elements of the body, in order; they name styles of `template`.
    title
        Of the document.
    sideways
        Landscape.
    """
    from docx import Document
    from docx.oxml import parse_xml

    made: Any = Document(io.BytesIO(_template()))
    if sideways:
        section = made.sections[0]
        section.orientation = 1
        section.page_width, section.page_height = section.page_height, section.page_width
    made.core_properties.title = title
    for block in blocks:
        made.element.body.sectPr.addprevious(parse_xml(block))
    return packed(made)


def template() -> Any:  # noqa: ANN401 - python-docx's elements and styles carry no types of their own
    """An empty document with the styles that tables use by name; A4, English, without dates of its own."""
    from docx import Document

    made: Any = Document()
    _lighten(made)
    _style(made)
    section = made.sections[0]
    section.page_width, section.page_height = _cm(21), _cm(29.7)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = _cm(2)
    facts = made.core_properties
    facts.author, facts.last_modified_by, facts.comments, facts.language = "ketaoutcomes", "ketaoutcomes", "", "en"
    facts.created = facts.modified = _DATE
    return made


def packed(made: Any) -> bytes:  # noqa: ANN401 - as above
    """The document's bytes: the same whenever and wherever they are made, so members have no dates and are not compressed."""
    saved, fixed = io.BytesIO(), io.BytesIO()
    made.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, _ZIP_DATE)
            member.create_system = 3
            target.writestr(member, source.read(name))
    return fixed.getvalue()


@cache
def _template() -> bytes:
    return packed(template())


def _cm(length: float) -> int:
    """A length as Word's files count it."""
    return round(length * 360_000)


def _style(made: Any) -> None:  # noqa: ANN401 - as above
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt

    for name, points, bold, alignment, indent, kept in _STYLES:
        style = made.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = made.styles["Normal"]
        style.font.size, style.font.bold = Pt(points), bold
        form = style.paragraph_format
        form.alignment, form.left_indent, form.keep_with_next = alignment, Pt(indent), kept
        form.space_before, form.space_after, form.line_spacing = Pt(1), Pt(1), 1.0
    caption = made.styles["Caption"]
    caption.font.size, caption.font.bold, caption.font.color.rgb = Pt(9), True, None
    caption.paragraph_format.keep_with_next, caption.paragraph_format.space_after = True, Pt(4)


def _lighten(made: Any) -> None:  # noqa: ANN401 - as above
    """Without thumbnail and table styles that nothing here uses; with a font and a language of its own."""
    from docx.oxml.ns import qn

    for rels in (made.part.package.rels, made.part.rels):
        for key in [key for key, rel in rels.items() if any(word in rel.reltype + rel.target_ref for word in _LEFT_OUT)]:
            del rels[key]
    styles = made.styles.element
    for style in list(styles.iterchildren(qn("w:style"))):
        if style.get(qn("w:type")) == "table" and style.get(qn("w:default")) is None:
            styles.remove(style)
    for fonts in styles.iter(qn("w:rFonts")):
        fonts.attrib.clear()
        for script in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{script}"), "Arial")
    for language in styles.iter(qn("w:lang")):
        language.set(qn("w:val"), "en-GB")
