"""Correlation of two series with an error that knows their tails.

Fisher's variance 1/(n - 3) holds for normal returns alone; heavy tails can double it. Here the variance is that of the
correlation's influence on the same data, taken on Fisher's scale so that the interval stays within -1 and 1.
Reference: Fisher (1921); Serfling (1980), 3.4; Steiger and Hakstian (1982).
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, normal_figure, require_enough
from tasks.model.errors import Finding, ModelInputError

LEAST_DAYS = 60


def correlation_figure(first: Floats, second: Floats, level: float) -> Figure:
    """Correlation of two series of the same days, (n,) each, mean taken off.

    Raises ModelInputError NON_FINITE, SHAPE; CORRELATION where one does not move or both are one series;
    NO_OBSERVATIONS for fewer than 60 days.
    """
    n = len(require_finite("return", first))
    if len(require_finite("return", second)) != n:
        raise ModelInputError(Finding("SHAPE", "two series of the same days", value=f"{n}, {len(second)}"))
    require_enough("correlation", n, LEAST_DAYS)
    x, y = _standardised(first), _standardised(second)
    rho = float(x @ y) / n
    if abs(rho) >= 1.0 - 1e-12:
        raise ModelInputError(Finding("CORRELATION", "two series are one", value=f"{rho:g}", limit="between -1 and 1"))
    influence = x * y - 0.5 * rho * (x * x + y * y)
    error = math.sqrt(float(influence @ influence)) / n / (1.0 - rho * rho)
    return normal_figure(math.atanh(rho), error, level, n).mapped(math.tanh)


def _standardised(values: Floats) -> Floats:
    centred = values - values.mean()
    size = math.sqrt(float(centred @ centred) / len(centred))
    if size == 0.0:
        raise ModelInputError(Finding("CORRELATION", "a series does not move", value="0", limit="> 0"))
    return np.asarray(centred / size)
