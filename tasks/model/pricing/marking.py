"""Which number marks a contract: the delivered one where it may be used, else a declared substitute, flagged.

A future, a perpetual or an index must have a price. An option without a fresh one is priced off its own volatility,
and without a fresh volatility off the surface; where the book is too thin for a surface, off its neighbours'
(METHODOLOGY 2). A contract that expired is worth what its final price says. Reference: METHODOLOGY 0 (missing) and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import COIN_OPTION, Bools, Dates, Floats, Ints
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.smile import Quotes, fallback_volatility
from tasks.model.market.surface import Surface
from tasks.model.pricing import black76, payoff

Words = NDArray[np.str_]


@dataclass(frozen=True)
class Listed:
    """Contracts to mark in key order, n of them, and what was delivered on each; NaN where nothing usable was."""

    ids: tuple[str, ...]
    underlying: Words  # (n,)
    form: Ints  # (n,) the constants of arrays
    strike: Floats  # (n,) quote, NaN for forwards
    is_call: Bools  # (n,) False for forwards
    expiry: Dates  # (n,) UTC, NaT for perpetuals
    years_to_expiry: Floats  # (n,) NaN for perpetuals
    expired: Bools  # (n,)
    price: Floats  # (n,) as quoted; > 0, an option's >= 0
    stale: Bools  # (n,) whether that price is too old to be trusted
    quality: Words  # (n,) quality of that price, or of the final one once expired
    final_price: Floats  # (n,) quote
    index_price: Floats  # (n,) USD
    index_stale: Bools  # (n,)
    quoted_volatility: Floats  # (n,) fraction per sqrt(year)
    quoted_forward: Floats  # (n,) quote
    quote_stale: Bools  # (n,) whether that volatility is too old to be trusted
    bid: Floats  # (n,) as quoted, like price
    ask: Floats  # (n,)
    discount: Floats  # (n,) value today of a unit of the settlement asset paid at expiry, 1 for forwards

    @property
    def is_option(self) -> Bools:
        """(n,) whether the contract is an option."""
        return self.form >= COIN_OPTION


@dataclass(frozen=True)
class Marks:
    """Marks (n,) of the contracts listed."""

    forward: Floats  # quote: options: forward of the expiry; forwards: their own mark
    volatility: Floats  # fraction per sqrt(year), NaN for forwards, 0 once expired
    model_price: Floats  # as quoted, NaN where the delivered or final price itself is the mark
    method: Words  # DELIVERED, MODEL_PRICE or FINAL
    quality: Words  # OK, STALE, MODEL, MANUAL, PRIOR or PROXY


def mark(listed: Listed, surface: Surface, lowest_volatility: float, highest_volatility: float) -> Marks:
    """Mark every contract. A quoted volatility counts within [lowest, highest].

    Raises ModelInputError NO_PRICE with every contract and index that has no price, or NO_VOLATILITY.
    """
    _require_prices(listed)
    forward, off_index = forwards(listed)
    volatility, off_smile = _volatilities(listed, surface, forward, lowest_volatility, highest_volatility)
    modelled = listed.is_option & ~listed.expired & (np.isnan(listed.price) | listed.stale)
    model_price = np.full(len(listed.ids), np.nan)
    at = np.flatnonzero(modelled)
    black = black76.price(
        forward[at], listed.strike[at], volatility[at], listed.years_to_expiry[at], listed.is_call[at]
    )
    model_price[at] = listed.discount[at] * payoff.quoted_option_price(listed.form[at], black, forward[at])
    at = np.flatnonzero(listed.is_option & listed.expired)
    model_price[at] = payoff.option_payoff(listed.form[at], forward[at], listed.strike[at], listed.is_call[at])
    method = np.select([listed.expired, modelled], ["FINAL", "MODEL_PRICE"], "DELIVERED")
    return Marks(forward, volatility, model_price, method, _quality(listed, modelled | off_index | off_smile))


def _require_prices(listed: Listed) -> None:
    lacks_final = listed.expired & np.isnan(listed.final_price)
    lacks_price = ~listed.expired & ~listed.is_option & np.isnan(listed.price)
    lacks_index = sorted(set(listed.underlying[np.isnan(listed.index_price)].tolist()))
    faults = [_no_price("an index in use has no price above zero", f"{name}-USD") for name in lacks_index]
    for what, lacks in (
        ("an expired contract has no final settlement price", lacks_final),
        ("a future or perpetual has no price above zero", lacks_price),
    ):
        faults += [_no_price(what, listed.ids[position]) for position in np.flatnonzero(lacks)]
    if faults:
        raise ModelInputError(*faults)


def _no_price(what: str, where: str) -> Finding:
    return Finding("NO_PRICE", what, where=where, action="deliver the price in a new version of the file")


def forwards(listed: Listed) -> tuple[Floats, Bools]:
    """Forward of each contract, and for which live options only the index was left to take.

    An option takes its own quote's, else the median of its expiry's quotes, else the median of the futures of its
    expiry, else the index.
    """
    own = np.where(listed.is_option, listed.quoted_forward, listed.price)
    forward = np.where(listed.expired, listed.final_price, own)
    at_index = np.zeros(len(listed.ids), dtype=np.bool_)
    for position in np.flatnonzero(np.isnan(forward)):
        together = (listed.underlying == listed.underlying[position]) & ~listed.expired
        together &= listed.years_to_expiry == listed.years_to_expiry[position]
        quoted, futures = own[together & listed.is_option], own[together & ~listed.is_option]
        known = quoted[~np.isnan(quoted)] if (~np.isnan(quoted)).any() else futures
        at_index[position] = not len(known)
        forward[position] = np.median(known) if len(known) else listed.index_price[position]
    return forward, at_index


def _volatilities(
    listed: Listed, surface: Surface, forward: Floats, lowest: float, highest: float
) -> tuple[Floats, Bools]:
    """Volatility of each option (0 once expired: nothing is left to move), and which are not its own quote's.

    Its own if fresh, else the surface's, else its own however old, else its neighbours'.
    """
    live = listed.is_option & ~listed.expired
    usable = live & (listed.quoted_volatility >= lowest) & (listed.quoted_volatility <= highest)
    log_moneyness = np.log(listed.strike / forward)
    modelled = surface.implied_volatility(listed.underlying, listed.expiry, log_moneyness)
    on_surface = live & ~(usable & ~listed.quote_stale) & ~np.isnan(modelled)
    volatility = np.where(usable, listed.quoted_volatility, np.where(listed.is_option, 0.0, np.nan))
    volatility = np.where(on_surface, modelled, volatility)
    quotes = Quotes(
        listed.underlying[usable],
        listed.years_to_expiry[usable],
        log_moneyness[usable],
        listed.quoted_volatility[usable],
    )
    missing = live & ~usable & ~on_surface
    for position in np.flatnonzero(missing):
        volatility[position] = fallback_volatility(
            quotes,
            str(listed.underlying[position]),
            float(listed.years_to_expiry[position]),
            float(log_moneyness[position]),
        )
    return volatility, on_surface | missing


def _quality(listed: Listed, modelled: Bools) -> Words:
    """The weakest word that applies: a modelled part, then a stale one, else what was delivered."""
    stale = (listed.stale & ~listed.expired) | listed.index_stale
    return np.asarray(np.select([modelled, stale], ["MODEL", "STALE"], listed.quality), dtype=np.str_)
