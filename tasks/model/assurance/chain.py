"""Breaches as a chain of two states: what a back-test assumes of them, and against which alternative it has power."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tasks.model.arrays import Bools
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class Chain:
    """Breaches that come with one probability every day, and more or less often after a breach.

    persistence is the correlation of a day with the next: P(breach | breach) = q + persistence (1 - q) and
    P(breach | none) = q (1 - persistence), so that q stays the probability of any day. 0 is independence.
    Raises ModelInputError CONFIDENCE where one of the three is no probability. Reference: Christoffersen (1998).
    """

    name: str
    probability: float  # of a breach on any day, in (0, 1)
    persistence: float = 0.0  # in (-1, 1)

    def __post_init__(self) -> None:
        require_probability(self.probability)
        if not (abs(self.persistence) < 1.0 and self.after_breach >= 0.0 and self.after_none <= 1.0):
            raise ModelInputError(
                Finding("CONFIDENCE", "no chain of breaches has this persistence", value=str(self.persistence))
            )

    @property
    def after_none(self) -> float:
        """Probability of a breach on the day after none."""
        return self.probability * (1.0 - self.persistence)

    @property
    def after_breach(self) -> float:
        """Probability of a breach on the day after a breach."""
        return self.probability + self.persistence * (1.0 - self.probability)

    def draw(self, paths: int, n: int, rng: np.random.Generator) -> Bools:
        """Breaches of n days on a number of paths, (paths, n)."""
        if not self.persistence:
            return np.asarray(rng.random((paths, n)) < self.probability)
        # Day by day, all paths of a day beside each other.
        uniform = rng.random((n, paths))
        breaches = np.empty((n, paths), dtype=np.bool_)
        breaches[0] = uniform[0] < self.probability
        for day in range(1, n):
            breaches[day] = uniform[day] < np.where(breaches[day - 1], self.after_breach, self.after_none)
        return np.ascontiguousarray(breaches.T)


def undermargined(probability: float, share: float, degrees: float = math.inf, persistence: float = 0.0) -> Chain:
    """The chain of a margin that is only a share of what gives breaches their probability, as 0.8 of it.

    degrees: of the Student t of the losses, infinite for normal ones. Raises ModelInputError CONFIDENCE.
    """
    require_probability(probability)
    law = stats.norm() if math.isinf(degrees) else stats.t(degrees)
    losses = "normal losses" if math.isinf(degrees) else f"Student t {degrees:g} losses"
    often = float(law.sf(share * law.isf(probability)))
    then = f", persistence {persistence:g}" if persistence else ""
    return Chain(f"{share:.0%} of the margin, {losses}{then}", often, persistence)


def require_probability(probability: float) -> float:
    """The probability of a breach itself. Raises ModelInputError CONFIDENCE where it is not within 0 and 1."""
    if not 0.0 < probability < 1.0:
        raise ModelInputError(
            Finding("CONFIDENCE", "no probability of a breach", value=str(probability), limit="0 to 1, both excluded")
        )
    return probability
