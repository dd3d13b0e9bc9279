"""A tiny market-data folder of the venue's form: three days, two coins, an expiry in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import inbox
from tasks.home import Home

FIRST, SECOND, THIRD = date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11)
INDEX = {
    FIRST: {"BTC": 90_000.0, "ETH": 3_000.0},
    SECOND: {"BTC": 84_000.0, "ETH": 2_700.0},
    THIRD: {"BTC": 86_000.0, "ETH": 2_750.0},
}
# Expiry as the venue writes it, its time, whether a future is listed.
EXPIRIES = (
    ("10MAR26", datetime(2026, 3, 10, 8, tzinfo=UTC), True),
    ("20MAR26", datetime(2026, 3, 20, 8, tzinfo=UTC), False),
    ("27MAR26", datetime(2026, 3, 27, 8, tzinfo=UTC), True),
)
STRIKES = {"BTC": (80_000.0, 90_000.0), "ETH": (2_500.0, 3_000.0)}

Row = dict[str, Any]
Change = Callable[[list[Row]], None]


def as_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 21, 20, 0, 250_000, tzinfo=UTC)


def option_rows(day: date) -> list[Row]:
    """A snapshot; numbers are plausible and no more."""
    rows = []
    for coin, strikes in STRIKES.items():
        spot = INDEX[day][coin]
        for label, expiry, listed in EXPIRIES:
            years = (expiry - as_of(day)).total_seconds() / 31_536_000
            if years <= 0:
                continue
            for at, strike in enumerate(strikes):
                for right in ("call", "put"):
                    forward = spot * (1.0 + 0.05 * years)
                    coins = max(1.0 - strike / forward if right == "call" else strike / forward - 1.0, 0.0)
                    rows.append(
                        {
                            "timestamp": as_of(day),
                            "instrument_name": f"{coin}-{label}-{strike:.0f}-{right[0].upper()}",
                            "underlying": forward,
                            "underlying_name": f"{'' if listed else 'SYN.'}{coin}-{label}",
                            "option_type": right,
                            "strike": strike,
                            "expiry_datetime": expiry,
                            "bid_price": round(coins + 0.009, 4),
                            "ask_price": round(coins + 0.011, 4),
                            "mark_price": round(coins + 0.01, 6),
                            "implied_volatility": 0.55 + 0.01 * at,
                            "delta": (0.6 - 0.2 * at) * (1 if right == "call" else -1),
                            "vega": 12.5,
                            "open_interest": (37.3 if coin == "BTC" else 911.0) + 10.0 * day.day * (1 + at),
                            "currency": coin,
                            "index_price": spot + (0.5 if right == "call" else -0.5),
                            "snapshot_id": f"{day:%Y%m%d}T212000Z",
                        }
                    )
    return rows


def candle_rows(day: date) -> list[Row]:
    """The candle of the snapshot and one that opened at 08:00, the time of expiry."""
    rows = []
    for coin, spot in INDEX[day].items():
        for seen in (as_of(day), as_of(day).replace(hour=8, minute=0, second=30, microsecond=0)):
            opened = seen.replace(second=0, microsecond=0)
            rows.append(
                {
                    "obs_ts_utc": seen,
                    "coin": coin,
                    "instrument_name": f"{coin}-PERPETUAL",
                    "candle_open": spot * 1.001,
                    "candle_open_time_ms": int(opened.timestamp() * 1000),
                }
            )
    return rows


def daily_rows() -> list[Row]:
    """Closes of 2018 with a hole on the third of January, and the stablecoins' last ones."""
    rows = [
        {"coin": coin, "date": date(2017, 12, 30) + timedelta(days=at), "close": 1000.0 + at}
        for coin in ("BTC", "ETH")
        for at in range(6)
        if at != 4
    ]
    return rows + [
        {"coin": coin, "date": date(2025, 12, 24), "close": close}
        for coin, close in (("USDC", 1.0002), ("USDT", 0.9997))
    ]


def bar_rows() -> list[Row]:
    """Two-hour bars of the last days of 2017; the one that ends at 22:00 on the 30th has no volume."""
    start = datetime(2017, 12, 29, tzinfo=UTC)
    bars = [start + timedelta(hours=2 * at) for at in range(12 * 5)]
    quiet = datetime(2017, 12, 30, 20, tzinfo=UTC)
    return [
        {"ts_utc": bar, "close": 10_000.0 + bar.day * 100 + bar.hour, "volume": 0.0 if bar == quiet else 3.0}
        for bar in bars
    ]


@pytest.fixture
def market(tmp_path: Path) -> Callable[..., Path]:
    """Write the folder: `market(options=change, ...)` lets a change edit the rows of a file before they are written."""

    def write(folder: str = "market", **changes: Change) -> Path:
        files: Mapping[str, tuple[str, list[Row]]] = {
            "options": ("deribit_options_eod", [row for day in INDEX for row in option_rows(day)]),
            "candles": ("deribit_perp_candles_at_snapshots", [row for day in INDEX for row in candle_rows(day)]),
            "daily": ("daily_ohlc_usd", daily_rows()),
            "bars": ("btc_usd_bitstamp_2h", bar_rows()),
        }
        (tmp_path / folder).mkdir()
        for key, (name, rows) in files.items():
            changes.get(key, lambda rows: None)(rows)
            pl.DataFrame(rows, infer_schema_length=None).write_parquet(tmp_path / folder / f"{name}.parquet")
        return tmp_path / folder

    return write


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def delivered(home: Home) -> Callable[..., pl.DataFrame]:
    """A delivered dataset as landing reads it: text, empty = null."""

    def read(name: str, day: date) -> pl.DataFrame:
        path = home.inbox / day.isoformat() / "EOD" / f"{name}.csv"
        return inbox.read(path.name, path.read_bytes(), inbox.Place(day, "EOD", "TEST")).frame

    return read
