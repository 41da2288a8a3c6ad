"""Everything that can be known of a study before a model is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from ketaoutcomes.cli import _project
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.endpoints import TimeEndpoint
from ketaoutcomes.domain.findings import DataMissing, Finding, Refused
from ketaoutcomes.domain.rules import FirstEventRule, Rule, events_of
from ketaoutcomes.domain.study import Study
from ketaoutcomes.ingest import ingest

Checked = tuple[Study, dict[str, pd.DataFrame]]


def checked(names: Sequence[str]) -> list[Checked]:
    """Read each study and its data.

    Raises
    ------
    Refused, DataMissing
        With the findings of every study, not only the first.
    """
    found: list[Checked] = []
    findings: list[Finding] = []
    missing: list[str] = []
    for name in names:
        try:
            study = _project.load(name)
            _project.require_data(study)
            found.append((study, derive(study, ingest(study, _project.ROOT).tables)))
        except Refused as refused:
            findings += refused.findings
        except DataMissing as error:
            missing.append(str(error))
    if findings:
        raise Refused(findings)
    if missing:
        raise DataMissing("\n".join(missing))
    return found


def summary(study: Study, data: dict[str, pd.DataFrame]) -> str:
    """People by period and arm, and the analyses, in a few lines; those of a confidential study rounded."""
    lines = [f"{study.study}: the study file and its data are in order"]
    for period in study.periods:
        inside = data["adsl"][data["adsl"]["period"] == period.id]
        counts = inside.groupby("trtp")["participant"].nunique()
        counts = counts.sort_index(key=lambda arms: arms.map({arm: at for at, arm in enumerate(study.design.arms)}))
        shown = ", ".join(f"{study.design.arms[str(arm)].label if arm else 'everybody'} {_n(study, int(n))}" for arm, n in counts.items())
        lines.append(f"  {period.label}: {shown or 'nobody'}")
    lines += [f"  note: {note}" for name, rule in study.rules.items() for note in _rule_notes(study, name, rule, data)]
    primary = study.analyses[study.primary]
    lines.append(f"  {len(study.analyses)} analyses, primary: {primary.title} ({primary.model})")
    return "\n".join(lines)


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
    counted = events[events["event"].isin(rule.types)].merge(people[["participant", "start", "last_day"]], on="participant")
    late = int((counted["ady"] - counted["start"] > counted["last_day"]).sum())
    if late:
        yield f"rule {name}: events after the person's end of follow-up do not count: {_n(study, late)}"


def _n(study: Study, n: int) -> str:
    if not study.profile:
        return str(n)
    return "1 to 7" if 1 <= n <= 7 else f"about {5 * round(n / 5)}"
