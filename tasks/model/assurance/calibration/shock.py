"""A shock as a quantile of a scale: where days are too few to see the quantile itself.

    shock = z_c s sqrt(days),   s^2 = mean of squared daily moves

A normal law is assumed, and said so: the tail of volatility is heavier, so the interval is of this shock and not of a
future move. Reference: Stuart and Ord, chi-square interval of a variance.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough, scale_figure
from tasks.model.assurance.forecast_record import require_confidence

LEAST_MOVES = 20


def normal_shock(moves: Floats, days: int, confidence: float, level: float) -> Figure:
    """Move over `days` that is exceeded with 1 - confidence, in the unit of the daily moves, (n,), whose mean is zero.

    Raises ModelInputError NON_FINITE, CONFIDENCE; NO_OBSERVATIONS for fewer than 20 moves.
    """
    require_confidence(confidence)
    n = len(require_finite("move", moves))
    require_enough("shock", n, LEAST_MOVES)
    scale = scale_figure(math.sqrt(float(np.mean(moves * moves))), n, level, n)
    reach = float(stats.norm.ppf(confidence)) * math.sqrt(days)
    return scale.mapped(lambda s: reach * s)
