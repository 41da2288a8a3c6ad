"""Two proportions: published examples, R (`make.R` beside this file), and limits found again by brute force."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, norm

from ketaoutcomes.models._proportions import Counts, Ratio, difference, equality, mantel_haenszel, numbers_needed, ratio, standardised

R: dict[str, Any] = json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
TABLES = [Counts(*row) for row in R["tables"]]
ZEROS = [Counts(0, 12, 4, 11), Counts(10, 10, 0, 10), Counts(5, 56, 0, 29), Counts(0, 9, 0, 14), Counts(7, 7, 8, 8), Counts(7, 7, 3, 8)]


@pytest.mark.parametrize(
    ("counts", "score", "newcombe"),
    [
        (Counts(56, 70, 48, 80), (0.0528, 0.3382), (0.0524, 0.3339)),
        (Counts(9, 10, 3, 10), (0.1700, 0.8406), (0.1705, 0.8090)),
        (Counts(6, 7, 2, 7), (0.0342, 0.8534), (0.0582, 0.8062)),
        (Counts(5, 56, 0, 29), (-0.0326, 0.1933), (-0.0381, 0.1926)),
        (Counts(10, 10, 0, 20), (0.7156, 1.0), (0.6791, 1.0)),
        (Counts(10, 10, 0, 10), (0.6636, 1.0), (0.6075, 1.0)),
    ],
)
def test_limits_printed_by_newcombe(counts: Counts, score: tuple[float, float], newcombe: tuple[float, float]) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II: methods 6 (Miettinen and Nurminen) and 10."""
    for method, printed in (("miettinen_nurminen", score), ("newcombe", newcombe)):
        found = difference(counts, method, 0.95)
        assert (found.lower, found.upper) == pytest.approx(printed, abs=5.1e-5)


def logs(k: int, p: float) -> float:
    return k * math.log(p) if k and p > 0 else (0.0 if not k else -math.inf)


def likelihood(counts: Counts, risk: float, reference: float) -> float:
    c = counts
    return logs(c.events, risk) + logs(c.n - c.events, 1 - risk) + logs(c.events_reference, reference) + logs(c.n_reference - c.events_reference, 1 - reference)


def highest(counts: Counts, pair: Any, low: float, high: float) -> tuple[float, float]:
    """Both risks of most likelihood on the line `pair`, by cutting the interval in three."""
    for _ in range(200):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if likelihood(counts, *pair(a)) < likelihood(counts, *pair(b)):
            low = a
        else:
            high = b
    return pair((low + high) / 2)


def statistic(counts: Counts, at: float, kind: str) -> float:
    """Square of the score statistic with N / (N - 1), Miettinen and Nurminen 1985 (Stat Med 4:213), formulas 8 and 9."""
    if kind == "difference":
        p, q = highest(counts, lambda r: (r + at, r), max(0.0, -at), min(1.0, 1.0 - at))
        gap, scale = counts.events / counts.n - counts.events_reference / counts.n_reference - at, 1.0
    else:
        p, q = highest(counts, lambda r: (at * r, r), 0.0, min(1.0, 1 / at))
        gap, scale = counts.events / counts.n - at * counts.events_reference / counts.n_reference, at
    total = counts.n + counts.n_reference
    variance = (p * (1 - p) / counts.n + scale**2 * q * (1 - q) / counts.n_reference) * total / (total - 1)
    return gap**2 / variance


@pytest.mark.parametrize("counts", [*TABLES, *ZEROS])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_score_limits_by_brute_force(counts: Counts, level: float) -> None:
    """A limit is where the statistic reaches the chi-square quantile; a bound of the scale where it never does."""
    cut = chi2.ppf(level, 1)
    found = difference(counts, "miettinen_nurminen", level)
    for limit, bound in ((found.lower, -1.0), (found.upper, 1.0)):
        if limit == bound:
            assert statistic(counts, bound + math.copysign(1e-6, -bound), "difference") < cut
        else:
            assert statistic(counts, limit, "difference") == pytest.approx(cut, rel=1e-5)
            assert (found.lower <= counts.difference <= found.upper) and statistic(counts, limit + math.copysign(1e-3, bound), "difference") > cut
    of = ratio(counts, "miettinen_nurminen", level)
    for limit, known in ((of.lower, counts.events > 0), (of.upper, counts.events_reference > 0)):
        if known and not (counts.events == 0 and counts.events_reference == 0):
            assert statistic(counts, limit, "ratio") == pytest.approx(cut, rel=1e-5)


def test_ratios_without_events() -> None:
    """0/12 and 4/11: 0, and an upper limit; 4/11 and 0/12: no ratio, but a lower limit, the other's upper one turned over; 0 and 0: nothing."""
    none, turned = ratio(Counts(0, 12, 4, 11), "miettinen_nurminen", 0.95), ratio(Counts(4, 11, 0, 12), "miettinen_nurminen", 0.95)
    assert (none.estimate, none.lower) == (0.0, 0.0)
    assert math.isnan(turned.estimate) and math.isnan(turned.upper)
    assert turned.lower == pytest.approx(1 / none.upper, rel=1e-9)
    for method in ("miettinen_nurminen", "log_wald"):
        assert all(math.isnan(value) for value in (ratio(Counts(0, 12, 0, 11), method, 0.95).estimate, ratio(Counts(0, 12, 0, 11), method, 0.95).upper))
    assert math.isnan(ratio(Counts(0, 12, 4, 11), "log_wald", 0.95).estimate)
    assert math.isnan(ratio(Counts(4, 12, 0, 11), "log_wald", 0.95).estimate)


