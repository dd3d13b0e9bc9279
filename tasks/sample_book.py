"""The synthetic book: matched trades, transfers and expiries, so that every contract sums to zero by construction.

A line is one portfolio's position in one contract. Quantities are whole numbers of QUANTITY_UNIT, values whole numbers
of 10^-12: both exact integers; a trade's value is rounded once and the same figure goes to both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.model.arrays import Floats, Ints
from tasks.sample_listing import QUANTITY_UNIT, Contract
from tasks.sample_marks import PRICE_SCALE, Listing
from tasks.sample_members import CALL, FORWARD, PUT, House

Exact = NDArray[Any]  # (n,) Python integers

VALUE_SCALE = 12
MEDIAN_TRADE_USD = 60_000.0
TRADE_SPREAD = 1.1  # standard deviation of a trade's log size
LINES_PER_PORTFOLIO = 34  # at most, of the opening book
DAILY_TURNOVER = 0.15  # trades of a day over those of the opening book
TRANSFER_SHARE = 0.01  # of the open lines, per day
FORWARD_FEE = (5, 10_000)  # of the traded value
OPTION_FEE = (3, 10_000)  # of the underlying traded, at most an eighth of the premium


@dataclass(frozen=True)
class Book:
    """Open lines after a day, by (portfolio, contract id) in key order."""

    portfolio: Ints
    contract: NDArray[Any]  # contract ids
    quantity: Ints


@dataclass(frozen=True)
class Movements:
    """A day's lines in key order; `contract` indexes the day's listing. Columns as in the delivered positions."""

    portfolio: Ints
    contract: Ints
    opening: Ints
    bought: Ints
    sold: Ints
    transferred: Ints
    expired: Ints
    buy_value: Exact
    sell_value: Exact
    premium: Exact
    fees: Exact

    @property
    def closing(self) -> Ints:
        """Position carried out."""
        return self.opening + self.bought - self.sold + self.transferred + self.expired


@dataclass(frozen=True)
class Trades:
    """Matches: buyer and seller portfolios, contract, quantity > 0 and what both sides book, integers."""

    buyer: Ints
    seller: Ints
    contract: Ints
    quantity: Ints
    value: Exact
    premium: Exact
    fee: Exact


EMPTY_BOOK = Book(np.zeros(0, np.int64), np.zeros(0, object), np.zeros(0, np.int64))


def opening_trades(house: House, contracts: int) -> int:
    """Matches that make the opening book."""
    return len(house.portfolios) * min(LINES_PER_PORTFOLIO, 4 + contracts // 4) // 2


def draw_trades(
    house: House, book: Listing, price: Floats, usd_per_unit: Floats, count: int, rng: np.random.Generator
) -> Trades:
    """`count` matches at the marks in what is live, fewer where a portfolio would trade with itself.

    usd_per_unit (n_contracts,): USD of notional of one QUANTITY_UNIT.
    """
    contract = _pick(np.where(book.is_live, _popularity(book.contracts), 0.0), rng.random(count))
    group = np.where(book.is_option, np.where(book.is_call, CALL, PUT), FORWARD)[contract]
    buyer, seller = (_pick_each(weights, group, rng.random(count)) for weights in (house.buy, house.sell))
    usd = MEDIAN_TRADE_USD * np.exp(TRADE_SPREAD * rng.standard_normal(count))
    usd *= np.minimum(house.size[buyer], house.size[seller])
    lot = np.array([each.lot for each in book.contracts])[contract]
    lots = np.maximum(np.round(usd / (usd_per_unit[contract] * lot)), 1.0).astype(np.int64)
    matched = buyer != seller
    return _valued(buyer[matched], seller[matched], contract[matched], (lots * lot)[matched], book.contracts, price)


def draw_transfers(house: House, start: Book, live: set[str], rng: np.random.Generator) -> tuple[Book, Book]:
    """What leaves and what arrives: half of a few lines goes to the same member's next portfolio."""
    member = np.array([portfolio.member for portfolio in house.portfolios])
    first = np.searchsorted(member, member, side="left")
    count = np.searchsorted(member, member, side="right") - first
    half = start.quantity // 20 * 10
    chosen = (rng.random(len(half)) < TRANSFER_SHARE) & (half != 0) & (count[start.portfolio] > 1)
    chosen &= np.array([contract in live for contract in start.contract], dtype=np.bool_)
    origin = start.portfolio[chosen]
    target = first[origin] + (origin - first[origin] + 1) % count[origin]
    return (Book(origin, start.contract[chosen], -half[chosen]), Book(target, start.contract[chosen], half[chosen]))


