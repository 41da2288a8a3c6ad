"""One study as one value: what the study file says, typed. It is the statistical analysis plan."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ketaoutcomes.domain.analyses import Analysis
from ketaoutcomes.domain.endpoints import (
    CutoffEndpoint,
    Endpoint,
    OnsetEndpoint,
    PublishedTally,
    ReliableChangeEndpoint,
    Said,
    SustainedEndpoint,
    TallyEndpoint,
    TallyReachedEndpoint,
    TimeEndpoint,
    published_tallies,
)
from ketaoutcomes.domain.instruments import ASSUMED, Instrument, instruments, parts, plain_words
from ketaoutcomes.domain.rule_words import rule_words
from ketaoutcomes.domain.rules import FirstOfRule, Rule, ShippedRule
from ketaoutcomes.domain.tables import Column, Name, Table

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


_HALF_MINUTE = 0.5 / (24 * 60)


class Allowed(BaseModel):
    """A column that the screen for identifiers hits and that may be read all the same."""

    model_config = _STRICT

    column: str
    """Its header in the file."""
    reason: str = Field(min_length=10)
    """Why it identifies nobody; printed in the report."""
    approver: str = Field(min_length=2)
    """Who decided; printed in the report."""


class Privacy(BaseModel):
    """Disclosure control."""

    model_config = _STRICT

    profile: Literal["opensafely"] | None = None
    """Rules applied to what is released; mandatory for confidential studies, not for open ones."""
    allow: list[Allowed] = Field(default_factory=list[Allowed])
    """Columns that seem to hold identifiers and may be read."""


class Arm(BaseModel):
    """A treatment arm."""

    model_config = _STRICT

    label: str
    """As printed."""


class Design(BaseModel):
    """How people came to their treatment."""

    model_config = _STRICT

    kind: Literal["parallel", "withdrawal", "crossover", "single_arm", "observational"]
    """The comparison's design."""
    arms: dict[Name, Arm] = Field(min_length=1)
    """Arms by id, in the order displays show them."""
    reference: str | None = None
    """Arm the others are compared with; none for a single arm."""
    randomised: bool
    """Were the arms randomised?"""
    strata: list[str] = Field(default_factory=list[str])
    """Participants' columns that stratified the randomisation."""
    site: str | None = None
    """Participants' column holding the site."""
    confounders: list[str] = Field(default_factory=list[str])
    """Observational designs: participants' columns that the primary comparison must adjust for."""


class Baseline(BaseModel):
    """Which assessment is the baseline of a period."""

    model_config = _STRICT

    period: str
    """Period that holds the baseline assessment: it need not be the one analysed."""
    visit: str
    """Visit id. Which score counts as that visit is said by its `window` and `take`."""
    otherwise: list[str] = Field(default_factory=list[str])
    """Visits of that period that are the baseline of people without a score there, tried in order."""


class Period(BaseModel):
    """A stretch of the study with its own start, arms and baseline."""

    model_config = _STRICT

    id: Name
    """Id."""
    label: str
    """As printed."""
    start: str | None = None
    """Participants' column with the study day on which the period starts for them; day 0 when not given."""
    arm: str | None = None
    """Participants' column with the planned arm; none where everybody is treated alike."""
    actual_arm: str | None = None
    """Participants' column with the arm actually received, when it is recorded."""
    baseline: Baseline
    """The baseline of this period's scores."""
    eligibility: str | None = None
    """Population that enters the period; everybody when not given."""


class Visit(BaseModel):
    """A scheduled visit: the expected grid, so that a missing visit is a row."""

    model_config = _STRICT

    id: Name
    """Id, unique within its period."""
    period: str
    """Period id."""
    label: str
    """As printed."""
    time: float
    """Days from the period's start (or the unit of `time_unit`); orders the visits, and is continuous time."""
    window: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """First and last day that count as this visit, to half a minute, for tables that carry days instead of visit names.
    Fractions are hours: 2 h is 0.0833."""
    take: Literal["nearest", "first", "last", "best", "worst", "mean"] = "nearest"
    """Which of several scores within the window counts: the nearest to `time`, the first, the last, the best or worst by the instrument, their mean."""
    tie: Literal["earlier", "later"] = "earlier"
    """Which of two equally near (or equally good) scores counts."""

    @property
    def edges(self) -> tuple[float, float]:
        """The window with half a minute at both ends, because hours are written as fractions of a day; an empty one without a window."""
        return (self.window[0] - _HALF_MINUTE, self.window[1] + _HALF_MINUTE) if self.window else (1.0, 0.0)


