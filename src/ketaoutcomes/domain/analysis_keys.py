"""Keys that several models share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Common(BaseModel):
    """What every analysis says."""

    model_config = STRICT

    title: str
    """What the analysis answers, as the report prints it."""
    population: str
    """Name of a population."""
    primary: bool = False
    """The study's headline. Exactly one analysis of a study is primary."""
    sensitivity_of: str | None = None
    """Name of the analysis whose assumptions this one varies: the forest plot and the report show it beside that one."""
    conf_level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence level of the intervals."""
    arms: Literal["planned", "actual"] = "planned"
    """Compare people by the arm they were planned for, or by the one they received (safety)."""


class Comparison(Common):
    """An analysis of an endpoint with covariates."""

    endpoint: str
    """Name of an endpoint."""
    period: str
    """Period analysed; `all` in a crossover."""
    covariates: list[str] = Field(default_factory=list[str])
    """Participants' columns; `base` is the endpoint's baseline, `period` and `site` are factors. In a crossover (`lmm`) with a baseline in
    each period, `base_between` is a person's mean baseline and `base_within` the period's deviation from it; `sequence` is the order of the arms."""


class Timed(BaseModel):
    """Time in a model of repeated values."""

    model_config = STRICT

    knots: list[float] = Field(default_factory=list[float], max_length=7)
    """`time: spline`: times of the knots, at least 3, ascending. Before the first and after the last knot the course is a line."""
    days: Literal["scheduled", "actual", "all"] = "scheduled"
    """Time that is no category: the visit's `time`; `actual`, the study day of the score that counts for the visit; or `all`, every score
    after baseline at its own day, in a visit's window or not."""
    at: list[float] = Field(default_factory=list[float])
    """Time that is no category: times at which the course is estimated; the visits' times when not given."""
