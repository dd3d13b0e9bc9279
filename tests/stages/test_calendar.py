"""Due times: worked by hand from the calendars of the reference data (USD_BANK 09:00-17:00 New York on weekdays)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from tasks import calendar, reference
from tasks.model.errors import LeveeError

BANK = calendar.calendars()["USD_BANK"]


@pytest.mark.parametrize(
    ("issued", "due"),
    [
        (datetime(2026, 1, 30, 8, 20), datetime(2026, 1, 30, 14, 0)),  # Friday before the window
        (datetime(2026, 1, 30, 15, 5), datetime(2026, 1, 30, 17, 5)),  # inside it
        (datetime(2026, 1, 30, 20, 0), datetime(2026, 1, 30, 22, 0)),  # the last instant still counts
        (datetime(2026, 1, 30, 20, 0, 1), datetime(2026, 2, 2, 14, 0)),  # a second later: Monday
        (datetime(2026, 1, 31, 8, 20), datetime(2026, 2, 2, 14, 0)),  # Saturday: Monday
        (datetime(2026, 2, 14, 8, 20), datetime(2026, 2, 17, 14, 0)),  # Saturday before Presidents' Day: Tuesday
        (datetime(2026, 12, 25, 8, 20), datetime(2026, 12, 28, 14, 0)),  # Christmas on a Friday: Monday
        (datetime(2025, 12, 31, 23, 0), datetime(2026, 1, 2, 14, 0)),  # over New Year
        (datetime(2026, 3, 6, 20, 30), datetime(2026, 3, 9, 13, 0)),  # New York changes to summer time over the weekend
        (datetime(2026, 3, 28, 8, 20), datetime(2026, 3, 30, 13, 0)),  # London's change does not move it
        (datetime(2026, 7, 2, 19, 0), datetime(2026, 7, 2, 21, 0)),  # the last instant in summer
        (datetime(2026, 10, 30, 19, 30), datetime(2026, 11, 2, 14, 0)),  # and back to winter time
        (datetime(2028, 2, 28, 21, 0), datetime(2028, 2, 29, 14, 0)),  # 29 February is a day as any other
    ],
)
def test_a_dollar_call_is_due_in_the_next_bank_window(issued: datetime, due: datetime) -> None:
    assert calendar.due_time("USD", issued, 120) == due


@pytest.mark.parametrize("asset", ["BTC", "ETH", "USDC", "USDT"])
@pytest.mark.parametrize("day", [date(2026, 1, 31), date(2026, 2, 16), date(2026, 3, 29), date(2026, 10, 25)])
def test_coins_and_stablecoins_are_due_after_the_minimum_time_every_day(asset: str, day: date) -> None:
    issued = datetime.combine(day, time(8, 20))
    assert calendar.due_time(asset, issued, 120) == issued + timedelta(hours=2)


def test_due_is_never_before_the_minimum_funding_time_and_always_in_a_window() -> None:
    for hours in range(0, 24 * 30, 5):
        issued = datetime(2026, 12, 10) + timedelta(hours=hours)
        due = calendar.due_time("USD", issued, 120)
        assert due >= issued + timedelta(minutes=120)
        assert due.weekday() < 5 and due.date() != date(2026, 12, 25)
        assert time(14) <= due.time() <= time(22)


@pytest.mark.parametrize(
    ("day", "opens", "hours"),
    [
        (date(2026, 3, 6), datetime(2026, 3, 6, 14), 8),
        (date(2026, 3, 9), datetime(2026, 3, 9, 13), 8),
        (date(2026, 10, 30), datetime(2026, 10, 30, 13), 8),
        (date(2026, 11, 2), datetime(2026, 11, 2, 14), 8),
        (date(2028, 2, 29), datetime(2028, 2, 29, 14), 8),
    ],
)
def test_the_window_of_the_banks_keeps_new_york_s_clock(day: date, opens: datetime, hours: int) -> None:
    assert BANK.window(day) == (opens, opens + timedelta(hours=hours))


def test_every_day_of_a_leap_year_has_one_settlement_day_and_no_gap_but_weekends_and_holidays() -> None:
    days = [date(2028, 1, 1) + timedelta(days=n) for n in range(366)]
    assert days[-1] == date(2028, 12, 31)
    assert {calendar.gap_days("BTC", day) for day in days} == {0}
    for day in days:
        tomorrow = day + timedelta(days=1)
        assert (calendar.gap_days("USD", day) == 0) == BANK.is_open_day(tomorrow)


def test_a_calendar_without_a_window_is_refused() -> None:
    closed = calendar.Calendar("NEVER", frozenset(), time(0), time(23), frozenset())
    with pytest.raises(LeveeError, match="CALENDAR_CLOSED"):
        closed.next_open(datetime(2026, 1, 1))


def test_an_unknown_asset_is_refused_by_name() -> None:
    with pytest.raises(LeveeError, match=r"UNKNOWN_ASSET.*DOGE"):
        calendar.due_time("DOGE", datetime(2026, 1, 1), 120)


def test_every_asset_names_a_calendar_that_exists() -> None:
    assert {asset.calendar_id for asset in reference.assets().values()} <= set(calendar.calendars())


def test_a_window_is_closed_on_a_holiday() -> None:
    assert not BANK.is_open_day(date(2026, 11, 26))
    assert BANK.is_open_day(date(2026, 11, 27))


@pytest.mark.parametrize(
    ("asset", "day", "days"),
    [
        ("USD", date(2026, 1, 29), 0),  # Thursday: Friday has a window
        ("USD", date(2026, 1, 30), 2),  # Friday: Monday
        ("USD", date(2026, 1, 31), 1),
        ("USD", date(2026, 2, 1), 0),
        ("USD", date(2026, 2, 13), 3),  # Friday before Presidents' Day: Tuesday
        ("USD", date(2025, 12, 24), 1),  # Christmas on the day after
        ("USDC", date(2026, 1, 30), 0),
        ("BTC", date(2025, 12, 24), 0),
    ],
)
def test_gap_until_the_next_settlement_beyond_the_usual_day(asset: str, day: date, days: int) -> None:
    assert calendar.gap_days(asset, day) == days
