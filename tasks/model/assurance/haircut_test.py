"""Back-test of haircuts: on how many days an asset fell by more than the haircut that was taken off it.

The fall from a day's close to the lowest close of the holding period that follows is held against the haircut in force
on that day, set before it. Of a period with a missing close it is known only that the price fell at least so far: that
exceeds the haircut, or it says nothing. Reference: CPMI-IOSCO (2015), item 5.3; METHODOLOGY 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Bools, Floats, require_finite
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class HaircutTest:
    """Counts of one asset. A day is observed if all closes of its period are known, or those that are exceed."""

    holding_days: int
    observations: int
    days_exceeding: int
    largest_excess: float  # fall less haircut on the worst day, fraction of the price; 0 where none exceeds

    @property
    def coverage(self) -> float:
        """Share of days on which the haircut was enough; NaN without a day."""
        return 1.0 - self.days_exceeding / self.observations if self.observations else float("nan")


def haircut_test(close: Floats, haircut: Floats, holding_days: int) -> HaircutTest:
    """close: (n,) USD by calendar day, NaN where missing; haircut: (n,) fraction in force; holding_days: >= 1.

    Raises ModelInputError SHAPE where lengths differ or the period is below a day, NON_FINITE for a haircut.
    """
    if close.shape != haircut.shape or holding_days < 1:
        raise ModelInputError(Finding("SHAPE", "a haircut for every close", value=f"{close.shape}, {haircut.shape}"))
    excess = largest_falls(close, holding_days) - require_finite("haircut", haircut)
    over = excess[excess > 0.0]
    observed = int(np.count_nonzero(whole_periods(close, holding_days) | (excess > 0.0)))
    return HaircutTest(holding_days, observed, len(over), float(over.max()) if len(over) else 0.0)


def largest_falls(close: Floats, holding_days: int) -> Floats:
    """(n,) fall to the lowest known close of the next days, fraction of the price, below 0 where all rose.

    It fell at least so far where one of those is missing. NaN where the close or all of those are missing, and on the
    last days, whose period is not over.
    """
    n, last = len(close), max(len(close) - holding_days, 0)
    lowest = np.full(n, np.nan)
    for ahead in range(1, holding_days + 1):
        lowest[:last] = np.fmin(lowest[:last], close[ahead : ahead + last])
    return np.asarray(1.0 - lowest / close)


def whole_periods(close: Floats, holding_days: int) -> Bools:
    """(n,) whether a day's close and those of all the next days are known; never on the last days."""
    last, missing = max(len(close) - holding_days, 0), np.append(0, np.cumsum(np.isnan(close)))
    whole = np.zeros(len(close), np.bool_)
    whole[:last] = missing[holding_days + 1 :] == missing[:last]
    return whole
