"""Clinical outcomes of ketamine and esketamine treatment: from a study's CSV to a released report.

The mixed-model engine is a library too: ``from ketaoutcomes import mmrm, lmm, moments``. It is imported
on first use, so that the commands start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ketaoutcomes.mixed import (
        binned_residuals,
        clda,
        glmm,
        likelihood_ratio,
        lmm,
        mmrm,
        moments,
        observed_and_fitted,
        ols,
        quantile_pairs,
    )

__all__ = ["binned_residuals", "clda", "glmm", "likelihood_ratio", "lmm", "mmrm", "moments", "observed_and_fitted", "ols", "quantile_pairs"]


def __getattr__(name: str) -> object:
    """Import the engine when one of its functions is asked for."""
    if name in __all__:
        from ketaoutcomes import mixed

        return getattr(mixed, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
