"""The volatility of a price leads back to the price, and no price without one is given one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.pricing.implied import implied_volatility


def implied(price, forward, strike, years, is_call):
    rows = [np.array([each], dtype=np.float64) for each in (price, forward, strike, years)]
    return float(implied_volatility(*rows, np.array([is_call]))[0])


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.floats(0.5, 2.0), st.floats(0.1, 3.0), st.floats(0.003, 2.0), st.booleans())
def test_the_volatility_of_a_price_is_found_again(moneyness, volatility, years, is_call):
    kind = QuantLib.Option.Call if is_call else QuantLib.Option.Put
    price = QuantLib.blackFormula(kind, 1000.0 * moneyness, 1000.0, volatility * math.sqrt(years))
    time_value = price - max((1000.0 - 1000.0 * moneyness) * (1 if is_call else -1), 0.0)
    if time_value > 1e-6:  # below it the price has fewer digits than the answer asks for
        assert implied(price, 1000.0, 1000.0 * moneyness, years, is_call) == pytest.approx(volatility, rel=1e-5)


@pytest.mark.parametrize(
    ("price", "years", "is_call"),
    [
        (10.0, 0.5, True),
        (9.0, 0.5, True),
        (100.0, 0.5, True),
        (-1.0, 0.5, False),
        (90.0, 0.5, False),
        (math.nan, 0.5, True),
        (12.0, 0.0, True),
    ],
)
def test_no_volatility_gives_such_a_price(price, years, is_call):
    assert math.isnan(implied(price, 100.0, 90.0, years, is_call))
