"""How often margin was enough: items 6.5."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, reported, span_of, unavailable
from tasks.disclosure_period import Period

_NOT_TESTED = "margin accounts are not back-tested yet"


def coverage(period: Period) -> Iterator[Figure]:
    """6.5.1 to 6.5.5."""
    span, said = span_of(period.runs), declared()
    yield reported("6.5.1.2", "", said.test_frequency, span, FILE)
    yield reported("6.5.1.3", "", said.test_time, span, FILE)
    for reference in ("6.5.1.1", "6.5.2", "6.5.3", "6.5.4", "6.5.5"):
        yield unavailable(reference, "", _NOT_TESTED)
