"""Figures of the quantitative disclosure that come out of back-tests and stress tests.

Amounts are in the unit handed in, USD as a rule. Nothing here decides what is stressed or who is a participant.
Reference: CPMI-IOSCO (2015), Public quantitative disclosure standards, items 4.4 and 6.5; ISO 20022 auth.066.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError


@dataclass(frozen=True)
class MarginCoverage:
    """Item 6.5: how often margin fell short of exposure, over accounts and days."""

    breaches: int  # 6.5.1.1
    observations: int  # 6.5.2: accounts times days on which they held something
    peak_uncovered: float  # 6.5.4, 0 without a breach
    average_uncovered: float  # 6.5.5, over the breaches, 0 without one
    largest: int | None  # position of the peak in what was handed in, the first of equals; None without a breach

    @property
    def coverage(self) -> float:
        """6.5.3; NaN without an observation."""
        return 1.0 - self.breaches / self.observations if self.observations else float("nan")


@dataclass(frozen=True)
class LargestExposure:
    """Items 4.4.3 to 4.4.10: loss over margin of the participants that would lose most, by day."""

    participants: int  # whose defaults are counted together: 1 or 2
    peak: float
    mean: float  # over days
    days_above_resources: int
    largest_above_resources: float  # 0 where resources always sufficed


def margin_coverage(margin: Floats, loss: Floats) -> MarginCoverage:
    """margin, loss: (k,) of each account and day, loss > 0. Raises ModelInputError SHAPE, NON_FINITE."""
    if margin.shape != loss.shape or margin.ndim != 1:
        raise ModelInputError(Finding("SHAPE", "a loss for every margin", value=f"{margin.shape}, {loss.shape}"))
    uncovered = require_finite("loss", loss) - require_finite("margin", margin)
    over = uncovered > 0.0
    if not over.any():
        return MarginCoverage(0, len(loss), 0.0, 0.0, None)
    size = uncovered[over]
    return MarginCoverage(len(size), len(loss), float(size.max()), float(size.mean()), int(np.argmax(uncovered)))


def largest_exposure(over_margin: Floats, resources: Floats, participants: int) -> LargestExposure:
    """over_margin: (days, m) loss less margin of each participant, below 0 where margin suffices; resources: (days,).

    A loss below margin counts as 0: what one participant has too much covers nobody else. Of stressed losses these are
    items 4.4.3 to 4.4.5 and 4.4.7 to 4.4.9, of actual ones 4.4.6 and 4.4.10.
    Raises ModelInputError NON_FINITE; SHAPE where days differ, there is none, or there are no such participants.
    """
    if over_margin.ndim != 2 or resources.shape != over_margin.shape[:1] or not resources.size or participants < 1:
        raise ModelInputError(Finding("SHAPE", "exposures by day and participant", value=str(over_margin.shape)))
    uncovered = np.sort(np.maximum(require_finite("exposure", over_margin), 0.0), axis=1)
    together = uncovered[:, -participants:].sum(axis=1)
    above = np.maximum(together - require_finite("resources", resources), 0.0)
    return LargestExposure(
        participants, float(together.max()), float(together.mean()), int((above > 0.0).sum()), float(above.max())
    )
