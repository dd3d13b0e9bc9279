"""What a margin model costs: its mean, and its mean once every model covers the same.

A model can be cheap because it covers less. Scaled by one factor to exactly the coverage asked for, models are
compared by what they know about when losses are large. Margins are rates of notional. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.forecast_record import require_confidence, require_series
from tasks.model.errors import Finding, ModelInputError

_WHOLE = 9  # decimals that decide whether n c is whole


def relative_cost(margin: Floats, base: Floats) -> float:
    """Mean margin over the mean of a base, less 1. margin, base: (n,), > 0 on average. Raises SHAPE, NON_FINITE."""
    require_series("margin", margin, len(margin))
    return float(margin.mean() / require_series("base margin", base, len(margin)).mean()) - 1.0


def matching_factor(losses: Floats, margin: Floats, coverage: float) -> float:
    """Smallest factor on margins, (n,) > 0, with which at least a share `coverage` of losses, (n,), is covered; >= 0.

    It is the ceil(n c)-th smallest ratio of loss to margin, to which that loss is covered exactly.
    Raises ModelInputError SHAPE, NON_FINITE, CONFIDENCE; FORECAST where a margin is not above 0.
    """
    n = len(margin)
    require_series("loss", losses, n)
    if require_series("margin", margin, n).min() <= 0.0:
        raise ModelInputError(Finding("FORECAST", "a margin is not above 0", value=str(margin.min())))
    rank = math.ceil(round(n * require_confidence(coverage), _WHOLE))
    return max(0.0, float(np.partition(losses / margin, rank - 1)[rank - 1]))


def coverage_matched_cost(losses: Floats, margin: Floats, coverage: float) -> float:
    """Mean margin of one portfolio once it covers exactly the share asked for. Raises as `matching_factor`."""
    return matching_factor(losses, margin, coverage) * float(margin.mean())
