"""A statistic among those of runs in which the forecast is right; low values speak against it.

The p-value is (1 + runs not above the statistic) / (1 + runs): it rejects a right forecast no more often than its
level, whatever the number of runs. Reference: Davison and Hinkley (1997).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.assurance.verdict import drawn_p

_WHOLE = 9  # decimals that decide whether level (runs + 1) is whole


@dataclass(frozen=True)
class SimulatedTest:
    """What came out, and how it came out among the runs."""

    statistic: float  # NaN where it does not exist, as a mean over breaches without a breach
    p_value: float  # 1 where the statistic does not exist: nothing speaks against the forecast
    breaches: int  # of the days that are judged
    runs: int  # in which the statistic exists


def among(statistic: float, under: Floats, breaches: int) -> SimulatedTest:
    """The test of a statistic; `under`: those of runs under the forecast, ascending."""
    p = 1.0 if math.isnan(statistic) else p_value(statistic, under)
    return SimulatedTest(statistic, p, breaches, len(under))


def p_value(statistic: float, under: Floats) -> float:
    """Share of the runs, and of the statistic itself, not above the statistic; `under` ascending."""
    return float(drawn_p(np.array([-statistic]), -under)[0])


def critical(under: Floats, level: float) -> float:
    """Largest statistic of the runs, ascending, whose p-value is at most the level; -inf if none has one."""
    rank = math.floor(round(level * (len(under) + 1), _WHOLE)) - 2
    if rank < 0:
        return -math.inf
    # A statistic that runs share is rejected in all of them or in none.
    if p_value(float(under[rank]), under) > level:
        rank = int(np.searchsorted(under, under[rank], side="left")) - 1
    return float(under[rank]) if rank >= 0 else -math.inf
