"""Collects the rows of one analysis' ARD."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema.ard import ARD, Status


class Interval(Protocol):
    """An estimate with its uncertainty, as the engine gives it."""

    @property
    def estimate(self) -> float: ...
    @property
    def se(self) -> float: ...
    @property
    def df(self) -> float: ...
    @property
    def t(self) -> float: ...
    @property
    def p(self) -> float: ...
    @property
    def lower(self) -> float: ...
    @property
    def upper(self) -> float: ...


@dataclass(slots=True)
class Results:
    """Rows of one analysis. `key` holds what all of them share; `status` and `note` mark flagged fits."""

    key: dict[str, Any]
    status: Status = "ok"
    note: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add(self, statistic: str, value: float | None = None, *, n: int | None = None, events: int | None = None, text: str = "", **key: Any) -> None:  # noqa: ANN401 - columns of the ARD's key, text or number
        """One number (or text) with the people and events behind it. A number that is not finite is not estimable."""
        status = self.status
        if value is not None and not math.isfinite(value):
            value, status = None, "not_estimable"
        row = {"value": value, "text": text, "n": n, "events": events, "status": status, "note": self.note}
        self.rows.append({**self.key, **row, "statistic": statistic, **key})

    def interval(self, found: Interval, conf_level: float, *, n: int | None, **key: Any) -> None:  # noqa: ANN401 - columns of the ARD's key, text or number
        """An estimate with standard error, df, t, p and confidence limits."""
        for statistic, value in (("estimate", found.estimate), ("std_error", found.se), ("df", found.df), ("t", found.t), ("p_value", found.p)):
            self.add(statistic, value, n=n, **key)
        for statistic, value in (("conf_low", found.lower), ("conf_high", found.upper)):
            self.add(statistic, value, n=n, conf_level=conf_level, **key)

    def method(self, text: str | None, **values: object) -> None:
        """The sentence for the methods paragraph: the model's docstring with its placeholders filled."""
        sentence = " ".join((text or "").format(**values).split())
        self.add("method", text=sentence)

    def verdict(self, status: Status, evidence: str) -> None:
        """How far the analysis can be trusted, and why."""
        key = {**self.key, "term": "verdict"}
        self.rows.append({**key, "statistic": "verdict", "text": status, "status": status, "note": evidence})

    def frame(self) -> pd.DataFrame:
        """The rows as an ARD."""
        return pd.DataFrame(self.rows).reindex(columns=list(ARD.columns))


def results(study: Study, name: str, **key: Any) -> Results:  # noqa: ANN401 - columns of the ARD's key, text or number
    """An empty collection for the analysis called `name`."""
    analysis = study.analyses[name]
    period = getattr(analysis, "period", "")
    shared = {"study": study.study, "analysis": name, "population": analysis.population, "period": period}
    return Results({**shared, **key})
