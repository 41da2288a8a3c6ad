"""Numbers as text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketaoutcomes.schema.numbers import interval, p_text, rounded, shown


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (-2.5, 0, "−3"),
        (0.125, 2, "0.13"),
        (1.005, 2, "1.01"),
        (-0.04, 1, "0.0"),
        (12345.0, 0, "12,345"),
        (-12.34, 1, "−12.3"),
    ],
)
def test_halves_go_away_from_zero_and_zero_has_no_sign(value: float, digits: int, text: str) -> None:
    assert rounded(value, digits) == text


@given(st.floats(min_value=-1e6, max_value=1e6), st.integers(min_value=0, max_value=5))
def test_rounding_is_that_of_the_written_number(value: float, digits: int) -> None:
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    assert Decimal(rounded(value, digits).replace("−", "-").replace(",", "")) == exact


@pytest.mark.parametrize(("value", "text"), [(0.0004, "<0.001"), (0.001, "0.001"), (0.0495, "0.050"), (1.0, "1.000")])
def test_p_values(value: float, text: str) -> None:
    assert p_text(value) == text


@pytest.mark.parametrize(("status", "text"), [("ok", "−1.3"), ("flagged", "−1.3"), ("not_estimable", "–"), ("failed", "–"), ("withheld", "[withheld]")])
def test_a_number_is_shown_only_when_it_stands(status: str, text: str) -> None:
    assert shown(pd.Series({"status": status, "statistic": "mean", "value": -1.25})) == text


def test_limits_take_the_decimals_of_their_estimate() -> None:
    rows = pd.DataFrame({"statistic": ["risk_difference", "conf_low", "conf_high"], "value": [10.0, -4.92, 24.86], "status": "ok"})
    assert interval(rows, "risk_difference") == "10.0 (−4.9 to 24.9)"


def test_no_ratio_is_printed_as_nothing() -> None:
    rows = pd.DataFrame({"statistic": ["hazard_ratio", "conf_low", "conf_high"], "value": [0.005, 0.0049, 14.2], "status": "ok"})
    assert interval(rows, "hazard_ratio") == "0.01 (<0.01 to 14.20)"
    differences = rows.assign(statistic=["estimate", "conf_low", "conf_high"])
    assert interval(differences, "estimate") == "0.01 (0.00 to 14.20)"


def test_a_result_without_limits_is_printed_alone() -> None:
    """Holm and Hochberg have no intervals."""
    rows = pd.DataFrame({"statistic": ["estimate", "conf_low", "conf_high"], "value": [-7.39, float("nan"), float("nan")], "status": "ok"})
    assert interval(rows) == "−7.39"
    assert interval(rows.head(1)) == "−7.39"
    assert interval(rows.assign(value=[-7.39, -9.0, float("nan")])) == "−7.39 (−9.00 to –)"
