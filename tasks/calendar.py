"""Settlement calendars of the reference data: when a payment in an asset can be made final.

Instants are UTC and naive, as in the tables; a window keeps the clock of its own place, so it moves with that place's
summer time. A year without listed holidays has none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tasks import reference, resources
from tasks.model.errors import Finding, LeveeError

_DAYS_SEARCHED = 366


@dataclass(frozen=True)
class Calendar:
    """A settlement calendar: one window a day, from `opens` to `closes` inclusive, on its weekdays (Monday = 0).

    Days and times are those of its `zone`, an IANA name.
    """

    calendar_id: str
    weekdays: frozenset[int]
    opens: time
    closes: time
    holidays: frozenset[date]
    zone: str = "UTC"

    def is_open_day(self, day: date) -> bool:
        """Whether the calendar has a window on a day."""
        return day.weekday() in self.weekdays and day not in self.holidays

    def window(self, day: date) -> tuple[datetime, datetime]:
        """First and last instant (UTC) of a day's window, were the calendar open on it."""
        return instant(day, self.opens, self.zone), instant(day, self.closes, self.zone)

    def local_date(self, moment: datetime) -> date:
        """The calendar's own date at an instant (UTC)."""
        return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone)).date()

    def next_open(self, earliest: datetime) -> datetime:
        """First instant not before `earliest` (UTC) that lies in an open window.

        Raises LeveeError CALENDAR_CLOSED where a year has no window.
        """
        today = self.local_date(earliest)
        for day in (today + timedelta(days=days) for days in range(_DAYS_SEARCHED)):
            opens, closes = self.window(day)
            if self.is_open_day(day) and earliest <= closes:
                return max(earliest, opens)
        raise LeveeError(
            Finding(
                "CALENDAR_CLOSED",
                "the calendar has no open window within a year",
                where=self.calendar_id,
                value=earliest.isoformat(),
                action="correct data/reference/calendars.toml",
            )
        )


def instant(day: date, clock: time, zone: str) -> datetime:
    """UTC instant at which the clock of a zone shows a time on a day; every day has exactly one.

    Of a time the clock shows twice, or leaps over, the earlier of the two readings: whoever wakes by that clock is
    then never too early.
    """
    readings = (datetime.combine(day, clock.replace(fold=fold), ZoneInfo(zone)) for fold in (0, 1))
    return min(reading.astimezone(UTC) for reading in readings).replace(tzinfo=None)


@cache
def calendars() -> Mapping[str, Calendar]:
    """Calendars of data/reference/calendars.toml by name."""
    content = tomllib.loads(resources.data("reference/calendars.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            name: Calendar(
                name,
                frozenset(entry["weekdays"]),
                entry["opens"],
                entry["closes"],
                frozenset(entry["holidays"]),
                entry["zone"],
            )
            for name, entry in content.items()
        }
    )


def due_time(asset: str, issued: datetime, minimum_funding_minutes: int) -> datetime:
    """When a call in an asset is due: the first open instant of its calendar after the minimum time for funding.

    Raises LeveeError UNKNOWN_ASSET where the reference data has no such asset.
    """
    calendar = calendars()[reference.known(asset).calendar_id]
    return calendar.next_open(issued + timedelta(minutes=minimum_funding_minutes))


def gap_days(asset: str, day: date) -> int:
    """Calendar days from a day to the next later one on which an asset can be settled, less the usual one.

    0 where the next day has a window; 2 on a Friday of a calendar that is closed at the weekend. What is called before
    the gap must last until the window after it. Raises LeveeError UNKNOWN_ASSET or CALENDAR_CLOSED.
    """
    calendar = calendars()[reference.known(asset).calendar_id]
    tomorrow = day + timedelta(days=1)
    return (calendar.next_open(datetime.combine(tomorrow, time.min)).date() - tomorrow).days
