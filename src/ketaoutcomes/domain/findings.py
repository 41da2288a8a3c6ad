"""What is wrong with an input, where, and how to mend it; and the errors that carry it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

MAX_SHOWN = 50


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to know about a file a person wrote or exported.

    Parameters
    ----------
    file
        Path as the person gave it.
    line
        Line in that file, from 1; 0 when the whole file is meant.
    column
        Column: a number from 1, a CSV header or a key path; empty when the line says enough.
    code
        Stable short name, such as ``E-STUDY-KEY``: E is an error, which refuses the file, W a
        warning about the data, N a note on how the file was written.
    message
        What was found, what was expected and how to mend it. Never a cell value.
    """

    file: str
    line: int
    column: str
    code: str
    message: str

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``note``."""
        return {"E": "error", "W": "warning", "N": "note"}[self.code[0]]

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or ""), self.column) if part)
        return printable(f"{self.code} {place}".replace("\n", "\\n") + f"\n    {self.message}")


class Findings:
    """Findings while they are collected: of each kind in a column 50 are kept, all are counted."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._kept: dict[tuple[str, str, str], dict[Finding, None]] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self.extend(findings)

    def append(self, finding: Finding) -> None:
        """Add one finding; the same twice counts once."""
        kind = (finding.file, finding.column, finding.code)
        kept = self._kept.setdefault(kind, {})
        if finding in kept:
            return
        self._counts[kind] += 1
        if len(kept) < MAX_SHOWN:
            kept[finding] = None

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add several findings, or all of another collection."""
        if isinstance(findings, Findings):
            for kind, kept in findings._kept.items():
                self._kept.setdefault(kind, {}).update(kept)
                self._counts[kind] += findings._counts[kind]
            return
        for finding in findings:
            self.append(finding)

    def __iadd__(self, findings: Iterable[Finding]) -> Findings:
        self.extend(findings)
        return self

    def __iter__(self) -> Iterator[Finding]:
        return iter(sorted(finding for kept in self._kept.values() for finding in kept))

    def of(self, severity: str) -> Findings:
        """Those of a severity."""
        chosen = Findings()
        for kind, kept in self._kept.items():
            if next(iter(kept)).severity == severity:
                chosen._kept[kind], chosen._counts[kind] = dict(kept), self._counts[kind]
        return chosen

    def mapped(self, change: Callable[[Finding], Finding]) -> Findings:
        """Each finding changed; the counts stay."""
        found = Findings()
        for kind, kept in self._kept.items():
            changed = {change(finding): None for finding in kept}
            first = next(iter(changed))
            found._kept.setdefault((first.file, first.column, first.code), {}).update(changed)
            found._counts[first.file, first.column, first.code] += self._counts[kind]
        return found

    @property
    def errors(self) -> bool:
        """Is there an error among them?"""
        return any(kind[2].startswith("E") for kind in self._kept)

    def refuse(self) -> None:
        """Raise `Refused` when there is an error."""
        if self.errors:
            raise Refused(self)

    def tally(self) -> dict[tuple[str, str, str], int]:
        """File, column and message to number, of those that are kept all alike; a message that varies counts its first 50."""
        found: Counter[tuple[str, str, str]] = Counter()
        for kind, kept in self._kept.items():
            messages = Counter(finding.message for finding in kept)
            for message, n in messages.items():
                found[kind[0], kind[1], message] += self._counts[kind] if len(messages) == 1 else n
        return dict(found)

    def counts(self) -> dict[str, int]:
        """Severity to number."""
        found: Counter[str] = Counter()
        for kind, kept in self._kept.items():
            found[next(iter(kept)).severity] += self._counts[kind]
        return dict(found)

    def screen(self) -> str:
        """As text: 50 of each file, then a count."""
        lines: list[str] = []
        for file, group in groupby(self, key=lambda finding: finding.file):
            shown = list(group)[:MAX_SHOWN]
            rest = sum(n for kind, n in self._counts.items() if kind[0] == file) - len(shown)
            lines += [*map(str, shown), *([f"... and {rest} more findings in {printable(file)}"] if rest else [])]
        return "\n".join(lines)

    def listed(self) -> list[dict[str, str | int]]:
        """As JSON: 50 of each file."""
        return [
            {"code": f.code, "severity": f.severity, "file": f.file, "line": f.line, "column": f.column, "message": f.message}
            for _, group in groupby(self, key=lambda finding: finding.file)
            for f in list(group)[:MAX_SHOWN]
        ]


class KetaoutcomesError(Exception):
    """Root of the errors this package raises on purpose; `exit_code` is the command's."""

    exit_code = 2


class Refused(KetaoutcomesError):
    """An input was refused; `findings` says why, `found` holds the counts beside."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.found = Findings(findings)
        self.findings = tuple(self.found)
        super().__init__(self.found.screen())


class DataMissing(KetaoutcomesError):
    """A file that a study names does not exist."""


def printable(text: str) -> str:
    """`text` with control and bidirectional characters escaped, safe on a terminal."""
    return "".join(char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode() for char in text)
