"""What challengers of the margin model learn from: moves that were over at the close of a day, and no later one.

A scenario is a start day with a return over the liquidation period of every underlying a portfolio holds. At the close
of t the look-back is the latest scenarios whose move has ended by t; nothing is filled, and a day before the least
number of them has no figure. Rates are of a gross notional of one. Reference: METHODOLOGY 3 and 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Closes, Floats, Ints
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.market.returns import daily_returns, horizon_returns
from tasks.model.market.volatility import forecast_volatility
from tasks.model.policy import Policy


@dataclass(frozen=True)
class Memory:
    """How far back a challenger looks, and how fast it forgets."""

    lookback_scenarios: int
    minimum_scenarios: int
    half_life_days: float


@dataclass(frozen=True)
class Moves:
    """Of u underlyings over n days, NaN where a close is missing."""

    horizon_days: Ints  # (u,) liquidation period
    returns: Floats  # (u, n) log return over the period that starts on each day
    daily: Floats  # (u, n) log return that ends on each day
    volatility_floor: Floats  # (u,) fraction per sqrt(day)
    seed_days: int  # daily returns that seed a volatility
    since: int  # position of the first day figures are asked of

    def gain(self, weights: Floats, daily: bool = False) -> Floats:
        """(n,) gain over the period from each day, or on each day, at constant weights (u,); legs are summed in order.

        An underlying of weight zero takes part in nothing, so that its missing closes cost no day.
        """
        moved = self.daily if daily else self.returns
        total = np.zeros(moved.shape[1])
        for leg in np.flatnonzero(weights):
            total = total + weights[leg] * np.expm1(moved[leg])
        return total

    def reach(self, weights: Floats) -> int:
        """Days until a move of every leg is over."""
        return int(self.horizon_days[weights != 0.0].max())

    def volatility(self, half_life_days: float) -> Floats:
        """(u, n) forecast of each underlying at each close, per sqrt(day)."""
        rows = zip(self.daily, self.volatility_floor, strict=True)
        return np.stack([forecast_volatility(row, half_life_days, self.seed_days, float(low)) for row, low in rows])

    def portfolio_volatility(self, weights: Floats, half_life_days: float) -> Floats:
        """(n,) forecast of a portfolio's daily gain at each close; its floor is that of its legs, unhedged."""
        floor = float(np.abs(weights) @ self.volatility_floor)
        return forecast_volatility(self.gain(weights, daily=True), half_life_days, self.seed_days, floor)


class Levels(NamedTuple):
    """What a challenger is asked for: a shortfall as margin, and the tail it is scored by, both confidences."""

    margin: float
    forecast: float


class TailPaths(NamedTuple):
    """Of p portfolios at the close of n days, fraction of gross notional, loss > 0; NaN where there is no figure."""

    margin: Floats  # (p, n) expected shortfall at the confidence of the margin
    value_at_risk: Floats  # (p, n) at the confidence of the forecast
    expected_shortfall: Floats  # (p, n) likewise


def moves_of(closes: Closes, underlyings: tuple[str, ...], policy: Policy, since: int) -> Moves:
    """Moves over the house's liquidation periods of underlyings the closes hold; figures are asked from `since` on."""
    close = closes.close[[closes.underlyings.index(name) for name in underlyings]]
    period = house_periods(underlyings, policy)
    periods = np.array([period[name] for name in underlyings], dtype=np.int64)
    return Moves(
        periods,
        np.stack([horizon_returns(row, int(days)) for row, days in zip(close, periods, strict=True)]),
        daily_returns(close),
        np.array([policy.base_margin.volatility_floor_per_day[name] for name in underlyings]),
        policy.base_margin.volatility_seed_days,
        since,
    )


def span_of(closes: Closes, first: np.datetime64, last: np.datetime64) -> slice:
    """Columns of the closes from the first to the last day, as far as there are closes."""
    start, end = np.searchsorted(closes.dates, [first, last + np.timedelta64(1, "D")])
    return slice(int(start), int(end))


def windows(valid: Bools, reach: int, memory: Memory, since: int) -> Iterator[tuple[int, Ints]]:
    """Every day from `since` on that has enough of a past, and the start days of its look-back. valid: (n,)."""
    starts = np.flatnonzero(valid)
    known = np.searchsorted(starts, np.arange(len(valid)) - reach, side="right")
    for day in (since + np.flatnonzero(known[since:] >= memory.minimum_scenarios)).tolist():
        yield day, starts[max(known[day] - memory.lookback_scenarios, 0) : known[day]]


def nothing(portfolios: int, days: int) -> TailPaths:
    """Paths without a figure, to be filled."""
    return TailPaths(*(np.full((portfolios, days), np.nan) for _ in TailPaths._fields))
