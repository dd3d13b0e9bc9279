"""How far implied volatility moves with spot, down and up apart, and what is left as noise.

    d ln sigma = beta_down min(r, 0) + beta_up max(r, 0) + noise

by least squares without a constant, as the proxy of METHODOLOGY 3.4 uses it, at 30 days where its tenor factor is 1.
One crash can make the slope, so the slopes without the largest move are told beside it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough, scale_figure, student_figure
from tasks.model.errors import Finding, ModelInputError

LEAST_MOVES = 20


class SpotVol(NamedTuple):
    """Slopes in log vol per log return, and the standard deviation of the noise in log vol."""

    down: Figure
    up: Figure
    noise: Figure
    down_without_largest: float  # slope without the day of the largest return


def spot_vol_beta(returns: Floats, vol_moves: Floats, level: float) -> SpotVol:
    """Slopes of daily log moves of implied volatility, (n,), on the log return of the same days, (n,).

    Intervals are exact where the noise is normal and alike on all days. Raises ModelInputError NON_FINITE, SHAPE;
    NO_OBSERVATIONS for fewer than 20 days, or where all days moved one way.
    """
    n = len(require_finite("return", returns))
    if len(require_finite("volatility move", vol_moves)) != n:
        raise ModelInputError(Finding("SHAPE", "a volatility move for every return", value=f"{len(vol_moves)}, {n}"))
    require_enough("spot-vol beta", n, LEAST_MOVES)
    require_enough("spot-vol beta, days down and days up", min((returns < 0.0).sum(), (returns > 0.0).sum()), 2)
    slopes, errors, noise = _fit(returns, vol_moves)
    down, up = (student_figure(*pair, n - 2, level, n) for pair in zip(slopes, errors, strict=True))
    kept = np.arange(n) != np.argmax(np.abs(returns))
    return SpotVol(down, up, scale_figure(noise, n - 2, level, n), _fit(returns[kept], vol_moves[kept])[0][0])


def _fit(returns: Floats, vol_moves: Floats) -> tuple[list[float], list[float], float]:
    """Slopes down and up, their errors, and the noise. The two regressors never act on one day: they do not mix."""
    sides = np.stack([np.minimum(returns, 0.0), np.maximum(returns, 0.0)])
    squares = [float(side @ side) for side in sides]
    slopes = [float(side @ vol_moves) / square for side, square in zip(sides, squares, strict=True)]
    left = vol_moves - slopes[0] * sides[0] - slopes[1] * sides[1]
    noise = math.sqrt(float(left @ left) / (len(returns) - 2))
    return slopes, [noise / math.sqrt(square) for square in squares], noise
