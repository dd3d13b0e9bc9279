"""Net option value and the short option minimum, in exact decimals (METHODOLOGY 1 and 5, line 11).

The value of an option position is rounded towards minus infinity to a cent, and a portfolio's net option value is the
sum of its positions': a credit is rounded down, a debit up, and a member can add up what the statement shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.arrays import COIN_OPTION
from tasks.model.policy import Policy
from tasks.model.pricing.payoff import form_of

_NOTHING = Decimal("0.00")


def option_value(row: Mapping[str, Any]) -> Decimal:
    """USD of a position at its settlement mark, long > 0; zero for futures and perpetuals.

    quantity x multiplier x price x USD per unit of the price: the index where the price is in coin, the price of the
    settlement asset where it is in quote.
    """
    if row["kind"] != "OPT":
        return _NOTHING
    in_coin = form_of(row["kind"], row["payoff"]) == COIN_OPTION
    usd = row["index_price"] if in_coin else row["settle_asset_price"]
    return money.round_down(money.product(row["quantity"], row["multiplier"], row["settlement_price"], usd))


def short_option_minimum(positions: pl.DataFrame, policy: Policy) -> dict[int, Decimal]:
    """USD by portfolio, rounded up to a cent: rate x index x net short options, strike by strike.

    At each underlying, expiry and strike calls and puts are netted together, whatever they settle in; a strike held
    long covers no other. `positions`: live ones with portfolio and terms. A portfolio without options is left out.
    """
    rate = money.exact(policy.floor_top_up.short_option_minimum_fraction)
    net: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for row in positions.filter(pl.col("kind") == "OPT").iter_rows(named=True):
        strike = (row["portfolio"], row["index_price"], row["underlying"], row["expiry_ts"], row["strike"])
        net[strike] = money.total([net[strike], money.product(row["quantity"], row["multiplier"])])
    minimum: defaultdict[int, Decimal] = defaultdict(Decimal)
    for (portfolio, index_price, *_), units in net.items():
        short = money.product(rate, index_price, max(-units, Decimal(0)))
        minimum[portfolio] = money.total([minimum[portfolio], short])
    return {portfolio: money.round_up(amount) for portfolio, amount in minimum.items()}
