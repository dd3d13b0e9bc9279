"""What daily closes are asked of a policy, and how each answer is read off them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from tasks.calibration_data import Evidence
from tasks.calibration_history import LEVEL, Ask
from tasks.model.arrays import Closes, Floats, Ints
from tasks.model.assurance.calibration.clustered import clustered_quantile, either_way, largest_fall
from tasks.model.assurance.calibration.correlation import correlation_figure
from tasks.model.assurance.calibration.estimate import Figure, require_enough
from tasks.model.assurance.calibration.garch_challenger import garch_challenger
from tasks.model.assurance.calibration.half_life import half_life
from tasks.model.assurance.calibration.moves import separate_falls, separate_returns
from tasks.model.assurance.calibration.offset import offset_figure
from tasks.model.assurance.calibration.order_statistics import quantile_figure, upper_bound
from tasks.model.assurance.calibration.resample import bootstrap_figure
from tasks.model.assurance.calibration.tail_check import filtered_losses, tail_check
from tasks.model.assurance.haircut_test import haircut_test, largest_falls
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.margin.haircut import holding_days
from tasks.model.market.returns import daily_returns, horizon_returns
from tasks.model.market.volatility import forecast_volatility
from tasks.model.policy import Policy
from tasks.model.risk.stress_dates import stressed_starts

SEED = 20260101  # of the bootstraps
RUNS = 400
BLOCK_DAYS = 90  # drawn together: volatility of one quarter is that of the next only by chance
TAIL_SHARE = 0.10  # of the residuals that are the tail
HALF_LIFE_DAYS = (5.0, 1000.0)
LEAST_POOLED = 500  # daily returns a coin brings to the common half-life


def asks(evidence: Evidence, policy: Policy) -> Iterator[Ask]:
    """Everything that daily closes can tell of a policy."""
    yield from _pooled(evidence, policy)
    for coin in evidence.coins:
        yield from _of_coin(coin, policy)
    for asset in sorted(set(policy.collateral.haircut_fraction) & set(evidence.history.coins)):
        yield from _haircuts(asset, evidence, policy)
    anchors = [coin for coin in policy.stress.anchors if coin in evidence.coins]
    for at, first in enumerate(anchors):
        for second in anchors[at + 1 :]:
            yield from _of_pair((first, second), evidence, policy)


def _pooled(evidence: Evidence, policy: Policy) -> Iterator[Ask]:
    base = policy.base_margin
    window = evidence.clean.close[:, -base.long_run_days :]
    long = {
        coin
        for coin, row in zip(evidence.clean.underlyings, window, strict=True)
        if np.isfinite(daily_returns(row)).sum() >= LEAST_POOLED
    }
    pool = tuple(coin for coin in evidence.coins if coin in long and evidence.is_current(coin))
    for coin in evidence.coins:
        if coin not in pool:
            yield Ask("base_margin.half_life_days", (coin,), base.long_run_days, _too_short)
    if pool:
        yield Ask(
            "base_margin.half_life_days",
            pool,
            base.long_run_days,
            lambda close: {"": half_life(daily_returns(close), base.volatility_seed_days, HALF_LIFE_DAYS, LEVEL)},
            f"one half-life of {', '.join(pool)}",
        )


def _too_short(close: Floats) -> Mapping[str, Figure]:
    returns = int(np.isfinite(daily_returns(close)).sum())
    require_enough("half-life", returns, LEAST_POOLED)
    raise AssertionError("a coin that is long enough is in the pool")


def _of_coin(coin: str, policy: Policy) -> Iterator[Ask]:
    base, days = policy.base_margin, house_periods((coin,), policy)[coin]
    long = base.long_run_days
    yield Ask(
        f"grid.range_fraction.{coin}",
        (coin,),
        base.lookback_scenarios,
        partial(_range, days, base.confidence_filtered_fraction, base.minimum_scenarios),
        f"move of {days} days, either way, at {base.confidence_filtered_fraction:g} a side",
    )
    yield Ask(f"check.long_run_volatility.{coin}", (coin,), long, _long_run, "root mean square of daily returns")
    yield Ask(f"check.tail.{coin}", (coin,), long, partial(_tail, coin, policy), "filtered residuals")
    yield Ask(
        f"check.gjr_garch.{coin}", (coin,), long, partial(_garch, base.half_life_days), "beside the exponential weights"
    )


def _haircuts(asset: str, evidence: Evidence, policy: Policy) -> Iterator[Ask]:
    """A coin falls often enough for its quantile to be seen; a stablecoin's haircut is for the day it breaks."""
    days, confidence = holding_days(asset, policy), policy.collateral.calibration.confidence_fraction
    parameter, long = f"collateral.haircut_fraction.{asset}", policy.base_margin.long_run_days
    note = f"fall within {days} days at {confidence:g}; {_exceeded(asset, days, evidence, policy)}"

    def falls(close: Floats) -> Floats:
        return separate_falls(close[0], days, long, confidence)

    def clustered(close: Floats) -> Mapping[str, Figure]:
        daily = daily_returns(close[0])
        return {"": clustered_quantile(falls(close), daily, days, largest_fall, confidence, LEVEL, RUNS, SEED)}

    def largest(close: Floats) -> Mapping[str, Figure]:
        every = largest_falls(close[0], days)
        seen = np.maximum(every[np.isfinite(every)], 0.0)
        return {"": upper_bound(seen, len(falls(close)), confidence)}

    if asset in policy.collateral.calibration.assets:
        yield Ask(parameter, (asset,), long, clustered, note)
    else:
        yield Ask(parameter, (asset,), long, largest, f"largest {note}")
        check = f"check.haircut_quantile.{asset}"
        yield Ask(check, (asset,), long, lambda close: {"": quantile_figure(falls(close), confidence, LEVEL)}, note)


