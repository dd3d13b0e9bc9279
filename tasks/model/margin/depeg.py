"""Charge for stablecoins below their threshold (METHODOLOGY 5, line 6), in exact decimals.

    per coin: factor·max(0, threshold − p);  times (coins owed + coins held that count as cover × (1 − haircut))

Owed are negative balances and, portfolio by portfolio and coin by coin, what options settled in the coin are worth to
the other side: a coin that finds back to its peg makes both dearer. Futures and perpetuals are settled every day and
owe nothing at their marks. Of collateral only what the haircut leaves is charged, as far as it counts as cover (see
charged), and no coin more than its price, the credit step on top included: holding it is never worse than not to.
An account without a live position has no requirement, so none is made of what it holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.margin.portfolio import ACCOUNT, KEY, Book
from tasks.model.policy import Policy

_NOTHING = Decimal(0)


def charge_per_coin(price: Decimal, policy: Policy) -> Decimal:
    """USD per coin owed at a price."""
    rule = policy.stablecoin_depeg
    below = max(_NOTHING, money.exact(rule.threshold) - price)
    return money.product(money.exact(rule.factor), below)


def stablecoin_depeg(
    book: Book,
    collateral: pl.DataFrame,
    credit_steps: Mapping[tuple[str, str], float],
    stablecoins: Collection[str],
    policy: Policy,
) -> dict[int, Decimal]:
    """USD by portfolio, rounded up to a cent; a portfolio without stablecoins is left out.

    collateral: lines of collateral.value_collateral. credit_steps: fraction by account.
    """
    charges: defaultdict[int, list[Decimal]] = defaultdict(list)
    for portfolio, charge in [
        *_owed_on_options(book, stablecoins, policy),
        *_held(book, collateral, credit_steps, stablecoins, policy),
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
    book: Book,
    collateral: pl.DataFrame,
    credit_steps: Mapping[tuple[str, str], float],
    stablecoins: Collection[str],
    policy: Policy,
) -> list[tuple[int, Decimal]]:
    keys = list(book.portfolios.select(KEY).iter_rows())
    whole = {(member, account): index for index, (member, account, client) in enumerate(keys) if not client}
    live = {keys[index][:2] for index in book.row_portfolio.tolist()}
    charges = []
    for row in collateral.filter(pl.col("asset").is_in(list(stablecoins))).iter_rows(named=True):
        account = (row[ACCOUNT[0]], row[ACCOUNT[1]])
        if account in live:
            charges.append((whole[account], _charge(row, credit_steps[account], policy)))
    return charges


def _charge(row: Mapping[str, Any], credit_step: float, policy: Policy) -> Decimal:
    per_coin = charge_per_coin(row["price_usd"], policy)
    if row["quantity"] < 0:
        return money.product(-row["quantity"], per_coin)
    largest = 1 / (1 + Fraction(money.exact(credit_step)))
    share = min(Fraction(per_coin) / Fraction(row["price_usd"]), largest) if row["price_usd"] else largest
    return ceil(Fraction(row["post_haircut_value_usd"]) * share * 100) * money.CENT
