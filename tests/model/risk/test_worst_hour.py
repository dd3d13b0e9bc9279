"""The worst start hour of a stressed date, on made-up bars and on Bitstamp's."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tasks.model.arrays import Closes
from tasks.model.market.series import split
from tasks.model.risk.scenarios import stressed
from tasks.model.risk.worst_hour import DAILY_CLOSE, moves_from, worst_hours

STARTS = np.arange(3)


def test_the_hour_that_moves_furthest_is_taken_whatever_its_direction():
    hourly = {6.0: np.array([100.0, 100.0, 90.0, 100.0]), 14.0: np.array([100.0, 100.0, 130.0, 100.0])}
    daily = np.array([0.05, 0.05, math.nan, math.nan])
    hours = worst_hours(hourly, daily, 1, STARTS)
    # Day 0: no bar moves, the close by 5 %. Day 1: +30 % beats -10 %. Day 2: back from 130 is further than from 90.
    assert hours.tolist() == [DAILY_CLOSE, 14, 14]
    found = moves_from(hourly, daily, 1, STARTS, hours)
    assert found == pytest.approx([0.05, math.log(1.3), -math.log(1.3)])


def test_of_equal_moves_the_earliest_hour_counts_and_a_tie_with_the_close_keeps_it():
    bars = np.array([100.0, 110.0, 100.0, 100.0])
    move = math.log(bars[1] / bars[0])
    assert worst_hours({8.0: bars, 2.0: bars}, np.array([0.0, 0.0, 0.0]), 1, STARTS).tolist()[0] == 2
    assert worst_hours({8.0: bars}, np.array([move, 0.0, 0.0]), 1, STARTS).tolist()[0] == DAILY_CLOSE


def test_an_underlying_without_the_bar_keeps_its_close():
    bars = {6.0: np.array([100.0, math.nan, 90.0, 80.0])}
    daily = np.array([0.01, 0.02, 0.03])
    found = moves_from(bars, daily, 1, STARTS, np.array([6, 6, 6]))
    assert found == pytest.approx([0.01, 0.02, math.log(80 / 90)])
    assert moves_from({}, daily, 1, STARTS, np.array([6, 6, 6])).tolist() == daily.tolist()


def bitstamp(market_data):
    """Close of every two-hour bar by the day and hour it ends at; the daily close is the one at midnight."""
    rows = pl.read_parquet(market_data / "btc_usd_bitstamp_2h.parquet").filter(pl.col("ts_utc").dt.year() >= 2013)
    return {
        (moment.date(), moment.hour): close
        for start, close in rows.select("ts_utc", "close").iter_rows()
        for moment in [start.replace(tzinfo=None) + timedelta(hours=2)]
    }


def test_real_bars_agree_with_a_slow_second_implementation(market_data, opening_policy):
    bars = bitstamp(market_data)
    days = [date(2013, 6, 1) + timedelta(days=n) for n in range((date(2022, 12, 31) - date(2013, 6, 1)).days)]
    names = ("BTC", "BTC.H06", "BTC.H14", "BTC.H22")
    table = [[bars.get((day, hour), math.nan) for day in days] for hour in (0, 6, 14, 22)]
    closes, factors = split(Closes(names, np.array(days, dtype="M8[D]"), np.array(table)))
    found = stressed(closes, {"BTC": 2}, opening_policy, factors)
    plain = stressed(closes, {"BTC": 2}, opening_policy)
    assert found.start_dates.tolist() == plain.start_dates.tolist()
    for column, start in enumerate(found.start_dates.tolist()):
        moves = {
            hour: math.log(bars[start + timedelta(days=2), hour] / bars[start, hour])
            for hour in (0, 6, 14, 22)
            if (start, hour) in bars and (start + timedelta(days=2), hour) in bars
        }
        assert found.spot_return[0, column] == pytest.approx(max(moves.values(), key=abs), rel=1e-12)
        assert abs(found.spot_return[0, column]) >= abs(plain.spot_return[0, column])
    sizes = [np.sort(np.abs(each.spot_return[0]))[-30:].mean() for each in (found, plain)]
    assert sizes[0] > 1.1 * sizes[1], "a daily close hides a good part of a crash"


def test_every_underlying_moves_from_the_hour_of_the_anchor(opening_policy):
    generator = np.random.default_rng(4)
    days = np.datetime64("2018-01-01") + np.arange(700)
    names = ("BTC", "BTC.H04", "BTC.H16", "ETH", "ETH.H04", "ETH.H16")
    table = 100.0 * np.exp(np.cumsum(0.04 * generator.standard_t(3, (6, 700)), axis=1))
    closes, factors = split(Closes(names, days, table))
    found = stressed(closes, {"BTC": 2, "ETH": 2}, replace(opening_policy), factors)
    row = {name: table[position] for position, name in enumerate(names)}
    assert {each[12:] for each in found.ids} == {"", "T04", "T16"}
    for column, scenario_id in enumerate(found.ids):
        at, hour = int((found.start_dates[column] - days[0]).astype(int)), scenario_id[13:]
        for underlying, name in enumerate(("BTC", "ETH")):
            series = row[f"{name}.H{hour}" if hour else name]
            assert found.spot_return[underlying, column] == pytest.approx(
                math.log(series[at + 2] / series[at]), rel=1e-12
            )
