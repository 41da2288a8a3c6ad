"""One small exact ARD per kind of study, made by the pipeline from simulated data or a public example."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.examples import example
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.release import release
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]


@cache
def exact(study: str) -> pd.DataFrame:
    """The exact ARD of a study of the demo."""
    with TemporaryDirectory() as root:
        folder = Path(root) / "data" / study
        folder.mkdir(parents=True)
        for name, text in (SIMULATED[study](None) if study in SIMULATED else example(study)).items():
            (folder / name).write_text(text, encoding="utf-8")
        plan = read_study(REPOSITORY / "config" / "studies" / f"{study}.yaml")
        data = derive(plan, ingest(plan, Path(root)).tables)
    found = release(plan, [analyse(plan, name, data) for name in plan.analyses])
    return found.release if found.internal is None else found.internal
