"""Tables from an ARD. One file is one table; the first sentence of its docstring is its title, the rest its footnote.

A table file states ``NEEDS``, the models it needs, and offers ``build(ard) -> Table``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol, cast

import pandas as pd

from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.tables._render import to_csv, to_html
from ketaoutcomes.tables._table import Table


class Built(Protocol):
    """What every table file offers."""

    def build(self, ard: pd.DataFrame) -> Table:
        """The table of this ARD."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A table as files (name to bytes) and what the report needs to know about it."""

    files: dict[str, bytes]
    facts: dict[str, Any]


def make(name: str, ard: pd.DataFrame) -> Made:
    """Build the table called `name` and write it as HTML and CSV with the same strings."""
    table = cast("Built", import_module(f"{__name__}.{name}")).build(ard)
    stamp = Labels.of(ard).stamp
    table = replace(table, footnotes=(f"{stamp}: arms are permuted.", *table.footnotes)) if stamp else table
    files = {f"{name}.html": to_html(table).encode(), f"{name}.csv": to_csv(table).encode()} if table.rows else {}
    return Made(files, {"title": table.title, "nothing": "" if table.rows else table.nothing})
