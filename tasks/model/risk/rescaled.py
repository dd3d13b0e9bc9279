"""Rescaled scenarios of any day of a history, as if it ended that day (METHODOLOGY 3.1).

A forecast of volatility knows only the days before it and a return only the two closes it lies between, so both are
computed once for the whole history, and a day's scenarios are cut from them: a back-test over years and the clearing
cycle of one day run the same code. Of the closes after the day nothing is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from tasks.model.arrays import Bools, Closes, Dates, Floats, Ints, ScenarioSet
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.returns import daily_returns, horizon_returns
from tasks.model.market.series import Factors
from tasks.model.market.volatility import forecast_volatility
from tasks.model.policy import Policy
from tasks.model.risk.observed import basis_moves, vol_moves

# the latest forecasts and all daily returns of some underlyings up to the day, and their names: factors on the returns
# from the days of those forecasts
FactorOf = Callable[[Floats, Floats, tuple[str, ...]], Floats]
_SPARE_DATES = 64  # looked at beyond the look-back, where closes are missing


class _Drawn(NamedTuple):
    """n start dates and the moves of u underlyings from them."""

    taken: Ints  # (n,) positions of the calendar
    scaled: Floats  # (u, n)
    factor: Floats  # (u, n)
    proxied: Bools  # (u, n)


class RescaledHistory:
    """One joint calendar of closes, ready to give the scenario set of any of its days."""

    def __init__(
        self,
        name: str,
        closes: Closes,
        horizon_by_underlying: Mapping[str, int],
        policy: Policy,
        factors: Factors,
        factor_of: FactorOf,
    ) -> None:
        """Raises ModelInputError HISTORY_SHORT for an underlying without closes, or where none is asked for."""
        self.name, self.names, self.horizon = name, *asked(closes, horizon_by_underlying)
        self._closes, self._policy, self._factors, self._factor_of = closes, policy, factors, factor_of
        self._close = closes.close[[closes.underlyings.index(each) for each in self.names]]
        self._observed = np.stack(
            [horizon_returns(row, int(days)) for row, days in zip(self._close, self.horizon, strict=True)]
        )
        self._daily: dict[tuple[str, ...], tuple[Floats, Floats]] = {}
        self._ids = np.full(len(closes.dates), None, dtype=object)
        self._printed = np.zeros(len(closes.dates), dtype=np.bool_)

    def at(self, day: int) -> ScenarioSet:
        """Scenario set of the day at a position of the calendar.

        Raises ModelInputError HISTORY_SHORT naming the underlying with the fewest start dates of its own, or one whose
        closes end more than its liquidation period before the day: what moved since would be left out in silence.
        """
        drawn, dates = self._drawn(day), self._closes.dates
        taken = drawn.taken
        return ScenarioSet(
            self.name,
            self._ids_of(taken),
            self.names,
            dates[taken],
            self.horizon,
            drawn.scaled,
            drawn.factor,
            drawn.proxied,
            normal_scores(len(taken), self._policy.vol_proxy.seed),
            self._reach(day) - int(taken[0]) - len(taken),
            vol_moves(self._factors, self.names, self.horizon, taken),
            basis_moves(self._factors, self._closes, self.names, self.horizon, taken),
        )

    def returns(self, day: int) -> Floats:
        """(u, n) scaled returns of the set of `at`, oldest first: all a book without options reads. Raises as it."""
        return self._drawn(day).scaled

    def _reach(self, day: int) -> int:
        """Days from which a move of every underlying is known by then."""
        return max(day + 1 - int(self.horizon.max()), 0)

    def _drawn(self, day: int) -> _Drawn:
        _require_current(self.names, self.horizon, self._closes.dates[: day + 1], self._close[:, : day + 1])
        return self._recent(day, self._reach(day)) or self._with_proxies(day, self._reach(day))

    def _recent(self, day: int, reach: int) -> _Drawn | None:
        """The set where the latest dates fill the look-back, so that nothing is young or lacking; else None."""
        base = self._policy.base_margin
        first = max(reach - base.lookback_scenarios - _SPARE_DATES, 0)
        factor = self._factor(self.names, day, first)[:, : reach - first]
        scaled = self._observed[:, first:reach] * factor
        taken = np.flatnonzero(np.isfinite(scaled).all(axis=0))[-base.lookback_scenarios :]
        if len(taken) < max(base.lookback_scenarios, base.minimum_scenarios):
            return None
        return _Drawn(first + taken, scaled[:, taken], factor[:, taken], np.zeros((len(scaled), len(taken)), np.bool_))

    def _with_proxies(self, day: int, reach: int) -> _Drawn:
        base = self._policy.base_margin
        factor = self._factor(self.names, day)[:, :reach]
        scaled = self._observed[:, :reach] * factor
        own = np.isfinite(scaled)
        known = own.sum(axis=1)
        fewest = int(known.min())
        if fewest < base.minimum_scenarios:
            raise _history_short(self.names, own, fewest, base.minimum_scenarios)
        young = known < base.lookback_scenarios
        proxied = young[:, None] & (np.arange(reach) < np.argmax(own, axis=1)[:, None])
        for row in np.flatnonzero(young).tolist():
            early = proxied[row]
            scaled[row, early], factor[row, early] = self._early_proxy(row, day)[:reach][early], 1.0
        taken = np.flatnonzero(np.isfinite(scaled).all(axis=0))[-base.lookback_scenarios :]
        if len(taken) < base.minimum_scenarios:
            raise _history_short(self.names, own, len(taken), base.minimum_scenarios)
        return _Drawn(taken, scaled[:, taken], factor[:, taken], proxied[:, taken])

    def _ids_of(self, taken: Ints) -> tuple[str, ...]:
        """Ids of the scenarios that start at so many positions: to print a date takes longer than to scale its move."""
        missing = taken[~self._printed[taken]]
        self._ids[missing] = [f"{self.name[0]}-{start}" for start in self._closes.dates[missing].tolist()]
        self._printed[missing] = True
        return tuple(self._ids[taken].tolist())

    def _factor(self, names: tuple[str, ...], day: int, first: int = 0) -> Floats:
        """(len(names), day + 1 - first) factors on the returns from each start day, the first ones left out."""
        if names not in self._daily:
            close = [self._closes.close[self._closes.underlyings.index(name)] for name in names]
            sigma = [volatility_of(row, name, self._policy) for row, name in zip(close, names, strict=True)]
            self._daily[names] = np.stack(sigma), daily_returns(np.stack(close))
        forecast, returns = self._daily[names]
        return self._factor_of(forecast[:, first : day + 1], returns[:, : day + 1], names)

    def _early_proxy(self, row: int, day: int) -> Floats:
        """(day + 1,) scaled return that stands in where an underlying has no history yet; NaN where no anchor has."""
        closes, name = self._closes, self.names[row]
        anchors = tuple(each for each in self._policy.stress.anchors if each in closes.underlyings)
        returns = {name: np.full(day + 1, np.nan)}
        for anchor in anchors:
            moved = horizon_returns(closes.close[closes.underlyings.index(anchor), : day + 1], int(self.horizon[row]))
            returns[anchor] = moved * self._factor((anchor,), day)[0]
        return proxy_return(name, anchors, returns, self._policy)


def asked(closes: Closes, horizon_by_underlying: Mapping[str, int]) -> tuple[tuple[str, ...], Ints]:
    """Underlyings by name and their liquidation periods, (u,). Raises ModelInputError HISTORY_SHORT."""
    names = tuple(sorted(horizon_by_underlying))
    absent = [name for name in names if name not in closes.underlyings]
    if absent or not names:
        raise ModelInputError(
            Finding(
                "HISTORY_SHORT",
                "no history of an underlying in the book",
                where=" ".join(absent) or "empty book",
                value="0 days",
                action="deliver its closes",
            )
        )
    return names, np.array([horizon_by_underlying[name] for name in names], dtype=np.int64)


def proxy_return(name: str, anchors: tuple[str, ...], returns: Mapping[str, Floats], policy: Policy) -> Floats:
    """Return of the first anchor that has one, times the ratio of the ranges in the grid; NaN where none has."""
    ranges = policy.grid.range_fraction
    proxy = np.full(len(next(iter(returns.values()))), np.nan)
    for anchor in anchors:
        proxy = np.where(np.isnan(proxy), returns[anchor] * (ranges[name] / ranges[anchor]), proxy)
    return proxy


@lru_cache(maxsize=32)
def normal_scores(n: int, seed: int) -> Floats:
    """(n,) normal scores of a fixed permutation of 0 ... n-1: the middle quantiles (j + 1/2) / n. Read-only."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n)
    scores = np.asarray(ndtri((order + 0.5) / n), dtype=np.float64)
    scores.flags.writeable = False
    return scores


