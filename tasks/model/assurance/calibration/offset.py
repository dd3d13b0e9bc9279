"""How much of what a hedge saves on all days was left of it on stressed ones.

A pair of equal and opposite positions whose returns have the correlation rho risks sqrt(2 (1 - rho)) / 2 of what both
would alone, so that it saves 1 - sqrt((1 - rho) / 2). The offset limit asked for is the saving on stressed days over
the saving on all of them: what the policy may grant without leaning on a correlation that breaks.
Reference: METHODOLOGY 5, line 1; RTS 153/2013 art. 27, which caps it at 0.80 whatever the data say.
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Bools, Floats, Ints
from tasks.model.assurance.calibration.estimate import Figure, require_enough
from tasks.model.assurance.calibration.resample import bootstrap_figure

LEAST_STRESSED = 30
REGULATORY_LIMIT = 0.80


def saving(correlation: float) -> float:
    """Fraction of the risk of both that a hedged pair saves, 0 to 1."""
    return 1.0 - math.sqrt(0.5 * (1.0 - correlation))


def offset_figure(
    first: Floats, second: Floats, stressed: Bools, block: int, runs: int, level: float, seed: int
) -> Figure:
    """Saving on stressed days over saving on all, of two series of the same days, (n,) each, with the days' flags.

    Returns are standardised by the caller, or loud days count more than quiet ones. Raises NO_OBSERVATIONS.
    """
    require_enough("offset, stressed days", int(stressed.sum()), LEAST_STRESSED)
    pair = np.stack([first, second])

    def share(days: Ints) -> float:
        drawn, flags = pair[:, days], stressed[days]
        if flags.sum() < LEAST_STRESSED:
            return math.nan
        return saving(_correlation(drawn[:, flags])) / saving(_correlation(drawn))

    return bootstrap_figure(share, len(first), block, runs, level, seed)


def _correlation(pair: Floats) -> float:
    x, y = pair - pair.mean(axis=1, keepdims=True)
    return float(x @ y) / math.sqrt(float(x @ x) * float(y @ y))
