"""Settlement prices of a synthetic listing on a day: forwards off the curve, options by Black-76 off the surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.pricing import black76, payoff
from tasks.sample_listing import Contract
from tasks.sample_market import Market

PRICE_SCALE = 10  # digits after the point of a delivered price


@dataclass(frozen=True)
class Listing:
    """A day's contracts as arrays (n,), in key order."""

    contracts: tuple[Contract, ...]
    day: date
    underlying: Ints
    years: Floats  # to expiry, 0 for perpetuals and what expires today
    strike: Floats  # quote, NaN for forwards
    is_option: Bools
    is_call: Bools
    form: Ints  # as tasks.model.pricing.payoff has it
    is_live: Bools  # trades beyond today's 08:00


@dataclass(frozen=True)
class Marks:
    """Prices (n,) of a listing: forward in quote, settlement price as quoted, volatility NaN where there is none."""

    forward: Floats
    volatility: Floats
    price: Floats


def listing(contracts: Sequence[Contract], day: date) -> Listing:
    """Arrays of a day's contracts."""
    return Listing(
        contracts=tuple(contracts),
        day=day,
        underlying=np.array([each.underlying for each in contracts], dtype=np.int64),
        years=np.array([max(each.years(day), 0.0) for each in contracts]),
        strike=np.array([float(each.strike) if each.strike else np.nan for each in contracts]),
        is_option=np.array([each.is_option for each in contracts]),
        is_call=np.array([each.option_type == "C" for each in contracts]),
        form=np.array([payoff.form_of(each.kind, each.payoff) for each in contracts], dtype=np.int64),
        is_live=np.array([each.is_live(day) for each in contracts]),
    )


def mark(market: Market, book: Listing) -> Marks:
    """Settlement prices; what expires today settles at the close: a future at it, an option at its payoff."""
    perpetual = np.array([each.expiry is None for each in book.contracts])
    forward = np.where(
        perpetual, market.perpetual(book.day, book.underlying), market.forward(book.day, book.underlying, book.years)
    )
    volatility = np.full(len(book.contracts), np.nan)
    quoted = book.is_option & book.is_live
    volatility[quoted] = market.implied_volatility(
        book.day, book.underlying[quoted], book.years[quoted], np.log(book.strike[quoted] / forward[quoted])
    )
    return Marks(forward, volatility, price(book, forward, volatility))


def price(book: Listing, forward: Floats, volatility: Floats) -> Floats:
    """Prices (n,) as quoted, rounded to the digits of a delivered price: options in coin or quote, forwards as such."""
    result = forward.copy()
    option = book.is_option
    level = np.where(book.is_live, volatility, 0.0)[option]
    value = black76.price(forward[option], book.strike[option], level, book.years[option], book.is_call[option])
    result[option] = payoff.quoted_option_price(book.form[option], value, forward[option])
    return np.round(result, PRICE_SCALE)
