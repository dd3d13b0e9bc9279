from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tasks import convert_chain, convert_history
from tasks.convert_history import History

SECOND = date(2026, 3, 10)


def history(folder: Path, day: date = SECOND) -> History:
    return convert_history.history_of(folder, convert_chain.options_until(folder, day), day)


def test_closes_of_each_source(market: Callable[..., Path]) -> None:
    found = history(market())
    assert found.closes == {
        # bars that begin at 20:00 end at the declared hour; the quiet one of the 30th is no close
        ("BTC", date(2017, 12, 29)): 12_920.0,
        ("BTC", date(2017, 12, 31)): 13_120.0,
        # the daily file from 2018, with its hole on the third; what it says of 2017 is not taken
        ("BTC", date(2018, 1, 1)): 1002.0,
        ("BTC", date(2018, 1, 2)): 1003.0,
        ("BTC", date(2018, 1, 4)): 1005.0,
        ("ETH", date(2018, 1, 1)): 1002.0,
        ("ETH", date(2018, 1, 2)): 1003.0,
        ("ETH", date(2018, 1, 4)): 1005.0,
        # the median index of each snapshot up to the day
        ("BTC", date(2026, 3, 9)): 90_000.0,
        ("BTC", date(2026, 3, 10)): 84_000.0,
        ("ETH", date(2026, 3, 9)): 3_000.0,
        ("ETH", date(2026, 3, 10)): 2_700.0,
    }
    assert dict(found.remarks.noted) == {"NO_CLOSE_IN_BARS": ["BTC 2017-12-30"]}


def test_holes_are_told(market: Callable[..., Path]) -> None:
    gaps = convert_history.gaps(history(market()).closes)
    assert gaps == [
        "BTC 2017-12-30..2017-12-30",
        "BTC 2018-01-03..2018-01-03",
        "BTC 2018-01-05..2026-03-08",
        "ETH 2018-01-03..2018-01-03",
        "ETH 2018-01-05..2026-03-08",
    ]


def test_a_close_that_is_no_price_is_a_hole(market: Callable[..., Path]) -> None:
    found = history(market(daily=lambda rows: rows[2].update(close=float("nan"))))
    assert ("BTC", date(2018, 1, 1)) not in found.closes
    assert found.remarks.noted["NO_CLOSE_IN_DAILY"] == ["BTC 2018-01-01"]


def test_a_daily_close_of_the_day_itself_is_later_than_the_snapshot(market: Callable[..., Path]) -> None:
    folder = market(daily=lambda rows: rows.append({"coin": "USDC", "date": SECOND, "close": 0.5}))
    price = convert_history.stablecoin_price(folder, "USDC", SECOND)
    assert price is not None
    assert (price.price, price.method, price.quality, price.obs_ts) == (
        Decimal("1.0002"),
        "LAST_KNOWN_CLOSE 2025-12-24",
        "PROXY",
        None,
    )


def test_a_stablecoin_without_closes_has_no_price(market: Callable[..., Path]) -> None:
    assert convert_history.stablecoin_price(market(), "DAI", SECOND) is None


@pytest.mark.market_data
def test_real_closes_at_the_declared_hour(market_data: Path) -> None:
    day = date(2026, 1, 29)
    closes = history(market_data, day).closes
    bars = pl.read_parquet(market_data / "btc_usd_bitstamp_2h.parquet")
    covid = bars.filter(pl.col("ts_utc").dt.strftime("%F %H") == "2017-12-22 20")["close"].item()
    assert closes["BTC", date(2017, 12, 22)] == covid
    assert min(each for coin, each in closes if coin == "BTC") == date(2013, 1, 1)
    assert min(each for coin, each in closes if coin == "ETH") == date(2018, 1, 1)
    assert max(each for _, each in closes) == day
    assert convert_history.gaps(closes) == [
        "BTC 2015-01-05..2015-01-08",
        *(
            f"{coin} {hole}"
            for coin in ("BTC", "ETH")
            for hole in ("2024-12-10..2025-01-26", "2025-10-18..2025-10-18", "2025-12-25..2025-12-29")
        ),
    ]


@pytest.mark.market_data
def test_the_daily_file_closes_nearest_to_the_declared_hour(market_data: Path) -> None:
    """The median distance between the daily close and the bar that ends at an hour is least at 22:00, from 2018 on."""
    bars = pl.read_parquet(market_data / "btc_usd_bitstamp_2h.parquet").with_columns(
        (pl.col("ts_utc").dt.hour().cast(pl.Int64) + 2).alias("ends"), pl.col("ts_utc").dt.date().alias("date")
    )
    daily = pl.read_parquet(market_data / "daily_ohlc_usd.parquet").filter(
        pl.col("coin") == "BTC", pl.col("date") >= date(2018, 1, 1)
    )
    joined = daily.select("date", pl.col("close").alias("daily")).join(bars, on="date")
    distance = {
        ends: joined.filter(pl.col("ends") == ends)
        .select((pl.col("daily") / pl.col("close")).log().abs().median())
        .item()
        for ends in range(2, 26, 2)
    }
    assert min(distance, key=lambda ends: distance[ends]) == convert_history.CLOSE_HOUR
    assert distance[22] < 0.002 < 0.004 < min(distance[20], distance[24])
