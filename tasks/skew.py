"""A clock that cannot be believed freezes nothing: it was set while we ran, or went back since we last wrote.

Figures never depend on the clock, but records of who knew what when do. Times of real files are compared with it too;
synthetic ones may be of any day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl

from tasks import resources
from tasks.lock import Hold, hold_of, steady_seconds
from tasks.model.errors import DeliveryError, Finding
from tasks.store import Store

TOLERANCE = timedelta(seconds=2)
_CORRECT_CLOCK = "see the time service; run again once the clock is right"


def require_believable(store: Store, files: pl.DataFrame) -> None:
    """Raises DeliveryError CLOCK_SKEW. `files` are rows of raw.file that are about to be frozen."""
    now = datetime.now(UTC).replace(tzinfo=None)
    hold = hold_of(store.folder)
    found = [*(_moved(hold) if hold else ()), *_went_back(store, now), *_from_the_future(files, now)]
    if found:
        raise DeliveryError(*found)


def _moved(hold: Hold) -> Iterator[Finding]:
    step = (datetime.now(UTC) - hold.since) - timedelta(seconds=steady_seconds() - hold.steady_since)
    if abs(step) > TOLERANCE:
        yield _finding("the clock was set while this command ran", f"{step.total_seconds():+.1f} s", _CORRECT_CLOCK)


def _went_back(store: Store, now: datetime) -> Iterator[Finding]:
    latest = store.read(resources.sql("freeze/latest_record")).item()
    if latest is not None and latest - now > TOLERANCE:
        yield _finding(
            "the clock is behind what was written last", f"{now.isoformat()}Z", _CORRECT_CLOCK, f"{latest.isoformat()}Z"
        )


def _from_the_future(files: pl.DataFrame, now: datetime) -> Iterator[Finding]:
    real = files.filter(pl.col("origin") == "REAL")
    for path, *times in real.select("path", "created_ts", "as_of_ts").iter_rows():
        if max(times) - now > TOLERANCE:
            value = f"{max(times).isoformat()}Z"
            yield _finding("a real file says it is of the future", value, "see whose clock is wrong", where=path)


def _finding(what: str, value: str, action: str, limit: str = "2 s", where: str = "") -> Finding:
    return Finding("CLOCK_SKEW", what, where, value, limit, action)
