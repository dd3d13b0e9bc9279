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
from tasks.model.errors import Finding, ModelInputError

LEAST_STRESSED = 30
REGULATORY_LIMIT = 0.80


def saving(correlation: float) -> float:
    """Fraction of the risk of both that a hedged pair saves, 0 to 1."""
    return 1.0 - math.sqrt(0.5 * (1.0 - correlation))


def offset_figure(
    first: Floats, second: Floats, stressed: Bools, block: int, runs: int, level: float, seed: int
) -> Figure:
    """Saving on stressed days over saving on all, of two series of the same days, (n,) each, with the days' flags.

    Returns are standardised by the caller, or loud days count more than quiet ones. Raises NO_OBSERVATIONS, also where
    a series does not move on one of the two kinds of days, or a hedge saves nothing on all of them.
    """
    require_enough("offset, stressed days", int(stressed.sum()), LEAST_STRESSED)
    pair = np.stack([first, second])

    def share(days: Ints) -> float:
        drawn, flags = pair[:, days], stressed[days]
        if flags.sum() < LEAST_STRESSED:
            return math.nan
        everyday = saving(_correlation(drawn))
        return saving(_correlation(drawn[:, flags])) / everyday if everyday > 0.0 else math.nan

    if math.isnan(share(np.arange(len(first)))):
        raise ModelInputError(
            Finding(
                "NO_OBSERVATIONS",
                "an offset needs two series that move, and not always against each other",
                where="offset",
                action="leave the parameter as it is, or deliver closes that change",
            )
        )
    return bootstrap_figure(share, len(first), block, runs, level, seed)


def _correlation(pair: Floats) -> float:
    """NaN where one of them does not move."""
    x, y = pair - pair.mean(axis=1, keepdims=True)
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / scale if scale > 0.0 else math.nan
