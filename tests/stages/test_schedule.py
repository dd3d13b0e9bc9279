"""Which business date a scheduled time belongs to, and which days a schedule skips."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest

from tasks.schedule import Schedule, schedules


@pytest.mark.parametrize(
    ("scheduled", "day"),
    [
        (datetime(2026, 1, 30, 8, 10, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 8, 0, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 7, 59, 59, tzinfo=UTC), date(2026, 1, 29)),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2026, 1, 30, 3, 10, tzinfo=timezone(timedelta(hours=-5))), date(2026, 1, 30)),
        (datetime(2026, 1, 30, 9, 10, tzinfo=timezone(timedelta(hours=9))), date(2026, 1, 29)),
    ],
)
def test_a_run_belongs_to_the_latest_date_whose_cut_off_has_passed(scheduled: datetime, day: date) -> None:
    assert Schedule("EOD", "10 8 * * *", time(8), "ALWAYS_OPEN", 0.0).business_date(scheduled) == day


def test_the_calendar_decides_on_days() -> None:
    banks = Schedule("EOD", "10 8 * * *", time(8), "USD_BANK", 0.0)
    assert banks.runs_on(date(2026, 1, 30))
    assert not banks.runs_on(date(2026, 1, 31)), "a Saturday"
    assert not banks.runs_on(date(2026, 1, 19)), "a bank holiday"


def test_the_shipped_schedule_runs_every_day_after_its_cut_off() -> None:
    end_of_day = schedules()["EOD"]
    minute, hour, *days = end_of_day.cron.split()
    assert days == ["*", "*", "*"]
    assert time(int(hour), int(minute)) > end_of_day.cut_off
    assert all(end_of_day.runs_on(date(2026, 1, 1) + timedelta(days=n)) for n in range(14))


def test_a_day_that_is_skipped_is_completed_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import flows.clearing_cycle as flow

    banks = {"EOD": Schedule("EOD", "10 8 * * *", time(8), "USD_BANK", 0.0)}
    monkeypatch.setattr(flow, "schedules", lambda: banks)
    monkeypatch.setattr(flow, "_date_by_clock", lambda cycle: date(2026, 1, 31))
    state = flow.clearing_cycle.fn(tmp_path / "home")
    assert (state.name, state.type.value) == ("Skipped", "COMPLETED")
    assert "2026-01-31" in state.message
    assert not (tmp_path / "home").exists()
