"""Analysis data and one analysis to an ARD. One file is one model; its docstring is the method text.

A model file offers ``analyse(study, name, data) -> ARD`` and a docstring that becomes the sentence
of the methods paragraph, with its ``{placeholders}`` filled by the model.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

import pandas as pd

from ketaoutcomes.domain.study import Study
from ketaoutcomes.schema import ard

Tables = dict[str, pd.DataFrame]


class Model(Protocol):
    """What every model file offers."""

    def analyse(self, study: Study, name: str, data: Tables) -> pd.DataFrame:
        """The ARD of the analysis called `name`."""
        ...


def analyse(study: Study, name: str, data: Tables) -> pd.DataFrame:
    """The ARD of one analysis of a study, checked.

    Raises
    ------
    SchemaError
        A model broke the ARD's contract.
    """
    module = importlib.import_module(f"{__name__}.{study.analyses[name].model}")
    return ard.check(cast("Model", module).analyse(study, name, data))
