"""Days of the same file form that are harsher than the real ones: what cannot be used is named, the cycle publishes or
stops with a clear code.

Each case changes the files of one day after a real day is published, and takes it through conversion and cycle.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from flows import cli

BEFORE, DAY = date(2026, 1, 30), date(2026, 1, 31)
EXPIRIES = ("30JAN26", "31JAN26", "1FEB26", "6FEB26", "27MAR26")
TODAY = pl.col("timestamp").dt.date() == DAY
pytestmark = pytest.mark.market_data


@pytest.fixture(scope="module")
def published(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files with a few of the listed options, and a home where the day before is published."""
    data, home = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("home")
    for path in market_data.glob("*.parquet"):
        (data / path.name).symlink_to(path)
    options = data / "deribit_options_eod.parquet"
    kept = pl.read_parquet(options).filter(
        pl.col("timestamp").dt.date().is_between(BEFORE - timedelta(days=1), DAY),
        pl.col("instrument_name").str.split("-").list.get(1).is_in(EXPIRIES),
        pl.col("strike").rank("dense").over("currency", "expiry_datetime") % 4 == 0,
    )
    options.unlink()
    kept.write_parquet(options)
    before = dict(os.environ)
    os.environ["LEVEE_MARKET_DATA_DIR"] = str(data)
    with pytest.raises(SystemExit) as ended:
        cli.main(
            [
                "cycle",
                "backfill",
                "--from",
                str(BEFORE),
                "--to",
                str(BEFORE),
                "--source",
                "deribit-chain",
                "--no-orchestrator",
                "--home",
                str(home),
            ]
        )
    os.environ.clear()
    os.environ.update(before)
    assert ended.value.code == 0
    return data, home


@pytest.fixture
def day(
    published: tuple[Path, Path], tmp_path: Path, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[dict[str, Any], Any]]:
    """Convert and run the day after a change of its files: what the converter said, and how the cycle ended."""

    def run(options: Callable[[pl.DataFrame], pl.DataFrame], **files: Any) -> tuple[dict[str, Any], Any]:
        data, home = tmp_path / "data", tmp_path / "home"
        shutil.copytree(published[0], data, symlinks=True)
        shutil.copytree(published[1], home)
        path = data / "deribit_options_eod.parquet"
        options(pl.read_parquet(path)).write_parquet(path)
        for name, change in files.items():
            target = data / f"{name}.parquet"
            content = pl.read_parquet(target)
            target.unlink()
            if change is not None:
                change(content).write_parquet(target)
        monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(data))
        told = levee("convert", "deribit-chain", "--date", DAY, "--home", home, "--json")
        assert told.code == 0, told.err
        ended = levee("cycle", "run", "--date", DAY, "--home", home, "--no-orchestrator", "--json")
        return json.loads(told.out), ended

    return run


def price_in_coin(rows: pl.DataFrame) -> pl.Series:
    """Black's price over the forward, undiscounted."""
    forward, strike, call = (rows[name].to_numpy() for name in ("underlying", "strike", "is_call"))
    years = (rows["expiry_datetime"] - rows["timestamp"]).dt.total_seconds().to_numpy() / 31_536_000
    spread = rows["implied_volatility"].to_numpy() * np.sqrt(years)
    d1 = np.log(forward / strike) / spread + spread / 2
    sign = np.where(call, 1.0, -1.0)
    return pl.Series(sign * (norm.cdf(sign * d1) - strike / forward * norm.cdf(sign * (d1 - spread))))


def test_a_fall_of_forty_per_cent_overnight(day: Callable[..., Any]) -> None:
    def fall(rows: pl.DataFrame) -> pl.DataFrame:
        today = rows.filter(TODAY).with_columns(
            pl.col("underlying", "index_price") * 0.6,
            pl.col("implied_volatility") * 1.5,
            bid_price=None,
            ask_price=None,
            is_call=pl.col("option_type") == "call",
        )
        marked = today.with_columns(mark_price=price_in_coin(today)).select(rows.columns)
        return pl.concat([rows.filter(~TODAY), marked], how="vertical_relaxed")

    def candles(rows: pl.DataFrame) -> pl.DataFrame:
        later = pl.col("obs_ts_utc").dt.date() == DAY
        return rows.with_columns(pl.when(later).then(pl.col("candle_open") * 0.6).otherwise("candle_open"))

    def between(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(~TODAY)

    _, ended = day(fall, deribit_perp_candles_at_snapshots=candles, deribit_options_intraday_crash=between)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["calls"] > 5


def test_a_day_full_of_holes(day: Callable[..., Any]) -> None:
    def spoil(rows: pl.DataFrame) -> pl.DataFrame:
        at = pl.int_range(pl.len())
        today = rows.filter(TODAY)
        earlier = today.head(40).with_columns(pl.col("timestamp") - timedelta(hours=5))
        holes = today.with_columns(
            pl.when(at % 2 == 0).then(None).otherwise("mark_price").alias("mark_price"),
            pl.when(at % 3 == 0).then(None).otherwise("implied_volatility").alias("implied_volatility"),
            pl.when(at % 5 == 0).then(None).otherwise("index_price").alias("index_price"),
            pl.when(at % 7 == 0).then(float("nan")).otherwise("bid_price").alias("bid_price"),
            pl.col("option_type").replace({"call": "Call", "put": "P"}),
            pl.lit("new").alias("another_column"),
        )
        return pl.concat([rows.filter(~TODAY), earlier, holes, holes.head(7)], how="diagonal")

    told, ended = day(spoil, deribit_perp_candles_at_snapshots=None, deribit_term_futures_at_snapshots=None)
    assert ended.code == 0, ended.err
    assert {reason: len(names) for reason, names in told["unusable"].items()} == {"DUPLICATE_NAME": 7}
    assert told["rows_used"] == told["rows_read"] - 7
    noted = told["noted"]
    assert noted["EXTRA_COLUMN"] == ["another_column"]
    assert noted["NO_PERPETUAL_CANDLE"] == noted["NO_FUNDING"] == ["BTC-PERPETUAL", "ETH-PERPETUAL"]
    assert len(noted["OPTION_TYPE_SPELT_OTHERWISE"]) == told["rows_used"]
    assert min(len(noted[name]) for name in ("NO_MARK", "NO_IMPLIED_VOLATILITY", "NO_INDEX", "NO_BID")) > 10
    assert json.loads(ended.out)["findings"]["warning"] > 40


def test_volatilities_of_another_magnitude(day: Callable[..., Any]) -> None:
    def percent(rows: pl.DataFrame) -> pl.DataFrame:
        name = "implied_volatility"
        return rows.with_columns(pl.when(TODAY).then(pl.col(name) * 100.0).otherwise(name).alias(name))

    _, ended = day(percent)
    assert (ended.code, "VOL_IN_PERCENT" in ended.err) == (10, True)


def test_a_currency_that_is_not_there(day: Callable[..., Any]) -> None:
    told, ended = day(lambda rows: rows.filter(~TODAY | (pl.col("currency") == "BTC")))
    assert told["noted"]["NO_INDEX_OF_COIN"] == ["ETH-USD"]
    assert all(name.startswith("ETH") for name in told["noted"]["NOT_IN_SNAPSHOT"])
    assert ended.code == 10
    assert {"MISSING_PRICE", "MISSING_FINAL_PRICE"} <= {line.split(":")[0] for line in ended.err.splitlines()}
