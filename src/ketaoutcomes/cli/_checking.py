"""Everything that can be known of a study before a model is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ketaoutcomes.cli import _project
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.findings import DataMissing, Finding, Refused
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
    happened = set(data["adae"]["event"])
    for name, rule in study.rules.items():
        absent = [kind for kind in getattr(rule, "types", []) if kind not in happened]
        lines += [f"  note: rule {name}: the events table holds no event called {kind!r}" for kind in absent]
    primary = study.analyses[study.primary]
    lines.append(f"  {len(study.analyses)} analyses, primary: {primary.title} ({primary.model})")
    return "\n".join(lines)


def _n(study: Study, n: int) -> str:
    if study.privacy is None:
        return str(n)
    return "1 to 7" if 1 <= n <= 7 else f"about {5 * round(n / 5)}"
