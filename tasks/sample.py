"""Synthetic inboxes: a seeded market and a book that sums to zero, written as a house would receive them.

The same arguments give the same bytes; docs/sample.md states the law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from tasks import envelope, sample_rows, sample_small, schema
from tasks.home import write_atomically
from tasks.model.arrays import Floats
from tasks.model.errors import Finding, LeveeError
from tasks.sample_book import (
    DAILY_TURNOVER,
    EMPTY_BOOK,
    Book,
    Trades,
    carried,
    draw_trades,
    draw_transfers,
    live_ids,
    move,
    opening_trades,
)
from tasks.sample_collateral import Holding, open_holdings, outside_movements, rough_need
from tasks.sample_listing import Contract, first_listing, next_listing
from tasks.sample_market import ASSETS, EPOCH, STABLECOINS, Market, simulate, trading_days
from tasks.sample_marks import Listing, listing, mark
from tasks.sample_members import House, build_house
from tasks.sample_rows import HISTORY_DAYS, Day, Rows, as_of, usd_per_unit

CYCLE = "EOD"
ORIGIN = "SYNTHETIC"
EARLIEST = EPOCH + timedelta(days=HISTORY_DAYS)

(_HOUSE, _TRADES, _TRANSFERS, _HOLDINGS, _OUTSIDE) = range(100, 105)  # streams, apart from the market's


@dataclass(frozen=True)
class _Evening:
    """What a day hands to the next one."""

    contracts: list[Contract]
    book: Book


def write(
    out: Path,
    days: int,
    members: int,
    contracts: int,
    seed: int,
    end_date: date,
    environment: str,
    accounts: int | None = None,
) -> list[Path]:
    """Write <out>/<date>/EOD/*.csv for `days` calendar days ending at end_date; returns the files in order.

    The first day is a genesis day (opening balances delivered); positions and listings follow from day to day.
    Raises LeveeError USAGE for a size or date the law cannot serve.
    """
    dates = trading_days(end_date, days)
    if days < 1 or dates[0] < EARLIEST:
        raise LeveeError(
            Finding(
                "USAGE",
                "no sample for these days",
                value=f"{days} to {end_date}",
                limit=f"at least one, from {EARLIEST}",
            )
        )
    market = simulate(seed, end_date)
    house = build_house(members, _stream(seed, _HOUSE), accounts)
    evening = _genesis(market, house, contracts, seed, dates[0] - timedelta(days=1))
    holdings: list[Holding] = []
    files = []
    for today in dates:
        day, evening = _next_day(market, house, evening, seed, today)
        genesis = not holdings
        holdings = holdings or _holdings(day, seed)
        moved = outside_movements(holdings, _stream(seed, _OUTSIDE, today))
        balances = sample_rows.collateral_balances(holdings, *moved, genesis)
        files += write_day(out, today, environment, {**_datasets(day), "collateral_balances": balances})
    return files


def write_small(out: Path) -> list[Path]:
    """Write the small hand-checked day of data/sample/inbox; returns its files."""
    return write_day(out, sample_small.DATE, "DEMO", sample_small.datasets())


def write_day(out: Path, day: date, environment: str, datasets: Mapping[str, Rows]) -> list[Path]:
    """Write the files of one day under <out>/<date>/EOD."""
    written = []
    for name, rows in sorted(datasets.items()):
        path = out / day.isoformat() / CYCLE / envelope.file_name(name)
        columns = schema.dataset(name).names
        write_atomically(
            path,
            envelope.write_csv(
                name, day, CYCLE, 1, "HOUSE", as_of(day), as_of(day), environment, ORIGIN, columns, rows
            ),
        )
        written.append(path)
    return written


def _genesis(market: Market, house: House, contracts: int, seed: int, day: date) -> _Evening:
    """The evening before the first day: the opening book, matched at that day's marks."""
    listed = first_listing(market, day, contracts)
    book = listing(listed, day)
    lines = move(EMPTY_BOOK, book, _trades(market, house, book, opening_trades(house, contracts), seed), ())
    return _Evening(listed, carried(lines, book))


def _next_day(market: Market, house: House, evening: _Evening, seed: int, today: date) -> tuple[Day, _Evening]:
    """A day's market, listing and movements, and what it carries out."""
    contracts = next_listing(evening.contracts, market, today)
    book = listing(contracts, today)
    count = max(1, round(DAILY_TURNOVER * opening_trades(house, len(contracts))))
    trades = _trades(market, house, book, count, seed)
    transfers = draw_transfers(house, evening.book, live_ids(book), _stream(seed, _TRANSFERS, today))
    lines = move(evening.book, book, trades, transfers)
    day = Day(market, house, book, mark(market, book), _previous(market, book), lines)
    return day, _Evening(contracts, carried(lines, book))


def _trades(market: Market, house: House, book: Listing, count: int, seed: int) -> Trades:
    marks = mark(market, book)
    return draw_trades(house, book, marks.price, usd_per_unit(book, marks), count, _stream(seed, _TRADES, book.day))


def _previous(market: Market, book: Listing) -> Floats:
    """Yesterday's settlement prices of today's contracts."""
    return mark(market, listing(book.contracts, book.day - timedelta(days=1))).price


def _holdings(day: Day, seed: int) -> list[Holding]:
    column = day.market.column(day.date)
    named = zip(
        [asset.name for asset in ASSETS] + list(STABLECOINS), [*day.market.close, *day.market.stablecoin], strict=True
    )
    asset_price = {"USD": 1.0, **{name: float(path[column]) for name, path in named}}
    need = rough_need(day.house, day.book, day.marks, day.lines)
    return open_holdings(day.house, need, asset_price, _stream(seed, _HOLDINGS))


def _datasets(day: Day) -> dict[str, Rows]:
    underlyings = sorted(set(day.book.underlying.tolist()))
    return {
        "accounts": sample_rows.accounts(day.house),
        "book_depth": sample_rows.book_depth(day),
        "contracts": sample_rows.contracts(day.book),
        "funding": sample_rows.funding(day),
        "history": sample_rows.history(day.market, day.date, underlyings),
        "members": sample_rows.members(day.house),
        "positions": sample_rows.positions(day),
        "prices": sample_rows.prices(day),
        "vol_quotes": sample_rows.vol_quotes(day),
    }


def _stream(seed: int, stream: int, day: date | None = None) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stream, day.toordinal() if day else 0]))
