"""Newton's method with a proof: it returns an optimum it can certify, or raises."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.criterion import Evaluation, Function, P, Point
from ketaoutcomes.mixed.errors import MixedModelError, NearSingularCovariance, NotConverged

MAX_ITERATIONS = 100
# Distance to the optimum in standard errors of theta.
TOLERANCE = 1e-8
# Nearer than this, in standard errors, a step is judged by the gradient: the value no longer resolves the descent.
NEARBY = 1e-2
POLISHING_STEPS = 3
LONGEST_STEP = 2.0
SHORTEST_LENGTH = 1e-10
LARGEST_CONDITION = 1e12
NEAR_SINGULAR = 1e8
STEEP = 1e-6
SHORT_STEP = 0.1
ESCAPE = 0.1
# Two optima are one where the criterion agrees to this share.
SAME_OPTIMUM = 1e-8


@dataclass(frozen=True, slots=True)
class Certified(Generic[P]):
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
    path
        The criterion at the start and after each step.
    cut
        A step had to be shortened below a tenth.
    starts
        Starting values tried.
    unanimous
        Every start ended here; if not, another optimum or an unbounded likelihood is near.
    """

    theta: NDArray[np.float64]
    at: P
    distance: float
    iterations: int
    path: tuple[float, ...]
    cut: bool = False
    starts: int = 1
    unanimous: bool = True

    @property
    def troubled(self) -> bool:
        """Whether the path here calls for a second start."""
        return self.cut or self.at.condition > NEAR_SINGULAR or float(np.abs(self.at.gradient).max(initial=0.0)) > STEEP


#: Of a Gaussian likelihood.
Optimum = Certified[Evaluation]


def minimise(criterion: Function[P]) -> Certified[P]:
    """Minimise the criterion and return the best optimum found.

    The (RE)ML likelihood of a small trial can have several maxima, or none: then some paths run to a singular
    covariance. So every start is tried where participants are few (`Criterion.few`), and a second one where the first
    path had trouble: a line search cut short, a condition number above 1e8 or a gradient norm above 1e-6. Where starts
    disagree the result says so (`Optimum.unanimous`); their agreement proves a local maximum, not that no higher one
    exists.

    Raises
    ------
    NearSingularCovariance
        Every path leads to a singular covariance matrix, as it does where the likelihood has no maximum.
    NotConverged
        No start is feasible, or the line search or the iteration limit fails.
    """
    optima: list[Certified[P]] = []
    failures: list[MixedModelError] = []
    for tried, start in enumerate(criterion.starts()):
        if tried > 0 and not criterion.few and ((tried > 1 and optima) or not (failures or optima[0].troubled)):
            break
        try:
            optima.append(_minimise_from(criterion, start))
        except (NearSingularCovariance, NotConverged) as failure:
            failures.append(failure)
    if not optima:
        raise failures[0]
    best = min(optima, key=lambda optimum: optimum.at.value)
    worst = max(optimum.at.value for optimum in optima)
    unanimous = not failures and worst - best.at.value <= SAME_OPTIMUM * (1 + abs(best.at.value))
    return replace(best, unanimous=unanimous, starts=len(optima) + len(failures))


def _minimise_from(criterion: Function[P], theta: NDArray[np.float64]) -> Certified[P]:
    """Newton with the analytic Hessian and backtracking (Nocedal & Wright 2006, sections 3.1 and 3.4).

    Where the Hessian is not positive definite its eigenvalues are reflected, so that the step goes down.
    """
    at = criterion.evaluate(theta)
    if at is None:
        raise NotConverged("The criterion is not finite at the starting value; check the scale of the data.")
    cut, path = False, [at.value]
    for iteration in range(MAX_ITERATIONS):
        if at.condition > LARGEST_CONDITION:
            raise NearSingularCovariance(
                f"The covariance matrix has condition number {at.condition:.1e}, above {LARGEST_CONDITION:.0e}: some visits carry "
                "the same information, or there are too few participants for this structure; drop a visit or simplify it."
            )
        distance = decrement(at)
        if distance < TOLERANCE:
            return _polish(criterion, Certified(theta, at, distance, iteration, tuple(path), cut))
        theta, at, length = _step(criterion, theta, at)
        cut = cut or length < SHORT_STEP
        path.append(at.value)
    raise _refusal(at, f"there is no optimum after {MAX_ITERATIONS} Newton steps")


def _refusal(at: Point, why: str) -> MixedModelError:
    message = f"No optimum could be proved: {why}, at distance {decrement(at):.1e} standard errors (allowed {TOLERANCE})."
    if at.condition > NEAR_SINGULAR:
        return NearSingularCovariance(
            f"{message} The covariance matrix is near singular (condition number {at.condition:.1e}): some visits carry the "
            "same information, one has an outlier, or participants are too few; check the values or drop a visit."
        )
    return NotConverged(f"{message} Simplify the covariance structure or the fixed effects.")


def decrement(at: Point) -> float:
    """sqrt(g' H^-1 g); infinite where the Hessian is not positive definite."""
    try:
        half = np.linalg.solve(np.linalg.cholesky(at.hessian), at.gradient)
    except np.linalg.LinAlgError:
        return np.inf
    return float(np.sqrt(half @ half))


def _direction(at: Point) -> NDArray[np.float64]:
    eigenvalues, vectors = np.linalg.eigh(at.hessian)
    size = np.abs(eigenvalues)
    safe = np.maximum(size, 1e-8 * max(float(size.max()), 1e-8))
    if eigenvalues[0] < 0 and float(np.abs(at.gradient).max()) < STEEP:
        # A saddle, such as a standard deviation of 0 below a likelihood that rises on both sides: leave it along its ridge.
        return ESCAPE * vectors[:, 0]
    step = -vectors @ ((vectors.T @ at.gradient) / safe)
    longest = float(np.abs(step).max())
    return step * min(1.0, LONGEST_STEP / longest) if longest > 0 else step


def _step(criterion: Function[P], theta: NDArray[np.float64], at: P) -> tuple[NDArray[np.float64], P, float]:
    """The next theta, the evaluation there and the share of the Newton step taken."""
    direction = _direction(at)
    distance = decrement(at)
    if distance < NEARBY:
        evaluation = criterion.evaluate(theta + direction)
        if evaluation is not None and decrement(evaluation) < distance / 2:
            return theta + direction, evaluation, 1.0
    slope = float(direction @ at.gradient)
    slack = 1e-13 * (1 + abs(at.value))
    length = 1.0
    while length > SHORTEST_LENGTH:
        candidate = theta + length * direction
        evaluation = criterion.evaluate(candidate)
        if evaluation is not None and evaluation.value <= at.value + 1e-4 * length * slope + slack:
            return candidate, evaluation, length
        length /= 2
    raise _refusal(at, "the line search found no descent")


def _polish(criterion: Function[P], optimum: Certified[P]) -> Certified[P]:
    """A few more full steps while they bring the gradient nearer to zero: quadratic convergence makes them cheap."""
    for _ in range(POLISHING_STEPS):
        candidate = optimum.theta + _direction(optimum.at)
        at = criterion.evaluate(candidate)
        if at is None or not decrement(at) < optimum.distance:
            break
        optimum = Certified(candidate, at, decrement(at), optimum.iterations + 1, (*optimum.path, at.value), optimum.cut)
    return optimum
