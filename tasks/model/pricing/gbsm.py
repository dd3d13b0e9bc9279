"""European options on spot: generalised Black-Scholes, as Black-76 on the forward of a rate and a yield.

The reference for options on spot. Contracts whose policy names a rate take their `discount` from here: Black-76 on
their forward times it is this price.
Reference: Black and Scholes (1973), Merton (1973); METHODOLOGY 0 (rates).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Floats
from tasks.model.pricing import black76


class Market(NamedTuple):
    """Spot in quote, > 0; continuously compounded fractions per year: rate discounts, yield is what spot earns."""

    spot: Floats
    rate_per_year: Floats
    yield_per_year: Floats


class SpotGreeks(NamedTuple):
    """Derivatives of the price, shaped like it."""

    delta: Floats  # by spot
    gamma: Floats  # second, by spot
    vega: Floats  # by the volatility, per 1.00 of it
    theta: Floats  # by the passing of time, per year
    rho: Floats  # by the rate, per 1.00 of it
    dividend_rho: Floats  # by the yield, per 1.00 of it
    elasticity: Floats  # relative change of the price per relative change of spot


def forward(market: Market, years: Floats) -> Floats:
    """Quote: spot grown by rate less yield."""
    return np.asarray(market.spot * np.exp((market.rate_per_year - market.yield_per_year) * years))


def discount(rate_per_year: Floats, years: Floats) -> Floats:
    """Value today of one unit paid in so many years."""
    return np.exp(-np.asarray(rate_per_year) * years)


def price(market: Market, strike: Floats, volatility: Floats, years: Floats, is_call: Bools) -> Floats:
    """Quote per underlying unit, >= 0. Raises as `black76.price`."""
    black = black76.price(forward(market, years), strike, volatility, years, is_call)
    return np.asarray(discount(market.rate_per_year, years) * black)


def greeks(market: Market, strike: Floats, volatility: Floats, years: Floats, is_call: Bools) -> SpotGreeks:
    """Sensitivities of `price`, for strike > 0. Raises as `black76.price`."""
    F, kept = forward(market, years), discount(market.rate_per_year, years)
    of_forward = black76.greeks(F, strike, volatility, years, is_call)
    value, growth = price(market, strike, volatility, years, is_call), F / market.spot
    delta = kept * growth * of_forward.delta
    carried = (market.rate_per_year - market.yield_per_year) * market.spot * delta
    return SpotGreeks(
        np.asarray(delta),
        np.asarray(kept * growth * growth * of_forward.gamma),
        np.asarray(kept * of_forward.vega),
        np.asarray(kept * of_forward.theta + market.rate_per_year * value - carried),
        np.asarray(years * (market.spot * delta - value)),
        np.asarray(-years * market.spot * delta),
        np.asarray(delta * market.spot / value),
    )
