"""What is measured of each participant: endpoints on scores, and rules for time to an event."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ketaoutcomes.domain.instruments import ASSUMED, Instrument

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class ScoreEndpoint(BaseModel):
    """A score, or its change from baseline, at each visit."""

    model_config = STRICT

    kind: Literal["value", "change", "percent_change"]
    """`value` analyses the score itself, `change` score minus baseline, `percent_change` 100 * change / baseline."""
    parameter: str
    """Id of a parameter that the tables provide."""


class CutoffEndpoint(BaseModel):
    """A yes or no at each visit: has the score met a cited cut-off?"""

    model_config = STRICT

    kind: Literal["cutoff"]
    """`cutoff`."""
    parameter: str
    """Id of a parameter that the tables provide."""
    cutoff: str
    """Id of a cut-off of the parameter's instrument."""
    missing: Literal["observed", "nonresponse"]
    """What a missing score means: left out (`observed`) or not met (`nonresponse`). No default: the answer depends on it."""


def cutoff_words(endpoint: CutoffEndpoint, scale: Instrument) -> str:
    """What a cut-off endpoint is, with its source and what a missing score means."""
    cutoff = scale.cutoffs[endpoint.cutoff]
    rule = {
        "percent_reduction": f"{scale.name} improved by at least {cutoff.value:g} % from baseline",
        "at_most": f"{scale.name} of {cutoff.value:g} or less",
        "at_least": f"{scale.name} of {cutoff.value:g} or more",
    }[cutoff.rule]
    source = "cut-off assumed, no source found" if cutoff.source == ASSUMED else cutoff.source
    missing = "missing scores are left out" if endpoint.missing == "observed" else "a missing score counts as not met"
    return f"{rule} ({source}; {missing})"


class TimeEndpoint(BaseModel):
    """Time from a period's start to an event, by a named rule."""

    model_config = STRICT

    kind: Literal["time_to_event"]
    """`time_to_event`."""
    rule: str
    """Name of a rule under `rules`."""


Endpoint = Annotated[ScoreEndpoint | CutoffEndpoint | TimeEndpoint, Field(discriminator="kind")]


class RecordedRule(BaseModel):
    """The file already holds time and event, one row per participant."""

    model_config = STRICT

    kind: Literal["recorded"]
    """`recorded`."""
    period: str
    """Period whose start is time 0."""
    time: str
    """Participants' column with the time, in the study's `time_unit`."""
    event: str
    """Participants' column that is true when the event happened, false when follow-up ended without it."""
    censored_as: str
    """The reason written for those without the event."""
    source: str
    """Where the definition was published, or `chosen by us`."""


class FirstEventRule(BaseModel):
    """The first event of the named types on or after the period's start; else censored at its end."""

    model_config = STRICT

    kind: Literal["first_event"]
    """`first_event`."""
    period: str
    """Period whose start is time 0; without an event, time ends on the participant's disposition day in it."""
    types: list[str] = Field(min_length=1)
    """Values of the events table's `event` that count."""
    source: str
    """Where the definition was published, or `chosen by us`."""


Rule = Annotated[RecordedRule | FirstEventRule, Field(discriminator="kind")]


def rule_words(rule: Rule) -> str:
    """What a time-to-event rule counts, when people without the event are censored, and its source."""
    if isinstance(rule, RecordedRule):
        return f"time and event as recorded; those without it are censored there: {rule.censored_as} ({rule.source})"
    what = " or ".join(rule.types)
    return f"the first {what} from the start of the period on; without one, censored when follow-up ends ({rule.source})"
