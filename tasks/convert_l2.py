"""Level-two order books of a day, rebuilt from snapshot and differences: `levee convert l2-book`.

A book is its last snapshot with the differences that follow it. Where a venue numbers its messages they are applied by
number: what the snapshot already holds is discarded, a missing one makes the book unusable. Where it does not, the
order of arrival decides. Sizes are told in USD of inverse contracts and coins of options, whatever the venue counts in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from tasks import convert_venue, envelope, schema
from tasks.convert_chain import Remarks, read_file
from tasks.convert_market import decimal
from tasks.home import Home, write_atomically
from tasks.model.errors import DeliveryError, Finding

CYCLE, SENDER, ORIGIN = "EOD", "HOUSE", "REAL"
BOOKS_FILE = "l2_order_books"
SIZE_UNIT = Decimal(1).scaleb(-8)
SNAPSHOT, DIFFERENCES = "snapshot", ("update", "insert", "delete")
_TIME = pl.Datetime("us", "UTC")
_COLUMNS: dict[str, Any] = {
    "venue": pl.String,
    "symbol": pl.String,
    "recv_ts": _TIME,
    "msg_type": pl.String,
    "seq_first": pl.Int64,
    "seq_last": pl.Int64,
    "prev_seq": pl.Int64,
    "side": pl.String,
    "price": pl.Float64,
    "size": pl.Float64,
}
_SIDES = {"bid": "BID", "ask": "ASK"}
_COIN_MARGINED = re.compile(r"([A-Z0-9]{2,10})USD_(PERP|(\d{2})(\d{2})(\d{2}))")
# USD of one coin-margined contract.
_CONTRACT_USD = {"BTC": Decimal(100)}
_OTHER_CONTRACT_USD = Decimal(10)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Instrument:
    """What a venue's symbol is here: contract, unit of the sizes we tell, and how many of it one venue size is."""

    contract_id: str
    size_unit: str
    per_size: Decimal


@dataclass
class Book:
    """Size by price and side; `seen` is when the last message that counts arrived."""

    seen: datetime
    levels: dict[str, dict[float, float]] = field(default_factory=lambda: {"BID": {}, "ASK": {}})

    def put(self, row: Row) -> None:
        """Set a level, or take it away where its size is zero."""
        side = self.levels[_SIDES[row["side"]]]
        if row["size"] > 0 and row["msg_type"] != "delete":
            side[row["price"]] = row["size"]
        else:
            side.pop(row["price"], None)
        self.seen = row["recv_ts"]


@dataclass(frozen=True)
class BookReport:
    """What became of the books: names by reason of those unusable, rows by reason of those left out."""

    business_date: date
    path: Path
    rows_read: int
    books: Mapping[str, int]
    unusable: Mapping[str, Sequence[str]]
    noted: Mapping[str, Sequence[str]]
    discarded: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "business_date": self.business_date.isoformat(),
            "path": str(self.path),
            "rows_read": self.rows_read,
            "books": dict(self.books),
            "unusable": {key: list(names) for key, names in sorted(self.unusable.items())},
            "noted": {key: list(names) for key, names in sorted(self.noted.items())},
            "discarded_rows": dict(sorted(self.discarded.items())),
        }

    def text(self) -> str:
        """For a person."""
        named = {
            **{f"unusable: {key}": names for key, names in sorted(self.unusable.items())},
            **{f"noted: {key}": names for key, names in sorted(self.noted.items())},
        }
        levels = sum(self.books.values())
        return "\n".join(
            [
                f"{self.business_date}: {self.rows_read} rows, {len(self.books)} books of {levels} levels",
                *(f"{reason} {len(names)}: {', '.join(names)}" for reason, names in named.items()),
                *(f"rows discarded: {reason} {count}" for reason, count in sorted(self.discarded.items())),
                f"written to {self.path}",
            ]
        )


def l2_book(home: Home, business_date: date, market_data: Path) -> BookReport:
    """Write the last books of a UTC day as the dataset book_depth into the inbox of a prepared home.

    Raises DeliveryError WAITING naming the file or days there are, SCHEMA_DRIFT for a file of another form.
    """
    rows = messages_of(market_data, business_date)
    remarks, discarded = Remarks(), defaultdict[str, int](int)
    records: list[tuple[Any, ...]] = []
    books: dict[str, int] = {}
    seen: list[datetime] = []
    for (venue, symbol), messages in rows.group_by("venue", "symbol", maintain_order=True):
        made = _usable_book(str(venue), str(symbol), list(messages.iter_rows(named=True)), remarks, discarded)
        if made:
            instrument, book = made
            levels = list(depth_rows(instrument, book))
            records += levels
            books[instrument.contract_id] = len(levels)
            seen.append(book.seen)
    path = home.inbox / business_date.isoformat() / CYCLE / envelope.file_name("book_depth")
    as_of = max(seen or rows["recv_ts"].to_list())
    write_atomically(
        path,
        envelope.write_csv(
            "book_depth",
            business_date,
            CYCLE,
            1,
            SENDER,
            as_of,
            as_of,
            home.environment,
            ORIGIN,
            schema.dataset("book_depth").names,
            sorted(records, key=itemgetter(0, 1, 2, 3)),
        ),
    )
    return BookReport(business_date, path, rows.height, books, remarks.unusable, remarks.noted, discarded)


