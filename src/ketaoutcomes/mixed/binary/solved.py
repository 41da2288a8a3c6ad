"""A certified optimum of a binary mixed model with the data it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from ketaoutcomes.mixed.between_within import ByColumn, between_within
from ketaoutcomes.mixed.binary.constrained import Penalised
from ketaoutcomes.mixed.binary.nested import Nested
from ketaoutcomes.mixed.binary.quadrature import Likelihood, Point
from ketaoutcomes.mixed.design import Design
from ketaoutcomes.mixed.errors import InvalidContrast, InvalidTerms
from ketaoutcomes.mixed.inference import Inference
from ketaoutcomes.mixed.newton import Certified
from ketaoutcomes.mixed.scaling import Scaling

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

    criterion: Likelihood | Nested | Penalised
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
    def likelihood(self) -> Likelihood | Nested:
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

    def covariances(self) -> dict[str, Floats]:
        """Covariance of the random effects on the scale of the linear predictor, "subject" and "site"."""
        if not self.labels:
            return {}
        theta = self.optimum.theta[self.q :]
        factor = self.likelihood.factor(theta) / self.unit[:, None]
        found = {"subject": factor @ factor.T}
        if self.design.site is not None:
            found["site"] = np.array([[float(theta[-1]) ** 2 if self.likelihood.sites else 0.0]])
        return found

    def latent(self, numbers: Mapping[str, float]) -> tuple[float, Floats]:
        """Standard deviation of the random part of the linear predictor, and its derivatives by the parameters of the random effects."""
        unknown = sorted(set(numbers) - set(self.design.numeric) - ({"offset"} if self.offset else set[str]()))
        if unknown:
            raise InvalidContrast(f"{', '.join(unknown)} is no numeric column of the model.")
        z = np.array([1.0] if len(self.unit) == 1 else [1.0, numbers.get(self.labels[1], np.nan)]) / self.unit
        if np.isnan(z).any():
            raise InvalidContrast(f"The risk depends on {self.labels[1]!r}, along which people differ in slope: say at which value, at=.")
        return self.likelihood.spread(self.optimum.theta[self.q :], z)
