"""Order books rebuilt by hand, message by message, and the real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import convert_l2
from tasks.home import Home
from tasks.model.errors import DeliveryError

DAY = date(2021, 7, 22)
START = datetime(2021, 7, 22, 10, tzinfo=UTC)
Rows = list[dict[str, Any]]
Delivered = Callable[[str, date], pl.DataFrame]
SCHEMA: dict[str, Any] = {
    "venue": pl.String,
    "symbol": pl.String,
    "recv_ts": pl.Datetime("us", "UTC"),
    "msg_type": pl.String,
    "seq_first": pl.Int64,
    "seq_last": pl.Int64,
    "prev_seq": pl.Int64,
    "side": pl.String,
    "price": pl.Float64,
    "size": pl.Float64,
}


def message(
    kind: str,
    second: int,
    side: str,
    price: float,
    size: float,
    numbers: tuple[Any, Any, Any] = (None, None, None),
    venue: str = "binance_coinm",
    symbol: str = "BTCUSD_211231",
) -> dict[str, Any]:
    first, last, before = numbers
    return {
        "venue": venue,
        "symbol": symbol,
        "recv_ts": START + timedelta(seconds=second),
        "msg_type": kind,
        "seq_first": first,
        "seq_last": last,
        "prev_seq": before,
        "side": side,
        "price": price,
        "size": size,
    }


def numbered() -> Rows:
    """Snapshot 100 of two levels a side; differences 90..95 and 96..101 came before it by the clock."""
    at = (100, 100, None)
    return [
        message("update", 1, "bid", 32000.0, 999.0, (90, 95, 89)),
        message("update", 2, "ask", 32102.0, 4.0, (96, 101, 95)),
        *(
            message("snapshot", 3, side, price, size, at)
            for side, price, size in (
                ("bid", 32000.0, 5.0),
                ("bid", 31990.0, 7.0),
                ("ask", 32101.0, 2.0),
                ("ask", 32103.0, 3.0),
            )
        ),
        message("update", 4, "bid", 32000.0, 0.0, (102, 104, 101)),
        message("update", 5, "bid", 32010.0, 1.5, (105, 105, 104)),
    ]


def convert(tmp_path: Path, home: Home, rows: Rows) -> convert_l2.BookReport:
    pl.DataFrame(rows, schema=SCHEMA).write_parquet(tmp_path / "l2_order_books.parquet")
    return convert_l2.l2_book(home, DAY, tmp_path)


def levels(delivered: Delivered) -> list[tuple[Any, ...]]:
    rows = delivered("book_depth", DAY).select("contract_id", "side", "level", "price", "size", "size_unit")
    return [(*row[:2], int(row[2]), Decimal(row[3]), Decimal(row[4]), row[5]) for row in rows.iter_rows()]


def test_a_numbered_book_takes_what_the_snapshot_does_not_hold(
    tmp_path: Path, home: Home, delivered: Delivered
) -> None:
    report = convert(tmp_path, home, numbered())
    name = "BTC-20211231.INV"
    assert levels(delivered) == [
        (name, "ASK", 1, 32101, 200, "QUOTE"),
        (name, "ASK", 2, 32102, 400, "QUOTE"),
        (name, "ASK", 3, 32103, 300, "QUOTE"),
        (name, "BID", 1, 32010, 150, "QUOTE"),
        (name, "BID", 2, 31990, 700, "QUOTE"),
    ]
    assert set(delivered("book_depth", DAY)["obs_ts"]) == {"2021-07-22T10:00:05Z"}
    assert (dict(report.discarded), report.books) == ({"BEFORE_SNAPSHOT": 1}, {name: 5})


def test_a_missing_message_makes_the_book_unusable(tmp_path: Path, home: Home, delivered: Delivered) -> None:
    rows = [row for row in numbered() if row["seq_last"] != 104]
    report = convert(tmp_path, home, rows)
    assert report.unusable == {"NO_SNAPSHOT_OR_GAP": ["binance_coinm BTCUSD_211231"]}
    assert levels(delivered) == []


def test_without_numbers_the_order_of_arrival_decides(tmp_path: Path, home: Home, delivered: Delivered) -> None:
    on: dict[str, Any] = {"venue": "bitmex", "symbol": "XBTUSD"}
    rows = [
        message("update", 1, "bid", 32000.0, 900.0, **on),
        message("snapshot", 2, "bid", 32000.0, 100.0, **on),
        message("snapshot", 2, "ask", 32001.0, 300.0, **on),
        message("insert", 3, "bid", 31999.5, 50.0, **on),
        message("update", 4, "bid", 32000.0, 70.0, **on),
        message("delete", 5, "bid", 31999.5, 0.0, **on),
    ]
    convert(tmp_path, home, rows)
    assert levels(delivered) == [
        ("BTC-PERP.INV", "ASK", 1, 32001, 300, "QUOTE"),
        ("BTC-PERP.INV", "BID", 1, 32000, 70, "QUOTE"),
    ]


@pytest.mark.parametrize(
    ("venue", "symbol", "expected"),
    [
        ("binance_coinm", "BTCUSD_211231", ("BTC-20211231.INV", "QUOTE", 100)),
        ("binance_coinm", "LINKUSD_PERP", ("LINK-PERP.INV", "QUOTE", 10)),
        ("bitmex", "XBTUSD", ("BTC-PERP.INV", "QUOTE", 1)),
        ("deribit", "ETH-23JUL21-2300-C", ("ETH-20210723-2300-C.INV", "COIN", 1)),
        ("bitmex", "BCHUSD", None),
        ("deribit", "BTC-PERPETUAL", None),
        ("elsewhere", "XBTUSD", None),
    ],
)
def test_symbols(venue: str, symbol: str, expected: tuple[str, str, int] | None) -> None:
    found = convert_l2.instrument_of(venue, symbol)
    assert (found and (found.contract_id, found.size_unit, int(found.per_size))) == expected


def test_what_cannot_be_used_is_counted_and_named(tmp_path: Path, home: Home, delivered: Delivered) -> None:
    on: dict[str, Any] = {"venue": "deribit"}
    rows = [
        message("snapshot", 1, "bid", 0.2, 1.0, (1, 1, None), symbol="BTC-30JUL21-24000-P", **on),
        message("snapshot", 1, "ask", 0.1, 1.0, (1, 1, None), symbol="BTC-30JUL21-24000-P", **on),
        message("snapshot", 1, "ask", 0.1, 1.0, (1, 1, None), symbol="ETH-23JUL21-2300-C", **on),
        message("snapshot", 1, "ask", -0.3, 1.0, (1, 1, None), symbol="ETH-23JUL21-2300-C", **on),
        message("partial", 1, "ask", 0.3, 1.0, (1, 1, None), symbol="ETH-23JUL21-2300-C", **on),
        message("snapshot", 1, "ASK", 0.3, 1.0, (1, 1, None), symbol="ETH-23JUL21-2300-C", **on),
        message("update", 1, "ask", 0.1, 1.0, (2, 2, 1), symbol="BTC-30JUL21-26000-P", **on),
        message("snapshot", 1, "ask", 500.0, 1.0, venue="bitmex", symbol="BCHUSD"),
    ]
    report = convert(tmp_path, home, rows)
    assert report.unusable == {
        "CROSSED": ["deribit BTC-30JUL21-24000-P"],
        "NO_SNAPSHOT_OR_GAP": ["deribit BTC-30JUL21-26000-P"],
        "UNKNOWN_SYMBOL_OR_SIZE": ["bitmex BCHUSD"],
    }
    assert report.noted == {"BAD_ROWS": ["deribit ETH-23JUL21-2300-C"], "NO_BID": ["deribit ETH-23JUL21-2300-C"]}
    assert dict(report.discarded) == {"BAD_ROWS": 3, "NO_SNAPSHOT": 1, "UNKNOWN_SYMBOL_OR_SIZE": 1}
    assert levels(delivered) == [("ETH-20210723-2300-C.INV", "ASK", 1, Decimal("0.1"), 1, "COIN")]
    assert "CROSSED 1: deribit BTC-30JUL21-24000-P" in report.text()


def test_a_day_without_books_names_the_days_there_are(tmp_path: Path, home: Home) -> None:
    pl.DataFrame(numbered(), schema=SCHEMA).write_parquet(tmp_path / "l2_order_books.parquet")
    with pytest.raises(DeliveryError) as raised:
        convert_l2.l2_book(home, date(2021, 7, 23), tmp_path)
    finding = raised.value.findings[0]
    assert (finding.code, finding.limit) == ("WAITING", "2021-07-22")


@pytest.mark.market_data
def test_the_real_books(market_data: Path, home: Home, delivered: Delivered) -> None:
    report = convert_l2.l2_book(home, DAY, market_data)
    assert len(report.books) == 14
    assert set(report.unusable) == {"UNKNOWN_SYMBOL_OR_SIZE"}
    assert report.noted == {"NO_BID": ["deribit ETH-23JUL21-2300-C"]}
    frame = delivered("book_depth", DAY)
    best: dict[tuple[str, str], Decimal] = {}
    for name, side, price in frame.filter(pl.col("level") == "1").select("contract_id", "side", "price").iter_rows():
        best[name, side] = Decimal(price)
    for name in set(report.books) - {"ETH-20210723-2300-C.INV"}:
        assert best[name, "BID"] < best[name, "ASK"]
    for name in ("BTC-PERP.INV", "BTC-20211231.INV"):
        assert best[name, "ASK"] / best[name, "BID"] < Decimal("1.002")
    assert Counter(frame["contract_id"]) == report.books