def _exceeded(asset: str, days: int, evidence: Evidence, policy: Policy) -> str:
    """On how many days of the window the present haircut was not enough, in words."""
    row = evidence.clean.close[evidence.clean.underlyings.index(asset), -policy.base_margin.long_run_days :]
    present = policy.collateral.haircut_fraction[asset]
    tested = haircut_test(row, np.full(len(row), present), days)
    return f"{tested.days_exceeding} of {tested.observations} days fell by more than {present:g}"


def _of_pair(pair: tuple[str, str], evidence: Evidence, policy: Policy) -> Iterator[Ask]:
    window = policy.base_margin.lookback_scenarios
    name = "-".join(pair)
    yield Ask(
        f"check.correlation.{name}",
        pair,
        window,
        lambda close: {"": correlation_figure(*_residuals(close, pair, policy), LEVEL)},
        "daily residuals, each over its own forecast of volatility",
    )
    yield Ask(
        "base_margin.offset_limit_fraction",
        pair,
        policy.base_margin.long_run_days,
        lambda close: {"": _offset(close, pair, evidence, policy)},
        f"saving of a hedge in {name} on stressed days over that on all",
    )


def _range(days: int, confidence: float, least: int, close: Floats) -> Mapping[str, Figure]:
    known = int(np.isfinite(horizon_returns(close[0], days)).sum())
    require_enough("moves of the window", known, least)
    moves = np.abs(separate_returns(close[0], days, len(close[0])))
    both, daily = 2.0 * confidence - 1.0, daily_returns(close[0])
    return {"": clustered_quantile(moves, daily, days, either_way, both, LEVEL, RUNS, SEED).mapped(math.expm1)}


def _long_run(close: Floats) -> Mapping[str, Figure]:
    returns = daily_returns(close[0])
    squares = returns[np.isfinite(returns)] ** 2
    require_enough("long-run volatility", len(squares), LEAST_POOLED)

    def root_mean(days: Ints) -> float:
        return math.sqrt(float(np.mean(squares[days])))

    return {"": bootstrap_figure(root_mean, len(squares), BLOCK_DAYS, RUNS, LEVEL, SEED)}


def _tail(coin: str, policy: Policy, close: Floats) -> Mapping[str, Figure]:
    losses = filtered_losses(daily_returns(close[0]), _volatility(close[0], coin, policy))
    found = tail_check(losses, TAIL_SHARE, policy.base_margin.confidence_filtered_fraction, RUNS, LEVEL, SEED)
    return {".shape": found.shape, ".shortfall_ratio": found.shortfall_ratio}


def _garch(half_life_days: float, close: Floats) -> Mapping[str, Figure]:
    found = garch_challenger(daily_returns(close[0]), half_life_days, BLOCK_DAYS, RUNS, LEVEL, SEED)
    return {f".{name}": figure for name, figure in found.items()}


def _residuals(close: Floats, pair: tuple[str, str], policy: Policy) -> tuple[Floats, Floats]:
    """Of the days on which both have one."""
    both = _aligned(close, pair, policy)
    kept = np.isfinite(both).all(axis=0)
    return both[0, kept], both[1, kept]


def _aligned(close: Floats, coins: tuple[str, str], policy: Policy) -> Floats:
    """(2, n_days) daily returns over the forecast of the day before, NaN where one lacks."""
    rows = []
    for row, coin in zip(close, coins, strict=True):
        forecast = np.concatenate([[np.nan], _volatility(row, coin, policy)[:-1]])
        rows.append(daily_returns(row) / forecast)
    return np.stack(rows)


def _offset(close: Floats, pair: tuple[str, str], evidence: Evidence, policy: Policy) -> Figure:
    dates = evidence.clean.dates[-close.shape[1] :]
    periods = house_periods(pair, policy)
    closes = Closes(pair, dates, close)
    returns = {coin: horizon_returns(row, periods[coin]) for coin, row in zip(pair, close, strict=True)}
    stressed = np.zeros(len(dates), dtype=np.bool_)
    stressed[stressed_starts(closes, returns, periods, policy)] = True
    both = _aligned(close, pair, policy)
    kept = np.isfinite(both).all(axis=0)
    return offset_figure(both[0, kept], both[1, kept], stressed[kept], BLOCK_DAYS, RUNS, LEVEL, SEED)


def _volatility(close: Floats, coin: str, policy: Policy) -> Floats:
    base = policy.base_margin
    floor = base.volatility_floor_per_day[coin]
    return forecast_volatility(daily_returns(close), base.half_life_days, base.volatility_seed_days, floor)
