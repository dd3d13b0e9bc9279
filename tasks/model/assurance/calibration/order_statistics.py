"""Quantile of a law nobody knows, with an interval that holds for every continuous one.

The number of observations below the quantile is binomial, so the interval between two of them has an exactly known
probability, provided that observations are independent: moves must not overlap. Reference: Conover (1999), 3.2.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough
from tasks.model.assurance.forecast_record import require_confidence
from tasks.model.risk.tail import value_at_risk


def quantile_figure(losses: Floats, confidence: float, level: float) -> Figure:
    """Quantile of independent losses, (n,), by the house convention, between the two order statistics around it.

    Each side is missed with at most half of 1 - level. Raises ModelInputError NON_FINITE, CONFIDENCE; NO_OBSERVATIONS
    where no observation is sure enough to lie beyond the quantile.
    """
    require_confidence(confidence)
    n = len(require_finite("loss", losses))
    require_enough(f"quantile {confidence:g}", n, observations_needed(confidence, level))
    below = stats.binom(n, confidence)
    tail = 0.5 * (1.0 - level)
    lower = int(below.ppf(tail))
    upper = int(below.isf(tail)) + 1
    ordered = np.sort(losses)
    holds = float(below.cdf(upper - 1) - below.cdf(lower - 1))
    value = float(value_at_risk(losses, confidence))
    return Figure(value, math.nan, float(ordered[lower - 1]), float(ordered[upper - 1]), holds, "exact", n)


def upper_bound(losses: Floats, independent: int, confidence: float) -> Figure:
    """The largest loss of all, (n,), as a bound of their quantile; at least `independent` of them share no day.

    What only history's worst day can tell: for an asset that hardly moves until it does. The interval is that one
    loss: to ask for less is to have forgotten it. It bounds the quantile with at least 1 - confidence^independent.
    Raises ModelInputError NON_FINITE, CONFIDENCE, NO_OBSERVATIONS.
    """
    require_confidence(confidence)
    require_enough("largest loss", min(len(require_finite("loss", losses)), independent), 1)
    largest = float(losses.max())
    return Figure(largest, math.nan, largest, largest, 1.0 - confidence**independent, "exact", independent)


def observations_needed(confidence: float, level: float) -> int:
    """Fewest independent observations of which the largest lies beyond the quantile surely enough, on either side."""
    tail = 0.5 * (1.0 - level)
    return math.ceil(math.log(tail) / math.log(max(confidence, 1.0 - confidence)))
