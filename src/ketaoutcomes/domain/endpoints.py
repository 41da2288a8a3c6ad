"""What is measured of each participant."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ketaoutcomes.domain.instruments import Instrument, criterion_words, plain_words

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class ScoreEndpoint(BaseModel):
    """A score, or its change from baseline, at each visit."""

    model_config = STRICT

    kind: Literal["value", "change", "percent_change"]
    """`value` analyses the score itself, `change` score minus baseline, `percent_change` 100 * change / baseline."""
    parameter: str
    """Id of a parameter that the tables provide."""
    missing: Literal["observed", "last_observation"] = "observed"
    """`observed` leaves missing scores to the model; `last_observation` carries the last score after baseline forward, which no model can defend."""

    @property
    def derived(self) -> bool:
        """Is it more than the score as it was observed?"""
        return self.missing != "observed"


class AreaEndpoint(BaseModel):
    """Area under a person's scores over time by the trapezoidal rule, a value at the last of the visits."""

    model_config = STRICT

    kind: Literal["area"]
    """`area`."""
    parameter: str
    """Id of a parameter that the tables provide."""
    of: Literal["value", "change"]
    """The score, or its change from baseline (0 at the baseline visit)."""
    visits: list[str] = Field(min_length=2)
    """Visits from the first to the last, in order of time; the baseline visit may be the first."""
    per_time: bool
    """Divide by the time between first and last visit: a mean over time, in the unit of the score."""
    missing: Literal["non_evaluable", "observed", "last_observation"]
    """`non_evaluable`: none without every visit; `observed`: lines across gaps, none without the first and the last visit;
    `last_observation`: the last score after baseline is carried forward, none where a visit lies before the first."""

    @property
    def derived(self) -> bool:
        """Is it more than the score as it was observed?"""
        return True


class CutoffEndpoint(BaseModel):
    """A yes or no at each visit: has the score met a cited cut-off?"""

    model_config = STRICT

    kind: Literal["cutoff"]
    """`cutoff`."""
    parameter: str
    """Id of a parameter that the tables provide."""
    cutoff: str
    """Id of a cut-off or an important change of the parameter's instrument."""
    missing: Literal["observed", "nonresponse", "non_evaluable", "last_observation"]
    """What a missing score means. `observed` and `non_evaluable` (at one visit the same): left out; `nonresponse`: not met;
    `last_observation`: carried forward."""


class OnsetEndpoint(BaseModel):
    """A yes or no at each visit: has a cut-off been met there or at an earlier visit after baseline?"""

    model_config = STRICT

    kind: Literal["onset"]
    """`onset`."""
    parameter: str
    """Id of a parameter that the tables provide."""
    cutoff: str
    """Id of a cut-off or an important change of the parameter's instrument."""
    missing: Literal["nonresponse"]
    """`nonresponse`: nothing is met at a missing visit. To censor instead, use a time-to-event rule."""


class SustainedEndpoint(BaseModel):
    """A yes or no over several visits: was a cut-off met and kept? Stands at the last of the visits."""

    model_config = STRICT

    kind: Literal["sustained"]
    """`sustained`."""
    parameter: str
    """Id of a parameter that the tables provide."""
    cutoff: str
    """Id of a cut-off or an important change of the parameter's instrument."""
    visits: list[str] = Field(min_length=2)
    """Every visit that is looked at, in order of time."""
    excursions: int = Field(ge=0)
    """At how many of them the cut-off may be missed."""
    always: list[str] = Field(default_factory=list[str])
    """Visits among them at which it may not be missed."""
    missing: Literal["nonresponse", "non_evaluable", "observed", "last_observation"]
    """A missing visit is: `nonresponse`, an excursion; `non_evaluable`, no answer for this person; `observed`, not looked at
    (no answer when it is one of `always` or all are missing); `last_observation`, the score before it."""
    source: str
    """Where the definition was published, or `chosen by us`."""


class ReliableChangeEndpoint(BaseModel):
    """A yes or no at each visit: has the score changed by more than its error of measurement would explain?

    Change / (sd * sqrt(2 (1 - reliability))) beyond `level` (Jacobson and Truax 1991, J Consult Clin Psychol 59:12).
    """

    model_config = STRICT

    kind: Literal["reliable_change"]
    """`reliable_change`."""
    parameter: str
    """Id of a parameter that the tables provide."""
    direction: Literal["improved", "worsened"]
    """Which change."""
    sd: Annotated[float, Field(gt=0)] | Literal["baseline"]
    """Standard deviation of the scores: a number, or `baseline` for that of the period's baseline scores."""
    reliability: float = Field(gt=0, lt=1)
    """Test-retest reliability."""
    level: float = Field(default=1.96, gt=0)
    """Standard errors of a difference."""
    missing: Literal["observed", "nonresponse", "non_evaluable", "last_observation"]
    """What a missing score means, as in `cutoff`."""
    source: str
    """Where reliability and standard deviation were published, or `chosen by us`."""


