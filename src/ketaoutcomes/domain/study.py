"""One study as one value: what the study file says, typed. It is the statistical analysis plan."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ketaoutcomes.domain.analyses import Analysis
from ketaoutcomes.domain.endpoints import Endpoint, Rule
from ketaoutcomes.domain.instruments import Instrument, instruments, parts

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)
#: Names that become wildcards and file names; Windows' device names are refused in `references`.
NAME = r"^[a-z][a-z0-9_]{0,47}$"
Name = Annotated[str, Field(pattern=NAME)]


class Column(BaseModel):
    """Where one of our columns comes from, and how its text is read."""

    model_config = _STRICT

    source: str = Field(alias="from")
    """Header in the file, exactly."""
    kind: Literal["text", "category", "number", "integer", "flag", "date"] = "text"
    """How a cell is read. A `date` becomes a study day (or an anchor for `since`); dates never leave ingest."""
    recode: dict[str, str] = Field(default_factory=dict[str, str])
    """File's label to ours. When given, a label not listed is refused."""
    levels: list[str] = Field(default_factory=list[str])
    """Categories in order, the reference first."""
    drop_unlisted: bool = False
    """With `recode`: rows whose label is not listed are left out and counted, instead of refused."""
    instrument: str | None = None
    """Instrument whose range is enforced; makes the column a parameter of the assessments."""
    date_format: str = "%Y-%m-%d"
    """Format of a date, as in Python's strptime."""
    since: str | None = None
    """A participants' date column that is day 0 of this date."""
    unit: str | None = None
    """Unit, as printed."""
    label: str | None = None
    """Name, as printed; made from our column name when not given."""


class WideColumn(BaseModel):
    """One column of a wide table: the score of one parameter at one visit."""

    model_config = _STRICT

    source: str = Field(alias="from")
    """Header in the file, exactly."""
    parameter: Name
    """Id of the parameter."""
    instrument: str
    """Instrument whose range is enforced."""
    visit: str
    """Visit id."""
    period: str
    """Period id."""


class ItemColumns(BaseModel):
    """Columns that hold the items of one instrument; its score and those of its parts become parameters of their names."""

    model_config = _STRICT

    instrument: str
    """Instrument whose items these are."""
    sources: list[str] = Field(alias="from", min_length=1)
    """Headers in the file, in the order of the items; or one header with `{}` in place of the item's number."""

    def headers(self, number: int) -> list[str]:
        """The header of each of `number` items."""
        pattern, *others = self.sources
        return [pattern.replace("{}", str(item)) for item in range(1, number + 1)] if "{}" in pattern and not others else self.sources


class Table(BaseModel):
    """One file: which part of the cohort it provides and how its columns are read."""

    model_config = _STRICT

    file: str
    """Path from the project folder; `.csv` is comma, `.tsv` tab separated."""
    provides: Literal["participants", "assessments", "sessions", "events", "disposition"]
    """Part of the cohort. Several tables may provide the same part: participants are joined on `participant`, the others are stacked."""
    sha256: str | None = None
    """When given, a file with another checksum is refused."""
    missing: list[str] = Field(default_factory=list[str])
    """Codes that mean missing, besides the empty cell."""
    columns: dict[Name, Column]
    """Our column names. Columns of the file that are not named here never leave ingest."""
    wide: list[WideColumn] = Field(default_factory=list[WideColumn])
    """For `assessments`: columns that each hold one visit's score."""
    items: list[ItemColumns] = Field(default_factory=list[ItemColumns])
    """For `assessments`: columns that each hold one item of an instrument."""

    def headers(self, scales: dict[str, Instrument]) -> list[str]:
        """Headers that the file must have."""
        numbers = {entry.instrument: scale.items.number for entry in self.items if (scale := scales[entry.instrument]).items}
        items = [header for entry in self.items for header in entry.headers(numbers[entry.instrument])]
        return [*(column.source for column in self.columns.values()), *(wide.source for wide in self.wide), *items]


class Privacy(BaseModel):
    """Disclosure control."""

    model_config = _STRICT

    profile: Literal["opensafely"]
    """Rules applied to what is released."""


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
    """First and last day that count as this visit, for tables that carry days instead of visit names. Fractions are hours: 2 h is 0.0833."""
    take: Literal["nearest", "first", "last", "best", "worst", "mean"] = "nearest"
    """Which of several scores within the window counts: the nearest to `time`, the first, the last, the best or worst by the instrument, their mean."""
    tie: Literal["earlier", "later"] = "earlier"
    """Which of two equally near (or equally good) scores counts."""


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


class Testing(BaseModel):
    """Order of confirmatory tests."""

    model_config = _STRICT

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Two-sided level."""
    order: list[str]
    """Analyses in testing order."""


class Published(BaseModel):
    """A number that was really printed somewhere, and the result that should equal it."""

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
    """Mandatory when confidential."""
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
    endpoints: dict[Name, Endpoint] = Field(default_factory=dict[str, Endpoint])
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
                found |= {wide.parameter: wide.instrument for wide in table.wide}
                found |= {name: name for scored in table.items for name in (scored.instrument, *parts(self.scales, scored.instrument))}
        return found

    @property
    def scales(self) -> dict[str, Instrument]:
        """Instruments of the catalogue and of the study by id."""
        return {**instruments(), **self.instruments}

    def scale(self, parameter: str) -> Instrument:
        """The instrument of a parameter."""
        return self.scales[self.parameters[parameter]]

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
