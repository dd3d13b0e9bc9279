"""Charge for stablecoins below their threshold (METHODOLOGY 5, line 6), in exact decimals.

    per coin: factor·max(0, threshold − p);  times (coins owed + coins held as collateral × (1 − haircut))

Owed are negative balances and, portfolio by portfolio and coin by coin, what options settled in the coin are worth to
the other side: a coin that finds back to its peg makes both dearer. Futures and perpetuals are settled every day and
owe nothing at their marks. Of collateral only what the haircut leaves is charged, and no coin more than its price.
An account without a live position has no requirement, so none is made of what it holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.margin.collateral import haircut_in_force, required_price
from tasks.model.margin.portfolio import ACCOUNT, KEY, Book
from tasks.model.policy import Policy

_NOTHING = Decimal(0)
_ONE = Decimal(1)


def charge_per_coin(price: Decimal, policy: Policy) -> Decimal:
    """USD per coin owed at a price."""
    rule = policy.stablecoin_depeg
    below = max(_NOTHING, money.exact(rule.threshold) - price)
    return money.product(money.exact(rule.factor), below)


def stablecoin_depeg(
    book: Book, balances: pl.DataFrame, stablecoins: Collection[str], policy: Policy
) -> dict[int, Decimal]:
    """USD by portfolio, rounded up to a cent; a portfolio without stablecoins is left out.

    `balances`: see collateral.value_collateral. Raises ModelInputError PRICE_MISSING.
    """
    charges: defaultdict[int, list[Decimal]] = defaultdict(list)
    for portfolio, charge in [
        *_owed_on_options(book, stablecoins, policy),
        *_held(book, balances, stablecoins, policy),
    ]:
        charges[portfolio].append(charge)
    return {portfolio: money.round_up(money.total(each)) for portfolio, each in charges.items()}


def _owed_on_options(book: Book, stablecoins: Collection[str], policy: Policy) -> list[tuple[int, Decimal]]:
    worth: defaultdict[tuple[int, str, Decimal], list[Decimal]] = defaultdict(list)
    below = pl.col("settle_asset_price") < money.exact(policy.stablecoin_depeg.threshold)
    settled = book.positions.filter(below & (pl.col("kind") == "OPT") & pl.col("settle_asset").is_in(list(stablecoins)))
    for row in settled.iter_rows(named=True):
        coin = (row["portfolio"], row["settle_asset"], row["settle_asset_price"])
        worth[coin].append(money.product(row["quantity"], row["multiplier"], row["settlement_price"]))
    return [
        (portfolio, money.product(max(_NOTHING, -money.total(each)), charge_per_coin(price, policy)))
        for (portfolio, _, price), each in worth.items()
    ]


def _held(
    book: Book, balances: pl.DataFrame, stablecoins: Collection[str], policy: Policy
) -> list[tuple[int, Decimal]]:
    keys = list(book.portfolios.select(KEY).iter_rows())
    whole = {(member, account): index for index, (member, account, client) in enumerate(keys) if not client}
    live = {keys[index][:2] for index in book.row_portfolio.tolist()}
    charges = []
    for row in balances.filter(pl.col("asset").is_in(list(stablecoins))).iter_rows(named=True):
        account = (row[ACCOUNT[0]], row[ACCOUNT[1]])
        if account in live:
            charges.append((whole[account], _charge(row, policy)))
    return charges


def _charge(row: dict[str, Any], policy: Policy) -> Decimal:
    asset, quantity = str(row["asset"]), money.exact(row["quantity"])
    price = required_price(asset, row["price_usd"])
    per_coin = charge_per_coin(price, policy)
    if quantity < 0:
        return money.product(-quantity, per_coin)
    haircut, _ = haircut_in_force(row)
    return money.product(quantity, _ONE - haircut, min(per_coin, price))
