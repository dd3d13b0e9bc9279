"""Prices at which an account is closed out, account by account and underlying by underlying (METHODOLOGY 5).

An account is closed out when its collateral after haircut no longer covers total maintenance margin. The positions of
an account's clients stand together here, and so does the coin behind them; everything but the one price is held.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.model.arrays import Floats, Ints
from tasks.model.margin.liquidation_price import PositionRows, liquidation_prices
from tasks.model.margin.portfolio import ACCOUNT, Book, floats


def liquidation_table(book: Book, maintenance: Ints, collateral: pl.DataFrame) -> pl.DataFrame:
    """Rows of result.liquidation_price: every account and underlying it holds; empty where no price closes it out.

    maintenance: (n,) cents of total maintenance margin by portfolio. collateral: clearing_member_id,
    margin_account_id, asset, post_haircut_value_usd. Raises ModelInputError as `liquidation_prices`.
    """
    accounts = book.portfolios.select(ACCOUNT)
    keys = list(dict.fromkeys(accounts.iter_rows()))
    place = {key: index for index, key in enumerate(keys)}
    of_portfolio = np.array([place[key] for key in accounts.iter_rows()], dtype=np.int64)
    rows, row_account = _account_rows(book, of_portfolio)
    coins = _coins(collateral, place, book.contracts.underlyings)
    headroom = coins.sum(axis=1) - np.bincount(of_portfolio, maintenance, len(keys)) / 100.0
    found = liquidation_prices(book.contracts, rows, headroom[row_account], coins[row_account, rows.row_underlying])
    spot = np.zeros(len(book.contracts.underlyings))
    spot[book.contracts.underlying] = book.contracts.index_price
    names = [book.contracts.underlyings[number] for number in rows.row_underlying.tolist()]
    figures = (spot[rows.row_underlying], found.below, found.above)
    columns = [pl.Series(each, dtype=pl.Float64).fill_nan(None) for each in figures]
    schema = dict.fromkeys(ACCOUNT, pl.String)
    held = pl.DataFrame([keys[at] for at in row_account.tolist()], schema=schema, orient="row")
    return held.with_columns(underlying=pl.Series(names, dtype=pl.String)).with_columns(
        **dict(zip(("spot_usd", "below_usd", "above_usd"), columns, strict=True))
    )


def _account_rows(book: Book, of_portfolio: Ints) -> tuple[PositionRows, Ints]:
    """Entries by account and underlying, in key order, and the account of each row."""
    groups = max(len(book.contracts.underlyings), 1)
    entry = of_portfolio[book.row_portfolio[book.entry_row]] * groups + book.row_underlying[book.entry_row]
    order = np.argsort(entry, kind="stable")
    keys, first = np.unique(entry[order], return_index=True)
    rows = PositionRows(
        keys % groups,
        np.append(first, len(order)).astype(np.int64),
        book.contract_index[order],
        book.quantity[order],
    )
    return rows, keys // groups


def _coins(collateral: pl.DataFrame, place: dict[tuple[str, ...], int], names: tuple[str, ...]) -> Floats:
    """(accounts, underlyings + 1) USD after haircut of each coin, and last of everything else."""
    worth = np.zeros((len(place), len(names) + 1))
    column = {name: index for index, name in enumerate(names)}
    known = [place.get(key, -1) for key in collateral.select(ACCOUNT).iter_rows()]
    at = np.array(known, dtype=np.int64)
    coin = np.array([column.get(asset, len(names)) for asset in collateral["asset"]], dtype=np.int64)
    np.add.at(worth, (at[at >= 0], coin[at >= 0]), floats(collateral["post_haircut_value_usd"])[at >= 0])
    return worth
