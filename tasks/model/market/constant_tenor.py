"""Level of volatility and of the forward at fixed days to expiry, read off the expiries of a day.

Expiries come nearer every day and listed ones come and go; a history of moves needs levels that are comparable from
day to day. Nothing is read beyond the expiries or strikes there are. Reference: METHODOLOGY 0 (returns) and 3.4.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats


def at_the_money(below: Floats, volatility_below: Floats, above: Floats, volatility_above: Floats) -> Floats:
    """Volatility where strike and forward meet, linear in the logarithm of moneyness between the two nearest strikes.

    below < 0 <= above: ln(K / F) of the nearest strikes; volatilities: fraction per sqrt(year). Equal shapes, finite.
    """
    share = -below / (above - below)
    return np.asarray((1.0 - share) * volatility_below + share * volatility_above)


def volatility_at(days: Floats, volatility: Floats, tenors: Floats) -> Floats:
    """Volatility (m,) at each tenor, total variance being linear in time between two expiries; NaN beyond them.

    days: (n,) to expiry, ascending, > 0, n > 0; volatility: (n,) fraction per sqrt(year); tenors: (m,) days, > 0.
    """
    return np.asarray(np.sqrt(_between(days, volatility * volatility * days, tenors) / tenors))


def log_basis_at(days: Floats, log_basis: Floats, tenors: Floats) -> Floats:
    """ln(F / S) (m,) at each tenor, linear in time between two expiries; NaN beyond them. Arguments as above."""
    return _between(days, log_basis, tenors)


def _between(days: Floats, values: Floats, tenors: Floats) -> Floats:
    return np.asarray(np.interp(tenors, days, values, left=np.nan, right=np.nan))
