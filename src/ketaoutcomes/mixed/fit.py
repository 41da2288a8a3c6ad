"""Mixed models of a continuous outcome: the MMRM and the random-intercept model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketaoutcomes.mixed import contrasts
from ketaoutcomes.mixed import ls_means as least_squares
from ketaoutcomes.mixed.contrasts import Estimate, JointTest
from ketaoutcomes.mixed.covariance import NEAR_SINGULAR, Independent, RandomIntercept, Structure, Unstructured, condition, unstructured
from ketaoutcomes.mixed.design import Coding, Design, Frame, Term, build_design
from ketaoutcomes.mixed.errors import (
    DegenerateResponse,
    InvalidTerms,
    OneVisitPerParticipant,
    VisitsNeverTogether,
)
from ketaoutcomes.mixed.kenward_roger import DEFINITIONS, kenward_roger
from ketaoutcomes.mixed.likelihood import Likelihood
from ketaoutcomes.mixed.ls_means import LsMean
from ketaoutcomes.mixed.moments import PERFECT_FIT, Moments, Scaling, by_row_count, by_visit_pattern, scale
from ketaoutcomes.mixed.newton import Optimum, minimise
from ketaoutcomes.mixed.satterthwaite import Inference, inference

#: Column that numbers the rows where each is its own participant.
_ROW = "_row"


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence that the estimates are an optimum, in standardised coordinates (residual variance 1).

    Attributes
    ----------
    iterations
        Newton steps.
    gradient_norm
        Largest absolute element of the gradient of -logL over the free covariance parameters.
    distance
        Newton decrement: the distance to the exact optimum in standard errors of those parameters.
    hessian_min_eigenvalue
        Positive at a minimum.
    covariance_min_eigenvalue, covariance_condition
        Of the estimated covariance matrix (smallest eigenvalue in squared units of the response).
    boundary_slope
        At a boundary, d(-logL) / d(s_u^2 / s_e^2) at 0: not negative, the Karush-Kuhn-Tucker condition. Else None.
    """

    iterations: int
    gradient_norm: float
    distance: float
    hessian_min_eigenvalue: float
    covariance_min_eigenvalue: float
    covariance_condition: float
    boundary_slope: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted model. It exists only with a proof of convergence; q fixed effects, T visits.

    Attributes
    ----------
    terms
        Labels of the coefficients.
    params, bse, df
        Estimates, standard errors and degrees of freedom, each of shape (q,).
    cov_params
        Covariance of `params` that `bse` comes from: model-based, or Kenward-Roger's; shape (q, q).
    loglik
        (Restricted) log-likelihood with all constants, as R's lme4 and mmrm report it.
    n_obs, n_subjects
        Rows and participants.
    covariance
        MMRM: Sigma, shape (T, T). Random intercept: the variances between participants and residual, shape (2,).
    covariance_labels
        Visits, or ("subject", "residual").
    reml
        Restricted or full likelihood.
    status
        "ok", or "flagged" with the reasons in `flags`.
    flags
        "boundary": the random-intercept variance is 0 and the model is ordinary least squares.
        "near_singular": the covariance matrix has a condition number above 1e8.
        "several_optima": from another start the likelihood reached a lower maximum or none, so this one is the best
        found but may be only local. Without the flag the maximum is still proved locally, not globally.
    proof
        Evidence of convergence.
    """

    terms: tuple[str, ...]
    params: NDArray[np.float64]
    bse: NDArray[np.float64]
    df: NDArray[np.float64]
    cov_params: NDArray[np.float64]
    loglik: float
    n_obs: int
    n_subjects: int
    covariance: NDArray[np.float64]
    covariance_labels: tuple[str, ...]
    reml: bool
    status: Literal["ok", "flagged"]
    flags: tuple[str, ...]
    proof: Proof
    _inference: Inference = field(repr=False)
    _coding: Coding = field(repr=False)

    def coefficient(self, term: str, conf_level: float = 0.95) -> Estimate:
        """The coefficient with label `term`."""
        return self.contrast([float(label == term) for label in self.terms], conf_level)

    def contrast(self, row: ArrayLike, conf_level: float = 0.95) -> Estimate:
        """Estimate ``row @ params``, row of shape (q,), with Satterthwaite df. Raises InvalidContrast."""
        return contrasts.contrast(self._inference, row, conf_level)

    def joint_test(self, rows: ArrayLike) -> JointTest:
        """F test of ``rows @ params = 0``, rows of shape (r, q). Raises InvalidContrast."""
        return contrasts.joint_test(self._inference, rows)

    def ls_means(self, by: Sequence[str], at: Mapping[str, str | float] | None = None, conf_level: float = 0.95) -> tuple[LsMean, ...]:
        """LS means of every combination of the factors `by`; see `ls_means`. Raises InvalidContrast."""
        return least_squares.ls_means(self._inference, self._coding, by, at, conf_level)


def mmrm(
    data: Frame,
    *,
    response: str,
    fixed: Sequence[Term],
    levels: Mapping[str, Sequence[str]],
    subject: str,
    visit: str,
    reml: bool = True,
    df: str = "satterthwaite",
) -> Fit:
    """Mixed model for repeated measures with an unstructured covariance over the visits.

    Parameters
    ----------
    data
        One row per participant and visit with a value; rows without one are the caller's to remove.
    response
        Numeric column.
    fixed
        Terms besides the intercept, e.g. ``[("base",), ("arm",), ("visit",), ("arm", "visit")]``.
    levels
        Factors and their levels as text, the first the reference; other columns are numeric. Must hold `visit`.
    subject, visit
        Columns of the participant and the scheduled visit.
    reml
        Restricted (default) or full maximum likelihood.
    df
        ``satterthwaite``, or ``kenward-roger`` (adjusted errors; as SAS), ``kenward-roger-mmrm`` (as R's mmrm),
        ``kenward-roger-pbkrtest`` (as R's pbkrtest); see `kenward_roger`.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`. There is no result without a proof of convergence.
    """
    design = build_design(data, response=response, fixed=fixed, levels=levels, subject=subject, visit=visit)
    assert design.visit is not None  # build_design was given a visit column
    z, scaling = scale(design.x, design.y)
    moments = by_visit_pattern(z, design.subject, design.visit, len(design.visits))
    _require_identified(moments, design.visits)
    structure = unstructured(moments)
    optimum = minimise(Likelihood(moments, structure, reml))
    sigma = scaling.scale**2 * optimum.at.v
    return _fit(design, scaling, moments, optimum, reml, sigma, design.visits, structure, df)


def lmm(
    data: Frame,
    *,
    response: str,
    fixed: Sequence[Term],
    levels: Mapping[str, Sequence[str]],
    subject: str,
    reml: bool = True,
    df: str = "satterthwaite",
) -> Fit:
    """Linear mixed model with a random intercept per participant; rows need no visit schedule.

    Where the likelihood is highest at a random-intercept variance of 0, that variance leaves the model: the result is
    ordinary least squares, flagged "boundary", with the one-sided slope of the likelihood as proof.

    Parameters
    ----------
    data, response, fixed, levels, subject, reml, df
        As for `mmrm`, but a participant may have any number of rows.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`. There is no result without a proof of convergence.
    """
    design = build_design(data, response=response, fixed=fixed, levels=levels, subject=subject)
    z, scaling = scale(design.x, design.y)
    moments, rows = by_row_count(z, design.subject)
    structure = RandomIntercept(rows)
    boundary = minimise(Likelihood(moments, structure.without_intercept(), reml))
    slope = _boundary_slope(structure, boundary)
    optimum = minimise(Likelihood(moments, structure, reml))
    labels = ("subject", "residual")
    # A minimum on the boundary is also a stationary point of s_u, so only a real gain counts as interior.
    if slope >= 0 and optimum.at.value > boundary.at.value - 1e-9 - 1e-14 * abs(boundary.at.value):
        variances = scaling.scale**2 * np.array([0.0, np.exp(2 * boundary.theta[0])])
        on_boundary = replace(boundary, unanimous=optimum.unanimous)
        return _fit(design, scaling, moments, on_boundary, reml, variances, labels, structure.without_intercept(), df, slope)
    variances = scaling.scale**2 * np.array([optimum.theta[0] ** 2, np.exp(2 * optimum.theta[1])])
    return _fit(design, scaling, moments, optimum, reml, variances, labels, structure, df)


def ols(data: Frame, *, response: str, fixed: Sequence[Term], levels: Mapping[str, Sequence[str]]) -> Fit:
    """Ordinary least squares, one row per participant: the same design, LS means and contrasts as the mixed models.

    The residual variance is the REML one, RSS / (n - q), and every df is n - q.

    Parameters
    ----------
    data, response, fixed, levels
        As for `mmrm`.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`.
    """
    numbered = data.assign(**{_ROW: range(len(data))})
    design = build_design(numbered, response=response, fixed=fixed, levels=levels, subject=_ROW)
    z, scaling = scale(design.x, design.y)
    moments = by_visit_pattern(z, design.subject, np.zeros(len(z), dtype=np.intp), 1)
    structure = Independent(1)
    optimum = minimise(Likelihood(moments, structure, True))
    variance = scaling.scale**2 * np.array([np.exp(2 * optimum.theta[0])])
    return _fit(design, scaling, moments, optimum, True, variance, ("residual",), structure, "satterthwaite")


def _boundary_slope(structure: RandomIntercept, boundary: Optimum) -> float:
    """d(-logL) / d(s_u^2 / s_e^2) at s_u = 0."""
    along = float((structure.variance_direction() * boundary.at.score_v).sum()) / 2
    return along * float(np.exp(2 * boundary.theta[0]))


def _require_identified(moments: Moments, visits: tuple[str, ...]) -> None:
    """Every variance and covariance needs participants behind it."""
    products, counts = moments.residual_products()
    together = counts[~np.eye(len(visits), dtype=bool)]
    if len(visits) > 1 and not together.any():
        raise OneVisitPerParticipant("Every participant has one visit, so no covariance between visits is identified; use a model of one visit.")
    rows, columns = np.nonzero(np.triu(counts == 0))
    pairs = tuple((visits[int(a)], visits[int(b)]) for a, b in zip(rows, columns, strict=True))
    if pairs:
        raise VisitsNeverTogether(
            f"No participant was observed at both visits of {', '.join(f'({a}, {b})' for a, b in pairs)}, so their "
            "covariance is not identified; drop a visit or use a structured covariance.",
            pairs,
        )
    variances = np.diag(products) / np.diag(counts)
    exact = [visit for visit, variance in zip(visits, variances, strict=True) if variance <= PERFECT_FIT**2]
    if exact:
        raise DegenerateResponse(f"The fixed effects reproduce the response exactly at visit {', '.join(exact)}; drop the visit.")


def _fit(
    design: Design,
    scaling: Scaling,
    moments: Moments,
    optimum: Optimum,
    reml: bool,
    covariance: NDArray[np.float64],
    labels: tuple[str, ...],
    structure: Structure,
    df: str,
    boundary_slope: float | None = None,
) -> Fit:
    flags = _flags(optimum, boundary_slope)
    basis = _inference(optimum, structure, moments, scaling, reml, df)
    coefficients = [basis.one_row(row) for row in np.eye(moments.q)]
    return Fit(
        terms=design.coding.labels,
        params=scaling.beta(optimum.at.beta),
        bse=np.array([se for _, se, _ in coefficients]),
        df=np.array([df for _, _, df in coefficients]),
        cov_params=scaling.covariance(basis.used),
        loglik=_loglik(moments, scaling, optimum.at.value, reml),
        n_obs=moments.n_obs,
        n_subjects=moments.n_subjects,
        covariance=covariance,
        covariance_labels=labels,
        reml=reml,
        status="flagged" if flags else "ok",
        flags=flags,
        proof=_proof(optimum, scaling, boundary_slope),
        _inference=basis,
        _coding=design.coding,
    )


def _inference(optimum: Optimum, structure: Structure, moments: Moments, scaling: Scaling, reml: bool, df: str) -> Inference:
    if df == "satterthwaite":
        return inference(optimum.at, scaling)
    if df not in DEFINITIONS:
        raise InvalidTerms(f"Unknown df {df!r}; use satterthwaite or one of {', '.join(DEFINITIONS)}.")
    if not reml:
        raise InvalidTerms("Kenward-Roger is defined for REML; fit with reml=True or use df='satterthwaite'.")
    if df == "kenward-roger-mmrm" and not isinstance(structure, Unstructured):
        raise InvalidTerms("'kenward-roger-mmrm' needs the unstructured covariance of mmrm; use 'kenward-roger'.")
    return kenward_roger(optimum.at, structure.first(optimum.theta), moments, scaling, df)


def _flags(optimum: Optimum, boundary_slope: float | None) -> tuple[str, ...]:
    raised = {
        "boundary": boundary_slope is not None,
        "near_singular": condition(optimum.at.v) > NEAR_SINGULAR,
        "several_optima": not optimum.unanimous,
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)


def _loglik(moments: Moments, scaling: Scaling, criterion: float, reml: bool) -> float:
    """Put back what standardising took out: (N - q) log s + log|R| under REML, N log s under ML, and log 2 pi."""
    n = moments.n_obs - (moments.q if reml else 0)
    jacobian = n * np.log(scaling.scale) + (scaling.log_abs_det_r if reml else 0.0)
    return -float(criterion + jacobian + n * np.log(2 * np.pi) / 2)


def _proof(optimum: Optimum, scaling: Scaling, boundary_slope: float | None) -> Proof:
    return Proof(
        iterations=optimum.iterations,
        gradient_norm=float(np.abs(optimum.at.gradient).max()),
        distance=optimum.distance,
        hessian_min_eigenvalue=float(np.linalg.eigvalsh(optimum.at.hessian)[0]),
        covariance_min_eigenvalue=float(np.linalg.eigvalsh(optimum.at.v)[0]) * scaling.scale**2,
        covariance_condition=condition(optimum.at.v),
        boundary_slope=boundary_slope,
    )
