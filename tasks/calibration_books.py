"""Half spreads and walked costs read off rebuilt order books of the venues, by coin.

Books of futures and perpetuals alone: an option's spread is one of volatility. A book is looked at several times while
its messages arrive; one that is crossed, one-sided or without a snapshot tells nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tasks import convert_l2
from tasks.convert_chain import read_file
from tasks.convert_l2 import Book, Instrument, Row
from tasks.model.arrays import Floats
from tasks.model.assurance.calibration.depth import Ladder, walked_cost

LATEST_DAYS = 30  # a book that is older tells nothing of the day
LOOKS = 8  # at each book
SIZES_USD = (100_000.0, 1_000_000.0, 5_000_000.0)
_USD = "QUOTE"


@dataclass(frozen=True)
class Depth:
    """What the books of a coin say: half spread of every look, and what sizes cost beyond it. All fractions."""

    day: date
    books: tuple[str, ...]  # contracts
    half_spread: Floats  # (looks,)
    size_usd: Floats  # (costs,)
    excess: Floats  # (costs,) walked cost less the half spread of the look

    @property
    def digest(self) -> str:
        """sha256 over everything that was read."""
        parts = (self.half_spread, self.size_usd, self.excess)
        return hashlib.sha256(repr([part.tolist() for part in parts]).encode()).hexdigest()


def book_day(folder: Path, as_of: date) -> date | None:
    """Latest day of books up to a day that is recent enough; None without one."""
    if not (folder / f"{convert_l2.BOOKS_FILE}.parquet").is_file():
        return None
    days = read_file(folder, convert_l2.BOOKS_FILE, ("recv_ts",))["recv_ts"].dt.date().drop_nulls().unique()
    recent = days.filter((days <= as_of) & (days >= as_of - timedelta(days=LATEST_DAYS)))
    found = recent.max()
    return found if isinstance(found, date) else None


def depths(folder: Path, day: date) -> dict[str, Depth]:
    """Depth by coin of a day that has books."""
    looks: dict[str, list[tuple[str, float, list[tuple[float, float]]]]] = defaultdict(list)
    rows = convert_l2.messages_of(folder, day)
    for (venue, symbol), messages in rows.group_by("venue", "symbol", maintain_order=True):
        instrument = convert_l2.instrument_of(str(venue), str(symbol))
        if instrument and instrument.size_unit == _USD:
            coin = instrument.contract_id.partition("-")[0]
            looks[coin] += [(instrument.contract_id, *each) for each in _looks(instrument, messages)]
    return {coin: _depth(day, found) for coin, found in sorted(looks.items()) if found}


def _looks(instrument: Instrument, messages: pl.DataFrame) -> Iterator[tuple[float, list[tuple[float, float]]]]:
    """Half spread, and (size, cost beyond it) of each side, at moments spread evenly over the messages."""
    rows = [row for row in messages.iter_rows(named=True) if convert_l2.is_sound(row)]
    for end in np.linspace(0, len(rows), LOOKS + 1).astype(np.int64)[1:].tolist():
        book = convert_l2.rebuilt(_through(rows, end), defaultdict(int))
        sides = _sides(book, instrument) if book else None
        if sides:
            bid, ask = sides
            middle = 0.5 * (bid.price[0] + ask.price[0])
            half = float((ask.price[0] - bid.price[0]) / (2.0 * middle))
            costs = [(size, walked_cost(side, middle, size) - half) for side in sides for size in SIZES_USD]
            yield half, [(size, cost) for size, cost in costs if np.isfinite(cost)]


def _through(rows: Sequence[Row], end: int) -> Sequence[Row]:
    """The first rows, and those that arrived together with the last of them: a message is whole."""
    while 0 < end < len(rows) and rows[end]["recv_ts"] == rows[end - 1]["recv_ts"]:
        end += 1
    return rows[:end]


def _sides(book: Book, instrument: Instrument) -> tuple[Ladder, Ladder] | None:
    """Bid and ask side in USD; None where one is empty or they cross."""
    bids, asks = (sorted(book.levels[side].items(), reverse=side == "BID") for side in ("BID", "ASK"))
    if not bids or not asks or bids[0][0] >= asks[0][0]:
        return None
    return _ladder(bids, instrument), _ladder(asks, instrument)


def _ladder(levels: list[tuple[float, float]], instrument: Instrument) -> Ladder:
    price, size = np.array(levels).T
    return Ladder(price, size * float(instrument.per_size))


def _depth(day: date, looks: list[tuple[str, float, list[tuple[float, float]]]]) -> Depth:
    walked = np.array([each for _, _, costs in looks for each in costs]).reshape(-1, 2)
    books = tuple(sorted({contract for contract, _, _ in looks}))
    return Depth(day, books, np.array([half for _, half, _ in looks]), walked[:, 0], walked[:, 1])
