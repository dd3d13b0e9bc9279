"""What the market data have beside daily closes: closes by the hour, levels of implied volatility, forwards.

Volatility and forwards are read at fixed tenors off the last snapshot of each day. A vol index and the smiles of a
crash stand for earlier days. What is left out, and why: docs/convert.md (clean history).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tasks import convert_venue
from tasks.convert_chain import Remarks, read_file
from tasks.convert_history import BAR_HOURS, BARS_COIN, BARS_FILE, CLOSE_HOUR, HISTORY_FROM, Closes
from tasks.convert_market import candles, decimal, price_of_candle
from tasks.model.arrays import Floats
from tasks.model.market import constant_tenor

INDEX_FILE, INDEX_TENOR_DAYS = "dvol_btc_daily_close", 30
SMILES_FILE, SMILES_COIN = "btc_iv_smile_crash_dates", "BTC"
TENORS_DAYS = (7, 14, 30, 90, 180)
_PER_CENT = Decimal(100)
_TENORS = np.array(TENORS_DAYS, dtype=np.float64)
_DAY_SECONDS = 86_400.0

Place = tuple[str, str, date]
Levels = dict[Place, Decimal]


@dataclass(frozen=True)
class FactorHistory:
    """Levels by (coin, series, day), and what was left out of the sources."""

    levels: Levels
    remarks: Remarks

    def rows(self) -> list[dict[str, Any]]:
        """Records of the dataset factor_history, by coin, series and day."""
        return [
            {"underlying": coin, "series": series, "date": day, "level": level}
            for (coin, series, day), level in sorted(self.levels.items())
        ]


def factors_of(folder: Path, options: pl.DataFrame, closes: Closes, business_date: date) -> FactorHistory:
    """Series of every coin up to business_date. Nothing stamped later than the snapshot of that day is read.

    options: as `convert_chain.options_until`; closes: the daily ones. A vol index, smiles or candles that are not
    there give nothing.
    """
    remarks = Remarks()
    levels: Levels = {}
    levels |= _hours(folder, business_date, remarks)
    levels |= _smiles(folder, business_date, remarks)
    levels |= _index(folder, business_date)
    usable = options.filter(pl.col("currency").is_in(list(convert_venue.SIZES)))
    levels |= _volatilities(usable)
    levels |= _forwards(usable, closes)
    levels |= _perpetuals(folder, usable)
    return FactorHistory(levels, remarks)


def _hours(folder: Path, business_date: date, remarks: Remarks) -> Levels:
    """Closes of the bars by the hour they end at; the hour of the daily close has a series of its own: the closes.

    A bar without volume was filled by its publisher: no close.
    """
    frame = read_file(folder, BARS_FILE, ("ts_utc", "close", "volume")).with_columns(
        (pl.col("ts_utc") + pl.duration(hours=BAR_HOURS)).alias("ends")
    )
    ended = frame.filter(
        pl.col("ends").dt.date() >= HISTORY_FROM,
        pl.col("ends").dt.date() < business_date,
        pl.col("ends").dt.hour() != CLOSE_HOUR,
    )
    traded = (pl.col("volume") > 0) & (pl.col("close") > 0) & pl.col("close").is_finite()
    quiet = ended.filter(~traded.fill_null(False))["ends"]
    if len(quiet):
        remarks.noted["NO_TRADE_IN_BARS"] += [f"{BARS_COIN} {end:%Y-%m-%d %H:%M}" for end in quiet]
    return {
        (BARS_COIN, f"H{end.hour:02d}", end.date()): _level(close)
        for end, close in ended.filter(traded).select("ends", "close").iter_rows()
    }


def _index(folder: Path, business_date: date) -> Levels:
    """The vol index, delivered in per cent, of 30 days."""
    if not (folder / f"{INDEX_FILE}.parquet").is_file():
        return {}
    frame = read_file(folder, INDEX_FILE, ("date", "currency", "dvol_close")).filter(
        pl.col("date") < business_date, pl.col("dvol_close") > 0, pl.col("dvol_close").is_finite()
    )
    return {
        (coin, f"IV{INDEX_TENOR_DAYS}", day): _level(close) / _PER_CENT
        for day, coin, close in frame.select("date", "currency", "dvol_close").iter_rows()
    }


def _smiles(folder: Path, business_date: date, remarks: Remarks) -> Levels:
    """At the money of spot, between the expiries there are; an expiry without volatilities is left out and named."""
    if not (folder / f"{SMILES_FILE}.parquet").is_file():
        return {}
    frame = read_file(folder, SMILES_FILE, ("date", "tenor_days", "moneyness_return", "implied_vol")).filter(
        pl.col("date") < business_date
    )
    known = frame.filter(pl.col("implied_vol") > 0, pl.col("implied_vol").is_finite())
    lost = frame.join(known, on=["date", "tenor_days"], how="anti").select("date", "tenor_days").unique().sort("date")
    remarks.noted["NO_SMILE"] += [f"{SMILES_COIN} {day} {days} days" for day, days in lost.iter_rows()]
    nearest = _at_the_money(
        known.select(
            pl.lit(SMILES_COIN).alias("currency"),
            pl.col("date").alias("day"),
            pl.col("tenor_days").cast(pl.Float64).alias("days"),
            pl.col("moneyness_return").log1p().alias("k"),
            pl.col("implied_vol").alias("volatility"),
        )
    )
    return _rounded(_at_tenors(nearest, "IV", constant_tenor.volatility_at))


def _volatilities(options: pl.DataFrame) -> Levels:
    """At the money of each expiry's own forward: out-of-the-money options alone, whose marks are all time value."""
    quoted = _quoted(options).filter(pl.col("implied_volatility") > 0, pl.col("implied_volatility").is_finite())
    call = pl.col("option_type").str.strip_chars().str.to_lowercase().str.starts_with("c")
    k = (pl.col("strike") / pl.col("underlying")).log()
    quotes = quoted.with_columns(k=k, volatility=pl.col("implied_volatility")).filter(call == (pl.col("k") >= 0))
    return _rounded(_at_tenors(_at_the_money(quotes), "IV", constant_tenor.volatility_at))