def move(start: Book, book: Listing, trades: Trades, transfers: Sequence[Book]) -> Movements:
    """The day's lines: what was open, traded, transferred, and closed by expiry."""
    index = {each.contract_id: position for position, each in enumerate(book.contracts)}
    opened, *moved = ((_keys(each, index), each.quantity) for each in (start, *transfers))
    bought, sold = (side * len(index) + trades.contract for side in (trades.buyer, trades.seller))
    keys = np.unique(np.concatenate([opened[0], bought, sold, *(each[0] for each in moved)]))
    opening = _sum(keys, *opened)
    transferred = sum((_sum(keys, *each) for each in moved), np.zeros(len(keys), np.int64))
    contract = keys % len(index)
    return Movements(
        portfolio=keys // len(index),
        contract=contract,
        opening=opening,
        bought=_sum(keys, bought, trades.quantity),
        sold=_sum(keys, sold, trades.quantity),
        transferred=np.asarray(transferred, dtype=np.int64),
        expired=np.where(book.is_live[contract], 0, -opening),
        buy_value=_sum(keys, bought, trades.value),
        sell_value=_sum(keys, sold, trades.value),
        premium=_sum(keys, bought, trades.premium) - _sum(keys, sold, trades.premium),
        fees=_sum(keys, bought, trades.fee) + _sum(keys, sold, trades.fee),
    )


def carried(movements: Movements, book: Listing) -> Book:
    """What stays open after a day."""
    closing = movements.closing
    stays = closing != 0
    ids = np.array([each.contract_id for each in book.contracts], dtype=object)
    return Book(movements.portfolio[stays], ids[movements.contract[stays]], closing[stays])


def integer_price(price: Floats) -> list[int]:
    """Prices in units of 10^-PRICE_SCALE."""
    return [int(Decimal(repr(value)).scaleb(PRICE_SCALE)) for value in price.tolist()]


def _valued(
    buyer: Ints, seller: Ints, contract: Ints, quantity: Ints, contracts: Sequence[Contract], price: Floats
) -> Trades:
    """Values, premiums and fees of matches, exact integers."""
    prices = integer_price(price)
    pairs = list(zip(contract.tolist(), quantity.tolist(), strict=True))
    values = [trade_value(contracts[each], lots, prices[each]) for each, lots in pairs]
    premiums = [
        int(contracts[each].multiplier * value) if contracts[each].is_option else 0
        for (each, _), value in zip(pairs, values, strict=True)
    ]
    fees = [_fee(contracts[each], lots, value) for (each, lots), value in zip(pairs, values, strict=True)]
    return Trades(buyer, seller, contract, quantity, _exact(values), _exact(premiums), _exact(fees))


def trade_value(contract: Contract, quantity: int, price: int) -> int:
    """qty x price, of an inverse future qty / price, in 10^-12, rounded once (half up)."""
    units = int(QUANTITY_UNIT * 10 ** (VALUE_SCALE - PRICE_SCALE))
    if contract.is_option or not contract.is_inverse:
        return quantity * price * units
    numerator = int(quantity * QUANTITY_UNIT * 10 ** (VALUE_SCALE + PRICE_SCALE))
    return (2 * numerator + price) // (2 * price)


def _fee(contract: Contract, quantity: int, value: int) -> int:
    """Fee of either side in the settlement asset, in 10^-12, rounded down."""
    if not contract.is_option:
        return int(contract.multiplier * value) * FORWARD_FEE[0] // FORWARD_FEE[1]
    premium = int(contract.multiplier * value)
    coins = int(contract.multiplier * quantity * QUANTITY_UNIT * 10**VALUE_SCALE)
    worth = coins if contract.is_inverse else int(coins * (contract.strike or 0))
    return min(worth * OPTION_FEE[0] // OPTION_FEE[1], premium // 8)


def _popularity(contracts: Sequence[Contract]) -> Floats:
    return np.array([1.0 / (1.0 + each.rank) for each in contracts])


def _pick(weights: Floats, uniform: Floats) -> Ints:
    """Indices drawn by weight from uniform numbers."""
    edges = np.cumsum(weights)
    last = np.searchsorted(edges, edges[-1])
    return np.asarray(np.minimum(np.searchsorted(edges, uniform * edges[-1], side="right"), last), dtype=np.int64)


def _pick_each(weights: Floats, group: Ints, uniform: Floats) -> Ints:
    """Indices drawn by the weights of each draw's group."""
    picked = np.empty(len(group), dtype=np.int64)
    for number, row in enumerate(weights):
        picked[group == number] = _pick(row, uniform[group == number])
    return picked


def _keys(lines: Book, index: dict[str, int]) -> Ints:
    contract = np.array([index[each] for each in lines.contract], dtype=np.int64)
    return lines.portfolio * len(index) + contract


def _sum(keys: Ints, at: Ints, amount: Exact) -> Exact:
    """Sums of amounts by key, exact."""
    total = np.zeros(len(keys), dtype=amount.dtype)
    np.add.at(total, np.searchsorted(keys, at), amount)
    return total


def _exact(values: list[int]) -> Exact:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def live_ids(book: Listing) -> set[str]:
    """Ids of what trades beyond the day."""
    return {each.contract_id for each, live in zip(book.contracts, book.is_live, strict=True) if live}


def long_interest(movements: Movements, contracts: int) -> Ints:
    """Open interest (n_contracts,): the sum of the long positions carried out."""
    total = np.zeros(contracts, dtype=np.int64)
    np.add.at(total, movements.contract, np.maximum(movements.closing, 0))
    return total