class _Tally(BaseModel):
    model_config = STRICT

    parameter: str
    """Id of a parameter that the tables provide."""
    period: str
    """Period of the looks."""
    cutoff: str | dict[str, str]
    """Id of a cut-off of the parameter's instrument; or one for each value of the column `by` (heavy drinking by sex)."""
    by: str | None = None
    """Participants' column that chooses the cut-off."""
    when: Literal["met", "not_met"]
    """Whether looks that meet the cut-off are tallied, or those that do not (abstinent ones)."""
    looks: Literal["visits", "days"]
    """The scheduled visits after baseline; or every day, each with the score recorded on it."""
    first: float
    """First time from the period's start, in the study's `time_unit`, inclusive."""
    last: float
    """Last time, inclusive."""
    follow_up: str
    """How long looks are expected of a person: `schedule`, `disposition`, or a participants' column, as in the rules."""
    measure: Literal["number", "percent", "longest"]
    """How many; percent of the looks (of all that are expected, but for those `skipped`); the longest row of them."""
    missing: Literal["tallied", "not_tallied", "skipped", "non_evaluable"]
    """An expected look without a score counts, does not count (and ends a row), is passed over, or leaves the person without an answer."""
    at: str
    """Visit at which the answer stands."""
    source: str
    """Where the definition was published, or `chosen by us`."""


class TallyEndpoint(_Tally):
    """How many looks, what share of them, or how many in a row: weeks of abstinence, percent days abstinent, heavy drinking days."""

    kind: Literal["tally"]
    """`tally`."""

    @property
    def derived(self) -> bool:
        """Is it more than the score as it was observed?"""
        return True


class TallyReachedEndpoint(_Tally):
    """A yes or no: does a tally reach a number?"""

    kind: Literal["tally_reached"]
    """`tally_reached`."""
    at_least: float
    """The number."""


class PublishedTally(BaseModel):
    """A published tally from the catalogue, with the study's own names."""

    model_config = STRICT

    kind: Literal["published"]
    """`published`."""
    tally: str
    """Id in the catalogue (docs/reference/rules.md)."""
    parameter: str
    """The study's parameter of the tally's instrument."""
    period: str
    """Period of the looks."""
    first: float
    """First time from the period's start, in the study's `time_unit`, inclusive."""
    last: float
    """Last time, inclusive."""
    follow_up: str
    """How long looks are expected of a person: `schedule`, `disposition`, or a participants' column."""
    at: str
    """Visit at which the answer stands."""
    by: str | None = None
    """The participants' column that chooses the cut-off, where the definition has several."""

    @property
    def resolved(self) -> TallyEndpoint | TallyReachedEndpoint:
        """The definition over this study's names."""
        said = {**published_tallies()[self.tally].tally, **self.model_dump(exclude={"kind", "tally"})}
        return (TallyReachedEndpoint if "at_least" in said else TallyEndpoint).model_validate(said)


class TallyDefinition(BaseModel):
    """An entry of the catalogue: a published tally without a study's names."""

    model_config = STRICT

    label: str
    """What it is, as printed."""
    instrument: str
    """Instrument that the parameter must have."""
    tally: dict[str, Any]
    """Keys of the tally, but for those that a study gives."""


@cache
def published_tallies() -> dict[str, TallyDefinition]:
    """Every published tally by id, read from ``tallies.yaml``."""
    text = files("ketaoutcomes.domain").joinpath("tallies.yaml").read_text(encoding="utf-8")
    return {key: TallyDefinition.model_validate(entry) for key, entry in yaml.safe_load(text).items()}


class TimeEndpoint(BaseModel):
    """Time from a period's start to an event, by a named rule."""

    model_config = STRICT

    kind: Literal["time_to_event"]
    """`time_to_event`."""
    rule: str
    """Name of a rule under `rules`."""


YesNo = CutoffEndpoint | OnsetEndpoint | SustainedEndpoint | ReliableChangeEndpoint | TallyReachedEndpoint
Numeric = ScoreEndpoint | AreaEndpoint | TallyEndpoint
Endpoint = ScoreEndpoint | AreaEndpoint | TallyEndpoint | YesNo | TimeEndpoint
#: What a study file may say.
Said = Annotated[Endpoint | PublishedTally, Field(discriminator="kind")]

