"""Breaches drawn from a forecast distribution: what n days would bring again and again if the forecast were right.

Days are independent given their forecasts. Breaches are few, so only they are drawn: in the table of runs by days the
gaps between candidates are geometric, and a candidate is kept if its loss exceeds its day's VaR. This is the law of
drawing every loss, at a fortieth of the work for a tail of 2.5 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.forecast_law import ForecastLaw

_SPARE = 6.0  # standard deviations of the number of candidates that are drawn at once


@dataclass(frozen=True)
class Breaches:
    """Every breach of `runs` simulated back-tests, run by run and day by day."""

    runs: int
    run: Ints  # (k,) ascending
    day: Ints  # (k,) ascending within a run
    loss: Floats  # (k,) above the VaR of the day

    def count(self) -> Ints:
        """(runs,) breaches of each."""
        return np.bincount(self.run, minlength=self.runs)

    def total(self, values: Floats) -> Floats:
        """(k,) of each breach -> (runs,) sums."""
        return np.asarray(np.bincount(self.run, weights=values, minlength=self.runs), dtype=np.float64)


def draw_breaches(
    law: ForecastLaw, threshold: Floats, runs: int, rng: np.random.Generator, loss_factor: float = 1.0
) -> Breaches:
    """Losses above the threshold, (n,), in `runs` runs of the law's n days, all losses times a factor > 0."""
    share = min(float(law.breach_probability(threshold / loss_factor).max()), 1.0)
    if share <= 0.0:
        return Breaches(runs, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    run, day = np.divmod(drawn_places(runs * law.days, share, rng), law.days)
    # 1 - a uniform is in (0, 1]: no loss at probability 0, which would be infinite.
    loss = loss_factor * law.loss(day, share * (1.0 - rng.random(len(day))))
    kept = loss > threshold[day]
    return Breaches(runs, run[kept], day[kept], loss[kept])


def drawn_places(size: int, share: float, rng: np.random.Generator) -> Ints:
    """Positions below `size`, ascending, each taken with the probability `share` whatever happens to the others."""
    batch = int(size * share + _SPARE * (size * share) ** 0.5) + 1
    found = rng.geometric(share, batch).cumsum()
    while found[-1] <= size:
        found = np.concatenate([found, found[-1] + rng.geometric(share, batch).cumsum()])
    return np.asarray(found[found <= size] - 1, dtype=np.int64)
