"""A file's bytes as lines of text: what it is, how it is written and that it is whole, in constant memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from ketaoutcomes.domain.findings import Finding, Refused
from ketaoutcomes.domain.tables import Table

BLOCK = 1 << 20
#: No line of a clinical table is longer; without line ends a file would be read whole.
MAX_LINE = 10_000_000
MAX_BYTES = 8 << 30
#: A cell may be as long as a line: Python's own limit would be taken for a fault of the quotes.
csv.field_size_limit(MAX_LINE)
_MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook", b"PK\x05\x06": "an empty zip archive", b"\x1f\x8b": "a gzip file under another name",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"%PDF": "a PDF", b"PAR1": "a Parquet file", b"ARROW1": "a Feather file", b"$FL2": "an SPSS file",
    b"<stata": "a Stata file", b"BZh": "a bzip2 file", b"\xfd7zXZ": "an xz file", b"7z\xbc\xaf": "a 7z archive", b"\x28\xb5\x2f\xfd": "a zstd file",
    b"{\\rtf": "an RTF document", b"SQLite format 3": "an SQLite database", b"\x89PNG": "an image", b"\xff\xd8\xff": "an image",
    b"RDX": "an R data file", b"HEADER RECORD*": "a SAS transport file",
}  # fmt: skip
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|table|\?xml|script)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(\[\s*[\[{"\d]|\{\s*")')
_CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 127])
_FIRST_CONTROL = re.compile(b"[" + re.escape(_CONTROL) + b"]")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def source_path(table: Table, root: Path) -> Path:
    """The file of a table: as named, or with ``.gz`` where only that is there.

    Raises
    ------
    Refused
        Neither is there, or both are.
    """
    path = root / table.file
    packed = path.with_name(path.name + ".gz")
    if path.is_file() and packed.is_file():
        raise _refused(path, "E-DATA-FILE", f"{packed.name} is there too; remove one of the two")
    if not path.is_file() and not packed.is_file():
        raise _refused(path, "E-DATA-FILE", "there is no such file")
    return path if path.is_file() else packed


@dataclass(frozen=True, slots=True)
class Source:
    """A file's lines, each with one line feed at its end, while they are read."""

    lines: TextIO
    _bytes: _Checked

    @property
    def unended(self) -> int:
        """Number of the last line where it has no line end; 0 when it has one."""
        return self._bytes.unended


@contextmanager
def opened(table: Table, path: Path) -> Generator[Source]:
    """The lines of a file as text.

    Raises
    ------
    Refused
        Other checksum, another kind of file, other encoding, control characters, a damaged
        compression, no text at all; with line and column where there is one.
    """
    _check_kind(table, path)
    with path.open("rb") as plain, _unpacked(path, plain) as stream:
        checked = _Checked(table, path, stream)
        text = io.TextIOWrapper(io.BufferedReader(checked, BLOCK), encoding="utf-8", newline=None)
        try:
            yield Source(text, checked)
        finally:
            text.detach()


def column_at(before: str, separator: str, header: list[str]) -> str:
    """The column that a line's text before some place leads to: its header, or its number."""
    quoted = False
    at = 0
    for char in before:
        quoted ^= char == '"'
        at += char == separator and not quoted
    return header[at] if at < len(header) and header[at] else str(at + 1)


def _refused(path: Path, code: str, message: str, line: int = 0, column: str = "") -> Refused:
    return Refused([Finding(str(path), line, column, code, message)])


def _unpacked(path: Path, plain: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=plain)) if path.suffix == ".gz" else plain


def _check_kind(table: Table, path: Path) -> None:
    try:
        with path.open("rb") as plain:
            if table.sha256 and file_digest(plain, "sha256").hexdigest() != table.sha256:
                raise _refused(path, "E-DATA-CHECKSUM", "not the file the study was written for: its sha256 differs from the study file's")
            plain.seek(0)
            packed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            if path.suffix == ".gz" and not packed:
                raise _refused(path, "E-DATA-FORMAT", "its name ends in .gz and it is no gzip file")
            with _unpacked(path, plain) as stream:
                start = stream.read(4096)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise _damaged(path) from None
    except OSError:
        raise _refused(path, "E-DATA-FILE", "the file cannot be read; look at its permissions") from None
    kind = _kind(start, table.encoding)
    if kind:
        raise _refused(path, "E-DATA-FORMAT", kind)
    if not start.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise _refused(path, "E-DATA-EMPTY", "the file is empty")


