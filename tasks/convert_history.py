"""Clean daily closes in USD at one declared hour, and the last known price of a stablecoin.

The declared close is 22:00 UTC. BTC takes Bitstamp's two-hour bars to the end of 2017 (the daily file carries a failing
venue then, and closes at 24:00), the daily file from 2018, and the index of the snapshots (21:16 to 21:30 UTC) from
their first day. ETH begins with the daily file of 2018. A day without a close is left out, never filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from tasks import convert_venue
from tasks.convert_chain import Remarks, read_file
from tasks.convert_market import Price, decimal

CLOSE_HOUR = 22
BARS_FILE, BAR_HOURS, BARS_COIN = "btc_usd_bitstamp_2h", 2, "BTC"
DAILY_FILE, DAILY_FROM = "daily_ohlc_usd", date(2018, 1, 1)
HISTORY_FROM = date(2013, 1, 1)
STABLECOINS = ("USDC", "USDT")

Closes = dict[tuple[str, date], float]


@dataclass(frozen=True)
class History:
    """Closes by (coin, day), and what was left out of the sources."""

    closes: Closes
    remarks: Remarks

    def rows(self) -> list[dict[str, Any]]:
        """Records of the dataset history, by coin and day."""
        return [
            {"underlying": coin, "date": day, "close": decimal(close)}
            for (coin, day), close in sorted(self.closes.items())
        ]


def history_of(folder: Path, options: pl.DataFrame, business_date: date) -> History:
    """Closes of every coin up to business_date. Nothing stamped later than the snapshot of that day is read."""
    remarks = Remarks()
    closes: Closes = {}
    _add(closes, remarks, bars(folder, business_date))
    _add(closes, remarks, daily(folder, business_date, tuple(convert_venue.SIZES)))
    _add(closes, remarks, _snapshots(options))
    return History(closes, remarks)


def stablecoin_price(folder: Path, coin: str, business_date: date) -> Price | None:
    """Last daily close before business_date, however old: it was not observed today, so no time of it is told."""
    closes = daily(folder, business_date, (coin,), since=date.min).drop_nulls().filter(pl.col("close") > 0).sort("day")
    if closes.is_empty():
        return None
    day, price = closes.select("day", "close").row(-1)
    return Price(decimal(price), None, DAILY_FILE, f"LAST_KNOWN_CLOSE {day}", "PROXY")


def _add(closes: Closes, remarks: Remarks, found: pl.DataFrame) -> None:
    """Take over the closes of a source; a later source is preferred for a day both have."""
    for coin, day, close, source in found.iter_rows():
        usable = close is not None and 0 < close < float("inf")
        if usable:
            closes[coin, day] = close
        else:
            remarks.noted[f"NO_CLOSE_IN_{source}"].append(f"{coin} {day}")


def bars(folder: Path, business_date: date) -> pl.DataFrame:
    """Closes of the bars that end at the close hour; a bar without volume was filled by its publisher: no close."""
    frame = read_file(folder, BARS_FILE, ("ts_utc", "close", "volume"))
    day = pl.col("ts_utc").dt.date()
    return frame.filter(
        pl.col("ts_utc").dt.hour() == CLOSE_HOUR - BAR_HOURS,
        day >= HISTORY_FROM,
        day < min(DAILY_FROM, business_date),
    ).select(
        pl.lit(BARS_COIN).alias("coin"),
        day.alias("day"),
        pl.when(pl.col("volume") > 0).then(pl.col("close")).alias("close"),
        pl.lit("BARS").alias("source"),
    )


def daily(folder: Path, business_date: date, coins: tuple[str, ...], since: date = DAILY_FROM) -> pl.DataFrame:
    """Closes of coins in the daily file from a day on and before business_date."""
    frame = read_file(folder, DAILY_FILE, ("coin", "date", "close"))
    return (
        frame.filter(pl.col("coin").is_in(coins), pl.col("date") >= since, pl.col("date") < business_date)
        .select("coin", pl.col("date").alias("day"), "close", pl.lit("DAILY").alias("source"))
        .sort("coin", "day")
    )


def _snapshots(options: pl.DataFrame) -> pl.DataFrame:
    """Median index of each day's snapshot."""
    return (
        options.filter(pl.col("currency").is_in(list(convert_venue.SIZES)), pl.col("index_price") > 0)
        .filter(pl.col("index_price").is_finite())
        .group_by("currency", "day")
        .agg(pl.col("index_price").median().alias("close"))
        .select(pl.col("currency").alias("coin"), "day", "close", pl.lit("SNAPSHOTS").alias("source"))
        .sort("coin", "day")
    )


def gaps(closes: Mapping[tuple[str, date], Any]) -> list[str]:
    """Runs of days without a close, by coin, as text."""
    found = []
    for coin in sorted({coin for coin, _ in closes}):
        days = sorted(day for each, day in closes if each == coin)
        for last, following in pairwise(days):
            if following - last > timedelta(days=1):
                found.append(f"{coin} {last + timedelta(days=1)}..{following - timedelta(days=1)}")
    return found
