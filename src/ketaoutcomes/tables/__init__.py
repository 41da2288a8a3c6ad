"""Tables from an ARD. One file is one table; the first sentence of its docstring is its title, the rest its footnote.

A table file states ``NEEDS``, the models it needs, and offers ``build(ard) -> Table``. The strings of a table, the letters of
its notes and what stands over what are settled once (`_sheet.py`); every format shows the same.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol, cast

import pandas as pd

from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.tables._sheet import Sheet, lay_out
from ketaoutcomes.tables._table import Table

#: Ending of a file to the module that writes it; each is imported, with its library, when it is asked for.
RENDERERS = {"html": "_html", "csv": "_csv", "docx": "_word", "tex": "_latex", "rtf": "_rtf"}


class Built(Protocol):
    """What every table file offers."""

    def build(self, ard: pd.DataFrame) -> Table:
        """The table of this ARD."""
        ...


class Renders(Protocol):
    """What every module of `RENDERERS` offers."""

    def render(self, sheet: Sheet) -> bytes:
        """The file of a laid-out table."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A table as files (name to bytes) and what the report needs to know about it."""

    files: dict[str, bytes]
    facts: dict[str, Any]


def make(name: str, ard: pd.DataFrame, formats: Collection[str] = ("csv",)) -> Made:
    """Build the table called `name` and write it as HTML, which the report is made of, and in `formats`, with the same strings."""
    table = build(name, ard)
    wanted = {"html", *formats} if table.rows else set[str]()
    files = {f"{name}.{ending}": rendered(name, table, ending) for ending in RENDERERS if ending in wanted}
    return Made(files, {"title": table.title, "nothing": "" if table.rows else table.nothing})


def build(name: str, ard: pd.DataFrame) -> Table:
    """The table called `name`, stamped where the arms are permuted."""
    table = cast("Built", import_module(f"{__name__}.{name}")).build(ard)
    stamp = Labels.of(ard).stamp
    return replace(table, footnotes=(f"{stamp}: arms are permuted.", *table.footnotes)) if stamp else table


def rendered(name: str, table: Table, ending: str) -> bytes:
    """A table as one of the files of `RENDERERS`."""
    module = cast("Renders", import_module(f"{__name__}.{RENDERERS[ending]}"))
    return module.render(lay_out(name, table))
