"""From contracts to quotes of the surface, and back to what a mark is not sure of."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, QUOTE_OPTION
from tasks.model.market.surface import Slice, Surface
from tasks.model.market.svi import Svi
from tasks.model.pricing.marking import Listed, mark
from tasks.model.pricing.quoted_surface import fit, mark_uncertainty_usd, quality

NAN = math.nan
YEARS, FORWARD = 0.25, 104.0
EXPIRY = np.datetime64("2026-03-27T08:00:00", "us")
STRIKES = (80.0, 90.0, 100.0, 110.0, 120.0, 130.0)


def black(strike, volatility, is_call):
    kind = QuantLib.Option.Call if is_call else QuantLib.Option.Put
    return QuantLib.blackFormula(kind, strike, FORWARD, volatility * math.sqrt(YEARS))


def vega(strike, volatility, years=YEARS):
    """Quote per 1.00 of volatility."""
    payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call, strike)
    return QuantLib.BlackCalculator(payoff, FORWARD, volatility * math.sqrt(years)).vega(years)


def option(strike, volatility=0.6, form=COIN_OPTION, is_call=None, **more):
    is_call = strike >= FORWARD if is_call is None else is_call
    price = black(strike, volatility, is_call) / (FORWARD if form == COIN_OPTION else 1.0)
    return {
        "form": form,
        "strike": strike,
        "is_call": is_call,
        "price": price,
        "quoted_volatility": volatility,
        "quoted_forward": FORWARD,
        "expiry": EXPIRY,
        "years_to_expiry": YEARS,
        "bid": price * 0.99,
        "ask": price * 1.01,
        **more,
    }


def listed(*rows):
    plain = {
        "underlying": "BTC",
        "form": INVERSE_FORWARD,
        "strike": NAN,
        "is_call": False,
        "expiry": np.datetime64("NaT", "us"),
        "years_to_expiry": NAN,
        "expired": False,
        "price": 101.0,
        "stale": False,
        "quality": "OK",
        "final_price": NAN,
        "index_price": 100.0,
        "index_stale": False,
        "quoted_volatility": NAN,
        "quoted_forward": NAN,
        "quote_stale": False,
        "bid": NAN,
        "ask": NAN,
        "discount": 1.0,
    }
    full = [{**plain, **row} for row in rows]
    return Listed(
        ids=tuple(f"C{n}" for n in range(len(rows))), **{name: np.array([row[name] for row in full]) for name in plain}
    )


def flat(volatility, method="SVI", n_quotes=9):
    """A surface of one slice with the same volatility at every strike."""
    svi = Svi(volatility**2 * YEARS, 0.0, 0.0, 0.0, 0.1)
    return Surface((Slice("BTC", EXPIRY, YEARS, FORWARD, svi, method, True, 1.0, math.inf, n_quotes, 0.0, 60.0),))


@pytest.fixture(scope="module")
def limits(opening_policy):
    return opening_policy.surface


def fitted(limits, *rows):
    return fit(listed(*rows), {}, limits, 0.01, 5.0)


@pytest.mark.parametrize("form", [COIN_OPTION, QUOTE_OPTION])
def test_options_of_either_payoff_make_the_surface(limits, form):
    [found] = fitted(limits, {}, *(option(strike, form=form) for strike in STRIKES)).slices
    assert (found.underlying, found.expiry, found.n_quotes, found.method) == ("BTC", EXPIRY, 6, "SVI")
    assert found.implied_volatility(np.log(np.array([70.0, 104.0, 150.0]) / FORWARD)) == pytest.approx(0.6, abs=5e-4)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"quoted_volatility": 5.5},
        {"quoted_volatility": 0.005},
        {"quoted_volatility": NAN},
        {"stale": True},
        {"quote_stale": True},
        {"price": NAN},
        {"bid": NAN},
        {"expired": True, "final_price": 100.0},
    ],
)
def test_what_is_not_fresh_and_in_range_is_not_fitted(limits, spoilt):
    [found] = fitted(limits, option(130.0) | spoilt, *(option(strike) for strike in STRIKES[:-1])).slices
    assert found.n_quotes == 5


def test_prices_within_half_a_spread_of_the_mark_are_counted():
    """The surface says 0.60, marks 0.61: inside or outside by their spread. One-sided or old quotes do not count."""
    miss = abs(black(110.0, 0.61, True) - black(110.0, 0.60, True)) / FORWARD
    price = black(110.0, 0.61, True) / FORWARD

    def around(spread, **more):
        return option(110.0, 0.61, bid=price - 0.3 * spread, ask=price + 0.7 * spread, **more)

    book = listed(
        around(2.02 * miss),
        around(1.98 * miss),
        around(9 * miss, is_call=True) | {"bid": NAN},
        around(9 * miss) | {"stale": True},
        around(9 * miss) | {"quote_stale": True},
    )
    assert quality(book, flat(0.60)) == {("BTC", EXPIRY): (2, 1)}


def unsure(limits, surface, *rows, multiplier=2.0, settle_price=100.0):
    book = listed(*rows)
    marks = mark(book, surface, 0.01, 5.0)
    n = len(rows)
    return mark_uncertainty_usd(
        book, marks, surface, np.full(n, multiplier), np.full(n, settle_price), np.full(n, 0.03), limits
    )


def test_a_volatility_is_unsure_of_its_distance_from_the_surface_beyond_the_tolerance(limits):
    near, far = option(110.0, 0.605), option(110.0, 0.63)
    quote = option(110.0, 0.63, form=QUOTE_OPTION)
    found = unsure(limits, flat(0.60), near, far, quote, {})
    in_coin = 2.0 * 100.0 * vega(110.0, 0.63) / FORWARD * (0.03 - 0.006)
    assert found == pytest.approx([0.0, in_coin, in_coin * FORWARD, 0.0], rel=1e-9)


@pytest.mark.parametrize("weak", [{"price": NAN}, {"stale": True}, {"index_stale": True}])
def test_a_substitute_or_stale_mark_is_unsure_of_the_tolerance_too(limits, weak):
    found = unsure(limits, flat(0.60), option(110.0, 0.63, **weak))
    assert found == pytest.approx([200.0 * vega(110.0, 0.63) / FORWARD * 0.03], rel=1e-9)


def test_a_mark_off_the_surface_is_unsure_of_the_tolerance(limits):
    found = unsure(limits, flat(0.60), option(110.0, 0.63, quoted_volatility=NAN))
    assert found == pytest.approx([200.0 * vega(110.0, 0.60) / FORWARD * 0.006], rel=1e-9)


def test_a_borrowed_slice_proves_no_misfit_but_leaves_the_tolerance(limits):
    found = unsure(limits, flat(0.60, "PRIOR"), option(110.0, 0.9))
    assert found == pytest.approx([200.0 * vega(110.0, 0.9) / FORWARD * 0.006], rel=1e-9)


def test_an_underlying_nobody_quoted_today_is_unsure_of_a_day_s_move_of_volatility(limits):
    found = unsure(limits, flat(0.60, "PRIOR", n_quotes=0), option(110.0, 0.63, quoted_volatility=NAN), {})
    assert found == pytest.approx([200.0 * vega(110.0, 0.60) / FORWARD * 0.03, 0.0], rel=1e-9)


def test_without_a_surface_a_fresh_mark_is_sure_and_a_weak_one_is_not(limits):
    found = unsure(limits, Surface(()), option(110.0, 0.6), option(110.0, 0.6, price=NAN))
    assert found == pytest.approx([0.0, 200.0 * vega(110.0, 0.6) / FORWARD * 0.006], rel=1e-9)


def test_below_two_days_the_tolerance_is_the_wider_one(limits):
    day = {"years_to_expiry": 1.5 / 365, "price": NAN}
    [found] = unsure(limits, Surface(()), option(104.0, 0.6, **day))
    assert found == pytest.approx(200.0 * vega(104.0, 0.6, 1.5 / 365) / FORWARD * 0.015, rel=1e-9)


def test_what_expired_is_sure(limits):
    gone = {"expired": True, "final_price": 125.0, "price": NAN, "years_to_expiry": -0.001}
    assert unsure(limits, flat(0.60), option(110.0, **gone)) == [0.0]
