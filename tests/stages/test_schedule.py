"""When a cycle is taken, which business date a scheduled time belongs to, and which days a schedule skips."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.server.schemas.schedules import CronSchedule

from tasks import roster, schema
from tasks.schedule import Schedule, schedules, snapshot, timetable

EOD = Schedule("EOD", time(8), "UTC", 0, "ALWAYS_OPEN", "10 8 * * *")
LONDON = Schedule("ITD1", time(16), "Europe/London", 0, "ALWAYS_OPEN", "5 16 * * *")
NIGHT = Schedule("ITD2", time(1, 30), "Europe/London", 0, "ALWAYS_OPEN", "40 1 * * *")
NEW_YORK = Schedule("ITD2", time(2, 30), "America/New_York", 0, "ALWAYS_OPEN", "40 2 * * *")
CHANGES = [date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)]  # US, EU, EU, US


@pytest.mark.parametrize(
    ("scheduled", "day"),
    [
        (datetime(2026, 1, 30, 8, 10, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 8, 0, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 7, 59, 59, tzinfo=UTC), date(2026, 1, 29)),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2028, 3, 1, 0, 0, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2027, 1, 1, 7, 0, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 1, 30, 3, 10, tzinfo=timezone(timedelta(hours=-5))), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 9, 10, tzinfo=timezone(timedelta(hours=9))), date(2026, 1, 29)),
    ],
)
def test_a_run_belongs_to_the_latest_date_whose_snapshot_is_taken(scheduled: datetime, day: date) -> None:
    assert EOD.business_date(scheduled) == day


@pytest.mark.parametrize(
    ("scheduled", "day"),
    [
        (datetime(2026, 1, 29, 14, 5, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 13, 59, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 14, 0, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 12, 31, 14, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_an_intraday_cycle_belongs_to_the_end_of_day_it_comes_before(scheduled: datetime, day: date) -> None:
    assert timetable()["ITD1"].business_date(scheduled) == day


def test_the_cycles_of_a_business_date_follow_the_end_of_day_before_and_one_another() -> None:
    day = date(2026, 1, 30)
    taken = [
        snapshot(day - timedelta(days=1), "EOD"),
        *(snapshot(day, cycle) for cycle in ("SOD", "ITD1", "ITD2", "EOD")),
    ]
    assert taken == [
        datetime(2026, 1, 29, 8),
        datetime(2026, 1, 29, 8, 30),
        datetime(2026, 1, 29, 14),
        datetime(2026, 1, 29, 20),
        datetime(2026, 1, 30, 8),
    ]
    assert snapshot(day, "ITD9") is None


@pytest.mark.parametrize(
    ("day", "instant", "hours"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 16), 24),
        (date(2026, 3, 29), datetime(2026, 3, 29, 15), 23),
        (date(2026, 3, 30), datetime(2026, 3, 30, 15), 24),
        (date(2026, 10, 24), datetime(2026, 10, 24, 15), 24),
        (date(2026, 10, 25), datetime(2026, 10, 25, 16), 25),
        (date(2026, 3, 8), datetime(2026, 3, 8, 16), 24),
    ],
)
def test_a_london_fixing_follows_the_london_clock(day: date, instant: datetime, hours: int) -> None:
    assert LONDON.snapshot(day) == instant
    assert LONDON.snapshot(day) - LONDON.snapshot(day - timedelta(days=1)) == timedelta(hours=hours)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("each", [EOD, LONDON, NIGHT, NEW_YORK], ids=lambda each: f"{each.as_of} {each.zone}")
def test_the_clock_runs_every_date_exactly_once_over_a_change_to_or_from_summer_time(
    each: Schedule, change: date
) -> None:
    days = [change + timedelta(days=n) for n in (-1, 0, 1)]
    zone = ZoneInfo(each.zone)
    fired = asyncio.run(
        CronSchedule(cron=each.cron, timezone=each.zone).get_dates(
            start=datetime.combine(days[0], time(0), zone), end=datetime.combine(days[-1], time(23, 59), zone), n=20
        )
    )
    assert [each.business_date(moment) for moment in fired] == days


def test_a_time_that_the_clock_leaps_over_or_shows_twice_is_taken_at_its_earlier_reading() -> None:
    assert NIGHT.snapshot(date(2026, 3, 29)) == datetime(2026, 3, 29, 0, 30)
    assert NIGHT.snapshot(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30)
    assert NEW_YORK.snapshot(date(2026, 3, 8)) == datetime(2026, 3, 8, 6, 30)
    assert NEW_YORK.snapshot(date(2026, 11, 1)) == datetime(2026, 11, 1, 7, 30)


def test_the_calendar_decides_on_days() -> None:
    banks = replace(EOD, calendar_id="USD_BANK")
    assert banks.runs_on(date(2026, 1, 30))
    assert not banks.runs_on(date(2026, 1, 31)), "a Saturday"
    assert not banks.runs_on(date(2026, 1, 19)), "a bank holiday"


def test_the_shipped_end_of_day_runs_every_day_once_the_last_file_may_have_come() -> None:
    end_of_day = schedules()["EOD"]
    assert list(schedules()) == ["EOD"]
    minute, hour, *days = end_of_day.cron.split()
    assert days == ["*", "*", "*"]
    day = date(2026, 1, 1)
    last = max(moment for each in roster.roster().values() if (moment := each.last_moment(day, "EOD")))
    assert end_of_day.snapshot(day) < last <= datetime.combine(day, time(int(hour), int(minute)))
    assert all(end_of_day.runs_on(day + timedelta(days=n)) for n in range(14))


def test_the_roster_names_every_dataset_and_what_a_cycle_cannot_do_without() -> None:
    assert tuple(roster.roster()) == schema.DATASETS
    without_options = ("accounts", "collateral_balances", "contracts", "history", "members", "positions", "prices")
    assert roster.required() == without_options
    assert set(roster.required(options_held=True)) - set(without_options) == {"vol_quotes"}


def test_a_day_that_is_skipped_is_completed_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import flows.clearing_cycle as flow

    banks = {"EOD": replace(EOD, calendar_id="USD_BANK")}
    monkeypatch.setattr(flow, "schedules", lambda: banks)
    monkeypatch.setattr(flow, "_date_by_clock", lambda cycle: date(2026, 1, 31))
    state: Any = flow.clearing_cycle.fn(tmp_path / "home")
    assert (state.name, state.type.value) == ("Skipped", "COMPLETED")
    assert "2026-01-31" in state.message
    assert not (tmp_path / "home").exists()
