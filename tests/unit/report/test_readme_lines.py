"""The lines that the README shows as the end of the demo are those that its studies give today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ketaoutcomes.report import headline
from tests.unit.displays.conftest import exact

README = Path(__file__).resolve().parents[3] / "README.md"
SHOWN = dict(re.findall(r"^(\w+): (.*) results/\1/release/report\.html$", README.read_text(encoding="utf-8"), flags=re.MULTILINE))
#: Its data are for the reader to get.
ABSENT = {"nimh_ketamine"}


@pytest.mark.parametrize("study", sorted(set(SHOWN) - ABSENT))
def test_the_readme_shows_what_the_demo_says(study: str) -> None:
    main = headline(exact(study))
    assert SHOWN[study] == f"{main.sentence} [{main.status}]"


def test_the_readme_shows_every_study_of_the_demo() -> None:
    made = (README.parent / "Makefile").read_text(encoding="utf-8")
    listed = [name for line in re.findall(r"^(?:SIMULATED|EXAMPLES) = (.*)$", made, flags=re.MULTILINE) for name in line.split()]
    assert list(SHOWN) == [*listed, *sorted(ABSENT)]