def volatility_of(close: Floats, name: str, policy: Policy) -> Floats:
    """(n_days,) forecast of an underlying's daily log return, fraction per sqrt(day); NaN before it is seeded."""
    base = policy.base_margin
    return forecast_volatility(
        daily_returns(close), base.half_life_days, base.volatility_seed_days, base.volatility_floor_per_day[name]
    )


def _require_current(names: tuple[str, ...], horizon: Ints, dates: Dates, close: Floats) -> None:
    if all(np.isfinite(row[-days - 1 :]).any() for row, days in zip(close, horizon.tolist(), strict=True)):
        return
    oldest = dates[-1] - horizon.astype("timedelta64[D]")
    latest = [dates[np.flatnonzero(np.isfinite(row))[-1:]] for row in close]
    findings = [
        Finding(
            "HISTORY_SHORT",
            "the closes of an underlying in the book end too early",
            where=name,
            value=f"last close {'none' if not len(last) else last[0]}",
            limit=f"{limit} or later",
            action="deliver its closes up to the business date",
        )
        for name, last, limit in zip(names, latest, oldest, strict=True)
        if not len(last) or last[0] < limit
    ]
    raise ModelInputError(*findings)


def _history_short(names: tuple[str, ...], valid: Bools, found: int, needed: int) -> ModelInputError:
    fewest = int(np.argmin(valid.sum(axis=1)))
    return ModelInputError(
        Finding(
            "HISTORY_SHORT",
            "too few valid scenarios on the joint calendar",
            where=names[fewest],
            value=str(found),
            limit=f"at least {needed}",
            action="deliver more closes or a declared proxy",
        )
    )
