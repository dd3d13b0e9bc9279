"""Scores of forecasts: lower is better, and on average the right forecast has the lowest.

A score ranks models where tests only accept or reject: champion and challengers on the same days. Per day, so that two
models can be compared by `diebold_mariano`. Reference: Koenker and Bassett (1978); Fissler and Ziegel (2016);
Patton, Ziegel and Chen (2019).
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import ForecastRecord, require_confidence, require_series
from tasks.model.errors import Finding, ModelInputError


def quantile_loss(losses: Floats, value_at_risk: Floats, confidence: float) -> Floats:
    """(n,) a (VaR - L) below the VaR, c (L - VaR) beyond it, a = 1 - c; >= 0, unit of the losses.

    losses, value_at_risk: (n,). Raises ModelInputError SHAPE, NON_FINITE, CONFIDENCE.
    """
    require_confidence(confidence)
    n = len(losses)
    over = require_series("loss", losses, n) - require_series("VaR", value_at_risk, n)
    return np.where(over > 0.0, confidence * over, (confidence - 1.0) * over)


def shortfall_loss(forecast: ForecastRecord) -> Floats:
    """(n,) FZ0: 1{L > VaR} (L - VaR) / (a ES) + VaR / ES + ln ES - 1. Losses in another unit add a constant.

    So that differences between models do not depend on the unit: needed where the size of losses changes over years.
    Raises ModelInputError FORECAST where a VaR is not above 0: the score orders no forecasts there.
    """
    if forecast.value_at_risk.min() <= 0.0:
        raise ModelInputError(
            Finding("FORECAST", "this score needs a VaR above 0", value=str(forecast.value_at_risk.min()))
        )
    shortfall = forecast.expected_shortfall
    beyond = np.maximum(forecast.losses - forecast.value_at_risk, 0.0)
    return np.asarray((beyond / forecast.tail + forecast.value_at_risk) / shortfall + np.log(shortfall) - 1.0)
