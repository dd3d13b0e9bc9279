"""A figure of the disclosure as it is printed: its value or why there is none, its days, and what it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, NamedTuple

from tasks.disclosure_items import CLOCK, FRACTION, HOURS, USD, Item, item_of
from tasks.disclosure_period import Row
from tasks.envelope import cell
from tasks.model.errors import Finding, ModelInputError
from tasks.model.money import round_half_even
from tasks.texts import fixed

REPORTED, NOT_AVAILABLE = "REPORTED", "NOT_AVAILABLE"
_FRACTION_DIGITS, _HOUR_DIGITS = 8, 2


class Span(NamedTuple):
    """First and last day a figure is about, and how many days of them it rests on."""

    first: date
    last: date
    days: int


@dataclass(frozen=True)
class Figure:
    """A line of PQ01. `source`: SQL file or function, several separated by blanks; `reason` where there is no value."""

    item: Item
    part: str
    value: str
    status: str
    reason: str
    span: Span | None
    source: str

    def row(self, service: str) -> tuple[str, ...]:
        """Its texts in the order of the report's columns."""
        days = (cell(self.span.first), cell(self.span.last), cell(self.span.days)) if self.span else ("", "", "")
        item = self.item
        return (
            *(item.reference, self.part, item.title, service, item.unit, self.value, self.status, self.reason),
            *(*days, item.window, self.source),
        )


def span_of(runs: Sequence[Row]) -> Span:
    """The days of some runs, oldest first; there is at least one."""
    return Span(runs[0]["business_date"], runs[-1]["business_date"], len(runs))


def reported(reference: str, part: str, value: Any, span: Span, *source: str | Callable[..., Any]) -> Figure:
    """A figure with its value, printed as its unit has it. Raises ModelInputError NON_FINITE, UNKNOWN_ITEM."""
    item = _known(reference, part)
    return Figure(item, part, _printed(item.unit, value), REPORTED, "", span, " ".join(map(_name, source)))


def unavailable(reference: str, part: str, reason: str) -> Figure:
    """A figure that is not there, and why: it is never printed as zero."""
    return Figure(_known(reference, part), part, "", NOT_AVAILABLE, reason, None, "")


def sql(name: str) -> str:
    """The file of a query as a source."""
    return f"sql/{name}.sql"


def _known(reference: str, part: str) -> Item:
    item = item_of(reference, part)
    if item is None:
        raise ModelInputError(
            Finding("DISCLOSURE", "no such figure is disclosed", where=reference, value=part, action="see ITEMS")
        )
    return item


def _name(source: str | Callable[..., Any]) -> str:
    return source if isinstance(source, str) else f"{source.__module__}.{source.__qualname__}"


def _printed(unit: str, value: Any) -> str:
    return _FORMS.get(unit, cell)(value)


def _usd(value: Decimal | float) -> str:
    return cell(round_half_even(value))


_FORMS: Mapping[str, Callable[[Any], str]] = {
    USD: _usd,
    FRACTION: lambda value: fixed(float(value), _FRACTION_DIGITS),
    HOURS: lambda value: fixed(float(value), _HOUR_DIGITS),
    CLOCK: lambda value: time.isoformat(value, "minutes"),
}
