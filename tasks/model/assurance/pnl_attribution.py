"""Whether the P&L that the margin is computed from is the one that comes: an approximation against full revaluation.

Reference: Basel Committee, MAR32 (P&L attribution).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.traffic_light import Zone
from tasks.model.errors import Finding, ModelInputError

GREEN_CORRELATION, RED_CORRELATION = 0.80, 0.70
GREEN_DISTANCE, RED_DISTANCE = 0.09, 0.12


class Attribution(NamedTuple):
    """How alike two series of P&L are."""

    spearman: float  # rank correlation day by day, -1 to 1; NaN where one series never moves
    distance: float  # Kolmogorov-Smirnov, largest difference of the two distributions, 0 to 1
    zone: Zone


def attribution(modelled: Floats, revalued: Floats) -> Attribution:
    """Of P&L of n days, (n,) each, gain > 0, in one unit.

    A series that never moves explains nothing: it is red. Raises ModelInputError NON_FINITE, NO_OBSERVATIONS, or SHAPE
    where they differ in length.
    """
    if modelled.shape != revalued.shape or modelled.ndim != 1:
        raise ModelInputError(
            Finding("SHAPE", "a revaluation for every day", value=f"{modelled.shape}, {revalued.shape}")
        )
    if len(modelled) < 2:
        raise ModelInputError(Finding("NO_OBSERVATIONS", "ranks of fewer than two days", value=str(len(modelled))))
    ours, theirs = stats.rankdata(require_finite("P&L", modelled)), stats.rankdata(require_finite("P&L", revalued))
    still = np.ptp(ours) == 0.0 or np.ptp(theirs) == 0.0
    spearman = np.nan if still else float(np.corrcoef(ours, theirs)[0, 1])
    distance = _distance(modelled, revalued)
    return Attribution(spearman, distance, attribution_zone(spearman, distance))


def attribution_zone(spearman: float, distance: float) -> Zone:
    """Green where both are good, red where one is bad or missing, amber between."""
    if spearman > GREEN_CORRELATION and distance < GREEN_DISTANCE:
        return "green"
    return "amber" if spearman >= RED_CORRELATION and distance <= RED_DISTANCE else "red"


def _distance(modelled: Floats, revalued: Floats) -> float:
    at = np.concatenate([modelled, revalued])
    shares = [np.searchsorted(np.sort(each), at, side="right") / len(each) for each in (modelled, revalued)]
    return float(np.abs(shares[0] - shares[1]).max())