def test_against_r() -> None:
    for counts, fisher, newcombe, katz in zip(TABLES, R["fisher"], R["newcombe"], R["katz"], strict=True):
        found = difference(counts, "newcombe", 0.95)
        assert (found.lower, found.upper) == pytest.approx(newcombe, abs=1e-9)
        if katz[0] is not None:
            of = ratio(counts, "log_wald", 0.95)
            assert (of.lower, of.upper) == pytest.approx(katz, rel=1e-9)
        test, p = equality(counts)
        if test == "fisher":
            assert p == pytest.approx(fisher, rel=1e-9)
    # smallest expected count: 39 * 17 / 78 = 8.3 to 38 * 17 / 78; 9 * 3 / 17; 30 * 3 / 61; 10 * 8 / 20 = 4; 7 * 6 / 14 = 3; 11 * 4 / 23; 97 * 81 / 197
    assert [equality(counts)[0] for counts in TABLES] == ["miettinen_nurminen", *["fisher"] * 5, "miettinen_nurminen"]


def test_fisher_where_an_expected_count_is_below_five() -> None:
    """10 of 20 and 0 of 20: expected 5 is not below 5; 9 of 20 and 0 of 20: 4.5 is. Of 20 with 11 and 20 with 20, 4.5 do not have the event."""
    assert equality(Counts(10, 20, 0, 20))[0] == "miettinen_nurminen"
    assert equality(Counts(9, 20, 0, 20))[0] == equality(Counts(11, 20, 20, 20))[0] == "fisher"


def test_the_score_test_of_equality_by_hand() -> None:
    """50/100 and 30/100: pooled 0.4, variance 0.24 * 0.02 * 200 / 199, z = 0.2 / sqrt(0.0048241) = 2.87957."""
    test, p = equality(Counts(50, 100, 30, 100))
    assert test == "miettinen_nurminen"
    assert p == pytest.approx(2 * norm.sf(0.2 / math.sqrt(0.24 * 0.02 * 200 / 199)), rel=1e-12)


def test_wald_by_hand() -> None:
    """50/100 and 30/100: 0.2 and 1.95996 * sqrt(0.25 / 100 + 0.21 / 100); none where an arm has no events."""
    found, half = difference(Counts(50, 100, 30, 100), "wald", 0.95), norm.ppf(0.975) * math.sqrt(0.0046)
    assert (found.lower, found.upper) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-12)
    assert all(math.isnan(difference(counts, "wald", 0.95).lower) for counts in ZEROS)


@pytest.mark.parametrize("name", list(R["stratified"]))
def test_strata_against_metafor(name: str) -> None:
    """`rma.mh(measure = "RD")` and `mantelhaen.test(correct = FALSE)`; strata without one of the arms are left out there and here."""
    entry = R["stratified"][name]
    found, p = mantel_haenszel([Counts(*row) for row in entry["strata"]], 0.95)
    assert (found.estimate, found.lower, found.upper) == pytest.approx((entry["estimate"], entry["lower"], entry["upper"]), abs=1e-9)
    assert p == pytest.approx(entry["p"], rel=1e-8)


def test_one_stratum_is_the_plain_difference() -> None:
    found, _ = mantel_haenszel([Counts(12, 40, 5, 38)], 0.95)
    assert found.estimate == pytest.approx(12 / 40 - 5 / 38, abs=1e-15)
    assert math.isnan(mantel_haenszel([Counts(3, 5, 0, 0)], 0.95)[0].estimate)
    # nobody has the event anywhere: no error, no test
    nobody, p = mantel_haenszel([Counts(0, 5, 0, 6), Counts(0, 3, 0, 4)], 0.95)
    assert math.isnan(nobody.estimate) and math.isnan(p)


def test_standardised_difference_against_glm() -> None:
    entry = R["standardised"]
    people = {name: np.asarray(values, dtype=float) for name, values in entry["people"].items()}
    found, p = standardised(people["event"], people["arm"], np.column_stack([people["age"], people["sex"]]), 0.95)
    half = norm.ppf(0.975) * entry["se"]
    assert (found.estimate, found.lower, found.upper) == pytest.approx((entry["estimate"], entry["estimate"] - half, entry["estimate"] + half), abs=1e-9)
    assert p == pytest.approx(entry["p"], rel=1e-7)


def test_nothing_is_standardised_where_the_data_separate() -> None:
    """Everybody above 40 and nobody below has the event; and a covariate that is a copy of the arm."""
    age, arm = np.arange(30.0, 50.0), np.tile([0.0, 1.0], 10)
    assert math.isnan(standardised((age > 40).astype(float), arm, age[:, None], 0.95)[0].estimate)
    assert math.isnan(standardised(np.tile([0.0, 1.0, 1.0, 0.0], 5), arm, arm[:, None], 0.95)[0].estimate)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Ratio(0.2, 0.1, 0.4), (5.0, 2.5, 10.0)),
        (Ratio(-0.25, -0.5, -0.125), (-4.0, -8.0, -2.0)),
        (Ratio(0.2, -0.1, 0.4), (5.0, math.nan, math.nan)),
        (Ratio(0.2, 0.0, 0.4), (5.0, math.nan, math.nan)),
        (Ratio(0.0, -0.1, 0.1), (math.nan, math.nan, math.nan)),
    ],
)
def test_number_needed(found: Ratio, expected: tuple[float, float, float]) -> None:
    """1 over the difference and its limits; none where the limits hold 0 (Altman 1998, BMJ 317:1309)."""
    needed = numbers_needed(found)
    assert (needed.estimate, needed.lower, needed.upper) == pytest.approx(expected, nan_ok=True)
