"""Effective leverage, and the margin at which it is no higher than the policy allows (METHODOLOGY 5, line 10).

    gross = Σ over positions of |q·m·delta|·S,   net = Σ over underlyings of |Σ q·m·delta|·S
    effective leverage = gross / equity,  outright leverage = net / equity,  equity = collateral at market + options
    LEVERAGE_SURCHARGE = max(0, max(net / outright cap, gross / hedged cap) − the lines before)

Who covers total initial margin R − NOV has equity R. So with the surcharge nobody without a deficit stands above a
cap, whatever is posted: the line does not depend on collateral, and more of it never raises a call (docs/decisions).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.model import money
from tasks.model.arrays import Floats, Ints
from tasks.model.margin.lines import Line, line
from tasks.model.margin.portfolio import ACCOUNT, Book, floats
from tasks.model.policy import Policy
from tasks.model.pricing.revaluation import sensitivities

LEVERAGE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(ACCOUNT, pl.String),
    "gross_delta_notional_usd": pl.Float64,
    "net_delta_notional_usd": pl.Float64,
    "equity_usd": money.USD,
    "effective_leverage": pl.Float64,
    "outright_leverage": pl.Float64,
}


class Notional(NamedTuple):
    """(n,) USD of delta of each portfolio, >= 0."""

    gross: Floats  # position by position
    net: Floats  # underlying by underlying


def entry_delta_usd(book: Book) -> Floats:
    """(entries,) USD of delta of each live position at the index, long > 0."""
    unit = sensitivities(book.contracts).delta * book.contracts.index_price
    return np.asarray(book.quantity * unit[book.contract_index])


def delta_notional(book: Book, delta_usd: Floats) -> Notional:
    """Delta notional of each portfolio. delta_usd: see `entry_delta_usd`."""
    rows, n = len(book.row_portfolio), book.portfolios.height
    net = np.abs(np.bincount(book.entry_row, delta_usd, rows))
    gross = np.bincount(book.entry_row, np.abs(delta_usd), rows)
    return Notional(*(np.bincount(book.row_portfolio, each, n).astype(np.float64) for each in (gross, net)))


def leverage_line(notional: Notional, lines: Ints, policy: Policy) -> Line:
    """LEVERAGE_SURCHARGE of each portfolio. lines: (n,) cents of the lines before."""
    rule = policy.leverage_surcharge
    outright, hedged = notional.net / rule.outright_cap, notional.gross / rule.hedged_cap
    cents = np.maximum(money.cents_up(np.maximum(outright, hedged)) - lines, 0)
    binds = np.where(outright >= hedged, "OUTRIGHT_CAP", "HEDGED_CAP")
    return line("LEVERAGE_SURCHARGE", cents, binds, rule_id=np.char.add("leverage_surcharge.", np.char.lower(binds)))


def leverage_table(book: Book, notional: Notional, collateral: pl.DataFrame, net_option_value: Ints) -> pl.DataFrame:
    """Rows of result.leverage, one per account; the leverages are empty where there is no equity to divide by.

    collateral: clearing_member_id, margin_account_id, market_value_usd. net_option_value: (n,) cents by portfolio.
    """
    worth = {row[:2]: row[2] for row in _by_account(collateral).iter_rows()}
    accounts = book.portfolios.select(ACCOUNT)
    keys = list(dict.fromkeys(accounts.iter_rows()))
    place = {key: index for index, key in enumerate(keys)}
    at = np.array([place[key] for key in accounts.iter_rows()], dtype=np.int64)
    options = np.zeros(len(keys), dtype=np.int64)
    np.add.at(options, at, net_option_value)
    equity = money.usd(options) + pl.Series([worth.get(key, Decimal(0)) for key in keys], dtype=money.USD)
    usd = floats(equity)
    gross, net = (np.bincount(at, each, len(keys)).astype(np.float64) for each in notional)
    table = pl.DataFrame(keys, schema=ACCOUNT, orient="row").with_columns(
        gross_delta_notional_usd=gross,
        net_delta_notional_usd=net,
        equity_usd=equity.cast(money.USD),
        effective_leverage=_ratio(gross, usd),
        outright_leverage=_ratio(net, usd),
    )
    return table.cast(dict.fromkeys(ACCOUNT, pl.String))


def _by_account(collateral: pl.DataFrame) -> pl.DataFrame:
    return collateral.group_by(ACCOUNT, maintain_order=True).agg(pl.col("market_value_usd").sum())


def _ratio(notional: Floats, equity: Floats) -> pl.Series:
    return pl.Series(
        [above / below if below > 0.0 else None for above, below in zip(notional, equity, strict=True)],
        dtype=pl.Float64,
    )
