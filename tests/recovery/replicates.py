"""Many replicates of a simulated study through the real stages: CSV text, ingest, derive, analyse.

Replicates are read and derived together, as people of one large study, because what is derived of a person depends on
nobody else; each is then analysed alone. That is several times faster than reading each alone, and gives the same results.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest import ingest

REPOSITORY = Path(__file__).resolve().parents[2]
TOGETHER = 50
Data = dict[str, pd.DataFrame]


def study_with(name: str, analyses: Sequence[str]) -> Study:
    """The committed study with these analyses only, and what they need."""
    plan = read_study(REPOSITORY / "config" / "studies" / f"{name}.yaml")
    chosen = {key: plan.analyses[key] for key in analyses}
    endpoints = {key: said for key, said in plan.said_endpoints.items() if key in {getattr(analysis, "endpoint") for analysis in chosen.values()}}
    rules = {key: rule for key, rule in plan.rules.items() if key in {getattr(endpoint, "rule", "") for endpoint in endpoints.values()}}
    used = {getattr(said, "parameter", "") for said in (*endpoints.values(), *rules.values())}
    tables = {key: _without_parameters(table, used) for key, table in plan.tables.items() if table.provides not in {"sessions", "readings"}}
    return plan.model_copy(update={"analyses": chosen, "said_endpoints": endpoints, "rules": rules, "tables": tables})


def _without_parameters(table: Table, but: set[str]) -> Table:
    return table.model_copy(update={"columns": {name: column for name, column in table.columns.items() if name in but or not column.instrument}})


def replicates(plan: Study, simulate: Callable[[Any], dict[str, str]], truth: Any, seeds: Sequence[int]) -> Iterator[Data]:
    """Analysis data of the study simulated with each seed."""
    for start in range(0, len(seeds), TOGETHER):
        chosen = seeds[start : start + TOGETHER]
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            _write(plan, root, [simulate(replace(truth, seed=seed)) for seed in chosen])
            data = derive(plan, ingest(plan, root).tables)
        size = int(np.sum(truth.n))  # of all arms
        parts = {name: dict(tuple(frame.groupby((frame["participant"] - 1) // size))) for name, frame in data.items()}
        for at in range(len(chosen)):
            yield {name: parts[name].get(at, data[name][:0]).reset_index(drop=True) for name in data}


def _write(plan: Study, root: Path, simulated: list[dict[str, str]]) -> None:
    """Each file once, with the rows of every replicate; ids begin with the replicate, so people are numbered replicate by replicate."""
    for table in plan.tables.values():
        path = root / table.file
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [files[path.name].splitlines() for files in simulated]
        rows = [f"{at:04d}-{line}" for at, lines in enumerate(texts) for line in lines[1:]]
        path.write_text("\n".join([texts[0][0], *rows]) + "\n", encoding="utf-8")


def declared_choice(data: Data) -> Data:
    """The times under the rule as it is declared; the regressions under its other choices are two thirds of the time."""
    times = data["adtte"]
    return {**data, "adtte": times[~times["paramcd"].str.contains("|", regex=False)]}


@dataclass(frozen=True, slots=True)
class Result:
    """An estimate with its 95 % limits."""

    estimate: float
    lower: float
    upper: float

    @property
    def std_error(self) -> float:
        """Half the width of the interval over the normal quantile."""
        return (self.upper - self.lower) / (2 * 1.959963984540054)

    def covers(self, truth: float) -> bool:
        """Does the interval hold the truth?"""
        return self.lower <= truth <= self.upper


def result(ard: pd.DataFrame, statistic: str, **key: str | float) -> Result:
    """The one result with this key."""
    inside = np.logical_and.reduce([(ard[column] == value).to_numpy(bool, na_value=False) for column, value in key.items()])
    found: list[float] = []
    for name in (statistic, "conf_low", "conf_high"):
        (row,) = np.flatnonzero(inside & (ard["statistic"] == name))
        assert ard["status"].iloc[row] in {"ok", "flagged"}
        inside &= (ard["term"] == ard["term"].iloc[row]).to_numpy(bool)
        found.append(float(ard["value"].iloc[row]))
    return Result(*found)
