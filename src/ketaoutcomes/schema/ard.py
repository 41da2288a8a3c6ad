"""Analysis results data: one row per number, after the CDISC Analysis Results Standard.

Key columns say what the number is of, `statistic` (closed vocabulary) what it is, `method` which
variant. `n` and `events` are the people and events behind the value: `release` decides by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ketaoutcomes.schema.table import INTEGER, NUMBER, TEXT, Schema, SchemaError

KEY = (
    "study", "analysis", "population", "parameter", "subgroup", "level", "period", "arm",
    "comparator", "visit", "day", "term", "method", "conf_level", "statistic",
)  # fmt: skip
ARD = Schema(
    "ard",
    {
        **dict.fromkeys(KEY, TEXT),
        "day": NUMBER,
        "conf_level": NUMBER,
        "value": NUMBER,
        "text": TEXT,
        "n": INTEGER,
        "events": INTEGER,
        "status": TEXT,
        "note": TEXT,
    },
    key=(),
)
STATUSES = ("ok", "flagged", "not_estimable", "failed", "withheld")
Status = Literal["ok", "flagged", "not_estimable", "failed", "withheld"]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A word of the vocabulary: how it is called, its unit and how many decimals displays show.

    `kind` is what disclosure control goes by: ``count`` people or events, ``size`` a number that
    tells a count exactly (residual df), ``share`` events / n, ``exact`` computed from a count that it
    would give away, ``number`` anything else, ``text`` words.
    """

    label: str
    digits: int
    kind: Literal["count", "size", "share", "exact", "number", "text"] = "number"
    unit: str = ""


STATISTICS: dict[str, Statistic] = {
    # people
    "n": Statistic("n", 0, "count"),
    "n_expected": Statistic("n expected", 0, "count"),
    "n_observed": Statistic("n observed", 0, "count"),
    "n_missing": Statistic("n missing", 0, "count"),
    "n_events": Statistic("events", 0, "count"),
    "n_at_risk": Statistic("at risk", 0, "count"),
    "n_censored": Statistic("censored", 0, "count"),
    "n_competing": Statistic("with a competing event", 0, "count"),
    "n_rows": Statistic("values analysed", 0, "count"),
    "n_records": Statistic("events counted", 0, "count"),
    "n_sites": Statistic("sites", 0),
    "percent": Statistic("%", 1, "share", "%"),
    "percent_missing": Statistic("% missing", 1, "share", "%"),
    # summaries
    "mean": Statistic("mean", 1),
    "sd": Statistic("SD", 1),
    "mean_change": Statistic("mean change", 1),
    "sd_change": Statistic("SD of change", 1),
    "q25": Statistic("lower quartile", 1),
    "q75": Statistic("upper quartile", 1),
    "q50": Statistic("median", 1),
    "per_month": Statistic("seen per 30 days", 2),
    "minimum": Statistic("smallest", 2, "exact"),
    "maximum": Statistic("largest", 2, "exact"),
    "effective_n": Statistic("effective sample size", 0),
    # estimates
    "estimate": Statistic("estimate", 2),
    "std_error": Statistic("SE", 2),
    "conf_low": Statistic("lower limit", 2),
    "conf_high": Statistic("upper limit", 2),
    "df": Statistic("df", 1, "size"),
    "t": Statistic("t", 2),
    "z": Statistic("z", 2),
    "chisq": Statistic("chi-square", 2),
    "p_value": Statistic("p", 3),
    "hazard_ratio": Statistic("hazard ratio", 2),
    "risk_ratio": Statistic("risk ratio", 2),
    "odds_ratio": Statistic("odds ratio", 2),
    "rate_ratio": Statistic("rate ratio", 2),
    "std_difference": Statistic("standardised difference", 2),
    "e_value": Statistic("E-value", 2),
    "correlation": Statistic("correlation", 2),
    "risk": Statistic("risk", 1, unit="%"),
    "median_ratio": Statistic("median ratio of two clusters", 2),
    "icc": Statistic("intraclass correlation", 3),
    "risk_difference": Statistic("risk difference", 1, unit="percentage points"),
    "rate": Statistic("rate", 1, unit="per 100 person-years"),
    "number_needed": Statistic("number needed to treat", 1),
    "survival": Statistic("event-free", 3),
    "incidence": Statistic("cumulative incidence", 3),
    "restricted_mean": Statistic("mean time without the event, restricted", 1),
    "median": Statistic("median", 0, unit="days"),
    "sd_between": Statistic("SD between sites", 2),
    "predicted_low": Statistic("lower limit for a new site", 2),
    "predicted_high": Statistic("upper limit for a new site", 2),
    "variance": Statistic("variance", 2),
    "slope_variance": Statistic("variance of slopes", 6),
    "slope_covariance": Statistic("covariance of intercepts and slopes", 4),
    "delta_to_zero": Statistic("delta that moves the estimate to zero", 2, "exact"),
    "fraction_missing": Statistic("fraction without a value", 3, "exact"),
    # proof of a fit
    "loglik": Statistic("log-likelihood", 2),
    "gradient_norm": Statistic("gradient norm", 12),
    "min_eigenvalue_hessian": Statistic("smallest eigenvalue of the Hessian", 6),
    "condition_number": Statistic("condition number of the covariance", 1),
    "iterations": Statistic("iterations", 0),
    # checks of a fit, residuals in standard deviations of the model
    "fitted": Statistic("mean fitted", 1),
    "observed": Statistic("mean observed", 1),
    "mean_residual": Statistic("mean residual", 2),
    "sd_residual": Statistic("SD of residuals", 2),
    "normal_quantile": Statistic("normal quantile", 2),
    "residual_quantile": Statistic("quantile of residuals", 2),
    # published targets
    "published": Statistic("published", 5),
    "reproduced": Statistic("ours", 5),
    "difference": Statistic("difference", 5),
    "agreement": Statistic("agreement", 0, "text"),
    # words
    "method": Statistic("method", 0, "text"),
    "verdict": Statistic("verdict", 0, "text"),
    "label": Statistic("label", 0, "text"),
}


