"""Funding of a perpetual by its premium over the index.

    premium = (max(bid - S, 0) - max(S - ask, 0)) / S;   rate per hour = premium / hours of convergence, within ±cap

bid and ask are impact prices: what a given size fetches in the book. Reference: the perpetuals of Derive and dYdX.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, require_finite


def premium(index_price: Floats, impact_bid: Floats, impact_ask: Floats) -> Floats:
    """Fraction of the index, > 0 where the book lies above it and longs pay; 0 where the index is within the book.

    Raises ModelInputError NON_FINITE.
    """
    for name, values in (("index price", index_price), ("impact bid", impact_bid), ("impact ask", impact_ask)):
        require_finite(name, np.asarray(values))
    above = np.maximum(impact_bid - index_price, 0.0)
    below = np.maximum(index_price - impact_ask, 0.0)
    return np.asarray((above - below) / index_price)


def hourly_rate(premium: Floats, convergence_hours: float, cap: float) -> Floats:
    """Fraction of notional per hour, longs pay a positive one. Raises ModelInputError NON_FINITE."""
    return np.clip(require_finite("premium", np.asarray(premium)) / convergence_hours, -cap, cap)


def accrued(index_price: Floats, mark: Floats, interest: Floats, lowest: float, highest: float) -> Floats:
    """Quote per unit accrued over an interval so far, paid by longs where above 0: the premium, partly corrected.

    index_price, mark: time-weighted averages over the interval so far; interest: fraction accrued over it; lowest,
    highest: bounds of interest less premium, fractions of the index. Raises ModelInputError NON_FINITE.
    """
    gap = require_finite("premium", np.asarray(mark - index_price, dtype=np.float64))
    correction = np.clip(interest * index_price - gap, lowest * index_price, highest * index_price)
    return np.asarray(gap + correction)
