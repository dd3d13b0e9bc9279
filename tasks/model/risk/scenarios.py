"""Filtered and stressed scenarios, indexed by start date on one joint calendar.

Each underlying moves over its own liquidation period from the start date; all of a date's factors move together.
A start date with a missing close gives no scenario and is counted. Reference: METHODOLOGY 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from tasks.model.arrays import Bools, Closes, Dates, Floats, Ints, ScenarioSet
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.returns import daily_returns, horizon_returns
from tasks.model.market.volatility import forecast_volatility, scale_factor
from tasks.model.policy import Policy
from tasks.model.risk.stress_dates import stressed_starts, usable_anchors

FILTERED, STRESSED = "FILTERED", "STRESSED"


def filtered(closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy) -> ScenarioSet:
    """The latest valid start dates, returns scaled half way to the present volatility (mid-vol).

    closes: up to T, its last day, and nothing later; it may hold more underlyings than are asked for.
    horizon_by_underlying: liquidation period in days of each underlying asked for; they come back sorted by name.
    Raises ModelInputError HISTORY_SHORT naming the underlying with the fewest start dates, or one whose closes end
    more than its liquidation period before T: what moved since then would be left out in silence.
    """
    base = policy.base_margin
    names, horizon = _asked(closes, horizon_by_underlying)
    close = closes.close[[closes.underlyings.index(name) for name in names]]
    _require_current(names, horizon, closes.dates, close)
    observed = np.stack([horizon_returns(row, int(days)) for row, days in zip(close, horizon, strict=True)])
    factor = np.stack([_scale_factor(row, name, policy) for row, name in zip(close, names, strict=True)])
    scaled = observed * factor
    reach = len(closes.dates) - int(horizon.max())
    valid = np.isfinite(scaled[:, :reach])
    taken = np.flatnonzero(valid.all(axis=0))[-base.lookback_scenarios :]
    if len(taken) < base.minimum_scenarios:
        raise _history_short(names, valid, len(taken), base.minimum_scenarios)
    return _scenario_set(
        FILTERED,
        names,
        horizon,
        closes.dates[taken],
        scaled[:, taken],
        factor[:, taken],
        np.zeros((len(names), len(taken)), dtype=np.bool_),
        int(reach - taken[0]) - len(taken),
        policy,
    )


def stressed(closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy) -> ScenarioSet:
    """Start dates around the largest moves of the anchors, chosen by rule, returns as they were.

    Arguments as `filtered`. An underlying without a return on a stressed date takes a declared proxy, flagged in
    `proxied`: the return of the first anchor that has one, times the ratio of their ranges in the grid.
    Raises ModelInputError HISTORY_SHORT where no anchor has history to choose from.
    """
    names, horizon = _asked(closes, horizon_by_underlying)
    anchors = usable_anchors(closes, policy)
    periods = {name: _anchor_period(name, horizon_by_underlying, policy) for name in anchors}
    own = dict(zip(names, horizon.tolist(), strict=True))
    returns = {name: _returns_of(closes, name, days) for name, days in (periods | own).items()}
    starts = stressed_starts(closes, {name: returns[name] for name in anchors}, periods, policy)
    starts = starts[starts < len(closes.dates) - int(horizon.max())]
    observed = np.stack([returns[name][starts] for name in names])
    proxied = np.isnan(observed)
    moves = np.where(proxied, np.stack([_proxy(name, anchors, returns, policy)[starts] for name in names]), observed)
    kept = np.isfinite(moves).all(axis=0)
    if not kept.any():
        raise ModelInputError(
            Finding(
                "HISTORY_SHORT",
                "no stressed scenario could be formed",
                where=" ".join(anchors),
                action="deliver the anchors' history",
            )
        )
    dropped = len(starts) - int(kept.sum())
    return _scenario_set(
        STRESSED,
        names,
        horizon,
        closes.dates[starts[kept]],
        moves[:, kept],
        np.ones_like(moves[:, kept]),
        proxied[:, kept],
        dropped,
        policy,
    )


def present_volatility(closes: Closes, name: str, policy: Policy) -> float:
    """Forecast at T of an underlying's daily log return, fraction per sqrt(day); NaN before it is seeded."""
    return float(_volatility(closes.close[closes.underlyings.index(name)], name, policy)[-1])


def normal_scores(n: int, seed: int) -> Floats:
    """(n,) standard normal scores of a fixed permutation of 0 ... n-1: the middle quantiles (j + 1/2) / n."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n)
    return np.asarray(ndtri((order + 0.5) / n), dtype=np.float64)


def _asked(closes: Closes, horizon_by_underlying: Mapping[str, int]) -> tuple[tuple[str, ...], Ints]:
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


def _require_current(names: tuple[str, ...], horizon: Ints, dates: Dates, close: Floats) -> None:
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
    if findings:
        raise ModelInputError(*findings)


def _scale_factor(close: Floats, name: str, policy: Policy) -> Floats:
    base, sigma = policy.base_margin, _volatility(close, name, policy)
    return scale_factor(sigma, float(sigma[-1]), base.scaling, base.scale_factor_lowest, base.scale_factor_highest)


def _volatility(close: Floats, name: str, policy: Policy) -> Floats:
    base = policy.base_margin
    return forecast_volatility(
        daily_returns(close), base.half_life_days, base.volatility_seed_days, base.volatility_floor_per_day[name]
    )


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


def _returns_of(closes: Closes, name: str, days: int) -> Floats:
    return horizon_returns(closes.close[closes.underlyings.index(name)], days)


def _anchor_period(name: str, horizon_by_underlying: Mapping[str, int], policy: Policy) -> int:
    # A book without the anchor still needs its events: the house period is the reference then.
    return int(horizon_by_underlying.get(name, int(policy.base_margin.liquidation_period_days.house[name])))


def _proxy(name: str, anchors: tuple[str, ...], returns: Mapping[str, Floats], policy: Policy) -> Floats:
    ranges = policy.grid.range_fraction
    proxy = np.full(len(next(iter(returns.values()))), np.nan)
    for anchor in anchors:
        proxy = np.where(np.isnan(proxy), returns[anchor] * (ranges[name] / ranges[anchor]), proxy)
    return proxy


def _scenario_set(
    name: str,
    names: tuple[str, ...],
    horizon: Ints,
    starts: Dates,
    moves: Floats,
    factor: Floats,
    proxied: Bools,
    dropped: int,
    policy: Policy,
) -> ScenarioSet:
    ids = tuple(f"{name[0]}-{start}" for start in starts)
    scores = normal_scores(len(starts), policy.vol_proxy.seed)
    return ScenarioSet(name, ids, names, starts, horizon, moves, factor, proxied, scores, dropped)
