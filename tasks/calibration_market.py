"""Estimates that rest on more than closes: implied volatility, forwards, volumes and order books.

Of most days there are none. What is there is told with its few observations; what is not is named, never filled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl

from tasks import calibration_books
from tasks.calibration_books import Depth
from tasks.calibration_data import STALE_AFTER_DAYS, Evidence, Level, day_moves, digest_of
from tasks.calibration_history import LEVEL, LeftOut
from tasks.model.arrays import Floats
from tasks.model.assurance.calibration.batch_means import batch_mean
from tasks.model.assurance.calibration.depth import impact_figure
from tasks.model.assurance.calibration.estimate import Estimate, Figure, require_enough
from tasks.model.assurance.calibration.order_statistics import quantile_figure
from tasks.model.assurance.calibration.shock import normal_shock
from tasks.model.assurance.calibration.spot_vol_beta import spot_vol_beta
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.errors import ModelInputError
from tasks.model.policy import Policy
from tasks.model.risk.scenarios import present_volatility

WINDOW_DAYS = 365  # of levels of volatility and forwards
VOLUME_DAYS, BATCH_DAYS = 360, 60
_VOLATILITY, _FORWARD, _FORWARD_DAYS, _PERPETUAL, _SPOT = "IV30", "F30", 30.0, "PERP", "SPOT"
Found = Iterator[Estimate | LeftOut]


def estimates(evidence: Evidence, policy: Policy) -> Found:
    """Everything that levels, volumes and books can tell of a policy."""
    for coin in evidence.coins:
        yield from _volatility(coin, evidence, policy)
        yield from _basis(coin, evidence, policy)
    yield from _volume(evidence)
    yield from _depth(evidence, policy)


def _volatility(coin: str, evidence: Evidence, policy: Policy) -> Found:
    """Slopes of implied volatility on spot, and shocks of its level."""
    vol, spot = _recent(evidence, coin, _VOLATILITY), _recent(evidence, coin, _SPOT)
    days, moves = day_moves({day: level for day, level in vol.items() if day in spot})
    returns = dict(zip(*day_moves(spot), strict=True))
    both = [at for at, day in enumerate(days) if day in returns]
    moves, spot_moves = moves[both], np.array([returns[days[at]] for at in both])
    used = {day: vol[day] for day in sorted(vol) if day in spot}

    def slopes() -> Mapping[str, Figure]:
        found = spot_vol_beta(spot_moves, moves, LEVEL)
        return {
            f"vol_proxy.beta_down.{coin}": found.down,
            f"vol_proxy.beta_up.{coin}": found.up,
            f"check.vol_proxy_noise.{coin}": found.noise,
        }

    def without_largest() -> str:
        return f"without the largest day's move: {spot_vol_beta(spot_moves, moves, LEVEL).down_without_largest:.2f}"

    yield from _told(
        f"vol_proxy.beta_down.{coin}", coin, used, slopes, "implied volatility at 30 days", without_largest
    )

    def shocks() -> Mapping[str, Figure]:
        period = house_periods((coin,), policy)[coin]
        shock = normal_shock(moves, period, policy.base_margin.confidence_filtered_fraction, LEVEL)
        return {
            f"check.vol_up_fraction.{coin}": shock.mapped(math.expm1),
            f"check.vol_down_fraction.{coin}": shock.mapped(lambda move: -math.expm1(-move)),
        }

    yield from _told(f"check.vol_up_fraction.{coin}", coin, used, shocks, "implied volatility at 30 days")


def _basis(coin: str, evidence: Evidence, policy: Policy) -> Found:
    """Moves of a forward against spot per year of its tenor, and of the perpetual."""
    spot, confidence = _recent(evidence, coin, _SPOT), policy.base_margin.confidence_filtered_fraction
    period = house_periods((coin,), policy)[coin]
    for name, series, tenor in (
        ("basis_move_per_year", _FORWARD, _FORWARD_DAYS / 365.0),
        ("basis_move_smallest", _PERPETUAL, 1.0),
    ):
        levels = {day: level for day, level in _recent(evidence, coin, series).items() if day in spot}
        _, moves = day_moves(levels, spot)
        parameter = f"check.{name}.{coin}"

        def shock(moves: Floats = moves, tenor: float = tenor, parameter: str = parameter) -> Mapping[str, Figure]:
            return {parameter: normal_shock(moves / tenor, period, confidence, LEVEL)}

        yield from _told(parameter, coin, levels, shock, "forwards and perpetual over spot")


def _volume(evidence: Evidence) -> Found:
    rows = evidence.volumes.filter(pl.col("date") > evidence.as_of - timedelta(days=VOLUME_DAYS + STALE_AFTER_DAYS))
    rows = rows.tail(VOLUME_DAYS)
    usd, name = rows["volume_usd"].to_numpy(), "check.daily_volume_usd.BTC"
    note = "spot turnover of one venue: a part of the market's, and no more"
    figures = partial(_mean, name, usd)
    yield from _told(name, "BTC", dict(rows.iter_rows()), figures, "volume", lambda: note)


def _mean(name: str, usd: Floats) -> Mapping[str, Figure]:
    require_enough("days of volume", len(usd), VOLUME_DAYS)
    return {name: batch_mean(usd, BATCH_DAYS, LEVEL)}


def _depth(evidence: Evidence, policy: Policy) -> Found:
    day = calibration_books.book_day(evidence.folder, evidence.as_of)
    stem = "liquidity_concentration.half_spread_fraction"
    if day is None:
        reason = f"no order books within {calibration_books.LATEST_DAYS} days before {evidence.as_of}"
        yield LeftOut(stem, " ".join(evidence.coins), reason)
        return
    depths = calibration_books.depths(evidence.folder, day)
    for coin in evidence.coins:
        if coin not in depths:
            yield LeftOut(f"{stem}.{coin}", coin, f"no order book of {day}")
            continue
        depth, name = depths[coin], f"{stem}.{coin}"
        spread = depth.half_spread

        def half(spread: Floats = spread, name: str = name) -> Mapping[str, Figure]:
            return {name: quantile_figure(spread, 0.5, LEVEL)}

        yield from _read(name, coin, half, day, day, depth.digest, "order books", ", ".join(depth.books))
    yield from _impact({coin: depths[coin] for coin in evidence.coins if coin in depths}, day, evidence, policy)


def _impact(depths: Mapping[str, Depth], day: date, evidence: Evidence, policy: Policy) -> Found:
    """One factor of the square-root law over the books of all coins, at the policy's own daily volume.

    A check and no parameter: a book swept at once is dearer than a day's patient trading in all of them.
    """
    name, costs, law = "check.liquidity_impact", [np.zeros(0)], [np.zeros(0)]
    for coin, depth in depths.items():
        volatility = present_volatility(evidence.clean, coin, policy)
        volume = policy.reference.average_daily_volume_usd[coin]
        costs.append(depth.excess)
        law.append(volatility * np.sqrt(depth.size_usd / volume))
    digest = "+".join(depth.digest for depth in depths.values())
    yield from _read(
        name,
        " ".join(depths),
        lambda: {name: impact_figure(np.concatenate(costs), np.concatenate(law), LEVEL)},
        day,
        day,
        digest,
        "order books",
        f"walked {', '.join(f'{size:,.0f}' for size in calibration_books.SIZES_USD)} USD, both sides",
    )


def _told(
    parameter: str,
    coin: str,
    levels: Level,
    read: Callable[[], Mapping[str, Figure]],
    source: str,
    note: Callable[[], str] = str,
) -> Found:
    """Estimates of a series of levels; one without a level is named."""
    if not levels:
        yield LeftOut(parameter, coin, f"no {source} by then")
        return
    days = sorted(levels)
    yield from _read(parameter, coin, read, days[0], days[-1], digest_of(levels), source, note)


def _read(
    parameter: str,
    coin: str,
    read: Callable[[], Mapping[str, Figure]],
    first: date,
    last: date,
    digest: str,
    source: str,
    note: str | Callable[[], str],
) -> Found:
    """Estimates, or why there are none. Of these sources no day is excluded: a day they lack they never had."""
    try:
        figures = read()
        words = note if isinstance(note, str) else note()
    except ModelInputError as error:
        yield LeftOut(parameter, coin, error.findings[0].line())
        return
    for name, figure in figures.items():
        yield Estimate(name, figure, first, last, digest, 0, figure.value, source, words)


def _recent(evidence: Evidence, coin: str, series: str) -> Level:
    """Levels of a series within the window before the day."""
    levels = evidence.levels.get((coin, series), {})
    return {day: level for day, level in levels.items() if (evidence.as_of - day).days < WINDOW_DAYS}
