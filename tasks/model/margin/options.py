"""Net option value and the short option minimum, exact to the cent (METHODOLOGY 1 and 5, line 11).

The value of an option position is rounded towards minus infinity to a cent, and a portfolio's net option value is the
sum of its positions': a credit is rounded down, a debit up, and a member can add up what the statement shows. Figures
are worked out in float64, and in decimals wherever float64 cannot tell on which side of a cent they lie.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import COIN_OPTION, Bools, Floats, Ints
from tasks.model.policy import Policy
from tasks.model.pricing.payoff import form_of

_FIGURES = ("quantity", "multiplier", "settlement_price", "index_price", "settle_asset_price")
_STRIKE = ["portfolio", "index_price", "underlying", "expiry_ts", "strike"]
_ROUNDINGS = 12  # of a term before it is summed: conversions and products, and some to spare


def option_values(positions: pl.DataFrame) -> Ints:
    """(p,) cents of each position at its settlement mark, long > 0; zero for futures and perpetuals.

    quantity x multiplier x price x USD per unit of the price: the index where the price is in coin, the price of the
    settlement asset where it is in quote.
    """
    option = (positions["kind"] == "OPT").to_numpy()
    quantity, multiplier, price, index, settle = (positions[name].cast(pl.Float64).to_numpy() for name in _FIGURES)
    usd = np.where(_in_coin(positions), index, settle)
    estimate = np.where(option, quantity * multiplier * price * usd, 0.0)
    return money.cents_down(estimate, lambda at: _exact_value(positions.row(at, named=True)))


def short_option_minimum(positions: pl.DataFrame, portfolios: int, policy: Policy) -> Ints:
    """(portfolios,) cents, rounded up: rate x index x net short options, strike by strike.

    At each underlying, expiry and strike calls and puts are netted together, whatever they settle in; a strike held
    long covers no other. `positions`: live ones with portfolio and terms.
    """
    options = positions.filter(pl.col("kind") == "OPT")
    strikes = options.select(_STRIKE).unique(maintain_order=True).with_row_index("at")
    at = options.join(strikes, on=_STRIKE, how="left", maintain_order="left")["at"].to_numpy()
    units = (options["quantity"].cast(pl.Float64) * options["multiplier"].cast(pl.Float64)).to_numpy()
    net, gross = (np.bincount(at, each, strikes.height) for each in (units, np.abs(units)))
    portfolio = strikes["portfolio"].to_numpy()
    rate = policy.floor_top_up.short_option_minimum_fraction * strikes["index_price"].cast(pl.Float64).to_numpy()
    estimate, scale = (
        np.bincount(portfolio, 100.0 * rate * each, portfolios) for each in (np.maximum(-net, 0.0), gross)
    )
    of_strike, of_portfolio = _sum_error(at, strikes.height), _sum_error(options["portfolio"].to_numpy(), portfolios)
    unclear = np.bincount(portfolio, np.abs(net) <= of_strike * gross, portfolios) > 0
    minimum: Ints = np.ceil(estimate).astype(np.int64)
    doubtful = np.where(estimate > 0.0, np.abs(estimate - np.rint(estimate)) <= of_portfolio * scale, unclear)
    exactly = doubtful[options["portfolio"].to_numpy()]
    for each, amount in _exact_minimum(options.filter(exactly), at[exactly], strikes, policy).items():
        minimum[each] = int(amount / money.CENT)
    return minimum


def _sum_error(group: Ints, groups: int) -> Floats:
    """(groups,) what a float64 sum over each group's terms can err, relative to the sum of their absolute values.

    Reference: Higham (2002), Accuracy and Stability of Numerical Algorithms, 4.2: recursive summation.
    """
    terms: Floats = np.bincount(group, minlength=groups).astype(np.float64)
    return (terms + _ROUNDINGS) * np.finfo(np.float64).eps


def _in_coin(positions: pl.DataFrame) -> Bools:
    forms = {key: form_of(*key) == COIN_OPTION for key in positions.select("kind", "payoff").unique().iter_rows()}
    return np.array([forms[key] for key in positions.select("kind", "payoff").iter_rows()], dtype=np.bool_)


def _exact_value(row: Mapping[str, Any]) -> Decimal:
    in_coin = form_of(row["kind"], row["payoff"]) == COIN_OPTION
    usd = row["index_price"] if in_coin else row["settle_asset_price"]
    return money.product(row["quantity"], row["multiplier"], row["settlement_price"], usd)


def _exact_minimum(options: pl.DataFrame, at: Ints, strikes: pl.DataFrame, policy: Policy) -> dict[int, Decimal]:
    """USD by portfolio, rounded up to a cent; `at`: the strike of each option. In whole units of the last decimals."""
    quantity, multiplier, index_price = map(
        _whole, (options["quantity"], options["multiplier"], strikes["index_price"])
    )
    net: defaultdict[int, int] = defaultdict(int)
    for strike, held, worth in zip(at.tolist(), quantity.units, multiplier.units, strict=True):
        net[strike] += held * worth
    short: defaultdict[int, int] = defaultdict(int)
    portfolio = strikes["portfolio"].to_list()
    for strike, units in net.items():
        short[portfolio[strike]] += max(-units, 0) * index_price.units[strike]
    rate = money.exact(policy.floor_top_up.short_option_minimum_fraction)
    decimals = quantity.decimals + multiplier.decimals + index_price.decimals
    return {each: money.round_up(money.product(rate, money.scaled(units, decimals))) for each, units in short.items()}


class _Whole(NamedTuple):
    """Figures as whole numbers of units of their last decimal."""

    units: list[int]
    decimals: int


def _whole(column: pl.Series) -> _Whole:
    """Raises ModelInputError NON_FINITE."""
    if isinstance(column.dtype, pl.Decimal):
        return _Whole(column.to_physical().to_list(), column.dtype.scale)
    figures = [money.exact(each) for each in column.to_list()]
    decimals = max((-int(each.as_tuple().exponent) for each in figures), default=0)
    return _Whole([int(money.scaled(each, -decimals)) for each in figures], decimals)
