"""Back-test of haircuts: on how many days an asset fell by more than the haircut that was taken off it.

The fall from a day's close to the lowest close of the holding period that follows is held against the haircut in force
on that day, set before it. Reference: CPMI-IOSCO (2015), item 5.3; METHODOLOGY 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class HaircutTest:
    """Counts of one asset. Days whose close, or all closes of the period after, are missing are not observed."""

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
    seen = excess[np.isfinite(excess)]
    over = seen[seen > 0.0]
    return HaircutTest(holding_days, len(seen), len(over), float(over.max()) if len(over) else 0.0)


def largest_falls(close: Floats, holding_days: int) -> Floats:
    """(n,) fall to the lowest close of the next days, fraction of the price, below 0 where all rose.

    NaN where the close or all of those are missing, and on the last days, whose period is not over.
    """
    n, last = len(close), max(len(close) - holding_days, 0)
    lowest = np.full(n, np.nan)
    for ahead in range(1, holding_days + 1):
        lowest[:last] = np.fmin(lowest[:last], close[ahead : ahead + last])
    return np.asarray(1.0 - lowest / close)
