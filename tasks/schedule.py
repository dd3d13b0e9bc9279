"""The timetable: when each cycle's snapshot is taken, which cycles run by the clock, and for which business date."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from tasks import calendar, resources


@dataclass(frozen=True)
class Schedule:
    """When a cycle is taken: `as_of` on the clock of `zone`, `days_before` calendar days before its business date.

    `cron`, on the same clock, is empty for a cycle that only a person starts; `calendar_id` decides on which days it
    runs by the clock, `wait_seconds` for how long it waits for the home to be free.
    """

    cycle: str
    as_of: time
    zone: str
    days_before: int
    calendar_id: str
    cron: str = ""
    wait_seconds: float = 0.0

    def snapshot(self, business_date: date) -> datetime:
        """Instant (UTC) the cycle of a business date is taken at."""
        return calendar.instant(business_date - timedelta(days=self.days_before), self.as_of, self.zone)

    def business_date(self, scheduled: datetime) -> date:
        """Latest date whose snapshot is not after a scheduled time (with its zone)."""
        utc = scheduled.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
        day = scheduled.astimezone(ZoneInfo(self.zone)).date() + timedelta(days=self.days_before)
        return day if self.snapshot(day) <= utc else day - timedelta(days=1)

    def runs_on(self, day: date) -> bool:
        """Whether the calendar has the cycle run on a day."""
        return calendar.calendars()[self.calendar_id].is_open_day(day)


@dataclass(frozen=True)
class CalibrationClock:
    """When parameters are estimated by the clock, on the clock of `zone`, and of which underlyings."""

    cron: str
    zone: str
    coins: tuple[str, ...]

    def as_of(self, scheduled: datetime) -> date:
        """The last UTC day that is over at a scheduled time (with its zone)."""
        return scheduled.astimezone(ZoneInfo("UTC")).date() - timedelta(days=1)


@cache
def calibration_clock() -> CalibrationClock:
    """As data/reference/calibration.toml declares it."""
    content = tomllib.loads(resources.data("reference/calibration.toml").read_text(encoding="utf-8"))
    return CalibrationClock(content["cron"], content["zone"], tuple(content["coins"]))


@cache
def timetable() -> Mapping[str, Schedule]:
    """Cycles of data/reference/timetable.toml by name."""
    content = tomllib.loads(resources.data("reference/timetable.toml").read_text(encoding="utf-8"))
    return MappingProxyType({cycle: _schedule(cycle, entry) for cycle, entry in content.items()})


@dataclass(frozen=True)
class Nightly:
    """When work that follows the end of day runs, on the clock of `zone`."""

    cron: str
    zone: str


@cache
def nightly() -> Nightly:
    """The challenger league on the book (data/reference/nightly.toml)."""
    content = tomllib.loads(resources.data("reference/nightly.toml").read_text(encoding="utf-8"))
    return Nightly(**content["book_league"])


def schedules() -> Mapping[str, Schedule]:
    """Cycles that run by the clock."""
    return {cycle: each for cycle, each in timetable().items() if each.cron}


def snapshot(business_date: date, cycle: str) -> datetime | None:
    """Instant (UTC) a cycle is taken at by the timetable; None for a cycle that is not in it."""
    listed = timetable().get(cycle)
    return listed.snapshot(business_date) if listed else None


def _schedule(cycle: str, entry: Mapping[str, Any]) -> Schedule:
    known = {"calendar_id" if name == "calendar" else name: value for name, value in entry.items()}
    return Schedule(cycle, **known)
