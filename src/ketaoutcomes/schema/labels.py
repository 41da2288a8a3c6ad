"""Words that travel with an ARD, so that displays need nothing but the ARD.

Rows of the analysis ``study`` with statistic ``label``: `parameter` is the kind of word, `term`
(for visits `period` and `visit`) whose word it is, `text` the word, `value` its place in order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

STUDY = "study"


@dataclass(frozen=True, slots=True)
class Labels:
    """The label rows of an ARD."""

    rows: pd.DataFrame

    @classmethod
    def of(cls, ard: pd.DataFrame) -> Labels:
        """The label rows in an ARD."""
        rows = ard[(ard["analysis"] == STUDY) & (ard["statistic"] == "label")]
        return cls(rows.sort_values(["parameter", "value"], kind="stable"))

    @property
    def stamp(self) -> str:
        """The word stamped on displays of permuted arms; empty for all others."""
        return "BLINDED" if self.text("study", "blinded") else ""

    def text(self, kind: str, term: str = "") -> str:
        """The word of a kind for a term; empty when there is none."""
        found = self.rows[(self.rows["parameter"] == kind) & (self.rows["term"] == term)]
        return str(found["text"].iloc[0]) if len(found) else ""

    def of_kind(self, kind: str) -> dict[str, str]:
        """Term to word, in order."""
        found = self.rows[self.rows["parameter"] == kind]
        return dict(zip(found["term"], found["text"], strict=True))

    def at_visit(self, visit: str, period: str) -> str:
        """The label of a visit as its period names it: two periods may share a visit's id. Empty when there is none."""
        found = self.visit_rows([period])
        found = found[found["visit"] == visit]
        return str(found["text"].iloc[0]) if len(found) else ""

    def visit_rows(self, periods: Collection[str]) -> pd.DataFrame:
        """A row for each visit id, from these periods where they have it, else from the first that has."""
        found = self.rows[self.rows["parameter"] == "visit"]
        own = found["period"].isin(list(periods))
        return pd.concat([found[own], found[~own]]).drop_duplicates("visit")

    def visits(self, period: str) -> dict[str, str]:
        """Visit id to label in order of time; `all` takes every period's, the first naming."""
        found = self.rows[self.rows["parameter"] == "visit"]
        found = (found if period == "all" else found[found["period"] == period]).drop_duplicates("visit")
        return dict(zip(found["visit"], found["text"], strict=True))
