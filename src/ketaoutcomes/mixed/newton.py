"""Newton's method with a proof: it returns an optimum it can certify, or raises."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.covariance import NEAR_SINGULAR, condition, require_regular
from ketaoutcomes.mixed.errors import MixedModelError, NearSingularCovariance, NotConverged
from ketaoutcomes.mixed.likelihood import Evaluation, Likelihood

MAX_ITERATIONS = 100
# Distance to the optimum in standard errors of theta.
TOLERANCE = 1e-8
# Nearer than this, in standard errors, a step is judged by the gradient: the value no longer resolves the descent.
NEARBY = 1e-2
POLISHING_STEPS = 3
LONGEST_STEP = 2.0
SHORTEST_LENGTH = 1e-10
# Two optima are one where the criterion agrees to this share.
SAME_OPTIMUM = 1e-8


@dataclass(frozen=True, slots=True)
class Optimum:
    """A certified minimum of the criterion.

    Attributes
    ----------
    theta
        Shape (k,).
    at
        The evaluation there.
    distance
        Newton decrement sqrt(g' H^-1 g): the distance to the exact optimum in standard errors of theta.
    iterations
        Newton steps taken.
    unanimous
        Every start ended here; if not, another optimum or an unbounded likelihood is near.
    """

    theta: NDArray[np.float64]
    at: Evaluation
    distance: float
    iterations: int
    unanimous: bool = True


def minimise(likelihood: Likelihood) -> Optimum:
    """Minimise the criterion from every start of the structure and return the best optimum.

    The (RE)ML likelihood of a small trial can have several maxima, or none: then some paths run to a singular
    covariance. Where the starts disagree the result says so (`Optimum.unanimous`); their agreement proves a local
    maximum, not that no higher one exists.

    Raises
    ------
    NearSingularCovariance
        Every path leads to a singular covariance matrix, as it does where the likelihood has no maximum.
    NotConverged
        No start is feasible, or the line search or the iteration limit fails.
    """
    optima: list[Optimum] = []
    failures: list[MixedModelError] = []
    for start in likelihood.structure.starts(likelihood.moments):
        try:
            optima.append(_minimise_from(likelihood, start))
        except (NearSingularCovariance, NotConverged) as failure:
            failures.append(failure)
    if not optima:
        raise failures[0]
    best = min(optima, key=lambda optimum: optimum.at.value)
    worst = max(optimum.at.value for optimum in optima)
    unanimous = not failures and worst - best.at.value <= SAME_OPTIMUM * (1 + abs(best.at.value))
    return replace(best, unanimous=unanimous)


def _minimise_from(likelihood: Likelihood, theta: NDArray[np.float64]) -> Optimum:
    """Newton with the analytic Hessian and backtracking (Nocedal & Wright 2006, sections 3.1 and 3.4).

    Where the Hessian is not positive definite its eigenvalues are reflected, so that the step goes down.
    """
    at = likelihood.evaluate(theta)
    if at is None:
        raise NotConverged("The criterion is not finite at the starting value; check the scale of the data.")
    for iteration in range(MAX_ITERATIONS):
        require_regular(at.v)
        distance = decrement(at)
        if distance < TOLERANCE:
            return _polish(likelihood, Optimum(theta, at, distance, iteration))
        theta, at = _step(likelihood, theta, at)
    raise _refusal(at, f"there is no optimum after {MAX_ITERATIONS} Newton steps")


def _refusal(at: Evaluation, why: str) -> MixedModelError:
    found = condition(at.v)
    message = f"No optimum could be proved: {why}, at distance {decrement(at):.1e} standard errors (allowed {TOLERANCE})."
    if found > NEAR_SINGULAR:
        return NearSingularCovariance(
            f"{message} The covariance matrix is near singular (condition number {found:.1e}): some visits carry the "
            "same information, one has an outlier, or participants are too few; check the values or drop a visit."
        )
    return NotConverged(f"{message} Simplify the covariance structure or the fixed effects.")


def decrement(at: Evaluation) -> float:
    """sqrt(g' H^-1 g); infinite where the Hessian is not positive definite."""
    try:
        half = np.linalg.solve(np.linalg.cholesky(at.hessian), at.gradient)
    except np.linalg.LinAlgError:
        return np.inf
    return float(np.sqrt(half @ half))


def _direction(at: Evaluation) -> NDArray[np.float64]:
    eigenvalues, vectors = np.linalg.eigh(at.hessian)
    size = np.abs(eigenvalues)
    safe = np.maximum(size, 1e-8 * max(float(size.max()), 1e-8))
    step = -vectors @ ((vectors.T @ at.gradient) / safe)
    longest = float(np.abs(step).max())
    return step * min(1.0, LONGEST_STEP / longest) if longest > 0 else step


def _step(likelihood: Likelihood, theta: NDArray[np.float64], at: Evaluation) -> tuple[NDArray[np.float64], Evaluation]:
    direction = _direction(at)
    distance = decrement(at)
    if distance < NEARBY:
        evaluation = likelihood.evaluate(theta + direction)
        if evaluation is not None and decrement(evaluation) < distance / 2:
            return theta + direction, evaluation
    slope = float(direction @ at.gradient)
    slack = 1e-13 * (1 + abs(at.value))
    length = 1.0
    while length > SHORTEST_LENGTH:
        candidate = theta + length * direction
        if likelihood.value(candidate) <= at.value + 1e-4 * length * slope + slack:
            evaluation = likelihood.evaluate(candidate)
            if evaluation is not None:
                return candidate, evaluation
        length /= 2
    raise _refusal(at, "the line search found no descent")


def _polish(likelihood: Likelihood, optimum: Optimum) -> Optimum:
    """A few more full steps while they bring the gradient nearer to zero: quadratic convergence makes them cheap."""
    for _ in range(POLISHING_STEPS):
        candidate = optimum.theta + _direction(optimum.at)
        at = likelihood.evaluate(candidate)
        if at is None or not decrement(at) < optimum.distance:
            break
        optimum = Optimum(candidate, at, decrement(at), optimum.iterations + 1)
    return optimum
