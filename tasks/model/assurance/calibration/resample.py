"""Intervals by drawing the days again, in blocks, so that what follows from day to day stays together.

Blocks are of one length and wrap around the calendar, so that every day is drawn as often as any other. The interval
lies between the quantiles of what the draws give. It is no better than the sample: how often it holds the truth is
told in docs/calibration.md, not promised. Reference: Politis and Romano (1992).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.calibration.estimate import Figure
from tasks.model.risk.tail import value_at_risk


def block_days(n: int, block: int, rng: np.random.Generator) -> Ints:
    """(n,) positions of n days in blocks of consecutive ones, each begun anywhere, around the end."""
    starts = rng.integers(0, n, size=math.ceil(n / block))
    return np.asarray(((starts[:, None] + np.arange(block)) % n).ravel()[:n])


def bootstrap_figure(
    statistic: Callable[[Ints], float], n: int, block: int, runs: int, level: float, seed: int
) -> Figure:
    """Figure of a statistic of days, told by the positions it is taken over; (0, 1, ... n - 1) gives the value.

    Draws in which it does not exist (NaN) are left out. The same seed gives the same interval.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = np.array([statistic(block_days(n, block, rng)) for _ in range(runs)])
    return drawn_figure(statistic(np.arange(n)), drawn[np.isfinite(drawn)], level, n)


def drawn_figure(value: float, drawn: Floats, level: float, observations: int) -> Figure:
    """A value with the interval between the quantiles of what the draws, (runs,), gave for it."""
    tail = 0.5 * (1.0 - level)
    low, high = 0.0 - float(value_at_risk(0.0 - drawn, 1.0 - tail)), float(value_at_risk(drawn, 1.0 - tail))
    error = math.sqrt(float(np.mean((drawn - drawn.mean()) ** 2)))
    return Figure(value, error, low, high, level, "bootstrap", observations)
