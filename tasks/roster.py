"""Which files a cycle expects, until when, and what may stand in for one that does not come."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from types import MappingProxyType

from tasks import resources, schedule

ALWAYS, OPTIONS, NEVER = "ALWAYS", "OPTIONS", "NEVER"
PRIOR_POSITIONS, PRIOR_SURFACE = "PRIOR_POSITIONS", "PRIOR_SURFACE"


@dataclass(frozen=True)
class Expected:
    """A dataset of the roster: whether a cycle needs it, until when it may come, and what may stand in for it."""

    dataset: str
    need: str  # ALWAYS, OPTIONS (where options are held) or NEVER
    cut_off_minutes: int  # after the cycle's snapshot
    grace_minutes: int  # after the cut-off
    fallback: str  # NONE, PRIOR_POSITIONS, PRIOR_SURFACE or DECLARED

    @property
    def late_code(self) -> str:
        """Code of its absence after the cut-off."""
        return f"LATE_{self.dataset.upper()}"

    def last_moment(self, business_date: date, cycle: str) -> datetime | None:
        """End of its grace, UTC; None for a cycle the timetable does not list, which waits without end."""
        taken = schedule.snapshot(business_date, cycle)
        return taken + timedelta(minutes=self.cut_off_minutes + self.grace_minutes) if taken else None


@cache
def roster() -> Mapping[str, Expected]:
    """Datasets of data/reference/roster.toml by name."""
    content = tomllib.loads(resources.data("reference/roster.toml").read_text(encoding="utf-8"))
    return MappingProxyType({dataset: Expected(dataset, **entry) for dataset, entry in content.items()})


def required(options_held: bool = False) -> tuple[str, ...]:
    """Datasets without which a cycle is not begun, by name."""
    needs = {ALWAYS, OPTIONS} if options_held else {ALWAYS}
    return tuple(sorted(each.dataset for each in roster().values() if each.need in needs))
