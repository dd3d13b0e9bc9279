"""Seeded collateral of a converted book, sized on a rough need so that some accounts have excess and some are called.

The need is only a size: the worst of a few moves of each coin, less the options' value. It is no margin figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np

from tasks import sample_collateral, sample_rows
from tasks.convert_book import ATOMS_PER_CONTRACT, Holdings
from tasks.convert_market import Contract, Day, Price
from tasks.model.arrays import DAYS_PER_YEAR, Contracts, Floats, Ints, States, slices_of
from tasks.model.pricing import black76, payoff, revaluation
from tasks.sample_members import House

MOVES = (-0.20, -0.10, 0.10, 0.20)
VOLATILITY_FACTORS = (1.4, 1.2, 1.0, 1.0)
# Needs are rounded to this: the last digits of exp and log differ between processors, the files may not.
NEED_UNIT_USD = 10_000.0
_SIZES, _MOVEMENTS = 1, 2


class _Lines(NamedTuple):
    portfolio: Ints
    contract: Ints
    quantity: Floats


def opening_rows(
    house: House, day: Day, book: Holdings, stablecoins: Mapping[str, Price], seed: int
) -> sample_rows.Rows:
    """Records of the dataset collateral_balances of a genesis cycle: balances carried in, and a few movements."""
    prices = {"USD": 1.0} | {coin: float(day.index[coin].price or 1) for coin in day.index}
    prices |= {coin: float(price.price or 1) for coin, price in stablecoins.items()}
    needs = rough_need(house, day, book)
    holdings = sample_collateral.open_holdings(house, needs, _Prices(prices), _stream(seed, _SIZES))
    moves = sample_collateral.outside_movements(holdings, _stream(seed, _MOVEMENTS, day.chain.business_date))
    return sample_rows.collateral_balances(holdings, *moves, genesis=True)


def rough_need(house: House, day: Day, book: Holdings) -> dict[str, float]:
    """Rough need of each account in USD; what the snapshot cannot value counts nothing."""
    contracts = _arrays(day)
    lines = _lines(contracts, book)
    pnl = revaluation.revalue(contracts, _states(contracts))
    value = payoff.option_value_usd(contracts)
    needs = dict.fromkeys((portfolio.account_id for portfolio in house.portfolios), 0.0)
    losses = _worst(contracts, lines, pnl, len(house.portfolios))
    worth = np.bincount(lines.portfolio, lines.quantity * value[lines.contract], len(house.portfolios))
    for portfolio, loss, held in zip(house.portfolios, losses.tolist(), worth.tolist(), strict=True):
        needs[portfolio.account_id] += loss - held
    return {account: NEED_UNIT_USD * round(need / NEED_UNIT_USD) for account, need in needs.items()}


class _Prices(dict[str, float]):
    """Prices for sizing only: an asset without one counts as a dollar, and the gate asks for its price."""

    def __missing__(self, asset: str) -> float:
        return 1.0


def _arrays(day: Day) -> Contracts:
    """The contracts of the day that have all the numbers a revaluation needs."""
    usable = [contract for contract in day.contracts.values() if _forward(day, contract) and contract.coin in day.index]
    usable = [contract for contract in usable if contract.kind != "OPT" or _volatility(day, contract) is not None]
    coins = tuple(day.chain.coins)
    index = np.array([day.chain.index[contract.coin] for contract in usable])
    in_coin = np.array([contract.payoff == "INVERSE" for contract in usable], dtype=np.bool_)
    expiry = np.array(
        [
            np.datetime64(contract.expiry.replace(tzinfo=None))
            if contract.expiry and contract.kind == "OPT"
            else np.datetime64("NaT")
            for contract in usable
        ],
        dtype="datetime64[us]",
    )
    underlying = np.array([coins.index(contract.coin) for contract in usable], dtype=np.int64)
    years = black76.years_to_expiry(expiry, np.datetime64(day.chain.as_of.replace(tzinfo=None)))
    slice_of, slices = slices_of(underlying, np.nan_to_num(years * DAYS_PER_YEAR, nan=np.inf))
    return Contracts(
        ids=tuple(contract.contract_id for contract in usable),
        underlyings=coins,
        underlying=underlying,
        form=np.array([payoff.form_of(contract.kind, contract.payoff) for contract in usable], dtype=np.int64),
        multiplier=np.array([float(contract.multiplier) for contract in usable]),
        index_price=index,
        forward=np.array([_forward(day, contract) for contract in usable], dtype=np.float64),
        settle_price=np.where(in_coin, index, 1.0),
        strike=np.array([float(contract.strike or "nan") for contract in usable]),
        is_call=np.array([contract.right == "C" for contract in usable], dtype=np.bool_),
        years_to_expiry=years,
        volatility=np.array([_volatility(day, contract) for contract in usable], dtype=np.float64),
        fixed_part=np.zeros(len(usable)),
        slice_of=slice_of,
        slices=slices,
    )


def _forward(day: Day, contract: Contract) -> float | None:
    if contract.kind == "OPT":
        return day.chain.quotes[contract.contract_id].forward
    price = day.marks[contract.contract_id].price
    return float(price) if price else None


def _volatility(day: Day, contract: Contract) -> float | None:
    """None for futures, and for options without a usable one."""
    quote = day.chain.quotes.get(contract.contract_id)
    return quote.implied_volatility if quote and (quote.implied_volatility or 0.0) > 0.0 else None


def _lines(contracts: Contracts, book: Holdings) -> _Lines:
    """Positions in the order of contracts and portfolios."""

    def every() -> Iterator[tuple[int, int, float]]:
        for position, contract_id in enumerate(contracts.ids):
            for portfolio, atoms in book.get(contract_id, {}).items():
                yield portfolio, position, atoms / ATOMS_PER_CONTRACT

    portfolio, contract, quantity = zip(*every(), strict=True) if any(book.values()) else ((), (), ())
    return _Lines(
        np.array(portfolio, dtype=np.int64), np.array(contract, dtype=np.int64), np.array(quantity, dtype=float)
    )


def _states(contracts: Contracts) -> States:
    """A few moves of each coin alone, volatility the higher the deeper it falls."""
    still = States.still(contracts, len(MOVES))
    return replace(
        still,
        spot_factor=np.tile(1.0 + np.array(MOVES), (len(contracts.underlyings), 1)),
        level=np.tile(np.array(VOLATILITY_FACTORS), (len(contracts.slices.days), 1)),
    )


def _worst(contracts: Contracts, lines: _Lines, pnl: Floats, portfolios: int) -> Floats:
    """(n_portfolios,) largest loss over the moves of each coin, summed over coins."""
    coins = len(contracts.underlyings)
    group = lines.portfolio * coins + contracts.underlying[lines.contract]
    by_move = np.stack(
        [
            np.bincount(group, lines.quantity * pnl[lines.contract, move], portfolios * coins)
            for move in range(len(MOVES))
        ]
    )
    worst: Floats = np.maximum(-by_move.min(axis=0), 0.0).reshape(portfolios, coins).sum(axis=1)
    return worst


def _stream(seed: int, stream: int, day: date | None = None) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stream, day.toordinal() if day else 0]))
