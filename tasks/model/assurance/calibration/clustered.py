"""Quantile of moves whose volatility clusters, with an interval that knows how few of them are worth another.

Below the quantile of independent moves lies a binomial number of them. Where volatility clusters, moves beyond it come
in swarms, so that number scatters more; how much is read off paths of the same length:
    1. GJR-GARCH-t is fitted to the daily returns; what is left of them over its volatility are their residuals,
    2. paths are drawn from that recursion with residuals drawn anew, after days in which the start is forgotten,
    3. of each path the moves below the quantile of all paths together are counted,
and the interval lies between the order statistics at the quantiles of that count. Where even the largest move may lie
below the quantile, the upper end is the largest times the factor by which it does on the paths. It is a bootstrap: how
often it holds the truth is told in docs/calibration.md. Reference: Barone-Adesi, Giannopoulos and Vosper (1999);
Pascual, Romo and Ruiz (2006); Conover (1999), 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough
from tasks.model.assurance.calibration.order_statistics import observations_needed
from tasks.model.assurance.forecast_record import require_confidence
from tasks.model.market.gjr_garch import GjrGarch, fit_gjr, gjr_variance
from tasks.model.risk.tail import value_at_risk

WARM_DAYS = 500  # not counted: a path begins at the sample's mean square

# sizes of moves, (..., n), of the daily log returns within each, (..., n, days)
SizeOf = Callable[[Floats], Floats]


def either_way(returns: Floats) -> Floats:
    """Size of the log return over all days of each window, whichever way it went."""
    return np.asarray(np.abs(returns.sum(axis=-1)))


def largest_fall(returns: Floats) -> Floats:
    """Largest fall from the close before each window to those in it, fraction of it, >= 0."""
    return np.asarray(np.maximum(-np.expm1(np.cumsum(returns, axis=-1).min(axis=-1)), 0.0))


def clustered_quantile(
    moves: Floats, daily: Floats, days: int, size_of: SizeOf, confidence: float, level: float, runs: int, seed: int
) -> Figure:
    """Quantile of moves without a common day, (n,), over so many `days`, by the house convention.

    daily: (m,) log returns of the days the moves are of, NaN where missing, which the recursion passes over. The same
    seed gives the same interval. Raises ModelInputError NON_FINITE, CONFIDENCE; GARCH where no law is found;
    NO_OBSERVATIONS where no independent move would be sure enough to lie beyond the quantile.
    """
    require_confidence(confidence)
    n = len(require_finite("move", moves))
    require_enough(f"quantile {confidence:g}", n, observations_needed(confidence, level))
    windows = _paths(daily[np.isfinite(daily)], n * days, runs, seed).reshape(runs, n, days)
    below, beyond = _places(size_of(windows), confidence)
    tail, ordered = 0.5 * (1.0 - level), np.append(0.0, np.sort(moves))
    lower, upper = int(_at(below, tail)), int(_at(below, 1.0 - tail)) + 1
    largest = float(ordered[-1])
    high = float(ordered[upper]) if upper <= n else largest * _at(beyond, 1.0 - tail)
    value = float(value_at_risk(moves, confidence))
    return Figure(value, math.nan, float(ordered[lower]), high, level, "bootstrap", n)


def _places(sizes: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Of each path's sizes, (runs, n), how many lie below the quantile of all, and that quantile over the largest."""
    truth = float(value_at_risk(sizes.ravel(), confidence))
    return (sizes < truth).sum(axis=1).astype(np.float64), np.asarray(truth / sizes.max(axis=1))


def _at(drawn: Floats, share: float) -> float:
    """Smallest of the draws, (runs,), that at least a share of them does not exceed."""
    return float(np.sort(drawn)[max(math.ceil(round(share * len(drawn), 9)), 1) - 1])


def _paths(returns: Floats, days: int, runs: int, seed: int) -> Floats:
    """(runs, days) daily log returns of the recursion that fits returns, (m,), with their residuals drawn anew."""
    model = fit_gjr(returns).model
    square = float(np.mean(returns * returns))
    residual = returns / np.sqrt(gjr_variance(returns, model, square)[:-1])
    unit = residual / math.sqrt(float(np.mean(residual * residual)))
    rng = np.random.Generator(np.random.PCG64(seed))
    found, variance = np.empty((WARM_DAYS + days, runs)), np.full(runs, square)
    for day in range(len(found)):
        found[day] = np.sqrt(variance) * unit[rng.integers(0, len(unit), runs)]
        variance = _next(model, variance, found[day])
    return np.ascontiguousarray(found[WARM_DAYS:].T)


def _next(model: GjrGarch, variance: Floats, moved: Floats) -> Floats:
    weight = model.alpha + model.gamma * (moved < 0.0)
    return np.asarray(model.omega + weight * moved * moved + model.beta * variance)
