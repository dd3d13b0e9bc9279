"""Small daily histories in the form of the market data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

FIRST = date(2018, 1, 1)


def walk(days: int, seed: int, volatility: float = 0.04) -> list[float]:
    """Closes of a random walk."""
    draws = np.random.default_rng(seed).standard_normal(days) * volatility
    return [float(close) for close in 1000.0 * np.exp(np.cumsum(draws))]


@pytest.fixture
def history_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write daily closes by coin from 2018 on, and two-hour bars of BTC that close at 22:00 before that.

    `bars` are (day, close, volume) of the bar that begins at 20:00.
    """

    def write(
        closes: Mapping[str, Mapping[date, float | None]], bars: list[tuple[date, float, float]] | None = None
    ) -> Path:
        folder = tmp_path / "market-data"
        folder.mkdir(exist_ok=True)
        rows = [
            {"coin": coin, "date": day, "close": close} for coin, days in closes.items() for day, close in days.items()
        ]
        pl.DataFrame(rows, schema={"coin": pl.String, "date": pl.Date, "close": pl.Float64}).write_parquet(
            folder / "daily_ohlc_usd.parquet"
        )
        stamps = [
            {"ts_utc": datetime(day.year, day.month, day.day, 20, tzinfo=UTC), "close": close, "volume": volume}
            for day, close, volume in bars or [(date(2017, 12, 31), 900.0, 1.0)]
        ]
        pl.DataFrame(stamps).with_columns(pl.col("ts_utc").dt.replace_time_zone(None)).write_parquet(
            folder / "btc_usd_bitstamp_2h.parquet"
        )
        return folder

    return write


@pytest.fixture
def daily() -> Callable[..., dict[date, float]]:
    """Closes of a random walk by day from the first day of 2018 on."""

    def made(days: int, seed: int, volatility: float = 0.04) -> dict[date, float]:
        return {FIRST + timedelta(days=at): close for at, close in enumerate(walk(days, seed, volatility))}

    return made
