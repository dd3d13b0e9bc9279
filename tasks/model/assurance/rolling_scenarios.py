"""Scenario returns as they were known at the close of every day of a history, without drawing them anew each day.

What of a scenario set does not depend on the day it is drawn on (returns, the volatility forecast at each start, which
start dates are valid, declared proxies) is computed once; a day adds its own forecast. The returns equal those of
`risk.scenarios.filtered` and `long_run` on the closes cut off after the day. Reference: METHODOLOGY 3.1 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tasks.model.arrays import Bools, Closes, Floats, Ints
from tasks.model.market.returns import daily_returns, horizon_returns
from tasks.model.market.volatility import forecast_volatility, scale_factor
from tasks.model.policy import BaseMargin, Policy
from tasks.model.risk.scenarios import FILTERED, LONG_RUN


@dataclass(frozen=True)
class _Drawable:
    """Start dates as they are while the same underlyings are young: each with its return, or a stand-in's."""

    starts: Ints  # (m,) valid positions, ascending
    observed: Floats  # (u, m) log return
    then: Floats  # (u, m) forecast at the start
    source: Ints  # (u, m) row of `RollingScenarios.now` whose forecast today rescales it


@dataclass(frozen=True)
class RollingScenarios:
    """Scenarios of u underlyings on every one of d days; rows beyond u of the tables are those of the anchors."""

    base: BaseMargin
    horizon: Ints  # (u,) days
    observed: Floats  # (u, d) log return from each start
    volatility: Floats  # (u + a, d) forecast at each close, per sqrt(day), NaN before it is seeded
    lasting: Floats  # (u + a, d) volatility of the long-run floor at each close
    stand_in: Floats  # (u, d) return of the first anchor that has one, over u's period, times the ratio of ranges
    stand_in_row: Ints  # (u, d) row of that anchor in `volatility`
    own: Ints  # (u, d + 1) valid start dates of its own before each position
    stale: Bools  # (u, d) whether the closes up to a day end more than the period before it
    _drawable: dict[tuple[bool, ...], _Drawable] = field(default_factory=dict)

    def returns(self, day: int, name: str = FILTERED) -> Floats | None:
        """(u, n) scaled log returns known at the close of a day; None where history is too short to draw from.

        name: FILTERED, or LONG_RUN for those of the long-run floor.
        """
        reach = day + 1 - int(self.horizon.max())
        if reach <= 0 or self.stale[:, day].any() or self.own[:, reach].min() < self.base.minimum_scenarios:
            return None
        drawable = self._of(self.own[:, reach] < self.base.lookback_scenarios)
        end = int(np.searchsorted(drawable.starts, reach))
        if end < self.base.minimum_scenarios:
            return None
        taken = slice(max(end - self.base.lookback_scenarios, 0), end)
        now = (self.volatility if name == FILTERED else self.lasting)[:, day]
        return _rescaled(drawable, taken, now, "mid" if name == LONG_RUN else self.base.scaling, self.base)

    def _of(self, young: Bools) -> _Drawable:
        key = tuple(young.tolist())
        if key not in self._drawable:
            self._drawable[key] = self._drawn(young)
        return self._drawable[key]

    def _drawn(self, young: Bools) -> _Drawable:
        u, d = self.observed.shape
        has_own = np.diff(self.own, axis=1) > 0
        early = young[:, None] & (np.arange(d) < np.argmax(has_own, axis=1)[:, None])
        then = np.where(early, np.take_along_axis(self.volatility, self.stand_in_row, axis=0), self.volatility[:u])
        source = np.where(early, self.stand_in_row, np.arange(u)[:, None])
        observed = np.where(early, self.stand_in, self.observed)
        starts = np.flatnonzero((np.isfinite(observed) & np.isfinite(then)).all(axis=0))
        return _Drawable(starts, observed[:, starts], then[:, starts], source[:, starts])


def rolling_scenarios(closes: Closes, periods: dict[str, int], policy: Policy) -> RollingScenarios:
    """Scenarios of some underlyings of the closes. periods: liquidation period in days of each, sorted by name."""
    base, names = policy.base_margin, tuple(periods)
    anchors = tuple(name for name in policy.stress.anchors if name in closes.underlyings)
    close = {name: closes.close[closes.underlyings.index(name)] for name in (*names, *anchors)}
    daily = {name: daily_returns(row) for name, row in close.items()}
    volatility = {name: _forecast(row, name, base) for name, row in daily.items()}
    observed = np.stack([horizon_returns(close[name], days) for name, days in periods.items()])
    valid = np.isfinite(observed) & np.isfinite(np.stack([volatility[name] for name in names]))
    proxies = [_stand_in(name, days, anchors, close, volatility, policy) for name, days in periods.items()]
    return RollingScenarios(
        base,
        np.array(list(periods.values()), dtype=np.int64),
        observed,
        np.stack([volatility[name] for name in (*names, *anchors)]),
        np.stack([_lasting(daily[name], name, base) for name in (*names, *anchors)]),
        np.stack([proxy for proxy, _ in proxies]),
        np.stack([np.where(at < 0, 0, at + len(names)) for _, at in proxies]),
        np.concatenate([np.zeros((len(names), 1), dtype=np.int64), np.cumsum(valid, axis=1)], axis=1),
        np.stack([_stale(close[name], days) for name, days in periods.items()]),
    )


def _rescaled(drawable: _Drawable, taken: slice, now: Floats, scaling: str, base: BaseMargin) -> Floats:
    then, today = drawable.then[:, taken], now[drawable.source[:, taken]]
    factor = scale_factor(then, today, scaling, base.scale_factor_lowest, base.scale_factor_highest)
    return np.asarray(drawable.observed[:, taken] * factor)


def _forecast(daily: Floats, name: str, base: BaseMargin) -> Floats:
    return forecast_volatility(
        daily, base.half_life_days, base.volatility_seed_days, base.volatility_floor_per_day[name]
    )


def _lasting(daily: Floats, name: str, base: BaseMargin) -> Floats:
    """(d,) root mean square of the last `long_run_days` daily returns at each close, NaN before the first."""
    squares = np.cumsum(np.append(0.0, np.nan_to_num(daily) ** 2))
    counts = np.cumsum(np.append(0, np.isfinite(daily)))
    start = np.maximum(np.arange(1, len(daily) + 1) - base.long_run_days, 0)
    known = counts[1:] - counts[start]
    mean = (squares[1:] - squares[start]) / np.where(known > 0, known, np.nan)
    return np.asarray(np.maximum(np.sqrt(mean), base.volatility_floor_per_day[name]))


def _stand_in(
    name: str,
    days: int,
    anchors: tuple[str, ...],
    close: dict[str, Floats],
    volatility: dict[str, Floats],
    policy: Policy,
) -> tuple[Floats, Ints]:
    """(d,) return that stands in for an underlying before it has history, and which anchor it is of, -1 for none."""
    ranges = policy.grid.range_fraction
    moves, at = np.full(len(close[name]), np.nan), np.full(len(close[name]), -1, dtype=np.int64)
    for position, anchor in enumerate(anchors):
        own = horizon_returns(close[anchor], days)
        first = np.isnan(moves) & np.isfinite(own) & np.isfinite(volatility[anchor])
        moves, at = np.where(first, own * (ranges[name] / ranges[anchor]), moves), np.where(first, position, at)
    return moves, at


def _stale(close: Floats, days: int) -> Bools:
    place = np.arange(len(close))
    last = np.maximum.accumulate(np.where(np.isfinite(close), place, -1))
    return np.asarray((last < 0) | (place - last > days))
