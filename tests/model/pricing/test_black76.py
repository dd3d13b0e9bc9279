"""Black-76 against the field's cases, QuantLib, its limits and parity."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError
from tasks.model.pricing import black76

SECONDS_PER_YEAR = 365 * 86400


def price(forward, strike, volatility, years, is_call):
    return float(
        black76.price(
            np.float64(forward), np.float64(strike), np.float64(volatility), np.float64(years), np.bool_(is_call)
        )
    )


def greeks(forward, strike, volatility, years, is_call):
    return black76.greeks(
        np.float64(forward), np.float64(strike), np.float64(volatility), np.float64(years), np.bool_(is_call)
    )


@pytest.mark.parametrize("years", [1 / 365, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("volatility", [0.05, 0.6, 1.5])
@pytest.mark.parametrize("strike", [20_000.0, 59_000.0, 60_000.0, 61_000.0, 180_000.0])
def test_quantlib_agrees(strike, volatility, years):
    F = 60_000.0
    for is_call, kind in ((True, QuantLib.Option.Call), (False, QuantLib.Option.Put)):
        oracle = QuantLib.BlackCalculator(
            QuantLib.PlainVanillaPayoff(kind, strike), F, volatility * math.sqrt(years), 1.0
        )
        found = greeks(F, strike, volatility, years, is_call)
        assert price(F, strike, volatility, years, is_call) == pytest.approx(oracle.value(), abs=1e-14 * F, rel=1e-11)
        assert found.delta == pytest.approx(oracle.deltaForward(), abs=1e-12)
        assert found.gamma == pytest.approx(oracle.gammaForward(), abs=1e-12 / F, rel=1e-9)
        assert found.vega == pytest.approx(oracle.vega(years), abs=1e-9, rel=1e-9)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.floats(0.0, 5.0), st.floats(0.0, 3.0))
def test_parity_and_bounds_hold_everywhere(forward, strike, volatility, years):
    call, put = price(forward, strike, volatility, years, True), price(forward, strike, volatility, years, False)
    scale = max(forward, strike)
    assert call - put == pytest.approx(forward - strike, abs=4e-16 * scale)
    assert max(forward - strike, 0.0) <= call <= forward * (1 + 1e-15) + 1e-15 * scale
    assert max(strike - forward, 0.0) <= put <= strike * (1 + 1e-15) + 1e-15 * scale


@pytest.mark.parametrize("years", [0.0, -0.5])
@pytest.mark.parametrize(("strike", "call", "put"), [(90.0, 10.0, 0.0), (100.0, 0.0, 0.0), (130.0, 0.0, 30.0)])
def test_at_expiry_the_price_is_the_payoff(strike, call, put, years):
    assert price(100.0, strike, 0.8, years, True) == pytest.approx(call, abs=1e-6)
    assert price(100.0, strike, 0.8, years, False) == pytest.approx(put, abs=1e-6)


def test_a_short_time_is_not_floored():
    # One second to run: an at-the-money option is worth F sigma sqrt(T) / sqrt(2 pi), to first order.
    years = 1.0 / SECONDS_PER_YEAR
    assert price(100.0, 100.0, 0.6, years, True) == pytest.approx(
        100 * 0.6 * math.sqrt(years / (2 * math.pi)), rel=1e-6
    )


def test_a_deep_out_of_the_money_price_keeps_its_digits():
    # Far side of parity: 1e-10 of a forward of 1000 would drown in the other side's rounding.
    oracle = QuantLib.blackFormula(QuantLib.Option.Put, 500.0, 1000.0, 0.12)
    assert price(1000.0, 500.0, 0.12, 1.0, False) == pytest.approx(oracle, rel=1e-4) and oracle < 1e-7


def test_limits_of_a_worthless_forward_and_a_free_strike():
    assert price(0.0, 1000.0, 4.0, 1.0, True) == 0.0
    assert price(0.0, 1000.0, 4.0, 1.0, False) == 1000.0
    assert price(1000.0, 0.0, 4.0, 1.0, True) == 1000.0
    assert price(0.0, 0.0, 4.0, 1.0, True) == 0.0


@pytest.mark.parametrize("volatility", [24.0, 25.0, 1e6])
def test_a_saturated_volatility_makes_a_call_the_forward_and_a_put_the_strike(volatility):
    for forward, strike in ((100.0, 1e40), (1e40, 100.0), (100.0, 100.0)):
        assert price(forward, strike, volatility, 1.0, True) == forward
        assert price(forward, strike, volatility, 1.0, False) == strike


@pytest.mark.parametrize("is_call", [True, False])
def test_theta_is_what_a_day_takes(is_call):
    step = 1e-5
    later, sooner = (price(100.0, 110.0, 0.7, 0.25 + each, is_call) for each in (step, -step))
    assert greeks(100.0, 110.0, 0.7, 0.25, is_call).theta == pytest.approx((sooner - later) / (2 * step), rel=1e-6)
    assert greeks(100.0, 110.0, 0.7, 0.0, is_call).theta == 0.0


@pytest.mark.parametrize("spoiled", range(4))
def test_nothing_missing_passes_silently(spoiled):
    terms = [100.0, 100.0, 0.5, 0.5]
    terms[spoiled] = math.nan
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        price(*terms, True)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        greeks(*terms, True)


def test_a_negative_volatility_is_refused():
    with pytest.raises(ModelInputError, match="negative"):
        price(100.0, 100.0, -0.5, 0.5, True)


def test_time_is_counted_in_years_of_365_days_and_true_seconds():
    expiry = np.array(["2026-01-31T08:00:00", "2027-01-30T08:00:01", "NaT", "2026-01-29T08:00:00"], "datetime64[us]")
    years = black76.years_to_expiry(expiry, np.datetime64("2026-01-30T08:00:00"))
    assert years[0] == pytest.approx(1 / 365, rel=1e-15)
    assert years[1] == pytest.approx(1 + 1 / SECONDS_PER_YEAR, rel=1e-15)
    assert math.isnan(years[2]) and years[3] == pytest.approx(-1 / 365)
