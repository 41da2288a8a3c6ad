"""One entry under `analyses:` of a study file: which model, of what, in whom.

Terms are named by role, never by formula: a formula is a program.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ketaoutcomes.domain.analysis_keys import Common, Comparison, Timed
from ketaoutcomes.domain.clinic_analyses import Association, Gee, Landmark, VisitProcess, Weighted


class Descriptive(Common):
    """Counts and summaries: flow, baseline, observed scores, missing values, sessions."""

    model: Literal["descriptive"]
    """`descriptive`."""
    period: str
    """Period described; `all` in a crossover."""
    parameters: list[str] = Field(default_factory=list[str])
    """Parameters summarised by arm and visit."""
    baseline: list[str] = Field(default_factory=list[str])
    """Participants' columns in the baseline table."""


#: Names of `ketaoutcomes.mixed`, in the words of the methods sentence.
DF_WORDS = {
    "satterthwaite": "Satterthwaite degrees of freedom",
    "kenward-roger": "Kenward-Roger errors and degrees of freedom (linear, observed information, as SAS DDFM=KR)",
    "kenward-roger-mmrm": "Kenward-Roger errors and degrees of freedom (with second derivatives, as R's mmrm)",
    "kenward-roger-pbkrtest": "Kenward-Roger errors and degrees of freedom (linear, expected information, as R's pbkrtest)",
    "between-within": "between-within degrees of freedom",
    "residual": "residual degrees of freedom",
}
ERRORS_WORDS = {
    "model": "",
    "cr0": "sandwich errors CR0 with participants as clusters and ",
    "cr2": "bias-reduced sandwich errors CR2 with participants as clusters and ",
    "cr3": "jackknife sandwich errors CR3 with participants as clusters and ",
}
COVARIANCE_WORDS = {
    "us": "unstructured",
    "cs": "compound symmetry",
    "csh": "heterogeneous compound symmetry",
    "ar1": "first-order autoregressive",
    "ar1h": "heterogeneous first-order autoregressive",
    "toep": "Toeplitz",
    "toeph": "heterogeneous Toeplitz",
    "ad": "first-order ante-dependence",
    "adh": "heterogeneous first-order ante-dependence",
    "sp_exp": "spatial exponential over the visits' times",
}
_Df = Literal["kenward-roger", "kenward-roger-mmrm", "kenward-roger-pbkrtest", "satterthwaite", "between-within", "residual"]
_Covariance = Literal["us", "cs", "csh", "ar1", "ar1h", "toep", "toeph", "ad", "adh", "sp_exp"]


_Adjust = Literal["dunnett", "holm", "hochberg", "bonferroni"]
#: In the words of the methods sentence.
ADJUST_WORDS = {
    "dunnett": " Comparisons of the arms at a visit are adjusted for each other by Dunnett's procedure (joint t distribution), limits included.",
    "holm": " p values of the arms at a visit are adjusted for each other by Holm's procedure; limits are not.",
    "hochberg": " p values of the arms at a visit are adjusted for each other by Hochberg's procedure; limits are not.",
    "bonferroni": " Comparisons of the arms at a visit are adjusted for each other by Bonferroni's procedure, limits included.",
    None: "",
}


class _Mixed(Comparison):
    method: Literal["reml", "ml"] = "reml"
    """Restricted or full maximum likelihood."""
    errors: Literal["model", "cr0", "cr2", "cr3"] = "model"
    """Standard errors from the model, or sandwich errors with participants as clusters."""
    df: _Df | None = None
    """Degrees of freedom. Default: `kenward-roger` (which also adjusts the errors) under REML with errors from the model, else `satterthwaite`."""

    @property
    def df_method(self) -> str:
        """`df`, or its default."""
        return self.df or ("kenward-roger" if self.method == "reml" and self.errors == "model" else "satterthwaite")


class Mmrm(_Mixed):
    """Mixed model for repeated measures: a covariance matrix over the scheduled visits."""

    model: Literal["mmrm"]
    """`mmrm`."""
    visit: str
    """Visit of the main contrast."""
    covariance: list[_Covariance] = Field(default_factory=lambda: ["us"], min_length=1)
    """Covariance structures, as R's mmrm names them. The next one is taken only where one cannot be estimated, and the report says so."""
    covariance_by_arm: bool = False
    """A covariance matrix for each arm."""
    adjust: _Adjust | None = None
    """Adjust the comparisons of several arms with the reference for each other, at each visit."""
    baseline: Literal["covariate", "shared"] = "covariate"
    """`shared`: the baseline score is a response whose mean the randomised arms share (constrained longitudinal data analysis)."""