def messages_of(folder: Path, business_date: date) -> pl.DataFrame:
    """Rows of a UTC day in the order of arrival."""
    frame = read_file(folder, BOOKS_FILE, _COLUMNS).select(
        pl.col(name).cast(kind, strict=False) for name, kind in _COLUMNS.items()
    )
    day = frame.filter(pl.col("recv_ts").dt.date() == business_date)
    if day.is_empty():
        days = ", ".join(map(str, frame["recv_ts"].dt.date().drop_nulls().unique().sort()))
        raise DeliveryError(
            Finding(
                "WAITING",
                "no order books of this day",
                where=f"{folder}/{BOOKS_FILE}.parquet",
                value=business_date.isoformat(),
                limit=days or "no day",
                action="choose one of these days",
            )
        )
    return day.sort("venue", "symbol", "recv_ts", maintain_order=True)


def instrument_of(venue: str, symbol: str) -> Instrument | None:
    """The contract of a venue's symbol; None where its form, or what a size of it means, is not known."""
    if venue == "bitmex" and symbol == "XBTUSD":
        return Instrument(convert_venue.perpetual_id("BTC"), "QUOTE", Decimal(1))
    if venue == "binance_coinm" and (found := _COIN_MARGINED.fullmatch(symbol)):
        coin, what, *expiry = found.groups()
        expires = "PERP" if what == "PERP" else f"20{''.join(expiry)}"
        return Instrument(f"{coin}-{expires}.INV", "QUOTE", _CONTRACT_USD.get(coin, _OTHER_CONTRACT_USD))
    option = convert_venue.parse_option(symbol) if venue == "deribit" else None
    return Instrument(option.contract_id, "COIN", Decimal(1)) if option else None


def rebuilt(messages: Sequence[Row], discarded: dict[str, int]) -> Book | None:
    """The book after the last message; None without a snapshot, or where a numbered message is missing."""
    snapshots = [row for row in messages if row["msg_type"] == SNAPSHOT]
    if not snapshots:
        discarded["NO_SNAPSHOT"] += len(messages)
        return None
    last = snapshots[-1]
    held = [row for row in snapshots if (row["recv_ts"], row["seq_last"]) == (last["recv_ts"], last["seq_last"])]
    if older := len(snapshots) - len(held):
        discarded["OLDER_SNAPSHOT"] += older
    book = Book(last["recv_ts"])
    for row in held:
        book.put(row)
    differences = [row for row in messages if row["msg_type"] in DIFFERENCES]
    numbered = last["seq_last"] is not None
    following = [row for row in differences if _follows(row, last, numbered)]
    if before := len(differences) - len(following):
        discarded["BEFORE_SNAPSHOT"] += before
    if numbered:
        following.sort(key=lambda row: row["seq_last"])
        if _has_gap(following, last["seq_last"]):
            return None
    for row in following:
        book.put(row)
    return book


def depth_rows(instrument: Instrument, book: Book) -> Iterator[tuple[Any, ...]]:
    """Records of the dataset book_depth, best level first."""
    for side, sign in (("ASK", 1), ("BID", -1)):
        ordered = sorted(book.levels[side].items(), key=lambda level: sign * level[0])
        for level, (price, size) in enumerate(ordered, 1):
            told = (decimal(size, SIZE_UNIT) or Decimal(0)) * instrument.per_size
            row = {
                "contract_id": instrument.contract_id,
                "obs_ts": book.seen,
                "side": side,
                "level": level,
                "price": decimal(price),
                "size": told,
                "size_unit": instrument.size_unit,
            }
            yield tuple(row.get(name) for name in schema.dataset("book_depth").names)


def _usable_book(
    venue: str, symbol: str, messages: list[Row], remarks: Remarks, discarded: dict[str, int]
) -> tuple[Instrument, Book] | None:
    """Instrument and book, or a remark that names the symbol and why it has none."""
    name, instrument = f"{venue} {symbol}", instrument_of(venue, symbol)
    if instrument is None:
        remarks.unusable["UNKNOWN_SYMBOL_OR_SIZE"].append(name)
        discarded["UNKNOWN_SYMBOL_OR_SIZE"] += len(messages)
        return None
    good = [row for row in messages if is_sound(row)]
    if len(good) < len(messages):
        remarks.noted["BAD_ROWS"].append(name)
        discarded["BAD_ROWS"] += len(messages) - len(good)
    book = rebuilt(good, discarded)
    if book is None:
        remarks.unusable["NO_SNAPSHOT_OR_GAP"].append(name)
        return None
    bids, asks = book.levels["BID"], book.levels["ASK"]
    if bids and asks and max(bids) >= min(asks):
        remarks.unusable["CROSSED"].append(name)
        return None
    for reason, side in (("NO_BID", bids), ("NO_ASK", asks)):
        if not side:
            remarks.noted[reason].append(name)
    return instrument, book


def is_sound(row: Row) -> bool:
    """Whether a row is of a known kind and side, at a price above zero, with a size that is not negative."""
    price, size = row["price"], row["size"]
    return (
        row["msg_type"] in (SNAPSHOT, *DIFFERENCES)
        and row["side"] in _SIDES
        and price is not None
        and 0.0 < price < float("inf")
        and size is not None
        and 0.0 <= size < float("inf")
    )


def _follows(row: Row, snapshot: Row, numbered: bool) -> bool:
    """Whether a difference came after the snapshot: by number where there are numbers, else by arrival."""
    if numbered:
        return row["seq_last"] is not None and row["seq_last"] >= snapshot["seq_last"]
    return bool(row["recv_ts"] >= snapshot["recv_ts"])


def _has_gap(following: Iterable[Row], number: int) -> bool:
    """Whether a message names a predecessor later than the one applied before it."""
    for row in following:
        if row["prev_seq"] is not None and row["prev_seq"] > number:
            return True
        number = row["seq_last"]
    return False
