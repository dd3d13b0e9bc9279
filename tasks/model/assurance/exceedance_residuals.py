"""McNeil and Frey's residuals: by how much losses beyond their VaR miss the shortfall that was forecast.

Residuals are L - ES on the days of a breach, over a scale of the day where one is given; where the forecast is right
their mean is 0, where the shortfall is too low above 0. Their t statistic is bootstrapped, because a dozen residuals of
a skewed tail are far from normal: residuals are drawn as they are, and the statistics drawn are centred by their own
mean (drawing residuals that were centred first gives slightly lower p-values). The number of breaches is left to
others. Reference: McNeil and Frey (2000); Efron and Tibshirani (1993).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import ForecastRecord, require_series

_AT_ONCE = 4_000_000  # residuals drawn at once


@dataclass(frozen=True)
class ResidualTest:
    """A t statistic of the residuals, NaN with p-values of 1 where there are fewer than two or all are equal."""

    statistic: float  # > 0: losses beyond VaR are larger than the shortfall forecast
    p_value: float  # one-sided: a right forecast gives as large a statistic as this
    p_value_two_sided: float
    breaches: int
    mean_residual: float  # unit of the losses, or of the scale where one is given; NaN without a breach


def residuals(forecast: ForecastRecord, scale: Floats | None = None) -> Floats:
    """(k,) of the k breaches in order. scale: (n,) > 0. Raises ModelInputError SHAPE, NON_FINITE."""
    over = (forecast.losses - forecast.expected_shortfall)[forecast.breaches]
    if scale is None:
        return over
    return np.asarray(over / require_series("scale", scale, forecast.days)[forecast.breaches])


def residual_test(
    forecast: ForecastRecord, runs: int, rng: np.random.Generator, scale: Floats | None = None
) -> ResidualTest:
    """Are breaches worse than forecast? runs: of the bootstrap. Raises as `residuals`."""
    found = residuals(forecast, scale)
    k = len(found)
    mean = float(found.mean()) if k else math.nan
    if k < 2 or np.ptp(found) == 0.0:
        return ResidualTest(math.nan, 1.0, 1.0, k, mean)
    statistic = float(_t(found[None, :])[0])
    drawn = _bootstrap(found, runs, rng)
    larger = (1.0 + float((drawn >= statistic).sum())) / (1.0 + len(drawn))
    further = (1.0 + float((np.abs(drawn) >= abs(statistic)).sum())) / (1.0 + len(drawn))
    return ResidualTest(statistic, larger, further, k, mean)


def _bootstrap(found: Floats, runs: int, rng: np.random.Generator) -> Floats:
    """Statistics of samples with repetition, centred; samples of equal residuals have none and are left out."""
    k = len(found)
    step = max(1, _AT_ONCE // k)
    sizes = [min(step, runs - start) for start in range(0, runs, step)]
    drawn = np.concatenate([_t(found[rng.integers(0, k, (size, k))]) for size in sizes])
    drawn = drawn[np.isfinite(drawn)]
    return np.asarray(drawn - drawn.mean())


def _t(samples: Floats) -> Floats:
    """(runs, k) -> (runs,), NaN where all of a sample are equal."""
    spread = samples.std(axis=1, ddof=1)
    # A sample of one residual repeated leaves rounding behind as its spread.
    spread = np.where(np.ptp(samples, axis=1) > 0.0, spread, np.nan)
    return np.asarray(samples.mean(axis=1) / spread * math.sqrt(samples.shape[1]))
