"""What a calibration may know on its day: clean closes, levels of volatility and forwards, volumes, order books.

Everything is cut at the end of the day it is made as of. Of the days left out of the clean history the source's own
closes are kept apart, so that each figure can be told with them too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tasks import back_test_history, convert_chain, convert_factors, convert_history
from tasks.back_test_history import DailyHistory
from tasks.convert_chain import read_file
from tasks.convert_history import BARS_COIN, DAILY_FILE, DAILY_FROM
from tasks.model.arrays import Closes, Floats

VOLUME_FILE, VOLUME_COIN = "btc_usdt_binance_1d", "BTC"
STALE_AFTER_DAYS = 7  # a coin whose closes ended longer ago is not calibrated
_ONE_DAY = timedelta(days=1)
Level = Mapping[date, float]


@dataclass(frozen=True)
class Evidence:
    """Data of a folder up to a day. coins: those with clean closes by then; unborn: asked for, not there yet."""

    folder: Path
    as_of: date
    coins: tuple[str, ...]
    unborn: tuple[str, ...]
    history: DailyHistory

    @cached_property
    def clean(self) -> Closes:
        """Clean closes, NaN on days left out."""
        return back_test_history.joint(self.history.closes)

    @cached_property
    def whole(self) -> Closes:
        """The same with what the source says on days left out, where it says anything that is a price."""
        said = self.history.excluded.filter(pl.col("close").is_finite(), pl.col("close") > 0).drop("reason")
        begun = said.filter(pl.col("date") >= self._first)
        added = begun.join(self.history.closes, on=["coin", "date"], how="anti").unique(["coin", "date"], keep="first")
        return back_test_history.joint(pl.concat([self.history.closes, added]).sort("coin", "date"))

    @property
    def _first(self) -> date:
        return self.history.span[0]

    def last_close(self, coin: str) -> date:
        """Day of a coin's latest clean close."""
        found = self.history.closes.filter(pl.col("coin") == coin)["date"].max()
        assert isinstance(found, date), "a coin of the evidence has a close"
        return found

    def is_current(self, coin: str) -> bool:
        """Whether a coin's closes reach to the day, or nearly."""
        return self.as_of - self.last_close(coin) <= timedelta(days=STALE_AFTER_DAYS)

    def excluded_days(self, coins: tuple[str, ...], first: date) -> int:
        """Days of coins left out from a day on."""
        return self.history.excluded.filter(pl.col("coin").is_in(coins), pl.col("date") >= first).height

    @cached_property
    def levels(self) -> Mapping[tuple[str, str], Level]:
        """Levels by coin and series (see `market.series`) and day, beside SPOT at the same moment."""
        if not (self.folder / f"{convert_chain.OPTIONS_FILE}.parquet").is_file():
            return {}
        options = convert_chain.options_known(self.folder, self.as_of)
        spot = convert_history.history_of(self.folder, options, self.as_of + _ONE_DAY).closes
        factors = convert_factors.factors_of(self.folder, options, spot, self.as_of + _ONE_DAY).levels
        found: dict[tuple[str, str], dict[date, float]] = {}
        for (coin, series, day), level in factors.items():
            found.setdefault((coin, series), {})[day] = float(level)
        for (coin, day), close in spot.items():
            found.setdefault((coin, "SPOT"), {})[day] = close
        return found

    @cached_property
    def volumes(self) -> pl.DataFrame:
        """date, volume_usd of the one coin and venue that volumes are known of, up to the day."""
        if not (self.folder / f"{VOLUME_FILE}.parquet").is_file():
            return pl.DataFrame(schema={"date": pl.Date, "volume_usd": pl.Float64})
        rows = read_file(self.folder, VOLUME_FILE, ("date", "close", "volume")).filter(pl.col("date") <= self.as_of)
        return rows.sort("date").select("date", (pl.col("close") * pl.col("volume")).alias("volume_usd"))


def evidence_of(folder: Path, coins: tuple[str, ...], as_of: date, besides: tuple[str, ...] = ()) -> Evidence:
    """Data of coins, and of others `besides` where the source has them.

    Raises LeveeError UNKNOWN_ID, DeliveryError WAITING or SCHEMA_DRIFT as `back_test_history.history_of`.
    """
    until = as_of + _ONE_DAY
    rows = read_file(folder, DAILY_FILE, ("coin", "date", "close"))
    alive = rows.filter(pl.col("date") >= DAILY_FROM, pl.col("date") < until, pl.col("close") > 0)["coin"].unique()
    born = {*alive, BARS_COIN}
    known = {*rows["coin"]}
    unborn = tuple(sorted(coin for coin in set(coins) & known if coin not in born))
    asked = tuple(sorted(set(coins) - set(unborn)))
    history = back_test_history.history_of(folder, asked, tuple(coin for coin in besides if coin in born), until)
    return Evidence(folder, as_of, asked, unborn, history)


def day_moves(levels: Level, over: Level | None = None) -> tuple[list[date], Floats]:
    """Days and log moves of a level (over another's, where told) since the day before, where both days have it."""
    known = {day: value / (over[day] if over else 1.0) for day, value in levels.items() if not over or day in over}
    days = [day for day in sorted(known) if day - _ONE_DAY in known]
    return days, np.array([np.log(known[day] / known[day - _ONE_DAY]) for day in days])


def digest_of(values: Mapping[date, float]) -> str:
    """sha256 over a series in the order of its days."""
    lines = (f"{day.isoformat()},{values[day]!r}\n" for day in sorted(values))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
