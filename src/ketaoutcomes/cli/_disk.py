"""A disk that is full or may not be written, in one sentence."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable

_FULL = "no space is left on the disk; make room and run again: whatever was not finished is made anew"
_LIMIT = "a file would be larger than is allowed here; raise the limit and run again: whatever was not finished is made anew"
_CLOSED = "no permission to read or write{where}; look at the permissions of the folder and at how its disk is mounted"
_WORDS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _LIMIT,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: _CLOSED,
}
#: The system's own words, as other programs print them.
_SAID = re.compile("|".join(re.escape(os.strerror(number)) for number in _WORDS))


def sentence(error: BaseException | None) -> str | None:
    """What is wrong with the disk, if that is what an error or one behind it says; else None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _WORDS:
            name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
            return _WORDS[error.errno].format(where=f" at {name}" if name else "")
        error = error.__cause__ or error.__context__
    return None


def heard(lines: Iterable[str]) -> str | None:
    """What is wrong with the disk, if another program's output says so; else None."""
    for line in lines:
        found = _SAID.search(line)
        if found:
            number = next(number for number in _WORDS if os.strerror(number) == found[0])
            return _WORDS[number].format(where="")
    return None


def full() -> str:
    """That the disk is full."""
    return _FULL
