"""The numerical engine: mixed models of repeated continuous outcomes, fitted from cross-products of the data.

It knows nothing of clinics or files. `mmrm`, `lmm` and `ols` return a `Fit` with a proof of convergence or raise a
`MixedModelError`. Set one BLAS thread: the matrices are small.
"""

from ketaoutcomes.mixed.contrasts import Contrast, Contrasts, Estimate, JointTest
from ketaoutcomes.mixed.diagnostics import binned_residuals, observed_and_fitted, quantile_pairs
from ketaoutcomes.mixed.errors import (
    DegenerateResponse,
    DuplicateVisit,
    IncompatibleMoments,
    InvalidContrast,
    InvalidTerms,
    InvalidValues,
    MixedModelError,
    NearSingularCovariance,
    NotComparable,
    NotConverged,
    NotRandomised,
    NotShareable,
    OneVisitPerParticipant,
    RankDeficient,
    TooFewParticipants,
    UnusedLevel,
    VisitsNeverTogether,
)
from ketaoutcomes.mixed.fit import Fit, Proof
from ketaoutcomes.mixed.likelihood_ratio import LikelihoodRatio, likelihood_ratio
from ketaoutcomes.mixed.lmm import lmm
from ketaoutcomes.mixed.ls_means import LsMean, LsMeans
from ketaoutcomes.mixed.mmrm import clda, mmrm, moments, ols
from ketaoutcomes.mixed.moments import Moments

__all__ = [
    "Contrast",
    "Contrasts",
    "DegenerateResponse",
    "DuplicateVisit",
    "Estimate",
    "Fit",
    "IncompatibleMoments",
    "InvalidContrast",
    "InvalidTerms",
    "InvalidValues",
    "JointTest",
    "LikelihoodRatio",
    "LsMean",
    "LsMeans",
    "MixedModelError",
    "Moments",
    "NearSingularCovariance",
    "NotComparable",
    "NotConverged",
    "NotRandomised",
    "NotShareable",
    "OneVisitPerParticipant",
    "Proof",
    "RankDeficient",
    "TooFewParticipants",
    "UnusedLevel",
    "VisitsNeverTogether",
    "binned_residuals",
    "clda",
    "likelihood_ratio",
    "lmm",
    "mmrm",
    "moments",
    "observed_and_fitted",
    "ols",
    "quantile_pairs",
]
