"""Synthetic collateral, sized on a rough guess of the requirement: some accounts have excess and some are called.

The guess is only a size: a share of net delta and of short options, less the option value. It is no margin figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, Floats
from tasks.model.pricing import black76
from tasks.sample_book import Movements
from tasks.sample_listing import QUANTITY_UNIT
from tasks.sample_market import ASSETS
from tasks.sample_marks import Listing, Marks
from tasks.sample_members import House

DELTA_SHARE = 0.24
SHORT_OPTION_SHARE = 0.03
LEAST_NEED_USD = 5_000.0
COVERED = (0.6, 1.8)  # collateral over need, uniform
DEPOSIT_CHANCE, WITHDRAWAL_CHANCE = 0.04, 0.02  # per line and day
DEPOSIT_SHARE, WITHDRAWAL_SHARE = 0.10, 0.03  # of the opening quantity

DECIMALS = {"USD": 2, "USDC": 6, "USDT": 6, "BTC": 8, "ETH": 12}
FORMS = {"USD": "CASH", "USDC": "STABLECOIN", "USDT": "STABLECOIN", "BTC": "COIN", "ETH": "COIN"}
# Worth of a unit after a haircut about as large as the opening policy's.
_COUNTED = {"USD": 1.0, "USDC": 0.95, "USDT": 0.95, "BTC": 0.75, "ETH": 0.70}
_MIX = {
    "MARKET_MAKER": {"USD": 0.3, "USDC": 0.4, "BTC": 0.2, "ETH": 0.1},
    "HEDGER": {"USD": 0.1, "USDC": 0.1, "BTC": 0.5, "ETH": 0.3},
    "DIRECTIONAL": {"USD": 0.2, "USDC": 0.5, "USDT": 0.1, "BTC": 0.1, "ETH": 0.1},
    "OPTION_SELLER": {"USD": 0.1, "USDC": 0.4, "BTC": 0.3, "ETH": 0.2},
    "FLAT": {"USD": 1.0},
}


@dataclass(frozen=True)
class Holding:
    """An account's opening balance of one asset, native units."""

    member_id: str
    account_id: str
    asset: str
    quantity: Decimal


def open_holdings(
    house: House, need: dict[str, float], asset_price: dict[str, float], rng: np.random.Generator
) -> list[Holding]:
    """Opening balances of every account. `need` is USD by account, `asset_price` USD by asset."""
    holdings = []
    for member in house.members:
        for account_id, _ in member.accounts:
            worth = max(need.get(account_id, 0.0), LEAST_NEED_USD) * rng.uniform(*COVERED)
            for asset, share in _MIX[member.kind].items():
                native = worth * share / (_COUNTED[asset] * asset_price[asset])
                holdings.append(Holding(member.member_id, account_id, asset, _native(native, asset)))
    return holdings


def outside_movements(holdings: list[Holding], rng: np.random.Generator) -> tuple[list[Decimal], list[Decimal]]:
    """Deposits and withdrawals of a day, one per holding, mostly zero."""
    chance = rng.random((2, len(holdings)))
    deposits, withdrawals = [], []
    for holding, paid_in, paid_out in zip(holdings, *chance.tolist(), strict=True):
        quantity = float(holding.quantity)
        deposits.append(_native(quantity * DEPOSIT_SHARE * (paid_in < DEPOSIT_CHANCE), holding.asset))
        withdrawals.append(_native(quantity * WITHDRAWAL_SHARE * (paid_out < WITHDRAWAL_CHANCE), holding.asset))
    return deposits, withdrawals


def rough_need(house: House, book: Listing, marks: Marks, lines: Movements) -> dict[str, float]:
    """A rough requirement by account in USD, from the positions carried out."""
    quantity = lines.closing * float(QUANTITY_UNIT)
    delta, value, notional = (each[lines.contract] for each in _usd_per_contract(book, marks))
    count, width = len(house.portfolios), len(ASSETS)
    net = np.bincount(lines.portfolio * width + book.underlying[lines.contract], quantity * delta, count * width)
    outright = np.abs(net.reshape(count, width)).sum(axis=1)
    sold = np.bincount(lines.portfolio, np.maximum(-quantity, 0.0) * notional, count)
    worth = np.bincount(lines.portfolio, quantity * value, count)
    usd = DELTA_SHARE * outright + SHORT_OPTION_SHARE * sold - worth
    need: dict[str, float] = {}
    for portfolio, amount in zip(house.portfolios, usd.tolist(), strict=True):
        need[portfolio.account_id] = need.get(portfolio.account_id, 0.0) + amount
    return need


def _usd_per_contract(book: Listing, marks: Marks) -> tuple[Floats, Floats, Floats]:
    """Delta times forward, option value and option notional of each contract (n,), USD."""
    multiplier = np.array([float(each.multiplier) for each in book.contracts])
    option = book.is_option & book.is_live
    level, years = np.where(option, marks.volatility, 1.0), np.where(option, book.years, 1.0)
    strike = np.where(option, book.strike, marks.forward)
    delta = black76.greeks(marks.forward, strike, level, years, book.is_call).delta
    in_quote = np.where(book.form == COIN_OPTION, marks.forward, 1.0)
    worth = np.where(book.form == INVERSE_FORWARD, multiplier, multiplier * marks.forward)
    value = np.where(book.is_option, multiplier * marks.price * in_quote, 0.0)
    return np.where(book.is_option, delta, 1.0) * worth, value, np.where(option, worth, 0.0)


def _native(quantity: float, asset: str) -> Decimal:
    return Decimal(repr(quantity)).quantize(Decimal(1).scaleb(-DECIMALS[asset]))
