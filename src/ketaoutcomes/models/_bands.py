"""Bands of a number."""

from __future__ import annotations

from itertools import pairwise


def bands_of(cuts: list[float]) -> list[str]:
    """Names of the bands that end at the cuts; the last is open."""
    return [f"up to {cuts[0]:g}", *(f"above {low:g} to {high:g}" for low, high in pairwise(cuts)), f"above {cuts[-1]:g}"]
