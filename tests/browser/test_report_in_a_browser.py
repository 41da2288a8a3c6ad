"""A report as a browser shows it: on a phone, on paper, in the dark, to a screen reader, without a network."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path
from unicodedata import normalize

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

#: A4 less the margins of the print stylesheet, in CSS pixels.
PRINTED = {"width": round((210 - 2 * 14) / 25.4 * 96), "height": round((297 - 2 * 14) / 25.4 * 96)}


def opened(browser: Browser, url: str, *, width: int = 1280, **settings: object) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 900}, **settings).new_page()
    page.goto(url)
    return page


def test_nothing_is_logged_and_nothing_is_asked_of_the_network(browser: Browser, url: str) -> None:
    page = browser.new_context().new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.wait_for_load_state("networkidle")
    assert said == []
    assert [address for address in asked if not address.startswith("data:")] == [url]
    assert page.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_violation_of_accessibility(browser: Browser, url: str, axe: str, scheme: str) -> None:
    page = opened(browser, url, bypass_csp=True, color_scheme=scheme)
    page.add_script_tag(content=axe)
    found = page.evaluate("() => axe.run()")
    assert len(found["passes"]) > 15
    serious = [(each["id"], each["nodes"][0]["html"][:200], len(each["nodes"])) for each in found["violations"] if each["impact"] in {"serious", "critical"}]
    assert serious == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(browser: Browser, url: str, width: int) -> None:
    page = opened(browser, url, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_phone_gets_the_narrow_drawing(browser: Browser, url: str) -> None:
    phone, desk = (opened(browser, url, width=width).locator("figure img").first for width in (360, 1280))
    small, large = (image.evaluate("i => i.currentSrc") for image in (phone, desk))
    assert small != large
    assert small.startswith("data:image/svg+xml")


def test_links_resolve_images_have_words_headings_are_in_order(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    assert page.evaluate("[...document.querySelectorAll('a')].filter(a => !a.getAttribute('href').startsWith('#')).length") == 0
    assert page.evaluate("[...document.querySelectorAll('a')].filter(a => !document.getElementById(a.getAttribute('href').slice(1))).map(a => a.href)") == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("[...document.images].filter(i => i.alt.trim().length < 20 || !i.complete || i.naturalWidth == 0).length") == 0
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unscoped = "[...document.querySelectorAll('th')].filter(t => !t.scope && t.textContent.trim()).length"
    assert page.evaluate(unscoped) == 0


def test_paper_cuts_no_table_and_no_figure(browser: Browser, url: str) -> None:
    page = opened(browser, url, width=PRINTED["width"])
    page.emulate_media(media="print")
    beyond = "e => [...document.querySelectorAll(e)].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"
    assert page.evaluate(beyond, "td, th, img, p, dd") == 0
    tall = page.evaluate("[...document.querySelectorAll('figure')].map(f => [f.getBoundingClientRect().height, getComputedStyle(f).breakInside])")
    assert tall
    assert all(height <= PRINTED["height"] and inside == "avoid" for height, inside in tall)
    cells = page.evaluate("[...document.querySelectorAll('td, th')].map(c => c.innerText)")
    printed = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    text = re.sub(r"\s", "", normalize("NFKC", "".join(sheet.extract_text() for sheet in printed.pages)))
    lost = [cell for cell in cells if re.sub(r"\s", "", cell) and re.sub(r"\s", "", normalize("NFKC", cell)) not in text]
    assert len(cells) > 20
    assert lost == []


def test_a_watermark_is_on_every_printed_page_of_what_must_not_leave(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    word = "BLINDED" if "blinded" in url else "Internal" if "clinics" in url else ""
    printed = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    pages = [sheet.extract_text() for sheet in printed.pages]
    assert len(pages) > 3
    assert all(word in text for text in pages) if word else not any("Not for release" in text for text in pages)


@pytest.mark.parametrize("name", ["index.html", "esketamine_trial/release/checklist.html", "ketamine_clinics/release/checklist.html"])
def test_index_and_checklist_lead_somewhere_and_are_accessible(browser: Browser, site: Path, axe: str, name: str) -> None:
    page = opened(browser, (site / name).as_uri(), width=360, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.href)")
    assert len(links) >= 4
    for link in links:
        path, _, anchor = link.removeprefix("file://").partition("#")
        assert Path(path).is_file(), link
        assert not anchor or f'id="{anchor}"' in Path(path).read_text(encoding="utf-8"), link
    page.add_script_tag(content=axe)
    found = page.evaluate("() => axe.run()")
    assert [each["id"] for each in found["violations"] if each["impact"] in {"serious", "critical"}] == []


def test_on_a_desk_the_sections_stand_beside_the_text_and_on_a_phone_above_it(browser: Browser, url: str) -> None:
    desk, phone = opened(browser, url, width=1280), opened(browser, url, width=360)
    beside = "document.querySelector('nav').getBoundingClientRect().right <= document.querySelector('main').getBoundingClientRect().left"
    assert desk.evaluate(beside)
    assert phone.evaluate("document.querySelector('nav').getBoundingClientRect().bottom <= document.querySelector('main').getBoundingClientRect().top")
