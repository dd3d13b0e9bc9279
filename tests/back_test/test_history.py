"""The clean daily history: what is taken, what is left out and why, and what a figure of a day can depend on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tasks.back_test_history import history_of, joint
from tasks.model.errors import DeliveryError, LeveeError

DAYS = [date(2018, 1, 1) + timedelta(days=at) for at in range(8)]


@pytest.fixture
def folder(history_folder: Callable[..., Path]) -> Path:
    btc = {day: 100.0 + at for at, day in enumerate(DAYS)}
    eth: dict[date, float | None] = {day: 10.0 + at for at, day in enumerate(DAYS) if at not in (3, 4)}
    eth[DAYS[6]] = float("nan")
    btc[date(2016, 5, 1)] = 1.0  # the daily file closed at another hour then
    bars = [
        (date(2012, 12, 31), 13.0, 5.0),
        (date(2017, 12, 30), 90.0, 5.0),
        (date(2017, 12, 31), 91.0, 0.0),
    ]
    return history_folder({"BTC": btc, "ETH": eth}, bars)


def test_closes_come_from_bars_and_then_from_the_daily_file(folder: Path) -> None:
    closes = history_of(folder, ("BTC",)).closes
    assert closes.rows()[:2] == [("BTC", date(2017, 12, 30), 90.0), ("BTC", DAYS[0], 100.0)]
    assert closes.height == 9


def test_every_day_left_out_has_its_reason(folder: Path) -> None:
    assert history_of(folder, ("ETH", "BTC")).exclusions().rows() == [
        ("BTC", "BEFORE_HISTORY", date(2012, 12, 31), date(2012, 12, 31), 1),
        ("BTC", "ANOTHER_CLOSE_HOUR", date(2016, 5, 1), date(2016, 5, 1), 1),
        ("BTC", "NO_TRADE", date(2017, 12, 31), date(2017, 12, 31), 1),
        ("ETH", "NOT_IN_SOURCE", DAYS[3], DAYS[4], 2),
        ("ETH", "NO_PRICE", DAYS[6], DAYS[6], 1),
    ]


def test_a_close_left_out_is_a_hole_on_the_joint_calendar(folder: Path) -> None:
    closes = joint(history_of(folder, ("BTC", "ETH")).closes)
    assert closes.underlyings == ("BTC", "ETH")
    assert closes.dates[0] == np.datetime64("2017-12-30")
    assert closes.dates[-1] == np.datetime64("2018-01-08")
    assert closes.close[0, [0, 2, 9]].tolist() == [90.0, 100.0, 107.0]
    assert np.isnan(closes.close[0]).tolist() == [False, True, *[False] * 8]
    assert np.isnan(closes.close[1]).tolist() == [True, True, False, False, False, True, True, False, True, False]


def test_what_a_day_can_depend_on_does_not_know_later_days(folder: Path) -> None:
    whole, cut = history_of(folder, ("BTC", "ETH")), history_of(folder, ("BTC", "ETH"), until=DAYS[6])
    coins = ("BTC", "ETH")
    assert whole.digest(coins, DAYS[5]) == cut.digest(coins, DAYS[7])
    assert whole.digest(coins, DAYS[7]) != cut.digest(coins, DAYS[7])
    assert whole.digest(("BTC",), DAYS[7]) != whole.digest(coins, DAYS[7])


def test_a_coin_nobody_knows_is_named_beside_those_there_are(folder: Path) -> None:
    with pytest.raises(LeveeError) as refused:
        history_of(folder, ("BTC", "DOGE"))
    (finding,) = refused.value.findings
    assert (finding.code, finding.value, finding.limit) == ("UNKNOWN_ID", "DOGE", "BTC, ETH")


def test_a_missing_folder_and_a_coin_without_a_close_yet_are_waited_for(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="LEVEE_MARKET_DATA_DIR"):
        history_of(tmp_path / "nowhere", ("BTC",))
    with pytest.raises(DeliveryError, match="ETH"):
        history_of(folder, ("BTC", "ETH"), until=date(2018, 1, 1))


def test_coins_besides_are_taken_where_the_source_has_them(folder: Path) -> None:
    assert history_of(folder, ("ETH",), ("BTC", "DOGE")).coins == ("BTC", "ETH")
