"""The declared data set a back-test runs on: clean daily closes, and every day that was left out with its reason.

Sources and close hour are those of the converter, so that a back-test and a clearing cycle rest on the same closes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tasks import convert_history
from tasks.convert_chain import read_file
from tasks.convert_history import BARS_COIN, BARS_FILE, DAILY_FILE, DAILY_FROM, HISTORY_FROM
from tasks.model.arrays import Closes
from tasks.model.errors import DeliveryError, Finding, LeveeError

NAMES = ("daily",)
ANOTHER_CLOSE_HOUR = "ANOTHER_CLOSE_HOUR"  # the daily file closes at 24:00 then, BTC's on a failing venue besides
BEFORE_HISTORY = "BEFORE_HISTORY"  # a thin early market
NO_TRADE = "NO_TRADE"  # a bar its publisher filled
NO_PRICE = "NO_PRICE"  # a close that is no price
NOT_IN_SOURCE = "NOT_IN_SOURCE"  # a hole of the source

_ROWS = pl.Schema({"coin": pl.String, "date": pl.Date, "close": pl.Float64})
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DailyHistory:
    """Closes by coin and day, and the days left out between a source's first and last.

    closes: coin, date, close (USD, > 0). excluded: the same and reason; close is what the source says, null where it
    says nothing.
    """

    coins: tuple[str, ...]
    closes: pl.DataFrame
    excluded: pl.DataFrame

    @property
    def span(self) -> tuple[date, date]:
        """First and last day of any coin."""
        return _span(self.closes)

    def digest(self, coins: Iterable[str], last: date) -> str:
        """sha256 over the closes of coins in key order, up to a day: what a figure of that day can depend on."""
        known = self.closes.filter(pl.col("coin").is_in(list(coins)), pl.col("date") <= last)
        lines = (f"{coin},{day.isoformat()},{close!r}\n" for coin, day, close in known.iter_rows())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def exclusions(self) -> pl.DataFrame:
        """coin, reason, first, last, days: one row for every unbroken run of days left out for one reason."""
        key = ["coin", "reason"]
        runs = self.excluded.sort(*key, "date").with_columns(
            run=(pl.col("date").diff().over(key) != _ONE_DAY).fill_null(value=False).cum_sum().over(key)
        )
        found = runs.group_by(*key, "run").agg(
            first=pl.col("date").min(), last=pl.col("date").max(), days=pl.len().cast(pl.Int64)
        )
        return found.drop("run").sort("coin", "first", "reason")


def joint(closes: pl.DataFrame) -> Closes:
    """Closes (coin, date, close) on one calendar from the first to the last of any coin; a missing close is NaN."""
    coins = tuple(sorted(closes["coin"].unique()))
    first, last = (np.datetime64(day, "D") for day in _span(closes))
    dates = np.arange(first, last + 1)
    close = np.full((len(coins), len(dates)), np.nan)
    column = closes["date"].to_numpy().astype("datetime64[D]") - first
    row = np.searchsorted(coins, closes["coin"].to_list())
    close[row, column.astype(np.int64)] = closes["close"].to_numpy()
    return Closes(coins, dates, close)


def history_of(folder: Path, coins: Iterable[str], besides: Iterable[str] = (), until: date = date.max) -> DailyHistory:
    """Clean daily closes of coins, and of those `besides` that the source has, before a day.

    Raises LeveeError UNKNOWN_ID for a coin that the daily file does not hold, DeliveryError WAITING where the folder or
    a file is not there or a coin has no clean close by then, SCHEMA_DRIFT for a file of another form.
    """
    _require_folder(folder)
    known = set(read_file(folder, DAILY_FILE, ("coin", "date", "close"))["coin"])
    _require_known(set(coins), known)
    wanted = tuple(sorted(set(coins) | (set(besides) & known)))
    sources = [convert_history.daily(folder, until, wanted)]
    if BARS_COIN in wanted:
        sources.append(convert_history.bars(folder, until))
    offered = pl.concat(sources).rename({"day": "date"}).sort("coin", "date")
    is_price = pl.col("close").is_not_null() & pl.col("close").is_finite() & (pl.col("close") > 0)
    closes = offered.filter(is_price).select(_ROWS.keys()).cast(_ROWS)
    _require_closes(wanted, closes, until)
    refused = offered.filter(~is_price).with_columns(
        reason=pl.when(pl.col("source") == "BARS").then(pl.lit(NO_TRADE)).otherwise(pl.lit(NO_PRICE))
    )
    excluded = [
        refused.select(*_ROWS, "reason"),
        _holes(offered),
        _before_the_close_hour(folder, wanted, until),
        _before_history(folder, wanted, until),
    ]
    return DailyHistory(wanted, closes, pl.concat(excluded).sort("coin", "date", "reason"))


def _span(closes: pl.DataFrame) -> tuple[date, date]:
    first, last = closes["date"].min(), closes["date"].max()
    assert isinstance(first, date) and isinstance(last, date), "history_of raises where a coin has no close"
    return first, last


def _holes(offered: pl.DataFrame) -> pl.DataFrame:
    """Days between a coin's first and last that no source has a row for."""
    span = offered.group_by("coin").agg(first=pl.col("date").min(), last=pl.col("date").max())
    days = span.select("coin", pl.date_ranges("first", "last").alias("date")).explode("date")
    missing = days.join(offered, on=["coin", "date"], how="anti")
    return missing.select("coin", "date", pl.lit(None, pl.Float64).alias("close"), reason=pl.lit(NOT_IN_SOURCE))


def _before_the_close_hour(folder: Path, coins: tuple[str, ...], until: date) -> pl.DataFrame:
    """Rows of the daily file from before it closed at the declared hour."""
    rows = convert_history.daily(folder, min(until, DAILY_FROM), coins, since=date.min)
    return rows.select("coin", pl.col("day").alias("date"), "close", reason=pl.lit(ANOTHER_CLOSE_HOUR))


def _before_history(folder: Path, coins: tuple[str, ...], until: date) -> pl.DataFrame:
    """Days of the bars before the history begins."""
    if BARS_COIN not in coins:
        return pl.DataFrame(schema={**_ROWS, "reason": pl.String})
    day = pl.col("ts_utc").dt.date()
    rows = read_file(folder, BARS_FILE, ("ts_utc", "close")).filter(day < min(HISTORY_FROM, until))
    last_bars = rows.group_by(day.alias("date")).agg(pl.col("close").sort_by("ts_utc").last())
    return last_bars.select(pl.lit(BARS_COIN).alias("coin"), "date", "close", reason=pl.lit(BEFORE_HISTORY))


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DeliveryError(
            Finding(
                "WAITING",
                "there is no folder of market data",
                where=str(folder),
                action="set LEVEE_MARKET_DATA_DIR to the folder that holds it",
            )
        )


def _require_known(coins: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(coins) - set(known))
    if unknown or not coins:
        raise LeveeError(
            Finding(
                "UNKNOWN_ID",
                "the daily history does not hold this coin" if unknown else "no coin is asked for",
                where=DAILY_FILE,
                value=", ".join(unknown),
                limit=", ".join(sorted(known)),
                action="name coins of the history: --coins BTC,ETH",
            )
        )


def _require_closes(coins: tuple[str, ...], closes: pl.DataFrame, until: date) -> None:
    without = [coin for coin in coins if coin not in closes["coin"]]
    if without:
        raise DeliveryError(
            Finding(
                "WAITING",
                "a coin has no clean close by then",
                where=", ".join(without),
                value=f"before {until.isoformat()}",
                action="leave it out, or ask for later days",
            )
        )
