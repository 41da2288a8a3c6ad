"""Functions built on a criterion: the same on a plane, or with prior observations added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ketaoutcomes.mixed.binary.nested import Nested
from ketaoutcomes.mixed.binary.quadrature import Likelihood, Point

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Penalised:
    """A likelihood with a log-F(1,1) prior on some linear combinations of the coefficients.

    Greenland & Mansournia (2015), Stat Med 34:3133: half an event in one trial for each row c, at the linear predictor
    c beta; the density of c beta is proportional to exp(c beta / 2) / (1 + exp(c beta)), 95 % of it between odds ratios
    of 1/648 and 648. The intercept has no prior.

    Attributes
    ----------
    likelihood
        What is penalised.
    rows
        Shape (r, q).
    """

    likelihood: Likelihood | Nested
    rows: Floats

    @property
    def few(self) -> bool:
        """As the likelihood."""
        return self.likelihood.few

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """As the likelihood."""
        return self.likelihood.places

    @property
    def sites(self) -> bool:
        """As the likelihood."""
        return self.likelihood.sites

    def starts(self) -> list[Floats]:
        """As the likelihood."""
        return self.likelihood.starts()

    def interior(self, psi: Floats) -> bool:
        """As the likelihood."""
        return self.likelihood.interior(psi)

    def covariance_slope(self, psi: Floats) -> tuple[Floats, float]:
        """As the likelihood: the prior holds no variance."""
        return self.likelihood.covariance_slope(psi)

    def penalty(self, psi: Floats) -> float:
        """Minus the log of the prior without its constant."""
        eta = self.rows @ psi[: self.rows.shape[1]]
        return float((np.logaddexp(0.0, eta) - eta / 2).sum())

    def gradient(self, psi: Floats) -> Floats:
        """Of the penalised criterion."""
        q = self.rows.shape[1]
        result = self.likelihood.gradient(psi).copy()
        result[:q] += (np.asarray(expit(self.rows @ psi[:q])) - 0.5) @ self.rows
        return result

    def evaluate(self, psi: Floats) -> Point | None:
        """The penalised criterion with its derivatives."""
        at = self.likelihood.evaluate(psi)
        if at is None:
            return None
        q = self.rows.shape[1]
        p = np.asarray(expit(self.rows @ psi[:q]))
        gradient, hessian = at.gradient.copy(), at.hessian.copy()
        gradient[:q] += (p - 0.5) @ self.rows
        hessian[:q, :q] += (self.rows * (p * (1 - p))[:, None]).T @ self.rows
        return Point(at.value + self.penalty(psi), gradient, hessian)


@dataclass(frozen=True, slots=True, eq=False)
class OnPlane:
    """A criterion at psi = origin + basis t, for profile likelihoods.

    Attributes
    ----------
    whole
        The criterion.
    origin, basis
        Shapes (k,) and (k, k - 1).
    start
        Shape (k - 1,).
    """

    whole: Likelihood | Nested | Penalised
    origin: Floats
    basis: Floats
    start: Floats

    @property
    def few(self) -> bool:
        """One start: the optimum of the whole is near."""
        return False

    def starts(self) -> list[Floats]:
        """The optimum of the whole, moved onto the plane; and the plane's point nearest to 0."""
        return [self.start, np.zeros_like(self.start)]

    def evaluate(self, t: Floats) -> Point | None:
        """The criterion along the plane."""
        at = self.whole.evaluate(self.origin + self.basis @ t)
        return None if at is None else Point(at.value, at.gradient @ self.basis, self.basis.T @ at.hessian @ self.basis)
