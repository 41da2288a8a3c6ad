"""Do independent estimates differ?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc


def heterogeneity(estimates: Sequence[float], errors: Sequence[float]) -> tuple[float, int, float]:
    """Cochran's Q of independent estimates, its degrees of freedom and p.

    Of two estimates Q is z^2, with z their difference over the root of the sum of their squared errors
    (Altman & Bland, BMJ 2003;326:219). Cochran, Biometrics 1954;10:101.
    """
    values, weights = np.asarray(estimates, dtype=float), 1 / np.asarray(errors, dtype=float) ** 2
    mean = float(np.sum(weights * values) / np.sum(weights))
    q, df = float(np.sum(weights * (values - mean) ** 2)), len(values) - 1
    return q, df, float(chdtrc(df, q))
