"""What order books say of the cost of closing out: half spread, and the price given way by a size.

    cost(Q) = half spread + Y sigma sqrt(Q / ADV)

A size is walked into the book level by level; what it costs beyond the half spread, as a fraction of the middle, is
set against the square-root law of METHODOLOGY 5, line 3. A size the book cannot hold is not extrapolated: it is left
out and makes the evidence thinner, never cheaper. Reference: METHODOLOGY 5, line 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough, student_figure
from tasks.model.errors import Finding, ModelInputError

LEAST_COSTS = 6


@dataclass(frozen=True)
class Ladder:
    """One side of a book, best price first. Raises ModelInputError SHAPE where prices do not move away."""

    price: Floats  # (n,) quote, > 0
    size_usd: Floats  # (n,) > 0

    def __post_init__(self) -> None:
        steps = np.diff(self.price)
        if not len(self.price) or not (bool((steps > 0.0).all()) or bool((steps < 0.0).all()) or len(steps) == 0):
            raise ModelInputError(Finding("SHAPE", "levels of a book are not in order", value=str(len(self.price))))


def walked_cost(side: Ladder, middle: float, size_usd: float) -> float:
    """Fraction of the middle given way on average by a size, >= 0; NaN where the side does not hold it."""
    ends = np.cumsum(side.size_usd)
    if size_usd > ends[-1]:
        return math.nan
    taken = np.minimum(side.size_usd, np.maximum(size_usd - (ends - side.size_usd), 0.0))
    return float(taken @ np.abs(side.price - middle)) / (size_usd * middle)


def impact_figure(excess: Floats, law: Floats, level: float) -> Figure:
    """Factor Y of the square-root law, by least squares through the origin over walked sizes of several books.

    excess: (n,) walked cost less the half spread of its book, fraction; law: (n,) sigma sqrt(Q / ADV) of the same
    sizes, fraction. The interval is exact where errors are normal and sizes differ by chance alone.
    Raises ModelInputError NON_FINITE; NO_OBSERVATIONS for fewer than six costs.
    """
    n = len(require_finite("cost", excess))
    require_enough("impact", n, LEAST_COSTS)
    square = float(require_finite("size", law) @ law)
    factor = float(law @ excess) / square
    left = excess - factor * law
    error = math.sqrt(float(left @ left) / (n - 1) / square)
    return student_figure(factor, error, n - 1, level, n)
