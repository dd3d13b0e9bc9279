"""What margin portfolios lost over the days after their margin was set, from what was settled: with the trades of those
days, before fees and funding.

A day's result is what was settled at its prices, and the change of the options' value. A loss is taken over whole days
in a row: where one of them is not published there is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from tasks.disclosure_period import Period
from tasks.model.arrays import Floats
from tasks.model.errors import Finding, ModelInputError
from tasks.model.money import product

Portfolio = tuple[str, str, str]
"""Member, account, client (empty but for a gross account)."""


@dataclass(frozen=True)
class Held:
    """A portfolio at the end of a day, USD."""

    margin: Decimal
    option_value: Decimal
    holds: bool


@dataclass(frozen=True)
class Observed:
    """A loss beside the margin that stood when its days began, USD, loss > 0."""

    day: date
    portfolio: Portfolio
    margin: float
    loss: float


def known_price(price: Decimal | None, asset: str) -> Decimal:
    """The price. Raises ModelInputError PRICE_MISSING where there is none."""
    if price is None:
        raise ModelInputError(
            Finding("PRICE_MISSING", "what was settled has no price", value=asset, action="see result.asset_price")
        )
    return price


def losses(period: Period, days: int) -> list[Observed]:
    """Every portfolio that held something on a day whose next `days` days are all published, by day and portfolio."""
    held, settled = _held(period), _settled(period)
    found = []
    for start in sorted(held):
        after = [start + timedelta(days=ahead) for ahead in range(1, days + 1)]
        if all(day in held for day in after):
            found += list(_of_day(start, after, held, settled))
    return found


def over_margin(observed: list[Observed]) -> Floats:
    """(days, members) loss over margin, USD: of a member what its portfolios lose beyond their own margin, together."""
    days = {day: at for at, day in enumerate(sorted({each.day for each in observed}))}
    members = {member: at for at, member in enumerate(sorted({each.portfolio[0] for each in observed}))}
    over = np.zeros((len(days), len(members)))
    for each in observed:
        over[days[each.day], members[each.portfolio[0]]] += max(each.loss - each.margin, 0.0)
    return over


def _of_day(
    start: date,
    after: list[date],
    held: Mapping[date, Mapping[Portfolio, Held]],
    settled: Mapping[date, Mapping[Portfolio, Decimal]],
) -> Iterator[Observed]:
    for portfolio, stood in held[start].items():
        if stood.holds:
            worth = held[after[-1]].get(portfolio, Held(Decimal(0), Decimal(0), False)).option_value
            brought = sum((settled[day].get(portfolio, Decimal(0)) for day in after), Decimal(0))
            loss = stood.option_value - worth - brought
            yield Observed(start, portfolio, float(stood.margin), float(loss))


def _held(period: Period) -> dict[date, dict[Portfolio, Held]]:
    found: dict[date, dict[Portfolio, Held]] = {run["business_date"]: {} for run in period.runs}
    rows = period.of_days("disclosure/portfolio", period.runs)
    for member, account, client, margin, option_value, holds, day in rows.iter_rows():
        found[day][member, account, client] = Held(margin, option_value, holds)
    return found


def _settled(period: Period) -> dict[date, dict[Portfolio, Decimal]]:
    found: dict[date, dict[Portfolio, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    rows = period.of_days("disclosure/portfolio_flow", period.runs)
    for member, account, client, asset, amount, price, day in rows.iter_rows():
        found[day][member, account, client] += product(amount, known_price(price, asset))
    return found
