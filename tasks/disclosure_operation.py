"""How reliably the core system ran: items 17, from the history of attempts."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, reported, span_of, sql, unavailable
from tasks.disclosure_period import Period

_SECONDS_PER_HOUR = 3600.0


def operation(period: Period) -> Iterator[Figure]:
    """17.1 to 17.4. Failures are those of cycles of the twelve months; the time is that of the clock on the wall."""
    span, failures = span_of(period.runs), period.of_house("disclosure/failure")
    yield reported("17.1.1", "", declared().availability_target, span, FILE)
    yield reported("17.3.1", "FAILURES", failures.height, span, sql("disclosure/failure"))
    open_still = failures.filter(pl.col("mended_ts").is_null())
    if open_still.height:
        first = open_still.row(0, named=True)
        reason = f"a failure of stage {first['stage']} of {first['business_date']} {first['cycle']} is not mended yet"
        yield unavailable("17.2.1", "", reason)
        yield unavailable("17.3.1", "DURATION", reason)
    else:
        hours = _hours(failures)
        watched = 24.0 * ((span.last - span.first).days + 1)
        yield reported("17.2.1", "", max(0.0, 1.0 - hours / watched), span, sql("disclosure/failure"), operation)
        yield reported("17.3.1", "DURATION", hours, span, sql("disclosure/failure"))
    yield reported("17.4.1", "", declared().recovery_hours, span, FILE)


def _hours(failures: pl.DataFrame) -> float:
    """Hours from failure to mending, of all failures together; whole microseconds, so exact."""
    lasted = (failures["mended_ts"] - failures["failed_ts"]).dt.total_microseconds().sum()
    return float(lasted) / 1e6 / _SECONDS_PER_HOUR
