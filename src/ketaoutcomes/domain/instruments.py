"""Outcome scales: range, direction and cut-offs, each with the source it was read in."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

ASSUMED = "assumed"


class Cutoff(BaseModel):
    """A named threshold on a scale.

    ``percent_reduction`` is met when the score fell from baseline by at least `value` percent,
    ``at_most`` and ``at_least`` when the score itself is at most or at least `value`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rule: Literal["percent_reduction", "at_most", "at_least"]
    value: float
    source: str


class Instrument(BaseModel):
    """An outcome scale or measurement. `source` is where the range was read, or ``assumed``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    label: str
    kind: Literal["continuous", "ordinal", "binary", "count"]
    items: int | None = None
    minimum: float
    maximum: float
    unit: str
    better: Literal["lower", "higher"]
    rater: Literal["clinician", "self", "device"]
    source: str
    cutoffs: dict[str, Cutoff] = Field(default_factory=dict[str, Cutoff])


@cache
def instruments() -> dict[str, Instrument]:
    """Every instrument by id, read from ``instruments.yaml``."""
    text = files("ketaoutcomes.domain").joinpath("instruments.yaml").read_text(encoding="utf-8")
    return {key: Instrument.model_validate(entry) for key, entry in yaml.safe_load(text).items()}