#: Methods of one comparison; the first that a result has is the one that headline and forest show. `ADJUSTED`: for the other arms.
ADJUSTED = ("dunnett", "holm", "hochberg", "bonferroni")
#: Those of them whose intervals hold for all comparisons at once, as displays call them.
SIMULTANEOUS = {"dunnett": "Dunnett", "bonferroni": "Bonferroni"}
SHOWN_FIRST = (*ADJUSTED, "standardised", "mantel_haenszel", "newcombe")
#: Term of the decisions on the declared hypotheses, and the text of p values that no longer decide.
TESTING, NOMINAL = "testing", "nominal"
#: Terms of the steps of a curve over time, and of the people at risk under it with those who left it so far.
CURVE, AT_RISK = "curve", "at risk"
#: Term of a result under another choice of a definition, named by `level`.
OTHER_CHOICE = "other choice"
#: Terms of the lines of all adverse events and of all of a class, whose records are the sum of the classes' and the terms'.
ANY_EVENT, ANY_OF_CLASS = "any", "any of them"
#: Term of people with no score at a visit or any later one.
GONE = "no score from here on"
#: Subgroups: term of their people, level of the people without a value, term of the test between levels.
PEOPLE, NO_VALUE, INTERACTION = "people", "no value", "interaction"
#: Term of the standardised difference between two arms at baseline.
AT_BASELINE = "baseline difference"
#: Levels of a rank analysis: people by level, by the levels they came from and went to, and by direction.
LEVEL, SHIFT, CHANGE = "level", "shift", "change"
#: Methods of rows that stand beside those with the declared errors: displays of one number per result leave them out.
BESIDE = ("model", "cr2", "crude")


@dataclass(frozen=True, slots=True)
class Relation:
    """An additive relation between counts that agree on all other key columns.

    `total` = sum of `parts`, where both are values of the key column `column`.
    """

    column: str
    total: str
    parts: tuple[str, ...] | None
    """None: every other value of the column."""


#: What adds up to what. Stated here, used by `release` to keep a withheld count from being
#: computed by subtraction, and by its tests.
RELATIONS = (
    Relation("statistic", "n_expected", ("n_observed", "n_missing")),
    Relation("term", "ended", None),
    Relation("arm", "", None),
    Relation("level", "", None),
    Relation("term", "", None),
)


def check(frame: pd.DataFrame) -> pd.DataFrame:
    """An ARD in canonical order, or an error naming what breaks the contract.

    Raises
    ------
    SchemaError
        Key not unique, statistic outside the vocabulary, unknown status, a number without one.
    """
    frame = ARD.conform(frame)
    frame[list(set(KEY) - {"day", "conf_level"})] = frame[list(set(KEY) - {"day", "conf_level"})].fillna("")
    unknown = sorted(set(frame["statistic"]) - set(STATISTICS))
    if unknown:
        raise SchemaError(f"ard: statistics outside the vocabulary: {unknown}")
    wrong = sorted(set(frame["status"]) - set(STATUSES))
    if wrong:
        raise SchemaError(f"ard: unknown status {wrong}")
    twice = frame[frame.duplicated(list(KEY), keep=False)]
    if len(twice):
        example = {column: twice.iloc[0][column] for column in KEY}
        raise SchemaError(f"ard: {len(twice)} rows share their key, for example {example}")
    return frame


def bind(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several ARDs as one, checked."""
    return check(pd.concat(list(frames), ignore_index=True))


def shown_first(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one comparison without those of its other methods."""
    rows = rows[~rows["method"].isin(BESIDE)]
    first = next((method for method in SHOWN_FIRST if (rows["method"] == method).any()), None)
    return rows if first is None else rows[rows["method"] == first]


def match(frame: pd.DataFrame, **wanted: str | float) -> pd.DataFrame:
    """The rows whose columns have these values."""
    rows = pd.Series(True, index=frame.index)
    for column, value in wanted.items():
        rows &= frame[column] == value
    return frame[rows]
