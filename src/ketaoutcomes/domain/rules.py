"""Rules for time to an event: recorded in the file, or found in assessments, events and days of use.

A rule that looks for itself says everything the answer depends on: no key has a default. Where the
published source is silent the shipped rule's `chosen` names our choice and another one, and the
results are computed under both.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)
#: Ends of follow-up that are not a participants' column.
FOLLOW_UP = ("schedule", "disposition", "last_look")


class RecordedRule(BaseModel):
    """The file already holds time and event, one row per participant."""

    model_config = _STRICT

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

    model_config = _STRICT

    kind: Literal["first_event"]
    """`first_event`."""
    period: str
    """Period whose start is time 0; without an event, time ends on the participant's disposition day in it."""
    types: list[str] = Field(min_length=1)
    """Values of the events table's `event` that count."""
    competing: list[str] = Field(default_factory=list[str])
    """Events after which the event can no longer be seen: counted apart. On one day the event comes first."""
    source: str
    """Where the definition was published, or `chosen by us`."""


class Origin(BaseModel):
    """Risk begins with a state of the participant, not with the period."""

    model_config = _STRICT

    cutoff: str
    """Cut-off of the rule's parameter that must be met."""
    visit: str | None
    """Visit at which it must be met; `null`: the first look at which it is."""
    otherwise: Literal["not_at_risk", "event"]
    """People who do not meet it: have no time (others count from their own day of meeting it), or have the event at that visit."""


class AfterCourse(BaseModel):
    """Risk begins at the last session of a person's first course of treatment: does it last?"""

    model_config = _STRICT

    course_gap: float = Field(gt=0)
    """Days without a session that end the course. A later session is a re-treatment."""
    cutoff: str | None
    """Cut-off of the rule's parameter that must be met at the last look up to then; `null`: everybody with a session is at risk."""


class Dropout(BaseModel):
    """Dropping out counts as the event."""

    model_config = _STRICT

    statuses: list[str] = Field(min_length=1)
    """Values of the disposition's `status` that are dropping out."""
    dated: Literal["disposition", "last_look"]
    """The day of the disposition, or of the last look that was made."""
    plus: float
    """Days added to it."""


class Chosen(BaseModel):
    """A choice that the source leaves open."""

    model_config = _STRICT

    other: str | int | float | list[float] | dict[str, int | str] | None
    """The value under which the results are computed as well; several keys where one cannot change alone."""
    reason: str
    """What the source says, or that it is silent."""