class Lmm(_Mixed, Timed):
    """Linear mixed model: random effects of participants, and of sites."""

    model: Literal["lmm"]
    """`lmm`."""
    time: Literal["continuous", "categorical", "spline"]
    """`continuous`: one slope over time; `categorical`: one mean per visit; `spline`: a restricted cubic spline over time."""
    interactions: list[list[str]] = Field(default_factory=list[list[str]])
    """Pairs of terms, such as `[arm, visit]` or `[arm, time]` (with a spline: with each of its columns)."""
    times: dict[str, float] = Field(default_factory=dict[str, float])
    """Continuous time: visits whose time is another one in this analysis."""
    visit: str | None = None
    """Visit of the main contrast, for categorical time with an arm x visit interaction."""
    random: list[Literal["intercept", "slope"]] = Field(default_factory=lambda: ["intercept"], min_length=1, max_length=2)
    """Random effects of a participant: `[intercept]`, or `[intercept, slope]` over time that is no category."""
    correlated: bool = True
    """Whether random intercept and slope are correlated."""
    site_intercept: bool = False
    """A random intercept for each site of `design.site`."""
    time_varying: list[str] = Field(default_factory=list[str])
    """Parameters whose score at the same visit is a covariate, in studies that compare no arms: what goes along with the response, not what
    causes it. `interactions` may name them."""


class Paired(Common):
    """Within-person difference: between the two arms of a crossover, or between a visit and the baseline."""

    model: Literal["paired"]
    """`paired`."""
    endpoint: str
    """Name of a score endpoint."""
    visit: str
    """Visit compared."""
    against: Literal["reference", "baseline"] = "reference"
    """`reference`: the other arm of a crossover; `baseline`: the person's own baseline, in each arm, for a case series or one arm."""


class Ancova(Comparison):
    """Analysis of covariance at one visit."""

    model: Literal["ancova"]
    """`ancova`."""
    visit: str
    """Visit analysed."""
    adjust: _Adjust | None = None
    """Adjust the comparisons of several arms (dose groups) with the reference for each other."""


class Proportions(Common):
    """Proportions by arm at each visit, with risk difference, risk ratio and number needed to treat."""

    model: Literal["proportions"]
    """`proportions`."""
    endpoint: str
    """Name of a yes-or-no endpoint."""
    period: str
    """Period analysed."""
    visits: list[str] = Field(min_length=1)
    """Visits analysed."""
    strata: list[str] = Field(default_factory=list[str])
    """Participants' columns for a Mantel-Haenszel risk difference."""
    covariates: list[str] = Field(default_factory=list[str])
    """Participants' columns for a risk difference standardised over a logistic regression."""


class Glmm(Comparison):
    """Repeated yes-or-no outcomes (abstinent, in remission, in relapse at each visit): logistic mixed model with random effects of participants."""

    model: Literal["glmm"]
    """`glmm`."""
    visits: list[str] = Field(min_length=2)
    """Visits that enter."""
    visit: str
    """Visit of the main comparison."""
    time: Literal["categorical", "continuous"] = "categorical"
    """`categorical`: a risk for each visit; `continuous`: log odds that change evenly with the visit's `time`."""
    random: list[Literal["intercept", "slope"]] = Field(default_factory=lambda: ["intercept"], min_length=1, max_length=2)
    """Random effects of a participant: `[intercept]`, or `[intercept, slope]` over continuous time."""
    nodes: int | None = Field(default=None, ge=1, le=200)
    """Nodes of adaptive Gauss-Hermite quadrature; 1 is Laplace's approximation. Default: 25 (9 with a slope), and more until stable."""

    site_intercept: bool = False
    """A random intercept for each site of `design.site`, beside the participants'."""


class Hazard(Comparison):
    """Hazard of a first event that is seen only at visits: complementary log-log model of grouped time, with a random intercept of sites."""

    model: Literal["hazard"]
    """`hazard`."""
    intervals: list[float] = Field(min_length=1)
    """Ends of the intervals, in the study's `time_unit`, ascending: the times at which people were looked at."""
    time: Literal["categorical", "spline"] = "categorical"
    """`categorical`: each interval has a hazard of its own; `spline`: the log hazard is a restricted cubic spline over the intervals' ends."""
    knots: list[float] = Field(default_factory=list[float], max_length=7)
    """`time: spline`: times of the knots, at least 3, ascending."""
    site_intercept: bool = False
    """A random intercept for each site of `design.site`."""


