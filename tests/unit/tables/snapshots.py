"""The strings of some tables, kept as CSV: `python -m tests.unit.tables.snapshots` writes them anew, to be read before they are committed."""

from __future__ import annotations

import re
from pathlib import Path

from ketaoutcomes import tables
from tests.unit.displays.conftest import exact

HERE = Path(__file__).parent / "snapshots"
KEPT = (
    ("esketamine_trial", "baseline"),
    ("esketamine_trial", "definitions"),
    ("esketamine_trial", "disposition"),
    ("esketamine_trial", "missing"),
    ("esketamine_trial", "outcome"),
    ("esketamine_trial", "response"),
    ("esketamine_trial", "subgroups"),
    ("esketamine_trial", "testing"),
    ("esketamine_withdrawal", "relapse"),
    ("esketamine_doses", "outcome"),
    ("esketamine_doses", "response"),
    ("esketamine_doses", "adverse_events"),
    ("ketamine_clinics", "over_time"),
)


def strings(study: str, name: str) -> str:
    """A table as CSV; how near zero a gradient came is left out: processors differ there."""
    text = tables.make(name, exact(study), ("csv",)).files[f"{name}.csv"].decode()
    return re.sub(r"gradient norm [\d.e+-]+", "gradient norm ~0", text)


def path(study: str, name: str) -> Path:
    return HERE / f"{study}.{name}.csv"


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for study, name in KEPT:
        path(study, name).write_text(strings(study, name), encoding="utf-8")
