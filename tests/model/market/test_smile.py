"""Implied volatility read off the neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.market.smile import Quotes, fallback_volatility

ROWS = [
    ("BTC", 0.1, -0.2, 0.8),
    ("BTC", 0.1, 0.0, 0.5),
    ("BTC", 0.1, 0.2, 0.6),
    ("BTC", 0.5, 0.0, 0.4),
    ("ETH", 0.1, 0.0, 0.9),
]


def quotes_of(rows):
    names, years, moneyness, volatility = zip(*rows, strict=True)
    return Quotes(np.array(names), np.array(years), np.array(moneyness), np.array(volatility))


def test_total_variance_is_linear_between_strikes():
    low, high = 0.8**2 * 0.1, 0.5**2 * 0.1  # total variances at -0.2 and 0
    expected = math.sqrt((0.25 * low + 0.75 * high) / 0.1)
    assert fallback_volatility(quotes_of(ROWS), "BTC", 0.1, -0.05) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("moneyness", "expected"), [(-3.0, 0.8), (3.0, 0.6), (0.2, 0.6)])
def test_it_is_flat_outside_and_exact_on_a_quote(moneyness, expected):
    assert fallback_volatility(quotes_of(ROWS), "BTC", 0.1, moneyness) == pytest.approx(expected, rel=1e-14)


def test_an_unquoted_expiry_scales_the_nearest_ones_variance_in_time():
    total = 0.4**2 * 0.5 * (0.45 / 0.5)  # total variance of the expiry at 0.5 years, scaled to 0.45
    found = fallback_volatility(quotes_of(ROWS), "BTC", 0.45, 0.1)
    assert found == pytest.approx(math.sqrt(total / 0.45), rel=1e-14)


def test_of_two_expiries_equally_near_the_earlier_is_read():
    quotes = quotes_of([("BTC", 0.25, 0.0, 0.7), ("BTC", 0.75, 0.0, 0.3)])
    assert fallback_volatility(quotes, "BTC", 0.5, 0.0) == pytest.approx(0.7)


def test_call_and_put_of_a_strike_are_averaged_in_variance():
    quotes = quotes_of([("BTC", 0.1, 0.0, 0.5), ("BTC", 0.1, 0.0, 0.7)])
    assert fallback_volatility(quotes, "BTC", 0.1, 0.0) == pytest.approx(math.sqrt((0.25 + 0.49) / 2), rel=1e-14)


def test_the_order_of_quotes_changes_no_bit():
    rows = [("BTC", 0.1, moneyness, 0.5 + 0.1 * n) for n, moneyness in enumerate([-0.1, 0.0, 0.0, 0.0, 0.1])]
    values = {
        fallback_volatility(quotes_of(order), "BTC", 0.1, 0.01) for order in (rows, rows[::-1], rows[2:] + rows[:2])
    }
    assert len(values) == 1


def test_an_underlying_without_quotes_raises_and_another_one_is_never_read():
    with pytest.raises(ModelInputError, match=r"NO_VOLATILITY.*SOL"):
        fallback_volatility(quotes_of(ROWS), "SOL", 0.1, 0.0)
    assert fallback_volatility(quotes_of(ROWS), "ETH", 0.5, 0.0) == pytest.approx(0.9)
