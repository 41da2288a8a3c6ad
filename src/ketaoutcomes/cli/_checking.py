"""Everything that can be known of a study before a model is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from ketaoutcomes.cli import _project
from ketaoutcomes.cli._estimable import obstacle, seen
from ketaoutcomes.derive import derive
from ketaoutcomes.disclosure import SMALL
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.findings import DataMissing, Findings, Refused
from ketaoutcomes.domain.rules import FirstEventRule, Rule, events_of
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest

#: Visits and parameters that a table on the screen has room for.
_COLUMNS, _PARAMETERS = 12, 4


@dataclass(frozen=True, slots=True)
class Checked:
    """A study, its analysis data, and what reading noted."""

    study: Study
    data: dict[str, pd.DataFrame]
    findings: Findings


def checked(names: Sequence[str]) -> list[Checked]:
    """Read each study and its data.

    Raises
    ------
    Refused, DataMissing
        With the findings of every study, not only the first.
    """
    found: list[Checked] = []
    findings = Findings()
    missing: list[str] = []
    for name in names:
        try:
            study = _project.load(name)
            _project.require_data(study)
            read = ingest(study, _project.ROOT)
            found.append(Checked(study, derive(study, read.tables), read.findings))
        except Refused as refused:
            findings.extend(refused.found)
        except DataMissing as error:
            missing.append(str(error))
    findings.refuse()
    if missing:
        raise DataMissing("\n".join(missing))
    return found


def noted(checked: Checked) -> list[str]:
    """What reading noted, and what of the events will not count: the lines that a run shows."""
    study, data = checked.study, checked.data
    lines = checked.findings.screen().splitlines()
    return lines + [f"  note: {note}" for name, rule in study.rules.items() for note in _rule_notes(study, name, rule, data)]


def summary(checked: Checked) -> str:
    """People by period, arm and visit, analyses that can be done or not and why; counts of a confidential study rounded."""
    study, data = checked.study, checked.data
    lines = [*noted(checked), f"{study.study}: the study file and its data are in order"]
    for period in study.periods:
        inside = data["adsl"][data["adsl"]["period"] == period.id]
        counts = inside.groupby("trtp")["participant"].nunique()
        counts = counts.sort_index(key=lambda arms: arms.map({arm: at for at, arm in enumerate(study.design.arms)}))
        shown = ", ".join(f"{_arm(study, str(arm))} {_n(study, int(n))}" for arm, n in counts.items())
        lines.append(f"  {period.label}: {shown or 'nobody'}")
    cells = {(period.id, name): seen(study, name, period.id, data) for period in study.periods for name in _shown(study)}
    for (period, name), table in cells.items():
        lines += _cells(study, name, table) if table.size and len(study.visits_of(period)) else []
    small = sum(int(((table >= 1) & (table <= SMALL)).to_numpy().sum()) for table in cells.values())
    if study.profile:
        total = sum(int((table > 0).to_numpy().sum()) for table in cells.values())
        lines.append(f"  {study.profile} would withhold {small} of these {total} counts (1 to {SMALL} people), and what would give them away")
    return "\n".join([*lines, *_analyses(study, data)])


def _shown(study: Study) -> list[str]:
    """Parameters of the endpoints that are analysed, the primary's first."""
    endpoints = [study.endpoints.get(str(getattr(entry, "endpoint", ""))) for entry in sorted(study.analyses.values(), key=lambda entry: not entry.primary)]
    names = dict.fromkeys(str(getattr(endpoint, "parameter", "")) for endpoint in endpoints)
    return [name for name in names if name in study.parameters][:_PARAMETERS] or list(study.parameters)[:_PARAMETERS]


def _cells(study: Study, parameter: str, table: pd.DataFrame) -> list[str]:
    """People with a score, by arm and visit."""
    visits = list(table.columns)[:_COLUMNS]
    more = f" (the first {_COLUMNS} of {len(table.columns)} visits)" if len(table.columns) > _COLUMNS else ""
    rows = [["", *(study.visit_labels.get(visit, visit) for visit in visits)]]
    rows += [
        [_arm(study, str(arm)), *(_n(study, n) for n in counts)] for arm, counts in zip(table.index, table[visits].to_numpy(dtype=int).tolist(), strict=True)
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [f"    {row[0].ljust(widths[0])}  " + "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)) for row in rows]
    return [f"  people with a score of {study.scale(parameter).name}{more}:", *lines]


def _analyses(study: Study, data: dict[str, pd.DataFrame]) -> list[str]:
    primary = study.analyses[study.primary]
    found = {name: obstacle(study, name, data) for name in study.analyses}
    good = [name for name, reason in found.items() if not reason]
    lines = [f"  {len(found)} analyses, primary: {primary.title} ({primary.model})"]
    lines.append(f"  nothing speaks against: {', '.join(good) or 'none of them'}")
    return lines + [f"  cannot be estimated: {name} ({study.analyses[name].model}): {reason}" for name, reason in found.items() if reason]


def _arm(study: Study, arm: str) -> str:
    return study.design.arms[arm].label if arm else "everybody"


def _rule_notes(study: Study, name: str, rule: Rule, data: dict[str, pd.DataFrame]) -> Iterator[str]:
    """What of the events does not count, and who has no time."""
    people = data["adsl"][data["adsl"]["period"] == rule.period]
    timed = {endpoint for endpoint, entry in study.endpoints.items() if isinstance(entry, TimeEndpoint) and entry.rule == name}
    known = data["adtte"][data["adtte"]["paramcd"].isin(timed)]["participant"]
    untimed = len(people) - int(people["participant"].isin(known).sum())
    if timed and untimed:
        yield f"rule {name}: {_n(study, untimed)} of {_n(study, len(people))} people have no time and cannot enter"
    events = data["adae"]
    for kind in [kind for kind in events_of(rule) if kind not in set(events["event"])]:
        yield f"rule {name}: the events table holds no event called {kind!r}"
    if not isinstance(rule, FirstEventRule):
        return
    counted = events[events["event"].isin(events_of(rule))].merge(people[["participant", "start", "last_day"]], on="participant")
    late = int((counted["ady"] - counted["start"] > counted["last_day"]).sum())
    if late:
        yield f"rule {name}: events after the person's end of follow-up do not count: {_n(study, late)}"


def _n(study: Study, n: int) -> str:
    if not study.profile:
        return str(n)
    return f"1 to {SMALL}" if 1 <= n <= SMALL else f"about {5 * round(n / 5)}"
