"""What guard rails make of a jump: the multiplier of margin in force by day where each change is a step with notice.

Each day without a change under way the house compares what it wants with what is in force. A difference that is worth
a change is announced, at most one step of it, and acts after the notice for its size; a decrease takes the short one.
Nothing later than the day is known when a step is announced. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.governance import Rails, notice_for
from tasks.model.errors import Finding, ModelInputError


class Cost(NamedTuple):
    """Of one side over some days."""

    observations: int
    breaches: int
    uncovered: float  # fraction of notional, sum of losses beyond margin
    mean_rate: float  # fraction of notional


def guarded(wanted: Floats, rails: Rails, smallest_change: float) -> Floats:
    """(n,) multiplier in force on each day, 1 before the first change.

    wanted: (n,) > 0, of the margin as it stands, known at the close of the day; NaN where it cannot be told: nothing is
    announced then. smallest_change: fraction of what is in force, a smaller difference is left alone.
    Raises ModelInputError FORECAST where one is not above 0.
    """
    if (wanted <= 0.0).any():
        raise ModelInputError(Finding("FORECAST", "a wanted multiplier is not above 0", limit="> 0"))
    in_force, announced, effective = 1.0, 1.0, -1
    found = np.empty(len(wanted))
    for day, each in enumerate(wanted.tolist()):
        if day == effective:
            in_force = announced
        if day >= effective and not math.isnan(each):
            announced, notice = _step(in_force, each, rails, smallest_change)
            effective = day + notice if notice else -1
        found[day] = in_force
    return found


def cost(rate: Floats, loss: Floats, within: Bools) -> Cost:
    """What a margin rate let through. rate, loss: (n,) of one side, as of a RatePath; within: (n,) days that count.

    Days without a rate or a loss take no part. The mean rate is NaN where none is left.
    """
    judged = within & np.isfinite(rate) & np.isfinite(loss)
    beyond = np.maximum(loss[judged] - rate[judged], 0.0)
    mean = float(np.mean(rate[judged])) if judged.any() else float("nan")
    return Cost(int(judged.sum()), int((beyond > 0.0).sum()), float(beyond.sum()), mean)


def _step(in_force: float, wanted: float, rails: Rails, smallest_change: float) -> tuple[float, int]:
    """What is announced and its notice; (in_force, 0) where nothing is."""
    change = wanted / in_force - 1.0
    if abs(change) < smallest_change:
        return in_force, 0
    taken = min(change, rails.largest_step_fraction)
    return in_force * (1.0 + taken), notice_for(taken, rails)
