"""Reference models as challengers: margins of other houses on static portfolios, from their declared parameter sets.

Their scans have fixed ranges, so on futures a rate of notional moves only where a set weighs underlyings against each
other in units of coin (credits between them): such a set is asked at the first close of every month, as a house that
publishes its arrays, any other once. They forecast no tail. Today's parameters are applied to all of history, as with
every static policy. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.model.arrays import Closes, Contracts, Dates, Floats, Ints, slices_of
from tasks.model.assurance.challenger_moves import span_of
from tasks.model.assurance.rate_path import RatePath, rate_path
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.assurance.static_portfolio import Leg, StaticPortfolio
from tasks.model.margin.portfolio import Book
from tasks.model.policy import Policy
from tasks.model.pricing.payoff import pays_coin

GROSS_USD = 10_000.0  # of every portfolio: below every set's charges on size


@dataclass(frozen=True)
class ReferenceChallenger:
    """A declared parameter set in the place of the house model."""

    name: str
    asks: Callable[[Book], Floats]  # USD of every portfolio of a book
    weighs_coins: bool  # whether credits make rates of several underlyings move with their prices

    def __call__(
        self,
        closes: Closes,
        policy: Policy,
        portfolios: Sequence[StaticPortfolio],
        first: np.datetime64,
        last: np.datetime64,
    ) -> tuple[RatePath, ...]:
        """Paths of the portfolios from the first to the last day; a day without a leg's close has no rate."""
        span = span_of(closes, first, last)
        rates = self._rates(closes, portfolios, span)
        periods = house_periods({name for each in portfolios for name in each.underlyings}, policy)
        return tuple(
            rate_path(portfolio, self.name, closes, periods, span, rate)
            for portfolio, rate in zip(portfolios, rates, strict=True)
        )

    def _rates(self, closes: Closes, portfolios: Sequence[StaticPortfolio], span: slice) -> Floats:
        """(p, n) fraction of gross notional, NaN where a close is missing."""
        rates = np.full((len(portfolios), span.stop - span.start), np.nan)
        by_legs: dict[tuple[str, ...], list[int]] = {}
        for row, portfolio in enumerate(portfolios):
            by_legs.setdefault(portfolio.underlyings, []).append(row)
        for names, rows in by_legs.items():
            close = closes.close[[closes.underlyings.index(name) for name in names], span]
            days = np.flatnonzero(np.isfinite(close).all(axis=0))
            moving = self.weighs_coins and len(names) > 1
            asked = _first_of_months(closes.dates[span][days]) if moving else np.zeros(len(days), dtype=np.int64)
            held = [portfolios[row] for row in rows]
            found = {at: self._at(close[:, days[at]], names, held) for at in np.unique(asked).tolist()}
            for day, at in zip(days.tolist(), asked.tolist(), strict=True):
                rates[rows, day] = found[at]
        return rates

    def _at(self, price: Floats, names: tuple[str, ...], held: Sequence[StaticPortfolio]) -> Floats:
        """(p,) rates at some prices (u,)."""
        return self.asks(static_book(held, names, price)) / GROSS_USD


def _first_of_months(dates: Dates) -> Ints:
    """(n,) position of the first of the ascending dates that lies in the same month."""
    months = dates.astype("datetime64[M]")
    return np.asarray(np.searchsorted(months, months), dtype=np.int64)


def static_book(portfolios: Sequence[StaticPortfolio], names: tuple[str, ...], price: Floats) -> Book:
    """Book of the portfolios, GROSS_USD each, in perpetuals that stand at the prices (u,) of the sorted underlyings."""
    legs = [(row, leg) for row, portfolio in enumerate(portfolios) for leg in portfolio.legs]
    kinds = sorted({(names.index(leg.underlying), leg.form) for _, leg in legs})
    contracts = _perpetuals(kinds, names, price)
    rows = sorted({(row, names.index(leg.underlying)) for row, leg in legs})
    entries = sorted(legs, key=lambda each: (each[0], names.index(each[1].underlying), each[1].form))
    place = [rows.index((row, names.index(leg.underlying))) for row, leg in entries]
    contract = np.array([kinds.index((names.index(leg.underlying), leg.form)) for _, leg in entries])
    return Book(
        _keys(portfolios),
        pl.DataFrame(),
        contracts,
        _ints([row for row, _ in rows]),
        _ints([underlying for _, underlying in rows]),
        np.searchsorted(place, np.arange(len(rows) + 1)).astype(np.int64),
        contract.astype(np.int64),
        np.array([_quantity(leg, float(price[names.index(leg.underlying)])) for _, leg in entries]),
        np.zeros(len(kinds)),
        np.zeros(len(contracts.slices.days), dtype=np.bool_),
    )


def _quantity(leg: Leg, price: float) -> float:
    """Contracts of one unit of the underlying, or of one USD where the coin settles."""
    return leg.weight * GROSS_USD / (1.0 if pays_coin(_ints([leg.form]))[0] else price)


def _perpetuals(kinds: Sequence[tuple[int, int]], names: tuple[str, ...], price: Floats) -> Contracts:
    """One contract for each underlying and form."""
    underlying, form = _ints([each for each, _ in kinds]), _ints([form for _, form in kinds])
    n, spot = len(kinds), price[underlying]
    slice_of, slices = slices_of(underlying, np.full(n, np.inf))
    missing = np.full(n, np.nan)
    return Contracts(
        tuple(f"{names[at]}-{kind}" for at, kind in kinds),
        names,
        underlying,
        form,
        np.ones(n),
        spot,
        spot,
        np.where(pays_coin(form), spot, 1.0),
        missing,
        np.zeros(n, dtype=np.bool_),
        missing,
        missing,
        np.zeros(n),
        slice_of,
        slices,
    )


def _keys(portfolios: Sequence[StaticPortfolio]) -> pl.DataFrame:
    names = [f"{row:06d}" for row in range(len(portfolios))]
    return pl.DataFrame({"clearing_member_id": "STATIC", "margin_account_id": names}).with_columns(
        client_id=pl.lit(""), account_type=pl.lit("HOUSE")
    )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
