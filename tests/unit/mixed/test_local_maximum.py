"""A likelihood-ratio test of a fit that is only a local maximum."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from ketaoutcomes.mixed import NotComparable, likelihood_ratio, lmm
from ketaoutcomes.mixed.fit import Solved


@pytest.mark.parametrize("what", ["terms", "random"])
def test_a_larger_fit_below_the_smaller_is_no_test(simulate: Callable[..., pd.DataFrame], what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """p would be 1: nothing is needed, said with confidence of a fit that failed."""
    data = simulate(9)
    if what == "terms":
        larger, smaller = (lmm(data, formula, subject="id", reml=False) for formula in ("y ~ base + t", "y ~ t"))
    else:
        larger, smaller = (lmm(data, "y ~ t", subject="id", random=random) for random in (("1", "t"), "1"))
    low, high = sorted(fit.loglik for fit in (larger, smaller))
    monkeypatch.setattr(Solved, "loglik", property(lambda self: low if self is larger._solved else high))
    with pytest.raises(NotComparable, match="local maximum"):
        likelihood_ratio(larger, smaller)
