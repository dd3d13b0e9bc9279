"""Implied volatility of an option whose own quote is missing or unusable, read off its neighbours.

Total variance is interpolated linearly in log-moneyness on the option's own expiry, flat outside the quoted strikes.
Where the expiry has no quote the nearest one is used with variance proportional to time, which leaves the volatility
per sqrt(year) as it is there: so both cases are one interpolation of variance per year. Reference: METHODOLOGY 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import Floats
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class Quotes:
    """Usable implied volatilities, q of them, in any order. No NaN."""

    underlying: NDArray[np.str_]  # (q,)
    years_to_expiry: Floats  # (q,) > 0
    log_moneyness: Floats  # (q,) ln(strike / forward)
    volatility: Floats  # (q,) fraction per sqrt(year), > 0


def fallback_volatility(quotes: Quotes, underlying: str, years_to_expiry: float, log_moneyness: float) -> float:
    """Fraction per sqrt(year) for one option. Of two expiries equally near the earlier one is read.

    Raises ModelInputError NO_VOLATILITY where no option of the underlying has a usable quote.
    """
    own = np.flatnonzero(quotes.underlying == underlying)
    if not len(own):
        raise ModelInputError(
            Finding(
                "NO_VOLATILITY",
                "no option of the underlying has a usable implied volatility",
                where=underlying,
                action="deliver vol_quotes for it",
            )
        )
    expiries = np.unique(quotes.years_to_expiry[own])
    nearest = expiries[np.argmin(np.abs(expiries - years_to_expiry))]
    slice_ = own[quotes.years_to_expiry[own] == nearest]
    strikes, variance = _mean_by_strike(quotes.log_moneyness[slice_], quotes.volatility[slice_] ** 2)
    return float(np.sqrt(np.interp(log_moneyness, strikes, variance)))


def _mean_by_strike(log_moneyness: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """One variance per strike, calls and puts averaged, in an order that does not depend on the rows'."""
    order = np.lexsort((variance, log_moneyness))
    strikes, group = np.unique(log_moneyness[order], return_inverse=True)
    return strikes, np.bincount(group, weights=variance[order]) / np.bincount(group)
