"""Haircuts and data quality on real closes: counts by loops of their own, changes in the direction they must have."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from tasks import haircut_back_test, policy_store, resources, sensitivity

FILE = "policy/2014-01-01.toml"
FIRST, LAST = date(2020, 2, 1), date(2020, 5, 31)


def closes_of(market_data: Path, coin: str) -> dict[date, float]:
    rows = pl.read_parquet(market_data / "daily_ohlc_usd.parquet").filter(pl.col("coin") == coin)
    return dict(rows.select("date", "close").iter_rows())


def test_days_beyond_the_policys_haircut_are_counted(market_data: Path) -> None:
    policy = policy_store.load(resources.data(FILE))
    rows = haircut_back_test.back_test(policy, market_data, ["ETH", "USDT"], FIRST, LAST)
    found = {(row["asset"], row["haircut"]): row for row in rows}
    assert set(found) == {(asset, name) for asset in ("ETH", "USDT") for name in ("POLICY", "IN_FORCE")}
    for asset, haircut, days in (("ETH", 0.30, 2), ("USDT", 0.05, 3)):
        close = closes_of(market_data, asset)
        falls = [
            1.0 - min(close[day + timedelta(days=step)] for step in range(1, days + 1)) / close[day]
            for day in (FIRST + timedelta(days=step) for step in range((LAST - FIRST).days + 1))
        ]
        row = found[asset, "POLICY"]
        assert (row["observations"], row["holding_days"]) == (len(falls), days)
        assert row["days_exceeding"] == sum(fall > haircut for fall in falls)
        assert row["largest_fall"] == pytest.approx(max(falls))
    assert found["ETH", "POLICY"]["days_exceeding"] > 0, "the days before 12 March 2020"
    in_force = found["ETH", "IN_FORCE"]
    assert (
        in_force["lowest_fraction"] >= 0.30 and in_force["days_exceeding"] <= found["ETH", "POLICY"]["days_exceeding"]
    )


def test_the_largest_moves_taken_out_make_margins_lower_and_say_so(market_data: Path) -> None:
    found = sensitivity.of_data(resources.data(FILE), market_data, ("BTC",), date(2016, 1, 31))
    assert set(found["data"]) >= {"put back: ANOTHER_CLOSE_HOUR", "taken out: 10 largest daily moves"}
    taken = found.filter(pl.col("data").str.starts_with("taken out"))
    assert set(taken["days"]) == {10} and (taken["change"] < 0.0).all()
    base = taken["rate"] - taken["change"]
    back = found.filter(pl.col("data") == "put back: ANOTHER_CLOSE_HOUR")
    assert (back["rate"] - back["change"]).to_list() == pytest.approx(base.to_list()), "one base for all"
