"""Histories for the tests of the risk room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import Closes
from tasks.model.market.returns import joint_closes


@pytest.fixture(scope="session")
def make_closes() -> Callable[..., Closes]:
    """Random closes with fat tails from a first day on; `holes` maps an underlying to positions without a close."""

    def build(names, first, n_days, seed, holes=None):
        generator = np.random.default_rng(seed)
        days = np.datetime64(first) + np.arange(n_days)
        common = generator.standard_t(3, n_days)
        close = np.stack([100.0 * np.exp(np.cumsum(0.02 * (common + generator.standard_t(4, n_days)))) for _ in names])
        for name, positions in (holes or {}).items():
            close[list(names).index(name), list(positions)] = np.nan
        return Closes(tuple(names), days, close)

    return build


@pytest.fixture(scope="session")
def real_closes(market_data: Path) -> Closes:
    """BTC, ETH and SOL as published, holes left in."""
    rows = pl.read_parquet(market_data / "daily_ohlc_usd.parquet").filter(
        pl.col("coin").is_in(["BTC", "ETH", "SOL"]), pl.col("date") >= date(2013, 1, 1)
    )
    return joint_closes(rows["coin"].to_list(), rows["date"].to_numpy(), rows["close"].to_numpy())
