"""Arrays the rooms of the model hand each other: what a contract is, and what a set of scenarios is.

All floats are float64. NaN is allowed only where a field's comment says so; everything else must be finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.model.errors import Finding, ModelInputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Dates = NDArray[np.datetime64]

DAYS_PER_YEAR = 365.0
LINEAR_FORWARD, INVERSE_FORWARD, COIN_OPTION, QUOTE_OPTION = range(4)


@dataclass(frozen=True)
class Contracts:
    """Contracts of a run in key order, n of them.

    `underlying` indexes `underlyings`; `form` is one of the four constants above: a future or perpetual paid in quote
    or in coin, an option paid in coin or in quote.
    """

    ids: tuple[str, ...]
    underlyings: tuple[str, ...]
    underlying: Ints  # (n,)
    form: Ints  # (n,)
    multiplier: Floats  # (n,) linear and options: underlying units per contract; inverse forwards: USD per contract
    index_price: Floats  # (n,) USD, spot index of the underlying
    forward: Floats  # (n,) quote: options: forward of the expiry; forwards: their own mark
    settle_price: Floats  # (n,) USD per settlement asset now; equals index_price where the coin itself settles
    strike: Floats  # (n,) quote, NaN for forwards
    is_call: Bools  # (n,) False for forwards
    years_to_expiry: Floats  # (n,) years of 365 days, NaN for forwards
    volatility: Floats  # (n,) fraction per sqrt(year), NaN for forwards

    @property
    def is_option(self) -> Bools:
        """(n,) whether the contract is an option."""
        return self.form >= COIN_OPTION


@dataclass(frozen=True)
class Closes:
    """Daily closes on one joint calendar without holes in the dates: a missing close is NaN, never filled."""

    underlyings: tuple[str, ...]
    dates: Dates  # (n_days,) every calendar day from first to last
    close: Floats  # (n_underlyings, n_days) USD, NaN where missing


@dataclass(frozen=True)
class ScenarioSet:
    """Scenarios by start date, n of them; all factors of a date move together."""

    name: str  # FILTERED or STRESSED
    ids: tuple[str, ...]  # F-2025-01-30
    underlyings: tuple[str, ...]
    start_dates: Dates  # (n,)
    horizon_days: Ints  # (n_underlyings,) liquidation period of each underlying's return
    spot_return: Floats  # (n_underlyings, n) log return, after scaling
    scale_factor: Floats  # (n_underlyings, n) factor on the observed return, 1 in the stressed set
    proxied: Bools  # (n_underlyings, n) whether the return itself is a declared proxy
    vol_score: Floats  # (n,) normal score of the vol proxy
    dropped: int  # start dates in reach that gave no scenario because a close was missing


def require_finite(name: str, values: Floats, labels: tuple[str, ...] = ()) -> Floats:
    """The values themselves. Raises ModelInputError NON_FINITE naming the first that is NaN or infinite."""
    bad = ~np.isfinite(values)
    if bad.any():
        position = int(np.argwhere(np.atleast_1d(bad))[0][0])
        label = labels[position] if labels else str(position)
        raise ModelInputError(
            Finding(
                "NON_FINITE",
                f"{name} is missing or not finite",
                where=label,
                value=str(values[bad][0]),
                action="mend the input or let its declared fallback act",
            )
        )
    return values
