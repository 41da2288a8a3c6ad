"""What is wrong with an input, where, and how to mend it; and the errors that carry it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_SHOWN = 50


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong in a file a person wrote or exported.

    Parameters
    ----------
    file
        Path as the person gave it.
    line
        Line in that file, from 1; 0 when the whole file is meant.
    column
        Column: a number from 1, a CSV header or a key path; empty when the line says enough.
    code
        Stable short name, such as ``E-STUDY-KEY``.
    message
        What was found, what was expected and how to mend it. Never a cell value.
    """

    file: str
    line: int
    column: str
    code: str
    message: str

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or ""), self.column) if part)
        return printable(f"{self.code} {place}".replace("\n", "\\n") + f"\n    {self.message}")


class KetaoutcomesError(Exception):
    """Root of the errors this package raises on purpose; `exit_code` is the command's."""

    exit_code = 2


class Refused(KetaoutcomesError):
    """An input was refused; `findings` says why."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__(self.screen())

    def screen(self) -> str:
        """The findings as one screen of text, 50 at most and then a count."""
        shown = [str(finding) for finding in self.findings[:MAX_SHOWN]]
        rest = len(self.findings) - len(shown)
        return "\n".join(shown + ([f"... and {rest} more findings"] if rest else []))


class DataMissing(KetaoutcomesError):
    """A file that a study names does not exist."""


def printable(text: str) -> str:
    """`text` with control and bidirectional characters escaped, safe on a terminal."""
    return "".join(char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode() for char in text)
