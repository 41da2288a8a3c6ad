"""What an optimiser and the inference after it ask of a likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray


class Point(Protocol):
    """What the optimiser sees of a criterion at one point; `condition` grows where the model is about to degenerate."""

    @property
    def value(self) -> float:
        """The criterion, to be minimised."""
        ...

    @property
    def gradient(self) -> NDArray[np.float64]:
        """Shape (k,)."""
        ...

    @property
    def hessian(self) -> NDArray[np.float64]:
        """Shape (k, k)."""
        ...

    @property
    def condition(self) -> float:
        """Of the covariance matrix, 1 where there is none."""
        ...


P = TypeVar("P", bound=Point)
P_co = TypeVar("P_co", bound=Point, covariant=True)


class Function(Protocol[P_co]):
    """What the optimiser asks."""

    @property
    def few(self) -> bool:
        """Whether participants are so few for the model that the likelihood may have several maxima."""
        ...

    def evaluate(self, theta: NDArray[np.float64], /) -> P_co | None:
        """The criterion with its derivatives; None where it is not finite."""
        ...

    def starts(self) -> list[NDArray[np.float64]]:
        """Starting values, the best guess first; the fit tries those that `newton` says."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The criterion f = -logL (without constants) at one theta, k parameters, q fixed effects.

    Attributes
    ----------
    value, gradient, hessian
        f, shape (k,), shape (k, k).
    beta, c
        GLS estimate, shape (q,), and its covariance C = (X'PX)^-1, shape (q, q).
    information
        B_i = d(X'PX)/dtheta_i, shape (k, q, q).
    smallest, condition
        Smallest eigenvalue and condition number of the covariance matrix of a participant (the worst of them).
    """

    value: float
    gradient: NDArray[np.float64]
    hessian: NDArray[np.float64]
    beta: NDArray[np.float64]
    c: NDArray[np.float64]
    information: NDArray[np.float64]
    smallest: float
    condition: float


class Criterion(Function[Evaluation], Protocol):
    """The (RE)ML criterion of one data set and one covariance model, in working coordinates."""

    def value(self, theta: NDArray[np.float64]) -> float:
        """The criterion; infinite where the covariance is not positive definite in floating point."""
        ...

    def weighted_q(self, theta: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over i, j of w_ij X'P V_i P V_j P X, shape (q, q), for a symmetric w of shape (k, k)."""
        ...

    def expected_information(self, theta: NDArray[np.float64], at: Evaluation) -> NDArray[np.float64]:
        """Expected information of theta under REML, shape (k, k)."""
        ...
