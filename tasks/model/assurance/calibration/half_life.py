"""Half-life of the exponential weights, by the likelihood of a variance forecast (QLIKE).

    loss(h) = sum of ln v_t + r_t^2 / v_t,   v_(t+1) = lambda v_t + (1 - lambda) r_t^2,   lambda = 2^(-1/h)

QLIKE orders variance forecasts rightly even though the true variance is never seen. The interval holds the half-lives
whose loss exceeds the smallest by no more than chi-square allows, times the ratio of the scores' variance to the
curvature: so it also holds where returns are not normal. Scores of one day count together over underlyings, because
underlyings move together. The first 250 returns move the variance and are not judged: what the recursion was begun
from is forgotten by then. Reference: Patton (2011); White (1982); Kent (1982).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import signal, stats
from scipy.optimize import brentq, minimize_scalar

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.calibration.estimate import Figure, require_enough
from tasks.model.market.volatility import decay

LEAST_RETURNS = 250  # judged
WARM_RETURNS = 250  # not judged, the seed among them
_GRID = 25  # half-lives the search begins from


class _Series(NamedTuple):
    """Returns of one underlying after those that seed its variance."""

    squared: Floats  # (m,)
    place: Ints  # (m,) position of each on the common calendar
    seed: float  # variance before the first
    judged: int  # position of the first that is judged


def half_life(daily: Floats, seed_days: int, bounds: tuple[float, float], level: float) -> Figure:
    """Half-life in days, within bounds, of one recursion for all underlyings.

    daily: (u, n_days) log return that ends on each day, NaN where missing, which leaves the variance as it was.
    Raises ModelInputError NO_OBSERVATIONS where an underlying has fewer than 250 returns that are judged.
    """
    series = [_series(row, seed_days) for row in daily]
    low, high = (math.log(each) for each in bounds)
    best = _lowest(series, low, high)
    least = qlike(series, best)
    slack = 0.5 * float(stats.chi2.ppf(level, 1)) * _information_ratio(series, best, daily.shape[1])

    def excess(at: float) -> float:
        return qlike(series, at) - least - slack

    ends = [edge if excess(edge) <= 0.0 else float(brentq(excess, *sorted((edge, best)))) for edge in (low, high)]
    scores, curvature = _scores(series, best, daily.shape[1])
    error = math.exp(best) * math.sqrt(float(scores @ scores)) / curvature
    observations = sum(len(each.squared) - each.judged for each in series)
    return Figure(math.exp(best), error, math.exp(ends[0]), math.exp(ends[1]), level, "asymptotic", observations)


def qlike(series: list[_Series], log_half_life: float) -> float:
    """Loss of a half-life over all series."""
    factor = decay(math.exp(log_half_life))
    total = 0.0
    for each in series:
        variance = _forecast(each, factor)
        total += float(np.sum((np.log(variance) + each.squared / variance)[each.judged :]))
    return total


def _series(daily: Floats, seed_days: int) -> _Series:
    known = np.flatnonzero(np.isfinite(daily))
    require_enough("half-life", len(known) - WARM_RETURNS, LEAST_RETURNS)
    squared = daily[known] ** 2
    return _Series(squared[seed_days:], known[seed_days:], float(squared[:seed_days].mean()), WARM_RETURNS - seed_days)


def _forecast(series: _Series, factor: float) -> Floats:
    """(m,) variance forecast before each return."""
    after, _ = signal.lfilter([1.0 - factor], [1.0, -factor], series.squared, zi=[factor * series.seed])
    return np.concatenate([[series.seed], after[:-1]])


def _lowest(series: list[_Series], low: float, high: float) -> float:
    """Logarithm of the best half-life: the best of a grid, then between its neighbours."""
    grid = np.linspace(low, high, _GRID)
    at = int(np.argmin([qlike(series, float(point)) for point in grid]))
    around = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, _GRID - 1)])
    found = minimize_scalar(
        lambda point: qlike(series, point), bounds=around, method="bounded", options={"xatol": 1e-8}
    )
    return float(found.x)


def _scores(series: list[_Series], log_half_life: float, days: int) -> tuple[Floats, float]:
    """Slope of the loss by day, (days,), and its expected curvature, both by the logarithm of the half-life."""
    half = math.exp(log_half_life)
    factor = decay(half)
    scores, curvature = np.zeros(days), 0.0
    for each in series:
        variance = _forecast(each, factor)
        moved = signal.lfilter([1.0], [1.0, -factor], variance - each.squared)
        slope = np.concatenate([[0.0], moved[:-1]]) * (factor * math.log(2.0) / half) / variance
        slope[: each.judged] = 0.0
        scores[each.place] += slope * (1.0 - each.squared / variance)
        curvature += float(slope @ slope)
    return scores, curvature


def _information_ratio(series: list[_Series], log_half_life: float, days: int) -> float:
    """Variance of the scores over the curvature: 2 for normal returns of one underlying."""
    scores, curvature = _scores(series, log_half_life, days)
    return float(scores @ scores) / curvature