def _forwards(options: pl.DataFrame, closes: Closes) -> Levels:
    """Forwards in USD: ratio to the index row by row, because the index moves inside a file, times the day's close."""
    rows = _quoted(options).filter(pl.col("index_price") > 0, pl.col("index_price").is_finite())
    ratio = (pl.col("underlying") / pl.col("index_price")).log()
    basis = rows.with_columns(level=ratio).group_by("currency", "day", "days").agg(pl.col("level").median())
    return {
        (coin, series, day): _level(closes[coin, day] * math.exp(found))
        for (coin, series, day), found in _at_tenors(basis, "F", constant_tenor.log_basis_at)
    }


def _perpetuals(folder: Path, options: pl.DataFrame) -> Levels:
    """Opens of the minute candles that hold the snapshots: trades. Without a candle there is no level."""
    taken = dict(options.group_by("day").agg(pl.col("timestamp").first()).select("timestamp", "day").iter_rows())
    found: Levels = {}
    for row in candles(folder).filter(pl.col("obs_ts_utc").is_in(list(taken))).iter_rows(named=True):
        price = price_of_candle(row, row["obs_ts_utc"])
        if row["coin"] in convert_venue.SIZES and price and price.price:
            found[row["coin"], "PERP", taken[row["obs_ts_utc"]]] = price.price
    return found


def _quoted(options: pl.DataFrame) -> pl.DataFrame:
    """Options with a forward and a strike that expire after their snapshot, with the days until then."""
    seconds = (pl.col("expiry_datetime") - pl.col("timestamp")).dt.total_microseconds() / 1e6
    return options.with_columns(days=seconds / _DAY_SECONDS).filter(
        pl.col("days") > 0,
        *((pl.col(name) > 0) & pl.col(name).is_finite() for name in ("underlying", "strike")),
    )


def _at_the_money(quotes: pl.DataFrame) -> pl.DataFrame:
    """`level` of each currency, day and days (to expiry) whose quotes (k = ln(K / F), volatility) enclose the money."""
    place = ["currency", "day", "days"]
    below = quotes.filter(pl.col("k") < 0).sort(*place, "k").group_by(place, maintain_order=True).last()
    above = quotes.filter(pl.col("k") >= 0).sort(*place, "k").group_by(place, maintain_order=True).first()
    both = below.join(above, on=place, suffix="_above")
    sides = (both[name].to_numpy() for name in ("k", "volatility", "k_above", "volatility_above"))
    return both.select(*place, pl.Series("level", constant_tenor.at_the_money(*sides)))


def _at_tenors(
    levels: pl.DataFrame, prefix: str, read: Callable[[Floats, Floats, Floats], Floats]
) -> Iterator[tuple[Place, float]]:
    """Level of each coin, series and day at the tenors that lie between two of its expiries."""
    ordered = levels.sort("currency", "day", "days")
    for (coin, day), rows in ordered.group_by("currency", "day", maintain_order=True):
        found = read(rows["days"].to_numpy(), rows["level"].to_numpy(), _TENORS)
        for tenor, level in zip(TENORS_DAYS, found.tolist(), strict=True):
            if math.isfinite(level):
                yield (coin, f"{prefix}{tenor}", day), level


def _rounded(levels: Iterable[tuple[Place, float]]) -> Levels:
    return {place: _level(level) for place, level in levels}


def _level(value: float) -> Decimal:
    level = decimal(value)
    assert level is not None, "a level that is read is a number"
    return level
