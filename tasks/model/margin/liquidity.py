"""How deep the market of each underlying is taken to be, and what closing out a portfolio into it costs.

What is delivered counts: the sum of a day's volume over futures and perpetuals, and the narrowest two-sided order
book among them. What is not is a declared value of the policy, flagged PROXY. Options' own volume is a turnover of
premium and says nothing about delta; spread and turnover of vega are always declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.portfolio import Book, floats, row_horizon
from tasks.model.policy import Policy
from tasks.model.pricing.black76 import VOL_POINT
from tasks.model.pricing.revaluation import sensitivities
from tasks.model.risk.liquidity import close_out_cost, days_to_close, half_spread

LIQUIDITY_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "underlying": pl.String,
    "daily_volume_usd": pl.Float64,
    "volume_quality": pl.String,
    "half_spread_fraction": pl.Float64,
    "spread_quality": pl.String,
    "volatility_per_day": pl.Float64,
    "daily_vega_usd": pl.Float64,
    "vol_half_spread": pl.Float64,
    "vol_move_per_day": pl.Float64,
    "vega_quality": pl.String,
}


@dataclass(frozen=True)
class Cost:
    """(n,) of each portfolio: USD to close it out, >= 0, and whether it takes longer than the liquidation period."""

    amount: Floats
    longer: tuple[bool, ...]


class RowCosts(NamedTuple):
    """(g,) of each row of a book, USD >= 0, and how many of the two take longer than the liquidation period."""

    delta: Floats
    vega: Floats
    longer: Floats


def liquidity_table(
    volatility: dict[str, float], volumes: pl.DataFrame, order_books: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """Rows of result.liquidity, one per underlying of `volatility` (its move of a day, fraction per sqrt(day)).

    volumes: underlying, volume_usd, above zero. order_books: underlying, contract_id, bid, ask (best ones, quote).
    """
    rule, proxy = policy.liquidity_concentration, policy.reference
    traded = _traded(volumes)
    spreads = _narrowest(order_books)
    rows = [
        (
            name,
            traded.get(name, proxy.average_daily_volume_usd[name]),
            _quality(name in traded),
            spreads.get(name, rule.half_spread_fraction[name]),
            _quality(name in spreads),
            sigma,
            proxy.average_daily_vega_usd[name],
            rule.vol_half_spread[name],
            rule.vol_move_per_day[name],
            "PROXY",
        )
        for name, sigma in sorted(volatility.items())
    ]
    return pl.DataFrame(rows, schema=LIQUIDITY_SCHEMA, orient="row")


def close_out(book: Book, row_margin: Floats, market: pl.DataFrame, policy: Policy) -> Cost:
    """Cost of closing out each portfolio: the sum over its underlyings. Arguments as `row_costs`."""
    costs, n = row_costs(book, row_margin, market, policy), book.portfolios.height
    amount = np.bincount(book.row_portfolio, weights=costs.delta + costs.vega, minlength=n).astype(np.float64)
    beyond = np.bincount(book.row_portfolio, weights=costs.longer, minlength=n) > 0
    return Cost(require_finite("close-out cost", amount), tuple(beyond.tolist()))


def row_costs(book: Book, row_margin: Floats, market: pl.DataFrame, policy: Policy) -> RowCosts:
    """Cost of closing out the net delta and the net vega of each row.

    row_margin: (g,) B of each row in USD. market: result.liquidity, with a row for every underlying held.
    """
    rule = policy.liquidity_concentration
    at = [market["underlying"].to_list().index(name) for name in book.contracts.underlyings]
    figures = {
        name: market[name].to_numpy()[at][book.row_underlying]
        for name in market.columns[1:]
        if market.schema[name] == pl.Float64
    }
    delta, vega = _net_sizes(book)
    horizon, share = row_horizon(book, policy), rule.participation_fraction
    points = 1.0 / VOL_POINT
    costs, longer = [], np.zeros(len(delta))
    for size, volume, spread, move in (
        (delta, figures["daily_volume_usd"], figures["half_spread_fraction"], figures["volatility_per_day"]),
        (vega, figures["daily_vega_usd"], figures["vol_half_spread"] * points, figures["vol_move_per_day"] * points),
    ):
        costs.append(close_out_cost(size, volume, spread, move, row_margin, horizon, share, rule.impact))
        longer += days_to_close(size, volume, share) > horizon
    return RowCosts(costs[0], costs[1], longer)


def _net_sizes(book: Book) -> tuple[Floats, Floats]:
    """(g,) USD of net delta at the index, and USD per vol point of net vega, of each row; both >= 0."""
    unit = sensitivities(book.contracts)
    usd = unit.delta * book.contracts.index_price
    sizes = [
        np.abs(
            np.bincount(
                book.entry_row, weights=book.quantity * each[book.contract_index], minlength=len(book.row_portfolio)
            )
        )
        for each in (usd, unit.vega_usd)
    ]
    return sizes[0], sizes[1]


def _traded(volumes: pl.DataFrame) -> dict[str, float]:
    """Volume of each underlying that one is delivered of. Raises ModelInputError NON_FINITE or NO_PRICE."""
    names, traded = tuple(volumes["underlying"]), floats(volumes["volume_usd"])
    require_finite("volume", traded, names)
    if (traded <= 0.0).any():
        at = int(np.argmax(traded <= 0.0))
        raise ModelInputError(
            Finding("NO_PRICE", "a volume that is delivered is not above zero", where=names[at], value=str(traded[at]))
        )
    return dict(zip(names, traded.tolist(), strict=True))


def _narrowest(order_books: pl.DataFrame) -> dict[str, float]:
    """Half spread of the narrowest usable order book of each underlying."""
    spreads = half_spread(floats(order_books["bid"]), floats(order_books["ask"]))
    found: dict[str, float] = {}
    for name, spread in zip(order_books["underlying"], spreads.tolist(), strict=True):
        if np.isfinite(spread):
            found[name] = min(spread, found.get(name, spread))
    return found


def _quality(delivered: bool) -> str:
    return "OK" if delivered else "PROXY"
