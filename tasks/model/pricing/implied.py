"""The volatility at which Black-76 gives a price.

The out-of-the-money side is solved, whose price is all time value: the other side's digits are its intrinsic value's.
Bisection on the total volatility is slow and certain; every element takes the same steps. It checks the volatilities a
venue quotes beside its prices; the margin itself takes the surface.
Reference: Black (1976).
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Bools, Floats
from tasks.model.pricing import black76

_STEPS = 80  # halves of the bracket: its width ends below the last digit of a double


def implied_volatility(price: Floats, forward: Floats, strike: Floats, years: Floats, is_call: Bools) -> Floats:
    """Fraction per sqrt(year); NaN where no volatility gives the price, or none alone does.

    price: quote per underlying unit, undiscounted; forward, strike: quote, > 0; years: of 365 days. Equal shapes.
    A price at or below the payoff, at or above its upper bound, missing, or of no time left has no volatility.
    """
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
    time_value = np.asarray(price - intrinsic)
    solvable = (time_value > 0.0) & (time_value < np.minimum(forward, strike)) & (years > 0.0)
    wanted, F, K = (
        np.where(solvable, each, fallback) for each, fallback in ((time_value, 0.0), (forward, 1.0), (strike, 1.0))
    )
    low, high = np.zeros_like(wanted), np.full_like(wanted, black76.LARGEST_TOTAL_VOLATILITY)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        too_high = black76.price(F, K, middle, np.ones_like(F), F <= K) > wanted
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(solvable, 0.5 * (low + high) / np.sqrt(years), np.nan)
