"""The result of a mixed model: it exists only with a proof of convergence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.between_within import between_within, residual
from ketaoutcomes.mixed.coding import Cells, Coding
from ketaoutcomes.mixed.criterion import Criterion
from ketaoutcomes.mixed.design import Frame, square
from ketaoutcomes.mixed.errors import InvalidTerms, TooFewParticipants
from ketaoutcomes.mixed.estimates import Estimates
from ketaoutcomes.mixed.inference import Inference
from ketaoutcomes.mixed.kenward_roger import DEFINITIONS, kenward_roger
from ketaoutcomes.mixed.newton import NEAR_SINGULAR, Optimum
from ketaoutcomes.mixed.sandwich import POWERS, Block, sandwich
from ketaoutcomes.mixed.satterthwaite import satterthwaite
from ketaoutcomes.mixed.scaling import Scaling, Working

Floats = NDArray[np.float64]
DF = ("satterthwaite", *DEFINITIONS, "between-within", "residual")
ERRORS = ("model", *POWERS)


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence that the estimates are an optimum, in standardised coordinates (residual variance 1).

    Attributes
    ----------
    iterations
        Newton steps.
    starts
        Starting values tried.
    path
        -logL, standardised and without constants, at the start and after each step.
    gradient_norm
        Largest absolute element of the gradient of -logL over the free covariance parameters.
    distance
        Newton decrement: the distance to the exact optimum in standard errors of those parameters.
    hessian_min_eigenvalue
        Positive at a minimum.
    covariance_min_eigenvalue, covariance_condition
        Of the estimated covariance matrix (smallest eigenvalue in squared units of the response).
    boundary_slope
        At a boundary, the smallest one-sided slope of -logL along a variance that is 0: not negative, the
        Karush-Kuhn-Tucker condition. Else None.
    """

    iterations: int
    starts: int
    path: tuple[float, ...]
    gradient_norm: float
    distance: float
    hessian_min_eigenvalue: float
    covariance_min_eigenvalue: float
    covariance_condition: float
    boundary_slope: float | None = None


class Covariance(Protocol):
    """What differs between the marginal and the random-effects models."""

    @property
    def criterion(self) -> Criterion:
        """The likelihood."""
        ...

    @property
    def name(self) -> str:
        """The structure, such as "us" or "1 + time"."""
        ...

    def matrices(self, theta: Floats, scale: float) -> dict[str, tuple[tuple[str, ...], Floats]]:
        """Labels and values of the estimated covariance matrices, in squared units of the response."""
        ...

    def blocks(self, theta: Floats, *, independent: bool) -> Iterable[Block]:
        """Working rows and marginal covariance of the participants. Raises InvalidTerms without rows, or where they must be independent and are not."""
        ...

    def effects(self, theta: Floats, optimum: Optimum, scaling: Scaling) -> dict[str, Frame]:
        """Predicted random effects; empty for a marginal model."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A certified optimum with the data it belongs to."""

    optimum: Optimum
    covariance: Covariance
    scaling: Scaling
    coding: Coding
    cells: Cells
    varying: NDArray[np.bool_]
    n_obs: int
    n_subjects: int
    log_weights: float
    reml: bool
    working: Working | None
    boundary_slope: float | None = None
    fallbacks: tuple[tuple[str, str], ...] = ()
    simplified: bool = False

    @property
    def n_covariance(self) -> int:
        """Free covariance parameters."""
        return len(self.optimum.theta)

    @property
    def loglik(self) -> float:
        """Put back what standardising took out: (N - q) log s + log|R| under REML, N log s under ML, weights, log 2 pi."""
        n = self.n_obs - (len(self.coding.columns) if self.reml else 0)
        jacobian = n * np.log(self.scaling.scale) + (self.scaling.log_abs_det_r if self.reml else 0.0)
        return -float(self.optimum.at.value + jacobian + n * np.log(2 * np.pi) / 2 - self.log_weights / 2)

    def inference(self, df: str, errors: str) -> Inference:
        """The covariance of the coefficients and the rule for df. Raises InvalidTerms where they do not go together."""
        at = self.optimum.at
        if df not in DF:
            raise InvalidTerms(f"Unknown df {df!r}; use one of {', '.join(DF)}.")
        if errors not in ERRORS:
            raise InvalidTerms(f"Unknown errors {errors!r}; use one of {', '.join(ERRORS)}.")
        if df in DEFINITIONS:
            if errors != "model":
                raise InvalidTerms(f"Kenward-Roger adjusts model-based errors; with errors={errors!r} use df='satterthwaite' or 'between-within'.")
            if not self.reml:
                raise InvalidTerms("Kenward-Roger is defined for REML; fit with reml=True or use df='satterthwaite'.")
            used, rule = kenward_roger(self.covariance.criterion, self.optimum, df)
            return Inference(self.scaling, at.beta, used, at.c, rule)
        used, rule = (
            (at.c, satterthwaite(at)) if errors == "model" else sandwich(self.covariance.blocks(self.optimum.theta, independent=True), self.optimum, errors)
        )
        if df == "residual":
            rule = residual(self.n_obs, len(at.beta))
        elif df == "between-within":
            rule = between_within(self.n_obs, self.n_subjects, self.varying)
        return Inference(self.scaling, at.beta, used, at.c, rule)

    def proof(self) -> Proof:
        """The evidence."""
        at = self.optimum.at
        return Proof(
            iterations=self.optimum.iterations,
            starts=self.optimum.starts,
            path=self.optimum.path,
            gradient_norm=float(np.abs(at.gradient).max()),
            distance=self.optimum.distance,
            hessian_min_eigenvalue=float(np.linalg.eigvalsh(at.hessian)[0]),
            covariance_min_eigenvalue=at.smallest * self.scaling.scale**2,
            covariance_condition=at.condition,
            boundary_slope=self.boundary_slope,
        )

    def flags(self) -> tuple[str, ...]:
        """What a reader must know; see `Fit`."""
        raised = {
            "boundary": self.boundary_slope is not None,
            "near_singular": self.optimum.at.condition > NEAR_SINGULAR,
            "several_optima": not self.optimum.unanimous,
            "fallback": bool(self.fallbacks),
            "structured": self.simplified,
        }
        return tuple(flag for flag, is_raised in raised.items() if is_raised)


