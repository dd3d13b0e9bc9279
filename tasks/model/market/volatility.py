"""Exponentially weighted volatility forecasts and the mid-volatility factor on a past return.

The forecast of day i is made at the close of day i from daily returns up to i, so it never knows the return that
starts there. Reference: METHODOLOGY 3.1; Hull and White (1998); the mid-vol variant rescales half of the way.
"""

from __future__ import annotations

import numpy as np

from tasks.model import kernels
from tasks.model.arrays import Floats


def decay(half_life_days: float) -> float:
    """Weight of yesterday's variance: after half_life_days a return counts half."""
    return float(2.0 ** (-1.0 / half_life_days))


def ewma_variance(returns: Floats, decay_factor: float, seed_variance: float) -> Floats:
    """Zero-mean variance forecast before each daily return and after the last one.

    returns: (n,), NaN = missing, which leaves the variance as it was. Returns (n + 1,); element 0 is the seed.
    """
    forecasts = np.empty(len(returns) + 1)
    kernels.ewma_variance(np.ascontiguousarray(returns, dtype=np.float64), decay_factor, seed_variance, forecasts)
    return forecasts


def forecast_volatility(daily: Floats, half_life_days: float, seed_days: int, floor_per_day: float) -> Floats:
    """Forecast per sqrt(day) at the close of each day, at least floor_per_day.

    daily: (n_days,) return that ends on each day, NaN = missing. The mean square of the first seed_days returns
    seeds the recursion; until that many exist the forecast is NaN. Returns (n_days,).
    """
    forecast = np.full(daily.shape, np.nan)
    known = np.flatnonzero(~np.isnan(daily))
    if len(known) < seed_days:
        return forecast
    seed, last = daily[known[:seed_days]], int(known[seed_days - 1])
    variance = ewma_variance(daily[last + 1 :], decay(half_life_days), float(np.mean(seed * seed)))
    forecast[last:] = np.maximum(np.sqrt(variance), floor_per_day)
    return forecast


def scale_factor(then: Floats, now: float | Floats, scaling: str, lowest: float, highest: float) -> Floats:
    """Factor on a return of that time that brings it towards today's volatility, in [lowest, highest]. NaN stays NaN.

    then: (..., n) forecasts at the start days; now: forecast at the last close, (..., 1) or one for all; both per
    sqrt(day) and > 0.
    scaling: `mid` half way, (then + now) / (2 then); `full` now / then; `none` 1. The last two are challengers.
    Reference: Hull and White (1998); mid-volatility as LCH applies it.
    """
    full = now if scaling == "full" else then
    return np.clip((then + now) / (2.0 * then) if scaling == "mid" else full / then, lowest, highest)
