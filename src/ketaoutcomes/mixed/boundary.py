"""The optimum of a model with random effects: inside, or on the boundary of the covariances with its proof there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.criterion import Function, P, P_co
from ketaoutcomes.mixed.errors import MixedModelError, NotConverged
from ketaoutcomes.mixed.newton import Certified, minimise

Floats = NDArray[np.float64]
Places = tuple[tuple[int, int], ...]
# A model on the boundary is the optimum unless the interior gains more than rounding.
REAL_GAIN = 1e-9
KKT = 1e-7


class WithEffects(Function[P_co], Protocol[P_co]):
    """A criterion whose covariance of random effects is L L'."""

    @property
    def places(self) -> Places:
        """The elements of L that are free."""
        ...

    @property
    def sites(self) -> bool:
        """Whether sites have a random intercept."""
        ...

    def interior(self, theta: Floats, /) -> bool:
        """Whether every variance is far from 0."""
        ...

    def covariance_slope(self, theta: Floats, /) -> tuple[Floats, float]:
        """Derivative by L L', shape (d, d), and by the sites' variance."""
        ...


Model = tuple[Places, bool]
"""Free elements of L, and whether sites have an effect."""


def best(model: Callable[[Places, bool], WithEffects[P]], places: Places, sites: bool) -> tuple[Model, Certified[P], float | None]:
    """The optimum with its model: all of it, or what is left on the boundary, where the third is the one-sided slope that proves it."""
    whole = model(places, sites)
    found: Certified[P] | None = None
    failure: MixedModelError | None = None
    try:
        found = minimise(whole)
    except MixedModelError as error:
        failure = error
    if found is not None and whole.interior(found.theta):
        return (places, sites), found, None
    for smaller in _smaller(places, sites):
        reduced = model(*smaller)
        try:
            optimum = minimise(reduced)
        except MixedModelError as error:
            failure = failure or error
            continue
        slope = _slope(reduced, optimum.theta, places, sites)
        if slope >= -KKT and (found is None or optimum.at.value <= found.at.value + REAL_GAIN + 1e-14 * abs(found.at.value)):
            # another optimum of the whole model is news of this one too
            return smaller, replace(optimum, unanimous=optimum.unanimous and found is not None and found.unanimous), slope
    if found is None:
        raise failure or NotConverged("No optimum could be proved, neither inside nor on the boundary.")
    return (places, sites), found, None


def _smaller(places: Places, sites: bool) -> list[Model]:
    """The models on the boundary, the smallest first; (0, 0), (1, 0) without (1, 1) is a covariance matrix of rank 1."""
    if (1, 0) in places:
        own: list[Places] = [(), ((0, 0), (1, 0)), places]
    else:
        kept = product(*[((), (place,)) for place in places])
        own = sorted((tuple(p for part in parts for p in part) for parts in kept), key=len)
    return sorted(((p, s) for p in own for s in ((False, True) if sites else (False,)) if (p, s) != (places, sites)), key=lambda m: len(m[0]) + m[1])


def _slope(reduced: WithEffects[P], theta: Floats, places: Places, sites: bool) -> float:
    """Smallest one-sided slope of -logL into the whole model: Karush-Kuhn-Tucker for D in the cone of covariances."""
    gradient, along_site = reduced.covariance_slope(theta)
    found = [] if not sites or reduced.sites else [along_site]
    if (1, 0) in places:
        found.append(float(np.linalg.eigvalsh(gradient)[0]))
    else:
        found += [float(gradient[place]) for place in places if place not in reduced.places]
    return min(found)
