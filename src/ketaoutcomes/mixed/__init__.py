"""The numerical engine: mixed models of repeated continuous outcomes, fitted from cross-products of the data.

It knows nothing of clinics or files. `mmrm`, `lmm` and `ols` return a `Fit` with a proof of convergence or raise a
`MixedModelError`. Set one BLAS thread: the matrices are small.
"""

from ketaoutcomes.mixed.contrasts import Estimate, JointTest
from ketaoutcomes.mixed.errors import (
    DegenerateResponse,
    DuplicateVisit,
    InvalidContrast,
    InvalidTerms,
    InvalidValues,
    MixedModelError,
    NearSingularCovariance,
    NotConverged,
    OneVisitPerParticipant,
    RankDeficient,
    TooFewParticipants,
    UnusedLevel,
    VisitsNeverTogether,
)
from ketaoutcomes.mixed.fit import Fit, Proof, lmm, mmrm, ols
from ketaoutcomes.mixed.ls_means import LsMean

__all__ = [
    "DegenerateResponse",
    "DuplicateVisit",
    "Estimate",
    "Fit",
    "InvalidContrast",
    "InvalidTerms",
    "InvalidValues",
    "JointTest",
    "LsMean",
    "MixedModelError",
    "NearSingularCovariance",
    "NotConverged",
    "OneVisitPerParticipant",
    "Proof",
    "RankDeficient",
    "TooFewParticipants",
    "UnusedLevel",
    "VisitsNeverTogether",
    "lmm",
    "mmrm",
    "ols",
]
