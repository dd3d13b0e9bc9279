"""Levels of the market's triggers day by day, from closes, margin rates and losses known at that day's close.

VaR and ES are those of the margin model for one USD of a position, the worse of long and short. Nothing of a day is
known before its close, and the level of a day does not depend on how many days follow. A missing figure is NaN.
Reference: METHODOLOGY 11; Amihud (2002).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Bools, Dates, Floats
from tasks.model.assurance.rate_path import RatePath
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.volatility import forecast_volatility
from tasks.model.policy import Policy


@dataclass(frozen=True)
class Measures:
    """Half-life and days that levels are measured with."""

    fast_half_life_days: float
    window_days: int
    rise_days: int


@dataclass(frozen=True)
class MarketLevels:
    """Of one subject on n consecutive days: the level of each trigger and the figures behind it, (n,) by name."""

    subject: str
    dates: Dates
    level: Mapping[str, Floats]
    figure: Mapping[str, Floats]


@dataclass(frozen=True)
class Subject:
    """An underlying, or the house as a portfolio of them, both sides of which are margined.

    long, short: paths over the same n days. daily: (m,) log return of the long side that ends on each day, m >= n, the
    last n of them on the days of the paths, NaN where a close is missing. volume: (m,) USD traded that day, > 0, NaN
    where none is known. Raises ModelInputError SHAPE.
    """

    name: str
    long: RatePath
    short: RatePath
    daily: Floats
    volume: Floats

    def __post_init__(self) -> None:
        days = len(self.long.dates)
        same = (
            len(self.short.dates) == days and self.daily.shape == self.volume.shape and len(self.daily) >= days
        ) and bool((self.long.dates == self.short.dates).all())
        if not same:
            raise ModelInputError(Finding("SHAPE", "a subject's paths, returns and volumes are of different days"))


def market_levels(subject: Subject, policy: Policy, measures: Measures) -> MarketLevels:
    """Levels of volatility_rise, price_move, tail_drift, shortfall_rise, breach, breaches and illiquidity_rise.

    Figures: volatility and fast_volatility (per sqrt(day)), value_at_risk, expected_shortfall, margin_rate, last_loss
    (fractions of notional, loss > 0). The first `window_days` days of the paths have no drift.
    """
    volatility, fast = _volatilities(subject, policy, measures)
    at_risk, shortfall = _worse(subject, "value_at_risk"), _worse(subject, "expected_shortfall")
    used = np.stack([_loss_over_margin(each) for each in (subject.long, subject.short)])
    days = len(subject.long.dates)
    level = {
        "volatility_rise": fast / volatility,
        "price_move": np.abs(subject.daily) / _later(volatility, 1),
        "tail_drift": _against_median(shortfall / at_risk, measures.window_days),
        "shortfall_rise": shortfall / _later(shortfall, measures.rise_days),
        "breach": np.fmax(*used),
        "breaches": np.max([_breaches(each, measures.window_days) for each in used], axis=0),
        "illiquidity_rise": _illiquidity_rise(subject, measures),
    }
    figure = {
        "volatility": volatility,
        "fast_volatility": fast,
        "value_at_risk": at_risk,
        "expected_shortfall": shortfall,
        "margin_rate": np.maximum(subject.long.rate, subject.short.rate),
        "last_loss": np.fmax(_known_loss(subject.long), _known_loss(subject.short)),
    }
    return MarketLevels(subject.name, subject.long.dates, _last(level, days), _last(figure, days))


def _volatilities(subject: Subject, policy: Policy, measures: Measures) -> tuple[Floats, Floats]:
    """(m,) forecast at the policy's half-life and at the fast one, the floor of the policy under both."""
    base = policy.base_margin
    floor = base.volatility_floor_per_day[subject.name]
    slow, fast = (
        forecast_volatility(subject.daily, half_life, base.volatility_seed_days, floor)
        for half_life in (base.half_life_days, measures.fast_half_life_days)
    )
    return slow, fast


def _worse(subject: Subject, name: str) -> Floats:
    """(n,) of both sides' forecasts."""
    long, short = subject.long.forecast, subject.short.forecast
    if long is None or short is None:
        raise ModelInputError(Finding("FORECAST", "the margin model forecasts no tail", where=subject.name))
    return np.asarray(np.maximum(getattr(long, name), getattr(short, name)))


def _known_loss(path: RatePath) -> Floats:
    """(n,) loss over the liquidation period that ends on each day; NaN on the first days."""
    return _later(path.loss, path.horizon_days)


def _loss_over_margin(path: RatePath) -> Floats:
    """(n,) that loss over the margin asked when the period began."""
    return _known_loss(path) / _later(path.rate, path.horizon_days)


def _later(values: Floats, days: int) -> Floats:
    """(n,) what the value was so many days before each day."""
    return np.concatenate([np.full(min(days, len(values)), np.nan), values[: max(len(values) - days, 0)]])


def _breaches(used: Floats, days: int) -> Floats:
    """(n,) days within the last so many, on which `used` is above 1; NaN where it is known of none."""
    judged, breach = (_counted(each, days) for each in (np.isfinite(used), used > 1.0))
    return np.where(judged > 0.0, breach, np.nan)


def _counted(true: Bools, days: int) -> Floats:
    """(n,) how many of the last so many are true, each one included."""
    total = np.concatenate([[0.0], np.cumsum(true.astype(np.float64))])
    at = np.arange(1, len(total))
    return np.asarray(total[at] - total[np.maximum(at - days, 0)])


def _against_median(values: Floats, days: int) -> Floats:
    """(n,) each value over the median of those of the days before it; NaN before so many days, or without a value."""
    found = np.full(len(values), np.nan)
    for at in range(days, len(values)):
        before = values[at - days : at]
        known = before[np.isfinite(before)]
        found[at] = values[at] / np.median(known) if len(known) else np.nan
    return found


def _illiquidity_rise(subject: Subject, measures: Measures) -> Floats:
    """(m,) mean price move per USD traded over some days, against its median; NaN where any of those days has none."""
    per_usd = np.abs(subject.daily) / subject.volume
    total = np.convolve(per_usd, np.full(measures.rise_days, 1.0 / measures.rise_days))[: len(per_usd)]
    total[: measures.rise_days - 1] = np.nan
    return _against_median(total, measures.window_days)


def _last(series: Mapping[str, Floats], days: int) -> dict[str, Floats]:
    """Series on the last so many of their days."""
    return {name: values[-days:] for name, values in series.items()}