class Population(BaseModel):
    """Who is counted."""

    model_config = _STRICT

    label: str
    """As printed."""
    where: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """Participants' column to allowed values; all must hold. Flags are written `yes` and `no`."""
    baseline_of: str | None = None
    """Also require a baseline value of this parameter."""
    post_baseline_of: str | None = None
    """Also require at least one value of this parameter after baseline."""


class Intercurrent(BaseModel):
    """An event that changes what a later score means, and what the estimand does about it."""

    model_config = _STRICT

    event: str
    """Value of the events table's `event`."""
    strategy: Literal["treatment_policy", "hypothetical", "composite"]
    """`treatment_policy` keeps later scores; `hypothetical` leaves them out of the analysis; `composite` counts a cut-off endpoint as not met from then on."""
    reason: str
    """Why, as printed."""


class Hypothesis(BaseModel):
    """A comparison of an analysis with the reference arm."""

    model_config = _STRICT

    analysis: str
    """Name of an analysis."""
    arm: str | None = None
    """Arm compared with the reference; every arm when not given."""
    visit: str | None = None
    """Visit, for analyses of several."""


class Testing(BaseModel):
    """Confirmatory tests in fixed order. After the first hypothesis that is not rejected, p values are printed as nominal."""

    model_config = _STRICT

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Two-sided level."""
    order: list[str | Hypothesis | list[str | Hypothesis]] = Field(min_length=1)
    """Steps in testing order: an analysis, a comparison of one, or a list of such that share the level by Holm's procedure."""

    @property
    def steps(self) -> list[list[Hypothesis]]:
        """The hypotheses of each step."""
        steps = [step if isinstance(step, list) else [step] for step in self.order]
        return [[Hypothesis(analysis=one) if isinstance(one, str) else one for one in step] for step in steps]


class Published(BaseModel):
    """A number that was really printed somewhere, and the result that should equal it; in a simulated study it is context."""

    model_config = _STRICT

    id: Name
    """Id."""
    key: dict[str, str]
    """Columns of the result's row: analysis, statistic and whatever else makes it the only one."""
    value: str
    """The number as printed, digits included."""
    printed_in: str
    """Where."""


class Reasoned(BaseModel):
    """A deviation or an assumption, with its reason."""

    model_config = _STRICT

    key: str
    """What it concerns."""
    reason: str
    """Why."""