class _Watched(BaseModel):
    model_config = _STRICT

    period: str
    """Period whose start is time 0, unless `origin` says otherwise."""
    origin: Literal["period_start"] | Origin | AfterCourse
    """Start of risk."""
    retreatment: Literal["censored", "counts_on"] | None = None
    """With risk after a course of treatment: follow-up ends at a re-treatment, or goes on whatever is given (treatment policy)."""
    grace: float = Field(ge=0)
    """Days after the start of risk before which nothing counts."""
    follow_up: str
    """`schedule`: to the period's last visit; `disposition`: to its day; `last_look`: as far as there are looks;
    or a participants' column with its last day. Nothing after it counts."""
    events: list[str]
    """Values of the events table's `event` that are the event by themselves."""
    competing: list[str]
    """Events after which the event can no longer be seen: counted apart."""
    same_day: list[Literal["events", "looks", "competing"]]
    """Which counts when they fall on one day, first first; dropping out comes last."""
    dropout: Dropout | None
    """`null`: people who drop out are censored."""
    source: str
    """Where the definition was published, or `chosen by us`."""
    chosen: dict[str, Chosen] = Field(default_factory=dict[str, Chosen])
    """Keys on which the source is silent, with the other choice."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not set(self.chosen) <= set(type(self).model_fields) - {"chosen", "source", "period", "parameter"}:
            raise ValueError("`chosen` names keys of the rule")
        self.alternatives()
        if isinstance(self.origin, AfterCourse) != (self.retreatment is not None):
            raise ValueError("`retreatment` and an `origin` after a course of treatment go together")
        if sorted(self.same_day) != ["competing", "events", "looks"]:
            raise ValueError("`same_day` orders events, looks and competing, each once")
        return self

    def alternatives(self) -> dict[str, Self]:
        """The rule under each other choice, by its name."""
        found: dict[str, Self] = {}
        for key, chosen in self.chosen.items():
            changed: dict[str, Any] = chosen.other if isinstance(chosen.other, dict) else {key: chosen.other}
            words = ", ".join(f"{name.replace('_', ' ')} {'none' if value is None else str(value).replace('_', ' ')}" for name, value in changed.items())
            found[words] = type(self).model_validate({**self.model_dump(), "chosen": {}, **changed})
        return found


class RunRule(_Watched):
    """Enough looks in a row (or among so many) at which a score meets a cut-off, or no longer does."""

    kind: Literal["run"]
    """`run`."""
    parameter: str
    """Parameter looked at."""
    cutoff: str
    """Cut-off of its instrument."""
    when: Literal["met", "not_met", "missing"]
    """Whether a look counts when the cut-off is met, when it is not (a response that is lost), or when there is no score."""
    looks: Literal["records", "visits"]
    """Every score on its day; or the scheduled visits after baseline at their scheduled time, so that a missing one is a look."""
    met: int = Field(gt=0)
    """How many looks must count."""
    of: int = Field(gt=0)
    """Among how many adjacent looks; equal to `met` for a run."""
    gap: list[float] | None = Field(min_length=2, max_length=2)
    """Fewest and most days between adjacent looks of a run, inclusive; `null`: any."""
    missing: Literal["met", "not_met", "skipped"]
    """A scheduled look without a score counts, breaks the run, or is passed over. Records are never missing: `skipped`."""
    dated: Literal["first", "confirming"]
    """The event's day: that of the first look that counts, or of the one that completes the number."""
    censored_at: Literal["last_look", "last_start", "follow_up"]
    """Without the event, time ends at the last look; at the last look with which the number could have begun; or at the end
    of follow-up. A last look that counts and was never followed by another is `unconfirmed`, and never later than that look."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.met > self.of:
            raise ValueError("`met` cannot exceed `of`")
        if self.gap is not None and (self.met != self.of or self.gap[0] > self.gap[1]):
            raise ValueError("a `gap` is [fewest, most] days of a run, in which `met` equals `of`")
        if self.dated == "confirming" and self.censored_at == "last_start" and self.met > 1:
            raise ValueError("dated by its last look, the event could come after everybody else's time has ended: use `censored_at: last_look`")
        if self.when == "missing" and (self.looks == "records" or self.missing != "met"):
            raise ValueError("looks without a score are scheduled visits that count: `looks: visits`, `missing: met`")
        if self.looks == "records" and self.missing != "skipped":
            raise ValueError("records are never missing: say `missing: skipped`, or look at visits")
        return self


class DaysRule(_Watched):
    """Enough days of use within a moving window of days."""

    kind: Literal["days"]
    """`days`."""
    types: dict[str, float] = Field(min_length=1)
    """Values of the events table's `event`, and how many days of use each stands for; of several on one day the largest counts."""
    at_least: float = Field(gt=0)
    """Days of use."""
    window: float = Field(gt=0)
    """Days of the window, which ends on a day of use."""
    missing: Literal["not_met"]
    """`not_met`: a day without a record is a day without use."""
    dated: Literal["first", "confirming"]
    """The event's day: the first day of use within the window, or the one that completes the number."""
    censored_at: Literal["follow_up"]
    """Without the event, time ends with follow-up."""