class Ordinal(Common):
    """Scores that are ranks: shifts from baseline, Wilcoxon test with Hodges-Lehmann difference, stratified by van Elteren."""

    model: Literal["ordinal"]
    """`ordinal`."""
    endpoint: str
    """Name of a score endpoint."""
    period: str
    """Period analysed."""
    visit: str
    """Visit analysed."""
    bands: bool = False
    """Show the shifts between the severity bands of the instrument, not between its scores."""
    strata: list[str] = Field(default_factory=list[str])
    """Participants' columns within which ranks are taken."""


class KaplanMeier(Common):
    """Time to event: product-limit curve, numbers at risk, median, log-rank test."""

    model: Literal["kaplan_meier"]
    """`kaplan_meier`."""
    endpoint: str
    """Name of a time-to-event endpoint."""
    period: str
    """Period analysed."""
    strata: list[str] = Field(default_factory=list[str])
    """Participants' columns that stratify the log-rank test."""
    at_risk_every: int = Field(gt=0)
    """Days between the numbers at risk under the curve."""
    limits: Literal["log", "log-log", "plain"] = "log"
    """Scale on which the limits of the curve are symmetric."""
    rho: float = Field(default=0.0, ge=0)
    """Weight of early events in the log-rank test, as Fleming and Harrington: S^rho (1 - S)^gamma; 0 and 0 is the log-rank test, 1 and 0 Peto's."""
    gamma: float = Field(default=0.0, ge=0)
    """Weight of late events."""


class CumulativeIncidence(Common):
    """Time to event with competing events: Aalen-Johansen curves and Gray's test."""

    model: Literal["cumulative_incidence"]
    """`cumulative_incidence`."""
    endpoint: str
    """Name of a time-to-event endpoint whose rule names competing events."""
    period: str
    """Period analysed."""
    days: list[float] = Field(min_length=1)
    """Times, in the study's `time_unit`, at which incidence and people at risk are given."""


class Cox(Comparison):
    """Proportional-hazards regression: Efron ties, model-based errors, stratified by strata."""

    model: Literal["cox"]
    """`cox`."""
    strata: list[str] = Field(default_factory=list[str])
    """Participants' columns with a baseline hazard each."""
    cluster: str | None = None
    """Participants' column for sandwich errors (40 clusters or more, else the result is flagged)."""
    time_varying: list[str] = Field(default_factory=list[str])
    """Parameters whose last score at or before each time is a covariate; the baseline counts until the first."""
    landmarks: list[float] = Field(default_factory=list[float])
    """Times, in the study's `time_unit`, at which the shares without the event are compared beside the hazard ratio."""
    until: float | None = Field(default=None, gt=0)
    """Time up to which the restricted mean time without the event is compared; as far as both arms are followed when not given."""


class AdverseEvents(Common):
    """Treatment-emergent adverse events by class and term: people, events and rates per person-time."""

    model: Literal["adverse_events"]
    """`adverse_events`."""
    period: str
    """Period analysed."""
    after: float = Field(default=0.0, ge=0)
    """Days after a person's end of the period during which a new event still counts as emerging under treatment."""


class Exposure(Common):
    """Scores by what a person had received before them: bladder symptoms, cognition over cumulative sessions or dose. Describes, compares nothing."""

    model: Literal["exposure"]
    """`exposure`."""
    period: str
    """Period analysed."""
    parameter: str
    """Parameter described."""
    by: str
    """`sessions` counts the sessions on earlier days; the name of a sessions' column adds it up over them (a dose)."""
    cuts: list[float] = Field(min_length=1)
    """Where a band of exposure ends, inclusive, ascending; the last band is open."""


class Subgroups(Common):
    """Another analysis repeated within the levels of what was known before treatment, with a test of interaction for each column."""

    model: Literal["subgroups"]
    """`subgroups`."""
    of: str
    """Name of an `mmrm`, `ancova`, `proportions` or `cox` analysis of this study; its covariates, without the column itself where that is constant."""
    by: list[str] = Field(min_length=1)
    """Participants' columns: flags, columns with `levels` or `recode`, and numbers with `cuts`."""
    cuts: dict[str, list[float]] = Field(default_factory=dict[str, list[float]])
    """For numbers: where a subgroup ends, inclusive, ascending; the last one is open."""
    visit: str | None = None
    """For `proportions` of several visits: the visit compared."""


Analysis = Annotated[
    Descriptive
    | Mmrm
    | Lmm
    | Paired
    | Ancova
    | Proportions
    | Glmm
    | Gee
    | Hazard
    | VisitProcess
    | Landmark
    | Weighted
    | Association
    | Ordinal
    | KaplanMeier
    | CumulativeIncidence
    | Cox
    | AdverseEvents
    | Exposure
    | Subgroups,
    Field(discriminator="model"),
]
