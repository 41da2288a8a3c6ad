"""The numerical engine: mixed models of repeated scores, fitted from cross-products of the data, and of binary outcomes.

It knows nothing of clinics or files. `mmrm`, `lmm` and `ols` return a `Fit`, `glmm` a `BinaryFit`, with a proof of convergence or raise a
`MixedModelError`. Set one BLAS thread: the matrices are small.
"""

from ketaoutcomes.mixed.binary.fit import BinaryFit
from ketaoutcomes.mixed.binary.glmm import glmm
from ketaoutcomes.mixed.binary.population import Durations, Risk, Risks
from ketaoutcomes.mixed.binary.solved import BinaryProof
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
    Separated,
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
    "BinaryFit",
    "BinaryProof",
    "Contrast",
    "Contrasts",
    "DegenerateResponse",
    "DuplicateVisit",
    "Durations",
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
    "Risk",
    "Risks",
    "Separated",
    "TooFewParticipants",
    "UnusedLevel",
    "VisitsNeverTogether",
    "binned_residuals",
    "clda",
    "glmm",
    "likelihood_ratio",
    "lmm",
    "mmrm",
    "moments",
    "observed_and_fitted",
    "ols",
    "quantile_pairs",
]
