"""Published differences and ratios of proportions, from their counts.

TRANSFORM: percentages and limits are those of PMC7894501, tables 1 and 2, the counts were found from them; each count's
denominator is the people with a day-28 score (PMC8921149, table 4). Limits are printed with two decimals, so half a unit
of the last; the same holds for differences.
"""

from __future__ import annotations

import pytest

from ketaoutcomes.models._proportions import Counts, difference, ratio

PRINTED = 0.005 + 1e-9
TRANSFORM = {
    "TRANSFORM-1 56 mg response": (60, 111, 42, 108, 15.17, 2.11, 28.22),
    "TRANSFORM-1 84 mg response": (52, 98, 42, 108, 14.17, 0.68, 27.67),
    "TRANSFORM-2 response": (70, 101, 52, 100, 17.31, 4.01, 30.60),
    "TRANSFORM-3 response": (17, 63, 8, 60, 13.65, -0.28, 27.58),
    "TRANSFORM-1 56 mg remission": (40, 111, 33, 108, 5.48, -6.98, 17.94),
    "TRANSFORM-1 84 mg remission": (38, 98, 33, 108, 8.22, -4.76, 21.20),
    "TRANSFORM-2 remission": (53, 101, 31, 100, 21.48, 8.17, 34.78),
    "TRANSFORM-3 remission": (11, 63, 4, 60, 10.79, -0.51, 22.09),
    "TRANSFORM-3 age 65 to 74 response": (15, 53, 7, 53, 15.09, -0.08, 30.27),
    "TRANSFORM-3 age 65 to 74 remission": (11, 53, 3, 53, 15.09, 2.53, 27.66),
}
#: Published counts (ESCAPE-TRD without relapse and Dakwar: found from published percentages), with difference, ratio and
#: limits computed from them by another program (`domain.md` 4.G), not printed by the authors.
TWO_BY_TWO = {
    "SUSTAIN-1 remitters": (24, 90, 39, 86, (-18.68, -32.62, -4.75), (0.59, 0.39, 0.89)),
    "SUSTAIN-1 responders": (16, 62, 34, 59, (-31.82, -48.48, -15.16), (0.45, 0.28, 0.72)),
    "ESCAPE-TRD remission at week 8": (91, 336, 60, 340, (9.44, 3.19, 15.68), (1.53, 1.15, 2.05)),
    "ESCAPE-TRD remission without relapse": (73, 336, 48, 340, (7.61, 1.85, 13.37), (1.54, 1.10, 2.14)),
    "Krupitsky 2007 abstinence": (13, 26, 6, 27, (27.78, 2.97, 52.58), (2.25, 1.01, 5.03)),
    "Dakwar 2019 abstinence": (13, 27, 3, 28, (37.43, 15.38, 59.49), (4.49, 1.44, 14.03)),
}


@pytest.mark.parametrize("row", TRANSFORM.values(), ids=TRANSFORM.keys())
def test_transform_risk_differences(row: tuple[int, int, int, int, float, float, float]) -> None:
    found = difference(Counts(*row[:4]), "wald", 0.95)
    assert [100 * value for value in (found.estimate, found.lower, found.upper)] == pytest.approx(row[4:], abs=PRINTED, rel=0)


@pytest.mark.parametrize("row", TWO_BY_TWO.values(), ids=TWO_BY_TWO.keys())
def test_two_by_two(row: tuple[int, int, int, int, tuple[float, ...], tuple[float, ...]]) -> None:
    wald, log_wald = difference(Counts(*row[:4]), "wald", 0.95), ratio(Counts(*row[:4]), "log_wald", 0.95)
    assert [100 * value for value in (wald.estimate, wald.lower, wald.upper)] == pytest.approx(row[4], abs=PRINTED, rel=0)
    assert (log_wald.estimate, log_wald.lower, log_wald.upper) == pytest.approx(row[5], abs=PRINTED, rel=0)


@pytest.mark.parametrize(
    ("counts", "limits"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombe_limits(counts: tuple[int, int, int, int], limits: tuple[float, float]) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    found = difference(Counts(*counts), "newcombe", 0.95)
    assert (found.lower, found.upper) == pytest.approx(limits, abs=5.1e-5, rel=0)
