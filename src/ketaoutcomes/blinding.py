"""Arms permuted for a dry run: everything of the report can be reviewed, and nobody learns who had what.

The planned and actual arms of all periods move together from person to person, so that a crossover
permutes sequences; only among people of the same strata and with the same arms missing, so that who
entered a randomised period stays as it was.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from ketaoutcomes.domain.findings import KetaoutcomesError
from ketaoutcomes.domain.study import Study


class NothingToBlind(KetaoutcomesError):
    """A study in which everybody is treated alike."""


def require_arms(study: Study) -> None:
    """Refuse a study that has no arms to permute.

    Raises
    ------
    NothingToBlind
        One arm, or no column that says who had which.
    """
    if len(study.design.arms) < 2 or not arm_columns(study):
        raise NothingToBlind(f"{study.study}: a blinded run permutes arms, and this study has only one; nothing was done")


def arm_columns(study: Study) -> list[str]:
    """Participants' columns that hold a planned or actual arm of a period."""
    return list(dict.fromkeys(name for period in study.periods for name in (period.arm, period.actual_arm) if name))


def seed_of(study: Study) -> int:
    """The seed where none is given: a digest of the study's name."""
    return int.from_bytes(hashlib.sha256(study.study.encode()).digest()[:4], "big")


def blinded(study: Study, people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Participants with their arms permuted within strata.

    Parameters
    ----------
    study
        The study file.
    people
        Participants, one row each, ordered by number.
    seed
        Of the permutation.
    """
    columns = arm_columns(study)
    alike = people[study.design.strata].astype("string").fillna("").agg("\x1f".join, axis=1) if study.design.strata else pd.Series("", index=people.index)
    alike += people[columns].notna().astype("string").agg("\x1f".join, axis=1)
    rng = np.random.default_rng(seed)
    given = np.arange(len(people))
    for group in sorted(set(alike)):
        members = np.flatnonzero((alike == group).to_numpy())
        given[members] = rng.permutation(members)
    return people.assign(**{name: people[name].array[given] for name in columns})
