"""Seeded synthetic studies with known truth, written as the CSVs a site would export.

Every parameter is a field of a frozen dataclass; its default comes from a published number (given
beside it) or says that it is assumed. One seed gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ketaoutcomes.simulate._files import Files
from ketaoutcomes.simulate.clinics import Clinics, ketamine_clinics
from ketaoutcomes.simulate.dose_finding import DoseFinding, esketamine_doses
from ketaoutcomes.simulate.observational import KetamineOrEct, ketamine_or_ect
from ketaoutcomes.simulate.trial import Trial, esketamine_trial
from ketaoutcomes.simulate.withdrawal import Withdrawal, esketamine_withdrawal

__all__ = [
    "SIMULATED", "Clinics", "DoseFinding", "KetamineOrEct", "Trial", "Withdrawal", "esketamine_doses", "esketamine_trial", "esketamine_withdrawal",
    "ketamine_clinics", "ketamine_or_ect",
]  # fmt: skip


def _seeded(study: Callable[[Any], Files], truth: Any) -> Callable[[int | None], Files]:  # noqa: ANN401
    return lambda seed: study(truth if seed is None else replace(truth, seed=seed))


#: Study to the function that makes its files from a seed (None: the study's own).
SIMULATED: dict[str, Callable[[int | None], Files]] = {
    "esketamine_trial": _seeded(esketamine_trial, Trial()),
    "esketamine_withdrawal": _seeded(esketamine_withdrawal, Withdrawal()),
    "esketamine_doses": _seeded(esketamine_doses, DoseFinding()),
    "ketamine_clinics": _seeded(ketamine_clinics, Clinics()),
    "ketamine_or_ect": _seeded(ketamine_or_ect, KetamineOrEct()),
}
