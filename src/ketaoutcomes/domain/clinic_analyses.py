"""Analyses of follow-up that nobody planned: estimating equations, how people came to be seen, weighted comparisons, associations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ketaoutcomes.domain.analysis_keys import Common, Comparison, Timed


class Gee(Comparison, Timed):
    """Means of a score, or risks of a yes or no, in the population: generalised estimating equations with errors for few participants."""

    model: Literal["gee"]
    """`gee`."""
    visits: list[str] = Field(default_factory=list[str])
    """Visits that enter; every visit after baseline when not given."""
    visit: str | None = None
    """Visit of the main comparison, for categorical time."""
    time: Literal["continuous", "categorical", "spline"] = "categorical"
    """`continuous`: one slope over time; `categorical`: a mean or risk for each visit; `spline`: a restricted cubic spline over time."""
    working: Literal["exchangeable", "ar1", "independence"] = "exchangeable"
    """Working correlation of a person's values. `ar1` falls with the number of visits between two; weights need `independence`."""
    errors: Literal["mancl-derouen", "kauermann-carroll", "fay-graubard"] = "mancl-derouen"
    """Correction of the sandwich errors for few participants."""
    weights: Literal["visit_intensity"] | None = None
    """`visit_intensity`: weigh each score by the inverse of how readily people with such a score come to be seen (`days: all`)."""
    until: float | None = Field(default=None, gt=0)
    """Weights: day up to which everybody could be seen; scores after it do not enter."""
    trim: float = Field(default=0.01, ge=0, lt=0.25)
    """Weights beyond this quantile, and below the one that mirrors it, are set to it."""


class VisitProcess(Common):
    """How people came to be seen: number, spacing and timing of their scores, by the score seen last. Describes, compares nothing."""

    model: Literal["visit_process"]
    """`visit_process`."""
    period: str
    """Period described."""
    parameter: str
    """Parameter whose scores are the visits; every score after baseline at its own day."""
    until: float = Field(gt=0)
    """Day up to which everybody could be seen, unless their disposition says they ended before."""
    cuts: list[float] = Field(min_length=1)
    """Scores at which a band of the score seen last ends, inclusive, ascending; the last band is open."""
    days: list[float] = Field(min_length=1)
    """Days, ascending, up to each of which rates are given and after which people may not be seen again."""


class Landmark(Common):
    """Time to an event from a landmark on, by what people had received up to it: who had more sessions had to stay long enough to have them."""

    model: Literal["landmark"]
    """`landmark`."""
    endpoint: str
    """Name of a time-to-event endpoint whose time begins with the period."""
    period: str
    """Period analysed."""
    day: float = Field(gt=0)
    """The landmark: only people still followed then, without the event, enter; what is given later moves nobody."""
    by: str
    """`sessions` counts the sessions up to the landmark; the name of a sessions' column adds it up over them (a dose)."""
    cuts: list[float] = Field(min_length=1)
    """Where a band of what was received ends, inclusive, ascending; the last band is open."""
    at: list[float] = Field(min_length=1)
    """Days after the landmark, ascending, at which the shares without the event are given."""


class Weighted(Common):
    """Observational comparison of two arms: stabilised inverse-probability weights, balance, overlap, E-value."""

    model: Literal["weighted"]
    """`weighted`: weights from a logistic regression of the arm on the design's confounders, sandwich errors, an E-value as context."""
    endpoint: str
    """Name of a score or a yes-or-no endpoint."""
    period: str
    """Period analysed."""
    visit: str
    """Visit analysed."""
    confounders: list[str] = Field(default_factory=list[str])
    """Participants' columns, and `base` for the baseline score; the design's `confounders` when not given."""
    trim: float = Field(default=0.01, ge=0, lt=0.25)
    """Weights beyond this quantile, and below the one that mirrors it, are set to it."""
    assumptions: list[str] = Field(default_factory=list[str])
    """Why the comparison may be read as causal: exchangeability given the confounders, positivity, consistency, each in words.
    Without them the report says difference and never effect."""


class Association(Common):
    """What goes along with a later score: an experience or a dose in a session, between people and within them. No effect."""

    model: Literal["association"]
    """`association`."""
    endpoint: str
    """Name of a score endpoint: the next score after each session."""
    period: str
    """Period analysed."""
    exposure: str
    """What belongs to a session: a sessions' column that is a number (a dose, a peak), a reading, whose highest value after the dose counts, or a
    parameter with a score on the session's day."""
    within: list[float] = Field(min_length=2, max_length=2)
    """Days after the session, from and to, in which the next score must lie."""
    covariates: list[str] = Field(default_factory=list[str])
    """Participants' columns; `base` is the baseline score."""
    df: Literal["satterthwaite", "kenward-roger"] = "kenward-roger"
    """Degrees of freedom of the linear mixed model."""
