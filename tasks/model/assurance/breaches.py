"""Breaches of a margin, day by day, and what tests of coverage read off them.

A breach is a loss above the margin, strictly; loss and margin > 0. A missing figure is no day without a breach: it
raises. Reference: METHODOLOGY 0 and 9.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError


class Transitions(NamedTuple):
    """How often a day of one kind followed a day of another: n01 is a breach after none. n - 1 in all."""

    n00: Ints
    n01: Ints
    n10: Ints
    n11: Ints

    @property
    def clustered(self) -> Bools:
        """Whether a breach is more frequent after a breach than after none."""
        return np.asarray(self.n11 * (self.n00 + self.n01) > self.n01 * (self.n10 + self.n11))


def breaches_of(losses: Floats, margins: Floats) -> Bools:
    """Whether each loss was above its margin, (n,). Raises ModelInputError NON_FINITE, or SHAPE where they differ."""
    if losses.shape != margins.shape:
        raise ModelInputError(Finding("SHAPE", "a loss for every margin", value=f"{losses.shape}, {margins.shape}"))
    return np.asarray(require_finite("loss", losses) > require_finite("margin", margins))


def transitions_of(breaches: Bools) -> Transitions:
    """Of each path, (..., n) -> four counts of shape (...). Raises ModelInputError NO_OBSERVATIONS."""
    require_days(breaches.shape[-1], 1)
    before, after = breaches[..., :-1], breaches[..., 1:]
    return Transitions(*(np.asarray((b & a).sum(axis=-1)) for b in (~before, before) for a in (~after, after)))


def phases(breaches: Bools, horizon: int) -> tuple[Bools, ...]:
    """The series of windows that do not overlap in daily windows of `horizon` days: as many as the horizon has days.

    breaches: (n,) by start day. Every horizon-th day from the first, the second and so on.
    Raises ModelInputError NO_OBSERVATIONS where a phase would be empty.
    """
    require_days(len(breaches), horizon)
    return tuple(breaches[first::horizon] for first in range(horizon))


def require_days(n: int, least: int) -> int:
    """The number of days itself. Raises ModelInputError NO_OBSERVATIONS where a test needs more."""
    if n < max(least, 1):
        raise ModelInputError(
            Finding("NO_OBSERVATIONS", "too few days to judge coverage by", value=str(n), limit=f">= {max(least, 1)}")
        )
    return n


def require_count(breaches: int, n: int) -> int:
    """The number of breaches of n days itself. Raises ModelInputError NO_OBSERVATIONS, SHAPE where there are more."""
    if not 0 <= breaches <= require_days(n, 1):
        raise ModelInputError(
            Finding("SHAPE", "more breaches than days, or fewer than none", value=str(breaches), limit=f"0 to {n}")
        )
    return breaches
