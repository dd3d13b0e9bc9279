"""Which cycles run by the clock, and which business date a scheduled time belongs to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from types import MappingProxyType

from tasks import resources
from tasks.calendar import calendars


@dataclass(frozen=True)
class Schedule:
    """When a cycle runs. Times are UTC; `calendar_id` decides on which days, `wait_seconds` for the home to be free."""

    cycle: str
    cron: str
    cut_off: time
    calendar_id: str
    wait_seconds: float

    def business_date(self, scheduled: datetime) -> date:
        """Latest date whose cut-off is not after a scheduled time (with its zone)."""
        utc = scheduled.astimezone(UTC)
        return utc.date() if utc.time() >= self.cut_off else utc.date() - timedelta(days=1)

    def runs_on(self, day: date) -> bool:
        """Whether the calendar has the cycle run on a day."""
        return calendars()[self.calendar_id].is_open_day(day)


@cache
def schedules() -> Mapping[str, Schedule]:
    """Schedules of data/reference/schedule.toml by cycle."""
    content = tomllib.loads(resources.data("reference/schedule.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            cycle: Schedule(cycle, entry["cron"], entry["cut_off"], entry["calendar"], float(entry["wait_seconds"]))
            for cycle, entry in content.items()
        }
    )