def _damaged(path: Path) -> Refused:
    return _refused(path, "E-DATA-TRUNCATED", "the compressed file is damaged or cut short; get it again")


def _kind(start: bytes, encoding: str) -> str:
    """What the file is instead of text in its encoding; empty when nothing speaks against it."""
    named = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")
    if _MARKUP.match(start):
        named = "a web page or another kind of XML"
    elif _JSON.match(start):
        named = "JSON"
    if named:
        return f"this is {named}; export it as CSV"
    if encoding != "utf-16":
        if start.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
            return "this is UTF-32; save it as CSV UTF-8"
        if start.startswith(_UTF16) or _alternating(start):
            return "this is UTF-16; write `encoding: utf-16` in the study file's table, or save the file as CSV UTF-8"
    elif not start.startswith(_UTF16):
        return "the study file says UTF-16 and the mark that such files start with is missing"
    return ""


def _alternating(start: bytes) -> bool:
    """Is every second byte of the first ones a NUL, as in UTF-16 without its mark?"""
    first = start[:64]
    return len(first) > 8 and any(not any(first[at::2]) for at in (0, 1))


class _Checked(io.RawIOBase):
    """A stream of bytes as UTF-8, checked block by block; counts lines so that a refusal can name one."""

    def __init__(self, table: Table, path: Path, stream: BinaryIO) -> None:
        super().__init__()
        self._table, self._path, self._stream = table, path, stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if table.encoding == "utf-8" else table.encoding)("strict")
        self._ready = memoryview(b"")
        self._total = self._lines = 0
        self._tail = self._header = b""
        self._ended = False

    @property
    def unended(self) -> int:
        """Number of the last line where it has no line end; 0 when it has one."""
        return self._lines + 1 if self._tail.strip(b"\r") else 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast("bytearray", buffer))
        while not self._ready and not self._ended:
            self._ready = memoryview(self._next())
        n = min(len(target), len(self._ready))
        target[:n], self._ready = self._ready[:n], self._ready[n:]
        return n

    def _next(self) -> bytes:
        try:
            raw = self._stream.read(BLOCK)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise _damaged(self._path) from None
        self._ended = not raw
        self._total += len(raw)
        if self._total > MAX_BYTES:
            raise _refused(self._path, "E-DATA-SIZE", "more than 8 GB of text: split the file")
        try:
            data = self._decoder.decode(raw, final=self._ended).encode()
        except UnicodeDecodeError as error:
            good = bytes(error.object[: error.start]).decode(error.encoding)
            text = "not UTF-8; if it was saved by an older Excel, write `encoding: windows-1252` in the study file's table, else save it as CSV UTF-8"
            raise self._refuse(good.encode(), "E-DATA-ENCODING", text if self._table.encoding == "utf-8" else f"not {self._table.encoding}") from None
        if len(data.translate(None, _CONTROL)) < len(data):
            found = _FIRST_CONTROL.search(data)
            assert found is not None
            raise self._refuse(data[: found.start()], "E-DATA-CONTROL", "a control character (such as NUL) stands in this line; remove it")
        self._count(data)
        if len(self._tail) > MAX_LINE:
            raise self._refuse(b"", "E-DATA-SIZE", "a line of more than ten million characters: the line ends are missing")
        return data

    def _count(self, data: bytes) -> None:
        if not self._header and self._lines < self._table.header_line:
            lines = re.split(rb"\r\n|\n|\r", self._tail + data)
            at = self._table.header_line - 1 - self._lines
            self._header = lines[at] if at < len(lines) - 1 else b""
        self._lines += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n") - (self._tail.endswith(b"\r") and data.startswith(b"\n"))
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        # a carriage return that ends a block stays, to be counted once with a line feed after it
        self._tail = (b"\r" if data.endswith(b"\r") else b"") + data[end + 1 :] if end >= 0 else self._tail + data

    def _refuse(self, before: bytes, code: str, message: str) -> Refused:
        """A refusal at the place after `before`, which continues what was read."""
        self._count(before)
        header = next(csv.reader([self._header.decode()], delimiter=self._table.separator), list[str]()) if self._header else list[str]()
        header = [name.strip() for name in header]
        person = self._table.columns.get("participant")
        known = header if person and person.source in header else []  # in a file without a header these would be somebody's values
        place = column_at(self._tail.lstrip(b"\r").decode(), self._table.separator, known)
        return _refused(self._path, code, message, self._lines + 1, place)