@dataclass(frozen=True, slots=True, eq=False)
class Fit(Estimates):
    """A fitted model. It exists only with a proof of convergence; q fixed effects, T visits.

    Attributes
    ----------
    terms
        Labels of the coefficients.
    params, bse, df, tvalues, pvalues
        Estimates, standard errors, degrees of freedom, statistics and two-sided p values; series with index `terms`.
    loglik, aic, bic
        (Restricted) log-likelihood with all constants, as R's lme4 and mmrm report it. The information criteria count
        covariance parameters only, and BIC takes the logarithm of the participants, as mmrm does.
    n_obs, n_subjects
        Rows and participants.
    covariances
        Frames by name. MMRM: "residual", or one for each covariance group. LMM: "subject", "site", "residual".
    structure
        Covariance structure, such as "us" or "1 + time".
    fallbacks
        Structures declared before it that could not be fitted, each with the reason.
    reml
        Restricted or full likelihood.
    df_method, errors
        How df and standard errors were made.
    status
        "ok", or "flagged" with the reasons in `flags`.
    flags
        "boundary": a variance is 0 or a correlation of random effects is +-1; these parameters have left the model.
        "near_singular": the covariance matrix has a condition number above 1e8.
        "several_optima": from another start the likelihood reached a lower maximum or none, so this one is the best
        found but may be only local. Without the flag the maximum is still proved locally, not globally.
        "fallback": a structure declared before this one could not be fitted.
        "structured": the residual covariance is simpler than unstructured; see also `with_inference("satterthwaite", "cr2")`.
    proof
        Evidence of convergence.
    """

    df_method: str
    errors: str
    _solved: Solved = field(repr=False)
    _inference: Inference = field(repr=False)
    _estimates: Floats = field(repr=False)

    def _parts(self) -> tuple[Coding, Cells, Inference, Floats]:
        return self._solved.coding, self._solved.cells, self._inference, self._estimates

    def summary(self, conf_level: float = 0.95) -> str:
        """What was fitted, its coefficients, covariance and proof, as text."""
        proof = self.proof
        head = [
            f"{'REML' if self.reml else 'ML'}, covariance {self.structure}, df {self.df_method}, errors {self.errors}",
            f"{self.n_obs} rows, {self.n_subjects} participants; log-likelihood {self.loglik:.4f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}",
            f"status {self.status}{': ' + ', '.join(self.flags) if self.flags else ''}",
            *(f"not fitted: {name} ({reason})" for name, reason in self.fallbacks),
            f"proof: gradient {proof.gradient_norm:.1e}, {proof.iterations} iterations, condition number {proof.covariance_condition:.3g}",
        ]
        parts = ["\n".join(head), self.tidy(conf_level).to_string(index=False, float_format=lambda v: f"{v:.4g}")]
        if "structured" in self.flags and self.errors == "model" and self._solved.working is not None:
            try:
                robust = self.with_inference("satterthwaite", "cr2").tidy(conf_level)[["term", "std_error", "df", "conf_low", "conf_high"]]
            except TooFewParticipants as error:
                parts.append(f"no sandwich errors CR2: {error}")
            else:
                parts.append("with sandwich errors CR2, Satterthwaite\n" + robust.to_string(index=False, float_format=lambda v: f"{v:.4g}"))
        parts += [f"covariance {name}".rstrip() + "\n" + matrix.to_string(float_format=lambda v: f"{v:.4g}") for name, matrix in self.covariances.items()]
        return "\n\n".join(parts)

    @property
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return self._solved.loglik

    @property
    def aic(self) -> float:
        """-2 logL + 2 k."""
        return -2 * self.loglik + 2 * self._solved.n_covariance

    @property
    def bic(self) -> float:
        """-2 logL + k log(participants)."""
        return -2 * self.loglik + np.log(self.n_subjects) * self._solved.n_covariance

    @property
    def n_obs(self) -> int:
        """Rows."""
        return self._solved.n_obs

    @property
    def n_subjects(self) -> int:
        """Participants."""
        return self._solved.n_subjects

    @property
    def reml(self) -> bool:
        """Restricted or full likelihood."""
        return self._solved.reml

    @property
    def structure(self) -> str:
        """Covariance structure."""
        return self._solved.covariance.name

    @property
    def fallbacks(self) -> tuple[tuple[str, str], ...]:
        """Structures that could not be fitted, and why."""
        return self._solved.fallbacks

    @property
    def covariances(self) -> dict[str, Frame]:
        """Estimated covariance matrices, in squared units of the response."""
        found = self._solved.covariance.matrices(self._solved.optimum.theta, self._solved.scaling.scale)
        return {name: square(values, labels) for name, (labels, values) in found.items()}

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader must know."""
        return self._solved.flags()

    @property
    def status(self) -> Literal["ok", "flagged"]:
        """Ok without flags."""
        return "flagged" if self.flags else "ok"

    @property
    def proof(self) -> Proof:
        """Evidence of convergence."""
        return self._solved.proof()

    def with_inference(self, df: str, errors: str = "model") -> Fit:
        """The same fit with other degrees of freedom or standard errors. Raises InvalidTerms where they do not go together."""
        return finish(self._solved, df, errors)

    def random_effects(self) -> dict[str, Frame]:
        """Predicted random effects of an LMM: "subject" and "site", with their standard errors; see `lmm`.

        Those of participants are participant-level data.
        """
        solved = self._solved
        return solved.covariance.effects(solved.optimum.theta, solved.optimum, solved.scaling)


def finish(solved: Solved, df: str | None, errors: str) -> Fit:
    """The result of a certified optimum. df None: Kenward-Roger where it is defined, else Satterthwaite."""
    method = df or ("kenward-roger" if solved.reml and errors == "model" else "satterthwaite")
    inference = solved.inference(method, errors)
    rows = np.array([inference.one_row(row) for row in np.eye(len(solved.coding.columns))])
    return Fit(method, errors, solved, inference, rows)


def with_fallbacks(fit: Fit, fallbacks: Sequence[tuple[str, str]]) -> Fit:
    """The fit with the structures that were declared before it and could not be fitted."""
    return replace(fit, _solved=replace(fit._solved, fallbacks=tuple(fallbacks))) if fallbacks else fit  # pyright: ignore[reportPrivateUsage] - its own module
