"""European options on the forward of their expiry, undiscounted.

The out-of-the-money side is priced and the other side follows by parity, so call less put is forward less strike and
no price is negative. The total volatility sigma sqrt(T) has a floor, time itself has none: at expiry the price is the
payoff. Beyond a limit it has saturated: a call is worth the forward, a put the strike.
Reference: Black (1976); METHODOLOGY 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tasks.model.arrays import DAYS_PER_YEAR, Bools, Floats, require_finite
from tasks.model.errors import Finding, ModelInputError

SMALLEST_TOTAL_VOLATILITY = 1e-9
LARGEST_TOTAL_VOLATILITY = 24.0
VOL_POINT = 0.01
_SECONDS_PER_YEAR = DAYS_PER_YEAR * 86400.0
_ROOT_TWO_PI = np.sqrt(2.0 * np.pi)


class Greeks(NamedTuple):
    """Derivatives of the price, shaped like it."""

    delta: Floats  # by the forward
    gamma: Floats  # second, by the forward
    vega: Floats  # by the volatility, per 1.00 of it
    theta: Floats  # by the passing of time, per year, <= 0


def years_to_expiry(expiry: NDArray[np.datetime64], as_of: np.datetime64) -> Floats:
    """Years of 365 days from as_of to each expiry in true seconds; NaN for NaT (a perpetual), < 0 once expired."""
    seconds = (expiry - as_of) / np.timedelta64(1, "us") / 1e6
    return np.asarray(seconds / _SECONDS_PER_YEAR, dtype=np.float64)


def price(forward: Floats, strike: Floats, volatility: Floats, years: Floats, is_call: Bools) -> Floats:
    """Quote per underlying unit, >= 0. Arguments broadcast against each other.

    forward, strike: quote, >= 0; volatility: fraction per sqrt(year), >= 0; years: of 365 days, below zero counts as
    zero. Raises ModelInputError NON_FINITE where an argument is missing or of the wrong sign.
    """
    F, K, total = np.asarray(forward), np.asarray(strike), _total_volatility(volatility, years)
    side = np.where(F <= K, 1.0, -1.0)
    d1, d2 = _d1_d2(F, K, total)
    black = np.maximum(side * (F * ndtr(side * d1) - K * ndtr(side * d2)), 0.0)
    out_of_the_money = np.where(total >= LARGEST_TOTAL_VOLATILITY, np.minimum(F, K), black)
    out_of_the_money = np.where((F == 0.0) & (K == 0.0), 0.0, out_of_the_money)
    intrinsic = np.maximum(np.where(is_call, F - K, K - F), 0.0)
    return require_finite("option price", np.asarray(out_of_the_money + intrinsic))


def greeks(forward: Floats, strike: Floats, volatility: Floats, years: Floats, is_call: Bools) -> Greeks:
    """Delta, gamma, vega and theta of `price`, for forward and strike > 0. Raises as `price`."""
    F, K, total = np.asarray(forward), np.asarray(strike), _total_volatility(volatility, years)
    d1, _ = _d1_d2(F, K, total)
    density = np.exp(-0.5 * d1 * d1) / _ROOT_TWO_PI
    delta = np.where(is_call, ndtr(d1), -ndtr(-d1))
    gamma = density / (F * total)
    vega = F * density * np.sqrt(np.maximum(years, 0.0))
    # sigma / (2 sqrt(T)) is sigma^2 / (2 total): finite while there is time, and nothing is left to pass after it.
    theta = np.where(np.asarray(years) > 0.0, -F * density * np.square(volatility) / (2.0 * total), 0.0)
    named = (("delta", delta), ("gamma", gamma), ("vega", vega), ("theta", theta))
    return Greeks(*(require_finite(name, np.asarray(each)) for name, each in named))


def _total_volatility(volatility: Floats, years: Floats) -> Floats:
    # Without this check the floor below would turn a negative volatility into none.
    if np.any(np.asarray(volatility) < 0.0):
        raise ModelInputError(Finding("NON_FINITE", "a volatility is negative", action="mend the quotes"))
    return np.asarray(np.maximum(volatility * np.sqrt(np.maximum(years, 0.0)), SMALLEST_TOTAL_VOLATILITY))


def _d1_d2(F: Floats, K: Floats, total: Floats) -> tuple[Floats, Floats]:
    # A forward or strike of zero is a limit with a price of its own: its logarithm is infinite on purpose.
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(F / K) / total + 0.5 * total
    return d1, d1 - total