class Study(BaseModel):
    """A study file. Later versions may add keys; none changes its meaning."""

    model_config = _STRICT

    study: Name
    """Id; the file is `config/studies/<study>.yaml`."""
    title: str
    """Title of the report."""
    drug: str
    """What was given, in words; says plainly when it was not ketamine."""
    source: Literal["simulated", "real"]
    """Reports print it."""
    obtain: str
    """How to get the data: a command or an address. Printed when a file is missing."""
    citation: str | None = None
    """Where the data or the design were published."""
    status: Literal["open", "confidential"]
    """`confidential` switches disclosure control on."""
    privacy: Privacy | None = None
    """Disclosure control, mandatory when confidential, and columns allowed by the screen for identifiers."""
    time_unit: Literal["days", "weeks", "months"] = "days"
    """Unit of the visits' `time` and of recorded times to event."""
    tables: dict[Name, Table] = Field(min_length=1)
    """Files by name."""
    instruments: dict[Name, Instrument] = Field(default_factory=dict[str, Instrument])
    """Scales of the study's own, in the form of the catalogue's entries (docs/reference/instruments.md)."""
    design: Design
    """Design."""
    periods: list[Period] = Field(min_length=1)
    """Periods in order."""
    visits: list[Visit] = Field(default_factory=list[Visit])
    """Visits in order."""
    populations: dict[Name, Population] = Field(min_length=1)
    """Populations by name."""
    intercurrent: list[Intercurrent] = Field(default_factory=list[Intercurrent])
    """Intercurrent events and strategies."""
    said_endpoints: dict[Name, Said] = Field(default_factory=dict[str, Said], alias="endpoints")
    """Endpoints by name."""
    rules: dict[Name, Rule] = Field(default_factory=dict[str, Rule])
    """Time-to-event rules by name."""
    analyses: dict[Name, Analysis] = Field(min_length=1)
    """Analyses by name."""
    testing: Testing | None = None
    """Order of confirmatory tests."""
    published: list[Published] = Field(default_factory=list[Published])
    """Published numbers the results should equal."""
    deviations: list[Reasoned] = Field(default_factory=list[Reasoned])
    """Deviations from the plan."""
    assumptions: list[Reasoned] = Field(default_factory=list[Reasoned])
    """Assumptions no source was found for."""

    @property
    def parameters(self) -> dict[str, str]:
        """Parameter id to instrument id, in the order the tables name them."""
        found: dict[str, str] = {}
        for table in self.tables.values():
            if table.provides == "assessments":
                found |= {n: c.instrument for n, c in table.columns.items() if c.instrument}
                found |= {wide.parameter: wide.instrument for wide in (*table.wide, *table.patterns)}
                found |= {one.parameter: one.instrument for one in (table.long.parameters if table.long else {}).values()}
                found |= {name: name for scored in table.items for name in (scored.instrument, *parts(self.scales, scored.instrument))}
        return found

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """Endpoints by name, published ones over this study's names."""
        known = {name: said for name, said in self.said_endpoints.items() if not isinstance(said, PublishedTally) or said.tally in published_tallies()}
        return {name: said.resolved if isinstance(said, PublishedTally) else said for name, said in known.items()}

    @property
    def scales(self) -> dict[str, Instrument]:
        """Instruments of the catalogue and of the study by id."""
        return {**instruments(), **self.instruments}

    def scale(self, parameter: str) -> Instrument:
        """The instrument of a parameter."""
        return self.scales[self.parameters[parameter]]

    def rule_words(self, name: str) -> str:
        """What a time-to-event rule counts, with its source."""
        rule = self.rules[name]
        parameters = {getattr(part, "parameter", "") for part in (rule.of if isinstance(rule, FirstOfRule) else [rule])} - {""}
        cutoffs = {key: plain_words(self.scale(parameter), key) for parameter in parameters for key in self.scale(parameter).criteria}
        return rule_words(rule, cutoffs)

    def sources_of(self, endpoint: str) -> list[str]:
        """Where an endpoint's definition, and the cut-off in it, were published, as its words give them."""
        said = self.endpoints[endpoint]
        if isinstance(said, TimeEndpoint):
            rule = self.rules[said.rule]
            return [rule.resolved.source if isinstance(rule, ShippedRule) else rule.source]
        own = [said.source] if isinstance(said, SustainedEndpoint | ReliableChangeEndpoint | TallyEndpoint | TallyReachedEndpoint) else []
        if isinstance(said, CutoffEndpoint | OnsetEndpoint | SustainedEndpoint):
            source = self.scale(said.parameter).criteria[said.cutoff].source
            return list(dict.fromkeys(["cut-off assumed, no source found" if source == ASSUMED else source, *own]))
        return own

    @property
    def profile(self) -> str:
        """The disclosure profile; empty for an open study."""
        return (self.privacy.profile if self.privacy else None) or ""

    @property
    def visit_labels(self) -> dict[str, str]:
        """Visit id to label, the first period's naming."""
        return {visit.id: visit.label for visit in reversed(self.visits)}

    @property
    def participant_columns(self) -> dict[str, Column]:
        """Columns of the participants' tables by our name."""
        tables = [t for t in self.tables.values() if t.provides == "participants"]
        return {name: column for table in tables for name, column in table.columns.items()}

    @property
    def primary(self) -> str:
        """Name of the primary analysis."""
        return next(name for name, analysis in self.analyses.items() if analysis.primary)

    def period(self, name: str) -> Period:
        """The period called `name`."""
        return next(period for period in self.periods if period.id == name)

    def visits_of(self, period: str) -> list[Visit]:
        """Visits of a period in order of time."""
        return sorted((v for v in self.visits if v.period == period), key=lambda v: v.time)
