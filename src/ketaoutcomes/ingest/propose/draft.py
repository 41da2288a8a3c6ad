"""The parts of a proposed study file while files are gone through, and how texts are written in YAML."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from ketaoutcomes.domain.findings import printable
from ketaoutcomes.ingest.propose.profiles import ColumnProfile
from ketaoutcomes.ingest.propose.scales import When

_PLAIN = re.compile(r"[A-Za-z_](?:[\w./ +-]*[\w./+])?\Z", re.ASCII)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "confirm"}


@dataclass
class Draft:
    """The parts of a study file while the files are gone through."""

    tables: list[str] = field(default_factory=list[str])
    arms: dict[str, str] = field(default_factory=dict[str, str])
    arm_columns: list[str] = field(default_factory=list[str])
    site: str = ""
    baseline: list[str] = field(default_factory=list[str])
    visits: dict[str, tuple[When, str]] = field(default_factory=dict[str, "tuple[When, str]"])
    windows: dict[str, tuple[float, float]] = field(default_factory=dict[str, "tuple[float, float]"])
    scales: dict[str, str] = field(default_factory=dict[str, str])
    own: dict[str, ColumnProfile] = field(default_factory=dict[str, ColumnProfile])
    time: str = ""
    event: str = ""
    last: float = 0.0
    participants: str = ""
    form: tuple[str, str] | None = None
    beside: dict[str, str] = field(default_factory=dict[str, str])
    several: set[str] = field(default_factory=set[str])


def text_of(text: str) -> str:
    """A text as YAML writes it: quoted unless it is a plain word."""
    if _PLAIN.match(text) and text.casefold() not in _WORDS:
        return text
    return '"' + printable(text).replace("\n", " ").replace("\\", "\\\\").replace('"', '\\"') + '"'


def named(header: str, taken: set[str]) -> str:
    """A name of ours for a header."""
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().casefold()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40] or "column"
    name = name if name[0].isalpha() else f"c_{name}"
    while name in taken:
        name += "_2"
    taken.add(name)
    return name


def mark(evidence: str) -> str:
    """A comment that asks for confirmation, with the evidence."""
    return f"  # confirm: {printable(evidence)}".replace("\n", " ")
