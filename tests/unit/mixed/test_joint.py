"""Denominator degrees of freedom of several contrasts at once (Fai & Cornelius 1996)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ketaoutcomes.mixed.inference import fai_cornelius

Floats = np.ndarray


@dataclass
class Given:
    """Degrees of freedom by axis."""

    df: list[float]

    def of(self, row: Floats, working: Floats) -> float:
        return self.df[int(np.argmax(np.abs(row)))]

    def joint(self, rows: Floats, working: Floats, estimates: Floats, covariance: Floats) -> tuple[float, int, float]:
        raise AssertionError


@pytest.mark.parametrize(
    ("df", "expected"),
    [
        ([6.0, 6.0, 6.0], 6.0),
        ([3.0, 4.0, 6.0], 13 / 3.5),  # E = 3 + 2 + 1.5, 2 E / (E - 3)
        ([1.5, 3.0, 4.0], 5.0),  # a t with 1.5 df adds nothing: E = 3 + 2
        ([1.5, 10.0, 12.0], 2.0),  # E = 2.45 is below the number of contrasts
    ],
)
def test_pooled_degrees_of_freedom(df: list[float], expected: float) -> None:
    """Contrasts that are independent, so that the axes are the contrasts."""
    variances, estimates, eye = np.array([1.0, 2.0, 3.0]), np.array([1.0, -2.0, 3.0]), np.eye(3)
    f, numerator, denominator = fai_cornelius(Given(df), eye, eye, estimates, np.diag(variances))
    assert f == pytest.approx((1 + 4 / 2 + 9 / 3) / 3, rel=1e-14)
    assert numerator == 3
    assert denominator == pytest.approx(expected, rel=1e-14)