_LEFT_OUT = "people without a score are left out of the denominator"
_MISSING = {
    "observed": _LEFT_OUT,
    "non_evaluable": _LEFT_OUT,
    "nonresponse": "a missing score counts as not met",
    "last_observation": "the last score after baseline is carried forward",
}
_MISSING_VISIT = {
    "observed": "missing visits are not looked at; people without any of them, or without one at which it must hold, are left out of the denominator",
    "non_evaluable": "people with a missing visit are left out of the denominator",
    "nonresponse": "a missing visit counts as not met",
    "last_observation": "the last score after baseline is carried forward",
}


def yes_no_words(endpoint: YesNo, scale: Instrument, visits: dict[str, str]) -> str:
    """What a yes-or-no endpoint is, with its source and what a missing score means; `visits` gives the visits' labels."""
    if isinstance(endpoint, ReliableChangeEndpoint):
        sd = "the baseline scores' SD" if endpoint.sd == "baseline" else f"an SD of {endpoint.sd:g}"
        what = f"{scale.name} {endpoint.direction} by more than {endpoint.level:g} standard errors of a difference"
        return f"{what} ({sd}, reliability {endpoint.reliability:g}; {endpoint.source}; {_MISSING[endpoint.missing]})"
    if isinstance(endpoint, TallyReachedEndpoint):
        return f"{_tally_words(endpoint, scale)} of {endpoint.at_least:g} or more ({_tally_how(endpoint)})"
    met = criterion_words(scale, endpoint.cutoff).removesuffix(")")
    if isinstance(endpoint, CutoffEndpoint):
        return f"{met}; {_MISSING[endpoint.missing]})"
    if isinstance(endpoint, OnsetEndpoint):
        return f"{met}) at the visit or an earlier one (nothing is met at a missing visit)"
    named = ", ".join(visits[visit] for visit in endpoint.visits)
    allowed = "at every one" if not endpoint.excursions else f"at all but {endpoint.excursions}"
    always = f", always at {' and '.join(visits[visit] for visit in endpoint.always)}" if endpoint.always and endpoint.excursions else ""
    return f"{met}) {allowed} of {named}{always} ({endpoint.source}; {_MISSING_VISIT[endpoint.missing]})"


def score_words(endpoint: Numeric, scale: Instrument, visits: dict[str, str]) -> str:
    """What a numeric endpoint is, within a sentence."""
    if isinstance(endpoint, AreaEndpoint):
        of = f"{'change of ' if endpoint.of == 'change' else ''}{scale.name}"
        over = f"from {visits[endpoint.visits[0]]} to {visits[endpoint.visits[-1]]}"
        how = f"trapezoidal rule over {len(endpoint.visits)} visits; {_AREA[endpoint.missing]}"
        return f"{'mean over time' if endpoint.per_time else 'area under the curve'} of {of} {over} ({how})"
    if isinstance(endpoint, TallyEndpoint):
        return f"{_tally_words(endpoint, scale)} ({_tally_how(endpoint)})"
    words = {"value": scale.name, "change": f"change of {scale.name} from baseline", "percent_change": f"percent change of {scale.name} from baseline"}
    return words[endpoint.kind] + (" (last observation carried forward)" if endpoint.missing == "last_observation" else "")


def _tally_words(endpoint: TallyEndpoint | TallyReachedEndpoint, scale: Instrument) -> str:
    cutoffs = [endpoint.cutoff] if isinstance(endpoint.cutoff, str) else list(endpoint.cutoff.values())
    groups = [""] if isinstance(endpoint.cutoff, str) else [f" ({group})" for group in endpoint.cutoff]
    states = " or ".join(f"{plain_words(scale, cutoff)}{group}" for cutoff, group in zip(cutoffs, groups, strict=True))
    what = {"number": "number of", "percent": "percent of", "longest": "longest row of"}[endpoint.measure]
    return f"{what} {endpoint.looks} {'with' if endpoint.when == 'met' else 'without'} {states}, time {endpoint.first:g} to {endpoint.last:g}"


def _tally_how(endpoint: TallyEndpoint | TallyReachedEndpoint) -> str:
    missing = {
        "tallied": f"missing {endpoint.looks} are counted",
        "not_tallied": f"missing {endpoint.looks} are not counted",
        "skipped": f"missing {endpoint.looks} are passed over, and are not in the denominator",
        "non_evaluable": f"people with missing {endpoint.looks} are left out",
    }[endpoint.missing]
    return f"{missing}; {endpoint.source}"


_AREA = {
    "non_evaluable": "people with a missing visit are left out",
    "observed": "missing visits in between are bridged; people without the first or the last are left out",
    "last_observation": "the last score is carried forward",
}
