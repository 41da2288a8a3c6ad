"""The result of a binary mixed model: it exists only with a proof of convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from ketaoutcomes.mixed.between_within import ByColumn, between_within
from ketaoutcomes.mixed.binary import profile
from ketaoutcomes.mixed.binary.constrained import Penalised
from ketaoutcomes.mixed.binary.population import Risks, averaged, cells_of, standardised
from ketaoutcomes.mixed.binary.quadrature import Likelihood, Modes, Point
from ketaoutcomes.mixed.coding import Cells, Coding
from ketaoutcomes.mixed.design import Design, Frame, square, table
from ketaoutcomes.mixed.errors import InvalidContrast, InvalidTerms
from ketaoutcomes.mixed.estimates import Estimates
from ketaoutcomes.mixed.inference import Inference
from ketaoutcomes.mixed.newton import Certified
from ketaoutcomes.mixed.scaling import Scaling, basis_of

Floats = NDArray[np.float64]
DF = ("between-within", "asymptotic")


@dataclass(frozen=True, slots=True)
class BinaryProof:
    """Evidence that the estimates are an optimum.

    Attributes
    ----------
    iterations, starts
        Newton steps, and starting values tried.
    path
        The criterion at the start and after each step.
    gradient_norm
        Largest absolute element of the gradient of -logL, by coefficients in coordinates of size 1 and elements of the
        factor of the random effects' covariance.
    distance
        Newton decrement: the distance to the exact optimum in standard errors.
    hessian_min_eigenvalue
        Positive at a minimum.
    quadrature_error
        Change of the log-likelihood with twice the nodes and one.
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
    quadrature_error: float
    boundary_slope: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A certified optimum with the data it belongs to.

    Attributes
    ----------
    criterion
        What was minimised; fewer places on the boundary than `places`.
    optimum
        With the Hessian of the criterion.
    design, scaling
        The rows, and the coordinates of the coefficients.
    unit
        Unit of each column of Z, shape (d,).
    labels
        Of the random effects.
    places
        Free elements of the factor, as asked for.
    infinite
        Coefficients that only the prior keeps finite.
    """

    criterion: Likelihood | Penalised
    optimum: Certified[Point]
    design: Design
    scaling: Scaling
    unit: Floats
    labels: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    link: str
    quadrature_error: float
    boundary_slope: float | None
    infinite: tuple[str, ...]
    clustered: bool
    offset: bool

    @property
    def likelihood(self) -> Likelihood:
        """Without the prior."""
        return self.criterion.likelihood if isinstance(self.criterion, Penalised) else self.criterion

    @property
    def q(self) -> int:
        """Fixed effects."""
        return len(self.design.coding.columns)

    @property
    def loglik(self) -> float:
        """With the binomial coefficients, without the prior."""
        data = self.likelihood.data
        coefficient = gammaln(data.m + 1) - gammaln(data.y + 1) - gammaln(data.m - data.y + 1)
        value = self.optimum.at.value - (self.criterion.penalty(self.optimum.theta) if isinstance(self.criterion, Penalised) else 0.0)
        return float(-value + data.times[data.of] @ coefficient)

    def covariance(self) -> Floats:
        """Of psi, shape (k, k)."""
        return np.asarray(np.linalg.inv(self.optimum.at.hessian), dtype=np.float64)

    def inference(self, df: str) -> Inference:
        """The covariance of the coefficients and the rule for df. Raises InvalidTerms."""
        if df not in DF:
            raise InvalidTerms(f"Unknown df {df!r}; use one of {', '.join(DF)}.")
        c = self.covariance()[: self.q, : self.q]
        rule = ByColumn(np.full(self.q, np.inf))
        if df == "between-within" and self.clustered:
            rule = between_within(len(self.design.y), self.design.n_subjects, self.design.varying())
        return Inference(self.scaling, self.optimum.theta[: self.q], c, c, rule)

    def effects(self) -> tuple[Modes, Floats]:
        """Modes of the distinct clusters, and the factor in the caller's unit."""
        psi = self.optimum.theta
        return self.likelihood.modes(psi), self.likelihood.factor(psi[self.q :]) / self.unit[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class BinaryFit(Estimates):
    """A fitted binary model. It exists only with a proof of convergence; q fixed effects.

    LS means are linear predictors of a person whose random effects are 0; their differences are conditional log odds ratios
    (logit) or log hazard ratios (cloglog). Risks of a population are another thing: see `population`.

    Attributes
    ----------
    terms
        Labels of the coefficients.
    params, bse, df, tvalues, pvalues
        Estimates on the scale of the linear predictor, standard errors, degrees of freedom, statistics and two-sided p
        values; series with index `terms`.
    loglik, aic, bic
        Log-likelihood with all constants. AIC counts coefficients and covariance parameters; BIC takes the logarithm of
        the clusters.
    n_obs, n_subjects
        Rows and clusters: participants, or sites where `subject` named them.
    covariances
        Of the random effects, "subject".
    link, nodes
        "logit" or "cloglog"; nodes of the quadrature for each random effect, 1 for Laplace.
    df_method
        How df were made.
    status
        "ok", or "flagged" with the reasons in `flags`.
    flags
        "boundary": a variance is 0 or a correlation +-1; these parameters have left the model.
        "several_optima": from another start the likelihood reached a lower maximum or none.
        "penalised": some coefficients are infinite by the data alone; a log-F(1,1) prior keeps them finite.
        "quadrature": twice the nodes change the log-likelihood by more than 1e-4; as Laplace's approximation always may.
    proof
        Evidence of convergence.
    """

    df_method: str
    _solved: Solved = field(repr=False)
    _inference: Inference = field(repr=False)

    def _parts(self) -> tuple[Coding, Cells, Inference, Floats]:
        design, inference = self._solved.design, self._inference
        return design.coding, design.cells, inference, np.array([inference.one_row(row) for row in np.eye(self._solved.q)])

    def conf_int(self, conf_level: float = 0.95, method: Literal["wald", "profile"] = "wald") -> Frame:
        """Confidence limits of the coefficients, columns lower and upper.

        Parameters
        ----------
        conf_level
            Such as 0.95.
        method
            ``"wald"``: estimate and standard error with the t of `df`. ``"profile"``: see `profile`.

        Raises
        ------
        NotConverged
            A limit of the profile likelihood is infinite.
        """
        if method == "wald":
            return Estimates.conf_int(self, conf_level)
        if method != "profile":
            raise InvalidContrast(f"Unknown method {method!r}; use 'wald' or 'profile'.")
        found = [self.profile(row, conf_level) for row in np.eye(self._solved.q)]
        return table([{"term": term, "lower": low, "upper": high} for term, (low, high) in zip(self.terms, found, strict=True)]).set_index("term")

    def profile(self, row: ArrayLike, conf_level: float = 0.95) -> tuple[float, float]:
        """Profile-likelihood limits of ``row @ params``, row of shape (q,); see `profile.limits`."""
        estimate = self.contrast(row, conf_level)
        solved = self._solved
        working = solved.scaling.contrast(np.atleast_2d(np.asarray(row, dtype=np.float64)))[0]
        padded = np.r_[working, np.zeros(len(solved.optimum.theta) - solved.q)]
        return profile.limits(solved.criterion, solved.optimum.theta, padded, estimate.se, conf_level)

    def profile_sd(self, conf_level: float = 0.95) -> tuple[float, float]:
        """Profile-likelihood limits of the standard deviation of a single random effect; a limit the likelihood does not reach is 0.

        Raises
        ------
        InvalidContrast
            The model has no random effect, or several.
        """
        solved = self._solved
        if solved.places != ((0, 0),) or not solved.likelihood.places:
            raise InvalidContrast("Limits of a standard deviation are for a single random effect that is not on the boundary.")
        k = len(solved.optimum.theta)
        se = float(np.sqrt(solved.covariance()[-1, -1]))
        psi = np.r_[solved.optimum.theta[:-1], abs(solved.optimum.theta[-1])]
        low, high = profile.limits(solved.criterion, psi, np.eye(k)[-1], se, conf_level, lowest=0.0)
        return low / float(solved.unit[0]), high / float(solved.unit[0])

    def summary(self, conf_level: float = 0.95) -> str:
        """What was fitted, its coefficients, covariance and proof, as text."""
        proof, quadrature = self.proof, " by Laplace's approximation" if self.nodes == 1 else f" by {self.nodes} nodes"
        head = [
            f"binomial, {self.link}, maximum likelihood{quadrature if self._solved.labels else ''}, df {self.df_method}",
            f"{self.n_obs} rows, {self.n_subjects} clusters; log-likelihood {self.loglik:.4f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}",
            f"status {self.status}{': ' + ', '.join(self.flags) if self.flags else ''}",
            f"proof: gradient {proof.gradient_norm:.1e}, {proof.iterations} iterations, quadrature error {proof.quadrature_error:.1e}",
        ]
        parts = ["\n".join(head), self.tidy(conf_level).to_string(index=False, float_format=lambda v: f"{v:.4g}")]
        parts += [f"covariance {name}\n" + matrix.to_string(float_format=lambda v: f"{v:.4g}") for name, matrix in self.covariances.items()]
        return "\n\n".join(parts)

    @property
    def loglik(self) -> float:
        """Log-likelihood."""
        return self._solved.loglik

    @property
    def aic(self) -> float:
        """-2 logL + 2 (q + covariance parameters)."""
        return -2 * self.loglik + 2 * len(self._solved.optimum.theta)

    @property
    def bic(self) -> float:
        """-2 logL + (q + covariance parameters) log(clusters)."""
        return -2 * self.loglik + float(np.log(self.n_subjects)) * len(self._solved.optimum.theta)

    @property
    def n_obs(self) -> int:
        """Rows."""
        return len(self._solved.design.y)

    @property
    def n_subjects(self) -> int:
        """Clusters."""
        return self._solved.design.n_subjects

    @property
    def link(self) -> str:
        """Link."""
        return self._solved.link

    @property
    def nodes(self) -> int:
        """Nodes for each random effect."""
        return self._solved.likelihood.nodes

    @property
    def covariances(self) -> dict[str, Frame]:
        """Covariance of the random effects, on the scale of the linear predictor."""
        if not self._solved.labels:
            return {}
        _, factor = self._solved.effects()
        return {"subject": square(factor @ factor.T, self._solved.labels)}

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader must know."""
        raised = {
            "boundary": self._solved.boundary_slope is not None,
            "several_optima": not self._solved.optimum.unanimous,
            "penalised": bool(self._solved.infinite),
            "quadrature": abs(self._solved.quadrature_error) > LARGEST_ERROR,
        }
        return tuple(flag for flag, is_raised in raised.items() if is_raised)

    @property
    def status(self) -> Literal["ok", "flagged"]:
        """Ok without flags."""
        return "flagged" if self.flags else "ok"

    @property
    def infinite(self) -> tuple[str, ...]:
        """Labels of the coefficients that are infinite by the data alone."""
        return self._solved.infinite

    @property
    def proof(self) -> BinaryProof:
        """Evidence of convergence."""
        optimum = self._solved.optimum
        return BinaryProof(
            iterations=optimum.iterations,
            starts=optimum.starts,
            path=optimum.path,
            gradient_norm=float(np.abs(optimum.at.gradient).max()),
            distance=optimum.distance,
            hessian_min_eigenvalue=float(np.linalg.eigvalsh(optimum.at.hessian)[0]),
            quadrature_error=self._solved.quadrature_error,
            boundary_slope=self._solved.boundary_slope,
        )

    def population(self, by: Sequence[str], at: Mapping[str, float] | None = None, conf_level: float = 0.95) -> Risks:
        """Risks of the population by the factors `by`, with the random effects integrated out; see `population`.

        Every cluster keeps its own covariates; a numeric column that differs within clusters must be in `at`. The limits
        take the smallest df of the coefficients. Raises InvalidContrast.
        """
        solved, numbers = self._solved, dict(at or {})
        design, likelihood = solved.design, solved.likelihood
        unknown = sorted(set(numbers) - set(design.numeric) - ({"offset"} if solved.offset else set()))
        if unknown:
            raise InvalidContrast(f"{', '.join(unknown)} is no numeric column of the model.")
        psi = solved.optimum.theta
        z = np.array([1.0] if len(solved.unit) == 1 else [1.0, numbers.get(solved.labels[1], np.nan)]) / solved.unit
        if np.isnan(z).any():
            raise InvalidContrast(f"The risk depends on {solved.labels[1]!r}, along which people differ in slope: say at which value, at=.")
        loaded = likelihood.factor(psi[solved.q :]).T @ z
        spread = float(np.linalg.norm(loaded))
        cells = cells_of(design, by)
        values, jacobian = np.empty(len(cells)), np.zeros((len(cells), len(psi)))
        for i, cell in enumerate(cells):
            x = basis_of(solved.scaling, standardised(design, cell, numbers))
            risk, along, by_spread = averaged(likelihood.link, x @ psi[: solved.q] + numbers.get("offset", 0.0), spread)
            values[i] = risk.mean()
            jacobian[i, : solved.q] = along @ x / len(x)
            if spread > 0:
                jacobian[i, solved.q :] = [by_spread.mean() * z[a] * loaded[b] / spread for a, b in likelihood.places]
        return Risks(cells, values, jacobian, solved.covariance(), float(self._parts()[3][:, 2].min()), conf_level)

    def with_inference(self, df: str) -> BinaryFit:
        """The same fit with other degrees of freedom. Raises InvalidTerms."""
        return BinaryFit(df, self._solved, self._solved.inference(df))

    def random_effects(self) -> Frame:
        """Modes of the random effects given the data: subject, effect, estimate, conditional_sd (as R's ``ranef(condVar = TRUE)``).

        Those of participants are participant-level data. Raises InvalidContrast where the model has none.
        """
        solved = self._solved
        if not solved.labels:
            raise InvalidContrast("This model has no random effects.")
        modes, factor = solved.effects()
        estimate = modes.u @ factor.T
        spread = factor @ modes.spread
        sd = np.sqrt((spread**2).sum(axis=2))
        member = solved.likelihood.data.member
        rows = [
            {"subject": subject, "effect": label, "estimate": estimate[member[i], j], "conditional_sd": sd[member[i], j]}
            for i, subject in enumerate(solved.design.subjects)
            for j, label in enumerate(solved.labels)
        ]
        return table(rows)


#: Of the log-likelihood; two nested models are compared by such numbers.
LARGEST_ERROR = 1e-4
