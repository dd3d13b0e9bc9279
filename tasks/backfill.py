"""End-of-day cycles of a span of days, one after another: what is out is left alone, the first that fails ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tasks import convert, status
from tasks.home import Home
from tasks.key import cycle_id
from tasks.model.errors import Finding, LeveeError

CYCLE = "EOD"
UP_TO_DATE, PUBLISHED = "up to date", "published"

Deliver = Callable[[date], None]
Run = Callable[[date], Mapping[str, Any]]


def days(first: date, last: date) -> list[date]:
    """Calendar days of a span, both ends included. Raises LeveeError USAGE where it ends before it begins."""
    if last < first:
        raise LeveeError(
            Finding(
                "USAGE",
                "the span ends before it begins",
                value=f"{first} to {last}",
                action="give --from the earlier day",
            )
        )
    return [first + timedelta(days=at) for at in range((last - first).days + 1)]


def march(home: Home, span: list[date], deliver: Deliver, run: Run) -> Iterator[dict[str, Any]]:
    """Deliver and run each day that is not out, and say how each ended. Raises the LeveeError of the first that fails.

    A day is delivered once: when its cycle is under way, only its senders may change what it was frozen on.
    """
    for day in span:
        started, state = time.monotonic(), _state(home, day)
        out = state == "PUBLISHED"
        if not state:
            deliver(day)
        outcome = {} if out else run(day)
        yield {
            "business_date": day.isoformat(),
            "cycle_id": cycle_id(day, CYCLE),
            "state": UP_TO_DATE if out else PUBLISHED,
            "seconds": round(time.monotonic() - started, 3),
            **outcome,
        }


def deribit_chain(home: Home, market_data: Path, seed: int) -> Deliver:
    """Deliver a day by converting the venue's chain, once the day before is published: its calls come as deposits."""

    def deliver(day: date) -> None:
        convert.deribit_chain(home, day, market_data, seed)

    return deliver


def _state(home: Home, day: date) -> str:
    """State of the latest run of a day's end of day, empty where none has begun: one that waits for files has not."""
    runs = [state for state in status.cycles(home, day) if state["cycle"] == CYCLE and state["run_id"]]
    return str(runs[-1]["state"]) if runs else ""
