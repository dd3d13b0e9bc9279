"""Filtered, long-run and stressed scenarios, indexed by start date on one joint calendar.

Each underlying moves over its own liquidation period from the start date; all of a date's factors move together.
A start date with a missing close gives no scenario and is counted; one before an underlying has history takes a
declared proxy, so that a young underlying takes no dates from the others. Reference: METHODOLOGY 3.1, 3.2 and 5
(long-run floor).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Closes, Dates, Floats, Ints, ScenarioSet
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.returns import horizon_returns
from tasks.model.market.series import NO_FACTORS, Factors
from tasks.model.market.volatility import scale_factor
from tasks.model.policy import Policy
from tasks.model.risk.observed import basis_moves, vol_moves
from tasks.model.risk.rescaled import RescaledHistory, asked, normal_scores, proxy_return, volatility_of
from tasks.model.risk.stress_dates import stressed_starts, usable_anchors
from tasks.model.risk.worst_hour import DAILY_CLOSE, moves_from, worst_hours

FILTERED, LONG_RUN, STRESSED = "FILTERED", "LONG_RUN", "STRESSED"


class _Drawn(NamedTuple):
    """n stressed start dates and the moves of u underlyings from them."""

    starts: Ints  # (n,) positions in the closes
    hours: Ints  # (n,)
    moves: Floats  # (u, n)
    proxied: Bools  # (u, n)


def filtered(
    closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy, factors: Factors = NO_FACTORS
) -> ScenarioSet:
    """The latest valid start dates, returns scaled towards the present volatility: half way (mid-vol) by default.

    closes: up to T, its last day, and nothing later; it may hold more underlyings than are asked for. factors: other
    series on the same calendar. horizon_by_underlying: liquidation period in days of each underlying asked for; they
    come back sorted by name. One whose start dates do not fill the look-back takes, before them, the scaled return of
    the first anchor that has one, over its own period, times the ratio of their ranges in the grid, flagged `proxied`.
    Raises ModelInputError HISTORY_SHORT naming the underlying with the fewest start dates of its own, or one whose
    closes end more than its liquidation period before T: what moved since then would be left out in silence.
    """
    return filtered_history(closes, horizon_by_underlying, policy, factors).at(len(closes.dates) - 1)


def filtered_history(
    closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy, factors: Factors = NO_FACTORS
) -> RescaledHistory:
    """What gives the set of `filtered` for any day of the closes, as if they ended there."""
    base = policy.base_margin

    def factor(sigma: Floats, returns: Floats, names: tuple[str, ...]) -> Floats:
        return scale_factor(sigma, sigma[:, -1:], base.scaling, base.scale_factor_lowest, base.scale_factor_highest)

    return RescaledHistory(FILTERED, closes, horizon_by_underlying, policy, factors, factor)


def long_run(
    closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy, factors: Factors = NO_FACTORS
) -> ScenarioSet:
    """The scenarios of `filtered`, scaled half way to the volatility of the last ten years: for the long-run floor.

    That volatility is the root mean square of the daily returns of `long_run_days`, all of them where history is
    shorter. Reference: RTS 153/2013 art. 28(1)(c).
    """
    return long_run_history(closes, horizon_by_underlying, policy, factors).at(len(closes.dates) - 1)


def long_run_history(
    closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy, factors: Factors = NO_FACTORS
) -> RescaledHistory:
    """What gives the set of `long_run` for any day of the closes, as if they ended there."""
    base = policy.base_margin

    def factor(sigma: Floats, returns: Floats, names: tuple[str, ...]) -> Floats:
        recent = returns[:, -base.long_run_days :]
        floor = np.array([base.volatility_floor_per_day[name] for name in names])[:, None]
        lasting = np.maximum(np.stack([_root_mean_square(row) for row in recent])[:, None], floor)
        return scale_factor(sigma, lasting, "mid", base.scale_factor_lowest, base.scale_factor_highest)

    return RescaledHistory(LONG_RUN, closes, horizon_by_underlying, policy, factors, factor)


def stressed(
    closes: Closes, horizon_by_underlying: Mapping[str, int], policy: Policy, factors: Factors = NO_FACTORS
) -> ScenarioSet:
    """Start dates around the largest moves of the anchors, chosen by rule, and of the policy's named windows.

    Arguments as `filtered`; returns as they were, from the worst hour of the date where the first anchor has hourly
    closes. An underlying without a return on a stressed date takes a declared proxy, flagged in `proxied`: the return
    of the first anchor that has one, times the ratio of their ranges in the grid.
    Raises ModelInputError HISTORY_SHORT where no anchor has history to choose from.
    """
    names, horizon = asked(closes, horizon_by_underlying)
    drawn = _drawn(closes, dict(zip(names, horizon.tolist(), strict=True)), factors, policy)
    kept = np.isfinite(drawn.moves).all(axis=0)
    if not kept.any():
        raise ModelInputError(
            Finding(
                "HISTORY_SHORT",
                "no stressed scenario could be formed",
                where=" ".join(usable_anchors(closes, policy)),
                action="deliver the anchors' history",
            )
        )
    starts, moves = drawn.starts[kept], drawn.moves[:, kept]
    return ScenarioSet(
        STRESSED,
        _stressed_ids(closes.dates[starts], drawn.hours[kept]),
        names,
        closes.dates[starts],
        horizon,
        moves,
        np.ones_like(moves),
        drawn.proxied[:, kept],
        normal_scores(len(starts), policy.vol_proxy.seed),
        len(drawn.starts) - len(starts),
        vol_moves(factors, names, horizon, starts),
        basis_moves(factors, closes, names, horizon, starts),
    )


def _root_mean_square(values: Floats) -> float:
    """Of those that are there, NaN without any."""
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known * known))) if len(known) else float("nan")


def present_volatility(closes: Closes, name: str, policy: Policy) -> float:
    """Forecast at T of an underlying's daily log return, fraction per sqrt(day); NaN before it is seeded."""
    return float(volatility_of(closes.close[closes.underlyings.index(name)], name, policy)[-1])