class FirstOfRule(BaseModel):
    """The first of several: a composite."""

    model_config = _STRICT

    kind: Literal["first_of"]
    """`first_of`."""
    of: list[Annotated[RunRule | DaysRule, Field(discriminator="kind")]] = Field(min_length=2)
    """Rules over one period; the earlier in the list counts on the same day. Time ends when the first of them stops looking:
    what another finds later does not count."""
    source: str
    """Where the definition was published, or `chosen by us`."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if len({rule.period for rule in self.of}) > 1:
            raise ValueError("the rules of a composite look at one period")
        return self

    @property
    def period(self) -> str:
        """Period of its rules."""
        return self.of[0].period

    def alternatives(self) -> dict[str, Self]:
        """The composite under each other choice of its rules."""
        found: dict[str, Self] = {}
        for at, rule in enumerate(self.of):
            for name, other in rule.alternatives().items():
                found[f"{at + 1}. {name}"] = self.model_copy(update={"of": [*self.of[:at], other, *self.of[at + 1 :]]})
        return found


class ShippedRule(BaseModel):
    """A published definition from the catalogue, with the study's own names."""

    model_config = _STRICT

    kind: Literal["shipped"]
    """`shipped`."""
    rule: str
    """Id in the catalogue (docs/reference/rules.md)."""
    period: str
    """Period whose start is time 0."""
    parameter: str
    """The study's parameter of the rule's instrument."""
    follow_up: str
    """`schedule`, `disposition`, `last_look` or a participants' column, as in the rules that look for themselves."""
    events: list[str]
    """The study's events that are the event by themselves, as the definition names them."""
    competing: list[str]
    """The study's events after which the event can no longer be seen."""
    dropouts: list[str] = Field(default_factory=list[str])
    """The disposition's statuses that are dropping out, where the definition counts it."""
    types: dict[str, float] = Field(default_factory=dict[str, float])
    """The study's events that are days of use, where the definition counts them."""
    visit: str | None = None
    """The study's visit at which the definition's starting state must be met, where it names one."""

    @property
    def resolved(self) -> RunRule | DaysRule | FirstOfRule:
        """The definition over this study's names."""
        return _resolved(shipped_rules()[self.rule], self)


Rule = Annotated[RecordedRule | FirstEventRule | RunRule | DaysRule | FirstOfRule | ShippedRule, Field(discriminator="kind")]
Looking = RunRule | DaysRule


class Definition(BaseModel):
    """An entry of the catalogue: a published rule without a study's names."""

    model_config = _STRICT

    label: str
    """What it is, as printed."""
    instrument: str
    """Instrument that the parameter must have."""
    rule: dict[str, Any]
    """Keys of the rule, but for those that a study gives."""


@cache
def shipped_rules() -> dict[str, Definition]:
    """Every published definition by id, read from ``rules.yaml``."""
    text = files("ketaoutcomes.domain").joinpath("rules.yaml").read_text(encoding="utf-8")
    return {key: Definition.model_validate(entry) for key, entry in yaml.safe_load(text).items()}


def _resolved(definition: Definition, study: ShippedRule) -> RunRule | DaysRule | FirstOfRule:
    entry = definition.rule
    if entry["kind"] == "first_of":
        return FirstOfRule.model_validate({**entry, "of": [_named(part, study) for part in entry["of"]]})
    return (RunRule if entry["kind"] == "run" else DaysRule).model_validate(_named(entry, study))


def _named(entry: dict[str, Any], study: ShippedRule) -> dict[str, Any]:
    named = {**entry, "period": study.period, "follow_up": study.follow_up, "events": study.events, "competing": study.competing}
    if entry["kind"] == "run":
        named["parameter"] = study.parameter
    else:
        named["types"] = study.types
    if entry["dropout"] is not None:
        named["dropout"] = {**entry["dropout"], "statuses": study.dropouts}
    if isinstance(entry["origin"], dict):
        named["origin"] = {**entry["origin"], "visit": study.visit if entry["origin"]["otherwise"] == "event" else None}
    return named


def events_of(rule: Rule) -> list[str]:
    """The events that a rule names."""
    rule = rule.resolved if isinstance(rule, ShippedRule) else rule
    if isinstance(rule, FirstOfRule):
        return list(dict.fromkeys(event for part in rule.of for event in events_of(part)))
    if isinstance(rule, FirstEventRule):
        return [*rule.types, *rule.competing]
    if isinstance(rule, RunRule | DaysRule):
        return [*rule.events, *rule.competing, *(rule.types if isinstance(rule, DaysRule) else [])]
    return []
