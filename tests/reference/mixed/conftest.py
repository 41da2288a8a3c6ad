"""Reading R's results beside ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ketaoutcomes.mixed import Fit


@pytest.fixture(scope="session")
def load() -> Callable[[Path, str], Any]:
    """One entry of a JSON file of reference values."""

    def read(path: Path, entry: str) -> Any:
        return json.loads(path.read_text())[entry]

    return read


@pytest.fixture(scope="session")
def in_r_order() -> Callable[[Fit, list[str]], np.ndarray]:
    """Positions of R's coefficients in a fit: `visit8:armket_low` is our `arm[ket_low]:visit[8]`."""

    def positions(fit: Fit, r_terms: list[str]) -> np.ndarray:
        ours = [frozenset(part.replace("[", "").replace("]", "") for part in t.split(":")) for t in fit.terms]
        return np.array([ours.index(frozenset(term.split(":"))) for term in r_terms])

    return positions


@pytest.fixture(scope="session")
def assert_coefficients(in_r_order: Callable[..., np.ndarray]) -> Callable[..., None]:
    """Compare estimates, SE, df and their covariance with an entry of R, each to a relative tolerance."""

    def check(fit: Fit, entry: Any, *, beta: float = 1e-6, se: float = 1e-6, df: float = 1e-6) -> None:
        order = in_r_order(fit, entry["terms"])
        assert len(order) == len(fit.terms)
        columns = entry["coef"]
        estimate = columns.get("estimate", columns.get("Estimate"))
        error = columns.get("se", columns.get("Std. Error"))
        np.testing.assert_allclose(fit.params.to_numpy()[order], estimate, rtol=beta)
        np.testing.assert_allclose(fit.bse.to_numpy()[order], error, rtol=se)
        np.testing.assert_allclose(fit.df.to_numpy()[order], columns["df"], rtol=df)
        if "beta_vcov" not in entry and "vcov_used" not in entry:
            return
        vcov = np.array(entry.get("vcov_used", entry.get("beta_vcov")))
        size = np.sqrt(np.outer(np.diag(vcov), np.diag(vcov)))
        np.testing.assert_allclose(fit.cov_params().to_numpy()[np.ix_(order, order)] / size, vcov / size, atol=2 * se)

    return check