def _drawn(closes: Closes, horizon: Mapping[str, int], factors: Factors, policy: Policy) -> _Drawn:
    """Stressed start dates of underlyings by their periods, and what moved from them; NaN where even a proxy lacks."""
    anchors = usable_anchors(closes, policy)
    periods = {**{name: _anchor_period(name, horizon, policy) for name in anchors}, **horizon}
    returns = {name: _returns_of(closes, name, days) for name, days in periods.items()}
    starts = stressed_starts(closes, {name: returns[name] for name in anchors}, periods, policy)
    starts = starts[starts < len(closes.dates) - max(horizon.values())]
    hours = _start_hours(anchors, returns, periods, factors, starts)
    moved = {
        name: moves_from(factors.hourly.get(name, {}), each, periods[name], starts, hours)
        for name, each in returns.items()
    }
    observed = np.stack([moved[name] for name in horizon])
    proxied = np.isnan(observed)
    moves = np.where(proxied, np.stack([proxy_return(name, anchors, moved, policy) for name in horizon]), observed)
    return _Drawn(starts, hours, moves, proxied)


def _returns_of(closes: Closes, name: str, days: int) -> Floats:
    return horizon_returns(closes.close[closes.underlyings.index(name)], days)


def _anchor_period(name: str, horizon_by_underlying: Mapping[str, int], policy: Policy) -> int:
    # A book without the anchor still needs its events: the house period is the reference then.
    return int(horizon_by_underlying.get(name, int(policy.base_margin.liquidation_period_days.house[name])))


def _start_hours(
    anchors: tuple[str, ...],
    returns: Mapping[str, Floats],
    periods: Mapping[str, int],
    factors: Factors,
    starts: Ints,
) -> Ints:
    """Worst hour of each start, chosen by the first anchor that has hourly closes."""
    anchor = next((name for name in anchors if factors.hourly.get(name)), None)
    if anchor is None:
        return np.full(len(starts), DAILY_CLOSE, dtype=np.int64)
    return worst_hours(factors.hourly[anchor], returns[anchor], periods[anchor], starts)


def _stressed_ids(starts: Dates, hours: Ints) -> tuple[str, ...]:
    dates = np.datetime_as_string(starts).tolist()  # of all at once: a history forms hundreds of thousands
    return tuple(
        f"S-{date}" if hour == DAILY_CLOSE else f"S-{date}T{hour:02d}"
        for date, hour in zip(dates, hours.tolist(), strict=True)
    )
